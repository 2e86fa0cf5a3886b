package auth

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// verifiedLife is how long a process goes without checking a token's signature again.
	verifiedLife = 30 * time.Second
	// maxVerified bounds the tokens it remembers.
	maxVerified = 50_000
)

// verified remembers access tokens whose signature and claims were found good, by their SHA-256: checking a signature takes a
// hundred times as long as looking here. Whether the session lives is asked all the same.
type verified struct {
	mu     sync.Mutex
	tokens map[[sha256.Size]byte]verifiedToken
}

type verifiedToken struct {
	principal Principal
	until     time.Time
}

func (v *verified) find(sum [sha256.Size]byte, now time.Time) (Principal, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	found, ok := v.tokens[sum]
	return found.principal, ok && now.Before(found.until)
}

// add remembers a token that is good until expires.
func (v *verified) add(sum [sha256.Size]byte, p Principal, now, expires time.Time) {
	until := now.Add(verifiedLife)
	if expires.Before(until) {
		until = expires
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.tokens) >= maxVerified {
		for other, token := range v.tokens {
			if !now.Before(token.until) {
				delete(v.tokens, other)
			}
		}
	}
	if v.tokens == nil || len(v.tokens) >= maxVerified {
		v.tokens = map[[sha256.Size]byte]verifiedToken{}
	}
	v.tokens[sum] = verifiedToken{p, until}
}
