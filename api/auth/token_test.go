package auth_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/secret"
	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// bench is a service with one user, on a clock that the test moves.
type bench struct {
	*auth.Service
	db     *storetest.DB
	now    time.Time
	userID uuid.UUID
}

const (
	email    = "ada@example.com"
	password = "correct horse"
)

func setup(t *testing.T) *bench {
	t.Helper()
	b := &bench{db: storetest.New(t), now: time.Date(2026, 3, 31, 6, 0, 0, 0, time.UTC), userID: uuid.New()}
	b.Service = b.process(t)
	hash, err := b.HashPassword(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	b.exec(t, `insert into users (id, email, password_hash) values ($1, $2, $3)`, b.userID, email, hash)
	return b
}

// secrets returns the box that all processes of a test share.
func secrets(t *testing.T) *secret.Box {
	t.Helper()
	box, err := secret.New(bytes.Repeat([]byte{1}, secret.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// process returns another service on the same database, as another process would have.
func (b *bench) process(t *testing.T) *auth.Service {
	t.Helper()
	data, err := store.Open(t.Context(), store.Config{URL: b.db.URL(store.RoleAPI), Role: store.RoleAPI})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(data.Close)
	s, err := auth.New(auth.Config{Store: data, Secrets: secrets(t), Clock: func() time.Time { return b.now }, Hash: auth.HashConfig{MemoryKiB: 8, Passes: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (b *bench) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	if _, err := b.db.Pool(t, "").Exec(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

func login(t *testing.T, s *auth.Service) string {
	t.Helper()
	signIn, err := s.Login(t.Context(), auth.Attempt{Email: email, Password: password, Address: netip.MustParseAddr("192.0.2.1")})
	if err != nil {
		t.Fatalf("login: %v", err)
	}
	return signIn.Token.Value
}

func TestTokenNamesUserAndSession(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p, err := b.Authenticate(t.Context(), login(t, b.Service))
	if err != nil || p.UserID != b.userID {
		t.Fatalf("Authenticate = %+v, %v; want user %s", p, err, b.userID)
	}
	var user uuid.UUID
	if err := b.db.Pool(t, "").QueryRow(t.Context(), `select user_id from user_sessions where id = $1`, p.SessionID).Scan(&user); err != nil || user != b.userID {
		t.Errorf("session %s is of user %s, %v; want %s", p.SessionID, user, err, b.userID)
	}
}

func TestTokenEndsAfterFifteenMinutes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := login(t, b.Service)
	b.now = b.now.Add(15*time.Minute - time.Second)
	if _, err := b.Authenticate(t.Context(), token); err != nil {
		t.Errorf("a second before the end: %v", err)
	}
	b.now = b.now.Add(time.Second)
	if _, err := b.Authenticate(t.Context(), token); !errors.Is(err, auth.ErrToken) {
		t.Errorf("at the end: %v, want ErrToken", err)
	}
}

// TestProcessesShareKeys starts several processes at once on an installation without keys.
func TestProcessesShareKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	processes := make([]*auth.Service, 6)
	tokens := make([]string, len(processes))
	for i := range processes {
		processes[i] = b.process(t)
	}
	var all sync.WaitGroup
	for i, p := range processes {
		all.Go(func() {
			signIn, err := p.Login(t.Context(), auth.Attempt{Email: email, Password: password, Address: netip.MustParseAddr("192.0.2.1")})
			if err != nil {
				t.Errorf("process %d: %v", i, err)
				return
			}
			tokens[i] = signIn.Token.Value
		})
	}
	all.Wait()
	for i, p := range processes {
		for j, token := range tokens {
			if _, err := p.Authenticate(t.Context(), token); err != nil {
				t.Errorf("process %d refuses the token of process %d: %v", i, j, err)
			}
		}
	}
	var keys int
	if err := b.db.Pool(t, "").QueryRow(t.Context(), `select count(*) from signing_keys`).Scan(&keys); err != nil || keys != 1 {
		t.Errorf("%d signing keys, %v; want 1", keys, err)
	}
}

// TestRetiredKeysStillVerify retires the key and lets another process make the next one.
func TestRetiredKeysStillVerify(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old := login(t, b.Service)
	b.exec(t, `update signing_keys set retired_at = now()`)
	other := b.process(t)
	next := login(t, other)
	if keyID(t, next) == keyID(t, old) {
		t.Errorf("the retired key %s signs again", keyID(t, old))
	}
	b.now = b.now.Add(11 * time.Second) // unknown key ids are looked up every ten seconds only
	for name, s := range map[string]*auth.Service{"the first": b.Service, "the other": other} {
		for _, token := range []string{old, next} {
			if _, err := s.Authenticate(t.Context(), token); err != nil {
				t.Errorf("%s process refuses a token of key %s: %v", name, keyID(t, token), err)
			}
		}
	}
}

func keyID(t *testing.T, token string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	if err != nil {
		t.Fatal(err)
	}
	var header struct{ Kid string }
	if err := json.Unmarshal(text, &header); err != nil {
		t.Fatal(err)
	}
	return header.Kid
}

// TestTokensCannotBeForged tries named attacks. Each starts from what our own tokens look
// like; most are even signed with our own key, which no attacker has.
func TestTokensCannotBeForged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	genuine := login(t, b.Service)
	kid := keyID(t, genuine)
	session, err := b.Authenticate(t.Context(), genuine)
	if err != nil {
		t.Fatal(err)
	}
	var sealed string
	if err := b.db.Pool(t, "").QueryRow(t.Context(), `select convert_from(private_key, 'UTF8') from signing_keys`).Scan(&sealed); err != nil {
		t.Fatal(err)
	}
	der, err := secrets(t).Open("signing_keys/private_key/"+kid, sealed)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	ours := parsed.(ed25519.PrivateKey)
	_, theirs, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public := ours.Public().(ed25519.PublicKey)
	publicDER, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}

	header := map[string]any{"alg": "EdDSA", "typ": "at+jwt", "kid": kid}
	claims := map[string]any{"iss": "signalcraft", "aud": []string{"signalcraft-api"}, "sub": b.userID.String(), "sid": session.SessionID.String(), "typ": "access",
		"auth_time": b.now.Unix(), "amr": []string{"pwd"}, "iat": b.now.Unix(), "nbf": b.now.Unix(), "exp": b.now.Add(15 * time.Minute).Unix()}
	with := func(m map[string]any, key string, value any) map[string]any {
		changed := maps.Clone(m)
		if changed[key] = value; value == nil {
			delete(changed, key)
		}
		return changed
	}
	sign := func(h, c map[string]any, method jwt.SigningMethod, key any) string {
		t.Helper()
		token := &jwt.Token{Header: h, Claims: jwt.MapClaims(c), Method: method}
		text, err := token.SigningString()
		if err != nil {
			t.Fatal(err)
		}
		signature, err := method.Sign(text, key)
		if err != nil {
			t.Fatal(err)
		}
		return text + "." + base64.RawURLEncoding.EncodeToString(signature)
	}
	own := func(h, c map[string]any) string { return sign(h, c, jwt.SigningMethodEdDSA, ours) }
	if _, err := b.Authenticate(t.Context(), own(header, claims)); err != nil {
		t.Fatalf("the pattern of the attacks is not valid itself: %v", err)
	}
	part := strings.Split(genuine, ".")
	flipped := []byte(part[2])
	flipped[0] ^= 1

	for attack, token := range map[string]string{
		"empty":                      "",
		"no token":                   "Bearer",
		"two parts":                  part[0] + "." + part[1],
		"four parts":                 genuine + ".x",
		"no signature":               part[0] + "." + part[1] + ".",
		"changed signature":          part[0] + "." + part[1] + "." + string(flipped),
		"signature with padding":     genuine + "==",
		"very long":                  genuine + strings.Repeat("A", 1<<20),
		"alg none":                   sign(with(header, "alg", "none"), claims, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType),
		"alg None":                   sign(with(header, "alg", "None"), claims, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType),
		"alg missing":                own(with(header, "alg", nil), claims),
		"public key as HMAC secret":  sign(with(header, "alg", "HS256"), claims, jwt.SigningMethodHS256, []byte(public)),
		"public DER as HMAC secret":  sign(with(header, "alg", "HS256"), claims, jwt.SigningMethodHS256, publicDER),
		"another key":                sign(header, claims, jwt.SigningMethodEdDSA, theirs),
		"another key, embedded":      sign(with(header, "jwk", map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(theirs.Public().(ed25519.PublicKey))}), claims, jwt.SigningMethodEdDSA, theirs),
		"another key, by address":    sign(with(header, "jku", "https://evil.example/keys"), claims, jwt.SigningMethodEdDSA, theirs),
		"unknown key id":             own(with(header, "kid", "nobody's"), claims),
		"key id missing":             own(with(header, "kid", nil), claims),
		"key id is a number":         own(with(header, "kid", 1), claims),
		"key id with SQL":            own(with(header, "kid", "' or 1=1 --"), claims),
		"key id with a path":         own(with(header, "kid", "../../dev/null"), claims),
		"header type JWT":            own(with(header, "typ", "JWT"), claims),
		"header type missing":        own(with(header, "typ", nil), claims),
		"critical header":            own(with(header, "crit", []string{"x"}), claims),
		"refresh token":              own(header, with(claims, "typ", "refresh")),
		"reset token":                own(header, with(claims, "typ", "reset")),
		"MFA token":                  own(header, with(claims, "typ", "mfa")),
		"type missing":               own(header, with(claims, "typ", nil)),
		"type in other case":         own(header, with(claims, "typ", "ACCESS")),
		"another audience":           own(header, with(claims, "aud", "signalcraft-mail")),
		"audience missing":           own(header, with(claims, "aud", nil)),
		"empty audience":             own(header, with(claims, "aud", []string{})),
		"another issuer":             own(header, with(claims, "iss", "evil")),
		"issuer missing":             own(header, with(claims, "iss", nil)),
		"expired":                    own(header, with(claims, "exp", b.now.Unix()-1)),
		"expires now":                own(header, with(claims, "exp", b.now.Unix())),
		"expiry missing":             own(header, with(claims, "exp", nil)),
		"expiry is text":             own(header, with(claims, "exp", "never")),
		"expiry is 1e400":            own(header, with(claims, "exp", json.Number("1e400"))),
		"not yet":                    own(header, with(claims, "nbf", b.now.Unix()+60)),
		"beginning missing":          own(header, with(claims, "nbf", nil)),
		"user missing":               own(header, with(claims, "sub", nil)),
		"user is no id":              own(header, with(claims, "sub", "admin")),
		"user is a list":             own(header, with(claims, "sub", []string{b.userID.String()})),
		"session missing":            own(header, with(claims, "sid", nil)),
		"session is no id":           own(header, with(claims, "sid", "*")),
		"session that never was":     own(header, with(claims, "sid", uuid.NewString())),
		"session without digits":     own(header, with(claims, "sid", uuid.Nil.String())),
		"session of another":         own(header, with(claims, "sub", uuid.NewString())),
		"issued in the future":       own(header, with(claims, "iat", b.now.Unix()+60)),
		"proof missing":              own(header, with(claims, "auth_time", nil)),
		"proof in the future":        own(header, with(claims, "auth_time", b.now.Unix()+60)),
		"certificates in the header": sign(with(with(header, "x5c", []string{base64.StdEncoding.EncodeToString(publicDER)}), "x5u", "https://evil.example/c"), claims, jwt.SigningMethodEdDSA, theirs),
		"claims of another token":    part[0] + "." + strings.Split(own(header, with(claims, "sub", uuid.NewString())), ".")[1] + "." + part[2],
		"header of another token":    strings.Split(own(with(header, "kid", "x"), claims), ".")[0] + "." + part[1] + "." + part[2],
	} {
		if p, err := b.Authenticate(t.Context(), token); !errors.Is(err, auth.ErrToken) {
			t.Errorf("%s: Authenticate = %+v, %v; want ErrToken", attack, p, err)
		}
	}
}

func TestLoginWithWhatPostgresRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, address := range []string{"a\x00@example.com", "\xff\xfe@example.com", "", strings.Repeat("x", 100_000)} {
		_, err := b.Login(t.Context(), auth.Attempt{Email: address, Password: password})
		if !errors.Is(err, auth.ErrCredentials) {
			t.Errorf("login as %.20q: %v, want ErrCredentials", address, err)
		}
	}
	_, err := b.Login(t.Context(), auth.Attempt{Email: email, Password: password, UserAgent: "\x00\xff" + strings.Repeat("ü", 100_000)})
	if err != nil {
		t.Errorf("login of a strange program: %v", err)
	}
}
