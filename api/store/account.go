package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// User is a person with an account.
type User struct {
	ID    uuid.UUID
	Email string
	Name  string
}

// Account is what signing in needs to know of a user.
type Account struct {
	User
	// PasswordHash is the hash as package auth wrote it.
	PasswordHash string
	// Active is false when the account was switched off.
	Active bool
	// Operator may administer the installation. AccountByEmail leaves it out.
	Operator bool
	// SecondFactor tells whether signing in takes a second factor.
	SecondFactor bool
	// EmailVerified tells whether its owner proved to hold its address.
	EmailVerified bool
}

// Membership is a business that a user belongs to.
type Membership struct {
	Business Business
	// Role is owner, admin, analyst or viewer.
	Role string
}

// AccountByEmail returns the account with an address, compared without regard to case, or ErrNotFound.
func (s *Store) AccountByEmail(ctx context.Context, email string) (account Account, err error) {
	err = s.within(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(q *query.Queries, _ pgx.Tx) error {
		account, err = accountByEmail(ctx, q, email)
		return err
	}, setting{"app.email", email})
	if err != nil {
		return Account{}, fmt.Errorf("find account: %w", err) // the address stays out of logs
	}
	return account, nil
}

// accountByEmail needs the setting app.email.
func accountByEmail(ctx context.Context, q *query.Queries, email string) (Account, error) {
	row, err := q.AccountByEmail(ctx, email)
	if err != nil {
		return Account{}, err
	}
	return Account{User: User{ID: row.ID, Email: row.Email, Name: row.FullName}, PasswordHash: row.PasswordHash, Active: row.IsActive,
		SecondFactor: row.SecondFactor, EmailVerified: row.Verified}, nil
}

// Account returns the account of the transaction's user, or ErrNotFound.
func (tx *UserTx) Account(ctx context.Context) (Account, error) {
	row, err := tx.q.RequestAccount(ctx)
	if err != nil {
		return Account{}, fmt.Errorf("read account: %w", Classify(err))
	}
	return Account{User: User{ID: row.ID, Email: row.Email, Name: row.FullName}, PasswordHash: row.PasswordHash, Active: row.IsActive,
		Operator: row.IsOperator, SecondFactor: row.SecondFactor, EmailVerified: row.Verified}, nil
}

// Memberships returns the user's businesses, by name.
func (tx *UserTx) Memberships(ctx context.Context) ([]Membership, error) {
	rows, err := tx.q.Memberships(ctx)
	if err != nil {
		return nil, fmt.Errorf("list businesses: %w", Classify(err))
	}
	memberships := make([]Membership, len(rows))
	for i, r := range rows {
		memberships[i] = Membership{Role: r.Role, Business: Business{
			ID: r.ID, Name: r.Name, Industry: r.Industry, TimeZone: r.TimeZone, Currency: r.Currency, Country: r.Country,
			Place: r.Place, PlaceID: r.PlaceID, Latitude: r.Latitude, Longitude: r.Longitude, NewsQuery: r.NewsQuery,
		}}
	}
	return memberships, nil
}
