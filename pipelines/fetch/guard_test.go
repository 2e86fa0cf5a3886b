package fetch_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/fetch"
)

func TestGuardRefusesWhatIsNotPublic(t *testing.T) {
	check := func(host string) {
		t.Helper()
		_, err := fetch.Guard{Timeout: time.Second}.DialContext(t.Context(), "tcp", host+":80")
		var refused *fetch.GuardError
		if !errors.As(err, &refused) {
			t.Errorf("dial %s: %v, want a GuardError", host, err)
		}
	}
	for _, host := range []string{
		"localhost", "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
		"169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.8", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
		"[::]", "[::1]", "[fe80::1]", "[fc00::1]", "[fd12:3456::1]", "[ff02::1]", "[::ffff:127.0.0.1]", "[::127.0.0.1]",
		"[64:ff9b::7f00:1]", "[64:ff9b:1::1]", "[2002:7f00:1::]", "[2001::1]", "[2001:db8::1]", "[100::1]", "[5f00::1]", "[3fff::1]",
	} {
		check(host)
	}
}

func TestGuardHoldsForRedirects(t *testing.T) {
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("inner")) }))
	defer inner.Close()
	// The first server is allowed by its address; the redirect leads to the same machine by a form that is not.
	target := "http://[::ffff:127.0.0.2]:" + netip.MustParseAddrPort(inner.Listener.Addr().String()).String()[len("127.0.0.1:"):]
	outer := httptest.NewServer(http.RedirectHandler(target, http.StatusFound))
	defer outer.Close()
	guard := fetch.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
	transport := guard.Transport()
	defer transport.CloseIdleConnections()
	upstreams := []fetch.Upstream{{Name: "inner", BaseURL: inner.URL}, {Name: "outer", BaseURL: outer.URL}}
	client, err := fetch.New(fetch.Config{Upstreams: upstreams, Transport: transport, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Get(t.Context(), fetch.Request{Upstream: "inner", Path: "/"})
	if err != nil || string(response.Body) != "inner" {
		t.Errorf("allowed address: %q, %v; want inner", response.Body, err)
	}
	_, err = client.Get(t.Context(), fetch.Request{Upstream: "outer", Path: "/"})
	var refused *fetch.GuardError
	if !errors.As(err, &refused) {
		t.Errorf("redirect to another address: %v, want a GuardError", err)
	}
}

func TestGuardTransportIgnoresProxySettings(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	if (fetch.Guard{}).Transport().Proxy != nil {
		t.Error("the guarded transport would ask a proxy, which dials for it")
	}
}
