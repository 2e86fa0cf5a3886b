package auth_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

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

func setup(t testing.TB) *bench {
	t.Helper()
	b := &bench{db: storetest.New(t), now: time.Date(2026, 3, 31, 6, 0, 0, 0, time.UTC), userID: uuid.New()}
	b.Service = b.process(t)
	hash, err := b.HashPassword(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	b.exec(t, `insert into users (id, email, password_hash, email_verified_at) values ($1, $2, $3, now())`, b.userID, email, hash)
	return b
}

// secrets returns the box that all processes of a test share.
func secrets(t testing.TB) *secret.Box {
	t.Helper()
	box, err := secret.New(bytes.Repeat([]byte{1}, secret.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// process returns another service on the same database, as another process would have.
func (b *bench) process(t testing.TB) *auth.Service {
	t.Helper()
	data, err := store.Open(t.Context(), store.Config{URL: b.db.URL(store.RoleAPI), Role: store.RoleAPI})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(data.Close)
	s, err := auth.New(auth.Config{Store: data, Secrets: secrets(t), Clock: b.clock, Hash: auth.HashConfig{MemoryKiB: 8, Passes: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (b *bench) clock() time.Time { return b.now }

func (b *bench) exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	if _, err := b.db.Pool(t, "").Exec(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

func login(t testing.TB, s *auth.Service) string {
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

// TestPlainKeysAreSealed starts with a key as earlier versions kept it.
func TestPlainKeysAreSealed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	publicDER, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	privateDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	b.exec(t, `insert into signing_keys (id, algorithm, public_key, private_key) values ('old', 'EdDSA', $1, $2)`, publicDER, privateDER)
	if got := keyID(t, login(t, b.Service)); got != "old" {
		t.Errorf("token of key %s, want the one that was there", got)
	}
	var sealed string
	if err := b.db.Pool(t, "").QueryRow(t.Context(), `select convert_from(private_key, 'UTF8') from signing_keys`).Scan(&sealed); err != nil {
		t.Fatal(err)
	}
	opened, err := secrets(t).Open("signing_keys/private_key/old", sealed)
	if err != nil || !bytes.Equal(opened, privateDER) {
		t.Errorf("sealed key %.10s opens with %v, want what was there", sealed, err)
	}
	if got := keyID(t, login(t, b.process(t))); got != "old" {
		t.Errorf("another process signs with %s, want the sealed key", got)
	}
}

// TestEndSessions ends all sessions of a user but one, in the transaction of another change.
func TestEndSessions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tokens := []string{login(t, b.Service), login(t, b.Service), login(t, b.Service)}
	kept, err := b.Authenticate(t.Context(), tokens[1])
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range tokens { // all are remembered
		if _, err := b.Authenticate(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	data, err := store.Open(t.Context(), store.Config{URL: b.db.URL(store.RoleAPI), Role: store.RoleAPI})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(data.Close)
	err = data.AsUser(t.Context(), b.userID, func(tx *store.UserTx) error {
		n, err := b.EndSessions(t.Context(), tx, kept.SessionID, "password changed")
		if n != 2 {
			t.Errorf("%d sessions ended, want 2", n)
		}
		for i, token := range tokens { // not committed: nothing has ended yet, and nothing of this may be remembered
			if _, err := b.Authenticate(t.Context(), token); err != nil {
				t.Errorf("before the commit session %d: %v", i, err)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, token := range tokens {
		if _, err := b.Authenticate(t.Context(), token); errors.Is(err, auth.ErrToken) != (i != 1) {
			t.Errorf("after the commit session %d: %v, want only the middle one alive", i, err)
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
