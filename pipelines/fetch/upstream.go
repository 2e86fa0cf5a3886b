package fetch

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/failsafe-go/failsafe-go"
)

// Upstream is how one service may be asked. Zero fields take the stated default.
type Upstream struct {
	// Name stands in errors, logs and cache folders: lower case letters, digits and dashes.
	Name string
	// BaseURL is scheme, host and an optional path prefix, without a slash at the end.
	BaseURL string

	// PerMinute, PerHour and PerDay bound the cost of requests in any sliding span of that length. Zero means unbounded.
	PerMinute, PerHour, PerDay int
	// MinInterval is the least time between the starts of two requests. Zero means none.
	MinInterval time.Duration
	// MaxConcurrent is how many requests may be under way. Zero means 1.
	MaxConcurrent int

	// Timeout bounds one attempt from dialing to the body's last byte. Zero means 30 s.
	Timeout time.Duration
	// MaxBytes bounds an unpacked body. Zero means 16 MiB.
	MaxBytes int64
	// CacheFor is how old a cached answer may be unless the request says otherwise. Zero means no cache.
	CacheFor time.Duration

	// Attempts is how often a request is sent at most. Zero means 4.
	Attempts int
	// Backoff is the upper bound of the first retry's random delay; it doubles with each. Zero means 1 s.
	Backoff time.Duration
	// MaxWait is the longest wait for a retry or for quota. A longer one fails the request at
	// once; when the upstream named it, all later requests fail fast until it is over. Zero means 1 minute.
	MaxWait time.Duration
	// BreakAfter is how many transient failures in a row open the circuit breaker. Zero means 8.
	BreakAfter uint
	// BreakFor is how long the breaker stays open before one request may try again. Zero means 2 minutes.
	BreakFor time.Duration

	// Header is sent with every request.
	Header http.Header
	// Secrets are values (keys, user names) that are blanked in URLs before they reach an error, a log or a cache key.
	Secrets []string
}

// upstream is an Upstream with defaults and state.
type upstream struct {
	Upstream
	base     *url.URL
	quota    *quota
	slots    chan struct{}
	executor failsafe.Executor[Response]
}

func (c *Client) newUpstream(u Upstream) (*upstream, error) {
	if !regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(u.Name) {
		return nil, fmt.Errorf("fetch: upstream name %q: want lower case letters, digits and dashes", u.Name)
	}
	base, err := url.Parse(u.BaseURL)
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, fmt.Errorf("fetch: upstream %s: base URL must be http or https with a host", u.Name)
	}
	if u.Timeout < 0 || u.MaxBytes < 0 || u.Attempts < 0 || u.Backoff < 0 || u.MaxWait < 0 || u.MinInterval < 0 || u.MaxConcurrent < 0 {
		return nil, fmt.Errorf("fetch: upstream %s: a setting is negative", u.Name)
	}
	u = u.withDefaults()
	u.Secrets = slices.DeleteFunc(slices.Clone(u.Secrets), func(s string) bool { return s == "" })
	ready := &upstream{Upstream: u, base: base, quota: newQuota(u), slots: make(chan struct{}, u.MaxConcurrent)}
	ready.executor = c.newExecutor(ready)
	return ready, nil
}

func (u Upstream) withDefaults() Upstream {
	u.BaseURL = strings.TrimSuffix(u.BaseURL, "/")
	setDefault(&u.MaxConcurrent, 1)
	setDefault(&u.Timeout, 30*time.Second)
	setDefault(&u.MaxBytes, 16<<20)
	setDefault(&u.Attempts, 4)
	setDefault(&u.Backoff, time.Second)
	setDefault(&u.MaxWait, time.Minute)
	setDefault(&u.BreakAfter, 8)
	setDefault(&u.BreakFor, 2*time.Minute)
	return u
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// address returns the full URL of r.
func (u *upstream) address(r Request) (*url.URL, error) {
	target, err := url.Parse(u.BaseURL + r.Path)
	if err != nil || target.Host != u.base.Host {
		return nil, fmt.Errorf("fetch: upstream %s: path %q does not make a URL", u.Name, r.Path)
	}
	if len(r.Query) > 0 {
		target.RawQuery = r.Query.Encode()
	}
	return target, nil
}

// redact returns target as text with every secret blanked: parts of the path and
// values of the query that are a secret, and any user info. Whole values are compared, so two
// requests that differ in anything but secrets keep different texts.
func (u *upstream) redact(target *url.URL) string {
	clean := *target
	clean.User = nil
	segments := strings.Split(clean.EscapedPath(), "/")
	for i, segment := range segments {
		if plain, err := url.PathUnescape(segment); err == nil && slices.Contains(u.Secrets, plain) {
			segments[i] = "***"
		}
	}
	query := clean.Query()
	for _, values := range query {
		for i, value := range values {
			if slices.Contains(u.Secrets, value) {
				values[i] = "***"
			}
		}
	}
	text := clean.Scheme + "://" + clean.Host + strings.Join(segments, "/")
	if len(query) > 0 {
		text += "?" + query.Encode()
	}
	return text
}
