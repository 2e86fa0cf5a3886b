package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// Errors of Join.
var (
	// ErrTooMany is returned when the user has as many streams as one may have. Close another one first.
	ErrTooMany = errors.New("too many streams of this user")
	// ErrFull is returned when the process serves as many streams as it may. Come back later, to another process.
	ErrFull = errors.New("too many streams in this process")
	// ErrDraining is returned when the process stops, or does not listen to Postgres yet. Come back.
	ErrDraining = errors.New("streams are not served now")
	// ErrSession is returned when the session has ended. Sign in again.
	ErrSession = errors.New("the session has ended")
	// ErrSecondFactor is returned when the business tells somebody in the user's role nothing without a second factor. Show one.
	ErrSecondFactor = errors.New("the business demands a second factor")
)

// Config is what a hub needs.
type Config struct {
	// Store works as the API's role. Required.
	Store *store.Store
	// Logger gets a line when the connection to Postgres breaks and when it is back. Required.
	Logger *slog.Logger
	// Clock tells which sessions have expired. Required.
	Clock func() time.Time
	// Guards tells whether a business of a tier demands a second factor of a member with a role. Nil means none does.
	Guards func(role, tier string) bool
	// Most bounds the streams of this process. Zero means 4,000.
	Most int
	// MostPerUser bounds the streams of one user in this process. Zero means 10.
	MostPerUser int
	// Queue is how many events wait for one listener before it counts as too slow. Zero means 256.
	Queue int
	// Tail bounds how many missed events are told again, TailReach how old they may be. Zero means 1,000 and 24 hours.
	Tail      int
	TailReach time.Duration
	// Recheck is how often sessions and memberships of listeners are asked of Postgres when no event says that they changed. Zero
	// means 30 seconds.
	Recheck time.Duration
	// Pause is after how long of silence the connection to Postgres is checked. Zero means 15 seconds.
	Pause time.Duration
	// Heartbeat is how long a stream may be silent, WriteTime how long a client may take to take what is written. Zero
	// means 15 and 10 seconds.
	Heartbeat, WriteTime time.Duration
}

// Hub hands events to listeners. Run makes it work; it may be used from many goroutines.
type Hub struct {
	store         *store.Store
	logger        *slog.Logger
	clock         func() time.Time
	guards        func(role, tier string) bool
	most, perUser int
	queue, tail   int
	tailReach     time.Duration
	recheck       time.Duration
	pause         time.Duration
	heartbeat     time.Duration
	writeTime     time.Duration

	wake  chan struct{}
	known chan struct{} // closed when position is known
	eased chan struct{} // told when no queue is more than half full any more
	empty *sync.Cond    // told when the last listener leaves

	mu       sync.Mutex
	position int64 // the newest event that was looked at
	draining bool
	count    int
	backed   int // listeners whose queue is more than half full
	counts   Counts
	users    map[uuid.UUID]*user
	members  map[uuid.UUID]map[*user]struct{} // by business
}

// Counts are what a hub did since it was made.
type Counts struct {
	// Listeners are there now.
	Listeners int
	// Delivered counts events put into queues, Dropped listeners that were too slow.
	Delivered, Dropped uint64
}

// New returns a hub that does not work yet.
func New(c Config) (*Hub, error) {
	if c.Store == nil || c.Logger == nil || c.Clock == nil {
		return nil, errors.New("live config: Store, Logger and Clock are required")
	}
	if c.Guards == nil {
		c.Guards = func(string, string) bool { return false }
	}
	h := &Hub{store: c.Store, logger: c.Logger, clock: c.Clock, guards: c.Guards, most: or(c.Most, 4000), perUser: or(c.MostPerUser, 10), queue: or(c.Queue, 256),
		tail: or(c.Tail, 1000), tailReach: or(c.TailReach, 24*time.Hour), recheck: or(c.Recheck, 30*time.Second), pause: or(c.Pause, 15*time.Second),
		heartbeat: or(c.Heartbeat, 15*time.Second), writeTime: or(c.WriteTime, 10*time.Second),
		wake: make(chan struct{}, 1), known: make(chan struct{}), eased: make(chan struct{}, 1),
		users: map[uuid.UUID]*user{}, members: map[uuid.UUID]map[*user]struct{}{}}
	h.empty = sync.NewCond(&h.mu)
	return h, nil
}

func or[T int | time.Duration](value, otherwise T) T {
	if value == 0 {
		return otherwise
	}
	return value
}

// Join is what somebody asks who wants to listen.
type Join struct {
	User, Session uuid.UUID
	// SecondFactor tells whether the user showed one with the token that is listened with.
	SecondFactor bool
	// Business is the one to listen to; zero means all of the user's.
	Business uuid.UUID
	// After is the id of the last event that was seen; nil means to begin now.
	After *int64
}

// Join adds a listener, whose first message says where the stream stands. It returns ErrTooMany, ErrFull, ErrDraining, ErrSession,
// ErrSecondFactor, store.ErrNotFound for a business that the user does not belong to, or another error of the store.
func (h *Hub) Join(ctx context.Context, j Join) (*Listener, error) {
	select {
	case <-h.known:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrDraining, ctx.Err())
	}
	l, err := h.register(j)
	if err != nil {
		return nil, err
	}
	if err := h.admit(ctx, l, j); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// register adds a listener that hears nothing until Postgres was asked what it may hear.
func (h *Hub) register(j Join) (*Listener, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	u := h.users[j.User]
	switch {
	case h.draining:
		return nil, ErrDraining
	case h.count >= h.most:
		return nil, ErrFull
	case u != nil && len(u.listeners) >= h.perUser:
		return nil, ErrTooMany
	case u == nil:
		u = &user{id: j.User, listeners: map[*Listener]struct{}{}, businesses: map[uuid.UUID]bool{}}
		h.users[j.User] = u
	}
	l := &Listener{hub: h, user: u, session: j.Session, factor: j.SecondFactor, only: j.Business, wake: make(chan struct{}, 1)}
	u.listeners[l] = struct{}{}
	h.count++
	return l, nil
}

// admit asks Postgres what the listener may hear, and then reads what it missed: whatever happens from the first
// question on is queued, what happened before is in the tail.
func (h *Hub) admit(ctx context.Context, l *Listener, j Join) error {
	if err := h.check(ctx, l.user); err != nil {
		return err
	}
	h.mu.Lock()
	l.since = h.position
	h.mu.Unlock()
	var missed []store.StoredEvent
	gone := false
	if j.After != nil {
		query := store.TailQuery{After: *j.After, Most: h.tail, Reach: h.tailReach}
		if j.Business != uuid.Nil {
			query.Business = &j.Business
		}
		var err error
		missed, err = h.store.EventTail(ctx, j.User, query)
		gone = errors.Is(err, store.ErrTailGone)
		if err != nil && !gone {
			return err
		}
	}
	return h.begin(l, j.After, missed, gone)
}

// begin puts what the listener missed before what is queued already.
func (h *Hub) begin(l *Listener, after *int64, missed []store.StoredEvent, gone bool) error {
	backlog := make([]*Event, 0, len(missed)+1)
	for _, s := range missed {
		e, err := newEvent(s)
		if err != nil {
			return err
		}
		backlog = append(backlog, e)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case l.end == EndSession:
		return ErrSession
	case l.end == EndMembership, l.only != uuid.Nil && !l.user.belongs(l.only):
		return store.ErrNotFound
	case l.end == EndSecondFactor, l.only != uuid.Nil && !l.hears(l.only):
		return ErrSecondFactor
	case l.end != "", h.draining:
		return ErrDraining
	}
	// The hub itself may be behind both: its connection may be broken just now.
	if after != nil && !gone {
		l.since = max(l.since, *after)
	}
	if n := len(missed); n > 0 {
		l.since = max(l.since, missed[n-1].ID)
	}
	queued := l.queue
	l.clear()
	for _, e := range queued {
		if e.ID == still || e.ID > l.since && l.wants(e.business) {
			l.push(e)
		}
	}
	// The ready message comes last: its id is where the stream stands when all that was missed is told.
	first := control(KindReady, l.since, nil, map[string]any{"heartbeat_ms": h.heartbeat.Milliseconds()})
	if gone {
		first = control(KindReset, l.since, nil, map[string]any{"reason": "too much was missed: read again what is shown"})
	}
	backlog = slices.DeleteFunc(backlog, func(e *Event) bool { return !l.wants(e.business) })
	l.backlog = append(append(backlog, l.withheld()...), first)
	l.signal()
	return nil
}

// Heartbeat is how long a stream may be silent.
func (h *Hub) Heartbeat() time.Duration { return h.heartbeat }

// WriteTime is how long a client may take to take what is written.
func (h *Hub) WriteTime() time.Duration { return h.writeTime }

// remove takes a listener out. The lock is held.
func (h *Hub) remove(l *Listener) {
	if l.left {
		return
	}
	l.clear()
	l.left, l.backlog = true, nil
	delete(l.user.listeners, l)
	if len(l.user.listeners) == 0 {
		h.stand(l.user, nil, nil)
		delete(h.users, l.user.id)
	}
	if h.count--; h.count == 0 {
		h.empty.Broadcast()
	}
}

// stand notes which businesses a user belongs to, and which of the listeners that were asked about have a second factor. What a
// listener no longer hears of is taken from it. The lock is held.
func (h *Hub) stand(u *user, belongings []store.Belonging, proved map[*Listener]bool) {
	before := u.businesses
	u.businesses = make(map[uuid.UUID]bool, len(belongings))
	for _, b := range belongings {
		u.businesses[b.BusinessID] = h.guards(b.Role, b.Tier)
		if h.members[b.BusinessID] == nil {
			h.members[b.BusinessID] = map[*user]struct{}{}
		}
		h.members[b.BusinessID][u] = struct{}{}
	}
	for b := range before {
		if u.belongs(b) {
			continue
		}
		delete(h.members[b], u)
		if len(h.members[b]) == 0 {
			delete(h.members, b)
		}
	}
	// Who joined after the question has its own coming, and is told nothing before that is answered.
	for l, has := range proved {
		had := l.proved
		l.proved = has
		for b, guarded := range before {
			switch {
			case l.left || guarded && !had: // it heard nothing of it
			case !u.belongs(b):
				l.forget(b, KindMembershipEnded, EndMembership)
			case !l.hears(b):
				l.forget(b, KindSecondFactor, EndSecondFactor)
			}
		}
	}
}

// Counts returns what the hub did until now.
func (h *Hub) Counts() Counts {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.counts
	c.Listeners = h.count
	return c
}

// Drain takes no new listener, ends the streams, and waits until they are gone or ctx ends.
func (h *Hub) Drain(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.draining = true
	for _, u := range h.users {
		for l := range u.listeners {
			l.finish(EndDrain)
		}
	}
	stop := context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.empty.Broadcast()
	})
	defer stop()
	for h.count > 0 && ctx.Err() == nil {
		h.empty.Wait()
	}
	if h.count > 0 {
		return fmt.Errorf("drain %d streams: %w", h.count, ctx.Err())
	}
	return nil
}
