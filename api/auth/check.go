package auth

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// CheckPassword returns nil when password is the user's, ErrCredentials when it is not, or ErrBusy or an error of the store.
func (s *Service) CheckPassword(ctx context.Context, user uuid.UUID, password string) error {
	var hash string
	err := s.store.AsUser(ctx, user, func(t *store.UserTx) (err error) {
		hash, err = t.PasswordHash(ctx)
		return err
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	ok, err := s.hasher.Verify(ctx, hash, password)
	if err != nil {
		return fmt.Errorf("verify password of user %s: %w", user, err)
	}
	if !ok {
		return ErrCredentials
	}
	return nil
}
