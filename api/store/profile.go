package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// Profile is what a person sees of their own account.
type Profile struct {
	ID          uuid.UUID
	Email, Name string
	// PendingEmail is the address that takes the place of Email once it is proved; empty when there is none.
	PendingEmail string
	// Phone may be empty. Locale is a BCP 47 tag, TimeZone an IANA name.
	Phone, Locale, TimeZone string
	Operator, Verified      bool
	CreatedAt, UpdatedAt    time.Time
	// LastLoginAt and PasswordChangedAt are nil when that never happened.
	LastLoginAt, PasswordChangedAt *time.Time
}

// ProfileChange is what to change of a profile; nil leaves a field as it is. An empty Phone removes it.
type ProfileChange struct {
	Name, Phone, Locale, TimeZone *string
}

// Profile returns the user's profile.
func (tx *UserTx) Profile(ctx context.Context, now time.Time) (Profile, error) {
	r, err := tx.q.Profile(ctx, now)
	if err != nil {
		return Profile{}, fmt.Errorf("read profile: %w", Classify(err))
	}
	return Profile{ID: r.ID, Email: r.Email, Name: r.FullName, PendingEmail: r.PendingEmail, Phone: r.Phone, Locale: r.Locale, TimeZone: r.TimeZone,
		Operator: r.IsOperator, Verified: r.Verified, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
		LastLoginAt: r.LastLoginAt, PasswordChangedAt: r.PasswordChangedAt}, nil
}

// UpdateProfile changes the user's profile. It returns ErrInvalid when the server does not know the time zone.
func (tx *UserTx) UpdateProfile(ctx context.Context, c ProfileChange, at time.Time) error {
	changed, err := tx.q.UpdateProfile(ctx, query.UpdateProfileParams{FullName: c.Name, Phone: c.Phone, Locale: c.Locale, TimeZone: c.TimeZone, At: at})
	if err == nil && changed == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("update profile: %w", Classify(err))
	}
	return nil
}
