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
	ErasedKPI      = "kpi"
)

// Erasure is a line of the ledger of what people asked to be erased. The ledger outlives what it tells of, so that a backup can
// be restored without bringing it back.
type Erasure struct {
	ID uuid.UUID
	// Kind is ErasedBusiness, ErasedUser or ErasedKPI; SubjectID is whose id that was.
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

// FinishErasure notes that an erasure is done. It removes once more what is published of a business or KPI: a publication that was
// on its way when it was deleted may have come after. For RoleBatch.
func (s *Store) FinishErasure(ctx context.Context, e Erasure, at time.Time) error {
	err := s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, _ pgx.Tx) error {
		if err := erasePublished(ctx, q, e); err != nil {
			return err
		}
		if e.Kind == ErasedBusiness {
			if err := q.ErasePartings(ctx, e.SubjectID); err != nil {
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

// EraseAgain removes once more what is published of deleted businesses and KPIs: a publication that was on its way when one was
// deleted may have come after. For RoleBatch.
func (s *Store) EraseAgain(ctx context.Context) error {
	open, err := s.Erasures(ctx, false)
	if err != nil {
		return err
	}
	for _, e := range open {
		if err := erasePublished(ctx, query.New(s.pool), e); err != nil {
			return fmt.Errorf("erase %s %s again: %w", e.Kind, e.SubjectID, Classify(err))
		}
	}
	return nil
}

func erasePublished(ctx context.Context, q *query.Queries, e Erasure) error {
	switch e.Kind {
	case ErasedBusiness:
		return q.ErasePublished(ctx, e.SubjectID)
	case ErasedKPI:
		return q.ErasePublishedKPI(ctx, e.SubjectID)
	}
	return nil
}

// Gone returns which of the businesses do not exist and which of the KPIs were deleted: what was read of them must not
// land any more. For RoleBatch.
func (s *Store) Gone(ctx context.Context, businesses, kpis []uuid.UUID) (map[uuid.UUID]bool, error) {
	q := query.New(s.pool)
	missing, err := q.GoneBusinesses(ctx, businesses)
	if err != nil {
		return nil, fmt.Errorf("look for businesses: %w", Classify(err))
	}
	erased, err := q.ErasedKPIs(ctx, kpis)
	if err != nil {
		return nil, fmt.Errorf("look for erased KPIs: %w", Classify(err))
	}
	gone := make(map[uuid.UUID]bool, len(missing)+len(erased))
	for _, id := range append(missing, erased...) {
		gone[id] = true
	}
	return gone, nil
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
