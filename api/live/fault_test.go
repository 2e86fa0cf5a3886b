package live_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"github.com/signalcraft/signalcraft/api/live"
	"github.com/signalcraft/signalcraft/api/store"
)

func (w *world) prune(t *testing.T) {
	t.Helper()
	config := w.owner.Config().ConnConfig
	url := fmt.Sprintf("host=%s port=%d user=%s dbname=%s", config.Host, config.Port, config.User, config.Database)
	batch, err := store.Open(t.Context(), store.Config{URL: url, Role: store.RoleBatch, MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer batch.Close()
	if err := batch.PruneLive(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// writer commits events, some several to a transaction, some held open while others commit.
type writer struct {
	*world
	business uuid.UUID
	number   int
	random   *rand.Rand
	// hold lets two writers meet in the midst of their transactions, lead bounds how far they are ahead of the reader.
	hold, lead chan struct{}
}

func (w *writer) write(ctx context.Context, count int) error {
	for n := 0; n < count; {
		until := min(count, n+1+w.random.IntN(4))
		for range until - n {
			select {
			case w.lead <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		err := pgx.BeginFunc(ctx, w.owner, func(tx pgx.Tx) error {
			for ; n < until; n++ {
				if _, err := tx.Exec(ctx, `insert into events (business_id, kind, payload) values ($1, 'test.event', jsonb_build_object('text', $2::text))`,
					w.business, fmt.Sprintf("%d/%d", w.number, n)); err != nil {
					return err
				}
			}
			if w.random.IntN(3) == 0 {
				// Another writer commits in between, with a later number of the sequence.
				select {
				case w.hold <- struct{}{}:
				case <-w.hold:
				case <-time.After(5 * time.Millisecond):
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// check follows a stream that must hold every event once, in the order of ids, each writer's in the order in which it wrote.
type check struct {
	last int64
	next map[string]int
	got  int
}

// add returns whether the message is one of the events.
func (k *check) add(m message) (bool, error) {
	if m.Kind != "test.event" {
		return false, nil
	}
	writer, text, _ := strings.Cut(m.Data.Text, "/")
	n, err := strconv.Atoi(text)
	if err != nil || m.ID <= k.last || n != k.next[writer] {
		return false, fmt.Errorf("event %d (%s) after event %d and %s/%d: lost, doubled or out of order", m.ID, m.Data.Text, k.last, writer, k.next[writer]-1)
	}
	k.last, k.got = m.ID, k.got+1
	k.next[writer]++
	return true, nil
}

// A client that comes and goes while several write at once, and whose service loses its connection to Postgres now
// and then, gets every event once and in order; so does one that stays.
func TestNothingIsLostOrDoubled(t *testing.T) {
	t.Parallel()
	const writers = 4
	each := 150
	if os.Getenv("SIGNALCRAFT_CAMPAIGN") == "long" {
		each = 5_000
	}
	seed := rand.Uint64()
	t.Logf("live campaign: seed %d", seed)
	w := start(t, live.Config{})
	cafe, token := w.World.Cafe.ID, w.Login(t, w.World.Ada)
	steady := w.connect(t, w.Login(t, w.World.Vic), "")
	steady.want(t, "stream.ready")
	c := w.listen(t, token, "", "0")
	tasks, ctx := errgroup.WithContext(t.Context())
	hold, lead := make(chan struct{}), make(chan struct{}, 300)
	for n := range writers {
		one := &writer{world: w, business: cafe, number: n, random: rand.New(rand.NewPCG(seed, uint64(n))), hold: hold, lead: lead}
		tasks.Go(func() error { return one.write(ctx, each) })
	}
	tasks.Go(func() error {
		whole := &check{next: map[string]int{}}
		for m := range steady.messages {
			if _, err := whole.add(m); err != nil || whole.got == writers*each {
				return err
			}
		}
		return fmt.Errorf("the stream ended: %w", steady.err)
	})
	random := rand.New(rand.NewPCG(seed, 99))
	last := "0"
	seen, cuts, returns := &check{next: map[string]int{}}, 0, 0
	add := func(m message) {
		event, err := seen.add(m)
		if err != nil {
			t.Fatal(err)
		}
		if event {
			<-lead
		}
	}
	for seen.got < writers*each {
		switch random.IntN(20) {
		case 0:
			c.leave()
			for m := range c.messages { // what was on its way
				add(m)
			}
			if c.last() != "" { // else it has read nothing since it came
				last = c.last()
			}
			c = w.listen(t, token, "", last)
			returns++
		case 1:
			w.exec(t, `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'signalcraft listener' and datname = current_database()`)
			cuts++
		}
		if seen.got < writers*each {
			add(c.next(t))
		}
	}
	err := tasks.Wait()
	if err != nil {
		t.Error(err)
	}
	// What is lost, doubled or out of order has ended the test.
	t.Logf("live campaign: %d of %d events to a listener that left and returned %d times, %d lost connections to Postgres; the one that stayed got all: %t",
		seen.got, writers*each, returns, cuts, err == nil)
}

// A burst of many times the queue drops nobody who reads.
func TestBurst(t *testing.T) {
	t.Parallel()
	const events = 3000
	w := start(t, live.Config{Queue: 64})
	stream, socket := w.listen(t, w.Login(t, w.World.Ada), "", ""), w.connect(t, w.Login(t, w.World.Vic), "")
	stream.want(t, "stream.ready")
	socket.want(t, "stream.ready")
	w.exec(t, `insert into events (business_id, kind, payload) select $1, 'test.event', jsonb_build_object('text', '0/' || n) from generate_series(0, $2 - 1) as n`, w.World.Cafe.ID, events)
	for _, c := range []*client{stream, socket} {
		seen := &check{next: map[string]int{}}
		for seen.got < events {
			if _, err := seen.add(c.next(t)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Who does not read is dropped, and the others go on meanwhile.
func TestSlowReaderIsDropped(t *testing.T) {
	t.Parallel()
	w := start(t, live.Config{Queue: 8, WriteTime: 300 * time.Millisecond})
	cafe := w.World.Cafe.ID
	brisk := w.listen(t, w.Login(t, w.World.Ada), "", "")
	brisk.want(t, "stream.ready")
	slow, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	if _, err := fmt.Fprintf(slow, "GET /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", w.Login(t, w.World.Vic)); err != nil {
		t.Fatal(err)
	}
	for w.measured(t, "signalcraft_streams_open") != "2" {
	}
	large := strings.Repeat("x", 200_000)
	sent := 0
	for w.measured(t, "signalcraft_streams_open") != "1" {
		w.tell(t, &cafe, nil, "test.event", large)
		brisk.want(t, "test.event "+large)
		if sent++; sent > 2000 {
			t.Fatal("the reader that does not read is still served")
		}
	}
	w.tell(t, &cafe, nil, "test.event", "still there")
	brisk.want(t, "test.event still there")
}

func TestDrain(t *testing.T) {
	t.Parallel()
	w := start(t, live.Config{})
	token := w.Login(t, w.World.Ada)
	stream, socket := w.listen(t, token, "", ""), w.connect(t, token, "")
	stream.want(t, "stream.ready")
	socket.want(t, "stream.ready")
	w.tell(t, nil, &w.World.Ada.ID, "test.event", "before the end")
	stream.want(t, "test.event before the end")
	socket.want(t, "test.event before the end")
	go w.Stop(t)
	stream.wantEnd(t, live.EndDrain)
	socket.wantEnd(t, live.EndDrain)
	if stream.err != nil {
		t.Errorf("the stream broke off: %v", stream.err)
	}
	w.Stop(t)
}

// A silent stream carries heartbeats and is not cut by the limits of requests.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	const requestTime = 3 * time.Second
	w := startWith(t, live.Config{Heartbeat: 10 * time.Millisecond}, requestTime)
	token := w.Login(t, w.World.Ada)
	_, answer := w.ask(t, token, "", "")
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	beats, first := 0, ""
	for began := time.Now(); beats < 20 || time.Since(began) < requestTime+time.Second; {
		if !lines.Scan() {
			t.Fatalf("the stream ended: %v", lines.Err())
		}
		if first == "" {
			first = lines.Text()
		}
		if lines.Text() == ":" {
			beats++
		}
	}
	if first != "retry: 2000" {
		t.Errorf("the stream begins with %q", first)
	}
	socket := w.connect(t, token, "")
	socket.want(t, "stream.ready")
	w.tell(t, nil, &w.World.Ada.ID, "test.event", "")
	socket.want(t, "test.event")
}

// Nothing goes on after the service has stopped.
func TestNothingLeaks(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Run("service", func(t *testing.T) {
		w := start(t, live.Config{Recheck: 10 * time.Millisecond})
		token := w.Login(t, w.World.Ada)
		left := w.listen(t, token, "", "")
		left.want(t, "stream.ready")
		w.connect(t, token, "").want(t, "stream.ready")
		w.listen(t, token, "", "").want(t, "stream.ready")
		left.leave()
	})
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	goleak.VerifyNone(t, before)
}
