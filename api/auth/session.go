package auth

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// EventSessionEnded is the kind of the event that tells a user's listeners that a session has ended; its payload
// holds session_id and reason.
const EventSessionEnded = "session.ended"

// EventSessionChanged is the kind of the event that tells a user's listeners that sessions stand for something else than
// before; its payload says what.
const EventSessionChanged = "session.changed"

// Authenticate returns whose access token or API key raw is. It returns ErrToken for every one that is not
// valid now, and an error of the store when that could not be found out.
//
// A token is good while its session lives and its account is switched on. What another process has ended or switched
// off is refused at the latest Config.StateLife later, what this process has, at once.
func (s *Service) Authenticate(ctx context.Context, raw string) (Principal, error) {
	if strings.HasPrefix(raw, keyPrefix) {
		return s.authenticateKey(ctx, raw)
	}
	p, err := s.tokens.verify(ctx, raw)
	if err != nil {
		return Principal{}, err
	}
	state, err := s.sessions.get(ctx, p.SessionID, func(v store.SessionState) uuid.UUID { return v.UserID },
		func(ctx context.Context) (store.SessionState, error) {
			return s.store.SessionState(ctx, p.UserID, p.SessionID)
		})
	if err != nil {
		return Principal{}, tokenError(err)
	}
	if state.UserID != p.UserID || state.Revoked || !state.Active || !s.clock().Before(state.EndsAt) {
		return Principal{}, ErrToken
	}
	// What the token tells of the proof holds for that token: whoever holds an older one of the session has not proved
	// anything. A second factor that the session lost meanwhile counts no more.
	p.Operator = state.Operator
	p.SecondFactor = p.SecondFactor && state.SecondFactor
	return p, nil
}

// Logout ends the session of a refresh token, also of one that was used already. It returns ErrToken when the token was never
// ours or the session has ended.
func (s *Service) Logout(ctx context.Context, raw string, trail Trail) error {
	now := s.clock().UTC()
	err := s.openShown(ctx, raw, func(tx *store.UserTx, stored store.StoredSession, _ []byte, _ shownRefresh) error {
		s.sessions.distrust(tx.UserID)
		if err := tx.EndSession(ctx, stored.ID, now, "signed out"); err != nil {
			return err
		}
		if err := s.tellEnded(ctx, tx, []uuid.UUID{stored.ID}, "signed out"); err != nil {
			return err
		}
		return trail.write(tx, stored.ID, store.AuditDone)
	})
	if err != nil {
		return tokenError(err)
	}
	return nil
}

// EndSession ends a session of the transaction's user. It returns store.ErrNotFound when none lives under that id.
func (s *Service) EndSession(ctx context.Context, tx *store.UserTx, session uuid.UUID, reason string) error {
	s.sessions.distrust(tx.UserID)
	if err := tx.EndSession(ctx, session, s.clock().UTC(), reason); err != nil {
		return err
	}
	return s.tellEnded(ctx, tx, []uuid.UUID{session}, reason)
}

// EndSessions ends all sessions of the transaction's user but one, which uuid.Nil leaves out, and returns how many
// that were. It belongs into the transaction that changes the password, switches the account off or restores it. Use
// store.AsUser to end those of another user than the caller.
func (s *Service) EndSessions(ctx context.Context, tx *store.UserTx, except uuid.UUID, reason string) (int, error) {
	s.Forget(tx.UserID)
	ended, err := tx.EndSessions(ctx, except, s.clock().UTC(), reason)
	if err != nil {
		return 0, err
	}
	return len(ended), s.tellEnded(ctx, tx, ended, reason)
}

// Forget drops what this process remembers of a user's sessions and API keys, so that the next request asks Postgres. Call it when an
// account changes in another way than through this package, such as when it hears so from another process.
func (s *Service) Forget(user uuid.UUID) {
	s.sessions.distrust(user)
	s.apiKeys.distrust(user)
}

func (s *Service) tellEnded(ctx context.Context, tx *store.UserTx, sessions []uuid.UUID, reason string) error {
	for _, id := range sessions {
		event := store.Event{Kind: EventSessionEnded, Payload: map[string]any{"session_id": id, "reason": reason}}
		if err := tx.Tell(ctx, event); err != nil {
			return err
		}
	}
	return nil
}
