package auth

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

const (
	// keyAlgorithm is the JWS name under which our keys are kept.
	keyAlgorithm = "EdDSA"
	// reloadAfter is how long a keyring believes that an unknown key id does not exist.
	// Without it every forged token would cost a query.
	reloadAfter = 10 * time.Second
)

// keyring is this process's view of the signing keys in Postgres.
type keyring struct {
	store *store.Store
	clock func() time.Time

	mu       sync.Mutex
	loadedAt time.Time
	signing  *signingKey
	publics  map[string]ed25519.PublicKey
}

type signingKey struct {
	id      string
	private ed25519.PrivateKey
}

// current returns the key that new tokens are signed with. The first process that asks
// makes the installation's first key; one that asks at the same time gets that key too.
func (k *keyring) current(ctx context.Context) (*signingKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.signing != nil {
		return k.signing, nil
	}
	if err := k.load(ctx); err != nil {
		return nil, err
	}
	if k.signing != nil {
		return k.signing, nil
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	if err := k.store.AddFirstSigningKey(ctx, key); err != nil {
		return nil, err
	}
	if err := k.load(ctx); err != nil {
		return nil, err
	}
	if k.signing == nil {
		return nil, fmt.Errorf("signing keys: none is active after one was made")
	}
	return k.signing, nil
}

// public returns the key called id, or ErrToken when no such key is accepted.
func (k *keyring) public(ctx context.Context, id string) (ed25519.PublicKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, ok := k.publics[id]; ok {
		return key, nil
	}
	if k.publics != nil && k.clock().Sub(k.loadedAt) < reloadAfter {
		return nil, ErrToken
	}
	if err := k.load(ctx); err != nil {
		return nil, err
	}
	if key, ok := k.publics[id]; ok {
		return key, nil
	}
	return nil, ErrToken
}

// load reads all keys. The newest one that is not retired signs.
func (k *keyring) load(ctx context.Context) error {
	stored, err := k.store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	var signing *signingKey
	publics := make(map[string]ed25519.PublicKey, len(stored))
	for _, s := range stored {
		if s.Algorithm != keyAlgorithm {
			continue
		}
		private, err := parseKey(s)
		if err != nil {
			return err
		}
		publics[s.ID] = private.Public().(ed25519.PublicKey)
		if !s.Retired {
			signing = &signingKey{s.ID, private}
		}
	}
	k.publics, k.signing, k.loadedAt = publics, signing, k.clock()
	return nil
}

func newKey() (store.SigningKey, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return store.SigningKey{}, fmt.Errorf("make signing key: %w", err)
	}
	publicDER, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return store.SigningKey{}, fmt.Errorf("write public key: %w", err)
	}
	privateDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return store.SigningKey{}, fmt.Errorf("write private key: %w", err)
	}
	return store.SigningKey{ID: uuid.NewString(), Algorithm: keyAlgorithm, PublicKey: publicDER, PrivateKey: privateDER}, nil
}

func parseKey(s store.SigningKey) (ed25519.PrivateKey, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(s.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("read signing key %s: %w", s.ID, err)
	}
	private, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("read signing key %s: %T is no ed25519 key", s.ID, parsed)
	}
	return private, nil
}
