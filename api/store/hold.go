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
	holding := s.holding()
	return holding.held, holding.AsUser(ctx, userID, fn)
}

// HoldAsMember is AsMember without the commit.
func (s *Store) HoldAsMember(ctx context.Context, userID, businessID uuid.UUID, fn func(*MemberTx) error) (*Held, error) {
	holding := s.holding()
	return holding.held, holding.AsMember(ctx, userID, businessID, fn)
}

// holding returns the store as seen by one transaction that is to be held.
func (s *Store) holding() *Store { return &Store{pool: s.pool, role: s.role, held: &Held{}} }

// Commit makes the work stand. The transaction is over, also when it fails.
func (h *Held) Commit(ctx context.Context) error {
	if err := h.tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit: %w", errors.Join(Classify(err), rollback(ctx, h.tx)))
	}
	return nil
}

// Release undoes the work. After Commit it does nothing.
func (h *Held) Release(ctx context.Context) error { return rollback(ctx, h.tx) }
