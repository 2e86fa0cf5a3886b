package fetch

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// Guard dials only public addresses. It looks at the address that is really dialed, after
// resolving and at each connection, so redirects and names that resolve differently the
// second time are covered. Its zero value is ready.
type Guard struct {
	// Allow are addresses that may be dialed although they are not public, for installations with sources in their own network.
	Allow []netip.Prefix
	// Timeout bounds dialing. Zero means 10 s.
	Timeout time.Duration
}

// GuardError is in the chain when Guard refused to dial. Asking again is useless.
type GuardError struct {
	// Address is the resolved address.
	Address string
}

// Error names the address.
func (e *GuardError) Error() string {
	return fmt.Sprintf("address %s is not public and may not be asked", e.Address)
}

// Transport returns a transport that dials through g, takes no proxy from the
// environment and never keeps more than a few idle connections.
func (g Guard) Transport() *http.Transport {
	return &http.Transport{
		DialContext:            g.DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  30 * time.Second,
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConns:           8,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// DialContext dials like net.Dialer and refuses addresses that are not public with a *GuardError.
func (g Guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	timeout := g.Timeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	dialer := net.Dialer{Timeout: timeout, Control: func(_, address string, _ syscall.RawConn) error { return g.check(address) }}
	return dialer.DialContext(ctx, network, address)
}

// check refuses address, which is host:port with a literal IP, unless g permits it.
func (g Guard) check(address string) error {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return &GuardError{Address: address} // a unix socket, or a form we do not know
	}
	ip := parsed.Addr().WithZone("")
	for _, allowed := range g.Allow {
		if allowed.Contains(ip) || allowed.Contains(ip.Unmap()) {
			return nil
		}
	}
	if !public(ip) {
		return &GuardError{Address: ip.String()}
	}
	return nil
}

// public reports whether ip is a unicast address of the open internet. Forms of IPv6 that
// carry an IPv4 address are refused whole: nobody needs them to reach a public host, and
// what is behind them depends on the gateway.
func public(ip netip.Addr) bool {
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.Is4In6() {
		return false
	}
	for _, text := range specialPrefixes {
		if netip.MustParsePrefix(text).Contains(ip) {
			return false
		}
	}
	return !ip.Is6() || netip.MustParsePrefix("2000::/3").Contains(ip)
}

// specialPrefixes are the IANA special-purpose registries (RFC 6890 and its successors)
// beyond what netip's own tests cover.
var specialPrefixes = [...]string{
	"0.0.0.0/8",       // this network
	"100.64.0.0/10",   // carrier-grade NAT, RFC 6598
	"192.0.0.0/24",    // protocol assignments
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // 6to4 relays
	"192.168.0.0/16",  // private
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"240.0.0.0/4",     // reserved, broadcast
	"64:ff9b::/96",    // NAT64, RFC 6052
	"64:ff9b:1::/48",  // NAT64 of one's own network, RFC 8215
	"2001::/23",       // protocol assignments, Teredo among them
	"2001:db8::/32",   // documentation
	"2002::/16",       // 6to4, carries an IPv4 address
	"3fff::/20",       // documentation
}
