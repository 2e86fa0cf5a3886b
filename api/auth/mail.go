package auth

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/api/store"
)

// notice is a mail about the security of an account. It is short, plain and holds no link: one in a mail of this kind
// teaches people to follow the links of forged ones.
type notice struct {
	kind, subject string
	lines         []string
}

const ifNotYou = "If this was not you, change your password at once and end all sessions."

func when(at time.Time) string { return at.UTC().Format("2 January 2006 15:04") + " UTC" }

func newDeviceMail(agent string, address netip.Addr, at time.Time) notice {
	from := "an unknown address"
	if address.IsValid() {
		from = address.Unmap().WithZone("").String()
	}
	return notice{"new_device", "New sign-in to your account", []string{
		"Somebody signed in to your account from a device that was not used before: " + Device(agent) + ", from " + from + ", on " + when(at) + ".",
		"If this was you, there is nothing to do. " + ifNotYou}}
}

func reuseMail(at time.Time) notice {
	return notice{"session_ended", "A session of your account was ended", []string{
		"On " + when(at) + " a session of your account was ended: a credential of it was used twice, which happens when it was copied.",
		"Sign in again to go on. If you suspect that somebody has access to one of your devices, change your password."}}
}

func factorMail(added bool, at time.Time) notice {
	if added {
		return notice{"mfa_enabled", "Two-step sign-in is on", []string{
			"On " + when(at) + " two-step sign-in was turned on for your account. From now on, signing in takes a code of your authenticator program.",
			"Keep the recovery codes in a safe place. " + ifNotYou}}
	}
	return notice{"mfa_disabled", "Two-step sign-in is off", []string{
		"On " + when(at) + " two-step sign-in was turned off for your account. The password alone suffices to sign in.", ifNotYou}}
}

func recoveryMail(left int, at time.Time) notice {
	return notice{"recovery_code_used", "A recovery code was used", []string{
		fmt.Sprintf("On %s a recovery code was used for your account. %d are left; you can make new ones.", when(at), left), ifNotYou}}
}

func newCodesMail(at time.Time) notice {
	return notice{"recovery_codes_replaced", "New recovery codes", []string{
		"On " + when(at) + " new recovery codes were made for your account. The old ones are void.", ifNotYou}}
}

func guessingMail(at time.Time) notice {
	return notice{"mfa_failing", "Wrong codes for your account", []string{
		fmt.Sprintf("On %s a wrong code was given for your account for the %dth time in a row. Whoever it was knows your password or uses one of your devices.", when(at), freeFailures),
		"If this was not you, change your password at once."}}
}

func keyMail(scopes []string, at time.Time) notice {
	return notice{"api_key_created", "An API key was made", []string{
		"On " + when(at) + " an API key was made with your account. It may: " + strings.Join(scopes, ", ") + ".",
		"If this was not you, delete it, change your password at once and end all sessions."}}
}

// mail queues a notice to the holder of account.
func (s *Service) mail(ctx context.Context, tx *store.UserTx, account store.Account, n notice) error {
	body := strings.Join(n.lines, "\n\n") + "\n\n" + s.product + "\n"
	return tx.QueueMail(ctx, store.Mail{UserID: &account.ID, Recipient: account.Email, Kind: n.kind, Subject: n.subject, Body: body})
}

// mailUser queues a notice to the transaction's user.
func (s *Service) mailUser(ctx context.Context, tx *store.UserTx, n notice) error {
	account, err := tx.Account(ctx)
	if err != nil {
		return err
	}
	return s.mail(ctx, tx, account, n)
}
