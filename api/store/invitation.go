package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// Invitation asks whoever has an address to join a business.
type Invitation struct {
	ID          uuid.UUID
	Email, Role string
	InvitedBy   uuid.UUID
	// From ExpiresAt on it cannot be accepted.
	CreatedAt, ExpiresAt time.Time
	// TokenHash is the SHA-256 hash of its token; it is only written.
	TokenHash []byte
}

// Invitations returns up to most invitations of the business by when they were made, expired ones too, after a key; nil
// means from the first on.
func (tx *MemberTx) Invitations(ctx context.Context, after *PageKey, most int) ([]Invitation, error) {
	at, id := after.parts()
	rows, err := tx.q.Invitations(ctx, query.InvitationsParams{AfterAt: at, AfterID: id, Most: int32(most)})
	if err != nil {
		return nil, fmt.Errorf("list invitations: %w", Classify(err))
	}
	invitations := make([]Invitation, len(rows))
	for i, r := range rows {
		invitations[i] = Invitation{ID: r.ID, Email: r.Email, Role: r.Role, InvitedBy: r.InvitedBy, CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt}
	}
	return invitations, nil
}

// Invite adds an invitation by the user, in place of one to the same address. It returns ErrConflict when somebody with that
// address belongs to the business.
func (tx *MemberTx) Invite(ctx context.Context, i Invitation) error {
	member, err := tx.q.IsMemberAddress(ctx, i.Email)
	if err == nil && member {
		err = ErrConflict
	}
	if err == nil {
		err = tx.q.Invite(ctx, query.InviteParams{ID: i.ID, Email: i.Email, Role: i.Role, TokenHash: i.TokenHash, CreatedAt: i.CreatedAt, ExpiresAt: i.ExpiresAt})
	}
	if err != nil {
		return fmt.Errorf("invite: %w", Classify(err))
	}
	return nil
}

// DropInvitation takes an invitation back. It returns ErrNotFound when there is none.
func (tx *MemberTx) DropInvitation(ctx context.Context, id uuid.UUID) error {
	dropped, err := tx.q.DropInvitation(ctx, id)
	if err == nil && dropped == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("drop invitation %s: %w", id, Classify(err))
	}
	return nil
}

// AcceptInvitation makes the user a member by the invitation whose token has the hash, uses that up, and returns the business
// with the user's role. It returns ErrNotFound when there is none for the user's verified address, or it is no longer good.
func (tx *UserTx) AcceptInvitation(ctx context.Context, tokenHash []byte, at time.Time) (business uuid.UUID, role string, err error) {
	r, err := tx.q.AcceptInvitation(ctx, query.AcceptInvitationParams{TokenHash: tokenHash, At: at})
	if err != nil {
		return uuid.Nil, "", fmt.Errorf("accept invitation: %w", Classify(err))
	}
	return r.BusinessID, r.Role, nil
}
