package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
)

type confirmResetInput struct {
	Body struct {
		Token       string `json:"token" doc:"Token from the mail" minLength:"1" maxLength:"200" example:"9JtZbJ3vO5mB2dXr7cQk1sTn6yLw8uHf0aEgVpRiMzI"`
		NewPassword string `json:"new_password" doc:"New password; see POST /auth/register" format:"password" minLength:"8" maxLength:"128" example:"four words without connection"`
	}
}

type changePasswordInput struct {
	Body struct {
		CurrentPassword string `json:"current_password" doc:"Password of the account as it is" format:"password" minLength:"1" maxLength:"128" example:"four words without connection"`
		NewPassword     string `json:"new_password" doc:"New password; see POST /auth/register" format:"password" minLength:"8" maxLength:"128" example:"another four unrelated words"`
	}
}

type changePasswordOutput struct {
	Body struct {
		Status string `json:"status" doc:"What happened" enum:"password_changed" example:"password_changed"`
		Ended  int    `json:"ended_sessions" doc:"How many other sessions that ended" minimum:"0" example:"2"`
	}
}

func (s *service) registerPasswords() {
	register(s, huma.Operation{
		OperationID: "resetPassword", Method: http.MethodPost, Path: "/auth/reset-password", Tags: []string{"auth"},
		Summary: "Ask for a new password",
		Description: "Sends a token to the address, if it has an account, that lets its reader set a new password within 30 minutes; older ones can no longer be used. " +
			"The answer is always the same. At most one mail goes out in a minute and five in an hour.",
		MaxBodyBytes: maxAccountBytes,
	}, s.resetPassword)
	register(s, huma.Operation{
		OperationID: "confirmResetPassword", Method: http.MethodPost, Path: "/auth/reset-password/confirm", Tags: []string{"auth"},
		Summary: "Set a new password",
		Description: "Takes the token of a reset mail, once, and ends every session of the account. The address counts as proved. A second factor stays as it is. " +
			"Every token that cannot be used gets the same answer, " + codeMailToken + "; a refused password does not use the token up.",
		MaxBodyBytes: maxAccountBytes,
	}, s.confirmResetPassword)
	register(s, huma.Operation{
		OperationID: "changePassword", Method: http.MethodPost, Path: "/auth/change-password", Tags: []string{"auth"},
		Summary: "Change the password",
		Description: "Takes the current and a new password. Every other session of the account ends, and so do tokens that went out by mail. " +
			"A wrong current password is answered with " + codeCredentials + " and counts as an attempt to sign in.",
		MaxBodyBytes: maxAccountBytes,
	}, s.changePassword)
}

func (s *service) resetPassword(ctx context.Context, in *addressInput) (*outcomeOutput, error) {
	err := s.toAddressee(ctx, in.Body.Email, func(t *store.UserTx, account store.Account) error {
		now := s.clock().UTC()
		token, hash := newMailToken()
		until := now.Add(resetLife)
		added, err := t.AddMailToken(ctx, store.MailToken{Purpose: store.PurposeReset, Hash: hash, Email: account.Email, At: now, ExpiresAt: until})
		if err != nil || !added {
			return s.held(ctx, store.PurposeReset, err)
		}
		return t.QueueMail(ctx, s.mails.ResetPassword(account.User, token, until))
	})
	if err != nil {
		return nil, err
	}
	return done("reset_sent"), nil
}

func (s *service) confirmResetPassword(ctx context.Context, in *confirmResetInput) (*outcomeOutput, error) {
	shown := store.Shown{Hash: mailTokenHash(in.Body.Token), For: []store.Purpose{store.PurposeReset}, At: s.clock().UTC()}
	// Only who has a token learns what is wrong with a password, and costs us a hash.
	proof, err := s.store.CheckMailToken(ctx, shown)
	if err != nil {
		return nil, s.failToken(ctx, err)
	}
	owner := auth.PasswordOwner{Email: proof.Account.Email, Name: proof.Account.Name}
	if err := checkPassword(ctx, "new_password", in.Body.NewPassword, owner); err != nil {
		return nil, err
	}
	hash, err := s.auth.HashPassword(ctx, in.Body.NewPassword)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	err = s.store.UseMailToken(ctx, shown, func(t *store.UserTx, p store.Proof) error {
		if _, err := s.replacePassword(ctx, t, p.Account.User, uuid.Nil, hash, ""); err != nil {
			return err
		}
		if err := t.ProveEmail(ctx, p.Email, shown.At); err != nil { // they read its mail
			return err
		}
		return s.auditFor(ctx, t)
	})
	if err != nil {
		return nil, s.failToken(ctx, err)
	}
	return done("password_changed"), nil
}

// replacePassword sets a password, ends what the old one opened but the session that is kept, and tells the owner.
func (s *service) replacePassword(ctx context.Context, t *store.UserTx, user store.User, kept uuid.UUID, hash, checked string) (ended int, err error) {
	now := s.clock().UTC()
	if err := t.SetPassword(ctx, hash, checked, now); err != nil {
		return 0, err
	}
	if ended, err = s.auth.EndSessions(ctx, t, kept, "password changed"); err != nil {
		return 0, err
	}
	note(ctx, user.ID.String(), map[string]any{"ended_sessions": ended})
	// Whoever asked for these may be the one against whom the password was changed.
	if err := t.DropMailTokens(ctx, now, store.PurposeReset, store.PurposeChangeEmail); err != nil {
		return 0, err
	}
	return ended, t.QueueMail(ctx, s.mails.PasswordChanged(user, s.occasion(ctx)))
}

// failToken is fail for operations that take a token.
func (s *service) failToken(ctx context.Context, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return unusable(ctx)
	}
	return s.fail(ctx, err)
}

func (s *service) changePassword(ctx context.Context, in *changePasswordInput) (*changePasswordOutput, error) {
	account, err := s.provenAccount(ctx, in.Body.CurrentPassword)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	if err := checkPassword(ctx, "new_password", in.Body.NewPassword, auth.PasswordOwner{Email: account.Email, Name: account.Name}); err != nil {
		return nil, err
	}
	if in.Body.NewPassword == in.Body.CurrentPassword {
		return nil, invalid(ctx, "body", "new_password", "is the current password")
	}
	hash, err := s.auth.HashPassword(ctx, in.Body.NewPassword)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	caller, err := principal(ctx)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := &changePasswordOutput{}
	out.Body.Status = "password_changed"
	err = s.asUser(ctx, func(t *store.UserTx) error {
		out.Body.Ended, err = s.replacePassword(ctx, t, account.User, caller.SessionID, hash, account.PasswordHash)
		return err
	})
	if errors.Is(err, store.ErrConflict) { // another request changed it meanwhile
		err = auth.ErrCredentials
	}
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return out, nil
}

// provenAccount returns the caller's account if password is its password.
func (s *service) provenAccount(ctx context.Context, password string) (account store.Account, err error) {
	err = s.readUser(ctx, func(t *store.UserTx) error {
		account, err = t.Account(ctx)
		return err
	})
	if err != nil {
		return store.Account{}, err
	}
	return account, s.auth.CheckCurrent(ctx, account, password)
}
