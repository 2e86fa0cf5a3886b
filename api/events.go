package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalcraft/signalcraft/api/live"
)

// Where events are streamed.
const (
	pathEvents      = "/events"
	pathSocket      = "/ws"
	operationSocket = "connectEvents"
)

// codeStreams is the code of the refusal of one stream more than a user may have.
const codeStreams = "TOO_MANY_STREAMS"

// EventsInput is what the streams ask in common. It is exported because huma reads exported embedded structs only.
type EventsInput struct {
	Business string `query:"business_id" doc:"Listen to this business only; without it, to all that you belong to" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	After    string `query:"after" doc:"Id of the last event that was seen: what came after it is told first. Without it the stream begins now" pattern:"^[0-9]{1,18}$" example:"4711"`
}

type streamInput struct {
	EventsInput
	LastEventID string `header:"Last-Event-ID" doc:"The same as after, which it goes before; clients of text/event-stream send it by themselves when they come back" pattern:"^[0-9]{1,18}$" example:"4711"`
}

const aboutEvents = `

Every event has an id, a kind, the instant, the business and data of the kind: run.finished (published numbers of the business changed), anomaly.detected, alert.fired, alert.resolved, notification.created, notification.read, upload.progress, subscription.changed, and membership.* and session.* for who they concern. Expect new kinds. Which events come is decided when they are sent: those of yourself and of the businesses that you belong to then. Of a business that demands a second factor of its owners and admins, those hear only with an access token that tells of one.

Messages of kind stream.* are about the stream itself. stream.ready says from where on it is live. stream.reset: more was missed than can be told again (1,000 events or 24 hours), so read again what you show. stream.membership_ended: nothing more comes of that business. stream.second_factor_required: nothing comes of that business until you open a stream with a token that tells of a second factor. stream.end: the stream ends for the reason in data: session_ended (sign in again), membership_ended, second_factor_required, too_slow or restarting (come back after retry_after_ms with the last id).

Nothing is lost and nothing comes twice when you come back with the last id. A user may have 10 streams at a time.`

func (s *service) registerEvents() {
	message := s.huma.OpenAPI().Components.Schemas.Schema(messageType(), true, "EventMessage")
	huma.Register(s.huma, s.governed(huma.Operation{
		OperationID: "streamEvents", Method: http.MethodGet, Path: pathEvents, Tags: []string{"events"},
		Summary: "Events as they happen, as text/event-stream",
		Description: "Keeps the answer open and writes each event when it happens. The field id is the event's id, event its kind, data the JSON message. " +
			"A comment comes every 15 seconds when nothing else does. Browsers' own EventSource cannot send the Authorization header: use fetch and read its body, or a library that does." + aboutEvents,
		Responses: map[string]*huma.Response{"404": failing(http.StatusNotFound)["404"], "200": {Description: "The stream; each data field holds one message.",
			Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString, Extensions: map[string]any{"x-event-data": message}},
				Example: "retry: 2000\n\nid: 4711\nevent: alert.fired\ndata: {\"id\":4711,\"kind\":\"alert.fired\",\"at\":\"2026-03-31T02:03:11Z\",\"business_id\":\"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe\",\"data\":{\"name\":\"Revenue is low\"}}\n\n"}}}},
		Extensions: map[string]any{"x-stream": true},
	}), s.streamEvents)
	huma.Register(s.huma, s.governed(huma.Operation{
		OperationID: operationSocket, Method: http.MethodGet, Path: pathSocket, Tags: []string{"events"}, DefaultStatus: http.StatusSwitchingProtocols,
		Summary: "Events as they happen, over a WebSocket",
		Description: "The same messages as GET /events, each as one text message of JSON. Programs send the access token in the Authorization header; browsers offer " +
			"the subprotocols \"signalcraft.v1\" and \"bearer.\" followed by the token, of which the service takes the first. Pings come every 15 seconds. " +
			"The service takes no messages. It closes with 4001 (session_ended), 4003 (membership_ended), 4005 (second_factor_required), 1012 (restarting) or 1013 (too_slow)." + aboutEvents,
		Responses:  map[string]*huma.Response{"404": failing(http.StatusNotFound)["404"], "101": {Description: "The connection is a WebSocket from here on."}},
		Extensions: map[string]any{"x-stream": true},
	}), s.connectEvents)
}

// prepareStreams makes the hub and its measurements.
func (s *service) prepareStreams(c Config) (err error) {
	c.Live.Store, c.Live.Logger, c.Live.Clock, c.Live.Guards = c.Store, c.Logger, c.Clock, needsSecondFactor
	if s.hub, err = live.New(c.Live); err != nil {
		return err
	}
	count := func(get func(live.Counts) float64) func() float64 {
		return func() float64 { return get(s.hub.Counts()) }
	}
	for _, m := range []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "signalcraft_streams_open", Help: "Streams of events open now."},
			count(func(c live.Counts) float64 { return float64(c.Listeners) })),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "signalcraft_stream_events_total", Help: "Events queued for streams."},
			count(func(c live.Counts) float64 { return float64(c.Delivered) })),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "signalcraft_streams_dropped_total", Help: "Streams ended because the client did not keep up."},
			count(func(c live.Counts) float64 { return float64(c.Dropped) })),
	} {
		if err := c.Registry.Register(m); err != nil {
			return fmt.Errorf("register metrics: %w", err)
		}
	}
	return nil
}

// startStreams lets the handler's hub work. The returned function ends the streams and waits for them.
func startStreams(ctx context.Context, handler http.Handler) (stop func(context.Context) error) {
	t, ok := handler.(*router)
	if !ok || t.api.hub == nil {
		return func(context.Context) error { return nil }
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // streams drain while it works
	done := make(chan struct{})
	go func() { defer close(done); t.api.hub.Run(ctx) }()
	return func(drain context.Context) error {
		err := t.api.hub.Drain(drain)
		cancel()
		<-done
		return err
	}
}

// join adds a listener for the caller.
func (s *service) join(ctx context.Context, in EventsInput, last string) (*live.Listener, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	j := live.Join{User: caller.UserID, Session: caller.SessionID, SecondFactor: caller.SecondFactor}
	if in.Business != "" {
		if j.Business, err = uuid.Parse(in.Business); err != nil {
			return nil, invalid(ctx, "query", "business_id", "not an id")
		}
	}
	if last == "" {
		last = in.After
	}
	if last != "" {
		after, err := strconv.ParseInt(last, 10, 64)
		if err != nil {
			return nil, invalid(ctx, "query", "after", "not the id of an event")
		}
		j.After = &after
	}
	waiting, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	l, err := s.hub.Join(waiting, j)
	switch {
	case errors.Is(err, live.ErrTooMany):
		return nil, problem(ctx, http.StatusTooManyRequests, codeStreams, "You have too many streams open. Close one first.").with("Retry-After", "30")
	case errors.Is(err, live.ErrFull), errors.Is(err, live.ErrDraining):
		return nil, unavailable(ctx, err)
	case errors.Is(err, live.ErrSession):
		return nil, problem(ctx, http.StatusUnauthorized, codeToken, "The session has ended. Sign in again.").
			with("WWW-Authenticate", challenge+`, error="invalid_token"`)
	case errors.Is(err, live.ErrSecondFactor):
		return nil, mfaRequired(ctx)
	}
	return l, err
}

func (s *service) streamEvents(ctx context.Context, in *streamInput) (*huma.StreamResponse, error) {
	l, err := s.join(ctx, in.EventsInput, in.LastEventID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		defer l.Close()
		r, w := humago.Unwrap(c)
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Accel-Buffering", "no") // nginx would wait for a buffer to fill
		if r.Method == http.MethodHead {
			return
		}
		out := newEventWriter(w, s.hub)
		defer out.close()
		// Whoever is gone or too slow cannot be told; the log line of the request says how long it lasted.
		_ = out.run(c.Context(), l)
	}}, nil
}

// eventWriter writes a stream of events to one client.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	// cut breaks a write off that takes too long.
	cut *time.Timer
	hub *live.Hub
}

func newEventWriter(w http.ResponseWriter, hub *live.Hub) *eventWriter {
	o := &eventWriter{w: w, control: http.NewResponseController(w), hub: hub}
	// The server's own limits are for answers that end. Every writer of net/http knows deadlines.
	_ = o.control.SetReadDeadline(time.Time{})
	_ = o.control.SetWriteDeadline(time.Time{})
	o.cut = time.AfterFunc(hub.WriteTime(), func() { _ = o.control.SetWriteDeadline(time.Unix(1, 0)) })
	o.cut.Stop()
	return o
}

func (o *eventWriter) close() { o.cut.Stop() }

// run writes until the client leaves, is too slow, or the stream ends.
func (o *eventWriter) run(ctx context.Context, l *live.Listener) error {
	if err := o.write(fmt.Appendf(nil, "retry: %d\n\n", live.RetryAfter.Milliseconds())); err != nil {
		return err
	}
	heartbeat := time.NewTicker(o.hub.Heartbeat())
	defer heartbeat.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-heartbeat.C:
			if err := o.write([]byte(":\n\n")); err != nil {
				return err
			}
		case <-l.Wake():
			events, end := l.Take()
			if end != "" {
				events = append(events, l.End(end))
			}
			frames := make([][]byte, len(events))
			for i, e := range events {
				frames[i] = e.Frame
			}
			if err := o.write(frames...); err != nil || end != "" {
				return err
			}
			heartbeat.Reset(o.hub.Heartbeat())
		}
	}
}

// write sends frames at once.
func (o *eventWriter) write(frames ...[]byte) error {
	o.cut.Reset(o.hub.WriteTime())
	defer o.cut.Stop()
	for _, frame := range frames {
		if _, err := o.w.Write(frame); err != nil {
			return err
		}
	}
	return o.control.Flush()
}
