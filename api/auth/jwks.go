package auth

import (
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"time"

	"github.com/signalcraft/signalcraft/api/store"
)

// PublicKey is a key that verifies access tokens, as RFC 7517 and RFC 8037 write it.
type PublicKey struct {
	// ID is the "kid" of the tokens that it verifies, X the key in base64url.
	ID, X string
}

// PublicKeys returns the keys that verify access tokens now, by id.
func (s *Service) PublicKeys(ctx context.Context) ([]PublicKey, error) {
	keys, err := s.keys.all(ctx)
	if err != nil {
		return nil, err
	}
	public := make([]PublicKey, 0, len(keys))
	for _, id := range slices.Sorted(maps.Keys(keys)) {
		public = append(public, PublicKey{ID: id, X: base64.RawURLEncoding.EncodeToString(keys[id])})
	}
	return public, nil
}

// Rotation is a change of the key that signs.
type Rotation struct {
	// ID is that of the new key, Retired those of the keys that signed before.
	ID      string
	Retired []string
	// VerifiesUntil is the instant from which tokens of the retired ones are refused; all have expired by then.
	VerifiesUntil time.Time
}

// RotateSigningKey makes a new key that signs from now on. Other processes follow within a minute; tokens that the old key
// has signed until then stay good until they expire. Call Rotated when tx has committed.
func (s *Service) RotateSigningKey(ctx context.Context, tx *store.OperatorTx) (Rotation, error) {
	key, err := s.keys.newKey()
	if err != nil {
		return Rotation{}, err
	}
	now := s.clock().UTC()
	// The clocks of processes may differ by as much again.
	until := now.Add(max(s.tokens.lifetime, mfaLife) + 2*keysLife)
	retired, err := tx.RotateSigningKey(ctx, key, now, until)
	if err != nil {
		return Rotation{}, err
	}
	return Rotation{ID: key.ID, Retired: retired, VerifiesUntil: until}, nil
}

// Rotated makes this process read the signing keys again.
func (s *Service) Rotated() { s.keys.forget() }
