package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/signalcraft/signalcraft/api/store"
)

// Every request for published numbers goes one way: one round trip to Postgres tells whether the caller may see them and from
// which state they come; the key made of that finds the answer in the cache, or at the caller's, or it is made.

type storedOutput struct {
	Body func(huma.Context)
}

// registerPublished registers an operation whose answer, an A, is made of published numbers. ask turns its input into the question.
func registerPublished[A, I any](s *service, o huma.Operation, ask func(context.Context, *I) (question, error)) {
	answer := s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[A](), true, "")
	text := func(doc, example string) *huma.Param {
		return &huma.Param{Description: doc, Schema: &huma.Schema{Type: huma.TypeString}, Example: example}
	}
	o.Responses = map[string]*huma.Response{"200": {Description: http.StatusText(http.StatusOK),
		Content: map[string]*huma.MediaType{"application/json": {Schema: answer}},
		Headers: map[string]*huma.Param{"X-Cache": text("How the answer came about: hit, miss or shared", "hit")}}}
	tag := text("Names this answer; it changes exactly when a run publishes or finds everything up to date, the business or its KPIs change, or the numbers become stale", `"q3Jm0-8zO1Y"`)
	o.Responses["200"].Headers["ETag"] = tag
	if o.Method == http.MethodGet {
		o.Responses["304"] = &huma.Response{Description: "The answer with the ETag in If-None-Match is still right.", Headers: map[string]*huma.Param{"ETag": tag}}
	}
	register(s, o, func(ctx context.Context, in *I) (*storedOutput, error) {
		q, err := ask(ctx, in)
		if err != nil {
			return nil, s.fail(ctx, err)
		}
		found, how, err := s.find(ctx, o.OperationID, q)
		if err != nil {
			return nil, s.fail(ctx, err)
		}
		s.cache.meter.answers.WithLabelValues(how).Inc()
		return &storedOutput{func(c huma.Context) { s.send(c, found, how) }}, nil
	})
}

// find returns the answer to q, and how it came about.
func (s *service) find(ctx context.Context, operation string, q question) (*entry, string, error) {
	caller, err := callerIn(ctx, q.business)
	if err != nil {
		return nil, "", err
	}
	if err := s.settle(ctx); err != nil {
		return nil, "", err
	}
	state, err := s.store.DashboardState(ctx, caller.UserID, q.business, q.tables, s.clock())
	if err != nil {
		return nil, "", err
	}
	exchangeFrom(ctx).business = &q.business
	if err := allowed(ctx, caller, state.Role, state.Tier); err != nil {
		return nil, "", err
	}
	key, err := s.keyOf(operation, q, state)
	if err != nil {
		return nil, "", err
	}
	if key.matches(q.match) {
		return &entry{key: key}, cacheSame, nil
	}
	return s.cache.get(ctx, key, func(ctx context.Context) (seen cacheKey, body []byte, err error) {
		err = s.readBusiness(ctx, q.business, func(t *store.MemberTx) error {
			state, err := t.DashboardState(ctx, q.tables, s.clock())
			if err != nil {
				return err
			}
			if seen, err = s.keyOf(operation, q, state); err != nil {
				return err
			}
			answer, err := q.answer(ctx, t, state)
			if err != nil {
				return err
			}
			body, err = written(answer)
			return err
		})
		return seen, body, err
	})
}

// written is v as JSON and a line feed.
func written(v any) ([]byte, error) {
	if w, ok := v.(interface{ appendJSON([]byte) ([]byte, error) }); ok {
		return w.appendJSON(nil)
	}
	text, err := plainJSON(v)
	return append(text, '\n'), err
}

// send writes an answer. Nothing in it is a secret that a request could be made to lie beside, so that packing it tells nothing.
func (s *service) send(c huma.Context, e *entry, how string) {
	r, w := humago.Unwrap(c)
	h := w.Header()
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Vary", "Accept-Encoding")
	h.Set("X-Cache", how)
	packed := acceptsGzip(r.Header.Get("Accept-Encoding"))
	h.Set("ETag", e.key.tag(packed))
	if how == cacheSame {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := e.packed
	if packed {
		h.Set("Content-Encoding", "gzip")
	} else {
		var err error
		if body, err = s.cache.body(e); err != nil {
			internal(c.Context(), err).write(w)
			return
		}
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // a caller that left cannot be told
}
