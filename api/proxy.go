package api

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxHops bounds how many proxies a request may have come through.
const maxHops = 16

// The headers in which a trusted proxy may name the caller. Only the one that the proxies write is read: the other
// comes from the caller unchanged.
const (
	headerForwardedFor = "X-Forwarded-For"
	headerForwarded    = "Forwarded" // RFC 7239
)

// callerAddress returns where r comes from. Each proxy adds to the header, at its end, the address that it saw; so the
// header is read from there, and only as long as the address that wrote an entry is a trusted proxy. Whatever a caller
// writes into the header itself stands before that, and is never reached.
func callerAddress(r *http.Request, trusted []netip.Prefix, header string) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	address := peer.Addr().Unmap().WithZone("")
	if len(trusted) == 0 {
		return address
	}
	hops := hopsOf(r.Header, header)
	for i := len(hops) - 1; i >= 0 && len(hops)-i <= maxHops && isTrusted(address, trusted); i-- {
		before, ok := parseHop(hops[i])
		if !ok {
			break // a proxy of ours that hides the caller; it is the best that is known
		}
		address = before
	}
	return address
}

func isTrusted(a netip.Addr, trusted []netip.Prefix) bool {
	return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(a) })
}

// hopsOf returns the entries of all header lines in order.
func hopsOf(h http.Header, name string) []string {
	var hops []string
	for _, line := range h.Values(name) {
		for entry := range strings.SplitSeq(line, ",") {
			if name == headerForwarded {
				entry = forwardedFor(entry)
			}
			hops = append(hops, strings.TrimSpace(entry))
		}
	}
	return hops
}

// forwardedFor returns the for parameter of one element of a Forwarded header.
func forwardedFor(element string) string {
	for pair := range strings.SplitSeq(element, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if strings.EqualFold(name, "for") {
			return strings.Trim(value, `"`)
		}
	}
	return ""
}

// parseHop reads an address, with or without a port.
func parseHop(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		at, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		a = at.Addr()
	}
	return a.Unmap().WithZone(""), true
}
