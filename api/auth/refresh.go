package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/notify/message"
	"github.com/signalcraft/signalcraft/api/store"
)

// A refresh token is "scr_" and the base64url form of the session's id (16 bytes), the token's generation (4 bytes, big endian) and
// 32 bytes that nobody can guess: the HMAC-SHA-256 of id and generation under a random secret of the session, which
// is kept sealed. So the token that follows another one is always the same one, however often it is asked for, and every
// token that a session ever had can be told from an invented one without keeping any of them.
const (
	refreshPrefix = "scr_"
	refreshBytes  = 16 + 4 + sha256.Size
)

// RefreshToken continues a session. It is used once, for the next one.
type RefreshToken struct {
	// Value is a secret.
	Value string
	// ExpiresAt is the instant from which it is refused, UTC.
	ExpiresAt time.Time
}

func (t RefreshToken) hash() []byte {
	sum := sha256.Sum256([]byte(t.Value))
	return sum[:]
}

// shownRefresh is a refresh token as somebody shows it.
type shownRefresh struct {
	session    uuid.UUID
	generation int32
	raw        string
}

func parseRefresh(raw string) (shownRefresh, bool) {
	text, ok := strings.CutPrefix(raw, refreshPrefix)
	if !ok || len(text) != base64.RawURLEncoding.EncodedLen(refreshBytes) {
		return shownRefresh{}, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != refreshBytes {
		return shownRefresh{}, false
	}
	generation := binary.BigEndian.Uint32(b[16:])
	if generation > 1<<30 {
		return shownRefresh{}, false
	}
	return shownRefresh{session: uuid.UUID(b[:16]), generation: int32(generation), raw: raw}, true
}

// refreshValue returns the refresh token of a session's generation.
func refreshValue(key []byte, session uuid.UUID, generation int32) string {
	b := binary.BigEndian.AppendUint32(append(make([]byte, 0, refreshBytes), session[:]...), uint32(generation))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("refresh"))
	mac.Write(b)
	return refreshPrefix + base64.RawURLEncoding.EncodeToString(mac.Sum(b))
}

func refreshPurpose(session uuid.UUID) string {
	return "user_sessions/refresh_secret/" + session.String()
}

// firstRefresh makes the secret of a new session and returns its first refresh token and the secret, sealed.
func (s *Service) firstRefresh(session uuid.UUID, now time.Time) (RefreshToken, string) {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	return RefreshToken{Value: refreshValue(key, session, 0), ExpiresAt: now.Add(min(s.limits.idle, s.limits.life))},
		s.secrets.Seal(refreshPurpose(session), key)
}

// Refreshed is a session that goes on.
type Refreshed struct {
	Token   Token
	Refresh RefreshToken
	Session SessionEnd
	User    uuid.UUID
}

// Refresh exchanges a refresh token for the next one and a new access token. Within the grace, the token whose successor is the
// one valid now gets that same successor once more. A used token at any other time is a sign of theft, of which
// the thief and the user cannot be told apart: it ends the session. Refreshes of one session take turns.
//
// It returns ErrToken for every token that is not good for that, or an error of the store.
func (s *Service) Refresh(ctx context.Context, raw string, trail Trail) (Refreshed, error) {
	now := s.clock().UTC()
	var session store.StoredSession
	var refresh RefreshToken
	refused := false
	err := s.openShown(ctx, raw, func(tx *store.UserTx, stored store.StoredSession, key []byte, shown shownRefresh) error {
		account, err := tx.Account(ctx)
		if err != nil {
			return err
		}
		refused = stored.Revoked || !account.Active || !now.Before(stored.ExpiresAt) || !now.Before(stored.EndsAt)
		if refused {
			return nil
		}
		session = stored
		since := now.Sub(stored.RefreshedAt)
		switch {
		case shown.generation == stored.Generation:
			session.Generation++
			session.ExpiresAt = now.Add(s.limits.idle)
			if session.ExpiresAt.After(stored.EndsAt) {
				session.ExpiresAt = stored.EndsAt
			}
		case shown.generation == stored.Generation-1 && since >= 0 && since <= s.limits.grace:
			refresh = RefreshToken{Value: refreshValue(key, stored.ID, stored.Generation), ExpiresAt: stored.ExpiresAt}
			return nil
		default:
			refused = true
			return s.endReused(ctx, tx, account, stored.ID, now, trail)
		}
		refresh = RefreshToken{Value: refreshValue(key, stored.ID, session.Generation), ExpiresAt: session.ExpiresAt}
		session.RefreshHash = refresh.hash()
		if s.secrets.Stale(session.RefreshSecret) {
			session.RefreshSecret = s.secrets.Seal(refreshPurpose(stored.ID), key)
		}
		if err := tx.RefreshSession(ctx, session, now); err != nil {
			return err
		}
		return trail.write(tx, stored.ID, store.AuditDone)
	})
	if err != nil || refused {
		return Refreshed{}, tokenError(err)
	}
	token, err := s.tokens.issue(ctx, Principal{UserID: session.UserID, SessionID: session.ID, ProvedAt: session.ProvedAt, SecondFactor: session.SecondFactor})
	return Refreshed{Token: token, Refresh: refresh, Session: SessionEnd{session.ID, session.EndsAt}, User: session.UserID}, err
}

// endReused ends a session of which a used refresh token came back.
func (s *Service) endReused(ctx context.Context, tx *store.UserTx, account store.Account, session uuid.UUID, now time.Time, trail Trail) error {
	s.sessions.distrust(tx.UserID)
	if err := tx.EndSession(ctx, session, now, "refresh token reused"); err != nil {
		return err
	}
	if err := s.tellEnded(ctx, tx, []uuid.UUID{session}, "refresh token reused"); err != nil {
		return err
	}
	if err := tx.QueueMail(ctx, s.mails.SessionsEnded(account.User, message.EndedByReuse, message.Occasion{At: now})); err != nil {
		return err
	}
	return trail.write(tx, session, store.AuditDenied)
}

// openShown runs fn with the session that a refresh token is of, if the token is one that we made: its present one or
// an older one. Else it returns store.ErrNotFound or ErrToken.
func (s *Service) openShown(ctx context.Context, raw string, fn func(tx *store.UserTx, stored store.StoredSession, key []byte, shown shownRefresh) error) error {
	shown, ok := parseRefresh(raw)
	if !ok {
		return ErrToken
	}
	return s.store.OpenSession(ctx, shown.session, func(tx *store.UserTx, stored store.StoredSession) error {
		key, err := s.secrets.Open(refreshPurpose(stored.ID), stored.RefreshSecret)
		if err != nil { // its key is gone: nobody can tell whether the token was ours
			return ErrToken
		}
		made := subtle.ConstantTimeCompare([]byte(raw), []byte(refreshValue(key, stored.ID, shown.generation))) == 1
		sum := sha256.Sum256([]byte(raw))
		if !made || shown.generation > stored.Generation ||
			shown.generation == stored.Generation && subtle.ConstantTimeCompare(sum[:], stored.RefreshHash) != 1 {
			return ErrToken
		}
		return fn(tx, stored, key, shown)
	})
}

// tokenError makes every reason to refuse a token the same; other errors stay.
func tokenError(err error) error {
	if err == nil || errors.Is(err, store.ErrNotFound) || errors.Is(err, ErrToken) {
		return ErrToken
	}
	return err
}
