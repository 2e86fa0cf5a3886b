package auth

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

const (
	// tokenHeader is the media type of an access token (RFC 9068, section 2.1). It and the
	// typ claim keep a token made for another purpose from being taken as access.
	tokenHeader = "at+jwt"
	tokenType   = "access"
	// A sign-in that waits for its second factor has a token of its own header, type and audience.
	mfaHeader   = "mfa+jwt"
	mfaType     = "mfa"
	mfaAudience = "/mfa" // after the audience of access tokens
	mfaLife     = 5 * time.Minute
	// maxTokenBytes is far above our own tokens, which have about 500 bytes.
	maxTokenBytes = 4096
)

// ErrToken is returned for every token or key that is not valid now: forged, expired, ended, used,
// made for another service or purpose. Ask for a new sign-in; do not say why.
var ErrToken = errors.New("token is not valid")

// Token is one issued token.
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
	// When and how the user last proved who they are (OpenID Connect Core, section 2; RFC 8176).
	AuthTime *jwt.NumericDate `json:"auth_time,omitempty"`
	Methods  []string         `json:"amr,omitempty"`
	// Mark ties a half finished sign-in to the password it began with.
	Mark string `json:"mark,omitempty"`
}

// UnmarshalJSON reads claims whose instants are numbers; golang-jwt would take text too.
func (c *claims) UnmarshalJSON(text []byte) error {
	var instants struct {
		Expires   float64 `json:"exp"`
		NotBefore float64 `json:"nbf"`
		IssuedAt  float64 `json:"iat"`
		AuthTime  float64 `json:"auth_time"`
	}
	if err := json.Unmarshal(text, &instants); err != nil {
		return err
	}
	type plain claims
	return json.Unmarshal(text, (*plain)(c))
}

// The authentication methods of RFC 8176 that we have.
const (
	methodPassword = "pwd"
	methodOTP      = "otp"
	methodMFA      = "mfa"
)

// tokens signs and checks access tokens with the keys of a keyring.
type tokens struct {
	keys     *keyring
	issuer   string
	audience string
	lifetime time.Duration
	clock    func() time.Time
	access   *jwt.Parser
	mfa      *jwt.Parser
	verified verified
}

func newTokens(k *keyring, issuer, audience string, lifetime time.Duration, clock func() time.Time) *tokens {
	parser := func(audience string) *jwt.Parser {
		return jwt.NewParser( // golang-jwt asks for none of these by itself
			jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
			jwt.WithIssuer(issuer),
			jwt.WithAudience(audience),
			jwt.WithExpirationRequired(),
			jwt.WithNotBeforeRequired(),
			jwt.WithIssuedAt(),
			jwt.WithStrictDecoding(),
			jwt.WithTimeFunc(clock),
		)
	}
	return &tokens{keys: k, issuer: issuer, audience: audience, lifetime: lifetime, clock: clock, access: parser(audience), mfa: parser(audience + mfaAudience)}
}

// issue returns an access token of p's session that tells of p's proof.
func (t *tokens) issue(ctx context.Context, p Principal) (Token, error) {
	methods := []string{methodPassword}
	if p.SecondFactor {
		methods = append(methods, methodOTP, methodMFA)
	}
	return t.sign(ctx, tokenHeader, t.audience, t.lifetime, p.UserID, claims{
		Type: tokenType, SessionID: p.SessionID.String(), AuthTime: jwt.NewNumericDate(p.ProvedAt.UTC().Truncate(time.Second)), Methods: methods})
}

// issueMFA returns the token of a sign-in that waits for its second factor.
func (t *tokens) issueMFA(ctx context.Context, user, session uuid.UUID, mark string) (Token, error) {
	return t.sign(ctx, mfaHeader, t.audience+mfaAudience, mfaLife, user, claims{Type: mfaType, SessionID: session.String(), Mark: mark})
}

func (t *tokens) sign(ctx context.Context, header, audience string, lifetime time.Duration, user uuid.UUID, c claims) (Token, error) {
	key, err := t.keys.current(ctx)
	if err != nil {
		return Token{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Token{}, fmt.Errorf("make token id: %w", err)
	}
	now := t.clock().UTC().Truncate(time.Second)
	expires := now.Add(lifetime)
	c.RegisteredClaims = jwt.RegisteredClaims{
		Issuer: t.issuer, Subject: user.String(), Audience: jwt.ClaimStrings{audience}, ID: id.String(),
		IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(expires),
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c)
	token.Header["typ"] = header
	token.Header["kid"] = key.id
	signed, err := token.SignedString(key.private)
	if err != nil {
		return Token{}, fmt.Errorf("sign token: %w", err)
	}
	return Token{Value: signed, ExpiresAt: expires}, nil
}

// verify returns the principal of the access token raw. Every defect of the token is ErrToken; another
// error means that the keys could not be read.
func (t *tokens) verify(ctx context.Context, raw string) (Principal, error) {
	if len(raw) > maxTokenBytes {
		return Principal{}, ErrToken
	}
	now, sum := t.clock(), sha256.Sum256([]byte(raw))
	if p, ok := t.verified.find(sum, now); ok {
		return p, nil
	}
	c, user, session, err := t.parse(ctx, t.access, tokenHeader, tokenType, raw)
	if err != nil {
		return Principal{}, err
	}
	if c.AuthTime == nil || c.AuthTime.After(now) {
		return Principal{}, ErrToken
	}
	p := Principal{UserID: user, SessionID: session, ProvedAt: c.AuthTime.UTC(), SecondFactor: slices.Contains(c.Methods, methodMFA)}
	t.verified.add(sum, p, now, c.ExpiresAt.Time)
	return p, nil
}

// halfSignIn is what a sign-in that waits for its second factor knows.
type halfSignIn struct {
	user, session uuid.UUID
	mark          string
}

// verifyMFA returns the sign-in that the token raw continues, or ErrToken.
func (t *tokens) verifyMFA(ctx context.Context, raw string) (halfSignIn, error) {
	c, user, session, err := t.parse(ctx, t.mfa, mfaHeader, mfaType, raw)
	if err == nil && c.Mark == "" {
		err = ErrToken
	}
	return halfSignIn{user: user, session: session, mark: c.Mark}, err
}

func (t *tokens) parse(ctx context.Context, parser *jwt.Parser, header, kind, raw string) (c claims, user, session uuid.UUID, err error) {
	if len(raw) > maxTokenBytes {
		return c, user, session, ErrToken
	}
	var broken error
	_, err = parser.ParseWithClaims(raw, &c, func(token *jwt.Token) (any, error) {
		id, ok := token.Header["kid"].(string)
		// RFC 7515, section 4.1.11: a token with critical headers we do not know is refused.
		if _, critical := token.Header["crit"]; !ok || critical || token.Header["typ"] != header {
			return nil, ErrToken
		}
		var public ed25519.PublicKey
		if public, broken = t.keys.public(ctx, id); broken != nil {
			return nil, broken
		}
		return public, nil
	})
	if broken != nil && !errors.Is(broken, ErrToken) {
		return c, user, session, broken
	}
	if err != nil || c.Type != kind {
		return c, user, session, ErrToken
	}
	user, userErr := uuid.Parse(c.Subject)
	session, sessionErr := uuid.Parse(c.SessionID)
	if userErr != nil || sessionErr != nil || user == uuid.Nil || session == uuid.Nil {
		return c, user, session, ErrToken
	}
	return c, user, session, nil
}
