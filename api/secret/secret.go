// Package secret keeps secrets at rest: how does a password that a user gave for a source, or the key of a second
// factor, lie in Postgres so that a copy of the database does not give it away?
//
// A [Box] seals with AES-256-GCM under a key that is not in the database. Each sealed text names its key, so keys can be
// rotated: the first key of a Box seals, all of them open. What a text is sealed for (its row) is bound to it, so a
// sealed text that is copied to another row does not open there.
//
// The sealed form is "v1." + key id + "." + base64url of nonce and ciphertext. The key id is the first 8 hex digits of
// the key's SHA-256.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// KeyBytes is the size of a key.
const KeyBytes = 32

// ErrSealed is returned for a text that no key of the Box opens: made with a key that is gone, for another
// purpose, or damaged.
var ErrSealed = errors.New("sealed text cannot be opened with the present keys")

// Box seals and opens secrets. It may be used from many goroutines.
type Box struct {
	first string
	keys  map[string]cipher.AEAD
}

// New returns a Box that seals with the first of keys and opens with all of them. It fails when there is none or one
// does not have KeyBytes bytes.
func New(keys ...[]byte) (*Box, error) {
	if len(keys) == 0 {
		return nil, errors.New("secret keys: there is none")
	}
	b := &Box{keys: map[string]cipher.AEAD{}}
	for i, key := range keys {
		if len(key) != KeyBytes {
			return nil, fmt.Errorf("secret key %d: %d bytes, want %d", i+1, len(key), KeyBytes)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("secret key %d: %w", i+1, err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, fmt.Errorf("secret key %d: %w", i+1, err)
		}
		digest := sha256.Sum256(key)
		id := hex.EncodeToString(digest[:4])
		b.keys[id] = aead
		if i == 0 {
			b.first = id
		}
	}
	return b, nil
}

// Parse returns a Box for keys written in base64 and separated by commas, as in a setting.
func Parse(text string) (*Box, error) {
	var keys [][]byte
	for i, part := range strings.Split(text, ",") {
		key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("secret key %d: not base64", i+1) // the cause would quote the key
		}
		keys = append(keys, key)
	}
	return New(keys...)
}

// Seal returns secret sealed for purpose, which is not secret and must be the same when it is opened.
func (b *Box) Seal(purpose string, secret []byte) string {
	aead := b.keys[b.first]
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce) // never fails
	sealed := aead.Seal(nonce, nonce, secret, []byte(purpose))
	return "v1." + b.first + "." + base64.RawURLEncoding.EncodeToString(sealed)
}

// Open returns what was sealed for purpose, or ErrSealed.
func (b *Box) Open(purpose, sealed string) ([]byte, error) {
	parts := strings.Split(sealed, ".")
	if len(parts) != 3 || parts[0] != "v1" {
		return nil, ErrSealed
	}
	aead, ok := b.keys[parts[1]]
	raw, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if !ok || err != nil || len(raw) < aead.NonceSize() {
		return nil, ErrSealed
	}
	plain, err := aead.Open(nil, raw[:aead.NonceSize()], raw[aead.NonceSize():], []byte(purpose))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// Stale reports whether sealed was made with another key than the one that seals now, so that it should be sealed again.
func (b *Box) Stale(sealed string) bool { return !strings.HasPrefix(sealed, "v1."+b.first+".") }
