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

type registerInput struct {
	Body struct {
		Email    string `json:"email" doc:"Address of the new account. Mail to it must arrive; domains may be internationalised" format:"email" maxLength:"254" example:"ada@example.com"`
		Password string `json:"password" doc:"Its password: 8 to 128 characters of any kind. Common ones are refused, and those that contain the name or address" format:"password" minLength:"8" maxLength:"128" example:"four words without connection"`
		FullName string `json:"full_name" doc:"Name by which others in a business see the user" maxLength:"200" example:"Ada Lovelace"`
		Terms    bool   `json:"terms,omitempty" doc:"Whether the terms of use were accepted; when is kept" example:"true"`
	}
}

type addressInput struct {
	Body struct {
		Email string `json:"email" doc:"Address of the account, in any case" format:"email" maxLength:"254" example:"ada@example.com"`
	}
}

type mailTokenInput struct {
	Body struct {
		Token string `json:"token" doc:"Token from the mail" minLength:"1" maxLength:"200" example:"9JtZbJ3vO5mB2dXr7cQk1sTn6yLw8uHf0aEgVpRiMzI"`
	}
}

type verifiedOutput struct {
	Body struct {
		Status string `json:"status" doc:"What happened" enum:"verified" example:"verified"`
		Email  string `json:"email" doc:"Address that is proved now" format:"email" example:"ada@example.com"`
	}
}

func (s *service) registerAccounts() {
	register(s, huma.Operation{
		OperationID: "register", Method: http.MethodPost, Path: "/auth/register", Tags: []string{"auth"}, DefaultStatus: http.StatusCreated,
		Summary: "Make an account",
		Description: "Makes an account and sends a mail with a token that proves the address (POST /auth/verify-email); only then can one sign in.\n\n" +
			"The answer is the same whether or not the address has an account already, and so is that of POST /auth/login with the new password until the address is proved; " +
			"the owner of such an account is told by mail. " +
			"An address that is registered again before it is proved, with another password, gets a mail to choose the password with instead (POST /auth/reset-password/confirm). " +
			"An account that nobody proves is removed after seven days.",
		MaxBodyBytes: maxAccountBytes,
	}, s.registerAccount)
	register(s, huma.Operation{
		OperationID: "verifyEmail", Method: http.MethodPost, Path: "/auth/verify-email", Tags: []string{"auth"},
		Summary: "Prove an address",
		Description: "Takes the token of a verification mail, once and within 24 hours: the address of a new account is proved, or a new address takes the place of the old one. " +
			"Every token that cannot be used gets the same answer, " + codeMailToken + ".",
		Responses: failing(http.StatusConflict), MaxBodyBytes: maxAccountBytes,
	}, s.verifyEmail)
	register(s, huma.Operation{
		OperationID: "resendVerification", Method: http.MethodPost, Path: "/auth/verify-email/resend", Tags: []string{"auth"},
		Summary: "Send the verification mail again",
		Description: "Sends a new token to the address of an account that is not proved yet; older ones can no longer be used. " +
			"The answer is always the same. At most one mail goes out in a minute and five in an hour.",
		MaxBodyBytes: maxAccountBytes,
	}, s.resendVerification)
}

func (s *service) registerAccount(ctx context.Context, in *registerInput) (*outcomeOutput, error) {
	email, err := readAddress(ctx, "email", in.Body.Email)
	if err != nil {
		return nil, err
	}
	if err := s.admit(ctx, limitAccounts, email); err != nil {
		return nil, err
	}
	name, err := readName(ctx, in.Body.FullName)
	if err != nil {
		return nil, err
	}
	if err := checkPassword(ctx, "password", in.Body.Password, auth.PasswordOwner{Email: email, Name: name}); err != nil {
		return nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	r := store.Registration{ID: id, Email: email, Name: name, At: s.clock().UTC(), Terms: in.Body.Terms}
	// For every address one password is hashed and one compared: the answer must take as long.
	if r.PasswordHash, err = s.auth.HashPassword(ctx, in.Body.Password); err != nil {
		return nil, s.fail(ctx, err)
	}
	const looks = 4 // whoever registers the same address at the same time changes what was seen once or twice
	for range looks {
		if err = s.tryRegister(ctx, r, in.Body.Password); !errors.Is(err, store.ErrConflict) {
			break
		}
	}
	if errors.Is(err, store.ErrConflict) {
		return nil, unavailable(ctx, err)
	}
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return done("verification_sent"), nil
}

// tryRegister registers r with what it sees of the address.
func (s *service) tryRegister(ctx context.Context, r store.Registration, password string) error {
	before, err := s.store.AccountByEmail(ctx, r.Email)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if !before.EmailVerified {
		r.Seen = before.PasswordHash
	}
	if r.SamePassword, err = s.auth.ComparePassword(ctx, r.Seen, password); err != nil {
		return err
	}
	return s.store.Register(ctx, r, func(t *store.UserTx, account store.Account) error {
		note(ctx, account.ID.String(), map[string]any{"existing": account.EmailVerified})
		if err := s.welcome(ctx, t, account); err != nil {
			return err
		}
		return s.auditFor(ctx, t)
	})
}

// welcome sends what a registration leads to: a token, or a word to the owner.
func (s *service) welcome(ctx context.Context, t *store.UserTx, account store.Account) error {
	switch {
	case !account.Active:
		return nil
	case account.EmailVerified:
		return s.sendNotice(ctx, t, account.User)
	}
	return s.sendVerification(ctx, t, account)
}

func (s *service) verifyEmail(ctx context.Context, in *mailTokenInput) (*verifiedOutput, error) {
	shown := store.Shown{Hash: mailTokenHash(in.Body.Token), For: []store.Purpose{store.PurposeVerify, store.PurposeChangeEmail}, At: s.clock().UTC()}
	out := &verifiedOutput{}
	err := s.store.UseMailToken(ctx, shown, func(t *store.UserTx, p store.Proof) error {
		note(ctx, t.UserID.String(), map[string]any{"purpose": string(p.Purpose)})
		out.Body.Status, out.Body.Email = "verified", p.Email
		if err := t.ProveEmail(ctx, p.Email, shown.At); err != nil {
			return err
		}
		if p.Purpose == store.PurposeChangeEmail {
			// Tokens that went to the old address must not open the account any more.
			if err := t.DropMailTokens(ctx, shown.At, store.PurposeReset, store.PurposeVerify, store.PurposeChangeEmail); err != nil {
				return err
			}
			if err := t.QueueMail(ctx, s.mails.EmailChanged(p.Account.User, s.occasion(ctx))); err != nil {
				return err
			}
		}
		return s.auditFor(ctx, t)
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, unusable(ctx)
	}
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return out, nil
}

func (s *service) resendVerification(ctx context.Context, in *addressInput) (*outcomeOutput, error) {
	err := s.toAddressee(ctx, in.Body.Email, func(t *store.UserTx, account store.Account) error {
		if account.EmailVerified {
			return nil
		}
		return s.sendVerification(ctx, t, account)
	})
	if err != nil {
		return nil, err
	}
	return done("verification_sent"), nil
}

// toAddressee runs fn for the account with an address if there is one that is active, and never tells whether there is.
func (s *service) toAddressee(ctx context.Context, text string, fn func(*store.UserTx, store.Account) error) error {
	email, err := readAddress(ctx, "email", text)
	if err != nil {
		return err
	}
	if err := s.admit(ctx, limitAccounts, email); err != nil {
		return err
	}
	err = s.store.AsAddressee(ctx, email, func(t *store.UserTx, account store.Account) error {
		note(ctx, account.ID.String(), nil)
		if account.Active {
			if err := fn(t, account); err != nil {
				return err
			}
		}
		return s.auditFor(ctx, t)
	})
	if errors.Is(err, store.ErrNotFound) {
		err = s.auditStranger(ctx)
	}
	if err != nil {
		return s.fail(ctx, err)
	}
	return nil
}
