package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
)

type profileOutput struct {
	Body profile
}

type profile struct {
	ID                string     `json:"id" doc:"Id of the user" format:"uuid" example:"0192f0c1-2a6b-7c3d-9e8f-5a4b3c2d1e0f"`
	Email             string     `json:"email" doc:"Address of the account" format:"email" example:"ada@example.com"`
	PendingEmail      string     `json:"pending_email,omitempty" doc:"Address that takes its place once it is proved" format:"email" example:"ada@example.org"`
	EmailVerified     bool       `json:"email_verified" doc:"Whether the address is proved" example:"true"`
	FullName          string     `json:"full_name" doc:"Full name; may be empty" example:"Ada Lovelace"`
	Phone             string     `json:"phone" doc:"Telephone number in international form; may be empty" example:"+49 30 1234567"`
	Locale            string     `json:"locale" doc:"Language for texts and numbers, BCP 47" example:"de-DE"`
	TimeZone          string     `json:"time_zone" doc:"IANA time zone of the person; businesses have their own" example:"Europe/Berlin"`
	Operator          bool       `json:"operator" doc:"Whether the user administers the installation" example:"false"`
	CreatedAt         time.Time  `json:"created_at" doc:"When the account was made" example:"2026-03-01T09:00:00Z"`
	LastLoginAt       *time.Time `json:"last_login_at" doc:"When it was last signed in to; null for never" example:"2026-03-30T18:00:00Z"`
	PasswordChangedAt *time.Time `json:"password_changed_at" doc:"When the password was last changed; null for never" example:"2026-03-02T10:00:00Z"`
}

type updateProfileInput struct {
	Body struct {
		FullName *string `json:"full_name,omitempty" doc:"Full name" maxLength:"200" example:"Ada Lovelace"`
		Phone    *string `json:"phone,omitempty" doc:"Telephone number in international form; empty removes it" maxLength:"40" example:"+49 30 1234567"`
		Locale   *string `json:"locale,omitempty" doc:"Language for texts and numbers, BCP 47" maxLength:"35" pattern:"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$" example:"de-DE"`
		TimeZone *string `json:"time_zone,omitempty" doc:"IANA time zone" minLength:"1" maxLength:"64" example:"Europe/Berlin"`
		Email    *string `json:"email,omitempty" doc:"New address. It takes effect when it is proved with the token that is sent to it; needs current_password" format:"email" maxLength:"254" example:"ada@example.org"`
		Password string  `json:"current_password,omitempty" doc:"Password of the account; needed for a new address" format:"password" maxLength:"128" example:"four words without connection"`
	}
}

func (s *service) registerProfile() {
	register(s, huma.Operation{
		OperationID: "getProfile", Method: http.MethodGet, Path: "/users/profile", Tags: []string{"users"},
		Summary: "Read one's profile", Description: "Returns the account of who is signed in.",
	}, s.getProfile)
	register(s, huma.Operation{
		OperationID: "updateProfile", Method: http.MethodPut, Path: "/users/profile", Tags: []string{"users"},
		Summary: "Change one's profile",
		Description: "Fields that are left out stay as they are. A new address needs the current password; a token is sent to it, the old address is told, and it takes " +
			"effect when the token is shown to POST /auth/verify-email within 24 hours. Giving the present address takes a wish for another back. That the address belongs to another account is not told here.",
		MaxBodyBytes: maxAccountBytes,
	}, s.updateProfile)
}

func (s *service) getProfile(ctx context.Context, _ *struct{}) (*profileOutput, error) {
	out := &profileOutput{}
	err := s.readUser(ctx, func(t *store.UserTx) error { return s.showProfile(ctx, t, out) })
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return out, nil
}

func (s *service) showProfile(ctx context.Context, t *store.UserTx, out *profileOutput) error {
	p, err := t.Profile(ctx, s.clock().UTC())
	out.Body = profile{ID: p.ID.String(), Email: p.Email, PendingEmail: p.PendingEmail, EmailVerified: p.Verified, FullName: p.Name, Phone: p.Phone,
		Locale: p.Locale, TimeZone: p.TimeZone, Operator: p.Operator, CreatedAt: p.CreatedAt, LastLoginAt: p.LastLoginAt, PasswordChangedAt: p.PasswordChangedAt}
	return err
}

func (s *service) updateProfile(ctx context.Context, in *updateProfileInput) (*profileOutput, error) {
	change, err := readProfile(ctx, in)
	if err != nil {
		return nil, err
	}
	move, err := s.readMove(ctx, in)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := &profileOutput{}
	err = s.asUser(ctx, func(t *store.UserTx) error {
		note(ctx, t.UserID.String(), map[string]any{"fields": in.fields()})
		if err := t.UpdateProfile(ctx, change, s.clock().UTC()); err != nil {
			return err
		}
		if move != nil {
			if err := s.sendMove(ctx, t, *move); err != nil {
				return err
			}
		}
		return s.showProfile(ctx, t, out)
	})
	if errors.Is(err, store.ErrInvalid) { // everything else was checked
		return nil, invalid(ctx, "body", "time_zone", "not an IANA time zone")
	}
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return out, nil
}

// fields names what a request changes; the values are nobody's business.
func (in *updateProfileInput) fields() []string {
	fields := []string{}
	for _, f := range []struct {
		name  string
		value *string
	}{{"full_name", in.Body.FullName}, {"phone", in.Body.Phone}, {"locale", in.Body.Locale}, {"time_zone", in.Body.TimeZone}, {"email", in.Body.Email}} {
		if f.value != nil {
			fields = append(fields, f.name)
		}
	}
	return fields
}

// readProfile checks what can be checked without Postgres.
func readProfile(ctx context.Context, in *updateProfileInput) (store.ProfileChange, error) {
	b := in.Body
	if b.FullName != nil {
		name, err := readName(ctx, *b.FullName)
		if err != nil {
			return store.ProfileChange{}, err
		}
		b.FullName = &name
	}
	if b.Phone != nil {
		phone := strings.TrimSpace(*b.Phone)
		if phone != "" && !isPhone(phone) {
			return store.ProfileChange{}, invalid(ctx, "body", "phone", "not a telephone number in international form, like +49 30 1234567")
		}
		b.Phone = &phone
	}
	if b.TimeZone != nil && strings.ContainsRune(*b.TimeZone, 0) {
		return store.ProfileChange{}, invalid(ctx, "body", "time_zone", "not an IANA time zone")
	}
	return store.ProfileChange{Name: b.FullName, Phone: b.Phone, Locale: b.Locale, TimeZone: b.TimeZone}, nil
}

// isPhone wants a plus and 7 to 15 digits (E.164), with the usual marks between them.
func isPhone(text string) bool {
	digits := 0
	for i, r := range text {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r == '+' && i == 0, strings.ContainsRune(" -().", r) && i > 0:
		default:
			return false
		}
	}
	return text[0] == '+' && digits >= 7 && digits <= 15
}

// move is the wish for a new address.
type move struct {
	account store.Account
	email   string
	// owner has proved to hold that address; nil if nobody has.
	owner *store.Account
}

// readMove returns the wish for a new address, or nil when there is none.
func (s *service) readMove(ctx context.Context, in *updateProfileInput) (*move, error) {
	if in.Body.Email == nil {
		return nil, nil
	}
	email, err := readAddress(ctx, "email", *in.Body.Email)
	if err != nil {
		return nil, err
	}
	if in.Body.Password == "" {
		return nil, invalid(ctx, "body", "current_password", "is needed for a new address")
	}
	account, err := s.provenAccount(ctx, in.Body.Password)
	if err != nil {
		return nil, err
	}
	m := &move{account: account, email: email}
	owner, err := s.store.AccountByEmail(ctx, email)
	switch {
	case err == nil && owner.ID != account.ID && owner.EmailVerified: // one's own address in other case is free
		m.owner = &owner
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	return m, nil
}

// sendMove sends the token to the new address and tells the old one. When somebody else has the new address, that one is
// told and gets no token; whoever asks sees no difference.
func (s *service) sendMove(ctx context.Context, t *store.UserTx, m move) error {
	now := s.clock().UTC()
	if m.email == m.account.Email { // no wish any more
		return t.DropMailTokens(ctx, now, store.PurposeChangeEmail)
	}
	token, hash := newMailToken()
	until := now.Add(verifyLife)
	added, err := t.AddMailToken(ctx, store.MailToken{Purpose: store.PurposeChangeEmail, Hash: hash, Email: m.email, At: now, ExpiresAt: until})
	if err != nil {
		return err
	}
	if !added {
		return &auth.ThrottledError{Wait: time.Minute}
	}
	mail := s.mails.ChangeEmail(store.User{ID: m.account.ID, Email: m.email}, token, until)
	if m.owner != nil {
		mail = s.mails.AddressRegistered(m.owner.User)
	}
	if err := t.QueueMail(ctx, mail); err != nil {
		return err
	}
	return t.QueueMail(ctx, s.mails.EmailChangeAsked(m.account.User, s.occasion(ctx)))
}
