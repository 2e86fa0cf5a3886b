package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// Held is a transaction whose work is done and whose commit waits, so that what comes of the work, such as the answer
// to the request, can be kept with it or not at all. Commit or Release ends it.
type Held struct {
	q  *query.Queries
	tx pgx.Tx
}

// HoldAsUser is AsUser without the commit.
func (s *Store) HoldAsUser(ctx context.Context, userID uuid.UUID, fn func(*UserTx) error) (*Held, error) {
	held, err := s.hold(ctx, func(q *query.Queries, tx pgx.Tx) error {
		return fn(&UserTx{UserID: userID, q: q, tx: tx})
	}, actingUser(userID))
	return held, about("user", userID, err)
}

// HoldAsMember is AsMember without the commit.
func (s *Store) HoldAsMember(ctx context.Context, userID, businessID uuid.UUID, fn func(*MemberTx) error) (*Held, error) {
	held, err := s.hold(ctx, func(q *query.Queries, tx pgx.Tx) error {
		role, err := q.RequestRole(ctx)
		if err != nil {
			return fmt.Errorf("read role: %w", err)
		}
		return fn(&MemberTx{UserTx: UserTx{UserID: userID, q: q, tx: tx}, BusinessID: businessID, Role: role})
	}, actingUser(userID), setting{"app.business_id", businessID.String()})
	return held, about("business", businessID, err)
}

func (s *Store) hold(ctx context.Context, fn func(*query.Queries, pgx.Tx) error, settings ...setting) (_ *Held, err error) {
	tx, err := s.open(ctx, pgx.TxOptions{}, settings...)
	if err != nil {
		return nil, err
	}
	q := query.New(tx)
	finished := false
	defer func() {
		if !finished || err != nil { // fn may panic
			err = errors.Join(Classify(err), rollback(ctx, tx))
		}
	}()
	err = fn(q, tx)
	finished = true
	return &Held{q: q, tx: tx}, err
}

// Commit makes the work stand. The transaction is over, also when it fails.
func (h *Held) Commit(ctx context.Context) error {
	if err := h.tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit: %w", errors.Join(Classify(err), rollback(ctx, h.tx)))
	}
	return nil
}

// Release undoes the work. After Commit it does nothing.
func (h *Held) Release(ctx context.Context) error { return rollback(ctx, h.tx) }
