package live

import (
	"bytes"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Why a listener's stream ends.
const (
	EndSession    = "session_ended"    // signed out, revoked or expired: sign in again
	EndMembership = "membership_ended" // of the one business that was listened to
	// EndSecondFactor: the one business that was listened to demands a second factor from now on.
	EndSecondFactor = "second_factor_required"
	EndSlow         = "too_slow"   // the client did not keep up: come back with the last id
	EndDrain        = "restarting" // the process stops: come back
)

// Listener is one open stream. Its owner waits for Wake, takes what there is, and leaves with Close. Only one goroutine may
// use it.
type Listener struct {
	hub     *Hub
	user    *user
	session uuid.UUID
	factor  bool      // the token told of a second factor
	only    uuid.UUID // the one business listened to; zero for all
	wake    chan struct{}

	// Guarded by the hub's lock.
	proved  bool     // factor, and the session still has it
	since   int64    // events up to this one are not its business
	backlog []*Event // what it missed before it joined
	queue   []*Event
	end     string
	left    bool
}

// Wake is ready when Take may have something.
func (l *Listener) Wake() <-chan struct{} { return l.wake }

// Take returns what came since the last call, and why the stream ends after that; empty while it goes on.
func (l *Listener) Take() (events []*Event, end string) {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	events = append(l.backlog, l.queue...)
	l.backlog = nil
	l.clear()
	return events, l.end
}

// clear empties the queue. The hub's lock is held.
func (l *Listener) clear() {
	if len(l.queue) > l.hub.queue/2 {
		if l.hub.backed--; l.hub.backed == 0 {
			signal(l.hub.eased)
		}
	}
	l.queue = nil
}

// End returns the last message of a stream that ends.
func (l *Listener) End(reason string) *Event {
	data := map[string]any{"reason": reason}
	if reason == EndSlow || reason == EndDrain {
		data["retry_after_ms"] = RetryAfter.Milliseconds()
	}
	return control(KindEnd, still, nil, data)
}

// RetryAfter is when a client that was told to come back should.
const RetryAfter = 2 * time.Second

// Close leaves the hub. It may be called twice.
func (l *Listener) Close() {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	l.hub.remove(l)
}

// push queues an event. A listener that does not keep up loses its queue and its stream. The hub's lock is held.
func (l *Listener) push(e *Event) {
	if l.end != "" {
		return
	}
	if len(l.queue) >= l.hub.queue {
		l.clear()
		l.hub.counts.Dropped++
		l.finish(EndSlow)
		return
	}
	l.queue = append(l.queue, e)
	if len(l.queue) == l.hub.queue/2+1 {
		l.hub.backed++
	}
	l.hub.counts.Delivered++
	l.signal()
}

// finish ends the stream after what is queued. The hub's lock is held.
func (l *Listener) finish(reason string) {
	if l.end == "" {
		l.end = reason
		l.signal()
	}
}

func (l *Listener) signal() { signal(l.wake) }

// signal wakes whoever waits on a channel with room for one. One that was woken and has not looked yet finds this too.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// wants tells whether the listener is to get events of a business, zero for none. The hub's lock is held.
func (l *Listener) wants(business uuid.UUID) bool {
	return business == uuid.Nil || l.asks(business) && l.hears(business)
}

// asks tells whether the listener asked for a business.
func (l *Listener) asks(business uuid.UUID) bool { return l.only == uuid.Nil || l.only == business }

// hears tells whether the listener may hear of a business. The hub's lock is held.
func (l *Listener) hears(business uuid.UUID) bool {
	guarded, belongs := l.user.businesses[business]
	return belongs && (!guarded || l.proved)
}

// withheld says of which businesses the listener hears nothing until its user shows a second factor. The hub's lock is held.
func (l *Listener) withheld() (all []*Event) {
	for _, b := range slices.SortedFunc(maps.Keys(l.user.businesses), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }) {
		if l.asks(b) && !l.hears(b) {
			all = append(all, control(KindSecondFactor, still, &b, map[string]any{}))
		}
	}
	return all
}

// forget drops what is queued of a business of which the listener hears no longer, and says so by a message, or by the end
// of the stream when that is all it asked for. The hub's lock is held.
func (l *Listener) forget(business uuid.UUID, kind, end string) {
	if !l.asks(business) {
		return
	}
	l.backlog = without(l.backlog, business)
	queued := without(l.queue, business)
	l.clear()
	for _, e := range queued {
		l.push(e)
	}
	if l.only == business {
		l.finish(end)
		return
	}
	l.push(control(kind, still, &business, map[string]any{}))
}

func without(events []*Event, business uuid.UUID) []*Event {
	return slices.DeleteFunc(events, func(e *Event) bool { return e.business == business })
}

// user is somebody with listeners, and what Postgres said of them last. The hub's lock guards it.
type user struct {
	id        uuid.UUID
	listeners map[*Listener]struct{}
	// businesses are those that the user belongs to; true for one of which only sessions with a second factor hear.
	businesses map[uuid.UUID]bool
	// checked counts down to the next question to Postgres.
	checked int

	// asking is held from a question to Postgres until its answer is noted, so that an older answer never
	// replaces a newer one. It is taken before the hub's lock.
	asking sync.Mutex
}

func (u *user) belongs(business uuid.UUID) bool {
	_, belongs := u.businesses[business]
	return belongs
}
