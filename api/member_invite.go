package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/notify/message"
	"github.com/signalcraft/signalcraft/api/store"
)

// invitedFor is how long an invitation may be accepted.
const invitedFor = 7 * 24 * time.Hour

// invitationBytes is the length of an invitation's token before it is written as text.
const invitationBytes = 32

type invitationAnswer struct {
	ID        string    `json:"id" doc:"Id of the invitation" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	Email     string    `json:"email" doc:"Address that was invited" format:"email" example:"grace@example.com"`
	Role      string    `json:"role" doc:"What the person may do once they accept" enum:"owner,admin,analyst,viewer" example:"analyst"`
	InvitedBy string    `json:"invited_by" doc:"Id of the user who invited" format:"uuid" example:"0192f0c1-2a6b-7c3d-9e8f-5a4b3c2d1e0f"`
	CreatedAt time.Time `json:"created_at" doc:"When the mail went out" example:"2026-03-31T06:00:00Z"`
	ExpiresAt time.Time `json:"expires_at" doc:"From then on it cannot be accepted" example:"2026-04-07T06:00:00Z"`
	Expired   bool      `json:"expired" doc:"Whether that has passed; an expired invitation does not count as a member" example:"false"`
}

type listInvitationsOutput struct {
	Body struct {
		Invitations []invitationAnswer `json:"invitations" nullable:"false" doc:"Invitations by when they were made, also expired ones"`
		NextCursor  *string            `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJ0Ijoi"`
	}
}

type createInvitationInput struct {
	BusinessInput
	Body struct {
		Email string `json:"email" doc:"Address to invite" format:"email" minLength:"3" maxLength:"320" example:"grace@example.com"`
		Role  string `json:"role" doc:"What the person may do; not above your own role" enum:"owner,admin,analyst,viewer" example:"analyst"`
	}
}

type invitationOutput struct {
	Body invitationAnswer
}

type deleteInvitationInput struct {
	BusinessInput
	InvitationID string `path:"invitation_id" doc:"Id of the invitation" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
}

type acceptInvitationInput struct {
	Body struct {
		Token string `json:"token" doc:"Token of the mail; a secret" minLength:"1" maxLength:"100" example:"pB4vQ1V0m1xN7m9bqk0c2m4jYw8tq0rS6dK3fG5hJ7k"`
	}
}

func (s *service) registerInvitations() {
	tags := []string{"members"}
	register(s, huma.Operation{
		OperationID: "listInvitations", Method: http.MethodGet, Path: "/businesses/{id}/invitations", Tags: tags,
		Summary:     "Invitations of a business",
		Description: "Invitations that were neither accepted nor taken back, oldest first, also expired ones.",
	}, s.listInvitations)
	register(s, huma.Operation{
		OperationID: "createInvitation", Method: http.MethodPost, Path: "/businesses/{id}/invitations", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Invite somebody",
		Description: "Sends a mail with a token that works once, for seven days, and only for an account whose verified address is the invited one. " +
			"Another invitation to the same address takes the place of the one before. An invitation ends when its inviter could not make it any more.\n\n" +
			"Open invitations count as members towards the subscription's limit.",
	}, s.createInvitation)
	register(s, huma.Operation{
		OperationID: "deleteInvitation", Method: http.MethodDelete, Path: "/businesses/{id}/invitations/{invitation_id}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary:     "Take an invitation back",
		Description: "The link in its mail no longer works. An invitation that was accepted already is not found.",
	}, s.deleteInvitation)
	register(s, huma.Operation{
		OperationID: "acceptInvitation", Method: http.MethodPost, Path: "/invitations/accept", Tags: tags,
		Summary: "Accept an invitation",
		Description: "Makes you a member. The answer is 404 alike for a token that was used, has expired, was made up, or was sent to an address " +
			"that is not your verified one. Who is a member already keeps the higher role.",
		Responses: failing(http.StatusNotFound),
	}, s.acceptInvitation)
}

func (s *service) listInvitations(ctx context.Context, in *listMembersInput) (*listInvitationsOutput, error) {
	id, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	after, err := decodeCursor[timeKey](ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	var found []store.Invitation
	err = s.readBusiness(ctx, id, func(t *store.MemberTx) error {
		found, err = t.Invitations(ctx, after.page(), in.Limit+1)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page, next, err := cut(found, in.Limit, func(i store.Invitation) timeKey { return timeKey{i.CreatedAt, i.ID} })
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := &listInvitationsOutput{}
	out.Body.NextCursor, out.Body.Invitations = next, make([]invitationAnswer, len(page))
	for i, v := range page {
		out.Body.Invitations[i] = s.aboutInvitation(v)
	}
	return out, nil
}

func (s *service) createInvitation(ctx context.Context, in *createInvitationInput) (*invitationOutput, error) {
	id, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	address, err := readAddress(ctx, "email", in.Body.Email)
	if err != nil {
		return nil, err
	}
	// Apart from the mails that somebody asks for: inviting a person must not keep them from a new password.
	if err := s.admit(ctx, limitAccounts, "invitation "+address); err != nil {
		return nil, err
	}
	token, hash := newInvitationToken()
	now := s.clock().UTC()
	invitation := store.Invitation{Email: address, Role: in.Body.Role, TokenHash: hash, CreatedAt: now, ExpiresAt: now.Add(invitedFor)}
	if invitation.ID, err = uuid.NewV7(); err != nil {
		return nil, s.fail(ctx, err)
	}
	err = s.inBusiness(ctx, id, func(t *store.MemberTx) error {
		if !auth.Role(t.Role).Covers(auth.Role(in.Body.Role)) {
			return forbidden(ctx, in.Body.Role)
		}
		used, err := t.Usage(ctx, address, now)
		if err != nil {
			return err
		}
		if err := room(ctx, used, more{Members: 1}); err != nil {
			return err
		}
		invitation.InvitedBy = t.UserID
		note(ctx, invitation.ID.String(), map[string]any{"role": in.Body.Role}) // not the address: the audit log keeps none
		if err := t.Invite(ctx, invitation); err != nil {
			return err
		}
		return s.mailInvitation(ctx, t, invitation, token)
	})
	if errors.Is(err, store.ErrConflict) {
		return nil, problem(ctx, http.StatusConflict, codeConflict, "Somebody with that address is a member already.")
	}
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return &invitationOutput{Body: s.aboutInvitation(invitation)}, nil
}

// mailInvitation queues the mail that holds the token.
func (s *service) mailInvitation(ctx context.Context, t *store.MemberTx, i store.Invitation, token string) error {
	business, err := t.Detail(ctx)
	if err != nil {
		return err
	}
	inviter, err := t.Member(ctx, t.UserID)
	if err != nil {
		return err
	}
	if inviter.Name == "" {
		inviter.Name = inviter.Email
	}
	return t.QueueMail(ctx, s.mails.Invitation(message.Invite{Recipient: i.Email, Inviter: inviter.Name, Business: business.Name,
		Role: i.Role, Token: token, Until: i.ExpiresAt}))
}

func (s *service) deleteInvitation(ctx context.Context, in *deleteInvitationInput) (*struct{}, error) {
	id, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	invitation, err := uuid.Parse(in.InvitationID)
	if err != nil {
		return nil, invalid(ctx, "path", "invitation_id", "not an id")
	}
	err = s.inBusiness(ctx, id, func(t *store.MemberTx) error {
		note(ctx, invitation.String(), nil)
		return t.DropInvitation(ctx, invitation)
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return nil, nil
}

func (s *service) acceptInvitation(ctx context.Context, in *acceptInvitationInput) (*businessOutput, error) {
	hash, ok := invitationHash(in.Body.Token)
	if !ok {
		return nil, notFound(ctx)
	}
	out := &businessOutput{}
	err := s.asUser(ctx, func(t *store.UserTx) error {
		business, role, err := t.AcceptInvitation(ctx, hash, s.clock().UTC())
		if err != nil {
			return err
		}
		note(ctx, t.UserID.String(), map[string]any{"role": role})
		noteBusiness(ctx, business)
		detail, err := t.BusinessOfUser(ctx, business)
		out.Body = aboutBusiness(detail)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return out, nil
}

func (s *service) aboutInvitation(i store.Invitation) invitationAnswer {
	return invitationAnswer{ID: i.ID.String(), Email: i.Email, Role: i.Role, InvitedBy: i.InvitedBy.String(),
		CreatedAt: i.CreatedAt.UTC(), ExpiresAt: i.ExpiresAt.UTC(), Expired: !s.clock().Before(i.ExpiresAt)}
}

// newInvitationToken returns a new token and its hash.
func newInvitationToken() (token string, hash []byte) {
	random := make([]byte, invitationBytes)
	rand.Read(random) // never fails
	digest := sha256.Sum256(random)
	return base64.RawURLEncoding.EncodeToString(random), digest[:]
}

// invitationHash returns the hash of a token; false when it has not the form of one.
func invitationHash(token string) ([]byte, bool) {
	random, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimSpace(token))
	if err != nil || len(random) != invitationBytes {
		return nil, false
	}
	digest := sha256.Sum256(random)
	return digest[:], true
}
