package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// ErrLastOwner is returned when a business would be left without an owner who can sign in. Make somebody else an owner first.
var ErrLastOwner = errors.New("the last owner")

// Member is somebody who belongs to a business.
type Member struct {
	UserID      uuid.UUID
	Email, Name string
	Role        string
	// Active is false when the account was switched off.
	Active   bool
	JoinedAt time.Time
}

// PageKey is the last row of a page in lists that are ordered by time and id.
type PageKey struct {
	At time.Time
	ID uuid.UUID
}

func (k *PageKey) parts() (*time.Time, uuid.UUID) {
	if k == nil {
		return nil, uuid.Nil
	}
	return &k.At, k.ID
}

// Members returns up to most members of the business by when they joined, after a key; nil means from the first on.
func (tx *MemberTx) Members(ctx context.Context, after *PageKey, most int) ([]Member, error) {
	at, id := after.parts()
	rows, err := tx.q.Members(ctx, query.MembersParams{AfterAt: at, AfterID: id, Most: int32(most)})
	if err != nil {
		return nil, fmt.Errorf("list members: %w", Classify(err))
	}
	members := make([]Member, len(rows))
	for i, r := range rows {
		members[i] = member(query.MemberRow(r))
	}
	return members, nil
}

// Member returns one member of the business, or ErrNotFound.
func (tx *MemberTx) Member(ctx context.Context, user uuid.UUID) (Member, error) {
	r, err := tx.q.Member(ctx, user)
	if err != nil {
		return Member{}, fmt.Errorf("read member %s: %w", user, Classify(err))
	}
	return member(r), nil
}

func member(r query.MemberRow) Member {
	return Member{UserID: r.UserID, Email: r.Email, Name: r.FullName, Role: r.Role, Active: r.IsActive, JoinedAt: r.CreatedAt}
}

// ChangeRole gives a member another role and tells the member's listeners; whoever may invite no more loses the invitations
// they made. It returns ErrNotFound when there is no such member whom the user may change, and ErrLastOwner.
func (tx *MemberTx) ChangeRole(ctx context.Context, user uuid.UUID, role string) error {
	if role == "viewer" || role == "analyst" {
		// Before the role: who demotes themselves sees no invitations afterwards.
		if _, err := tx.q.DropInvitationsOf(ctx, user); err != nil {
			return fmt.Errorf("drop invitations of member %s: %w", user, Classify(err))
		}
	}
	changed, err := tx.q.ChangeRole(ctx, query.ChangeRoleParams{Role: role, UserID: user})
	if err == nil && changed == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("change member %s: %w", user, lastOwner(err))
	}
	return tx.Tell(ctx, Event{UserID: &user, Kind: "membership.changed", Payload: map[string]any{"role": role}})
}

// RemoveMember ends a membership, and with it the API keys and invitations of the member, and tells the member's listeners.
// It returns ErrNotFound when there is no such member whom the user may remove, and ErrLastOwner.
func (tx *MemberTx) RemoveMember(ctx context.Context, user uuid.UUID) error {
	if _, err := tx.Member(ctx, user); err != nil {
		return err
	}
	// Before the membership is gone: who leaves may tell nothing of the business afterwards.
	if err := tx.Tell(ctx, Event{UserID: &user, Kind: "membership.ended"}); err != nil {
		return err
	}
	if _, err := tx.q.DropInvitationsOf(ctx, user); err != nil {
		return fmt.Errorf("drop invitations of member %s: %w", user, Classify(err))
	}
	removed, err := tx.q.RemoveMember(ctx, user)
	if err == nil && removed == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("remove member %s: %w", user, lastOwner(err))
	}
	return nil
}

// lastOwner turns the refusal of the trigger that keeps an owner into ErrLastOwner.
func lastOwner(err error) error {
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.ConstraintName == "memberships_last_owner" {
		return ErrLastOwner
	}
	return Classify(err)
}

// OwnersToTell returns id and address of the owners of the business, by id, for mail to them.
func (tx *MemberTx) OwnersToTell(ctx context.Context) ([]User, error) {
	rows, err := tx.q.OwnerAddresses(ctx)
	if err != nil {
		return nil, fmt.Errorf("list owners: %w", Classify(err))
	}
	owners := make([]User, len(rows))
	for i, r := range rows {
		owners[i] = User{ID: r.ID, Email: r.Email}
	}
	return owners, nil
}
