package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Guard dials only public addresses. A name is resolved once and what it resolved to is looked at again as it is
// dialed, at each connection, so redirects and names that resolve differently the second time are covered. Its zero
// value is ready.
type Guard struct {
	// Allow are addresses that may be dialed although they are not public, for installations with sources in their own network.
	Allow []netip.Prefix
	// Ports are the only ports that may be dialed, also at the addresses of Allow. Nil means every port.
	Ports []uint16
	// Resolver resolves names. Nil means net.DefaultResolver.
	Resolver *net.Resolver
	// Timeout bounds dialing. Zero means 10 s.
	Timeout time.Duration
}

// WebPorts returns the ports that web services usually listen on.
func WebPorts() []uint16 { return []uint16{80, 443, 8080, 8443} }

// DatabasePorts returns the ports that Postgres and its usual pooler listen on.
func DatabasePorts() []uint16 { return []uint16{5432, 6432} }

// GuardError is in the chain when Guard refused an address. Asking again is useless.
type GuardError struct {
	// Address is the resolved address, or the host as it was given.
	Address string
	// Reason says what is wrong with it; empty means that it is not public.
	Reason string
}

// Error names the address.
func (e *GuardError) Error() string {
	if e.Reason != "" {
		return fmt.Sprintf("address %s may not be asked: %s", e.Address, e.Reason)
	}
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

// DialContext dials like net.Dialer over TCP and refuses addresses that are not public, and ports that are not g's, with a
// *GuardError. Of a name's addresses those that are refused are left out.
func (g Guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if !slices.Contains([]string{"tcp", "tcp4", "tcp6"}, network) {
		return nil, &GuardError{Address: address, Reason: "network " + network}
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, &GuardError{Address: address, Reason: "not host and port"}
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, &GuardError{Address: address, Reason: "the port is not a number"}
	}
	timeout := g.Timeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	addresses, err := g.resolve(ctx, strings.TrimPrefix(network, "tcp"), host, uint16(port))
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{
		Timeout: timeout / time.Duration(len(addresses)), // one that is silent leaves time for the others
		Control: func(_, address string, _ syscall.RawConn) error { return g.check(address) },
	}
	var failed []error
	for _, at := range addresses {
		conn, err := dialer.DialContext(ctx, network, netip.AddrPortFrom(at, uint16(port)).String())
		if err == nil {
			return conn, nil
		}
		failed = append(failed, err)
	}
	return nil, errors.Join(failed...)
}

// resolve returns the addresses of host that may be dialed, one at least. Version is 4, 6 or empty.
func (g Guard) resolve(ctx context.Context, version, host string, port uint16) ([]netip.Addr, error) {
	if literal, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{literal}, g.check(netip.AddrPortFrom(literal, port).String())
	}
	resolver := g.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	found, err := resolver.LookupNetIP(ctx, "ip"+version, host)
	if err != nil {
		return nil, err
	}
	refused := error(&GuardError{Address: host, Reason: "the name has no address"})
	var permitted []netip.Addr
	for _, ip := range found {
		ip = ip.Unmap() // some resolvers give IPv4 addresses in the form of IPv6
		if err := g.check(netip.AddrPortFrom(ip, port).String()); err != nil {
			refused = err
			continue
		}
		permitted = append(permitted, ip)
	}
	if len(permitted) == 0 {
		return nil, refused
	}
	return permitted, nil
}

// check refuses address, which is host:port with a literal IP, unless g permits it.
func (g Guard) check(address string) error {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return &GuardError{Address: address} // a unix socket, or a form we do not know
	}
	if err := g.checkPort(parsed.Port()); err != nil {
		return err
	}
	return g.checkIP(parsed.Addr())
}

func (g Guard) checkPort(port uint16) error {
	if port == 0 || g.Ports != nil && !slices.Contains(g.Ports, port) {
		return &GuardError{Address: "port " + strconv.Itoa(int(port)), Reason: fmt.Sprintf("only the ports %v may be asked", g.Ports)}
	}
	return nil
}

func (g Guard) checkIP(ip netip.Addr) error {
	if ip.Zone() != "" {
		return &GuardError{Address: ip.String(), Reason: "it names a network interface"}
	}
	if g.Allows(ip) || public(ip) {
		return nil
	}
	return &GuardError{Address: ip.String()}
}

// Allows reports whether ip is one of g.Allow, in the form of IPv4 or of IPv6.
func (g Guard) Allows(ip netip.Addr) bool {
	return slices.ContainsFunc(g.Allow, func(allowed netip.Prefix) bool { return allowed.Contains(ip) || allowed.Contains(ip.Unmap()) })
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
// beyond what netip's own tests cover, and what clouds keep for themselves among public addresses.
var specialPrefixes = [...]string{
	"0.0.0.0/8",        // this network
	"100.64.0.0/10",    // carrier-grade NAT, RFC 6598
	"168.63.129.16/32", // Azure's host
	"192.0.0.0/24",     // protocol assignments
	"192.0.2.0/24",     // documentation
	"192.88.99.0/24",   // 6to4 relays
	"192.168.0.0/16",   // private
	"198.18.0.0/15",    // benchmarks
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"240.0.0.0/4",      // reserved, broadcast
	"64:ff9b::/96",     // NAT64, RFC 6052
	"64:ff9b:1::/48",   // NAT64 of one's own network, RFC 8215
	"2001::/23",        // protocol assignments, Teredo among them
	"2001:db8::/32",    // documentation
	"2002::/16",        // 6to4, carries an IPv4 address
	"3fff::/20",        // documentation
}
