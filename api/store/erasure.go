package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// The kinds of what is erased.
const (
	ErasedBusiness = "business"
	ErasedUser     = "user"
)

// Erasure is a line of the ledger of what people asked to be erased. The ledger outlives what it tells of, so that a backup can
// be restored without bringing it back.
type Erasure struct {
	ID uuid.UUID
	// Kind is ErasedBusiness or ErasedUser; SubjectID is whose id that was.
	Kind        string
	SubjectID   uuid.UUID
	RequestedAt time.Time
	// DoneAt is when no trace was left outside Postgres either; nil until then.
	DoneAt *time.Time
}

// Erasures returns the erasures that are not done, or all, oldest first. For RoleBatch.
func (s *Store) Erasures(ctx context.Context, all bool) ([]Erasure, error) {
	rows, err := query.New(s.pool).OpenErasures(ctx, all)
	if err != nil {
		return nil, fmt.Errorf("list erasures: %w", Classify(err))
	}
	erasures := make([]Erasure, len(rows))
	for i, r := range rows {
		erasures[i] = Erasure(r)
	}
	return erasures, nil
}

// FinishErasure notes that an erasure is done. It removes once more what is published of a business: a publication that was
// on its way when the business was deleted may have come after. For RoleBatch.
func (s *Store) FinishErasure(ctx context.Context, e Erasure, at time.Time) error {
	err := s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, _ pgx.Tx) error {
		if e.Kind == ErasedBusiness {
			if err := q.ErasePublished(ctx, e.SubjectID); err != nil {
				return err
			}
		}
		done, err := q.FinishErasure(ctx, query.FinishErasureParams{ID: e.ID, At: at})
		if err == nil && done == 0 {
			err = ErrNotFound
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("finish erasure %s: %w", e.ID, err)
	}
	return nil
}

// EraseAgain removes once more what is published of deleted businesses: a publication that was on its way when one was
// deleted may have come after. For RoleBatch.
func (s *Store) EraseAgain(ctx context.Context) error {
	open, err := s.Erasures(ctx, false)
	if err != nil {
		return err
	}
	for _, e := range open {
		if e.Kind != ErasedBusiness {
			continue
		}
		if err := query.New(s.pool).ErasePublished(ctx, e.SubjectID); err != nil {
			return fmt.Errorf("erase business %s again: %w", e.SubjectID, Classify(err))
		}
	}
	return nil
}

// Ownership is a business of which the user is the only owner who can sign in.
type Ownership struct {
	BusinessID uuid.UUID
	Name       string
	// Others is how many others belong to it.
	Others int
}

// SoleOwnerships returns the businesses that would have no owner without the user, by name.
func (tx *UserTx) SoleOwnerships(ctx context.Context) ([]Ownership, error) {
	rows, err := tx.q.SoleOwnerships(ctx)
	if err != nil {
		return nil, fmt.Errorf("list ownerships: %w", Classify(err))
	}
	ownerships := make([]Ownership, len(rows))
	for i, r := range rows {
		ownerships[i] = Ownership{BusinessID: r.ID, Name: r.Name, Others: int(r.Others)}
	}
	return ownerships, nil
}

// DeleteAccount erases the user: the businesses to which nobody else belongs, the account with all that hangs on it, and in the
// audit log where the user acted from; what was done stays there, under an id that names nobody any more. It returns
// ErrLastOwner when others would be left without an owner.
func (tx *UserTx) DeleteAccount(ctx context.Context, at time.Time) error {
	if err := tx.deleteAccount(ctx, at); err != nil {
		return fmt.Errorf("delete account: %w", lastOwner(err))
	}
	return nil
}

func (tx *UserTx) deleteAccount(ctx context.Context, at time.Time) error {
	ownerships, err := tx.q.SoleOwnerships(ctx)
	if err != nil {
		return err
	}
	for _, o := range ownerships {
		if o.Others > 0 {
			return ErrLastOwner
		}
		if err := tx.q.Enter(ctx, query.EnterParams{Setting: "app.business_id", Value: o.ID.String()}); err != nil {
			return err
		}
		if err := deleteBusiness(ctx, tx.q, at); err != nil {
			return err
		}
	}
	if err := tx.q.Enter(ctx, query.EnterParams{Setting: "app.business_id", Value: ""}); err != nil {
		return err
	}
	if err := tx.q.EraseTraces(ctx, at); err != nil {
		return err
	}
	deleted, err := tx.q.DeleteAccount(ctx)
	if err == nil && deleted == 0 {
		err = ErrNotFound
	}
	return err
}
