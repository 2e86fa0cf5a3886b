package auth

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

const (
	// tokenHeader is the media type of an access token (RFC 9068, section 2.1). It and the
	// typ claim keep a token made for another purpose from being taken as access.
	tokenHeader = "at+jwt"
	tokenType   = "access"
	// maxTokenBytes is far above our own tokens, which have about 500 bytes.
	maxTokenBytes = 4096
)

// ErrToken is returned for every access token that is not valid now: forged, expired,
// made for another service or purpose. Ask for a new sign-in; do not say why.
var ErrToken = errors.New("access token is not valid")

// Token is one issued access token.
type Token struct {
	// Value is the signed token; a secret.
	Value string
	// ExpiresAt is the instant from which it is refused, UTC.
	ExpiresAt time.Time
}

type claims struct {
	jwt.RegisteredClaims
	Type      string `json:"typ"`
	SessionID string `json:"sid"`
}

// tokens signs and checks access tokens with the keys of a keyring.
type tokens struct {
	keys     *keyring
	issuer   string
	audience string
	lifetime time.Duration
	clock    func() time.Time
	parser   *jwt.Parser
}

func newTokens(k *keyring, issuer, audience string, lifetime time.Duration, clock func() time.Time) *tokens {
	return &tokens{keys: k, issuer: issuer, audience: audience, lifetime: lifetime, clock: clock,
		// golang-jwt asks for none of these by itself.
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
			jwt.WithIssuer(issuer),
			jwt.WithAudience(audience),
			jwt.WithExpirationRequired(),
			jwt.WithNotBeforeRequired(),
			jwt.WithStrictDecoding(),
			jwt.WithTimeFunc(clock),
		)}
}

func (t *tokens) issue(ctx context.Context, p Principal) (Token, error) {
	key, err := t.keys.current(ctx)
	if err != nil {
		return Token{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Token{}, fmt.Errorf("make token id: %w", err)
	}
	now := t.clock().UTC().Truncate(time.Second)
	expires := now.Add(t.lifetime)
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: t.issuer, Subject: p.UserID.String(), Audience: jwt.ClaimStrings{t.audience}, ID: id.String(),
			IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(expires),
		},
		Type: tokenType, SessionID: p.SessionID.String(),
	})
	token.Header["typ"] = tokenHeader
	token.Header["kid"] = key.id
	signed, err := token.SignedString(key.private)
	if err != nil {
		return Token{}, fmt.Errorf("sign access token: %w", err)
	}
	return Token{Value: signed, ExpiresAt: expires}, nil
}

// verify returns the principal of raw. Every defect of the token is ErrToken; another
// error means that the keys could not be read.
func (t *tokens) verify(ctx context.Context, raw string) (Principal, error) {
	if len(raw) > maxTokenBytes {
		return Principal{}, ErrToken
	}
	var c claims
	var broken error
	_, err := t.parser.ParseWithClaims(raw, &c, func(token *jwt.Token) (any, error) {
		id, ok := token.Header["kid"].(string)
		// RFC 7515, section 4.1.11: a token with critical headers we do not know is refused.
		if _, critical := token.Header["crit"]; !ok || critical || token.Header["typ"] != tokenHeader {
			return nil, ErrToken
		}
		var public ed25519.PublicKey
		if public, broken = t.keys.public(ctx, id); broken != nil {
			return nil, broken
		}
		return public, nil
	})
	if broken != nil && !errors.Is(broken, ErrToken) {
		return Principal{}, broken
	}
	if err != nil || c.Type != tokenType {
		return Principal{}, ErrToken
	}
	user, userErr := uuid.Parse(c.Subject)
	session, sessionErr := uuid.Parse(c.SessionID)
	if userErr != nil || sessionErr != nil {
		return Principal{}, ErrToken
	}
	return Principal{UserID: user, SessionID: session, ProvedAt: c.IssuedAt.Time}, nil
}
