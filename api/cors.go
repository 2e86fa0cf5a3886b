package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// What browsers on allowed origins may send and read.
const (
	corsRequestHeaders = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, X-Request-Id"
	corsAnswerHeaders  = "Content-Disposition, ETag, Idempotency-Replayed, Last-Modified, Link, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id"
	corsMaxAge         = "600"
)

// cors answers browsers whose pages come from elsewhere. Tokens travel in a header that the page sets, never in
// cookies, so credentials are never allowed. The zero value allows nobody.
type cors struct{ origins []string }

// newCORS checks the allowed origins: scheme, host and port, as a browser sends them.
func newCORS(origins []string) (cors, error) {
	for _, origin := range origins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Scheme+"://"+u.Host != origin || origin != strings.ToLower(origin) {
			return cors{}, fmt.Errorf("api config: AllowedOrigins: %q is not an origin such as https://app.example.com", origin)
		}
	}
	return cors{origins: slices.Clone(origins)}, nil
}

// allows reports whether pages of origin may call.
func (c cors) allows(origin string) bool { return origin != "" && slices.Contains(c.origins, origin) }

// mark sets the headers that an answer to r carries whatever comes of it.
func (c cors) mark(h http.Header, r *http.Request) {
	if len(c.origins) == 0 {
		return
	}
	h.Add("Vary", "Origin")
	if origin := r.Header.Get("Origin"); c.allows(origin) {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", corsAnswerHeaders)
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
}

// preflight reports whether r asks on behalf of an allowed page whether it may call.
func (c cors) preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && c.allows(r.Header.Get("Origin")) && r.Header.Get("Access-Control-Request-Method") != ""
}

// permit answers a preflight for an address that takes methods.
func (c cors) permit(h http.Header, methods string) {
	h.Add("Vary", "Access-Control-Request-Method")
	h.Add("Vary", "Access-Control-Request-Headers")
	h.Set("Access-Control-Allow-Methods", methods)
	h.Set("Access-Control-Allow-Headers", corsRequestHeaders)
	h.Set("Access-Control-Max-Age", corsMaxAge)
}
