package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// SigningKey is a key that signs access tokens.
type SigningKey struct {
	// ID is the token header's "kid".
	ID string
	// Algorithm is the JWS name: EdDSA or ES256.
	Algorithm string
	// PublicKey is PKIX, DER. PrivateKey is kept as package auth wrote it.
	PublicKey  []byte
	PrivateKey []byte
	// Retired keys sign no more but still verify, until VerifiesUntil unless that is zero.
	Retired       bool
	VerifiesUntil time.Time
}

// SigningKeys returns all signing keys, oldest first.
func (s *Store) SigningKeys(ctx context.Context) ([]SigningKey, error) {
	rows, err := query.New(s.pool).SigningKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read signing keys: %w", Classify(err))
	}
	keys := make([]SigningKey, len(rows))
	for i, r := range rows {
		keys[i] = SigningKey{ID: r.ID, Algorithm: r.Algorithm, PublicKey: r.PublicKey, PrivateKey: r.PrivateKey, Retired: r.Retired}
		if r.VerifiesUntil != nil {
			keys[i].VerifiesUntil = *r.VerifiesUntil
		}
	}
	return keys, nil
}

// AddFirstSigningKey adds key unless the installation has a key that signs. Of several
// processes that call it at once, one adds its key.
func (s *Store) AddFirstSigningKey(ctx context.Context, key SigningKey) error {
	err := s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, _ pgx.Tx) error {
		if err := q.LockSigningKeys(ctx); err != nil {
			return err
		}
		return q.AddFirstSigningKey(ctx, query.AddFirstSigningKeyParams{
			ID: key.ID, Algorithm: key.Algorithm, PublicKey: key.PublicKey, PrivateKey: key.PrivateKey,
		})
	})
	if err != nil {
		return fmt.Errorf("add signing key %s: %w", key.ID, err)
	}
	return nil
}

// SealSigningKey replaces the private key of key, which is how it was found, by sealed. When somebody else was faster, it
// changes nothing.
func (s *Store) SealSigningKey(ctx context.Context, key SigningKey, sealed []byte) error {
	if err := query.New(s.pool).SealSigningKey(ctx, query.SealSigningKeyParams{ID: key.ID, Found: key.PrivateKey, Sealed: sealed}); err != nil {
		return fmt.Errorf("seal signing key %s: %w", key.ID, Classify(err))
	}
	return nil
}

// RotateSigningKey lets key sign from now on, and those that signed until now verify until an instant. It returns their ids.
func (tx *OperatorTx) RotateSigningKey(ctx context.Context, key SigningKey, at, verifiesUntil time.Time) ([]string, error) {
	if err := tx.q.LockSigningKeys(ctx); err != nil {
		return nil, fmt.Errorf("lock signing keys: %w", Classify(err))
	}
	retired, err := tx.q.RetireSigningKeys(ctx, query.RetireSigningKeysParams{At: at, VerifiesUntil: verifiesUntil})
	if err != nil {
		return nil, fmt.Errorf("retire signing keys: %w", Classify(err))
	}
	err = tx.q.AddSigningKey(ctx, query.AddSigningKeyParams{ID: key.ID, Algorithm: key.Algorithm, PublicKey: key.PublicKey, PrivateKey: key.PrivateKey})
	if err != nil {
		return nil, fmt.Errorf("add signing key %s: %w", key.ID, Classify(err))
	}
	return retired, nil
}
