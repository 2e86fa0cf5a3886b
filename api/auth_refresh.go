package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
)

// maxTokenBody is plenty for the tokens that a body brings.
const maxTokenBody = 16 << 10

// tokenAnswer is an access token.
type tokenAnswer struct {
	AccessToken string `json:"access_token" doc:"Send it as \"Authorization: Bearer ...\"; a secret" example:"eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiJ9.e30.c2ln"`
	TokenType   string `json:"token_type" doc:"Always Bearer" enum:"Bearer" example:"Bearer"`
	ExpiresIn   int    `json:"expires_in" doc:"Seconds until the token is refused" minimum:"0" example:"900"`
}

// sessionAnswer is what continues a session. It repeats tokenAnswer, since huma passes over embedded types that are not exported.
type sessionAnswer struct {
	AccessToken      string     `json:"access_token" doc:"Send it as \"Authorization: Bearer ...\"; a secret" example:"eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiJ9.e30.c2ln"`
	TokenType        string     `json:"token_type" doc:"Always Bearer" enum:"Bearer" example:"Bearer"`
	ExpiresIn        int        `json:"expires_in" doc:"Seconds until the access token is refused" minimum:"0" example:"900"`
	RefreshToken     string     `json:"refresh_token" doc:"For POST /auth/refresh, once; a secret" example:"scr_AZLwwSprfD2ej1pLPC0eDwAAAAAn3Zc9m0b5sWq8h1kx2c4v6b8n0m1a3s5d7f9g1h3j5k"`
	RefreshExpiresIn int        `json:"refresh_expires_in" doc:"Seconds until the refresh token is refused" minimum:"0" example:"604800"`
	Session          sessionEnd `json:"session" doc:"The session that both tokens are of"`
}

type sessionEnd struct {
	ID     string    `json:"id" doc:"Id of the session" format:"uuid" example:"0192f0c1-2a6b-7c3d-9e8f-5a4b3c2d1e0f"`
	EndsAt time.Time `json:"ends_at" doc:"When it ends however often it is refreshed" example:"2026-04-30T06:00:00Z"`
}

type refreshInput struct {
	Body struct {
		RefreshToken string `json:"refresh_token" doc:"The newest refresh token of the session" minLength:"1" maxLength:"4096" example:"scr_AZLwwSprfD2ej1pLPC0eDwAAAAAn3Zc9m0b5sWq8h1kx2c4v6b8n0m1a3s5d7f9g1h3j5k"`
	}
}

type refreshOutput struct {
	Body sessionAnswer
}

type logoutInput struct {
	Authorization string `header:"Authorization" hidden:"true"`
	Body          *struct {
		RefreshToken string `json:"refresh_token" doc:"A refresh token of the session, also one that was used" minLength:"1" maxLength:"4096" example:"scr_AZLwwSprfD2ej1pLPC0eDwAAAAAn3Zc9m0b5sWq8h1kx2c4v6b8n0m1a3s5d7f9g1h3j5k"`
	}
}

func (s *service) registerRefresh() {
	register(s, huma.Operation{
		OperationID: "refresh", Method: http.MethodPost, Path: "/auth/refresh", Tags: []string{"auth"},
		Summary: "Continue a session",
		Description: "Exchanges a refresh token for the next one and a new access token. Each refresh token is good once. For ten seconds its " +
			"exchange can be repeated with the same answer, for parallel tabs and lost answers; used again at any other time, it ends the " +
			"session, since it may have been copied.\n\nEvery token that is not good gets the same answer.",
		MaxBodyBytes: maxTokenBody, Responses: failing(http.StatusUnauthorized),
	}, s.refresh)
	register(s, huma.Operation{
		OperationID: "logout", Method: http.MethodPost, Path: "/auth/logout", Tags: []string{"auth"},
		Summary: "Sign out",
		Description: "Ends the session of the refresh token in the body or, without a body, of the access token in the Authorization header. " +
			"The answer to a refresh token that is not good is the same (RFC 7009): there is nothing to end.",
		MaxBodyBytes: maxTokenBody, DefaultStatus: http.StatusNoContent, Responses: failing(http.StatusUnauthorized),
	}, s.logout)
}

func (s *service) refresh(ctx context.Context, in *refreshInput) (*refreshOutput, error) {
	next, err := s.auth.Refresh(ctx, in.Body.RefreshToken, s.trail(ctx))
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	exchangeFrom(ctx).user = next.User.String()
	return &refreshOutput{Body: s.session(next.Token, next.Refresh, next.Session)}, nil
}

func (s *service) logout(ctx context.Context, in *logoutInput) (*struct{}, error) {
	if in.Body != nil {
		if err := s.auth.Logout(ctx, in.Body.RefreshToken, s.trail(ctx)); err != nil && !errors.Is(err, auth.ErrToken) {
			return nil, s.fail(ctx, err)
		}
		return nil, nil
	}
	raw, ok := bearerToken(http.Header{"Authorization": {in.Authorization}})
	if !ok {
		return nil, invalid(ctx, "body", "body", "required: a refresh token, or an access token in the Authorization header")
	}
	p, err := s.auth.Authenticate(ctx, raw)
	if err == nil && p.IsKey() {
		err = auth.ErrToken // a key has no session
	}
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	trail := s.trail(ctx)
	err = s.store.AsUser(ctx, p.UserID, func(tx *store.UserTx) error {
		if err := s.auth.EndSession(ctx, tx, p.SessionID, "signed out"); err != nil {
			return err
		}
		return trail(tx, p.SessionID, store.AuditDone)
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) { // ended meanwhile
		return nil, s.fail(ctx, err)
	}
	return nil, nil
}

// token is the answer that holds an access token.
func (s *service) token(t auth.Token) tokenAnswer {
	return tokenAnswer{AccessToken: t.Value, TokenType: "Bearer", ExpiresIn: s.secondsUntil(t.ExpiresAt)}
}

// session is the answer that holds what continues a session.
func (s *service) session(t auth.Token, r auth.RefreshToken, end auth.SessionEnd) sessionAnswer {
	return sessionAnswer{AccessToken: t.Value, TokenType: "Bearer", ExpiresIn: s.secondsUntil(t.ExpiresAt),
		RefreshToken: r.Value, RefreshExpiresIn: s.secondsUntil(r.ExpiresAt), Session: sessionEnd{ID: end.ID.String(), EndsAt: end.EndsAt.UTC()}}
}

func (s *service) secondsUntil(t time.Time) int { return max(int(t.Sub(s.clock()).Seconds()), 0) }

// trail audits, in the transaction of package auth, what the request does to a session of a user who is not signed in yet
// or proves who they are.
func (s *service) trail(ctx context.Context) auth.Trail {
	return func(tx *store.UserTx, session uuid.UUID, outcome string) error {
		e := exchangeFrom(ctx)
		e.user = tx.UserID.String()
		entry := e.entry(ctx, s.clock(), nil, outcome)
		entry.UserID, entry.SessionID = &tx.UserID, &session
		if err := tx.Audit(ctx, entry); err != nil {
			return err
		}
		e.audited = true
		return nil
	}
}
