package store

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// OperatorTx is a transaction that administers the installation: it sees accounts, sessions and the audit log, and nothing of
// what businesses measure.
type OperatorTx struct{ UserTx }

// AsOperator runs fn in a transaction that administers the installation, and commits unless fn returns an error, which it
// returns. It returns ErrNotFound when the user is no active operator.
func (s *Store) AsOperator(ctx context.Context, userID uuid.UUID, fn func(*OperatorTx) error) error {
	return s.operator(ctx, pgx.TxOptions{}, userID, fn)
}

// ReadAsOperator is AsOperator for reading: all queries of fn see the same state.
func (s *Store) ReadAsOperator(ctx context.Context, userID uuid.UUID, fn func(*OperatorTx) error) error {
	return s.operator(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, userID, fn)
}

func (s *Store) operator(ctx context.Context, options pgx.TxOptions, userID uuid.UUID, fn func(*OperatorTx) error) error {
	err := s.within(ctx, options, func(q *query.Queries, tx pgx.Tx) error {
		yes, err := q.IsOperator(ctx)
		if err == nil && !yes {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		return fn(&OperatorTx{UserTx{UserID: userID, q: q, tx: tx}})
	}, actingUser(userID), setting{"app.operator", "on"})
	return about("operator", userID, err)
}

// UserRecord is an account as operators see it.
type UserRecord struct {
	User
	Active, Operator      bool
	VerifiedAt, LastLogin *time.Time
	CreatedAt             time.Time
}

// Users returns up to most accounts by id, after one, whose address or name holds search.
func (tx *OperatorTx) Users(ctx context.Context, search string, after uuid.UUID, most int) ([]UserRecord, error) {
	return tx.users(ctx, query.AdminUsersParams{Search: search, AfterID: after, Most: int32(most)})
}

// UserRecord returns one account, or ErrNotFound.
func (tx *OperatorTx) UserRecord(ctx context.Context, id uuid.UUID) (UserRecord, error) {
	found, err := tx.users(ctx, query.AdminUsersParams{OnlyID: &id, Most: 1})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("read account %s: %w", id, ErrNotFound)
	}
	if err != nil {
		return UserRecord{}, err
	}
	return found[0], nil
}

func (tx *OperatorTx) users(ctx context.Context, p query.AdminUsersParams) ([]UserRecord, error) {
	rows, err := tx.q.AdminUsers(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", Classify(err))
	}
	users := make([]UserRecord, len(rows))
	for i, r := range rows {
		users[i] = UserRecord{User: User{ID: r.ID, Email: r.Email, Name: r.FullName}, Active: r.IsActive, Operator: r.IsOperator,
			VerifiedAt: r.EmailVerifiedAt, LastLogin: r.LastLoginAt, CreatedAt: r.CreatedAt}
	}
	return users, nil
}

// ChangeUser switches somebody else's account on or off, and names or dismisses an operator. Switching off ends the account's
// sessions. It returns ErrNotFound when there is no such account.
func (tx *OperatorTx) ChangeUser(ctx context.Context, id uuid.UUID, active, operator bool, at time.Time) error {
	found, err := tx.q.AdminChangeUser(ctx, query.AdminChangeUserParams{ID: id, IsActive: active, IsOperator: operator, At: at})
	if err == nil && !found {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("change account %s: %w", id, Classify(err))
	}
	if active {
		return nil
	}
	_, err = tx.endSessions(ctx, query.AdminEndSessionsParams{UserID: &id, At: at, Reason: "switched off"})
	return err
}

// SessionRecord is a sign-in as operators see it.
type SessionRecord struct {
	ID, UserID                       uuid.UUID
	Email                            string
	CreatedAt, LastUsedAt, ExpiresAt time.Time
	// Address is nil when it is unknown.
	Address   *netip.Addr
	UserAgent string
	// EndedAt is nil for a session that nobody ended; it may have expired.
	EndedAt *time.Time
	Reason  string
}

// SessionQuery selects sessions.
type SessionQuery struct {
	// Before is the last session of the page before; nil means from the newest on.
	Before *uuid.UUID
	// UserID restricts to one user; nil means all. OpenAt, unless zero, leaves out those that had ended by then.
	UserID *uuid.UUID
	OpenAt time.Time
	Most   int
}

// Sessions returns sessions, newest first.
func (tx *OperatorTx) Sessions(ctx context.Context, q SessionQuery) ([]SessionRecord, error) {
	rows, err := tx.q.AdminSessions(ctx, query.AdminSessionsParams{BeforeID: orLast(q.Before), UserID: q.UserID, OpenOnly: !q.OpenAt.IsZero(), At: q.OpenAt, Most: int32(q.Most)})
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", Classify(err))
	}
	sessions := make([]SessionRecord, len(rows))
	for i, r := range rows {
		sessions[i] = SessionRecord{ID: r.ID, UserID: r.UserID, Email: r.Email, CreatedAt: r.CreatedAt, LastUsedAt: r.LastUsedAt, ExpiresAt: r.ExpiresAt,
			Address: r.IP, UserAgent: r.UserAgent, EndedAt: r.RevokedAt, Reason: r.RevokedReason}
	}
	return sessions, nil
}

// orLast returns id, or the id that comes after all others.
func orLast(id *uuid.UUID) uuid.UUID {
	if id == nil {
		return uuid.Max
	}
	return *id
}

// EndSession ends one session and returns whose it was; one that has ended stays as it is and is nobody's. It returns
// ErrNotFound when there is none.
func (tx *OperatorTx) EndSession(ctx context.Context, id uuid.UUID, at time.Time) ([]uuid.UUID, error) {
	exists, err := tx.q.AdminSessionExists(ctx, id)
	if err == nil && !exists {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("end session %s: %w", id, Classify(err))
	}
	return tx.endSessions(ctx, query.AdminEndSessionsParams{ID: &id, At: at, Reason: "ended by an operator"})
}

// endSessions returns whose sessions it ended.
func (tx *OperatorTx) endSessions(ctx context.Context, p query.AdminEndSessionsParams) ([]uuid.UUID, error) {
	ended, err := tx.q.AdminEndSessions(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("end sessions: %w", Classify(err))
	}
	users := make([]uuid.UUID, len(ended))
	for i, e := range ended {
		users[i] = e.UserID
		told := Event{UserID: &e.UserID, Kind: "session.ended", Payload: map[string]any{"session_id": e.ID, "reason": p.Reason}}
		if err := addEvent(ctx, tx.q, nil, told); err != nil {
			return nil, err
		}
	}
	return users, nil
}

// RunRecord is one run of a job.
type RunRecord struct {
	ID         uuid.UUID
	Job        string
	AsOf       time.Time
	Status     Status
	StartedAt  time.Time
	FinishedAt *time.Time
}

// Runs returns up to most runs, newest first, before one; nil means from the newest on. Empty texts select all.
func (tx *OperatorTx) Runs(ctx context.Context, job, status string, before *uuid.UUID, most int) ([]RunRecord, error) {
	rows, err := tx.q.AdminRuns(ctx, query.AdminRunsParams{BeforeID: orLast(before), Job: job, Status: status, Most: int32(most)})
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", Classify(err))
	}
	runs := make([]RunRecord, len(rows))
	for i, r := range rows {
		runs[i] = RunRecord{ID: r.ID, Job: r.Job, AsOf: r.AsOf, Status: Status(r.Status), StartedAt: r.StartedAt, FinishedAt: r.FinishedAt}
	}
	return runs, nil
}

// SetOperator makes the account with an address an operator, or no operator, and audits it. It returns ErrNotFound when there
// is no such account. For RoleBatch.
func (s *Store) SetOperator(ctx context.Context, email string, operator bool, at time.Time) error {
	err := s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, _ pgx.Tx) error {
		id, err := q.SetOperator(ctx, query.SetOperatorParams{Email: email, IsOperator: operator})
		if err != nil {
			return err
		}
		return addAudit(ctx, q, AuditEntry{At: at, Action: "setOperator", Subject: id.String(), Outcome: AuditDone, Details: map[string]any{"is_operator": operator}})
	})
	if err != nil {
		return fmt.Errorf("set operator: %w", err)
	}
	return nil
}
