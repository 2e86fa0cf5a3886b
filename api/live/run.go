package live

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

const (
	// firstWait is how long the hub waits before it asks Postgres again, doubled up to lastWait.
	firstWait = 50 * time.Millisecond
	lastWait  = 5 * time.Second
	// atOnce is how many questions to Postgres are open at a time: the pool is for requests too.
	atOnce = 4
	// easeWait is how long a burst of events waits for listeners with long queues.
	easeWait = 500 * time.Millisecond
	// checksIn is how many steps a recheck of everybody is spread over.
	checksIn = 6
)

// Run hears of events and hands them out until ctx ends. It survives the loss of its connection.
func (h *Hub) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { h.listen(ctx) })
	wg.Go(func() { h.recheckAll(ctx) })
	h.deliver(ctx)
	wg.Wait()
}

// listen wakes deliver, on one connection after another.
func (h *Hub) listen(ctx context.Context) {
	wait := firstWait
	for ctx.Err() == nil {
		err := h.store.Listen(ctx, h.pause, func() {
			wait = firstWait
			signal(h.wake)
		})
		if ctx.Err() != nil {
			return
		}
		h.logger.WarnContext(ctx, "listener lost its connection", "error", err, "again", wait)
		wait = pauseFor(ctx, wait)
	}
}

// pauseFor waits and returns how long to wait the next time.
func pauseFor(ctx context.Context, wait time.Duration) time.Duration {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	return min(2*wait, lastWait)
}

// deliver hands out everything that is new each time it is woken. What fails is tried again: nothing is skipped.
func (h *Hub) deliver(ctx context.Context) {
	wait := firstWait
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		}
		for ctx.Err() == nil {
			more, err := h.step(ctx)
			if err == nil && !more {
				wait = firstWait
				break
			}
			if err == nil {
				h.ease(ctx)
			}
			if err != nil && ctx.Err() == nil {
				h.logger.WarnContext(ctx, "events could not be read", "error", err, "again", wait)
				wait = pauseFor(ctx, wait)
			}
		}
	}
}

// ease waits a moment for listeners that have to write a lot. Who does not manage is dropped with the next page.
func (h *Hub) ease(ctx context.Context) {
	timer := time.NewTimer(easeWait)
	defer timer.Stop()
	for {
		h.mu.Lock()
		backed := h.backed
		h.mu.Unlock()
		if backed == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-h.eased:
		}
	}
}

// step hands out one page of events and tells whether there may be more.
func (h *Hub) step(ctx context.Context) (more bool, err error) {
	select {
	case <-h.known:
	default:
		position, err := h.store.EventPosition(ctx)
		if err != nil {
			return false, err
		}
		h.mu.Lock()
		h.position = position
		h.mu.Unlock()
		close(h.known)
		return false, nil
	}
	h.mu.Lock()
	after := h.position
	h.mu.Unlock()
	page := max(1, h.queue/2) // so that who has an empty queue can take all of it
	heads, err := h.store.EventHeads(ctx, after, page)
	if err != nil || len(heads) == 0 {
		return false, err
	}
	if err := h.checkChanged(ctx, heads); err != nil {
		return false, err
	}
	return len(heads) == page, h.hand(ctx, heads)
}

// hand reads what the events tell and queues them. Who joins from now on finds these events in the stored tail.
func (h *Hub) hand(ctx context.Context, heads []store.EventHead) error {
	h.mu.Lock()
	before := h.position
	h.position = heads[len(heads)-1].ID
	h.mu.Unlock()
	events, err := h.read(ctx, heads)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		h.position = before // nothing was queued; who joined meanwhile began after these events
		return err
	}
	for _, head := range heads {
		if e := events[head.ID]; e != nil {
			h.queueTo(head, e)
		}
	}
	return nil
}

// queueTo queues an event to everybody it is for. The lock is held.
func (h *Hub) queueTo(head store.EventHead, e *Event) {
	for u := range h.audience(head) {
		for l := range u.listeners {
			if l.since < head.ID && l.end == "" && l.wants(e.business) {
				l.push(e)
			}
		}
	}
}

// audience gives the users with listeners for whom an event is. The lock is held.
func (h *Hub) audience(head store.EventHead) map[*user]struct{} {
	var all map[*user]struct{}
	if head.BusinessID != nil {
		all = h.members[*head.BusinessID]
	}
	if head.UserID == nil {
		return all
	}
	u := h.users[*head.UserID]
	if u == nil || head.BusinessID != nil && !u.belongs(*head.BusinessID) {
		return nil
	}
	return map[*user]struct{}{u: {}}
}

// read returns what the events tell that have an audience, each read once, as one of those it is for.
func (h *Hub) read(ctx context.Context, heads []store.EventHead) (map[int64]*Event, error) {
	events := map[int64]*Event{}
	asked := h.readers(heads, events)
	if err := h.readAs(ctx, asked, events); err != nil {
		return nil, err
	}
	missing := h.readers(heads, events)
	if len(missing) == 0 {
		return events, nil
	}
	// The reader may have lost its membership just now, without an event that said so: ask for everybody's, and
	// let another one read. What is missing then is gone.
	var doubtful []*user
	h.mu.Lock()
	for _, head := range heads {
		if events[head.ID] == nil {
			for u := range h.audience(head) {
				doubtful = append(doubtful, u)
			}
		}
	}
	h.mu.Unlock()
	if err := h.checkEach(ctx, doubtful); err != nil {
		return nil, err
	}
	return events, h.readAs(ctx, h.readers(heads, events), events)
}

// readers chooses for each event that was not read yet who of its audience reads it.
func (h *Hub) readers(heads []store.EventHead, read map[int64]*Event) map[uuid.UUID][]int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	chosen := map[uuid.UUID][]int64{}
	for _, head := range heads {
		if read[head.ID] != nil {
			continue
		}
		var reader *user
		looked := 0
		for u := range h.audience(head) {
			reader = u
			// Whoever reads already reads this too: fewer transactions.
			if looked++; len(chosen[u.id]) > 0 || looked == 8 {
				break
			}
		}
		if reader != nil {
			chosen[reader.id] = append(chosen[reader.id], head.ID)
		}
	}
	return chosen
}

// readAs reads events under the rights of users and adds them to events.
func (h *Hub) readAs(ctx context.Context, asked map[uuid.UUID][]int64, events map[int64]*Event) error {
	if len(asked) == 0 {
		return nil
	}
	found, err := h.store.Events(ctx, asked)
	if err != nil {
		return err
	}
	for _, s := range found {
		e, err := newEvent(s)
		if err != nil {
			return err
		}
		events[s.ID] = e
	}
	return nil
}

// checkChanged asks Postgres anew about everybody whose memberships or sessions changed, before any of these
// events is handed out.
func (h *Hub) checkChanged(ctx context.Context, heads []store.EventHead) error {
	var changed []*user
	h.mu.Lock()
	for _, head := range heads {
		switch noun, _, _ := strings.Cut(head.Kind, "."); noun {
		case "membership", "session", "account", "subscription":
		default:
			continue
		}
		if head.UserID != nil && h.users[*head.UserID] != nil {
			changed = append(changed, h.users[*head.UserID])
		}
		if head.UserID == nil && head.BusinessID != nil {
			for u := range h.members[*head.BusinessID] {
				changed = append(changed, u)
			}
		}
	}
	h.mu.Unlock()
	return h.checkEach(ctx, changed)
}

// recheckAll asks Postgres about everybody now and then, a share at a time.
func (h *Hub) recheckAll(ctx context.Context) {
	ticker := time.NewTicker(max(h.recheck/checksIn, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		var due []*user
		h.mu.Lock()
		for _, u := range h.users {
			if u.checked--; u.checked <= 0 {
				due = append(due, u)
			}
		}
		h.mu.Unlock()
		if err := h.checkEach(ctx, due); err != nil && ctx.Err() == nil {
			h.logger.WarnContext(ctx, "listeners could not be checked", "error", err)
		}
	}
}

func (h *Hub) checkEach(ctx context.Context, users []*user) error {
	asked := map[*user]struct{}{}
	for _, u := range users {
		asked[u] = struct{}{}
	}
	return each(ctx, asked, func(ctx context.Context, u *user, _ struct{}) error { return h.check(ctx, u) })
}

// check asks Postgres which sessions of a user go on and which businesses the user belongs to, and ends what no longer is.
func (h *Hub) check(ctx context.Context, u *user) error {
	u.asking.Lock()
	defer u.asking.Unlock()
	h.mu.Lock()
	var sessions []uuid.UUID
	asked := map[*Listener]struct{}{}
	for l := range u.listeners {
		asked[l] = struct{}{}
		sessions = append(sessions, l.session)
	}
	h.mu.Unlock()
	if len(asked) == 0 {
		return nil
	}
	standing, err := h.store.Standing(ctx, u.id, sessions, h.clock())
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	u.checked = checksIn - 1
	proved := make(map[*Listener]bool, len(asked))
	for l := range asked {
		has, going := standing.Sessions[l.session]
		proved[l] = l.factor && has
		if !l.left && !going {
			l.clear()
			l.backlog = nil
			l.finish(EndSession)
		}
	}
	if len(u.listeners) > 0 {
		h.stand(u, standing.Belongings, proved)
	}
	return nil
}

// each calls work for every entry, a few at a time, and returns all errors.
func each[K comparable, V any](ctx context.Context, entries map[K]V, work func(context.Context, K, V) error) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed []error
	places := make(chan struct{}, atOnce)
	for k, v := range entries {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			if err := work(ctx, k, v); err != nil {
				mu.Lock()
				failed = append(failed, err)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}
