package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// ErrClaimLost is returned when another request took over an idempotency key, because this one took longer than its
// lease. Nothing of this one may stand.
var ErrClaimLost = errors.New("another request took over the idempotency key")

// Claim is one request's hold on an idempotency key.
type Claim struct {
	// ID tells this request from others with the same key.
	ID uuid.UUID
	// UserID is whom the request acts for, Principal that user or one of the user's API keys: each has keys of its own.
	UserID, Principal uuid.UUID
	// Key is what the client sent, Operation what it called.
	Key, Operation string
}

// KeptAnswer is what is known of an idempotency key that another request has used.
type KeptAnswer struct {
	// Fingerprint tells what was asked; nil while that request is in flight.
	Fingerprint []byte
	// Status is the status of the answer, Sealed the rest of it.
	Status int
	Sealed string
	// LeasedUntil is when the request in flight is given up.
	LeasedUntil time.Time
}

// ClaimKey claims a key until now plus lease, and forgets the user's keys that are older than life. It returns nil when the key
// is the caller's now, else what the key was used for.
func (s *Store) ClaimKey(ctx context.Context, c Claim, now time.Time, lease, life time.Duration) (kept *KeptAnswer, err error) {
	// The row can go between the two statements, when the other request fails just then.
	for range 5 {
		kept = nil
		err = s.AsUser(ctx, c.UserID, func(tx *UserTx) error {
			if err := tx.q.DropExpiredKeys(ctx, now); err != nil {
				return fmt.Errorf("drop expired keys: %w", err)
			}
			n, err := tx.q.ClaimKey(ctx, query.ClaimKeyParams{Principal: c.Principal, Key: c.Key, Operation: c.Operation, Claim: c.ID,
				LeasedUntil: now.Add(lease), ExpiresAt: now.Add(life), Now: now})
			if err != nil || n == 1 {
				return err
			}
			row, err := tx.q.KeptAnswer(ctx, query.KeptAnswerParams{Principal: c.Principal, Key: c.Key})
			if err != nil {
				return err
			}
			kept = &KeptAnswer{Fingerprint: row.Fingerprint, LeasedUntil: row.LeasedUntil}
			if row.Status != nil && row.Answer != nil {
				kept.Status, kept.Sealed = int(*row.Status), *row.Answer
			}
			return nil
		})
		if !errors.Is(err, ErrNotFound) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("claim idempotency key: %w", err)
	}
	return kept, nil
}

// DropClaim gives a key back: the request had no effect, and may be sent again.
func (s *Store) DropClaim(ctx context.Context, c Claim) error {
	err := s.AsUser(ctx, c.UserID, func(tx *UserTx) error {
		return tx.q.DropClaim(ctx, query.DropClaimParams{Principal: c.Principal, Key: c.Key, Claim: c.ID})
	})
	if err != nil {
		return fmt.Errorf("drop idempotency key: %w", err)
	}
	return nil
}

// KeepAnswer keeps the answer for a claim in a transaction of its own. It returns ErrClaimLost when
// another request took over.
func (s *Store) KeepAnswer(ctx context.Context, c Claim, a KeptAnswer) error {
	return s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, _ pgx.Tx) error { return keepAnswer(ctx, q, c, a) }, actingUser(c.UserID))
}

// KeepAnswer keeps the answer for a claim together with the work. It returns ErrClaimLost when another request took over.
func (h *Held) KeepAnswer(ctx context.Context, c Claim, a KeptAnswer) error {
	return keepAnswer(ctx, h.q, c, a)
}

func keepAnswer(ctx context.Context, q *query.Queries, c Claim, a KeptAnswer) error {
	n, err := q.KeepAnswer(ctx, query.KeepAnswerParams{Principal: c.Principal, Key: c.Key, Claim: c.ID,
		Fingerprint: a.Fingerprint, Status: int32(a.Status), Answer: a.Sealed})
	if err != nil {
		return fmt.Errorf("keep answer: %w", Classify(err))
	}
	if n == 0 {
		return ErrClaimLost
	}
	return nil
}

// CheckClaim locks a claim until the commit. It returns ErrClaimLost when another request took over.
func (h *Held) CheckClaim(ctx context.Context, c Claim) error {
	holds, err := h.q.HoldsClaim(ctx, query.HoldsClaimParams{Principal: c.Principal, Key: c.Key, Claim: c.ID})
	if err != nil {
		return fmt.Errorf("check idempotency key: %w", Classify(err))
	}
	if !holds {
		return ErrClaimLost
	}
	return nil
}
