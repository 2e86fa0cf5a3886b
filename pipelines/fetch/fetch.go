// Package fetch is the one HTTP client that sources read their upstreams with. Each
// upstream has its own quota, concurrency, retries, circuit breaker, size cap and
// cache time; all sources of a process share one Client, so the quotas hold for the
// process. Guard is the dialer for addresses that users give.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Forever is a CacheFor that never runs out.
const Forever = time.Duration(1<<63 - 1)

// NoCache is a Request.CacheFor that neither reads nor writes the cache.
const NoCache = time.Duration(-1)

// Config is what New builds a Client from.
type Config struct {
	// Upstreams are the services that may be asked, with distinct names. At least one.
	Upstreams []Upstream
	// CacheDir is an absolute folder for answers; it is created. Empty means no cache.
	CacheDir string
	// Transport sends the requests. Nil means a copy of http.DefaultTransport; for addresses that users give, Guard.Transport.
	Transport http.RoundTripper
	// UserAgent names us to the upstreams. Empty means the project's name and page.
	UserAgent string
	// Now is the clock. Required.
	Now func() time.Time
	// Rand draws the jitter of retries. Nil means a source with a fixed seed.
	Rand *rand.Rand
	// Logger gets one debug line for each answer and one warning for each retry. Nil means none.
	Logger *slog.Logger
}

// Request is one GET.
type Request struct {
	// Upstream is the name of one of Config.Upstreams.
	Upstream string
	// Path is appended to the upstream's BaseURL: "/v1/forecast". It is sent as it is, so the caller escapes it.
	Path string
	// Query is sent sorted by name.
	Query url.Values
	// Header is added to the upstream's.
	Header http.Header
	// Cost is how much of the quota the request uses. Zero means 1.
	Cost int
	// CacheFor is how old a cached answer may be. Zero means the upstream's; NoCache; Forever.
	CacheFor time.Duration
	// Classify looks at every complete answer, whatever its status, and returns nil when
	// the status decides, Transient(err, after) when the request should be tried again,
	// and any other error when asking again is useless. Only answers that pass are cached.
	Classify func(Response) error
}

// Response is a complete answer with a status of 200 to 299. Callers must not change
// Header or Body.
type Response struct {
	Status int
	Header http.Header
	// Body is unpacked and at most Upstream.MaxBytes long.
	Body []byte
	// URL is the address asked, secrets blanked.
	URL string
	// Cached is true when the body came from the cache, also after the upstream confirmed it by ETag.
	Cached bool
	// FetchedAt is when the upstream last gave or confirmed the body.
	FetchedAt time.Time
}

// Client asks upstreams. It may be used by many goroutines at once.
type Client struct {
	config    Config
	http      *http.Client
	upstreams map[string]*upstream
	cache     cache

	randMu sync.Mutex
}

// New returns a Client. It starts nothing.
func New(c Config) (*Client, error) {
	if c.Now == nil {
		return nil, errors.New("fetch: Now is required")
	}
	if len(c.Upstreams) == 0 {
		return nil, errors.New("fetch: no upstreams")
	}
	if c.UserAgent == "" {
		c.UserAgent = "SignalCraft/1 (+https://github.com/signalcraft/signalcraft)"
	}
	if c.Rand == nil {
		c.Rand = rand.New(rand.NewPCG(1, 2))
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Transport == nil {
		c.Transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	client := &Client{
		config:    c,
		http:      &http.Client{Transport: c.Transport, CheckRedirect: checkRedirect},
		upstreams: map[string]*upstream{},
		cache:     cache{dir: c.CacheDir},
	}
	for _, u := range c.Upstreams {
		if client.upstreams[u.Name] != nil {
			return nil, fmt.Errorf("fetch: upstream %s stands twice", u.Name)
		}
		ready, err := client.newUpstream(u)
		if err != nil {
			return nil, err
		}
		client.upstreams[u.Name] = ready
	}
	return client, nil
}

// Get returns the answer to r, from the cache when it is young enough. The error is a
// *Error once the request was sent or refused by quota or circuit breaker, and wraps
// ctx's error when ctx ended.
func (c *Client) Get(ctx context.Context, r Request) (Response, error) {
	u, ok := c.upstreams[r.Upstream]
	if !ok {
		return Response{}, fmt.Errorf("fetch: no upstream %q", r.Upstream)
	}
	target, err := u.address(r)
	if err != nil {
		return Response{}, err
	}
	maxAge := r.CacheFor
	if maxAge == 0 {
		maxAge = u.CacheFor
	}
	key := cacheKey(u.Name, http.MethodGet, u.redact(target))
	var old *entry
	if maxAge > 0 {
		old = c.cache.read(u.Name, key)
		if old != nil && old.age(c.config.Now()) < maxAge {
			return old.response(), nil
		}
	}
	response, err := c.send(ctx, u, r, target, old)
	if err != nil {
		return Response{}, err
	}
	if maxAge > 0 {
		if err := c.cache.write(u.Name, key, response); err != nil {
			// The answer is good; the next run asks again.
			c.config.Logger.WarnContext(ctx, "answer not cached", "upstream", u.Name, "error", err)
		}
	}
	return response, nil
}

// checkRedirect follows at most three redirects, none from https to http, and sends
// nothing that identifies us to another host.
func checkRedirect(r *http.Request, via []*http.Request) error {
	if len(via) > 3 {
		return errors.New("more than 3 redirects")
	}
	if via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
		return fmt.Errorf("redirect from https to %s", r.URL.Scheme)
	}
	if !strings.EqualFold(r.URL.Host, via[0].URL.Host) {
		agent := r.UserAgent()
		clear(r.Header)
		r.Header.Set("User-Agent", agent)
	}
	return nil
}
