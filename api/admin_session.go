package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/notify/message"
	"github.com/signalcraft/signalcraft/api/store"
)

type adminSessionAnswer struct {
	ID         string     `json:"id" doc:"Id of the session" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	UserID     string     `json:"user_id" doc:"Id of the user" format:"uuid" example:"0192f0c1-2a6b-7c3d-9e8f-5a4b3c2d1e0f"`
	Email      string     `json:"email" doc:"Address of the account" format:"email" example:"ada@example.com"`
	CreatedAt  time.Time  `json:"created_at" doc:"When the user signed in" example:"2026-03-31T06:00:00Z"`
	LastUsedAt time.Time  `json:"last_used_at" doc:"When the session was used last" example:"2026-03-31T06:00:00Z"`
	ExpiresAt  time.Time  `json:"expires_at" doc:"When it ends" example:"2026-03-31T06:15:00Z"`
	Address    *string    `json:"address" doc:"Network address; null when it is unknown" example:"192.0.2.7"`
	UserAgent  string     `json:"user_agent" doc:"What the caller's program said it is" example:"Mozilla/5.0"`
	EndedAt    *time.Time `json:"ended_at" doc:"When it was ended before that; null when it was not" example:"2026-03-31T06:10:00Z"`
	Reason     string     `json:"reason" doc:"Why; may be empty" example:"signed out"`
}

type adminListSessionsInput struct {
	PageInput
	UserID string `query:"user_id" doc:"Only this user's" format:"uuid" example:"0192f0c1-2a6b-7c3d-9e8f-5a4b3c2d1e0f"`
	Open   bool   `query:"open" doc:"Only those that have not ended" example:"true"`
}

type adminListSessionsOutput struct {
	Body struct {
		Sessions   []adminSessionAnswer `json:"sessions" nullable:"false" doc:"Sessions, newest first"`
		NextCursor *string              `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJpIjoi"`
	}
}

type adminEndSessionInput struct {
	ID string `path:"id" doc:"Id of the session" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
}

func (s *service) registerAdminSessions() {
	tags := []string{"admin"}
	register(s, huma.Operation{
		OperationID: "adminListSessions", Method: http.MethodGet, Path: "/admin/sessions", Tags: tags,
		Summary:     "Sessions of the installation",
		Description: "Sessions of all accounts, newest first, also ended ones and why they ended. Their tokens are not told.",
	}, s.adminListSessions)
	register(s, huma.Operation{
		OperationID: "adminEndSession", Method: http.MethodDelete, Path: "/admin/sessions/{id}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "End somebody's session", Description: "One that has ended already stays as it is.",
	}, s.adminEndSession)
}

func (s *service) adminListSessions(ctx context.Context, in *adminListSessionsInput) (*adminListSessionsOutput, error) {
	after, err := decodeCursor[idKey](ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	q := store.SessionQuery{Most: in.Limit + 1}
	if after != nil {
		q.Before = &after.ID
	}
	if in.Open {
		q.OpenAt = s.clock()
	}
	if q.UserID, err = queryID(ctx, "user_id", in.UserID); err != nil {
		return nil, err
	}
	var found []store.SessionRecord
	err = s.readInstallation(ctx, func(t *store.OperatorTx) (err error) {
		found, err = t.Sessions(ctx, q)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page, next, err := cut(found, in.Limit, func(r store.SessionRecord) idKey { return idKey{r.ID} })
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := &adminListSessionsOutput{}
	out.Body.NextCursor, out.Body.Sessions = next, make([]adminSessionAnswer, len(page))
	for i, r := range page {
		out.Body.Sessions[i] = adminSessionAnswer{ID: r.ID.String(), UserID: r.UserID.String(), Email: r.Email, CreatedAt: r.CreatedAt.UTC(),
			LastUsedAt: r.LastUsedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), Address: addressText(r.Address), UserAgent: r.UserAgent, EndedAt: r.EndedAt, Reason: r.Reason}
	}
	return out, nil
}

func (s *service) adminEndSession(ctx context.Context, in *adminEndSessionInput) (*struct{}, error) {
	id, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	var ended []uuid.UUID
	err = s.inInstallation(ctx, func(t *store.OperatorTx) (err error) {
		note(ctx, id.String(), nil)
		if ended, err = t.EndSession(ctx, id, s.clock().UTC()); err != nil {
			return err
		}
		for _, id := range ended {
			user, err := t.UserRecord(ctx, id)
			if err != nil {
				return err
			}
			if err := t.QueueMail(ctx, s.mails.SessionsEnded(user.User, message.EndedByOperator, message.Occasion{At: s.clock().UTC()})); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	for _, user := range ended {
		s.auth.Forget(user)
	}
	return nil, nil
}
