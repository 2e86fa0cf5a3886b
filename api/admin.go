package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/notify/message"
	"github.com/signalcraft/signalcraft/api/store"
)

// codeSelf is the code of what operators may not do to themselves.
const codeSelf = "NOT_YOURSELF"

type adminUserAnswer struct {
	ID         string     `json:"id" doc:"Id of the user" format:"uuid" example:"0192f0c1-2a6b-7c3d-9e8f-5a4b3c2d1e0f"`
	Email      string     `json:"email" doc:"Address of the account" format:"email" example:"ada@example.com"`
	Name       string     `json:"name" doc:"Full name; may be empty" example:"Ada Lovelace"`
	IsActive   bool       `json:"is_active" doc:"False when the account is switched off" example:"true"`
	IsOperator bool       `json:"is_operator" doc:"Whether the user administers the installation" example:"false"`
	VerifiedAt *time.Time `json:"verified_at" doc:"When the address was verified; null when it was not" example:"2026-03-31T06:00:00Z"`
	LastLogin  *time.Time `json:"last_login_at" doc:"When the user signed in last; null when never" example:"2026-03-31T06:00:00Z"`
	CreatedAt  time.Time  `json:"created_at" doc:"When the account was made" example:"2026-03-31T06:00:00Z"`
}

type adminListUsersInput struct {
	PageInput
	Search string `query:"search" doc:"Part of the address or the name, in any case" maxLength:"200" example:"ada"`
}

type adminListUsersOutput struct {
	Body struct {
		Users      []adminUserAnswer `json:"users" nullable:"false" doc:"Accounts by id"`
		NextCursor *string           `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJpIjoi"`
	}
}

type adminUpdateUserInput struct {
	ID   string `path:"id" doc:"Id of the user" format:"uuid" example:"0192f0c1-2a6b-7c3d-9e8f-5a4b3c2d1e0f"`
	Body struct {
		IsActive   bool `json:"is_active" doc:"False switches the account off and ends its sessions" example:"true"`
		IsOperator bool `json:"is_operator" doc:"Whether the user administers the installation" example:"false"`
	}
}

type adminUserOutput struct {
	Body adminUserAnswer
}

// idKey is the cursor of lists that are ordered by id.
type idKey struct {
	ID uuid.UUID `json:"i"`
}

func (s *service) registerAdminUsers() {
	tags := []string{"admin"}
	register(s, huma.Operation{
		OperationID: "adminListUsers", Method: http.MethodGet, Path: "/admin/users", Tags: tags,
		Summary:     "Accounts of the installation",
		Description: "Every account and its state, in order of ids. What belongs to businesses is not told here.",
	}, s.adminListUsers)
	register(s, huma.Operation{
		OperationID: "adminUpdateUser", Method: http.MethodPut, Path: "/admin/users/{id}", Tags: tags,
		Summary:     "Switch an account on or off, name or dismiss an operator",
		Description: "Not your own: 409 with the code " + codeSelf + ". So there is always an operator left.",
		Responses:   failing(http.StatusConflict),
	}, s.adminUpdateUser)
}

func (s *service) adminListUsers(ctx context.Context, in *adminListUsersInput) (*adminListUsersOutput, error) {
	after, err := decodeCursor[idKey](ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	if after == nil {
		after = &idKey{}
	}
	if !isOneLine(in.Search) {
		return nil, invalid(ctx, "query", "search", "no control characters")
	}
	var found []store.UserRecord
	err = s.readInstallation(ctx, func(t *store.OperatorTx) (err error) {
		found, err = t.Users(ctx, in.Search, after.ID, in.Limit+1)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page, next, err := cut(found, in.Limit, func(u store.UserRecord) idKey { return idKey{u.ID} })
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := &adminListUsersOutput{}
	out.Body.NextCursor, out.Body.Users = next, make([]adminUserAnswer, len(page))
	for i, u := range page {
		out.Body.Users[i] = aboutUserRecord(u)
	}
	return out, nil
}

func (s *service) adminUpdateUser(ctx context.Context, in *adminUpdateUserInput) (*adminUserOutput, error) {
	id, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := &adminUserOutput{}
	err = s.inInstallation(ctx, func(t *store.OperatorTx) error {
		if id == t.UserID {
			return problem(ctx, http.StatusConflict, codeSelf, "Another operator has to change your account.")
		}
		now, err := t.UserRecord(ctx, id)
		if err != nil {
			return err
		}
		note(ctx, id.String(), map[string]any{"is_active": in.Body.IsActive, "is_operator": in.Body.IsOperator,
			"was_active": now.Active, "was_operator": now.Operator})
		if err := t.ChangeUser(ctx, id, in.Body.IsActive, in.Body.IsOperator, s.clock().UTC()); err != nil {
			return err
		}
		if now.Active && !in.Body.IsActive {
			if err := t.QueueMail(ctx, s.mails.SessionsEnded(now.User, message.EndedByOperator, message.Occasion{At: s.clock().UTC()})); err != nil {
				return err
			}
		}
		now, err = t.UserRecord(ctx, id)
		out.Body = aboutUserRecord(now)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	s.auth.Forget(id)
	return out, nil
}

func aboutUserRecord(u store.UserRecord) adminUserAnswer {
	return adminUserAnswer{ID: u.ID.String(), Email: u.Email, Name: u.Name, IsActive: u.Active, IsOperator: u.Operator,
		VerifiedAt: u.VerifiedAt, LastLogin: u.LastLogin, CreatedAt: u.CreatedAt.UTC()}
}

// inInstallation runs fn for an operator, and audits it.
func (s *service) inInstallation(ctx context.Context, fn func(*store.OperatorTx) error) error {
	err := s.administer(ctx, s.store.AsOperator, func(t *store.OperatorTx) error {
		if err := fn(t); err != nil {
			return err
		}
		return s.audit(ctx, &t.UserTx, nil)
	})
	exchangeFrom(ctx).audited = err == nil
	return err
}

// errNoOperator marks that the database does not know the caller as an operator, whatever the token says.
var errNoOperator = errors.New("no operator")

// readInstallation is inInstallation for reading: all queries of fn see one state; nothing is audited.
func (s *service) readInstallation(ctx context.Context, fn func(*store.OperatorTx) error) error {
	return s.administer(ctx, s.store.ReadAsOperator, fn)
}

func (s *service) administer(ctx context.Context, open func(context.Context, uuid.UUID, func(*store.OperatorTx) error) error, fn func(*store.OperatorTx) error) error {
	caller, err := principal(ctx)
	if err != nil {
		return err
	}
	if exchangeFrom(ctx).access.who != operator {
		return forbidden(ctx, "operator")
	}
	entered := false
	err = open(ctx, caller.UserID, func(t *store.OperatorTx) error {
		entered = true
		return fn(t)
	})
	if !entered && errors.Is(err, store.ErrNotFound) {
		return forbidden(ctx, "operator").because(ctx, errNoOperator)
	}
	return err
}
