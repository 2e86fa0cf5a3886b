package live_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/signalcraft/signalcraft/api/apitest"
	"github.com/signalcraft/signalcraft/api/live"
)

// Each listener gets the events of its tenants and its own, over either transport, and nothing else.
func TestEventsReachTheirTenantsOnly(t *testing.T) {
	t.Parallel()
	w := start(t, live.Config{})
	cafe, hotel, people := w.World.Cafe.ID, w.World.Hotel.ID, w.World
	ada, vic := w.listen(t, w.Login(t, people.Ada), "", ""), w.connect(t, w.Login(t, people.Vic), "")
	bob, nobody := w.connect(t, w.Login(t, people.Bob), ""), w.listen(t, w.Login(t, people.Nobody), "", "")
	for _, c := range []*client{ada, vic, bob, nobody} {
		c.want(t, "stream.ready")
	}
	w.tell(t, &cafe, nil, "alert.fired", "for the cafe")
	w.tell(t, &hotel, nil, "alert.fired", "for the hotel")
	w.tell(t, &cafe, &people.Ada.ID, "upload.progress", "for ada in the cafe")
	w.tell(t, &hotel, &people.Ada.ID, "upload.progress", "for ada in the hotel, where she is not")
	w.tell(t, nil, &people.Bob.ID, "session.started", "for bob")
	for _, u := range []apitest.User{people.Ada, people.Vic, people.Bob, people.Nobody} {
		w.tell(t, nil, &u.ID, "test.end", u.Name)
	}
	ada.want(t, "alert.fired for the cafe", "upload.progress for ada in the cafe", "test.end ada")
	vic.want(t, "alert.fired for the cafe", "test.end vic")
	bob.want(t, "alert.fired for the hotel", "session.started for bob", "test.end bob")
	nobody.want(t, "test.end nobody")
}

func TestListeningToOneBusiness(t *testing.T) {
	t.Parallel()
	w := start(t, live.Config{})
	cafe, hotel, ada := w.World.Cafe.ID, w.World.Hotel.ID, w.World.Ada
	w.exec(t, `insert into memberships (business_id, user_id, role) values ($1, $2, 'viewer')`, hotel, ada.ID)
	token := w.Login(t, ada)
	one := w.listen(t, token, "?business_id="+hotel.String(), "")
	one.want(t, "stream.ready")
	w.tell(t, &cafe, nil, "test.event", "cafe")
	w.tell(t, &hotel, nil, "test.event", "hotel")
	w.tell(t, nil, &ada.ID, "test.event", "ada")
	one.want(t, "test.event hotel", "test.event ada")
	// What was missed is filtered in the same way.
	again := w.listen(t, token, "?business_id="+hotel.String()+"&after=0", "")
	again.want(t, "test.event hotel", "test.event ada", "stream.ready")
	_, answer := w.ask(t, w.Login(t, w.World.Bob), "?business_id="+cafe.String(), "")
	answer.Body.Close()
	if answer.StatusCode != http.StatusNotFound {
		t.Errorf("a business that is not mine: status %d, want 404", answer.StatusCode)
	}
}

func TestMembershipEnds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		bounds live.Config
		told   bool
	}{
		"told by an event":      {live.Config{Recheck: time.Hour}, true},
		"found by asking again": {live.Config{Recheck: 20 * time.Millisecond}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, test.bounds)
			cafe, vic := w.World.Cafe.ID, w.World.Vic
			token := w.Login(t, vic)
			all, one, socket := w.listen(t, token, "", ""), w.listen(t, token, "?business_id="+cafe.String(), ""), w.connect(t, token, "?business_id="+cafe.String())
			ada := w.listen(t, w.Login(t, w.World.Ada), "", "")
			for _, c := range []*client{all, one, socket, ada} {
				c.want(t, "stream.ready")
			}
			w.exec(t, `delete from memberships where user_id = $1`, vic.ID)
			if test.told {
				w.tell(t, &cafe, &vic.ID, "membership.ended", "")
				w.tell(t, &cafe, nil, "test.event", "after the end")
			}
			all.want(t, "stream.membership_ended")
			one.wantEnd(t, live.EndMembership)
			socket.wantEnd(t, live.EndMembership)
			if code := websocket.CloseStatus(socket.err); code != 4003 {
				t.Errorf("close status %d, want 4003", code)
			}
			if !test.told {
				w.tell(t, &cafe, nil, "test.event", "after the end")
			}
			w.tell(t, nil, &vic.ID, "test.event", "mine")
			all.want(t, "test.event mine")
			ada.want(t, "test.event after the end")
			// Whoever becomes a member hears of the business at once.
			w.exec(t, `insert into memberships (business_id, user_id, role) values ($1, $2, 'viewer')`, cafe, vic.ID)
			w.tell(t, &cafe, &vic.ID, "membership.started", "")
			w.tell(t, &cafe, nil, "test.event", "back")
			all.want(t, "membership.started", "test.event back")
		})
	}
}

func TestSessionEnds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		bounds live.Config
		end    string
		told   bool
	}{
		"revoked, told by an event":      {live.Config{Recheck: time.Hour}, `update user_sessions set revoked_at = now()`, true},
		"revoked, found by asking again": {live.Config{Recheck: 20 * time.Millisecond}, `update user_sessions set revoked_at = now()`, false},
		"the account is switched off":    {live.Config{Recheck: 20 * time.Millisecond}, `update users set is_active = false`, false},
		"the session is too old":         {live.Config{Recheck: 20 * time.Millisecond}, `update user_sessions set ends_at = '2026-03-31T05:00Z'`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, test.bounds)
			ada := w.World.Ada
			token := w.Login(t, ada)
			stream, socket := w.listen(t, token, "", ""), w.connect(t, token, "")
			stream.want(t, "stream.ready")
			socket.want(t, "stream.ready")
			w.exec(t, test.end)
			if test.told {
				w.tell(t, nil, &ada.ID, "session.ended", "")
				w.tell(t, nil, &ada.ID, "test.event", "too late")
			}
			stream.wantEnd(t, live.EndSession)
			socket.wantEnd(t, live.EndSession)
			if code := websocket.CloseStatus(socket.err); code != 4001 {
				t.Errorf("close status %d, want 4001", code)
			}
			_, answer := w.ask(t, token, "", "")
			answer.Body.Close()
			if answer.StatusCode != http.StatusUnauthorized {
				t.Errorf("another stream of an ended session: status %d, want 401", answer.StatusCode)
			}
		})
	}
}

// One session's end is not that of the same user's others.
func TestOtherSessionsGoOn(t *testing.T) {
	t.Parallel()
	w := start(t, live.Config{Recheck: time.Hour})
	ada := w.World.Ada
	first := w.listen(t, w.Login(t, ada), "", "")
	first.want(t, "stream.ready")
	w.exec(t, `update user_sessions set user_agent = 'old'`)
	second := w.listen(t, w.Login(t, ada), "", "")
	second.want(t, "stream.ready")
	w.exec(t, `update user_sessions set revoked_at = now() where user_agent = 'old'`)
	w.tell(t, nil, &ada.ID, "session.ended", "")
	first.wantEnd(t, live.EndSession)
	second.want(t, "session.ended")
}

func TestResume(t *testing.T) {
	t.Parallel()
	w := start(t, live.Config{Tail: 5})
	cafe, hotel, token := w.World.Cafe.ID, w.World.Hotel.ID, w.Login(t, w.World.Ada)
	c := w.listen(t, token, "", "")
	c.want(t, "stream.ready")
	w.tell(t, &cafe, nil, "test.event", "1")
	c.want(t, "test.event 1")
	c.leave()
	for range c.messages {
	}
	w.tell(t, &cafe, nil, "test.event", "2")
	w.tell(t, &hotel, nil, "test.event", "not mine")
	w.tell(t, &cafe, nil, "test.event", "3")
	again := w.listen(t, token, "", c.last())
	again.want(t, "test.event 2", "test.event 3", "stream.ready")
	w.tell(t, &cafe, nil, "test.event", "4")
	again.want(t, "test.event 4")
	// The ready message tells where the stream stands, also for one who got nothing.
	quiet := w.listen(t, token, "", "")
	quiet.want(t, "stream.ready")
	quiet.leave()
	for range quiet.messages {
	}
	for _, text := range strings.Split("5 6 7 8 9", " ") {
		w.tell(t, &cafe, nil, "test.event", text)
	}
	w.listen(t, token, "?after="+quiet.last(), "").want(t, "test.event 5", "test.event 6", "test.event 7", "test.event 8", "test.event 9", "stream.ready")
	again.want(t, "test.event 5", "test.event 6", "test.event 7", "test.event 8", "test.event 9") // so the hub has heard of them
	// One more than can be told again.
	late := w.listen(t, token, "", c.last())
	late.want(t, "stream.reset too much was missed: read again what is shown")
	w.tell(t, &cafe, nil, "test.event", "10")
	late.want(t, "test.event 10")
	// So it is when they lie too far back, and when they were forgotten.
	w.exec(t, `update events set at = now() - interval '25 hours' where payload ->> 'text' = '9'`)
	old := w.listen(t, token, "", late.last())
	old.want(t, "stream.ready")
	w.exec(t, `update events set at = now() - interval '8 days' where payload ->> 'text' <> '10'`)
	w.prune(t)
	gone := w.listen(t, token, "?after=0", "")
	gone.want(t, "stream.reset too much was missed: read again what is shown")
	w.listen(t, token, "", late.last()).want(t, "stream.ready")
	// An id that this database never gave, as after a restore.
	w.listen(t, token, "?after=123456789", "").want(t, "stream.reset too much was missed: read again what is shown")
}

func TestRefusedStreams(t *testing.T) {
	t.Parallel()
	w := start(t, live.Config{MostPerUser: 2, Most: 3})
	ada, token := w.World.Ada, w.Login(t, w.World.Ada)
	for _, query := range []string{"?after=x", "?after=-1", "?business_id=x", "?after=9999999999999999999", "?token=" + token} {
		w.Get(t, "/events"+query, token).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
		w.Get(t, "/ws"+query, token).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	}
	w.Get(t, "/events", "").WantError(t, http.StatusUnauthorized, "AUTHENTICATION_REQUIRED")
	w.Get(t, "/ws", token).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	handshake := []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}
	with := func(more ...string) []string { return append(handshake[:len(handshake):len(handshake)], more...) }
	w.Request(t, http.MethodGet, "/ws", nil, handshake...).WantError(t, http.StatusUnauthorized, "AUTHENTICATION_REQUIRED")
	w.Request(t, http.MethodGet, "/ws", nil, with("Sec-WebSocket-Protocol", "signalcraft.v1, bearer."+token+"x")...).WantError(t, http.StatusUnauthorized, "INVALID_TOKEN")
	w.Request(t, http.MethodGet, "/ws", nil, with("Sec-WebSocket-Protocol", "bearer."+token+", bearer."+token)...).WantError(t, http.StatusUnauthorized, "AUTHENTICATION_REQUIRED")
	for _, origin := range []string{"https://evil.example", "null", "http://127.0.0.1.evil.example"} {
		w.Request(t, http.MethodGet, "/ws", nil, with("Authorization", "Bearer "+token, "Origin", origin)...).WantError(t, http.StatusForbidden, "FORBIDDEN")
	}
	w.Request(t, http.MethodGet, "/ws", nil, "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "short",
		"Authorization", "Bearer "+token).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	if head := w.Request(t, http.MethodHead, "/events", nil, "Authorization", "Bearer "+token); head.Status != http.StatusOK {
		t.Errorf("HEAD /events: status %d", head.Status)
	}
	first, second := w.listen(t, token, "", ""), w.connect(t, token, "")
	w.Get(t, "/events", token).WantError(t, http.StatusTooManyRequests, "TOO_MANY_STREAMS")
	bob := w.Login(t, w.World.Bob)
	w.listen(t, bob, "", "").want(t, "stream.ready")
	full := w.Get(t, "/events", bob)
	full.WantError(t, http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE")
	if full.Header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	// Who leaves makes room.
	first.leave()
	second.leave()
	for w.measured(t, "signalcraft_streams_open") != "1" {
	}
	w.listen(t, token, "", "").want(t, "stream.ready")
	w.tell(t, nil, &ada.ID, "test.event", "")
}
