package api_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/api/apitest"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

// limited starts a service with the limits of text.
func limited(t *testing.T, text string, more func(*api.Config)) *apitest.Service {
	t.Helper()
	limits, err := api.ParseLimits(text)
	if err != nil {
		t.Fatal(err)
	}
	return apitest.Start(t, apitest.Options{API: func(c *api.Config) {
		maps.Copy(c.Limits, limits)
		if more != nil {
			more(c)
		}
	}})
}

func TestLimitHeaders(t *testing.T) {
	t.Parallel()
	for _, memory := range []bool{false, true} {
		s := limited(t, "login=3/60s,login-address=5/1m,account=4/2s,address=100/1m", func(c *api.Config) { c.LimitsInMemory = memory })
		guess := func(email string) apitest.Answer {
			return s.Request(t, http.MethodPost, "/auth/login", credentials(email, "guess"))
		}
		first := guess("ada@example.com")
		first.WantError(t, http.StatusUnauthorized, "INVALID_CREDENTIALS")
		want := `"address";q=100;w=60, "login-address";q=5;w=60, "login";q=3;w=60`
		if got := first.Header.Get("RateLimit-Policy"); got != want {
			t.Errorf("RateLimit-Policy %q, want %q", got, want)
		}
		if got, want := first.Header.Get("RateLimit"), `"address";r=99;t=1, "login-address";r=4;t=12, "login";r=2;t=20`; got != want {
			t.Errorf("RateLimit %q, want %q", got, want)
		}
		guess("ada@example.com")
		guess("ADA@example.com ")
		held := guess("ada@example.com") // refused by the account; the address has paid
		held.WantError(t, http.StatusTooManyRequests, "RATE_LIMITED")
		if got := held.Header.Get("Retry-After"); got != "20" {
			t.Errorf("Retry-After %q, want 20", got)
		}
		if got := held.Header.Get("RateLimit"); !strings.Contains(got, `"login";r=0;t=60`) {
			t.Errorf("RateLimit %q, want no login left", got)
		}
		guess("bob@example.com").WantError(t, http.StatusUnauthorized, "INVALID_CREDENTIALS") // another account is free
		guess("vic@example.com").WantError(t, http.StatusTooManyRequests, "RATE_LIMITED")     // but the address is not
		s.Clock.Advance(time.Minute)
		token := s.Login(t, s.World.Ada)

		path := "/dashboard/metrics/" + s.World.Cafe.ID.String()
		for range 4 {
			s.Get(t, path, token).Decode(t, http.StatusOK, new(any))
		}
		full := s.Get(t, path, token)
		full.WantError(t, http.StatusTooManyRequests, "RATE_LIMITED")
		if got := full.Header.Get("RateLimit"); !strings.HasSuffix(got, `"account";r=0;t=2`) || full.Header.Get("Retry-After") != "1" {
			t.Errorf("RateLimit %q, Retry-After %q; want the account's limit and 1 second", got, full.Header.Get("Retry-After"))
		}
		s.Get(t, path, s.Login(t, s.World.Vic)).Decode(t, http.StatusOK, new(any))
		s.Clock.Advance(500 * time.Millisecond)
		s.Get(t, path, token).Decode(t, http.StatusOK, new(any))
		for _, free := range []string{"/health/live", "/health/ready", "/metrics"} {
			if h := s.Get(t, free, "").Header; h.Get("RateLimit") != "" {
				t.Errorf("GET %s is limited: %q", free, h.Get("RateLimit"))
			}
		}
	}
}

// TestLimitsHoldOverProcesses guesses through three services on one database at once.
func TestLimitsHoldOverProcesses(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	limit := func(c *api.Config) {
		c.Limits = map[string]api.Limit{"login": {Requests: 25, Window: time.Hour}, "login-address": {}}
	}
	services := []*apitest.Service{apitest.Start(t, apitest.Options{URL: db.URL, API: limit})}
	for range 2 {
		services = append(services, apitest.Start(t, apitest.Options{URL: db.URL, API: limit, World: &services[0].World}))
	}
	var heard, held atomic.Int64
	var all sync.WaitGroup
	for i := range 90 {
		all.Go(func() {
			switch status := services[i%3].Request(t, http.MethodPost, "/auth/login", credentials("bob@example.com", "guess")).Status; status {
			case http.StatusUnauthorized:
				heard.Add(1)
			case http.StatusTooManyRequests:
				held.Add(1)
			default:
				t.Errorf("status %d", status)
			}
		})
	}
	all.Wait()
	if heard.Load() != 25 || held.Load() != 65 {
		t.Errorf("of 90 guesses %d were heard and %d held back, want 25 and 65", heard.Load(), held.Load())
	}
	var names []string
	rows, err := db.Pool(t, "").Query(t.Context(), `select bucket from rate_buckets`)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if text := strings.Join(names, " "); strings.Contains(text, "bob") || strings.Contains(text, "127.0") || len(names) == 0 {
		t.Errorf("buckets %s, want hashes", text)
	}
}

func TestLimitSettings(t *testing.T) {
	t.Parallel()
	got, err := api.ParseLimits(" login=5/30s, account=0 ,")
	if want := map[string]api.Limit{"login": {Requests: 5, Window: 30 * time.Second}, "account": {Window: time.Minute}}; err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	for _, bad := range []string{"logins=5/1m", "login", "login=-1/1m", "login=x/1m", "login=5/1", "login=5/1m/1"} {
		if got, err := api.ParseLimits(bad); err == nil {
			t.Errorf("ParseLimits(%q) = %v, want an error", bad, got)
		}
	}
}

func TestForwardedAddress(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ffff::/48")}
	behind := apitest.Start(t, apitest.Options{API: func(c *api.Config) { c.TrustedProxies = proxies }})
	rfc := apitest.Start(t, apitest.Options{API: func(c *api.Config) { c.TrustedProxies, c.ForwardedHeader = proxies, "Forwarded" }})
	bare := apitest.Start(t, apitest.Options{})
	far := apitest.Start(t, apitest.Options{API: func(c *api.Config) { c.TrustedProxies = proxies[1:] }})
	n := 0
	check := func(s *apitest.Service, want string, headers ...string) {
		t.Helper()
		n++
		id := fmt.Sprintf("hop-%d", n)
		s.Request(t, http.MethodGet, "/openapi.json", nil, append(headers, "X-Request-Id", id)...)
		for line := range strings.Lines(s.Log.String()) {
			if strings.Contains(line, `"request":"`+id+`"`) {
				if !strings.Contains(line, `"address":"`+want+`"`) {
					t.Errorf("%v: %swant address %s", headers, line, want)
				}
				return
			}
		}
		t.Errorf("no log line of %s", id)
	}
	const xff, fwd = "X-Forwarded-For", "Forwarded"
	check(behind, "127.0.0.1")
	check(behind, "203.0.113.7", xff, "203.0.113.7")
	check(behind, "203.0.113.7", xff, "198.51.100.1, 203.0.113.7")              // what the caller wrote stands before
	check(behind, "203.0.113.7", xff, "127.0.0.1, 10.1.1.1, 203.0.113.7")       // even when it names our proxies
	check(behind, "203.0.113.7", xff, "1.1.1.1, 203.0.113.7, 10.2.3.4")         // two hops
	check(behind, "203.0.113.7", xff, "203.0.113.7:5123")                       // with a port
	check(behind, "2001:db8::7", xff, "[2001:db8::7]:5123")                     //
	check(behind, "2001:db8::7", xff, "2001:db8::7, 2001:db8:ffff::1")          // IPv6 proxies
	check(behind, "203.0.113.7", xff, "::ffff:203.0.113.7")                     // mapped
	check(behind, "127.0.0.1", xff, "unknown")                                  // nothing better known
	check(behind, "10.0.0.2", xff, "203.0.113.7, <script>, 10.0.0.2")           // not past what cannot be read
	check(behind, "127.0.0.1", xff, "")                                         //
	check(behind, "10.0.0.9", xff, strings.Repeat("10.0.0.9, ", 40)+"10.0.0.9") // bounded
	check(behind, "127.0.0.1", fwd, "for=203.0.113.7")                          // not the header that our proxies write
	check(behind, "127.0.0.1", "X-Real-Ip", "203.0.113.7", "True-Client-Ip", "203.0.113.7")
	check(rfc, "203.0.113.7", fwd, `for=203.0.113.7;proto=https`)
	check(rfc, "2001:db8::7", fwd, `for=192.0.2.1, proto=https;For="[2001:db8::7]:80"`)
	check(rfc, "127.0.0.1", fwd, `for=_hidden`)
	check(rfc, "127.0.0.1", xff, "203.0.113.7")
	check(bare, "127.0.0.1", xff, "203.0.113.7", fwd, "for=203.0.113.7")
	check(far, "127.0.0.1", xff, "203.0.113.7") // the peer itself is no proxy of ours
}

// TestIPv6CountsByNetwork guesses from many addresses of one customer's network.
func TestIPv6CountsByNetwork(t *testing.T) {
	t.Parallel()
	s := limited(t, "login-address=2/1h", func(c *api.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	from := func(address string) int {
		return s.Request(t, http.MethodPost, "/auth/login", credentials("x@example.com", "guess"), "X-Forwarded-For", address).Status
	}
	for address, want := range map[string]int{"2001:db8::1": 401, "2001:db8::2": 401} {
		if got := from(address); got != want {
			t.Errorf("from %s: %d, want %d", address, got, want)
		}
	}
	if got := from("2001:db8::ffff:1"); got != 429 {
		t.Errorf("from the same /64: %d, want 429", got)
	}
	if got := from("2001:db8:0:1::1"); got != 401 {
		t.Errorf("from the next /64: %d, want 401", got)
	}
}
