package live_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/api/apitest"
	"github.com/signalcraft/signalcraft/api/live"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// world is a running service with its database.
type world struct {
	*apitest.Service
	owner *pgxpool.Pool
}

func start(t *testing.T, bounds live.Config) *world {
	t.Helper()
	return startWith(t, bounds, 0)
}

// startWith starts a service whose requests, which are no streams, may take so long.
func startWith(t *testing.T, bounds live.Config, requestTime time.Duration) *world {
	t.Helper()
	db := storetest.New(t)
	w := &world{Service: apitest.Start(t, apitest.Options{URL: db.URL, API: func(c *api.Config) {
		c.Live, c.RequestTime = bounds, requestTime
	}}), owner: db.Pool(t, "")}
	return w
}

func (w *world) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := w.owner.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// tell commits one event; business and user may be nil.
func (w *world) tell(t *testing.T, business, user *uuid.UUID, kind, text string) {
	t.Helper()
	w.exec(t, `insert into events (business_id, user_id, kind, payload) values ($1, $2, $3, jsonb_build_object('text', $4::text))`, business, user, kind, text)
}

// message is one message as a client reads it.
type message struct {
	ID         int64      `json:"id"`
	Kind       string     `json:"kind"`
	BusinessID *uuid.UUID `json:"business_id"`
	Data       struct {
		Text   string `json:"text"`
		Reason string `json:"reason"`
	} `json:"data"`
}

// client is one open stream.
type client struct {
	messages chan message // closed when the stream ends
	err      error        // how it ended; to be read after messages is closed
	position atomic.Pointer[string]
	leave    context.CancelFunc
}

// listen opens GET /events and returns after stream.ready or stream.reset, which it leaves to be read.
func (w *world) listen(t *testing.T, token, query, last string) *client {
	t.Helper()
	c, answer := w.ask(t, token, query, last)
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		text, _ := io.ReadAll(answer.Body)
		t.Fatalf("GET /events%s: status %d: %s", query, answer.StatusCode, text)
	}
	go c.read(answer.Body)
	return c
}

func (w *world) ask(t *testing.T, token, query, last string) (*client, *http.Response) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.URL+"/events"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	return &client{messages: make(chan message, 4096), leave: cancel}, answer
}

// read reads text/event-stream as its standard says.
func (c *client) read(body io.ReadCloser) {
	defer close(c.messages)
	defer body.Close()
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	id, kind, data := "", "", ""
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "id":
			id = value
		case "event":
			kind = value
		case "data":
			data += value
		case "":
			if data == "" {
				continue // a comment, or the field retry
			}
			var m message
			if err := json.Unmarshal([]byte(data), &m); err != nil || m.Kind != kind || id != "" && strconv.FormatInt(m.ID, 10) != id {
				c.err = errors.Join(err, errors.New("the fields do not agree with "+data))
				return
			}
			if id != "" {
				at := id
				c.position.Store(&at)
			}
			c.messages <- m
			id, kind, data = "", "", ""
		}
	}
	c.err = lines.Err()
}

// last returns the last id that was read, empty for none.
func (c *client) last() string {
	if at := c.position.Load(); at != nil {
		return *at
	}
	return ""
}

// connect opens GET /ws.
func (w *world) connect(t *testing.T, token, query string) *client {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(cancel)
	conn, _, err := websocket.Dial(ctx, strings.Replace(w.URL, "http", "ws", 1)+"/ws"+query,
		&websocket.DialOptions{Subprotocols: []string{"signalcraft.v1", "bearer." + token}, HTTPHeader: http.Header{"Origin": {w.URL}}})
	if err != nil {
		t.Fatal(err)
	}
	if conn.Subprotocol() != "signalcraft.v1" {
		t.Errorf("subprotocol %q: the token must not come back", conn.Subprotocol())
	}
	conn.SetReadLimit(1 << 20)
	c := &client{messages: make(chan message, 4096), leave: cancel}
	go func() {
		defer close(c.messages)
		for {
			_, text, err := conn.Read(ctx)
			if err != nil {
				c.err = err
				return
			}
			var m message
			if err := json.Unmarshal(text, &m); err != nil {
				c.err = err
				return
			}
			c.messages <- m
		}
	}()
	return c
}

// next returns the next message.
func (c *client) next(t *testing.T) message {
	t.Helper()
	select {
	case m, ok := <-c.messages:
		if !ok {
			t.Fatalf("the stream ended: %v", c.err)
		}
		return m
	case <-time.After(patience):
		t.Fatal("nothing came")
	}
	return message{}
}

// want reads messages that must be these kinds and texts, in order.
func (c *client) want(t *testing.T, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		m := c.next(t)
		got := strings.TrimSpace(m.Kind + " " + m.Data.Text + m.Data.Reason)
		if got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

// wantEnd reads the end of the stream.
func (c *client) wantEnd(t *testing.T, reason string) {
	t.Helper()
	c.want(t, "stream.end "+reason)
	select {
	case m, ok := <-c.messages:
		if ok {
			t.Fatalf("after the end: %+v", m)
		}
	case <-time.After(patience):
		t.Fatal("the stream stays open after its end")
	}
}

// measured reads one of the service's measurements.
func (w *world) measured(t *testing.T, name string) string {
	t.Helper()
	for line := range strings.Lines(string(w.Get(t, "/metrics", "").Body)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("no measurement %s", name)
	return ""
}
