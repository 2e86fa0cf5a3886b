package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// The largest cost that a stored hash may ask for. A row that somebody tampered with
// must not be able to exhaust the machine.
const (
	maxMemoryKiB = 256 << 10
	maxPasses    = 16
	maxLanes     = 16
	saltBytes    = 16
	keyBytes     = 32
)

// ErrBusy is returned when a password could not be hashed before the context ended
// because every slot was taken. Answer that the service is busy, to be tried again.
var ErrBusy = errors.New("all password slots are taken")

// errHash is a stored hash that is not Argon2id in PHC form.
var errHash = errors.New("not an argon2id hash")

// HashConfig is the cost of one password hash and how many run at once.
type HashConfig struct {
	// MemoryKiB is the memory of one hash in KiB. Zero means 19456 (19 MiB), which with
	// two passes and one lane is OWASP's recommendation (Password Storage Cheat Sheet).
	MemoryKiB uint32
	// Passes is the number of passes over that memory. Zero means 2.
	Passes uint32
	// Lanes is the number of lanes of one hash. Zero means 1.
	Lanes uint8
	// Parallel bounds the hashes computed at once, and so the memory that parallel
	// sign-ins can claim. Zero means 4.
	Parallel int
}

// Hasher hashes and verifies passwords. It may be used from many goroutines.
type Hasher struct {
	cost  cost
	slots chan struct{}
	decoy string
}

type cost struct {
	memoryKiB uint32
	passes    uint32
	lanes     uint8
}

// NewHasher returns a Hasher with c's cost. It fails when a cost is above what Verify
// accepts, or when the system has no randomness to give.
func NewHasher(c HashConfig) (*Hasher, error) {
	if c.MemoryKiB == 0 {
		c.MemoryKiB = 19 << 10
	}
	if c.Passes == 0 {
		c.Passes = 2
	}
	if c.Lanes == 0 {
		c.Lanes = 1
	}
	if c.Parallel == 0 {
		c.Parallel = 4
	}
	h := &Hasher{cost: cost{c.MemoryKiB, c.Passes, c.Lanes}, slots: make(chan struct{}, max(c.Parallel, 1))}
	if !h.cost.valid() {
		return nil, fmt.Errorf("password hash cost m=%d t=%d p=%d: out of range", c.MemoryKiB, c.Passes, c.Lanes)
	}
	salt, err := newSalt()
	if err != nil {
		return nil, err
	}
	// Nothing hashes to zeros, so the decoy matches no password but costs as much as one.
	h.decoy = format(h.cost, salt, make([]byte, keyBytes))
	return h, nil
}

// Hash returns password's Argon2id hash in PHC form, with a salt of its own. It waits
// for a free slot and returns ErrBusy when ctx ends before.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt, err := newSalt()
	if err != nil {
		return "", err
	}
	key, err := h.derive(ctx, h.cost, password, salt, keyBytes)
	if err != nil {
		return "", err
	}
	return format(h.cost, salt, key), nil
}

// Verify reports whether password belongs to the stored hash. An empty stored hash stands
// for an unknown user: it takes the same work and never matches. It waits for a free
// slot and returns ErrBusy when ctx ends before; a stored text that is no hash is an error.
func (h *Hasher) Verify(ctx context.Context, stored, password string) (bool, error) {
	if stored == "" {
		stored = h.decoy
	}
	c, salt, want, err := parse(stored)
	if err != nil {
		return false, err
	}
	got, err := h.derive(ctx, c, password, salt, uint32(len(want)))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

func (h *Hasher) derive(ctx context.Context, c cost, password string, salt []byte, size uint32) ([]byte, error) {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrBusy, context.Cause(ctx))
	}
	defer func() { <-h.slots }()
	// Keyboards write the same characters in different ways.
	return argon2.IDKey(norm.NFC.Bytes([]byte(password)), salt, c.passes, c.memoryKiB, c.lanes, size), nil
}

func (c cost) valid() bool {
	return c.memoryKiB >= 8*uint32(c.lanes) && c.memoryKiB <= maxMemoryKiB &&
		c.passes >= 1 && c.passes <= maxPasses && c.lanes >= 1 && c.lanes <= maxLanes
}

func newSalt() ([]byte, error) {
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return nil, fmt.Errorf("read randomness: %w", err)
	}
	return salt, nil
}

// format writes the PHC string form: $argon2id$v=19$m=..,t=..,p=..$salt$hash.
func format(c cost, salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memoryKiB, c.passes, c.lanes,
		b64.EncodeToString(salt), b64.EncodeToString(key))
}

func parse(stored string) (c cost, salt, key []byte, err error) {
	part := strings.Split(stored, "$")
	if len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return cost{}, nil, nil, errHash
	}
	if _, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &c.memoryKiB, &c.passes, &c.lanes); err != nil || !c.valid() {
		return cost{}, nil, nil, errHash
	}
	b64 := base64.RawStdEncoding.Strict()
	if salt, err = b64.DecodeString(part[4]); err != nil || len(salt) < 8 || len(salt) > 64 {
		return cost{}, nil, nil, errHash
	}
	if key, err = b64.DecodeString(part[5]); err != nil || len(key) < 16 || len(key) > 64 {
		return cost{}, nil, nil, errHash
	}
	return c, salt, key, nil
}
