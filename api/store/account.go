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
	// EmailVerified tells whether its owner proved to hold its address.
	EmailVerified bool
}

// Membership is a business that a user belongs to.
type Membership struct {
	Business Business
	// Role is owner, admin, analyst or viewer.
	Role string
}

// Session is a session to start.
type Session struct {
	ID     uuid.UUID
	UserID uuid.UUID
	// Address and UserAgent describe the caller; the zero address means unknown.
	Address   netip.Addr
	UserAgent string
	StartedAt time.Time
	// EndsAt is when the session ends, whatever happens.
	EndsAt time.Time
	// RefreshHash is the SHA-256 hash of the session's refresh token; nil when it has none.
	RefreshHash []byte
}

// SigningKey is a key that signs access tokens.
type SigningKey struct {
	// ID is the token header's "kid".
	ID string
	// Algorithm is the JWS name: EdDSA or ES256.
	Algorithm string
	// PublicKey is PKIX and PrivateKey PKCS #8, both DER.
	PublicKey  []byte
	PrivateKey []byte
	// Retired keys sign no more but still verify.
	Retired bool
}

// AccountByEmail returns the account with an address, compared without regard to case, or ErrNotFound.
func (s *Store) AccountByEmail(ctx context.Context, email string) (Account, error) {
	var account Account
	err := s.within(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(q *query.Queries, _ pgx.Tx) error {
		row, err := q.AccountByEmail(ctx, email)
		account = Account{User: User{ID: row.ID, Email: row.Email, Name: row.FullName}, PasswordHash: row.PasswordHash, Active: row.IsActive, EmailVerified: row.Verified}
		return err
	}, setting{"app.email", email})
	if err != nil {
		return Account{}, fmt.Errorf("find account: %w", err) // the address stays out of logs
	}
	return account, nil
}

// StartSession adds a session, notes the sign-in and returns the user's businesses by name.
func (s *Store) StartSession(ctx context.Context, session Session) ([]Membership, error) {
	var memberships []Membership
	err := s.AsUser(ctx, session.UserID, func(tx *UserTx) error {
		params := query.AddUserSessionParams{
			ID: session.ID, UserID: session.UserID, RefreshHash: session.RefreshHash, UserAgent: session.UserAgent,
			StartedAt: session.StartedAt, ExpiresAt: session.EndsAt, EndsAt: session.EndsAt,
		}
		if session.Address.IsValid() {
			address := session.Address.Unmap().WithZone("") // inet has no zones
			params.IP = &address
		}
		if err := tx.q.AddUserSession(ctx, params); err != nil {
			return err
		}
		if err := tx.q.RecordLogin(ctx, session.StartedAt); err != nil {
			return err
		}
		var err error
		memberships, err = tx.Memberships(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("start session: %w", err)
	}
	return memberships, nil
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

// SigningKeys returns all signing keys, oldest first.
func (s *Store) SigningKeys(ctx context.Context) ([]SigningKey, error) {
	rows, err := query.New(s.pool).SigningKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read signing keys: %w", Classify(err))
	}
	keys := make([]SigningKey, len(rows))
	for i, r := range rows {
		keys[i] = SigningKey(r)
	}
	return keys, nil
}

// AddFirstSigningKey adds key unless the installation has a key that signs. Of several
// processes that call it at once, one adds its key.
func (s *Store) AddFirstSigningKey(ctx context.Context, key SigningKey) error {
	err := s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, _ pgx.Tx) error {
		if err := q.LockSigningKeys(ctx); err != nil {
			return err
		}
		return q.AddFirstSigningKey(ctx, query.AddFirstSigningKeyParams{
			ID: key.ID, Algorithm: key.Algorithm, PublicKey: key.PublicKey, PrivateKey: key.PrivateKey,
		})
	})
	if err != nil {
		return fmt.Errorf("add signing key %s: %w", key.ID, err)
	}
	return nil
}
