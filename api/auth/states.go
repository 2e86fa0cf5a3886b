package auth

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
)

// maxStates bounds what one process remembers of sessions, and of API keys.
const maxStates = 100_000

// states remembers for a short while what Postgres said of sessions or API keys, so that a busy caller costs one query
// every few seconds and not one for each request. Requests that find nothing remembered wait for one of them to ask.
//
// What is remembered was true at an instant less than life ago. What this process itself changed is asked anew each
// time until that has passed, also while the change is not committed yet.
type states[V any] struct {
	life  time.Duration
	clock func() time.Time

	mu         sync.Mutex
	entries    map[uuid.UUID]*stateEntry[V]
	distrusted map[uuid.UUID]time.Time // until when, by user
}

// stateEntry is the state of one session or key. Whoever holds its slot may ask for it.
type stateEntry[V any] struct {
	slot  chan struct{}
	begun int       // questions so far
	of    int       // the question that value answers; 0: none
	asked time.Time // when that was
	value V
}

func newStates[V any](life time.Duration, clock func() time.Time) *states[V] {
	return &states[V]{life: life, clock: clock, entries: map[uuid.UUID]*stateEntry[V]{}, distrusted: map[uuid.UUID]time.Time{}}
}

// get returns the state of id, remembered or asked for with load. An error is not remembered. userOf names the user whose state it is.
func (s *states[V]) get(ctx context.Context, id uuid.UUID, userOf func(V) uuid.UUID, load func(context.Context) (V, error)) (V, error) {
	s.mu.Lock()
	entry := s.entry(id)
	value, seen, usable := entry.value, entry.begun, s.usable(entry, userOf)
	s.mu.Unlock()
	if usable {
		return value, nil
	}
	select {
	case entry.slot <- struct{}{}:
	case <-ctx.Done():
		return value, context.Cause(ctx)
	}
	defer func() { <-entry.slot }()
	s.mu.Lock()
	// What was asked after this request came is good for it, distrusted or not.
	if entry.of > seen || s.usable(entry, userOf) {
		defer s.mu.Unlock()
		return entry.value, nil
	}
	entry.begun++
	question, asked := entry.begun, s.clock()
	s.mu.Unlock()
	value, err := load(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		delete(s.entries, id)
		return value, err
	}
	entry.value, entry.asked, entry.of = value, asked, question
	return value, nil
}

// entry returns the entry of id.
func (s *states[V]) entry(id uuid.UUID) *stateEntry[V] {
	entry := s.entries[id]
	if entry == nil {
		if len(s.entries) >= maxStates {
			s.forget(s.clock())
		}
		entry = &stateEntry[V]{slot: make(chan struct{}, 1)}
		s.entries[id] = entry
	}
	return entry
}

// usable reports whether the value of entry is young enough and its user not distrusted.
func (s *states[V]) usable(entry *stateEntry[V], userOf func(V) uuid.UUID) bool {
	now := s.clock()
	age := now.Sub(entry.asked)
	if entry.of == 0 || age < 0 || age >= s.life {
		return false
	}
	until, distrusted := s.distrusted[userOf(entry.value)]
	return !distrusted || !now.Before(until)
}

// distrust makes the states of a user be asked for anew, each time, while a remembered one could be older than what this
// process is changing.
func (s *states[V]) distrust(user uuid.UUID) {
	now := s.clock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for other, until := range s.distrusted {
		if !now.Before(until) {
			delete(s.distrusted, other)
		}
	}
	s.distrusted[user] = now.Add(s.life)
}

// forget drops what is too old to be used; if that is nothing, everything.
func (s *states[V]) forget(now time.Time) {
	for id, entry := range s.entries {
		if now.Sub(entry.asked) >= s.life {
			delete(s.entries, id)
		}
	}
	if len(s.entries) >= maxStates {
		clear(s.entries)
	}
}
