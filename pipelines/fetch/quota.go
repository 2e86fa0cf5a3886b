package fetch

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// quota bounds the cost of requests in sliding spans, so that not even two bursts around
// the turn of an hour exceed what the upstream allows.
type quota struct {
	limits   []limit
	interval time.Duration

	mu      sync.Mutex
	log     []use // oldest first, not older than the longest span
	blocked time.Time
}

type limit struct {
	cost int
	span time.Duration
}

type use struct {
	at   time.Time
	cost int
}

func newQuota(u Upstream) *quota {
	q := &quota{interval: u.MinInterval}
	for _, l := range []limit{{u.PerMinute, time.Minute}, {u.PerHour, time.Hour}, {u.PerDay, 24 * time.Hour}} {
		if l.cost > 0 {
			q.limits = append(q.limits, l)
		}
	}
	return q
}

// wait returns once cost is taken from the quota. It fails at once when that would take
// longer than maxWait or can never be.
func (q *quota) wait(ctx context.Context, cost int, now func() time.Time, maxWait time.Duration) error {
	for {
		delay, reason := q.take(now(), cost)
		if delay <= 0 {
			return ctx.Err()
		}
		if delay > maxWait {
			return fmt.Errorf("%w: %s for another %s", ErrUnavailable, reason, delay.Round(time.Second))
		}
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// block refuses every request before until.
func (q *quota) block(until time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if until.After(q.blocked) {
		q.blocked = until
	}
}

// take takes cost and returns 0, or takes nothing and returns how long to wait and why.
func (q *quota) take(now time.Time, cost int) (time.Duration, string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.forget(now)
	delay, reason := q.blocked.Sub(now), "the upstream asked to be left alone"
	if len(q.log) > 0 {
		if d := q.log[len(q.log)-1].at.Add(q.interval).Sub(now); d > delay {
			delay, reason = d, "requests must be apart"
		}
	}
	for _, l := range q.limits {
		if d := q.free(l, now, cost); d > delay {
			delay, reason = d, fmt.Sprintf("the quota of %d in %s is used up", l.cost, l.span)
		}
	}
	if delay > 0 {
		return delay, reason
	}
	q.log = append(q.log, use{now, cost})
	return 0, ""
}

// free returns how long until cost fits into l. A cost above the whole limit waits for an
// unused span: it is then sent, and the upstream decides.
func (q *quota) free(l limit, now time.Time, cost int) time.Duration {
	sum := cost
	for i := len(q.log) - 1; i >= 0; i-- {
		age := now.Sub(q.log[i].at)
		if age >= l.span {
			break
		}
		if sum += q.log[i].cost; sum > l.cost {
			return l.span - age
		}
	}
	return 0
}

func (q *quota) forget(now time.Time) {
	span := q.interval
	for _, l := range q.limits {
		span = max(span, l.span)
	}
	keep, _ := slices.BinarySearchFunc(q.log, now.Add(-span), func(u use, at time.Time) int {
		return u.at.Compare(at)
	})
	q.log = slices.Delete(q.log, 0, keep)
}
