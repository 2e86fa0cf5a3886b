// Package billing is how the service asks whoever takes the money whether a business may change its subscription.
//
// A [Provider] answers; [Manual] is the one for installations where people settle that among themselves. The service
// stores each change before it asks and completes it after, so a Provider hears of a change that was interrupted again,
// under the same id.
package billing

import (
	"context"
	"errors"

	"github.com/google/uuid"
)

// ErrDeclined is returned when the payment was refused. The subscription stays as it is; the person may try again.
var ErrDeclined = errors.New("payment was declined")

// Change is the wish of a business to move from one tier to another.
type Change struct {
	// ID names the change; the same id is the same change.
	ID         uuid.UUID
	BusinessID uuid.UUID
	// UserID is the owner who asked.
	UserID uuid.UUID
	// From and To are free, pro or enterprise.
	From, To string
}

// Provider takes payments.
type Provider interface {
	// Name is a short constant word by which stored changes say who agreed to them.
	Name() string
	// Agree returns when the change is paid for, or needs no payment, with the provider's own reference, which may be
	// empty. It returns ErrDeclined when it is refused; after any other error it is not known, and Agree is called again
	// for the same change, perhaps in another process: it must not charge twice. It may be called from many goroutines.
	Agree(ctx context.Context, c Change) (reference string, err error)
}
