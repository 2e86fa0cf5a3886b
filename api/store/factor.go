package store

import (
	"context"
	"fmt"
	"time"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// Factor is a user's second factor.
type Factor struct {
	// Secret is kept as package auth sealed it.
	Secret     string
	EnrolledAt time.Time
	// ConfirmedAt is zero until a code of the factor was seen.
	ConfirmedAt time.Time
	// LastStep is the newest time step of which a code was accepted.
	LastStep int64
	// Failures is the number of wrong codes since the last right one, FailedAt when the last of them came; zero if none did.
	Failures int
	FailedAt time.Time
}

// FactorState is what a user may know of their second factor.
type FactorState struct {
	EnrolledAt time.Time
	// ConfirmedAt is zero while the factor does not count.
	ConfirmedAt time.Time
	// RecoveryCodes is how many are left.
	RecoveryCodes int
}

// SecondFactor returns the second factor of the transaction's user, or ErrNotFound.
func (tx *UserTx) SecondFactor(ctx context.Context) (FactorState, error) {
	row, err := tx.q.SecondFactor(ctx)
	if err != nil {
		return FactorState{}, fmt.Errorf("read second factor: %w", Classify(err))
	}
	state := FactorState{EnrolledAt: row.CreatedAt, RecoveryCodes: int(row.RecoveryCodes)}
	if row.ConfirmedAt != nil {
		state.ConfirmedAt = *row.ConfirmedAt
	}
	return state, nil
}

// LockFactor returns the second factor of the transaction's user, or ErrNotFound. Until the transaction ends, others wait for it.
func (tx *UserTx) LockFactor(ctx context.Context) (Factor, error) {
	row, err := tx.q.LockFactor(ctx)
	if err != nil {
		return Factor{}, fmt.Errorf("lock second factor: %w", Classify(err))
	}
	f := Factor{Secret: row.Secret, EnrolledAt: row.CreatedAt, LastStep: row.LastStep, Failures: int(row.Failures)}
	if row.ConfirmedAt != nil {
		f.ConfirmedAt = *row.ConfirmedAt
	}
	if row.FailedAt != nil {
		f.FailedAt = *row.FailedAt
	}
	return f, nil
}

// NoteAttempt writes Secret, LastStep, Failures and FailedAt of f, which LockFactor returned.
func (tx *UserTx) NoteAttempt(ctx context.Context, f Factor) error {
	params := query.NoteAttemptParams{Secret: f.Secret, LastStep: f.LastStep, Failures: int32(f.Failures)}
	if !f.FailedAt.IsZero() {
		params.FailedAt = &f.FailedAt
	}
	if err := tx.q.NoteAttempt(ctx, params); err != nil {
		return fmt.Errorf("note attempt on second factor: %w", Classify(err))
	}
	return nil
}

// EnrolFactor adds a second factor of the transaction's user, which counts from ConfirmFactor on. It takes the place of one that was never
// confirmed, and returns ErrConflict when one was.
func (tx *UserTx) EnrolFactor(ctx context.Context, sealed string, at time.Time) error {
	n, err := tx.q.EnrolFactor(ctx, query.EnrolFactorParams{Secret: sealed, At: at})
	if err == nil && n == 0 {
		err = ErrConflict
	}
	if err != nil {
		return fmt.Errorf("enrol second factor: %w", Classify(err))
	}
	return nil
}

// ConfirmFactor lets the second factor of the transaction's user count. It returns ErrNotFound when none waits for that.
func (tx *UserTx) ConfirmFactor(ctx context.Context, at time.Time) error {
	n, err := tx.q.ConfirmFactor(ctx, at)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("confirm second factor: %w", Classify(err))
	}
	return nil
}

// RemoveFactor removes the second factor of the transaction's user and the recovery codes. It returns ErrNotFound when there is none.
func (tx *UserTx) RemoveFactor(ctx context.Context) error {
	n, err := tx.q.RemoveFactor(ctx)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if err == nil {
		err = tx.q.RemoveRecoveryCodes(ctx)
	}
	if err == nil {
		err = tx.q.ForgetSecondFactor(ctx)
	}
	if err != nil {
		return fmt.Errorf("remove second factor: %w", Classify(err))
	}
	return nil
}

// ReplaceRecoveryCodes makes those with the given SHA-256 hashes the recovery codes of the transaction's user.
func (tx *UserTx) ReplaceRecoveryCodes(ctx context.Context, hashes [][]byte, at time.Time) error {
	err := tx.q.RemoveRecoveryCodes(ctx)
	if err == nil {
		err = tx.q.AddRecoveryCodes(ctx, query.AddRecoveryCodesParams{Hashes: hashes, At: at})
	}
	if err != nil {
		return fmt.Errorf("replace recovery codes: %w", Classify(err))
	}
	return nil
}

// UseRecoveryCode removes the recovery code with a hash from those of the transaction's user, and reports whether it was among them.
func (tx *UserTx) UseRecoveryCode(ctx context.Context, hash []byte) (bool, error) {
	n, err := tx.q.UseRecoveryCode(ctx, hash)
	if err != nil {
		return false, fmt.Errorf("use recovery code: %w", Classify(err))
	}
	return n > 0, nil
}
