package api

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/signalcraft/signalcraft/api/live"
)

const (
	// socketProtocol is the subprotocol that the service speaks.
	socketProtocol = "signalcraft.v1"
	// socketBearer begins the subprotocol by which a browser hands its token over: it can set no header.
	socketBearer = "bearer."
	// socketReads bounds a message that a client sends, of which it should send none.
	socketReads = 512
)

// The codes that sockets are closed with beside those of the protocol.
const (
	closeSession    websocket.StatusCode = 4001
	closeMembership websocket.StatusCode = 4003
	closeFactor     websocket.StatusCode = 4005
)

func messageType() reflect.Type { return reflect.TypeFor[live.EventMessage]() }

// socketToken returns the token that is offered as a subprotocol.
func socketToken(h http.Header) (string, bool) {
	var tokens []string
	for _, p := range subprotocols(h) {
		if token, ok := strings.CutPrefix(p, socketBearer); ok {
			tokens = append(tokens, token)
		}
	}
	if len(tokens) != 1 || tokens[0] == "" {
		return "", false
	}
	return tokens[0], true
}

func subprotocols(h http.Header) []string {
	var all []string
	for _, line := range h.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(line, ",") {
			all = append(all, strings.TrimSpace(p))
		}
	}
	return all
}

func (s *service) connectEvents(ctx context.Context, in *EventsInput) (*huma.StreamResponse, error) {
	return &huma.StreamResponse{Body: func(c huma.Context) {
		r, w := humago.Unwrap(c)
		if refused := s.handshake(ctx, r); refused != nil {
			refused.write(w)
			return
		}
		l, err := s.join(ctx, *in, "")
		if err != nil {
			s.fail(ctx, err).write(w)
			return
		}
		defer l.Close()
		// The origin is checked already; what Accept refuses, it answers itself.
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true, Subprotocols: []string{socketProtocol}})
		if err != nil {
			return
		}
		defer func() { _ = conn.CloseNow() }() // closed in good order where that was possible
		conn.SetReadLimit(socketReads)
		// Whoever is gone or too slow cannot be told; the log line of the request says how long it lasted.
		_ = s.talk(conn.CloseRead(ctx), conn, l)
	}}, nil
}

// handshake returns why r does not become a WebSocket, or nil.
func (s *service) handshake(ctx context.Context, r *http.Request) *errorEnvelope {
	contains := func(name, token string) bool {
		return slices.ContainsFunc(strings.Split(r.Header.Get(name), ","), func(v string) bool { return strings.EqualFold(strings.TrimSpace(v), token) })
	}
	switch {
	case r.Method != http.MethodGet || !r.ProtoAtLeast(1, 1) || !contains("Connection", "upgrade") || !contains("Upgrade", "websocket"):
		return invalid(ctx, "header", "Upgrade", "this address speaks WebSocket only; read GET /events without it")
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		return invalid(ctx, "header", "Sec-WebSocket-Version", "expected 13")
	case !isSocketKey(r.Header.Values("Sec-WebSocket-Key")):
		return invalid(ctx, "header", "Sec-WebSocket-Key", "expected sixteen bytes as base64, once")
	case !s.mayConnect(r):
		e := problem(ctx, http.StatusForbidden, codeForbidden, "Pages of this origin may not connect.")
		e.Problem.Details.In, e.Problem.Details.Field = "header", "Origin"
		return e
	}
	return nil
}

func isSocketKey(keys []string) bool {
	if len(keys) != 1 {
		return false
	}
	raw, err := base64.StdEncoding.DecodeString(keys[0])
	return err == nil && len(raw) == 16
}

// mayConnect tells whether the page that opens the socket is one that may: browsers ask nobody else before they do. Programs
// send no origin.
func (s *service) mayConnect(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || s.cors.allows(origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// talk sends what the listener gets until the client leaves, is too slow, or the stream ends.
func (s *service) talk(ctx context.Context, conn *websocket.Conn, l *live.Listener) error {
	limited := func(do func(context.Context) error) error {
		ctx, cancel := context.WithTimeout(ctx, s.hub.WriteTime())
		defer cancel()
		return do(ctx)
	}
	heartbeat := time.NewTicker(s.hub.Heartbeat())
	defer heartbeat.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-heartbeat.C:
			if err := limited(conn.Ping); err != nil {
				return err
			}
		case <-l.Wake():
			events, end := l.Take()
			if end != "" {
				events = append(events, l.End(end))
			}
			for _, e := range events {
				if err := limited(func(ctx context.Context) error { return conn.Write(ctx, websocket.MessageText, e.JSON) }); err != nil {
					return err
				}
			}
			if end != "" {
				return conn.Close(closeCode(end), end)
			}
		}
	}
}

func closeCode(reason string) websocket.StatusCode {
	switch reason {
	case live.EndSession:
		return closeSession
	case live.EndMembership:
		return closeMembership
	case live.EndSecondFactor:
		return closeFactor
	case live.EndSlow:
		return websocket.StatusTryAgainLater
	}
	return websocket.StatusServiceRestart
}
