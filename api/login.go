package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalcraft/signalcraft/api/auth"
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

type loginAnswer struct {
	AccessToken string          `json:"access_token" doc:"Send it as \"Authorization: Bearer ...\"; a secret" example:"eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiJ9.e30.c2ln"`
	TokenType   string          `json:"token_type" doc:"Always Bearer" enum:"Bearer" example:"Bearer"`
	ExpiresIn   int             `json:"expires_in" doc:"Seconds until the token is refused" minimum:"1" example:"900"`
	User        loginUser       `json:"user" doc:"Who signed in"`
	Businesses  []loginBusiness `json:"businesses" nullable:"false" doc:"Businesses that the user belongs to, by name"`
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
		Description: "Exchanges e-mail and password for an access token that is valid for fifteen minutes.\n\n" +
			"The answer to a wrong password and to an unknown address is the same. Attempts are limited by account and by address.",
		MaxBodyBytes: maxLoginBytes, Responses: failing(http.StatusUnauthorized),
	}, s.login)
}

func (s *service) login(ctx context.Context, in *loginInput) (*loginOutput, error) {
	e := exchangeFrom(ctx)
	if err := s.admit(ctx, limitLogin, strings.ToLower(strings.TrimSpace(in.Body.Email))); err != nil {
		return nil, err
	}
	signIn, err := s.auth.Login(ctx, auth.Attempt{
		Email: in.Body.Email, Password: in.Body.Password, Address: e.address, UserAgent: in.UserAgent})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	e.user = signIn.User.ID.String()
	answer := loginAnswer{
		AccessToken: signIn.Token.Value, TokenType: "Bearer",
		ExpiresIn:  int(signIn.Token.ExpiresAt.Sub(s.clock()).Seconds()),
		User:       loginUser{ID: e.user, Email: signIn.User.Email, Name: signIn.User.Name},
		Businesses: make([]loginBusiness, len(signIn.Businesses)),
	}
	for i, m := range signIn.Businesses {
		b := m.Business
		answer.Businesses[i] = loginBusiness{ID: b.ID.String(), Name: b.Name, Role: m.Role, TimeZone: b.TimeZone, Currency: b.Currency, Country: b.Country}
	}
	return &loginOutput{Body: answer}, nil
}
