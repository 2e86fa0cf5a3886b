package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/api/apitest"
)

func TestCORS(t *testing.T) {
	t.Parallel()
	const app = "https://app.example.com"
	s := apitest.Start(t, apitest.Options{API: func(c *api.Config) {
		c.AllowedOrigins, c.HSTS = []string{app, "http://localhost:5173"}, 365*24*time.Hour
	}})
	preflight := func(path, origin, method string) apitest.Answer {
		return s.Request(t, http.MethodOptions, path, nil, "Origin", origin, "Access-Control-Request-Method", method, "Access-Control-Request-Headers", "authorization,content-type")
	}
	ok := preflight("/api/v1/auth/login", app, "POST")
	if h := ok.Header; ok.Status != 204 || h.Get("Access-Control-Allow-Origin") != app || h.Get("Access-Control-Allow-Methods") != "POST, OPTIONS" ||
		!strings.Contains(h.Get("Access-Control-Allow-Headers"), "Idempotency-Key") || h.Get("Access-Control-Max-Age") != "600" {
		t.Errorf("preflight: %d %v", ok.Status, h)
	}
	if vary := strings.Join(ok.Header.Values("Vary"), ", "); vary != "Origin, Access-Control-Request-Method, Access-Control-Request-Headers" {
		t.Errorf("Vary %q", vary)
	}
	for _, origin := range []string{"https://evil.example", "https://app.example.com.evil.example", "https://APP.example.com", "null", "http://app.example.com", app + ":443", "*", ""} {
		for _, answer := range []apitest.Answer{preflight("/auth/login", origin, "POST"), s.Request(t, "GET", "/health/live", nil, "Origin", origin)} {
			for name := range answer.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("origin %q is told %s", origin, name)
				}
			}
			if !slices.Contains(answer.Header.Values("Vary"), "Origin") {
				t.Errorf("origin %q: an answer without Vary", origin)
			}
		}
	}
	for _, path := range []string{"/health/live", "/nothing", "/dashboard/metrics/" + s.World.Cafe.ID.String()} { // errors can be read too
		h := s.Request(t, "GET", path, nil, "Origin", app).Header
		if h.Get("Access-Control-Allow-Origin") != app || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("GET %s: %v", path, h)
		}
		for _, name := range []string{"X-Request-Id", "RateLimit", "RateLimit-Policy", "ETag", "Retry-After", "Location", "Idempotency-Replayed"} {
			if !slices.Contains(strings.Split(h.Get("Access-Control-Expose-Headers"), ", "), name) {
				t.Errorf("GET %s: %s cannot be read", path, name)
			}
		}
		if h.Get("Strict-Transport-Security") != "max-age=31536000; includeSubDomains" {
			t.Errorf("GET %s: Strict-Transport-Security %q", path, h.Get("Strict-Transport-Security"))
		}
	}
	preflight("/nothing", app, "GET").WantError(t, http.StatusNotFound, "NOT_FOUND")

	none := apitest.Start(t, apitest.Options{})
	h := none.Request(t, http.MethodOptions, "/auth/login", nil, "Origin", app, "Access-Control-Request-Method", "POST").Header
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") || name == "Vary" || name == "Strict-Transport-Security" {
			t.Errorf("nothing is configured, yet %s is %q", name, h.Get(name))
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(*api.Config){
		"origin with a path":  func(c *api.Config) { c.AllowedOrigins = []string{"https://a.example/"} },
		"any origin":          func(c *api.Config) { c.AllowedOrigins = []string{"*"} },
		"origin without host": func(c *api.Config) { c.AllowedOrigins = []string{"null"} },
		"unknown limit":       func(c *api.Config) { c.Limits = map[string]api.Limit{"x": {}} },
		"limit without time":  func(c *api.Config) { c.Limits = map[string]api.Limit{"login": {Requests: 1}} },
		"unknown header":      func(c *api.Config) { c.ForwardedHeader = "X-Real-IP" },
		"no proxies":          func(c *api.Config) { c.MaxRequests = -1 },
	} {
		if err := apitest.Refused(t, change); err == nil || !strings.HasPrefix(err.Error(), "api config: ") {
			t.Errorf("%s: %v, want an error of the configuration", what, err)
		}
	}
}
