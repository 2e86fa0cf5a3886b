// Package apitest runs scenarios against the real service: the real handler on a real
// listener over a real Postgres that holds a small world of two businesses.
package apitest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/secret"
	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/pipelines/kpi/remote"
)

// Now is the instant at which a scenario begins: four hours after the as-of instant of
// what is published.
func Now() time.Time { return time.Date(2026, 3, 31, 6, 0, 0, 0, time.UTC) }

// Options change what a Service is started with. The zero value is a scenario on a
// database of its own.
type Options struct {
	// URL gives the address of the database for a role. Nil means a fresh one of storetest.
	URL func(role string) string
	// Auth changes the configuration of package auth; Store and Clock are set already, and the
	// password cost is as low as it can be.
	Auth func(*auth.Config)
	// API changes the configuration of package api. Rate limits are off unless it sets some.
	API func(*api.Config)
	// World is that of another service on the same database; nil means that the database is empty, and is filled.
	World *World
}

// Service is a running service in its world.
type Service struct {
	// URL is the root of the service, without a slash at the end.
	URL   string
	World World
	Clock *Clock
	// Log is what the service logged, one JSON object on each line.
	Log *Log
	// Sources reads KPI sources, at public addresses only unless its Reader is replaced before the first request.
	Sources *Sources

	stop func() error
}

// Stop tells the service to stop and waits until it has; its database stays open until the test ends. It may be called twice.
func (s *Service) Stop(t testing.TB) {
	t.Helper()
	if err := s.stop(); err != nil {
		t.Errorf("serve: %v", err)
	}
}

// Start starts a service over a seeded world and stops it after the test.
func Start(t testing.TB, o Options) *Service {
	t.Helper()
	if o.URL == nil {
		o.URL = storetest.New(t).URL
	}
	return start(t, o, nil)
}

// Join starts another process' service on the database, in the world and with the clock of first, which its tokens are good for too.
func Join(t testing.TB, o Options, first *Service) *Service {
	t.Helper()
	return start(t, o, first)
}

func start(t testing.TB, o Options, first *Service) *Service {
	t.Helper()
	s := &Service{Clock: &Clock{now: Now()}, Log: &Log{}}
	if first != nil {
		s.Clock = first.Clock
	}
	ctx, stop := context.WithCancel(t.Context())
	data, err := store.Open(ctx, store.Config{URL: o.URL(store.RoleAPI), Role: store.RoleAPI})
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	authConfig := auth.Config{Store: data, Clock: s.Clock.Now, Secrets: Secrets(t), Hash: auth.HashConfig{MemoryKiB: 8, Passes: 1}}
	if o.Auth != nil {
		o.Auth(&authConfig)
	}
	accounts, err := auth.New(authConfig)
	if err != nil {
		t.Fatalf("make auth: %v", err)
	}
	batch, err := store.Open(ctx, store.Config{URL: o.URL(store.RoleBatch), Role: store.RoleBatch, MaxConns: 2})
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	t.Cleanup(batch.Close)
	s.Sources = &Sources{Reader: remote.New(remote.Config{}), box: Secrets(t), data: batch, now: s.Clock.Now}
	logger := slog.New(slog.NewJSONHandler(s.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	config := api.Config{Store: data, Auth: accounts, Logger: logger, Version: "test", Clock: s.Clock.Now, Secrets: Secrets(t), Sources: s.Sources, Limits: unlimited(),
		Uploads: &Uploads{files: map[uuid.UUID][]byte{}}}
	if o.API != nil {
		o.API(&config)
	}
	handler, err := api.New(config)
	if err != nil {
		t.Fatalf("make service: %v", err)
	}
	switch {
	case first != nil:
		s.World = first.World
	case o.World != nil:
		s.World = *o.World
	default:
		s.World = seed(t, o.URL(""), accounts)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	s.URL = "http://" + listener.Addr().String()
	done := make(chan error, 1)
	go func() { done <- api.Serve(ctx, listener, handler, logger) }()
	s.stop = sync.OnceValue(func() error { stop(); return <-done })
	t.Cleanup(func() {
		s.Stop(t)
		data.Close()
	})
	return s
}

// Secrets returns the box with which every Service seals.
func Secrets(t testing.TB) *secret.Box {
	t.Helper()
	box, err := secret.New(bytes.Repeat([]byte{7}, secret.KeyBytes))
	if err != nil {
		t.Fatalf("make secrets: %v", err)
	}
	return box
}

// Answer is one answer, read to its end.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Request sends one request. A body that is not a string is sent as JSON; the headers are
// pairs of key and value.
func (s *Service) Request(t testing.TB, method, path string, body any, headers ...string) Answer {
	t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			t.Fatalf("write body: %v", err)
		}
		reader = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, reader)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(r) // which follows no redirects
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: read answer: %v", method, path, err)
	}
	return Answer{response.StatusCode, response.Header, text}
}

// Get reads path with an access token; none when token is empty.
func (s *Service) Get(t testing.TB, path, token string) Answer {
	t.Helper()
	if token == "" {
		return s.Request(t, http.MethodGet, path, nil)
	}
	return s.Request(t, http.MethodGet, path, nil, "Authorization", "Bearer "+token)
}

// Login signs u in and returns the access token.
func (s *Service) Login(t testing.TB, u User) string {
	t.Helper()
	answer := s.Request(t, http.MethodPost, "/auth/login", map[string]string{"email": u.Email, "password": u.Password})
	var body struct {
		AccessToken string `json:"access_token"`
	}
	answer.Decode(t, http.StatusOK, &body)
	return body.AccessToken
}

// Decode reads the answer's JSON into v; another status than want ends the test.
func (a Answer) Decode(t testing.TB, want int, v any) {
	t.Helper()
	if a.Status != want {
		t.Fatalf("status %d, want %d: %s", a.Status, want, a.Body)
	}
	if err := json.Unmarshal(a.Body, v); err != nil {
		t.Fatalf("read answer %q: %v", a.Body, err)
	}
}

// Envelope is the error envelope as a client reads it.
type Envelope struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Details struct {
			RequestID string `json:"request_id"`
			Field     string `json:"field"`
			In        string `json:"in"`
			Issue     string `json:"issue"`
		} `json:"details"`
	} `json:"error"`
}

// WantError checks that the answer has the status and wears the envelope with the code, strictly:
// nothing beside it, as JSON, with the request id of the header.
func (a Answer) WantError(t testing.TB, status int, code string) Envelope {
	t.Helper()
	var e Envelope
	a.Decode(t, status, &e)
	var raw map[string]map[string]json.RawMessage
	if err := json.Unmarshal(a.Body, &raw); err != nil || len(raw) != 1 || len(raw["error"]) != 3 {
		t.Errorf("body %s: want exactly error with code, message and details", a.Body)
	}
	if got := a.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %q, want application/json", got)
	}
	if e.Error.Code != code || e.Error.Message == "" {
		t.Errorf("body %s: want code %s and a message", a.Body, code)
	}
	if id := a.Header.Get("X-Request-Id"); id == "" || e.Error.Details.RequestID != id {
		t.Errorf("request id %q in the body, %q in the header; want the same", e.Error.Details.RequestID, id)
	}
	return e
}

// Clock is a clock that stands still until it is moved.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the clock's instant.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Log collects what is written to it.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write appends to the log.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns everything logged so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
