package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/secret"
	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

// From inside: the operation under test does what the test wants at the moments that matter, which no operation
// of the service does.

// creator is a service with one operation that creates, and an account that may call it. Its effect is an event.
type creator struct {
	*service
	router *router
	url    string
	token  string
	user   uuid.UUID
	pool   *pgxpool.Pool
	mu     sync.Mutex
	now    time.Time
	// inside, if set, runs within the transaction of the effect, after it.
	inside func(ctx context.Context, name string) error
}

type creatorInput struct {
	Body struct {
		Name string `json:"name"`
		Text string `json:"text,omitempty"`
	}
}

type creatorOutput struct {
	Location string `header:"Location"`
	Body     struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
}

func newCreator(t *testing.T, db *storetest.DB, box *secret.Box) *creator {
	t.Helper()
	c := &creator{now: time.Date(2026, 3, 31, 6, 0, 0, 0, time.UTC), pool: db.Pool(t, "")}
	clock := func() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
	data, err := store.Open(t.Context(), store.Config{URL: db.URL(store.RoleAPI), Role: store.RoleAPI, MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(data.Close)
	accounts, err := auth.New(auth.Config{Store: data, Secrets: boxOf(t, 9), Clock: clock, Hash: auth.HashConfig{MemoryKiB: 8, Passes: 1}})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := New(Config{Store: data, Auth: accounts, Logger: slog.New(slog.DiscardHandler), Clock: clock, Secrets: box,
		Limits: map[string]Limit{limitAccount: {}, limitAddress: {}, limitLogin: {}, limitLoginAddress: {}}})
	if err != nil {
		t.Fatal(err)
	}
	r := handler.(*router)
	c.service, c.router = r.api, r
	c.access["testCreate"] = access{who: account, creates: true}
	register(c.service, huma.Operation{OperationID: "testCreate", Method: http.MethodPost, Path: "/test/create", DefaultStatus: http.StatusCreated}, c.create)
	r.routes = c.routes(c.huma.OpenAPI())
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	c.url = server.URL
	c.user = uuid.New()
	hash, err := accounts.HashPassword(t.Context(), "the password")
	if err != nil {
		t.Fatal(err)
	}
	email := c.user.String() + "@example.com"
	if _, err := c.pool.Exec(t.Context(), `insert into users (id, email, password_hash, email_verified_at) values ($1, $2, $3, now())`, c.user, email, hash); err != nil {
		t.Fatal(err)
	}
	signIn, err := accounts.Login(t.Context(), auth.Attempt{Email: email, Password: "the password"})
	if err != nil {
		t.Fatal(err)
	}
	c.token = signIn.Token.Value
	return c
}

func (c *creator) create(ctx context.Context, in *creatorInput) (*creatorOutput, error) {
	out := &creatorOutput{}
	out.Body.ID, out.Body.Name = uuid.NewString(), in.Body.Name
	out.Location = "/test/" + out.Body.ID
	err := c.asUser(ctx, func(t *store.UserTx) error {
		if err := t.Tell(ctx, store.Event{Kind: "test", Payload: map[string]any{"name": in.Body.Name, "id": out.Body.ID}}); err != nil {
			return err
		}
		if c.inside != nil {
			return c.inside(ctx, in.Body.Name)
		}
		return nil
	})
	if err != nil {
		return nil, c.fail(ctx, err)
	}
	return out, nil
}

func (c *creator) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type reply struct {
	status   int
	code     string
	replayed bool
	text     string
	header   http.Header
}

func (c *creator) send(ctx context.Context, key, kind string, body io.Reader) (reply, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/api/v1/test/create", body)
	if err != nil {
		return reply{}, err
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Authorization", "Bearer "+c.token)
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return reply{}, err
	}
	out := reply{status: answer.StatusCode, text: string(text), replayed: answer.Header.Get("Idempotency-Replayed") == "true", header: answer.Header}
	var e errorEnvelope
	if json.Unmarshal(text, &e) == nil {
		out.code = e.Problem.Code
	}
	return out, nil
}

func (c *creator) post(t *testing.T, key, body string) reply {
	t.Helper()
	out, err := c.send(t.Context(), key, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// effects returns how often something of that name was created, and the id of it.
func (c *creator) effects(t *testing.T, name string) (n int, id string) {
	t.Helper()
	var err error
	for range 10 { // a connection of this pool may have been cut too
		err = c.pool.QueryRow(t.Context(), `select count(*), coalesce(max(payload ->> 'id'), '') from events where user_id = $1 and payload ->> 'name' = $2`, c.user, name).Scan(&n, &id)
		if err == nil {
			return n, id
		}
	}
	t.Fatal(err)
	return 0, ""
}

func (c *creator) entries(t *testing.T) (n int) {
	t.Helper()
	if err := c.pool.QueryRow(t.Context(), `select count(*) from audit_log where action = 'testCreate' and outcome = 'done'`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func boxOf(t *testing.T, fill byte) *secret.Box {
	t.Helper()
	b, err := secret.New(bytes.Repeat([]byte{fill}, secret.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRepeatedRequestIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := newCreator(t, db, boxOf(t, 1))
	first := c.post(t, "key-1", `{"name":"a"}`)
	again := c.post(t, "key-1", `{"name":"a"}`)
	if first.status != 201 || first.replayed || again.status != 201 || !again.replayed || again.text != first.text ||
		again.header.Get("Location") != first.header.Get("Location") || again.header.Get("Content-Type") != first.header.Get("Content-Type") {
		t.Errorf("first %+v, again %+v; want the same answer, marked", first, again)
	}
	if again.header.Get("X-Request-Id") == first.header.Get("X-Request-Id") {
		t.Error("the repeated answer has the request id of the first")
	}
	if n, _ := c.effects(t, "a"); n != 1 || c.entries(t) != 1 {
		t.Errorf("%d effects and %d audit entries, want 1 and 1", n, c.entries(t))
	}
	if other := c.post(t, "key-1", `{"name":"b"}`); other.status != 409 || other.code != "IDEMPOTENCY_KEY_REUSED" {
		t.Errorf("another body: %+v, want 409 IDEMPOTENCY_KEY_REUSED", other)
	}
	for range 2 { // without a key, every request counts
		c.post(t, "", `{"name":"c"}`)
	}
	if n, _ := c.effects(t, "c"); n != 2 {
		t.Errorf("%d effects without a key, want 2", n)
	}
	for _, bad := range []string{" ", "a b", "ü", strings.Repeat("x", 256)} {
		if got := c.post(t, bad, `{"name":"d"}`); got.status != 400 && strings.TrimSpace(bad) != "" {
			t.Errorf("key %q: %+v, want 400", bad, got)
		}
	}
	// What had no effect leaves the key free.
	if got := c.post(t, "key-2", `{"name":1}`); got.status != 400 {
		t.Errorf("refused body: %+v, want 400", got)
	}
	if got := c.post(t, "key-2", `{"name":"e"}`); got.status != 201 || got.replayed {
		t.Errorf("after a refused body: %+v, want 201", got)
	}
	var kept string
	if err := db.Pool(t, "").QueryRow(t.Context(), `select string_agg(answer, '') from idempotency_keys`).Scan(&kept); err != nil || !strings.HasPrefix(kept, "v1.") || strings.Contains(kept, `"id"`) {
		t.Errorf("kept answers %.80q, %v; want sealed ones", kept, err)
	}
	// Another user's key of the same name is another key, also in another process.
	if got := newCreator(t, db, boxOf(t, 1)).post(t, "key-1", `{"name":"z"}`); got.status != 201 || got.replayed {
		t.Errorf("another user: %+v, want 201", got)
	}
	c.answers = boxOf(t, 2) // the keys are gone
	if got := c.post(t, "key-1", `{"name":"a"}`); got.status != 409 || got.code != "IDEMPOTENCY_ANSWER_LOST" {
		t.Errorf("without the keys: %+v, want 409 IDEMPOTENCY_ANSWER_LOST", got)
	}
}

func TestKeysAreForgottenAfterADay(t *testing.T) {
	t.Parallel()
	c := newCreator(t, storetest.New(t), nil)
	claim := store.Claim{ID: uuid.New(), UserID: c.user, Principal: c.user, Key: "k", Operation: "testCreate"}
	now := c.clock()
	if kept, err := c.store.ClaimKey(t.Context(), claim, now, time.Minute, 24*time.Hour); err != nil || kept != nil {
		t.Errorf("at first: %+v, %v; want a free key", kept, err)
	}
	if err := c.store.KeepAnswer(t.Context(), claim, store.KeptAnswer{Fingerprint: []byte{1}, Status: 201, Sealed: "x"}); err != nil {
		t.Error(err)
	}
	if kept, err := c.store.ClaimKey(t.Context(), claim, now.Add(23*time.Hour), time.Minute, 24*time.Hour); err != nil || kept == nil || kept.Status != 201 {
		t.Errorf("23 hours later: %+v, %v; want the kept answer", kept, err)
	}
	if kept, err := c.store.ClaimKey(t.Context(), claim, now.Add(24*time.Hour), time.Minute, 24*time.Hour); err != nil || kept != nil {
		t.Errorf("a day later: %+v, %v; want a free key", kept, err)
	}
}

// TestFailureUndoesTheEffect fails after the effect, in each way that a request can fail.
func TestFailureUndoesTheEffect(t *testing.T) {
	t.Parallel()
	c := newCreator(t, storetest.New(t), nil)
	for name, inside := range map[string]func(context.Context, string) error{
		"error": func(context.Context, string) error { return fmt.Errorf("broken") },
		"panic": func(context.Context, string) error { panic("broken") },
		"cut": func(ctx context.Context, _ string) error {
			_, err := c.pool.Exec(ctx, `select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction' and datname = current_database()`)
			return err
		},
		"taken-over": func(ctx context.Context, name string) error { // as if this one had stood still for longer than its lease
			_, err := c.pool.Exec(ctx, `update idempotency_keys set claim = gen_random_uuid(), leased_until = '2000-01-01' where key = $1`, name)
			return err
		},
	} {
		c.inside = inside
		if got := c.post(t, name, `{"name":"`+name+`"}`); got.status < 400 {
			t.Errorf("%s: %+v, want an error", name, got)
		}
		if n, _ := c.effects(t, name); n != 0 {
			t.Errorf("%s: %d effects of a request that failed", name, n)
		}
		c.inside = nil
		if got := c.post(t, name, `{"name":"`+name+`"}`); got.status != 201 || got.replayed {
			t.Errorf("%s: the retry got %+v, want 201", name, got)
		}
		if n, _ := c.effects(t, name); n != 1 {
			t.Errorf("%s: %d effects after the retry, want 1", name, n)
		}
	}
}

// TestRequestInFlight asks again while the first request is being worked on, and takes over when that never ends.
func TestRequestInFlight(t *testing.T) {
	t.Parallel()
	c := newCreator(t, storetest.New(t), nil)
	entered, leave := make(chan struct{}), make(chan struct{})
	c.inside = func(context.Context, string) error {
		close(entered)
		<-leave
		return nil
	}
	done := make(chan reply)
	go func() {
		got, _ := c.send(context.WithoutCancel(t.Context()), "k", "application/json", strings.NewReader(`{"name":"a"}`))
		done <- got
	}()
	<-entered
	for _, body := range []string{`{"name":"a"}`, `{"name":"b"}`} {
		if got := c.post(t, "k", body); got.status != 409 || got.code != "IDEMPOTENCY_IN_PROGRESS" || got.header.Get("Retry-After") == "" {
			t.Errorf("while in flight: %+v, want 409 IDEMPOTENCY_IN_PROGRESS with Retry-After", got)
		}
	}
	c.inside = nil
	c.pass(c.timeout + leaseMargin)
	if got := c.post(t, "k", `{"name":"a"}`); got.status != 201 {
		t.Errorf("after the lease: %+v, want 201", got)
	}
	close(leave)
	if late := <-done; late.status != 409 {
		t.Errorf("the first request, after it was given up: %+v, want 409", late)
	}
	if n, _ := c.effects(t, "a"); n != 1 {
		t.Errorf("%d effects, want 1", n)
	}
}

// TestFormsRepeatWithAnotherBoundary sends the same form twice, as HTTP clients do.
func TestFormsRepeatWithAnotherBoundary(t *testing.T) {
	t.Parallel()
	sum := func(text string, chunk int) string {
		t.Helper()
		var form bytes.Buffer
		w := multipart.NewWriter(&form)
		part, err := w.CreateFormFile("file", "data.csv")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(part, text)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/x", &form)
		r.Header.Set("Content-Type", w.FormDataContentType())
		f := newFingerprint(r, "createUpload", uuid.Nil)
		buffer := make([]byte, chunk)
		for {
			if _, err := f.Read(buffer); err != nil {
				break
			}
		}
		digest, err := f.sum()
		if err != nil {
			t.Fatal(err)
		}
		return string(digest)
	}
	text := strings.Repeat("day,value\n2026-01-01,7\n", 500)
	want := sum(text, 1<<20)
	for _, chunk := range []int{1, 7, 60, 61, 4096} {
		if sum(text, chunk) != want {
			t.Errorf("read in pieces of %d bytes, the same form is another one", chunk)
		}
	}
	if sum(text+"x", 512) == want {
		t.Error("another form is the same")
	}
}
