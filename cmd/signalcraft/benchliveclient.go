package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// arrivals collects how long events took to arrive.
type arrivals struct {
	now func() time.Time

	mu     sync.Mutex
	took   []time.Duration
	ready  int // streams that are live
	gone   int // streams that ended
	change chan struct{}
}

func newArrivals(now func() time.Time) *arrivals {
	return &arrivals{now: now, change: make(chan struct{}, 1)}
}

// note counts one message by its JSON.
func (a *arrivals) note(text []byte) {
	a.mu.Lock()
	if sent, ok := sentAt(text); ok {
		a.took = append(a.took, a.now().Sub(sent))
	} else if bytes.Contains(text, []byte(`"kind":"stream.ready"`)) {
		a.ready++
	}
	a.mu.Unlock()
	a.tell()
}

func (a *arrivals) left() {
	a.mu.Lock()
	a.gone++
	a.mu.Unlock()
	a.tell()
}

func (a *arrivals) tell() {
	select {
	case a.change <- struct{}{}:
	default:
	}
}

// wait returns when done is true, or with an error when it does not get so in time.
func (a *arrivals) wait(ctx context.Context, what string, done func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		a.mu.Lock()
		finished := done()
		a.mu.Unlock()
		if finished {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %d arrived, %d streams are live, %d ended: %w", what, len(a.took), a.ready, a.gone, ctx.Err())
		case <-a.change:
		}
	}
}

// take returns what was collected, sorted, and begins anew.
func (a *arrivals) take() []time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	took := a.took
	a.took = nil
	slices.Sort(took)
	return took
}

// sentAt reads when an event of the benchmark was sent.
func sentAt(text []byte) (time.Time, bool) {
	_, rest, ok := bytes.Cut(text, []byte(`"t":`))
	if !ok {
		return time.Time{}, false
	}
	digits := rest[:len(rest)-len(bytes.TrimLeft(rest, "0123456789"))]
	nanos, err := strconv.ParseInt(string(digits), 10, 64)
	return time.Unix(0, nanos), err == nil
}

// readStream listens to GET /events until ctx or the stream ends.
func readStream(ctx context.Context, address, token string, seen *arrivals) error {
	conn, err := askStream(ctx, address, token)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer seen.left()
	in, whole := bufio.NewReaderSize(conn, 1024), true
	for {
		line, err := in.ReadSlice('\n')
		if whole && bytes.HasPrefix(line, []byte("HTTP/1.1 ")) && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
			return fmt.Errorf("listen: %s", bytes.TrimSpace(line))
		}
		if whole && bytes.HasPrefix(line, []byte("data: ")) {
			seen.note(line)
		}
		// Of a long line the beginning suffices.
		if whole = err == nil; err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil
		}
	}
}

// askStream opens a stream and reads nothing of it.
func askStream(ctx context.Context, address, token string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(conn, "GET /events HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", address, token); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// readSocket listens to GET /ws until ctx or the stream ends.
func readSocket(ctx context.Context, address, token string, seen *arrivals) error {
	conn, _, err := websocket.Dial(ctx, "ws://"+address+"/ws", &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}})
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.CloseNow() }()
	defer seen.left()
	conn.SetReadLimit(1 << 20)
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			return nil
		}
		seen.note(text)
	}
}

// dropped returns how many streams the service has dropped because they did not keep up.
func (b *benchLive) dropped(ctx context.Context) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.address+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, fmt.Errorf("read measurements: %w", err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		if value, ok := bytes.CutPrefix(lines.Bytes(), []byte("signalcraft_streams_dropped_total ")); ok {
			count, err := strconv.ParseFloat(string(value), 64)
			return int(count), err
		}
	}
	return 0, errors.Join(errors.New("no measurement of dropped streams"), lines.Err())
}
