package message

import (
	"strconv"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/api/store"
)

// The kinds of mail about the security of accounts.
const (
	KindNewDevice        = "new_device"
	KindMFAOn            = "mfa_enabled"
	KindMFAOff           = "mfa_disabled"
	KindRecoveryCodes    = "recovery_codes_replaced"
	KindRecoveryCodeUsed = "recovery_code_used"
	KindMFAFailing       = "mfa_failing"
	KindAPIKeyCreated    = "api_key_created"
	KindSessionsEnded    = "sessions_ended"
)

// NewDevice tells that somebody signed in from where the account was not signed in from before.
func (s Site) NewDevice(to store.User, o Occasion) store.Mail {
	return letter{to, KindNewDevice, "New sign-in to your account", append([]string{
		"Somebody signed in to your SignalCraft account from a device or an address that we have not seen before.", o.facts(),
		"If it was you, there is nothing to do."}, s.notYou()...)}.mail()
}

// MFAChange is what happened to the second factor of an account.
type MFAChange int

// What can happen to a second factor.
const (
	MFAOn MFAChange = iota
	MFAOff
	RecoveryCodesReplaced
)

// MFAChanged tells what happened to the second factor of an account.
func (s Site) MFAChanged(to store.User, change MFAChange, o Occasion) store.Mail {
	kind, subject, text := KindMFAOn, "Two-step sign-in is on", "From now on, signing in to your SignalCraft account takes a code from your app beside your password. "+
		"Keep the recovery codes in a safe place."
	switch change {
	case MFAOff:
		kind, subject, text = KindMFAOff, "Two-step sign-in is off", "From now on, your password alone suffices to sign in to your SignalCraft account. Its recovery codes are void."
	case RecoveryCodesReplaced:
		kind, subject, text = KindRecoveryCodes, "You have new recovery codes", "Your SignalCraft account has new recovery codes. The old ones are void."
	}
	return letter{to, kind, subject, append([]string{text, o.facts()}, s.notYou()...)}.mail()
}

// MFAFailing tells that a wrong code of the second factor was given so many times in a row.
func (s Site) MFAFailing(to store.User, failures int, o Occasion) store.Mail {
	return letter{to, KindMFAFailing, "Wrong codes for your account", append([]string{
		"A wrong code was given for your SignalCraft account " + strconv.Itoa(failures) + " times in a row. Whoever it was knows your password or uses one of your devices.",
		o.facts()}, s.notYou()...)}.mail()
}

// RecoveryCodeUsed tells that a recovery code stood in for the second factor, and how many are left.
func (s Site) RecoveryCodeUsed(to store.User, left int, o Occasion) store.Mail {
	rest := strconv.Itoa(left) + " recovery codes are left."
	switch left {
	case 0:
		rest = "None is left: make new ones while you are signed in."
	case 1:
		rest = "One is left: make new ones soon."
	}
	return letter{to, KindRecoveryCodeUsed, "A recovery code was used", append([]string{
		"Somebody signed in to your SignalCraft account with one of your recovery codes. " + rest, o.facts()}, s.notYou()...)}.mail()
}

// APIKey is what the owner is told of a new key; the key itself is not part of it.
type APIKey struct {
	Name, Business string
	Scopes         []string
	ExpiresAt      time.Time
}

// APIKeyCreated tells that the account made an API key.
func (s Site) APIKeyCreated(to store.User, key APIKey, o Occasion) store.Mail {
	return letter{to, KindAPIKeyCreated, "An API key was created", append([]string{
		"Your SignalCraft account made an API key named “" + plain(key.Name) + "” for the business “" + plain(key.Business) + "”. It may: " +
			strings.Join(key.Scopes, ", ") + ". It expires on " + instant(key.ExpiresAt) + ".", o.facts(),
		"If you do not know it, delete the key."}, s.notYou()...)}.mail()
}

// EndReason is why sessions were ended.
type EndReason int

// Why sessions are ended.
const (
	EndedByOwner EndReason = iota // by somebody signed in to the account
	EndedByReuse                  // a refresh token came back after it had been used: somebody may have stolen it
	EndedByOperator
)

// SessionsEnded tells that sessions of the account were ended.
func (s Site) SessionsEnded(to store.User, why EndReason, o Occasion) store.Mail {
	text := "Sessions of your SignalCraft account were ended from another device."
	switch why {
	case EndedByReuse:
		text = "A session of your SignalCraft account was ended, because its token was used twice. " +
			"Somebody may have copied it. Sign in again; if you do not know why this happened, set a new password."
	case EndedByOperator:
		text = "Whoever runs this installation ended sessions of your SignalCraft account. Sign in again."
	}
	parts := []string{text, o.facts()}
	if why != EndedByOperator {
		parts = append(parts, s.notYou()...)
	}
	return letter{to, KindSessionsEnded, "You were signed out", parts}.mail()
}
