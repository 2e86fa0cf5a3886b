package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// From inside: no operation of the service panics or answers slowly when asked to.

func serve(t *testing.T, log io.Writer, routes map[string]http.HandlerFunc) (url string, stop func() error) {
	t.Helper()
	m, err := newMeter(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for pattern, h := range routes {
		mux.HandleFunc(pattern, h)
	}
	now := time.Date(2026, 3, 31, 6, 0, 0, 0, time.UTC)
	logger := slog.New(slog.NewTextHandler(log, nil))
	r := &router{mux: mux, meter: m, api: &service{logger: logger, clock: func() time.Time { return now }, timeout: time.Minute}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, listener, r, logger) }()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-done
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return "http://" + listener.Addr().String(), stop
}

func TestPanicWearsTheEnvelope(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	url, stop := serve(t, &log, map[string]http.HandlerFunc{
		"GET /before": func(http.ResponseWriter, *http.Request) { panic("the secret cause") },
		"GET /within": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"half":`)
			_ = http.NewResponseController(w).Flush()
			panic(errors.New("the secret cause"))
		},
	})
	response, err := http.Get(url + "/before")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var e errorEnvelope
	if err := json.NewDecoder(response.Body).Decode(&e); err != nil || response.StatusCode != 500 || e.Problem.Code != codeInternal ||
		e.Problem.Details.RequestID != response.Header.Get(requestIDHeader) || strings.Contains(e.Problem.Message, "secret") {
		t.Errorf("status %d, %+v, %v; want 500 in the envelope without the cause", response.StatusCode, e.Problem, err)
	}
	within, err := http.Get(url + "/within")
	if err != nil {
		t.Fatal(err)
	}
	defer within.Body.Close()
	if text, err := io.ReadAll(within.Body); err == nil {
		t.Errorf("an answer that broke off in the middle looks complete: %q", text)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(log.String(), "the secret cause"); n != 2 || !strings.Contains(log.String(), e.Problem.Details.RequestID) {
		t.Errorf("the log names the cause %d times, want 2, once with the request id:\n%s", n, log.String())
	}
}

func TestServeDrains(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	url, stop := serve(t, io.Discard, map[string]http.HandlerFunc{
		"GET /slow": func(w http.ResponseWriter, r *http.Request) {
			close(entered)
			<-leave
			if r.Context().Err() != nil {
				return // cut off: the answer would stay empty
			}
			_, _ = io.WriteString(w, "done")
		},
	})
	answered, stopped := make(chan string, 1), make(chan error, 1)
	go func() {
		response, err := http.Get(url + "/slow")
		if err != nil {
			answered <- err.Error()
			return
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		answered <- string(text)
	}()
	<-entered
	go func() { stopped <- stop() }()
	// The listener closes first; then a new connection is refused while the old one is served.
	for {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			break
		}
		conn.Close()
	}
	close(leave)
	if got := <-answered; got != "done" {
		t.Errorf("the open request got %q, want its answer", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Serve: %v", err)
	}
}
