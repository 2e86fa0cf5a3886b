package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/notify/message"
	"github.com/signalcraft/signalcraft/api/store"
)

// An API key is "sck_", its id in 32 hexadecimal digits, "_" and 32 random bytes in base64url.
const (
	keyPrefix      = "sck_"
	keySecretBytes = 32
)

// NewKey is an API key to make.
type NewKey struct {
	Name   string
	Scopes []string
	// Life is how long it is accepted.
	Life time.Duration
}

// LeastFor returns the least role in the business that may make a key with the scopes.
func LeastFor(scopes []string) Role {
	switch {
	case slices.Contains(scopes, ScopeSources):
		return Admin
	case slices.Contains(scopes, ScopeWrite):
		return Analyst
	}
	return Viewer
}

// CreateKey makes an API key of the transaction's user for the transaction's business, and returns it with its one and only
// copy. The user's role must cover LeastFor of its scopes, and decides again at each use.
func (s *Service) CreateKey(ctx context.Context, tx *store.MemberTx, n NewKey) (store.Key, string, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return store.Key{}, "", fmt.Errorf("make key id: %w", err)
	}
	secret := make([]byte, keySecretBytes)
	rand.Read(secret) // never fails
	raw := keyPrefix + hex.EncodeToString(id[:]) + "_" + base64.RawURLEncoding.EncodeToString(secret)
	now := s.clock().UTC()
	key := store.Key{ID: id, BusinessID: tx.BusinessID, Name: n.Name, Scopes: n.Scopes, CreatedAt: now, ExpiresAt: now.Add(n.Life)}
	sum := sha256.Sum256([]byte(raw))
	if err := tx.AddKey(ctx, key, sum[:]); err != nil {
		return store.Key{}, "", err
	}
	business, err := tx.Detail(ctx)
	if err != nil {
		return store.Key{}, "", err
	}
	told := message.APIKey{Name: n.Name, Business: business.Name, Scopes: n.Scopes, ExpiresAt: key.ExpiresAt}
	return key, raw, s.mailUser(ctx, &tx.UserTx, func(to store.User, o message.Occasion) store.Mail { return s.mails.APIKeyCreated(to, told, o) })
}

// RemoveKey removes an API key of the transaction's user. It returns store.ErrNotFound when there is none with that id.
func (s *Service) RemoveKey(ctx context.Context, tx *store.UserTx, id uuid.UUID) error {
	s.apiKeys.distrust(tx.UserID)
	_, err := tx.RemoveKey(ctx, id)
	return err
}

// parseKey returns the id in an API key.
func parseKey(raw string) (uuid.UUID, bool) {
	text, ok := strings.CutPrefix(raw, keyPrefix)
	id, secret, cut := strings.Cut(text, "_")
	if !ok || !cut || len(id) != 32 || id != strings.ToLower(id) {
		return uuid.Nil, false
	}
	b, err := hex.DecodeString(id)
	if err != nil {
		return uuid.Nil, false
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(secret)
	return uuid.UUID(b), err == nil && len(decoded) == keySecretBytes && len(secret) == base64.RawURLEncoding.EncodedLen(keySecretBytes)
}

// authenticateKey returns whom an API key acts for.
func (s *Service) authenticateKey(ctx context.Context, raw string) (Principal, error) {
	id, ok := parseKey(raw)
	if !ok {
		return Principal{}, ErrToken
	}
	state, err := s.apiKeys.get(ctx, id, func(v store.KeyState) uuid.UUID { return v.UserID },
		func(ctx context.Context) (store.KeyState, error) { return s.openKey(ctx, id, raw) })
	if err != nil {
		return Principal{}, tokenError(err)
	}
	if !keyFits(state, raw) || !s.clock().Before(state.ExpiresAt) {
		return Principal{}, ErrToken
	}
	return Principal{UserID: state.UserID, KeyID: id, KeyBusiness: state.BusinessID, KeyScopes: state.Scopes}, nil
}

// openKey reads the state of a key that raw shows and notes its use. It returns ErrToken when raw does not fit, so that a guess is neither noted
// nor remembered.
func (s *Service) openKey(ctx context.Context, id uuid.UUID, raw string) (state store.KeyState, err error) {
	now := s.clock().UTC()
	err = s.store.OpenKey(ctx, id, func(tx *store.UserTx, k store.KeyState) error {
		state = k
		if !keyFits(k, raw) || !now.Before(k.ExpiresAt) {
			return ErrToken
		}
		account, err := tx.Account(ctx)
		if err != nil {
			return err
		}
		if !account.Active {
			return ErrToken
		}
		return tx.UseKey(ctx, id, now)
	})
	if errors.Is(err, ErrToken) {
		return state, ErrToken
	}
	return state, err
}

func keyFits(k store.KeyState, raw string) bool {
	sum := sha256.Sum256([]byte(raw))
	return subtle.ConstantTimeCompare(sum[:], k.Hash) == 1
}
