package auth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// ErrCredentials is returned when e-mail and password do not belong together, whatever
// the reason: no such account, wrong password, or an account that is switched off.
var ErrCredentials = errors.New("e-mail or password is wrong")

// ThrottledError is returned when there were too many attempts to sign in.
type ThrottledError struct {
	// Wait is how long until the next attempt is heard.
	Wait time.Duration
}

// Error says how long to wait.
func (e *ThrottledError) Error() string {
	return fmt.Sprintf("too many attempts to sign in: wait %s", e.Wait)
}

// Config is what a Service needs.
type Config struct {
	// Store holds accounts, sessions and signing keys. Required.
	Store *store.Store
	// Clock tells the time. Required.
	Clock func() time.Time
	// Issuer names this installation in its tokens. Empty means "signalcraft".
	Issuer string
	// Audience names the service that the tokens are for. Empty means "signalcraft-api".
	Audience string
	// TokenLife is how long an access token is valid. Zero means 15 minutes.
	TokenLife time.Duration
	// Hash is the cost of passwords. The zero value is the recommended cost.
	Hash HashConfig
	// Throttle bounds attempts to sign in, in this process.
	Throttle ThrottleConfig
}

// Service signs people in and tells whose an access token is. It may be used from many
// goroutines.
type Service struct {
	store    *store.Store
	clock    func() time.Time
	hasher   *Hasher
	tokens   *tokens
	throttle *throttle
}

// New returns a Service. It does not reach for Postgres; the signing key is read, or the
// first one made, when it is first needed.
func New(c Config) (*Service, error) {
	if c.Store == nil || c.Clock == nil {
		return nil, errors.New("auth config: Store and Clock are required")
	}
	if c.Issuer == "" {
		c.Issuer = "signalcraft"
	}
	if c.Audience == "" {
		c.Audience = "signalcraft-api"
	}
	if c.TokenLife == 0 {
		c.TokenLife = 15 * time.Minute
	}
	hasher, err := NewHasher(c.Hash)
	if err != nil {
		return nil, fmt.Errorf("auth config: %w", err)
	}
	keys := &keyring{store: c.Store, clock: c.Clock}
	return &Service{store: c.Store, clock: c.Clock, hasher: hasher, throttle: newThrottle(c.Throttle),
		tokens: newTokens(keys, c.Issuer, c.Audience, c.TokenLife, c.Clock)}, nil
}

// Attempt is one attempt to sign in.
type Attempt struct {
	Email    string
	Password string
	// Address is where the attempt comes from; UserAgent what the caller says it is.
	Address   netip.Addr
	UserAgent string
}

// SignIn is a successful attempt.
type SignIn struct {
	Token      Token
	User       store.User
	Businesses []store.Membership
}

// Login checks the attempt, starts a session and issues its access token. It returns
// ErrCredentials, a *ThrottledError, ErrBusy, or an error of the store.
func (s *Service) Login(ctx context.Context, a Attempt) (SignIn, error) {
	now := s.clock().UTC()
	email := strings.ToLower(strings.TrimSpace(a.Email))
	if wait := s.throttle.take(now, email, a.Address); wait > 0 {
		return SignIn{}, &ThrottledError{Wait: wait}
	}
	account, err := s.account(ctx, email)
	if err != nil {
		return SignIn{}, err
	}
	ok, err := s.hasher.Verify(ctx, account.PasswordHash, a.Password)
	if err != nil {
		return SignIn{}, fmt.Errorf("verify password of user %s: %w", account.ID, err)
	}
	if !ok || !account.Active {
		return SignIn{}, ErrCredentials
	}
	session, err := uuid.NewV7()
	if err != nil {
		return SignIn{}, fmt.Errorf("make session id: %w", err)
	}
	token, err := s.tokens.issue(ctx, Principal{UserID: account.ID, SessionID: session})
	if err != nil {
		return SignIn{}, err
	}
	businesses, err := s.store.StartSession(ctx, store.Session{
		ID: session, UserID: account.ID, Address: a.Address, UserAgent: Printable(a.UserAgent, 300),
		StartedAt: now, EndsAt: token.ExpiresAt,
	})
	if err != nil {
		return SignIn{}, err
	}
	return SignIn{Token: token, User: account.User, Businesses: businesses}, nil
}

// account returns the account of email, or a blank one, which no password fits.
func (s *Service) account(ctx context.Context, email string) (store.Account, error) {
	// Postgres refuses a zero byte in text; no address holds control characters.
	if strings.ContainsFunc(email, unicode.IsControl) {
		return store.Account{}, nil
	}
	account, err := s.store.AccountByEmail(ctx, email)
	if errors.Is(err, store.ErrNotFound) {
		return store.Account{}, nil
	}
	return account, err
}

// Authenticate returns whose token raw is. It returns ErrToken for every token that is not
// valid now, and an error of the store when the signing keys could not be read.
func (s *Service) Authenticate(ctx context.Context, raw string) (Principal, error) {
	p, err := s.tokens.verify(ctx, raw)
	if err != nil {
		return p, err
	}
	err = s.store.AsUser(ctx, p.UserID, func(t *store.UserTx) error {
		account, err := t.OwnAccount(ctx)
		p.Operator = account.Operator
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return p, err
}

// HashPassword returns the hash under which password is kept in the store.
func (s *Service) HashPassword(ctx context.Context, password string) (string, error) {
	return s.hasher.Hash(ctx, password)
}

// Printable keeps at most most characters of what a caller sent, without control characters.
func Printable(text string, most int) string {
	clean := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "")))
	return string(clean[:min(len(clean), most)])
}
