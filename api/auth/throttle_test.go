package auth

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// From inside: the clock and the size of the memory matter, and neither is public.

func TestThrottleHoldsAccountAndAddress(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	th := newThrottle(ThrottleConfig{Account: Rate{time.Minute, 2}, Address: Rate{time.Second, 4}})
	take := func(at time.Duration, account, address string, want time.Duration) {
		t.Helper()
		if got := th.take(now.Add(at), account, netip.MustParseAddr(address)); got != want {
			t.Errorf("take at %s for %s from %s: wait %s, want %s", at, account, address, got, want)
		}
	}
	take(0, "ada", "192.0.2.1", 0)
	take(0, "ada", "192.0.2.1", 0)
	take(0, "ada", "192.0.2.1", time.Minute)
	take(0, "ada", "192.0.2.2", time.Minute) // another address does not help
	take(0, "bob", "192.0.2.1", 0)           // another account is free
	take(30*time.Second, "ada", "192.0.2.1", 30*time.Second)
	take(time.Minute, "ada", "192.0.2.1", 0)

	for i := range 4 {
		take(2*time.Minute, fmt.Sprintf("guess %d", i), fmt.Sprintf("2001:db8::%d", i), 0)
	}
	take(2*time.Minute, "guess 4", "2001:db8::ffff", time.Second)   // one /64 is one address
	take(2*time.Minute, "guess 4", "2001:db8:0:1::1", 0)            // the next is another
	take(2*time.Minute, "guess 5", "::ffff:192.0.2.9", 0)           // mapped addresses are IPv4
	take(2*time.Minute+time.Second, "guess 4", "2001:db8::ffff", 0) // and it heals
}

func TestThrottleRemembersABoundedNumber(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	th := newThrottle(ThrottleConfig{Account: Rate{time.Hour, 1}, Address: Rate{time.Nanosecond, 1000}, Remember: 100})
	for i := range 1000 {
		th.take(now, fmt.Sprintf("invented %d", i), netip.MustParseAddr("192.0.2.1"))
		if len(th.limits) > 100 {
			t.Fatalf("after %d names the throttle remembers %d, want at most 100", i+1, len(th.limits))
		}
	}
}
