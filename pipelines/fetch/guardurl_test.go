package fetch_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/signalcraft/signalcraft/pipelines/fetch"
)

func TestCheckURL(t *testing.T) {
	guard := fetch.Guard{Ports: fetch.WebPorts()}
	for _, good := range []string{"https://api.example.com", "http://api.example.com:8080/x?y=%20z", "https://EXAMPLE.com/a/b.csv", "https://93.184.216.34/", "https://[2606:2800:220:1:248:1893:25c8:1946]:8443/",
		"https://xn--bcher-kva.example/", "https://a_b.example.com/", "https://api.example.com/@user", "https://example.com/?u=http://127.0.0.1/"} {
		if _, err := guard.CheckURL(good); err != nil {
			t.Errorf("%s: %v, want it taken", good, err)
		}
	}
	for _, bad := range []string{"", "example.com", "ftp://example.com", "https://", "https://user@example.com", "https://example.com#x", "https://example.com:22", "https://example.com:", "https://example.com.",
		"https://127.1", "https://localhost", "https://printer.local", "https://intranet", "https://[::1]", "https://exa mple.com", `https://example.com\x`, "https://exämple.com", "https://" + strings.Repeat("a.", 1100) + "com"} {
		var refused *fetch.GuardError
		if _, err := guard.CheckURL(bad); !errors.As(err, &refused) {
			t.Errorf("%s: %v, want a GuardError", bad, err)
		}
	}
	own := fetch.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	for address, taken := range map[string]bool{"http://erp/": true, "http://erp.internal/": true, "http://10.1.2.3:9000/": true, "http://192.168.1.1/": false, "http://localhost/": false, "http://127.0.0.1/": false} {
		if _, err := own.CheckURL(address); (err == nil) != taken {
			t.Errorf("with 10.0.0.0/8 open, %s: %v, want it taken: %v", address, err, taken)
		}
	}
}

func TestRedirectRules(t *testing.T) {
	guard := fetch.Guard{}
	check := func(name, method string, taken, kept bool, addresses ...string) {
		t.Helper()
		var via []*http.Request
		for _, address := range addresses {
			u, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			via = append(via, &http.Request{Method: method, URL: u, Header: http.Header{"Authorization": {"x"}, "User-Agent": {"us"}}})
		}
		last := via[len(via)-1]
		err := guard.Redirect(last, via[:len(via)-1])
		if (err == nil) != taken {
			t.Errorf("%s: %v, want it taken: %v", name, err, taken)
		}
		if err == nil && ((last.Header.Get("Authorization") != "") != kept || last.UserAgent() != "us") {
			t.Errorf("%s: headers %v, want ours kept: %v", name, last.Header, kept)
		}
	}
	const a, b = "https://a.example.com/", "https://b.example.com/"
	check("same host", "GET", true, true, a, a+"x")
	check("default port", "GET", true, true, a, "https://A.example.com:443/x")
	check("another host", "GET", true, false, a, b)
	check("away and back", "GET", true, false, a, b, a)
	check("another port", "GET", true, false, a, "https://a.example.com:8443/")
	check("down to http", "GET", false, false, a, "http://a.example.com/")
	check("up to https", "GET", true, false, "http://a.example.com/", a)
	check("down in the middle", "GET", false, false, "http://a.example.com/", a, "http://a.example.com/")
	check("three", "GET", true, true, a, a, a, a)
	check("four", "GET", false, false, a, a, a, a, a)
	check("POST to another host", "POST", false, false, a, b)
	check("user", "GET", false, false, a, "https://u@a.example.com/")
	check("loopback", "GET", false, false, a, "https://127.0.0.1/")
	check("file", "GET", false, false, a, "file:///etc/passwd")
	check("fragment", "GET", true, true, a, a+"#x")
}

func TestGuardPorts(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	address := server.Listener.Addr().String()
	at := netip.MustParseAddrPort(address)
	allow := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for name, c := range map[string]struct {
		guard  fetch.Guard
		dialed bool
	}{
		"any port": {fetch.Guard{Allow: allow}, true}, "this port": {fetch.Guard{Allow: allow, Ports: []uint16{at.Port()}}, true}, "another port": {fetch.Guard{Allow: allow, Ports: []uint16{1}}, false},
		"no ports": {fetch.Guard{Allow: allow, Ports: []uint16{}}, false},
	} {
		conn, err := c.guard.DialContext(t.Context(), "tcp", address)
		if (err == nil) != c.dialed {
			t.Errorf("%s: %v, want it dialed: %v", name, err, c.dialed)
		}
		if conn != nil {
			conn.Close()
		}
	}
	for network, address := range map[string]string{"unix": "/tmp/x", "udp": address, "tcp": "127.0.0.1:http", "tcp4": "127.0.0.1", "tcp6": "[::1%lo]:" + strconv.Itoa(int(at.Port()))} {
		if conn, err := (fetch.Guard{Allow: allow}).DialContext(t.Context(), network, address); err == nil {
			t.Errorf("dial %s %s: connected", network, address)
			conn.Close()
		}
	}
}
