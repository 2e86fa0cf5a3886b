package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/notify/message"
	"github.com/signalcraft/signalcraft/api/store"
)

type sessionsInput struct {
	Limit int `query:"limit" doc:"Most sessions to return" minimum:"1" maximum:"100" default:"100" example:"20"`
}

type sessionsOutput struct {
	Body struct {
		Sessions []sessionItem `json:"sessions" nullable:"false" doc:"Live sessions, the one used last first; a user has at most 100"`
	}
}

type sessionItem struct {
	ID           string    `json:"id" doc:"Id of the session" format:"uuid" example:"0192f0c1-2a6b-7c3d-9e8f-5a4b3c2d1e0f"`
	Device       string    `json:"device" doc:"Program and system, in a few words" example:"Firefox on Windows"`
	UserAgent    string    `json:"user_agent" doc:"What the program said it is; may be empty" example:"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"`
	Address      *string   `json:"address" doc:"Where the user signed in from; null when unknown" example:"192.0.2.1"`
	CreatedAt    time.Time `json:"created_at" doc:"When it was started" example:"2026-03-31T06:00:00Z"`
	LastUsedAt   time.Time `json:"last_used_at" doc:"When it was last refreshed, or started" example:"2026-03-31T07:45:00Z"`
	ExpiresAt    time.Time `json:"expires_at" doc:"When it ends unless it is refreshed" example:"2026-04-07T07:45:00Z"`
	SecondFactor bool      `json:"second_factor" doc:"Whether a second factor was shown in it" example:"true"`
	Current      bool      `json:"current" doc:"Whether this request is of it" example:"true"`
}

type endSessionInput struct {
	ID string `path:"id" doc:"Id of the session" example:"0192f0c1-2a6b-7c3d-9e8f-5a4b3c2d1e0f"`
}

type endSessionsInput struct {
	Current bool `query:"current" doc:"Whether the session of this request ends too" example:"false"`
}

type endSessionsOutput struct {
	Body struct {
		Ended int `json:"ended_sessions" doc:"How many sessions were ended" minimum:"0" example:"3"`
	}
}

func (s *service) registerSessions() {
	register(s, huma.Operation{
		OperationID: "listSessions", Method: http.MethodGet, Path: "/auth/sessions", Tags: []string{"auth"},
		Summary:     "List your sessions",
		Description: "Every sign-in that has not ended: where and with what it was made, and when it was last used.",
	}, s.listSessions)
	register(s, huma.Operation{
		OperationID: "endSession", Method: http.MethodDelete, Path: "/auth/sessions/{id}", Tags: []string{"auth"},
		Summary: "End a session",
		Description: "Its refresh token is refused at once, its access token at the latest three seconds later, and its live connections are closed. " +
			"The session of this request may be ended too.",
		DefaultStatus: http.StatusNoContent,
	}, s.endSession)
	register(s, huma.Operation{
		OperationID: "endSessions", Method: http.MethodDelete, Path: "/auth/sessions", Tags: []string{"auth"},
		Summary: "End all your sessions",
		Description: "All but that of this request, unless current is true: then that one too. Their refresh tokens are refused at once, their access tokens at the latest " +
			"three seconds later, and their live connections are closed. API keys stay. A mail tells of it when there was one to end.",
	}, s.endSessions)
}

func (s *service) listSessions(ctx context.Context, in *sessionsInput) (*sessionsOutput, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	var sessions []store.LiveSession
	err = s.readUser(ctx, func(tx *store.UserTx) (err error) {
		sessions, err = tx.LiveSessions(ctx, s.clock().UTC(), in.Limit)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := &sessionsOutput{}
	out.Body.Sessions = make([]sessionItem, len(sessions))
	for i, v := range sessions {
		item := sessionItem{ID: v.ID.String(), Device: auth.Device(v.UserAgent), UserAgent: v.UserAgent, CreatedAt: v.StartedAt.UTC(),
			LastUsedAt: v.UsedAt.UTC(), ExpiresAt: v.ExpiresAt.UTC(), SecondFactor: v.SecondFactor, Current: v.ID == caller.SessionID}
		if v.Address.IsValid() {
			address := v.Address.String()
			item.Address = &address
		}
		out.Body.Sessions[i] = item
	}
	return out, nil
}

func (s *service) endSession(ctx context.Context, in *endSessionInput) (*struct{}, error) {
	id, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	err = s.asUser(ctx, func(tx *store.UserTx) error {
		note(ctx, id.String(), nil)
		return s.auth.EndSession(ctx, tx, id, "ended by its user")
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return nil, nil
}

func (s *service) endSessions(ctx context.Context, in *endSessionsInput) (*endSessionsOutput, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	kept := caller.SessionID
	if in.Current {
		kept = uuid.Nil
	}
	out := &endSessionsOutput{}
	err = s.asUser(ctx, func(tx *store.UserTx) error {
		ended, err := s.auth.EndSessions(ctx, tx, kept, "ended by its user")
		if err != nil {
			return err
		}
		out.Body.Ended = ended
		note(ctx, caller.UserID.String(), map[string]any{"ended_sessions": ended, "current": in.Current})
		if ended == 0 {
			return nil
		}
		account, err := tx.Account(ctx)
		if err != nil {
			return err
		}
		return tx.QueueMail(ctx, s.mails.SessionsEnded(account.User, message.EndedByOwner, s.occasion(ctx)))
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return out, nil
}
