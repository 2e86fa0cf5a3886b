package auth

import (
	"context"
	"fmt"

	"github.com/signalcraft/signalcraft/api/store"
)

// ComparePassword reports whether password belongs to a stored hash. For an empty one it takes as long and returns false.
func (s *Service) ComparePassword(ctx context.Context, hash, password string) (bool, error) {
	return s.hasher.Verify(ctx, hash, password)
}

// CheckCurrent checks the password of somebody who is signed in. The caller has counted the attempt against the account's
// limits, so that a stolen access token is no way around them. It returns ErrCredentials or ErrBusy.
func (s *Service) CheckCurrent(ctx context.Context, account store.Account, password string) error {
	ok, err := s.hasher.Verify(ctx, account.PasswordHash, password)
	if err != nil {
		return fmt.Errorf("verify password of user %s: %w", account.ID, err)
	}
	if !ok {
		return ErrCredentials
	}
	return nil
}
