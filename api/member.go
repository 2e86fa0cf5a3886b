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

// codeLastOwner is the code of what would leave a business without an owner.
const codeLastOwner = "LAST_OWNER"

type memberAnswer struct {
	UserID   string    `json:"user_id" doc:"Id of the user" format:"uuid" example:"0192f0c1-2a6b-7c3d-9e8f-5a4b3c2d1e0f"`
	Email    string    `json:"email" doc:"Address of the account" format:"email" example:"ada@example.com"`
	Name     string    `json:"name" doc:"Full name; may be empty" example:"Ada Lovelace"`
	Role     string    `json:"role" doc:"What the member may do" enum:"owner,admin,analyst,viewer" example:"analyst"`
	Active   bool      `json:"active" doc:"False when the account was switched off" example:"true"`
	JoinedAt time.Time `json:"joined_at" doc:"When the member joined" example:"2026-03-31T06:00:00Z"`
}

type listMembersInput struct {
	BusinessInput
	PageInput
}

type listMembersOutput struct {
	Body struct {
		Members    []memberAnswer `json:"members" nullable:"false" doc:"Members by when they joined"`
		NextCursor *string        `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJ0Ijoi"`
	}
}

// MemberInput names a member of a business in the path. It is exported because huma reads exported embedded structs only.
type MemberInput struct {
	BusinessInput
	UserID string `path:"user_id" doc:"Id of the member" format:"uuid" example:"0192f0c1-2a6b-7c3d-9e8f-5a4b3c2d1e0f"`
}

type changeMemberInput struct {
	MemberInput
	Body struct {
		Role string `json:"role" doc:"What the member may do from now on" enum:"owner,admin,analyst,viewer" example:"admin"`
	}
}

type memberOutput struct {
	Body memberAnswer
}

// timeKey is the cursor of lists that are ordered by time.
type timeKey struct {
	At time.Time `json:"t"`
	ID uuid.UUID `json:"i"`
}

// page returns the key for the store; nil for the first page.
func (k *timeKey) page() *store.PageKey {
	if k == nil {
		return nil
	}
	return &store.PageKey{At: k.At, ID: k.ID}
}

func (s *service) registerMembers() {
	tags := []string{"members"}
	register(s, huma.Operation{
		OperationID: "listMembers", Method: http.MethodGet, Path: "/businesses/{id}/members", Tags: tags,
		Summary:     "Members of a business",
		Description: "Everybody who belongs to the business, with their role and since when, in the order in which they joined.",
	}, s.listMembers)
	register(s, huma.Operation{
		OperationID: "changeMember", Method: http.MethodPut, Path: "/businesses/{id}/members/{user_id}", Tags: tags,
		Summary: "Change a member's role",
		Description: "Only owners make owners or change them. The last owner who can sign in stays one: 409 with the code " + codeLastOwner + ".\n\n" +
			"The member's API keys and live connections do from then on what the new role may.",
		Responses: failing(http.StatusConflict),
	}, s.changeMember)
	register(s, huma.Operation{
		OperationID: "removeMember", Method: http.MethodDelete, Path: "/businesses/{id}/members/{user_id}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Remove a member, or leave",
		Description: "Everybody may leave; others are removed by admins, owners by owners. The last owner who can sign in cannot go: 409 with the code " + codeLastOwner + ".\n\n" +
			"The member's API keys for the business end, and so do live connections and the invitations that they made.",
		Responses: failing(http.StatusConflict),
	}, s.removeMember)
}

func (s *service) listMembers(ctx context.Context, in *listMembersInput) (*listMembersOutput, error) {
	id, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	after, err := decodeCursor[timeKey](ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	var found []store.Member
	err = s.readBusiness(ctx, id, func(t *store.MemberTx) error {
		found, err = t.Members(ctx, after.page(), in.Limit+1)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page, next, err := cut(found, in.Limit, func(m store.Member) timeKey { return timeKey{m.JoinedAt, m.UserID} })
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := &listMembersOutput{}
	out.Body.NextCursor, out.Body.Members = next, make([]memberAnswer, len(page))
	for i, m := range page {
		out.Body.Members[i] = aboutMember(m)
	}
	return out, nil
}

func (s *service) changeMember(ctx context.Context, in *changeMemberInput) (*memberOutput, error) {
	business, user, err := in.ids(ctx)
	if err != nil {
		return nil, err
	}
	out := &memberOutput{}
	err = s.inBusiness(ctx, business, func(t *store.MemberTx) error {
		m, err := t.Member(ctx, user)
		if err != nil {
			return err
		}
		if t.Role != string(auth.Owner) && (m.Role == string(auth.Owner) || in.Body.Role == string(auth.Owner)) {
			return forbidden(ctx, string(auth.Owner))
		}
		note(ctx, user.String(), map[string]any{"from": m.Role, "to": in.Body.Role})
		if m.Role != in.Body.Role {
			if err := t.ChangeRole(ctx, user, in.Body.Role); err != nil {
				return err
			}
		}
		m.Role = in.Body.Role
		out.Body = aboutMember(m)
		return nil
	})
	if err != nil {
		return nil, s.fail(ctx, lastOwner(ctx, err))
	}
	s.auth.Forget(user)
	return out, nil
}

func (s *service) removeMember(ctx context.Context, in *MemberInput) (*struct{}, error) {
	business, user, err := in.ids(ctx)
	if err != nil {
		return nil, err
	}
	err = s.inBusiness(ctx, business, func(t *store.MemberTx) error {
		if user != t.UserID && !auth.Role(t.Role).Covers(auth.Admin) {
			return forbidden(ctx, string(auth.Admin))
		}
		m, err := t.Member(ctx, user)
		if err != nil {
			return err
		}
		if user != t.UserID && m.Role == string(auth.Owner) && t.Role != string(auth.Owner) {
			return forbidden(ctx, string(auth.Owner))
		}
		note(ctx, user.String(), map[string]any{"role": m.Role})
		return t.RemoveMember(ctx, user)
	})
	if err != nil {
		return nil, s.fail(ctx, lastOwner(ctx, err))
	}
	s.auth.Forget(user)
	return nil, nil
}

// ids reads the ids of the path.
func (in *MemberInput) ids(ctx context.Context) (business, user uuid.UUID, err error) {
	if business, err = pathID(ctx, in.ID); err != nil {
		return business, user, err
	}
	if user, err = uuid.Parse(in.UserID); err != nil {
		return business, user, invalid(ctx, "path", "user_id", "not an id")
	}
	return business, user, nil
}

func aboutMember(m store.Member) memberAnswer {
	return memberAnswer{UserID: m.UserID.String(), Email: m.Email, Name: m.Name, Role: m.Role, Active: m.Active, JoinedAt: m.JoinedAt.UTC()}
}

// lastOwner turns store.ErrLastOwner into its answer.
func lastOwner(ctx context.Context, err error) error {
	if !errors.Is(err, store.ErrLastOwner) {
		return err
	}
	return problem(ctx, http.StatusConflict, codeLastOwner, "The business would have no owner who can sign in. Make somebody else an owner first.")
}
