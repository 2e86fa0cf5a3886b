package auth

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
)

// From inside: how often Postgres is asked is not public.

// stateBench is a cache of states on a clock that the test moves, and counts the questions.
type stateBench struct {
	*states[uuid.UUID]
	now   time.Time
	asked atomic.Int32
}

func newStateBench() *stateBench {
	b := &stateBench{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	b.states = newStates[uuid.UUID](3*time.Second, func() time.Time { return b.now })
	return b
}

func (b *stateBench) ask(t *testing.T, id, user uuid.UUID) {
	t.Helper()
	got, err := b.get(t.Context(), id, func(u uuid.UUID) uuid.UUID { return u }, func(context.Context) (uuid.UUID, error) {
		b.asked.Add(1)
		return user, nil
	})
	if err != nil || got != user {
		t.Errorf("state %s, %v; want %s", got, err, user)
	}
}

func (b *stateBench) want(t *testing.T, what string, asked int32) {
	t.Helper()
	if got := b.asked.Swap(0); got != asked {
		t.Errorf("%s: asked %d times, want %d", what, got, asked)
	}
}

func TestStatesAreRememberedForAWhile(t *testing.T) {
	t.Parallel()
	b := newStateBench()
	id, user := uuid.New(), uuid.New()
	b.ask(t, id, user)
	b.ask(t, id, user)
	b.want(t, "twice at once", 1)
	b.now = b.now.Add(3*time.Second - 1)
	b.ask(t, id, user)
	b.want(t, "just within the life", 0)
	b.now = b.now.Add(1)
	b.ask(t, id, user)
	b.want(t, "at the end of the life", 1)
	b.now = b.now.Add(-time.Hour)
	b.ask(t, id, user)
	b.want(t, "on a clock that went back", 1)
	b.distrust(uuid.New())
	b.ask(t, id, user)
	b.want(t, "while another user is distrusted", 0)
	b.distrust(user)
	b.ask(t, id, user)
	b.ask(t, id, user)
	b.want(t, "twice while distrusted", 2)
	b.now = b.now.Add(3 * time.Second)
	b.ask(t, id, user)
	b.ask(t, id, user)
	b.want(t, "twice after that", 1)
}

func TestParallelRequestsAskOnce(t *testing.T) {
	t.Parallel()
	b := newStateBench()
	id, user := uuid.New(), uuid.New()
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() { b.ask(t, id, user) })
	}
	all.Wait()
	b.want(t, "200 at once", 1)
}

func TestStatesDoNotRememberFailure(t *testing.T) {
	t.Parallel()
	b := newStateBench()
	failure := errors.New("no database")
	for range 2 {
		_, err := b.get(t.Context(), uuid.New(), func(u uuid.UUID) uuid.UUID { return u }, func(context.Context) (uuid.UUID, error) {
			b.asked.Add(1)
			return uuid.Nil, failure
		})
		if !errors.Is(err, failure) {
			t.Errorf("got %v, want the failure", err)
		}
	}
	b.want(t, "two failures", 2)
	if len(b.entries) != 0 {
		t.Errorf("%d entries remain of failures, want none", len(b.entries))
	}
}

func TestStatesAreBounded(t *testing.T) {
	t.Parallel()
	b := newStateBench()
	user := uuid.New()
	for range maxStates + 10 {
		b.ask(t, uuid.New(), user)
	}
	if len(b.entries) > maxStates {
		t.Errorf("%d entries, want at most %d", len(b.entries), maxStates)
	}
}
