package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/notify/address"
	"github.com/signalcraft/signalcraft/api/notify/message"
	"github.com/signalcraft/signalcraft/api/store"
)

// The stable codes of the errors of accounts.
const (
	codePassword  = "PASSWORD_REFUSED"
	codeMailToken = "INVALID_MAIL_TOKEN"
)

// How long tokens that go out by mail can be used.
const (
	verifyLife = 24 * time.Hour
	resetLife  = 30 * time.Minute
)

// maxAccountBytes is plenty for every body of this resource.
const maxAccountBytes = 8 << 10

// outcome is the answer of operations that have nothing to return.
type outcome struct {
	Status string `json:"status" doc:"What happened" example:"done"`
}

type outcomeOutput struct {
	Body outcome
}

func done(status string) *outcomeOutput { return &outcomeOutput{Body: outcome{Status: status}} }

// newMailToken returns a token of 256 random bits and the hash by which it is kept.
func newMailToken() (token string, hash []byte) {
	bits := make([]byte, 32)
	_, _ = rand.Read(bits) // never fails; ends the process when the system has no randomness
	token = base64.RawURLEncoding.EncodeToString(bits)
	return token, mailTokenHash(token)
}

func mailTokenHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// unusable is the one answer to every token that is not good for what it was sent to, whatever the reason.
func unusable(ctx context.Context) *errorEnvelope {
	return problem(ctx, http.StatusBadRequest, codeMailToken, "This token cannot be used: it was used, replaced by a newer one, or is too old. Ask for another.")
}

// occasion describes the request in mails about it.
func (s *service) occasion(ctx context.Context) message.Occasion {
	e := exchangeFrom(ctx)
	return message.Occasion{At: s.clock().UTC(), Address: e.address, Agent: e.agent}
}

// auditFor is audit for somebody who is known by an address or a token without being signed in.
func (s *service) auditFor(ctx context.Context, t *store.UserTx) error {
	e := exchangeFrom(ctx)
	entry := e.entry(ctx, s.clock(), nil, store.AuditDone)
	entry.UserID = &t.UserID
	if err := t.Audit(ctx, entry); err != nil {
		return err
	}
	e.audited = true
	return nil
}

// auditStranger records a request about an address without an account. It also makes the answer take about as long as if
// there were one: either way one transaction is written.
func (s *service) auditStranger(ctx context.Context) error {
	e := exchangeFrom(ctx)
	if err := s.store.Audit(ctx, e.entry(ctx, s.clock(), nil, store.AuditDenied)); err != nil {
		return err
	}
	e.audited = true
	return nil
}

// readAddress returns an address as it is kept, or the answer that refuses it.
func readAddress(ctx context.Context, field, text string) (string, error) {
	parsed, err := address.Parse(text)
	if err != nil {
		return "", invalid(ctx, "body", field, address.ErrAddress.Error())
	}
	return parsed, nil
}

// readName returns a name without space around it, or the answer that refuses it.
func readName(ctx context.Context, text string) (string, error) {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return "", invalid(ctx, "body", "full_name", "holds control characters")
	}
	return strings.TrimSpace(text), nil
}

// checkPassword returns the answer that refuses a password, or nil.
func checkPassword(ctx context.Context, field, password string, owner auth.PasswordOwner) error {
	var refused *auth.PasswordError
	if err := auth.CheckPassword(password, owner); errors.As(err, &refused) {
		e := problem(ctx, http.StatusBadRequest, codePassword, "Choose another password: "+refused.Issue+".")
		e.Problem.Details.In, e.Problem.Details.Field, e.Problem.Details.Issue = "body", field, refused.Issue
		return e
	}
	return nil
}

// sendVerification sends a token that proves the account's address, unless one went out just now. An account whose password
// nobody knows to be its owner's gets one that sets the password as well.
func (s *service) sendVerification(ctx context.Context, t *store.UserTx, account store.Account) error {
	now := s.clock().UTC()
	purpose, until := store.PurposeVerify, now.Add(verifyLife)
	if account.PasswordHash == "" {
		purpose, until = store.PurposeReset, now.Add(resetLife)
		if err := t.DropMailTokens(ctx, now, store.PurposeVerify); err != nil {
			return err
		}
	}
	token, hash := newMailToken()
	added, err := t.AddMailToken(ctx, store.MailToken{Purpose: purpose, Hash: hash, Email: account.Email, At: now, ExpiresAt: until})
	if err != nil || !added {
		return s.held(ctx, purpose, err)
	}
	if purpose == store.PurposeReset {
		return t.QueueMail(ctx, s.mails.ChoosePassword(account.User, token, until))
	}
	return t.QueueMail(ctx, s.mails.VerifyEmail(account.User, token, until))
}

// sendNotice tells the owner of an account that somebody used its address, unless they were told just now.
func (s *service) sendNotice(ctx context.Context, t *store.UserTx, user store.User) error {
	now := s.clock().UTC()
	added, err := t.AddMailToken(ctx, store.MailToken{Purpose: store.PurposeNotice, Email: user.Email, At: now, ExpiresAt: now})
	if err != nil || !added {
		return s.held(ctx, store.PurposeNotice, err)
	}
	return t.QueueMail(ctx, s.mails.AddressRegistered(user))
}

// held logs that a mail was not sent because too many were; whoever asked is not told.
func (s *service) held(ctx context.Context, purpose store.Purpose, err error) error {
	if err == nil {
		s.logger.InfoContext(ctx, "mail held back: too many to one account", slog.String("request", exchangeFrom(ctx).id), slog.String("kind", string(purpose)))
	}
	return err
}
