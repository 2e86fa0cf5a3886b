package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// Key is a key with which a program acts for a user in one business.
type Key struct {
	ID         uuid.UUID
	BusinessID uuid.UUID
	Name       string
	Scopes     []string
	CreatedAt  time.Time
	ExpiresAt  time.Time
	// UsedAt is when it was last used, to the minute; zero if it never was.
	UsedAt time.Time
}

// KeyState is what decides whether an API key is accepted.
type KeyState struct {
	BusinessID, UserID uuid.UUID
	// Hash is the SHA-256 of the whole key.
	Hash      []byte
	Scopes    []string
	ExpiresAt time.Time
}

// OpenKey runs fn with the API key that has an id, whosever it is, in a transaction that acts for its user. It commits unless
// fn returns an error, which it returns. It returns ErrNotFound when there is no such key.
func (s *Store) OpenKey(ctx context.Context, id uuid.UUID, fn func(*UserTx, KeyState) error) error {
	err := s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, tx pgx.Tx) error {
		row, err := q.KeyState(ctx, id)
		if err != nil {
			return fmt.Errorf("read key: %w", err)
		}
		if err := enter(ctx, q, actingUser(row.UserID)); err != nil {
			return err
		}
		return fn(&UserTx{UserID: row.UserID, q: q, tx: tx},
			KeyState{BusinessID: row.BusinessID, UserID: row.UserID, Hash: row.SecretHash, Scopes: row.Scopes, ExpiresAt: row.ExpiresAt})
	}, setting{"app.key_id", id.String()})
	return about("API key", id, err)
}

// UseKey notes that an API key of the transaction's user was used at an instant. It writes at most once a minute.
func (tx *UserTx) UseKey(ctx context.Context, id uuid.UUID, at time.Time) error {
	if err := tx.q.UseKey(ctx, query.UseKeyParams{ID: id, At: at}); err != nil {
		return fmt.Errorf("note use of key: %w", Classify(err))
	}
	return nil
}

// AddKey adds an API key of the transaction's user for the transaction's business; hash is the SHA-256 of the whole key. The
// database refuses scopes that are beyond the user's role.
func (tx *MemberTx) AddKey(ctx context.Context, k Key, hash []byte) error {
	err := tx.q.AddKey(ctx, query.AddKeyParams{BusinessID: tx.BusinessID, ID: k.ID, Name: k.Name, SecretHash: hash, Scopes: k.Scopes,
		CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt})
	if err != nil {
		return fmt.Errorf("add key: %w", Classify(err))
	}
	return nil
}

// Keys returns at most most API keys of the transaction's user, newest first.
func (tx *UserTx) Keys(ctx context.Context, most int) ([]Key, error) {
	rows, err := tx.q.Keys(ctx, int32(most))
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", Classify(err))
	}
	keys := make([]Key, len(rows))
	for i, r := range rows {
		keys[i] = Key{ID: r.ID, BusinessID: r.BusinessID, Name: r.Name, Scopes: r.Scopes, CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt}
		if r.LastUsedAt != nil {
			keys[i].UsedAt = *r.LastUsedAt
		}
	}
	return keys, nil
}

// CountKeys returns the number of API keys of the transaction's user.
func (tx *UserTx) CountKeys(ctx context.Context) (int, error) {
	if err := tx.q.LockUser(ctx); err != nil {
		return 0, fmt.Errorf("lock user: %w", Classify(err))
	}
	n, err := tx.q.CountKeys(ctx)
	if err != nil {
		return 0, fmt.Errorf("count keys: %w", Classify(err))
	}
	return int(n), nil
}

// RemoveKey removes an API key of the transaction's user and returns its name, or ErrNotFound.
func (tx *UserTx) RemoveKey(ctx context.Context, id uuid.UUID) (name string, err error) {
	if name, err = tx.q.RemoveKey(ctx, id); err != nil {
		return "", fmt.Errorf("remove key: %w", Classify(err))
	}
	return name, nil
}
