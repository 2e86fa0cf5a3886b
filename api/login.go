package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/notify/address"
)

// maxLoginBytes is plenty for an address and a password of 128 characters.
const maxLoginBytes = 8 << 10

type loginInput struct {
	UserAgent string `header:"User-Agent" hidden:"true"`
	Body      struct {
		Email    string `json:"email" doc:"Address of the account, in any case" format:"email" maxLength:"320" example:"ada@example.com"`
		Password string `json:"password" doc:"Its password" format:"password" minLength:"1" maxLength:"128" example:"correct horse battery staple"`
	}
}

type loginOutput struct {
	Body loginAnswer
}

// loginAnswer holds either what a session needs or, when a second factor is missing, the token to bring it with.
type loginAnswer struct {
	MFARequired bool   `json:"mfa_required" doc:"Whether a second factor is missing. Then the answer holds mfa_token alone, for POST /auth/mfa/verify" example:"false"`
	MFAToken    string `json:"mfa_token,omitempty" doc:"For POST /auth/mfa/verify; valid for five minutes, for one sign-in; a secret" example:"eyJhbGciOiJFZERTQSIsInR5cCI6Im1mYStqd3QifQ.e30.c2ln"`
	// Below is sessionAnswer, left out while the second factor is missing.
	AccessToken      string          `json:"access_token,omitempty" doc:"Send it as \"Authorization: Bearer ...\"; a secret" example:"eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiJ9.e30.c2ln"`
	TokenType        string          `json:"token_type,omitempty" doc:"Always Bearer" enum:"Bearer" example:"Bearer"`
	ExpiresIn        int             `json:"expires_in,omitempty" doc:"Seconds until the access token is refused" minimum:"0" example:"900"`
	RefreshToken     string          `json:"refresh_token,omitempty" doc:"For POST /auth/refresh, once; a secret" example:"scr_AZLwwSprfD2ej1pLPC0eDwAAAAAn3Zc9m0b5sWq8h1kx2c4v6b8n0m1a3s5d7f9g1h3j5k"`
	RefreshExpiresIn int             `json:"refresh_expires_in,omitempty" doc:"Seconds until the refresh token is refused" minimum:"0" example:"604800"`
	Session          *sessionEnd     `json:"session,omitempty" doc:"The session that both tokens are of"`
	User             *loginUser      `json:"user,omitempty" doc:"Who signed in"`
	Businesses       []loginBusiness `json:"businesses,omitzero" nullable:"false" doc:"Businesses that the user belongs to, by name"`
}

type loginUser struct {
	ID    string `json:"id" doc:"Id of the user" format:"uuid" example:"0192f0c1-2a6b-7c3d-9e8f-5a4b3c2d1e0f"`
	Email string `json:"email" doc:"Address of the account" format:"email" example:"ada@example.com"`
	Name  string `json:"name" doc:"Full name; may be empty" example:"Ada Lovelace"`
}

type loginBusiness struct {
	ID       string `json:"id" doc:"Id of the business; the {id} of the dashboard" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	Name     string `json:"name" doc:"Name of the business" example:"Harbour Cafe"`
	Role     string `json:"role" doc:"What the user may do there" enum:"owner,admin,analyst,viewer" example:"owner"`
	TimeZone string `json:"time_zone" doc:"IANA time zone; its days are the days of every answer" example:"Europe/Berlin"`
	Currency string `json:"currency" doc:"ISO 4217 currency" example:"EUR"`
	Country  string `json:"country" doc:"ISO 3166-1 country" example:"DE"`
}

func (s *service) registerLogin() {
	register(s, huma.Operation{
		OperationID: "login", Method: http.MethodPost, Path: "/auth/login", Tags: []string{"auth"},
		Summary: "Sign in",
		Description: "Exchanges e-mail and password for an access token that is valid for fifteen minutes and a refresh token that continues the session.\n\n" +
			"When the account has a second factor, mfa_required is true and mfa_token goes to POST /auth/mfa/verify. " +
			"The answer to a wrong password, to an unknown address and to one that is not proved yet is the same, INVALID_CREDENTIALS: a page that gets it " +
			"after POST /auth/register offers POST /auth/verify-email/resend. Attempts are limited by account and by address.",
		MaxBodyBytes: maxLoginBytes, Responses: failing(http.StatusUnauthorized),
	}, s.login)
}

func (s *service) login(ctx context.Context, in *loginInput) (*loginOutput, error) {
	// By the form in which accounts are looked up, so that other spellings of the address do not count apart.
	if err := s.admit(ctx, limitLogin, strings.ToLower(strings.TrimSpace(address.Canonical(in.Body.Email)))); err != nil {
		return nil, err
	}
	signIn, err := s.auth.Login(ctx, auth.Attempt{Email: in.Body.Email, Password: in.Body.Password,
		Address: exchangeFrom(ctx).address, UserAgent: in.UserAgent, Trail: s.trail(ctx)})
	if errors.Is(err, auth.ErrCredentials) {
		return nil, problem(ctx, http.StatusUnauthorized, codeCredentials, "E-mail or password is wrong, or the address is not proved yet: a new account signs in once it is, by the mail that was sent.").
			with("WWW-Authenticate", challenge)
	}
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return &loginOutput{Body: s.signedIn(signIn)}, nil
}

// signedIn is the answer to a sign-in, complete or not.
func (s *service) signedIn(in auth.SignIn) loginAnswer {
	if in.MFA.Value != "" {
		return loginAnswer{MFARequired: true, MFAToken: in.MFA.Value}
	}
	v := s.session(in.Token, in.Refresh, in.Session)
	answer := loginAnswer{AccessToken: v.AccessToken, TokenType: v.TokenType, ExpiresIn: v.ExpiresIn,
		RefreshToken: v.RefreshToken, RefreshExpiresIn: v.RefreshExpiresIn, Session: &v.Session, Businesses: make([]loginBusiness, len(in.Businesses)),
		User: &loginUser{ID: in.User.ID.String(), Email: in.User.Email, Name: in.User.Name}}
	for i, m := range in.Businesses {
		b := m.Business
		answer.Businesses[i] = loginBusiness{ID: b.ID.String(), Name: b.Name, Role: m.Role, TimeZone: b.TimeZone, Currency: b.Currency, Country: b.Country}
	}
	return answer
}
