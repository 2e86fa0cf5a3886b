package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// UserTx is a transaction that acts for a user: it sees the user's own account, sessions, businesses and notifications.
type UserTx struct {
	// UserID is the user for whom the transaction acts.
	UserID uuid.UUID

	q  *query.Queries
	tx pgx.Tx
}

// MemberTx is a transaction that acts for a user in one business: it sees that business and nothing of others.
type MemberTx struct {
	UserTx
	// BusinessID is the business in which the transaction acts, Role what the user is there, Tier the business's
	// subscription.
	BusinessID uuid.UUID
	Role       string
	Tier       string
}

// AsUser runs fn in a transaction that acts for a user, and commits unless fn returns an
// error, which it returns. The transaction ends with fn.
func (s *Store) AsUser(ctx context.Context, userID uuid.UUID, fn func(*UserTx) error) error {
	err := s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, tx pgx.Tx) error {
		return fn(&UserTx{UserID: userID, q: q, tx: tx})
	}, actingUser(userID))
	return about("user", userID, err)
}

// AsMember runs fn in a transaction that acts for a user in a business, and commits unless fn
// returns an error, which it returns. It returns ErrNotFound when the user does not belong to the
// business, whether or not that exists.
func (s *Store) AsMember(ctx context.Context, userID, businessID uuid.UUID, fn func(*MemberTx) error) error {
	return s.member(ctx, pgx.TxOptions{}, userID, businessID, fn)
}

// ReadAsMember is AsMember for reading: all queries of fn see the same state, so that numbers and
// the publication they come from agree.
func (s *Store) ReadAsMember(ctx context.Context, userID, businessID uuid.UUID, fn func(*MemberTx) error) error {
	return s.member(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, userID, businessID, fn)
}

func (s *Store) member(ctx context.Context, options pgx.TxOptions, userID, businessID uuid.UUID, fn func(*MemberTx) error) error {
	err := s.within(ctx, options, func(q *query.Queries, tx pgx.Tx) error {
		request, err := q.RequestRole(ctx)
		if err != nil {
			return fmt.Errorf("read role: %w", err)
		}
		return fn(&MemberTx{UserTx: UserTx{UserID: userID, q: q, tx: tx}, BusinessID: businessID, Role: request.Role, Tier: request.SubscriptionTier})
	}, actingUser(userID), setting{"app.business_id", businessID.String()})
	return about("business", businessID, err)
}

// Home is the table of rows that belong to a business and have ids of their own.
type Home string

// The tables in which BusinessOf looks.
const (
	HomeSources Home = "kpi_sources"
	HomeKPIs    Home = "kpis"
	HomeAlerts  Home = "alerts"
	HomeUploads Home = "uploads"
)

// BusinessOf returns the business to which the row with an id belongs. It returns ErrNotFound when there
// is no such row, and when the user is no member of its business.
func (s *Store) BusinessOf(ctx context.Context, userID uuid.UUID, table Home, id uuid.UUID) (business uuid.UUID, err error) {
	err = s.within(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(q *query.Queries, _ pgx.Tx) error {
		business, err = q.RequestHome(ctx, query.RequestHomeParams{Noun: string(table), ID: id})
		return err
	}, actingUser(userID))
	return business, about(string(table), id, err)
}

func actingUser(id uuid.UUID) setting { return setting{"app.user_id", id.String()} }

// about names the subject of an error that does not name it yet.
func about(noun string, id uuid.UUID, err error) error {
	var named *subjectError
	if err == nil || errors.As(err, &named) {
		return err
	}
	return &subjectError{noun: noun, id: id, cause: err}
}

// subjectError says whose transaction failed.
type subjectError struct {
	noun  string
	id    uuid.UUID
	cause error
}

// Error returns whose transaction failed, and why.
func (e *subjectError) Error() string { return fmt.Sprintf("%s %s: %v", e.noun, e.id, e.cause) }

// Unwrap returns the cause.
func (e *subjectError) Unwrap() error { return e.cause }
