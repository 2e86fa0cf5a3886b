package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/notify/message"
	"github.com/signalcraft/signalcraft/api/store"
)

// Errors of second factors that callers branch on.
var (
	// ErrCode is returned when a code is wrong, was used before, or is of a factor that does not exist.
	ErrCode = errors.New("the code of the second factor is wrong")
	// ErrCodeNeeded is returned when the password was right but the account has a second factor, of which no code was given.
	ErrCodeNeeded = errors.New("the account has a second factor")
)

const (
	recoveryCodes = 10
	// freeFailures is how many wrong codes in a row are answered at once. After each further one the account waits, twice
	// as long each time: guessing goes on at one code an hour.
	freeFailures = 5
	firstWait    = 30 * time.Second
	longestWait  = time.Hour
	// enrolmentLife is how long a factor may wait to be confirmed.
	enrolmentLife = 15 * time.Minute
)

// ThrottledError is returned when there were too many attempts.
type ThrottledError struct {
	// Wait is how long until the next attempt is heard.
	Wait time.Duration
}

// Error says how long to wait.
func (e *ThrottledError) Error() string {
	return fmt.Sprintf("too many attempts: wait %s", e.Wait)
}

// Code is what shows a second factor: a code of the authenticator program or a recovery code.
type Code struct{ TOTP, Recovery string }

func (c Code) empty() bool { return c.TOTP == "" && c.Recovery == "" }

// checkCode checks and spends a code of user's second factor. It returns ErrCode, a *ThrottledError or an error of the store.
func (s *Service) checkCode(ctx context.Context, user uuid.UUID, code Code) error {
	return s.attempt(ctx, user, func(tx *store.UserTx, f *store.Factor, now time.Time) (bool, error) {
		if f.ConfirmedAt.IsZero() {
			return false, nil
		}
		if code.Recovery == "" {
			return s.spendTOTP(user, f, code.TOTP, now)
		}
		ok, err := tx.UseRecoveryCode(ctx, recoveryHash(code.Recovery))
		if !ok || err != nil {
			return ok, err
		}
		state, err := tx.SecondFactor(ctx)
		if err != nil {
			return false, err
		}
		return true, s.mailUser(ctx, tx, func(to store.User, o message.Occasion) store.Mail {
			return s.mails.RecoveryCodeUsed(to, state.RecoveryCodes, o)
		})
	})
}

// attempt runs check on user's factor, which is locked, and keeps count of how it went. The count stands also when check says
// no. It returns ErrCode when check says no or there is no factor.
func (s *Service) attempt(ctx context.Context, user uuid.UUID, check func(*store.UserTx, *store.Factor, time.Time) (bool, error)) error {
	now := s.clock().UTC()
	var answer error
	err := s.store.AsUser(ctx, user, func(tx *store.UserTx) error {
		f, err := tx.LockFactor(ctx)
		if errors.Is(err, store.ErrNotFound) {
			answer = ErrCode
			return nil
		}
		if err != nil {
			return err
		}
		if wait := f.FailedAt.Add(pause(f.Failures)).Sub(now); f.Failures >= freeFailures && wait > 0 {
			answer = &ThrottledError{Wait: wait}
			return nil
		}
		ok, err := check(tx, &f, now)
		if err != nil {
			return err
		}
		if ok {
			f.Failures, f.FailedAt = 0, time.Time{}
			return tx.NoteAttempt(ctx, f)
		}
		answer = ErrCode
		f.Failures, f.FailedAt = f.Failures+1, now
		if f.Failures == freeFailures {
			err := s.mailUser(ctx, tx, func(to store.User, o message.Occasion) store.Mail { return s.mails.MFAFailing(to, freeFailures, o) })
			if err != nil {
				return err
			}
		}
		return tx.NoteAttempt(ctx, f)
	})
	return errors.Join(err, answer)
}

// pause is how long after the last of so many wrong codes the next one is heard.
func pause(failures int) time.Duration {
	return min(firstWait<<min(max(failures-freeFailures, 0), 10), longestWait)
}

// spendTOTP reports whether code is one that f accepts now, and spends its time step.
func (s *Service) spendTOTP(user uuid.UUID, f *store.Factor, code string, now time.Time) (bool, error) {
	key, err := s.secrets.Open(factorPurpose(user), f.Secret)
	if err != nil {
		return false, fmt.Errorf("second factor of user %s: %w", user, err)
	}
	step, ok, err := totpMatch(key, code, now, f.LastStep)
	if ok {
		f.LastStep = step
	}
	if s.secrets.Stale(f.Secret) {
		f.Secret = s.secrets.Seal(factorPurpose(user), key)
	}
	return ok, err
}

func factorPurpose(user uuid.UUID) string { return "mfa_factors/secret/" + user.String() }

// Enrol gives the transaction's user a second factor that counts once it is confirmed. It returns store.ErrConflict when the user
// has one that counts.
func (s *Service) Enrol(ctx context.Context, tx *store.UserTx) (Enrolment, error) {
	account, err := tx.Account(ctx)
	if err != nil {
		return Enrolment{}, err
	}
	enrolment, key, err := newEnrolment(s.product, account.Email)
	if err != nil {
		return Enrolment{}, err
	}
	return enrolment, tx.EnrolFactor(ctx, s.secrets.Seal(factorPurpose(tx.UserID), key), s.clock().UTC())
}

// Confirm lets the waiting second factor of p's user count, given a code of it. It returns the recovery codes, which are not
// shown again, and a new access token of p's session that tells of the factor. With endOthers the user's other sessions
// end. It returns ErrCode when the code is wrong or nothing waits, ErrToken when the session has ended, a *ThrottledError, or an error
// of the store.
func (s *Service) Confirm(ctx context.Context, p Principal, code string, endOthers bool, trail Trail) ([]string, Token, error) {
	codes, hashes := newRecoveryCodes()
	err := s.attempt(ctx, p.UserID, func(tx *store.UserTx, f *store.Factor, now time.Time) (bool, error) {
		if !f.ConfirmedAt.IsZero() || now.Sub(f.EnrolledAt) >= enrolmentLife {
			return false, nil
		}
		ok, err := s.spendTOTP(p.UserID, f, code, now)
		if !ok || err != nil {
			return ok, err
		}
		if err := tx.ConfirmFactor(ctx, now); err != nil {
			return false, err
		}
		if err := tx.ReplaceRecoveryCodes(ctx, hashes, now); err != nil {
			return false, err
		}
		if endOthers {
			if _, err := s.EndSessions(ctx, tx, p.SessionID, "second factor added"); err != nil {
				return false, err
			}
		}
		if err := s.mailFactor(ctx, tx, message.MFAOn); err != nil {
			return false, err
		}
		p.ProvedAt, p.SecondFactor = now, true
		return true, s.noteProof(ctx, tx, p, trail)
	})
	if err != nil {
		return nil, Token{}, err
	}
	token, err := s.tokens.issue(ctx, p)
	return codes, token, err
}

// RemoveFactor removes the second factor of the transaction's user and the recovery codes. It returns store.ErrNotFound when
// there is none.
func (s *Service) RemoveFactor(ctx context.Context, tx *store.UserTx) error {
	s.sessions.distrust(tx.UserID)
	if err := tx.RemoveFactor(ctx); err != nil {
		return err
	}
	// Listeners that heard more because of it hear that no longer.
	if err := tx.Tell(ctx, store.Event{Kind: EventSessionChanged, Payload: map[string]any{"second_factor": false}}); err != nil {
		return err
	}
	return s.mailFactor(ctx, tx, message.MFAOff)
}

func (s *Service) mailFactor(ctx context.Context, tx *store.UserTx, change message.MFAChange) error {
	return s.mailUser(ctx, tx, func(to store.User, o message.Occasion) store.Mail { return s.mails.MFAChanged(to, change, o) })
}

// ReplaceRecoveryCodes gives the transaction's user new recovery codes and returns them; the old ones are void. It returns
// store.ErrNotFound when the user has no second factor that counts.
func (s *Service) ReplaceRecoveryCodes(ctx context.Context, tx *store.UserTx) ([]string, error) {
	state, err := tx.SecondFactor(ctx)
	if err == nil && state.ConfirmedAt.IsZero() {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	now := s.clock().UTC()
	codes, hashes := newRecoveryCodes()
	if err := tx.ReplaceRecoveryCodes(ctx, hashes, now); err != nil {
		return nil, err
	}
	return codes, s.mailFactor(ctx, tx, message.RecoveryCodesReplaced)
}

// newRecoveryCodes returns recovery codes and their hashes. A code has 120 random bits, written as four groups of six
// letters and digits: enough for a plain hash (OWASP ASVS 5, 6.5.2).
func newRecoveryCodes() (codes []string, hashes [][]byte) {
	for range recoveryCodes {
		raw := make([]byte, 15)
		rand.Read(raw) // never fails
		text := strings.ToLower(base32.StdEncoding.EncodeToString(raw))
		code := text[:6] + "-" + text[6:12] + "-" + text[12:18] + "-" + text[18:]
		codes, hashes = append(codes, code), append(hashes, recoveryHash(code))
	}
	return codes, hashes
}

// recoveryHash is the SHA-256 of a code as people may type it: case, spaces and hyphens do not matter.
func recoveryHash(code string) []byte {
	plain := strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToLower(code))
	sum := sha256.Sum256([]byte(plain))
	return sum[:]
}
