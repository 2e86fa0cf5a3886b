package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/signalcraft/signalcraft/api/notify/address"
	"github.com/signalcraft/signalcraft/api/notify/message"
	"github.com/signalcraft/signalcraft/api/secret"
	"github.com/signalcraft/signalcraft/api/store"
)

// ErrCredentials is returned when e-mail and password do not belong together, whatever
// the reason: no such account, wrong password, or an account that is switched off.
var ErrCredentials = errors.New("e-mail or password is wrong")

// Config is what a Service needs.
type Config struct {
	// Store holds accounts, sessions and signing keys. Required.
	Store *store.Store
	// Secrets seals signing keys, the secrets of second factors and those that refresh tokens are derived from. Required,
	// and the same in every process of an installation.
	Secrets *secret.Box
	// Clock tells the time. Required.
	Clock func() time.Time
	// Issuer names this installation in its tokens. Empty means "signalcraft".
	Issuer string
	// Audience names the service that the tokens are for. Empty means "signalcraft-api".
	Audience string
	// TokenLife is how long an access token is valid. Zero means 15 minutes.
	TokenLife time.Duration
	// SessionLife is how long a session lasts however often it is refreshed. Zero means 30 days.
	SessionLife time.Duration
	// IdleLife is how long it lasts without being refreshed. Zero means 7 days.
	IdleLife time.Duration
	// RefreshGrace is how long a refresh token that was just used still gets the answer that its use got, for
	// parallel tabs and lost answers. Zero means 10 seconds.
	RefreshGrace time.Duration
	// MaxSessions bounds the live sessions of one user; the one used least lately ends for a new one. Zero means 100.
	MaxSessions int
	// StateLife is how long a process goes by what it last read of a session or an API key. It bounds how long one that was
	// ended, or whose user was switched off, in another process is still accepted. Zero means 3 seconds.
	StateLife time.Duration
	// Product is the name of this installation in authenticator programs. Empty means "SignalCraft".
	Product string
	// Mails writes the mails about the security of accounts.
	Mails message.Site
	// Hash is the cost of passwords. The zero value is the recommended cost.
	Hash HashConfig
}

// Service signs people in and tells whose an access token is. It may be used from many
// goroutines.
type Service struct {
	store    *store.Store
	secrets  *secret.Box
	clock    func() time.Time
	hasher   *Hasher
	keys     *keyring
	tokens   *tokens
	sessions *states[store.SessionState]
	apiKeys  *states[store.KeyState]
	limits   sessionLimits
	product  string
	mails    message.Site
}

// sessionLimits are the bounds of sessions; see Config.
type sessionLimits struct {
	life, idle, grace time.Duration
	most              int
}

// New returns a Service. It does not reach for Postgres; the signing key is read, or the
// first one made, when it is first needed.
func New(c Config) (*Service, error) {
	if c.Store == nil || c.Clock == nil || c.Secrets == nil {
		return nil, errors.New("auth config: Store, Clock and Secrets are required")
	}
	c = c.withDefaults()
	hasher, err := NewHasher(c.Hash)
	if err != nil {
		return nil, fmt.Errorf("auth config: %w", err)
	}
	keys := &keyring{store: c.Store, clock: c.Clock, secrets: c.Secrets}
	return &Service{
		store: c.Store, secrets: c.Secrets, clock: c.Clock, hasher: hasher, keys: keys,
		tokens:   newTokens(keys, c.Issuer, c.Audience, c.TokenLife, c.Clock),
		sessions: newStates[store.SessionState](c.StateLife, c.Clock), apiKeys: newStates[store.KeyState](c.StateLife, c.Clock),
		limits:  sessionLimits{life: c.SessionLife, idle: c.IdleLife, grace: c.RefreshGrace, most: c.MaxSessions},
		product: c.Product, mails: c.Mails,
	}, nil
}

func (c Config) withDefaults() Config {
	text := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	span := func(field *time.Duration, value time.Duration) {
		if *field == 0 {
			*field = value
		}
	}
	text(&c.Issuer, "signalcraft")
	text(&c.Audience, "signalcraft-api")
	text(&c.Product, "SignalCraft")
	span(&c.TokenLife, 15*time.Minute)
	span(&c.SessionLife, 30*24*time.Hour)
	span(&c.IdleLife, 7*24*time.Hour)
	span(&c.RefreshGrace, 10*time.Second)
	span(&c.StateLife, 3*time.Second)
	if c.MaxSessions == 0 {
		c.MaxSessions = 100
	}
	return c
}

// account returns the account of email, or a blank one, which no password fits.
func (s *Service) account(ctx context.Context, email string) (store.Account, error) {
	// Postgres refuses a zero byte in text; no address holds control characters.
	if strings.ContainsFunc(email, unicode.IsControl) {
		return store.Account{}, nil
	}
	account, err := s.store.AccountByEmail(ctx, address.Canonical(email))
	if errors.Is(err, store.ErrNotFound) {
		return store.Account{}, nil
	}
	return account, err
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
