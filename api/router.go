package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// basePath is where the service answers beside the root.
const basePath = "/api/v1"

// unmatched is the route of requests that no route took.
const unmatched = "unmatched"

// router is the outermost handler: it names each request, finds its route, and sees that
// whatever happens ends in the envelope, a log line and a measurement.
type router struct {
	api    *service
	mux    *http.ServeMux
	meter  *meter
	routes map[string]route
	// slots holds one value for each request being answered; nil means without bound.
	slots chan struct{}
}

// ServeHTTP answers one request.
func (t *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := t.api.clock()
	e := newExchange(r)
	e.left = r.Context().Done()
	e.address = callerAddress(r, t.api.trustedProxies, t.api.forwardedHeader)
	out := &answer{ResponseWriter: w, exchange: e}
	t.api.secure(out.Header(), e.id)
	t.api.cors.mark(out.Header(), r)
	ctx := context.WithValue(r.Context(), exchangeKey{}, e)
	r = r.WithContext(ctx)
	if r.Body != nil {
		r.Body = body{r.Body}
	}
	t.meter.open.Inc()
	defer func() {
		t.meter.open.Dec()
		failed := recover()
		cut := failed == http.ErrAbortHandler
		if failed != nil && !cut {
			cut = t.recovered(ctx, out, failed)
		}
		t.api.auditRest(ctx, r.Method, out.status)
		took := t.api.clock().Sub(began)
		t.meter.observe(e.route, r.Method, out.status, took)
		e.log(ctx, t.api.logger, r.Method, out, took)
		if cut {
			panic(http.ErrAbortHandler)
		}
	}()
	t.dispatch(out, r, e)
}

// errSlow is the cause of a context that ran out of the time of one request.
var errSlow = errors.New("the request took too long")

func (t *router) dispatch(w http.ResponseWriter, r *http.Request, e *exchange) {
	r = unprefixed(r)
	escaped := r.URL.EscapedPath()
	// ServeMux would answer an unclean path with a redirect in HTML.
	if !strings.HasPrefix(escaped, "/") || path.Clean(escaped) != escaped {
		notFound(r.Context()).write(w)
		return
	}
	h, pattern := t.mux.Handler(r)
	if pattern == "" {
		t.refuse(w, r, h)
		return
	}
	_, e.route, _ = strings.Cut(pattern, " ")
	rt := t.routes[pattern]
	e.operation, e.access = rt.operation, t.api.access[rt.operation]
	for _, name := range []string{"Content-Type", headerIdempotencyKey} {
		if len(r.Header.Values(name)) > 1 {
			invalid(r.Context(), "header", name, "expected once").write(w)
			return
		}
	}
	if t.slots != nil && !rt.exempt && !rt.stream {
		select {
		case t.slots <- struct{}{}:
			defer func() { <-t.slots }()
		default:
			// Shed at once: a request that waits for a slot would be answered when nobody waits for it any more.
			unavailable(r.Context(), errFull).with("Retry-After", "1").write(w)
			return
		}
	}
	if err := t.api.admitAddress(r.Context(), rt.limits, e.address); err != nil {
		t.api.fail(r.Context(), err).write(w)
		return
	}
	ctx, cancel := rt.bound(w, r)
	defer cancel()
	t.mux.ServeHTTP(w, r.WithContext(ctx))
}

// errFull is the cause of an answer that was not worked on because as many requests as allowed are.
var errFull = errors.New("as many requests as allowed are being answered")

// refuse answers what no route takes: an unknown address, or a known one in a way that it does not answer.
func (t *router) refuse(w http.ResponseWriter, r *http.Request, h http.Handler) {
	refused := &refusal{header: http.Header{}}
	h.ServeHTTP(refused, r)
	allow := refused.header.Get("Allow")
	if allow == "" {
		if err := t.api.admitAddress(r.Context(), routeLimits{}, exchangeFrom(r.Context()).address); err != nil {
			t.api.fail(r.Context(), err).write(w)
			return
		}
		problem(r.Context(), http.StatusNotFound, codeNotFound, "The service has no such address. The page /docs lists what there is.").write(w)
		return
	}
	if r.Method == http.MethodOptions {
		allow += ", " + http.MethodOptions
		w.Header().Set("Allow", allow)
		if t.api.cors.preflight(r) {
			t.api.cors.permit(w.Header(), allow)
		}
		w.WriteHeader(http.StatusNoContent)
		return
	}
	byStatus(r.Context(), refused.status).with("Allow", allow).write(w)
}

// recovered turns a panic into an answer. It reports whether half of one is out already, so
// that the connection must be cut: what broke off must not look complete.
func (t *router) recovered(ctx context.Context, w *answer, value any) (cut bool) {
	cause := fmt.Errorf("panic: %v\n%s", value, debug.Stack())
	if w.status != 0 {
		exchangeFrom(ctx).cause = cause
		return true
	}
	internal(ctx, cause).write(w)
	return false
}

// secure sets the headers that every answer carries. Answers are data for programs: they
// may neither be framed, run, guessed at, nor kept by a shared cache.
func (s *service) secure(h http.Header, requestID string) {
	if s.hsts > 0 {
		h.Set("Strict-Transport-Security", "max-age="+strconv.Itoa(seconds(s.hsts))+"; includeSubDomains")
	}
	h.Set(requestIDHeader, requestID)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// unprefixed returns r as seen from below the base path.
func unprefixed(r *http.Request) *http.Request {
	rest, ok := strings.CutPrefix(r.URL.Path, basePath)
	if !ok || !strings.HasPrefix(rest, "/") {
		return r
	}
	raw, ok := strings.CutPrefix(r.URL.RawPath, basePath)
	if r.URL.RawPath != "" && !ok {
		return r
	}
	inner := new(http.Request)
	*inner = *r
	inner.URL = new(url.URL)
	*inner.URL = *r.URL
	inner.URL.Path, inner.URL.RawPath = rest, raw
	return inner
}

// refusal takes the status and headers of ServeMux's own 404 and 405.
type refusal struct {
	header http.Header
	status int
}

// Header returns the collected headers.
func (f *refusal) Header() http.Header { return f.header }

// WriteHeader keeps the status.
func (f *refusal) WriteHeader(status int) { f.status = status }

// Write drops the plain text.
func (f *refusal) Write(b []byte) (int, error) { return len(b), nil }

// readyTime bounds the question to Postgres, below the patience of usual probes.
const readyTime = 2 * time.Second

// defaultTimeout bounds one request, from its headers to the end of its answer.
const defaultTimeout = 15 * time.Second
