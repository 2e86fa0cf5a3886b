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

// Session is a session to start.
type Session struct {
	ID uuid.UUID
	// Address and UserAgent describe the caller; the zero address means unknown.
	Address   netip.Addr
	UserAgent string
	StartedAt time.Time
	// ExpiresAt is when the session ends if it is not refreshed, EndsAt when it ends whatever happens.
	ExpiresAt, EndsAt time.Time
	// RefreshHash is the SHA-256 of the session's first refresh token, RefreshSecret the sealed secret that all
	// of them are derived from. Both are empty when it has none.
	RefreshHash   []byte
	RefreshSecret string
	// SecondFactor tells whether signing in took a second factor.
	SecondFactor bool
}

// Started is what came with a new session.
type Started struct {
	// NewDevice tells that the user had sessions before, but none from such a program and network.
	NewDevice bool
	// Ended are the sessions that had to make room.
	Ended []uuid.UUID
}

// StartSession adds a session of the transaction's user, notes the sign-in, and ends those live sessions that were
// used least lately, so that most of them stay, this one among them. It returns ErrConflict when the session exists.
func (tx *UserTx) StartSession(ctx context.Context, s Session, most int) (Started, error) {
	params := query.AddUserSessionParams{ID: s.ID, UserID: tx.UserID, RefreshHash: s.RefreshHash, UserAgent: s.UserAgent,
		StartedAt: s.StartedAt, ExpiresAt: s.ExpiresAt, EndsAt: s.EndsAt, SecondFactor: s.SecondFactor}
	if s.RefreshSecret != "" {
		params.RefreshSecret = &s.RefreshSecret
	}
	if s.Address.IsValid() {
		address := s.Address.Unmap().WithZone("") // inet has no zones
		params.IP = &address
	}
	known, err := tx.q.KnownDevices(ctx, query.KnownDevicesParams{UserAgent: s.UserAgent, IP: params.IP})
	if err != nil {
		return Started{}, fmt.Errorf("compare devices: %w", Classify(err))
	}
	if err := tx.q.AddUserSession(ctx, params); err != nil {
		return Started{}, fmt.Errorf("start session: %w", Classify(err))
	}
	if err := tx.q.RecordLogin(ctx, s.StartedAt); err != nil {
		return Started{}, fmt.Errorf("note sign-in: %w", Classify(err))
	}
	ended, err := tx.q.EndSessionsBeyond(ctx, query.EndSessionsBeyondParams{At: s.StartedAt, Most: int32(most)})
	if err != nil {
		return Started{}, fmt.Errorf("end sessions beyond %d: %w", most, Classify(err))
	}
	return Started{NewDevice: known.Sessions > 0 && known.Alike == 0, Ended: ended}, nil
}

// StoredSession is a session as it is kept.
type StoredSession struct {
	ID     uuid.UUID
	UserID uuid.UUID
	// RefreshHash is the SHA-256 of the refresh token that is valid now, RefreshSecret the sealed secret it is
	// derived from, Generation its number.
	RefreshHash   []byte
	RefreshSecret string
	Generation    int32
	// RefreshedAt is when the token replaced its parent; zero for the first.
	RefreshedAt       time.Time
	ExpiresAt, EndsAt time.Time
	ProvedAt          time.Time
	SecondFactor      bool
	Revoked           bool
}

// OpenSession locks the session with an id, whosever it is, and runs fn in a transaction that acts for its user. It
// commits unless fn returns an error, which it returns. It returns ErrNotFound when there is no such session. Calls for one session take turns.
func (s *Store) OpenSession(ctx context.Context, id uuid.UUID, fn func(*UserTx, StoredSession) error) error {
	err := s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, tx pgx.Tx) error {
		row, err := q.SessionForRefresh(ctx, id)
		if err != nil {
			return fmt.Errorf("lock session: %w", err)
		}
		if err := enter(ctx, q, actingUser(row.UserID)); err != nil {
			return err
		}
		session := StoredSession{ID: row.ID, UserID: row.UserID, RefreshHash: row.RefreshHash, Generation: row.RefreshGeneration,
			ExpiresAt: row.ExpiresAt, EndsAt: row.EndsAt, ProvedAt: row.ProvedAt, SecondFactor: row.SecondFactor, Revoked: row.Revoked}
		if row.RefreshSecret != nil {
			session.RefreshSecret = *row.RefreshSecret
		}
		if row.RefreshedAt != nil {
			session.RefreshedAt = *row.RefreshedAt
		}
		return fn(&UserTx{UserID: row.UserID, q: q, tx: tx}, session)
	}, setting{"app.session_id", id.String()})
	return about("session", id, err)
}

// enter sets a setting within a transaction.
func enter(ctx context.Context, q *query.Queries, s setting) error {
	if err := q.Enter(ctx, query.EnterParams{Setting: s.name, Value: s.value}); err != nil {
		return fmt.Errorf("set %s: %w", s.name, Classify(err))
	}
	return nil
}

// RefreshSession replaces the refresh token of s by the one whose generation and hash s has now, at an instant.
func (tx *UserTx) RefreshSession(ctx context.Context, s StoredSession, at time.Time) error {
	err := tx.q.RefreshSession(ctx, query.RefreshSessionParams{ID: s.ID, Generation: s.Generation, Hash: s.RefreshHash, Secret: &s.RefreshSecret,
		At: &at, ExpiresAt: s.ExpiresAt})
	if err != nil {
		return fmt.Errorf("refresh session: %w", Classify(err))
	}
	return nil
}

// ProveSession notes that the transaction's user proved who they are again in a session, with a second factor or without.
// It returns ErrNotFound when the session has ended or is somebody else's.
func (tx *UserTx) ProveSession(ctx context.Context, session uuid.UUID, at time.Time, secondFactor bool) error {
	n, err := tx.q.ProveSession(ctx, query.ProveSessionParams{ID: session, At: at, SecondFactor: secondFactor})
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("note proof: %w", Classify(err))
	}
	return nil
}

// SessionState is what decides whether an access token of a session is accepted.
type SessionState struct {
	UserID uuid.UUID
	// EndsAt is when the session ends unless it is refreshed.
	EndsAt       time.Time
	SecondFactor bool
	Revoked      bool
	// Active and Operator are those of the account.
	Active, Operator bool
}

// SessionState returns the state of a user's session, or ErrNotFound. It is one round trip: every user's next request asks it
// after a few seconds.
func (s *Store) SessionState(ctx context.Context, user, session uuid.UUID) (SessionState, error) {
	// Without begin, a batch is one transaction of the server's own, in which the setting holds.
	as := actingUser(user)
	var batch pgx.Batch
	batch.Queue(query.Enter, as.name, as.value)
	batch.Queue(query.SessionState, session)
	results := s.pool.SendBatch(ctx, &batch)
	defer results.Close()
	var row query.SessionStateRow
	_, err := results.Exec()
	if err == nil {
		err = results.QueryRow().Scan(&row.ExpiresAt, &row.EndsAt, &row.SecondFactor, &row.Revoked, &row.IsActive, &row.IsOperator)
	}
	if err == nil {
		err = results.Close()
	}
	if err != nil {
		return SessionState{}, about("session", session, Classify(err))
	}
	state := SessionState{UserID: user, EndsAt: row.EndsAt, SecondFactor: row.SecondFactor, Revoked: row.Revoked, Active: row.IsActive, Operator: row.IsOperator}
	if row.ExpiresAt.Before(row.EndsAt) {
		state.EndsAt = row.ExpiresAt
	}
	return state, nil
}

// LiveSession is a session that has not ended.
type LiveSession struct {
	ID uuid.UUID
	// Address and UserAgent are those of the sign-in; the zero address means unknown.
	Address   netip.Addr
	UserAgent string
	// UsedAt is when it was started or last refreshed, ExpiresAt when it ends unless it is refreshed.
	StartedAt, UsedAt, ExpiresAt time.Time
	SecondFactor                 bool
}

// LiveSessions returns at most most sessions of the transaction's user that are live at an instant, the one used last first.
func (tx *UserTx) LiveSessions(ctx context.Context, at time.Time, most int) ([]LiveSession, error) {
	rows, err := tx.q.LiveSessions(ctx, query.LiveSessionsParams{At: at, Most: int32(most)})
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", Classify(err))
	}
	sessions := make([]LiveSession, len(rows))
	for i, r := range rows {
		sessions[i] = LiveSession{ID: r.ID, UserAgent: r.UserAgent, StartedAt: r.CreatedAt, UsedAt: r.LastUsedAt, ExpiresAt: r.ExpiresAt, SecondFactor: r.SecondFactor}
		if r.IP != nil {
			sessions[i].Address = *r.IP
		}
	}
	return sessions, nil
}

// EndSession ends a live session of the transaction's user. It returns ErrNotFound when there is none with that id.
func (tx *UserTx) EndSession(ctx context.Context, session uuid.UUID, at time.Time, reason string) error {
	ended, err := tx.q.EndSessions(ctx, query.EndSessionsParams{At: at, Reason: reason, Single: &session})
	if err == nil && len(ended) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("end session: %w", Classify(err))
	}
	return nil
}

// EndSessions ends all live sessions of the transaction's user but one, which uuid.Nil leaves out, and returns those it ended.
func (tx *UserTx) EndSessions(ctx context.Context, except uuid.UUID, at time.Time, reason string) ([]uuid.UUID, error) {
	params := query.EndSessionsParams{At: at, Reason: reason}
	if except != uuid.Nil {
		params.Kept = &except
	}
	ended, err := tx.q.EndSessions(ctx, params)
	if err != nil {
		return nil, fmt.Errorf("end sessions: %w", Classify(err))
	}
	return ended, nil
}

// ForgetSessions removes the sessions that ended before an instant and returns their number. It works as RoleBatch only. Until then
// they tell which devices a user has signed in from.
func (s *Store) ForgetSessions(ctx context.Context, before time.Time) (int64, error) {
	n, err := query.New(s.pool).ForgetSessions(ctx, before)
	if err != nil {
		return 0, fmt.Errorf("forget sessions: %w", Classify(err))
	}
	return n, nil
}
