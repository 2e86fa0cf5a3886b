package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
)

// requestIDHeader carries the id of a request both ways.
const requestIDHeader = "X-Request-Id"

// exchange is what is known of one request and its answer; the log line is made of it.
// Only the request's own goroutine touches it.
type exchange struct {
	id      string
	address netip.Addr
	route   string
	user    string
	cause   error

	// operation is the id of the operation that was called, access its row of accessOf.
	operation string
	access    access
	// What the audit entry of the request tells, and whether it was written.
	agent   string
	subject string
	called  string // what people call the subject
	details map[string]any
	audited bool

	// left ends when the caller leaves; the time of one request does not end it.
	left <-chan struct{}
	// business is the one that the request turned out to be about; nil when none.
	business *uuid.UUID
	// caller is who was let in; nil when nobody is signed in.
	caller *auth.Principal
	// code is the stable code of the error that was answered, if one was.
	code string
	// verdicts are what the rate limits said, in order.
	verdicts []verdict
	// claim is the request's hold on its idempotency key; nil when it has none.
	claim *claim
	// replayed is true when another request with the same idempotency key stands for this one.
	replayed bool
}

// patient returns ctx with another limit than the time of one request; it still ends when the caller leaves.
func (e *exchange) patient(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	long, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), limit, errSlow)
	done := make(chan struct{})
	go func() {
		select {
		case <-e.left:
			cancel()
		case <-done:
		}
	}()
	return long, func() { close(done); cancel() }
}

// entry returns the audit entry of the request. Without a business it is about the one that the request turned out to be
// about, if any.
func (e *exchange) entry(_ context.Context, at time.Time, business *uuid.UUID, outcome string) store.AuditEntry {
	if business != nil {
		e.business = business
	}
	entry := store.AuditEntry{At: at, BusinessID: e.business, Action: e.operation, Subject: e.subject, SubjectName: e.called, Outcome: outcome,
		Address: e.address, UserAgent: e.agent, RequestID: e.id, Details: e.details}
	if p := e.caller; p != nil {
		entry.UserID = &p.UserID
		if !p.IsKey() {
			entry.SessionID = &p.SessionID
		}
	} else if id, err := uuid.Parse(e.user); err == nil {
		entry.UserID = &id // signed in by this very request
	}
	return entry
}

type exchangeKey struct{}

// exchangeFrom returns the record of the request that ctx belongs to; a blank one outside.
func exchangeFrom(ctx context.Context) *exchange {
	if e, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return e
	}
	return &exchange{}
}

// newExchange starts the record of r. A caller's own request id is kept when it is
// harmless in a header and a log.
func newExchange(r *http.Request) *exchange {
	e := &exchange{id: r.Header.Get(requestIDHeader), route: unmatched}
	if !requestID.MatchString(e.id) {
		e.id = uuid.NewString()
	}
	e.agent = auth.Printable(r.UserAgent(), 300)
	return e
}

var requestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// log writes the access line: the route's template instead of the address, so that no
// query and nothing that a caller invents gets into the log.
func (e *exchange) log(ctx context.Context, l *slog.Logger, method string, w *answer, took time.Duration) {
	level := slog.LevelInfo
	switch {
	case errors.Is(e.cause, context.Canceled): // the caller left; nobody reads the answer
	case w.status >= http.StatusInternalServerError:
		level = slog.LevelError
	case e.route == routeLive || e.route == routeReady || e.route == routeMetrics:
		level = slog.LevelDebug
	}
	attrs := []slog.Attr{
		slog.String("request", e.id), slog.String("method", method), slog.String("route", e.route),
		slog.Int("status", w.status), slog.Int64("bytes", w.bytes), slog.Duration("took", took),
		slog.String("address", e.address.String()),
	}
	if e.user != "" {
		attrs = append(attrs, slog.String("user", e.user))
	}
	if e.cause != nil {
		attrs = append(attrs, slog.String("error", e.cause.Error()))
	}
	l.LogAttrs(ctx, level, "request answered", attrs...)
}

// answer counts what goes out through a ResponseWriter, and adds what the rate limits said.
type answer struct {
	http.ResponseWriter
	exchange *exchange
	status   int
	bytes    int64
}

// WriteHeader notes the first final status.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		a.status = status
		limitHeaders(a.Header(), a.exchange.verdicts)
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes of the body.
func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach deadlines and flushing.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// body marks errors of the connection while a request body is read, so that a client
// that breaks off is not taken for a fault of ours.
type body struct{ io.ReadCloser }

// bodyError is a failure to read a request body.
type bodyError struct{ err error }

// Read reads, and marks what goes wrong as the fault of the body.
func (b body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = &bodyError{err}
	}
	return n, err
}

// Error returns the cause with what was being done.
func (e *bodyError) Error() string { return "read request body: " + e.err.Error() }

// Unwrap returns the cause.
func (e *bodyError) Unwrap() error { return e.err }
