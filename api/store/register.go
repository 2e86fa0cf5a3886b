package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// Registration is an account that somebody wants to have.
type Registration struct {
	ID           uuid.UUID
	Email        string
	PasswordHash string
	Name         string
	At           time.Time
	// Terms tells whether the terms of use were accepted.
	Terms bool
	// Seen is the password hash of the unproved account that the address had when the caller looked, empty if it had none;
	// SamePassword tells whether it is of the same password.
	Seen         string
	SamePassword bool
}

// Register adds an account whose address nobody has proved yet, and runs fn in the same transaction, which
// acts for the address's account.
//
// An address that is registered again before it was proved keeps its account, but when the passwords differ, nobody can tell whose
// is the owner's: none counts any more (the account has no PasswordHash), and the owner must set one by mail. If the address belongs
// to a proved account, that stays as it is and fn is handed it. Register returns ErrConflict when the account is not as it
// was Seen: look again.
func (s *Store) Register(ctx context.Context, r Registration, fn func(*UserTx, Account) error) error {
	err := s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, tx pgx.Tx) error {
		account, err := register(ctx, q, r)
		if err != nil {
			return err
		}
		if err := q.Enter(ctx, query.EnterParams{Setting: "app.user_id", Value: account.ID.String()}); err != nil {
			return err
		}
		return fn(&UserTx{UserID: account.ID, q: q, tx: tx}, account)
	}, setting{"app.email", r.Email})
	if err != nil {
		return fmt.Errorf("register account: %w", err) // the address stays out of logs
	}
	return nil
}

// register returns the address's account, which is r's unless there was one before.
func register(ctx context.Context, q *query.Queries, r Registration) (Account, error) {
	var terms *time.Time
	if r.Terms {
		terms = &r.At
	}
	added, err := q.AddAccount(ctx, query.AddAccountParams{ID: r.ID, Email: r.Email, PasswordHash: r.PasswordHash, FullName: r.Name, TermsAcceptedAt: terms, At: r.At})
	if err != nil {
		return Account{}, err
	}
	if added > 0 {
		return Account{User: User{ID: r.ID, Email: r.Email, Name: r.Name}, PasswordHash: r.PasswordHash, Active: true}, nil
	}
	account, err := addressee(ctx, q, r.Email)
	if err != nil || account.EmailVerified || !account.Active {
		return account, err
	}
	if account.PasswordHash != r.Seen {
		return Account{}, ErrConflict
	}
	if !r.SamePassword {
		account.PasswordHash = ""
	}
	account.Name = r.Name
	_, err = q.RenewRegistration(ctx, query.RenewRegistrationParams{ID: account.ID, PasswordHash: account.PasswordHash, FullName: r.Name, TermsAcceptedAt: terms, At: r.At})
	return account, err
}

// addressee returns the account with the address in app.email, and locks it.
func addressee(ctx context.Context, q *query.Queries, email string) (Account, error) {
	if _, err := q.LockAccountByEmail(ctx, email); err != nil {
		return Account{}, err
	}
	return accountByEmail(ctx, q, email)
}

// AsAddressee runs fn in a transaction that acts for the account with an address, without anybody being signed in: fn
// may send mail to that address and must not tell the caller what it saw. It returns ErrNotFound when there is no such account.
func (s *Store) AsAddressee(ctx context.Context, email string, fn func(*UserTx, Account) error) error {
	err := s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, tx pgx.Tx) error {
		account, err := addressee(ctx, q, email)
		if err != nil {
			return err
		}
		if err := q.Enter(ctx, query.EnterParams{Setting: "app.user_id", Value: account.ID.String()}); err != nil {
			return err
		}
		return fn(&UserTx{UserID: account.ID, q: q, tx: tx}, account)
	}, setting{"app.email", email})
	if err != nil {
		return fmt.Errorf("find account by address: %w", err) // the address stays out of logs
	}
	return nil
}

// SetPassword changes the user's password, provided that its hash is still checked; an empty checked stands for any. It
// returns ErrConflict when it is not.
func (tx *UserTx) SetPassword(ctx context.Context, hash, checked string, at time.Time) error {
	if _, err := tx.q.LockRequestAccount(ctx); err != nil {
		return fmt.Errorf("set password: %w", Classify(err))
	}
	account, err := tx.Account(ctx) // as it is now that nobody else changes it
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	if checked != "" && account.PasswordHash != checked {
		return fmt.Errorf("set password: %w", ErrConflict)
	}
	if _, err := tx.q.SetPassword(ctx, query.SetPasswordParams{PasswordHash: hash, At: at}); err != nil {
		return fmt.Errorf("set password: %w", Classify(err))
	}
	return nil
}

// ProveEmail notes that the user holds an address, which becomes that of the account: in the transaction in which UseMailToken used
// a token that went to it, else it returns ErrNotFound. An account that bears the address unproved is removed. It returns
// ErrConflict when another account has proved it.
func (tx *UserTx) ProveEmail(ctx context.Context, email string, at time.Time) error {
	proved, err := tx.q.ProveAddress(ctx, query.ProveAddressParams{Email: email, At: at})
	if err == nil && !proved {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("prove address: %w", Classify(err))
	}
	return nil
}

// Swept tells what SweepAccounts removed.
type Swept struct{ Accounts, Tokens, Mails int64 }

// SweepAccounts removes accounts that were not verified within a week, tokens that expired a day ago and mails that
// were sent, or given up, a month ago. It is for a nightly job and for RoleBatch.
func (s *Store) SweepAccounts(ctx context.Context, now time.Time) (swept Swept, err error) {
	const day = 24 * time.Hour
	q := query.New(s.pool)
	var errs [3]error
	swept.Accounts, errs[0] = q.RemoveUnverifiedAccounts(ctx, now.Add(-7*day))
	swept.Tokens, errs[1] = q.RemoveAccountTokens(ctx, now.Add(-day))
	swept.Mails, errs[2] = q.RemoveMails(ctx, now.Add(-30*day))
	if err := errors.Join(errs[:]...); err != nil {
		return swept, fmt.Errorf("sweep accounts: %w", Classify(err))
	}
	return swept, nil
}
