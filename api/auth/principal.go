package auth

import (
	"context"

	"github.com/google/uuid"
)

// Principal is who a request acts for.
type Principal struct {
	// UserID is the signed-in user.
	UserID uuid.UUID
	// SessionID is the sign-in that the shown token came from.
	SessionID uuid.UUID
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
