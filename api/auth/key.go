package auth

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/secret"
	"github.com/signalcraft/signalcraft/api/store"
)

const (
	// keyAlgorithm is the JWS name under which our keys are kept.
	keyAlgorithm = "EdDSA"
	// reloadAfter is how long a keyring believes that an unknown key id does not exist.
	// Without it every forged token would cost a query.
	reloadAfter = 10 * time.Second
	// keysLife is how long a process goes by the keys it read. For as long, it may sign with a key that another process
	// has retired.
	keysLife = time.Minute
	// sealedPrefix begins a private key that is sealed; one that is not is DER and begins otherwise.
	sealedPrefix = "v1."
)

// keyring is this process's view of the signing keys in Postgres.
type keyring struct {
	store   *store.Store
	clock   func() time.Time
	secrets *secret.Box

	mu       sync.Mutex
	loadedAt time.Time
	signing  *signingKey
	publics  map[string]verifyingKey
}

// verifyingKey is a key that is accepted until an instant; zero means that no end is set.
type verifyingKey struct {
	public ed25519.PublicKey
	until  time.Time
}

func (v verifyingKey) good(now time.Time) bool { return v.until.IsZero() || now.Before(v.until) }

type signingKey struct {
	id      string
	private ed25519.PrivateKey
}

// current returns the key that new tokens are signed with. The first process that asks
// makes the installation's first key; one that asks at the same time gets that key too.
func (k *keyring) current(ctx context.Context) (*signingKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.signing != nil && !k.old() {
		return k.signing, nil
	}
	if err := k.load(ctx); err != nil {
		return nil, err
	}
	if k.signing != nil {
		return k.signing, nil
	}
	key, err := k.newKey()
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
	key, known := k.publics[id]
	if (!known || k.old()) && (known || k.publics == nil || k.clock().Sub(k.loadedAt) >= reloadAfter) {
		if err := k.load(ctx); err != nil {
			return nil, err
		}
		key, known = k.publics[id]
	}
	if !known || !key.good(k.clock()) {
		return nil, ErrToken
	}
	return key.public, nil
}

// all returns the keys that are accepted, by id.
func (k *keyring) all(ctx context.Context) (map[string]ed25519.PublicKey, error) {
	if _, err := k.current(ctx); err != nil { // which makes the first one
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	keys := map[string]ed25519.PublicKey{}
	for id, key := range k.publics {
		if key.good(k.clock()) {
			keys[id] = key.public
		}
	}
	return keys, nil
}

// forget makes the next question read the keys again.
func (k *keyring) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.signing, k.publics = nil, nil
}

func (k *keyring) old() bool { return k.clock().Sub(k.loadedAt) >= keysLife }

// load reads all keys. The newest one that is not retired signs.
func (k *keyring) load(ctx context.Context) error {
	stored, err := k.store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	var signing *signingKey
	publics := make(map[string]verifyingKey, len(stored))
	for _, s := range stored {
		if s.Algorithm != keyAlgorithm {
			continue
		}
		public, err := parsePublic(s)
		if err != nil {
			return err
		}
		publics[s.ID] = verifyingKey{public, s.VerifiesUntil}
		if s.Retired {
			continue
		}
		private, err := k.private(ctx, s)
		if err != nil {
			return err
		}
		if !public.Equal(private.Public()) {
			return fmt.Errorf("read signing key %s: its halves do not belong together", s.ID)
		}
		signing = &signingKey{s.ID, private}
	}
	k.publics, k.signing, k.loadedAt = publics, signing, k.clock()
	return nil
}

// private opens the private key of s. One that lies open, or is sealed with a key that is on its way out, is sealed anew.
func (k *keyring) private(ctx context.Context, s store.SigningKey) (ed25519.PrivateKey, error) {
	der, stale := s.PrivateKey, true
	if sealed := string(s.PrivateKey); strings.HasPrefix(sealed, sealedPrefix) {
		var err error
		if der, err = k.secrets.Open(keyPurpose(s.ID), sealed); err != nil {
			return nil, fmt.Errorf("read signing key %s: %w: was the secrets key changed?", s.ID, err)
		}
		stale = k.secrets.Stale(sealed)
	}
	private, err := parsePrivate(s.ID, der)
	if err != nil || !stale {
		return private, err
	}
	return private, k.store.SealSigningKey(ctx, s, []byte(k.secrets.Seal(keyPurpose(s.ID), der)))
}

func keyPurpose(id string) string { return "signing_keys/private_key/" + id }

// newKey makes a key, its private half sealed.
func (k *keyring) newKey() (store.SigningKey, error) {
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
	id := uuid.NewString()
	return store.SigningKey{ID: id, Algorithm: keyAlgorithm, PublicKey: publicDER, PrivateKey: []byte(k.secrets.Seal(keyPurpose(id), privateDER))}, nil
}

func parsePublic(s store.SigningKey) (ed25519.PublicKey, error) {
	parsed, err := x509.ParsePKIXPublicKey(s.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("read public key of signing key %s: %w", s.ID, err)
	}
	public, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("read public key of signing key %s: %T is no ed25519 key", s.ID, parsed)
	}
	return public, nil
}

func parsePrivate(id string, der []byte) (ed25519.PrivateKey, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("read signing key %s: %w", id, err)
	}
	private, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("read signing key %s: %T is no ed25519 key", id, parsed)
	}
	return private, nil
}
