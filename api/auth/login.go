package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/notify/message"
	"github.com/signalcraft/signalcraft/api/store"
)

// Trail writes down, in the transaction that changes something, what was done to a session of the transaction's
// user; outcome is store.AuditDone or store.AuditDenied. A nil Trail writes nothing.
type Trail func(tx *store.UserTx, session uuid.UUID, outcome string) error

func (t Trail) write(tx *store.UserTx, session uuid.UUID, outcome string) error {
	if t == nil {
		return nil
	}
	return t(tx, session, outcome)
}

// Attempt is one attempt to sign in.
type Attempt struct {
	Email    string
	Password string
	// Address is where the attempt comes from; UserAgent what the caller says it is.
	Address   netip.Addr
	UserAgent string
	// Trail hears of the session that is started.
	Trail Trail
}

// SignIn is a successful attempt. When the account has a second factor, it holds MFA alone, and the caller
// goes on with VerifyMFA.
type SignIn struct {
	Token      Token
	Refresh    RefreshToken
	Session    SessionEnd
	User       store.User
	Businesses []store.Membership
	// MFA is the token for VerifyMFA; its value is empty when the sign-in is complete.
	MFA Token
}

// SessionEnd is a session and when it ends.
type SessionEnd struct {
	ID uuid.UUID
	// EndsAt is when it ends however often it is refreshed.
	EndsAt time.Time
}

// Login checks the attempt, which the caller has counted against the account's limits, starts a session and issues its tokens. It
// returns ErrCredentials, ErrBusy, or an error of the store.
func (s *Service) Login(ctx context.Context, a Attempt) (SignIn, error) {
	email := strings.ToLower(strings.TrimSpace(a.Email))
	account, err := s.account(ctx, email)
	if err != nil {
		return SignIn{}, err
	}
	ok, err := s.hasher.Verify(ctx, account.PasswordHash, a.Password)
	if err != nil {
		return SignIn{}, fmt.Errorf("verify password of user %s: %w", account.ID, err)
	}
	// An address that nobody has proved is answered as a wrong password, by the right one too: else whoever registers an address and
	// signs in would learn from the two answers whether it had an account before.
	if !ok || !account.Active || !account.EmailVerified {
		return SignIn{}, ErrCredentials
	}
	session, err := uuid.NewV7()
	if err != nil {
		return SignIn{}, fmt.Errorf("make session id: %w", err)
	}
	if account.SecondFactor {
		token, err := s.tokens.issueMFA(ctx, account.ID, session, passwordMark(session, account.PasswordHash))
		return SignIn{MFA: token}, err
	}
	return s.start(ctx, account.ID, starting{id: session, passwordHash: account.PasswordHash}, a)
}

// VerifyMFA completes the sign-in that got token, with a code of the account's second factor; of a, it reads the
// caller's description and the Trail. It returns ErrToken when token is not valid or was used, ErrCode, a *ThrottledError, or an
// error of the store.
func (s *Service) VerifyMFA(ctx context.Context, token string, code Code, a Attempt) (SignIn, error) {
	half, err := s.tokens.verifyMFA(ctx, token)
	if err != nil {
		return SignIn{}, err
	}
	if err := s.checkCode(ctx, half.user, code); err != nil {
		return SignIn{}, err
	}
	return s.start(ctx, half.user, starting{id: half.session, passwordMark: half.mark, secondFactor: true}, a)
}

// starting is a session that is about to start for whoever has shown the password, by its hash or its mark.
type starting struct {
	id           uuid.UUID
	passwordHash string
	passwordMark string
	secondFactor bool
}

// passwordMark ties a half finished sign-in to the password it began with, without telling the hash: when the password
// changes, the sign-in does not go on.
func passwordMark(session uuid.UUID, hash string) string {
	sum := sha256.Sum256(append(session[:], hash...))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// errChanged ends a sign-in whose account is no longer as it was when the password was checked.
var errChanged = errors.New("the account has changed meanwhile")

// start starts a session of user and issues its tokens.
func (s *Service) start(ctx context.Context, user uuid.UUID, n starting, a Attempt) (SignIn, error) {
	now := s.clock().UTC()
	refresh, sealed := s.firstRefresh(n.id, now)
	agent := Printable(a.UserAgent, 300)
	in := SignIn{Session: SessionEnd{n.id, now.Add(s.limits.life)}, Refresh: refresh}
	err := s.store.AsUser(ctx, user, func(tx *store.UserTx) error {
		account, err := tx.Account(ctx)
		if err != nil {
			return err
		}
		if !account.Active || account.SecondFactor != n.secondFactor || account.PasswordHash != n.passwordHash && passwordMark(n.id, account.PasswordHash) != n.passwordMark {
			return errChanged
		}
		in.User = account.User
		started, err := tx.StartSession(ctx, store.Session{
			ID: n.id, Address: a.Address, UserAgent: agent, StartedAt: now, ExpiresAt: refresh.ExpiresAt, EndsAt: in.Session.EndsAt,
			RefreshHash: refresh.hash(), RefreshSecret: sealed, SecondFactor: n.secondFactor,
		}, s.limits.most)
		if err != nil {
			return err
		}
		if err := s.tellEnded(ctx, tx, started.Ended, "too many"); err != nil {
			return err
		}
		if started.NewDevice {
			if err := tx.QueueMail(ctx, s.mails.NewDevice(account.User, message.Occasion{At: now, Address: a.Address.Unmap().WithZone(""), Agent: agent})); err != nil {
				return err
			}
		}
		if in.Businesses, err = tx.Memberships(ctx); err != nil {
			return err
		}
		return a.Trail.write(tx, n.id, store.AuditDone)
	})
	switch {
	case errors.Is(err, errChanged) && n.passwordHash != "":
		return SignIn{}, ErrCredentials
	case errors.Is(err, errChanged), errors.Is(err, store.ErrConflict): // a session that exists: the token was used
		return SignIn{}, ErrToken
	case err != nil:
		return SignIn{}, fmt.Errorf("start session: %w", err)
	}
	in.Token, err = s.tokens.issue(ctx, Principal{UserID: user, SessionID: n.id, ProvedAt: now, SecondFactor: n.secondFactor})
	return in, err
}

// Proof is what a signed-in user shows to prove again who they are.
type Proof struct {
	Password string
	// Code is needed when the account has a second factor.
	Code Code
	// Address is where the attempt comes from.
	Address netip.Addr
	Trail   Trail
}

// Prove checks a proof of p's user and returns a new access token of p's session that carries it. It returns ErrCredentials when the
// password is wrong, ErrCodeNeeded when a second factor is missing, ErrCode when its code is wrong, ErrToken when the session has
// ended, a *ThrottledError, ErrBusy, or an error of the store.
func (s *Service) Prove(ctx context.Context, p Principal, proof Proof) (Token, error) {
	now := s.clock().UTC()
	var account store.Account
	err := s.store.AsUser(ctx, p.UserID, func(tx *store.UserTx) (err error) {
		account, err = tx.Account(ctx)
		return err
	})
	if err != nil {
		return Token{}, err
	}
	ok, err := s.hasher.Verify(ctx, account.PasswordHash, proof.Password)
	switch {
	case err != nil:
		return Token{}, fmt.Errorf("verify password of user %s: %w", p.UserID, err)
	case !ok:
		return Token{}, ErrCredentials
	case account.SecondFactor && proof.Code.empty():
		return Token{}, ErrCodeNeeded
	case account.SecondFactor:
		if err := s.checkCode(ctx, p.UserID, proof.Code); err != nil {
			return Token{}, err
		}
	}
	p.ProvedAt, p.SecondFactor = now, account.SecondFactor
	err = s.store.AsUser(ctx, p.UserID, func(tx *store.UserTx) error { return s.noteProof(ctx, tx, p, proof.Trail) })
	if err != nil {
		return Token{}, err
	}
	return s.tokens.issue(ctx, p)
}

// noteProof notes a proof in p's session. It returns ErrToken when that has ended.
func (s *Service) noteProof(ctx context.Context, tx *store.UserTx, p Principal, trail Trail) error {
	s.sessions.distrust(p.UserID)
	err := tx.ProveSession(ctx, p.SessionID, p.ProvedAt, p.SecondFactor)
	if errors.Is(err, store.ErrNotFound) {
		return ErrToken
	}
	if err != nil {
		return err
	}
	return trail.write(tx, p.SessionID, store.AuditDone)
}
