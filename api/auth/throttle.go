package auth

import (
	"math"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate is how often something may happen: Burst times at once, then once every Every.
type Rate struct {
	Every time.Duration
	Burst int
}

// ThrottleConfig bounds sign-in attempts.
type ThrottleConfig struct {
	// Account bounds the attempts on one account. Zero means 10 at once, then one every
	// 6 seconds.
	Account Rate
	// Address bounds the attempts from one address (an IPv6 address counts as its /64).
	// Zero means 30 at once, then one every 2 seconds.
	Address Rate
	// Remember is the number of accounts and addresses kept. Zero means 100,000. Beyond
	// it those are forgotten first that have their whole burst back.
	Remember int
}

// throttle holds sign-in attempts of this process to a rate.
type throttle struct {
	account  Rate
	address  Rate
	remember int
	mu       sync.Mutex
	limits   map[string]*rate.Limiter
}

func newThrottle(c ThrottleConfig) *throttle {
	if c.Account == (Rate{}) {
		c.Account = Rate{6 * time.Second, 10}
	}
	if c.Address == (Rate{}) {
		c.Address = Rate{2 * time.Second, 30}
	}
	if c.Remember == 0 {
		c.Remember = 100_000
	}
	return &throttle{account: c.Account, address: c.Address, remember: c.Remember, limits: map[string]*rate.Limiter{}}
}

// take counts one attempt at now. It returns zero when the attempt may go on, or else
// how long to wait; an attempt that is refused counts for nothing.
func (t *throttle) take(now time.Time, account string, address netip.Addr) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	byAddress := t.limiter(now, "address "+network(address), t.address)
	// The address comes first: one that is held back must not fill the map with names.
	if wait := missing(byAddress, now); wait > 0 {
		return wait
	}
	byAccount := t.limiter(now, "account "+account, t.account)
	if wait := missing(byAccount, now); wait > 0 {
		return wait
	}
	byAccount.AllowN(now, 1)
	byAddress.AllowN(now, 1)
	return 0
}

func (t *throttle) limiter(now time.Time, key string, r Rate) *rate.Limiter {
	if l, ok := t.limits[key]; ok {
		return l
	}
	if len(t.limits) >= t.remember {
		t.forget(now)
	}
	l := rate.NewLimiter(rate.Every(r.Every), r.Burst)
	t.limits[key] = l
	return l
}

// forget drops the limiters that hold nobody back; if that is less than a tenth of all,
// others go too, so that a flood of invented names cannot grow the map without bound.
func (t *throttle) forget(now time.Time) {
	room := t.remember - t.remember/10 - 1
	for key, l := range t.limits {
		if l.TokensAt(now) >= float64(l.Burst()) {
			delete(t.limits, key)
		}
	}
	for key := range t.limits {
		if len(t.limits) <= room {
			return
		}
		delete(t.limits, key)
	}
}

// missing is the time until l has a whole token again.
func missing(l *rate.Limiter, now time.Time) time.Duration {
	short := 1 - l.TokensAt(now)
	if short <= 0 {
		return 0
	}
	return time.Duration(math.Ceil(short / float64(l.Limit()) * float64(time.Second)))
}

// network is the part of an address that one customer of a provider holds: all of IPv4,
// the first 64 bits of IPv6.
func network(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if !a.Is6() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a.String()
	}
	return p.String()
}
