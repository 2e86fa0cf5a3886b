package auth

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Principal is who a request acts for.
type Principal struct {
	// UserID is the signed-in user.
	UserID uuid.UUID
	// SessionID is the sign-in that the shown token came from; zero for an API key.
	SessionID uuid.UUID
	// Operator may administer the installation.
	Operator bool
	// ProvedAt is when the user last proved who they are, by password and, if they have one, second
	// factor; zero for an API key.
	ProvedAt time.Time
	// SecondFactor tells whether that proof included a second factor.
	SecondFactor bool
	// KeyID is the API key that was shown; zero when it was an access token.
	KeyID uuid.UUID
	// KeyBusiness is the only business that the key reaches; KeyScopes is what it may do there.
	KeyBusiness uuid.UUID
	KeyScopes   []string
}

// IsKey reports whether the principal showed an API key.
func (p Principal) IsKey() bool { return p.KeyID != uuid.Nil }

// Has reports whether the principal may act within scope: a signed-in user always, a key if it was given it.
func (p Principal) Has(scope string) bool {
	return !p.IsKey() || scope != "" && slices.Contains(p.KeyScopes, scope)
}

type principalKey struct{}

// WithPrincipal returns a context that carries p.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalFrom returns the principal that ctx carries; false when nobody is signed in.
func PrincipalFrom(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}
