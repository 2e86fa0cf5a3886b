package fetch

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// maxAddressBytes is the longest address that a user may give.
const maxAddressBytes = 2048

// CheckURL reads an address that a user gave and returns a *GuardError when it can be seen without asking that it may not be
// asked: another scheme than http and https, a user or password in it, a fragment, characters that programs read
// differently, a host that is not written plainly, a port that is not g's. Dialing checks what the host resolves to.
func (g Guard) CheckURL(text string) (*url.URL, error) {
	refuse := func(reason string) (*url.URL, error) { return nil, &GuardError{Address: "given", Reason: reason} }
	if text == "" || len(text) > maxAddressBytes {
		return refuse("it must have 1 to " + strconv.Itoa(maxAddressBytes) + " characters")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }) {
		return refuse("it holds white space, a backslash, or characters beyond ASCII; write those as percent escapes, and a host in punycode")
	}
	if strings.Contains(text, "#") {
		return refuse("it has a fragment, which is never sent")
	}
	u, err := url.Parse(text)
	if err != nil {
		return refuse("it is not a URL")
	}
	return u, g.checkParts(u)
}

func (g Guard) checkParts(u *url.URL) error {
	refuse := func(reason string) error { return &GuardError{Address: "given", Reason: reason} }
	port := uint64(80)
	switch u.Scheme {
	case "https":
		port = 443
	case "http":
	default:
		return refuse("it must begin with http:// or https://")
	}
	if u.User != nil {
		return refuse("it holds a user name or password; give credentials as a header")
	}
	if u.Opaque != "" || u.Host == "" {
		return refuse("it names no host")
	}
	if text := u.Port(); text != "" {
		var err error
		if port, err = strconv.ParseUint(text, 10, 16); err != nil {
			return refuse("the port is not a number up to 65535")
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return refuse("the port is empty")
	}
	host := u.Hostname()
	if strings.HasPrefix(u.Host, "[") != strings.Contains(host, ":") {
		return refuse("brackets are for IPv6 addresses")
	}
	return g.CheckHost(host, uint16(port))
}

// CheckHost returns a *GuardError for a host, a name or an address without brackets, that may not be asked whatever it resolves to.
func (g Guard) CheckHost(host string, port uint16) error {
	if err := g.checkPort(port); err != nil {
		return err
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return g.checkIP(ip)
	}
	if reason := g.checkName(strings.ToLower(host)); reason != "" {
		return &GuardError{Address: "given", Reason: reason}
	}
	return nil
}

// checkName returns what is wrong with a host name in lower case; empty for nothing.
func (g Guard) checkName(name string) string {
	if len(name) == 0 || len(name) > 253 {
		return "the host must have 1 to 253 characters"
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if len(label) == 0 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, notInLabel) {
			return "the host is not a name such as api.example.com, without a dot at its end, nor a plainly written address"
		}
	}
	last := labels[len(labels)-1]
	if last[0] < 'a' || last[0] > 'z' {
		return "the host is neither a name nor a plainly written address" // 127.1, 2130706433, 0x7f.1: some resolvers take them for addresses
	}
	if slices.Contains([]string{"localhost", "localdomain", "ip6-localhost", "ip6-loopback", "onion"}, last) {
		return "the host names this machine or nothing that can be asked"
	}
	// In a network that the operator opened, names of its own are what people write.
	if len(g.Allow) == 0 && (len(labels) == 1 || slices.Contains([]string{"local", "internal", "intranet", "lan", "home", "corp", "private", "arpa"}, last)) {
		return "the host is a name of a private network"
	}
	return ""
}

func notInLabel(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// Redirect is a CheckRedirect of http.Client for addresses that users give: at most three redirects, each to an address that
// CheckURL accepts, none from https to http, and from the first change of the host on nothing that identifies us but the
// program's name. What is sent with a method other than GET stays with its host.
func (g Guard) Redirect(r *http.Request, via []*http.Request) error {
	refuse := func(reason string) error { return &GuardError{Address: "redirected to", Reason: reason} }
	if len(via) > 3 {
		return refuse("more than 3 redirects")
	}
	address := *r.URL
	address.Fragment, address.RawFragment = "", ""
	if _, err := g.CheckURL(address.String()); err != nil {
		return err
	}
	left := false
	for _, earlier := range append(via[1:len(via):len(via)], r) {
		left = left || origin(earlier.URL) != origin(via[0].URL)
	}
	if via[len(via)-1].URL.Scheme == "https" && r.URL.Scheme != "https" {
		return refuse("from https to http")
	}
	if !left {
		return nil
	}
	if r.Method != http.MethodGet {
		return refuse("another host with " + r.Method)
	}
	agent := r.UserAgent()
	clear(r.Header)
	r.Header.Set("User-Agent", agent)
	return nil
}

// origin is scheme, host and port, in lower case. A redirect from http to https of the same host counts as leaving.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}
