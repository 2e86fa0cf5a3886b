package fetch_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/fetch"
	"github.com/signalcraft/signalcraft/pipelines/replay"
)

// bench is a client and the server it talks to, in one synctest bubble.
type bench struct {
	*fetch.Client
	mu     sync.Mutex
	asked  []time.Time
	seen   []*http.Request
	answer func(n int, w http.ResponseWriter, r *http.Request) // n counts from 1
}

// count is how many requests arrived.
func (b *bench) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.asked)
}

// run runs check in a bubble with a client for one upstream called "up".
func run(t *testing.T, u fetch.Upstream, answer func(n int, w http.ResponseWriter, r *http.Request), check func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{answer: answer}
		network := replay.NewNetwork(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b.mu.Lock()
			b.asked = append(b.asked, time.Now())
			b.seen = append(b.seen, r)
			n := len(b.asked)
			b.mu.Unlock()
			b.answer(n, w, r)
		}))
		defer network.Close()
		u.Name = "up"
		if u.BaseURL == "" {
			u.BaseURL = "http://up.example"
		}
		client, err := fetch.New(fetch.Config{Upstreams: []fetch.Upstream{u}, CacheDir: t.TempDir(), Transport: network.Transport(), Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		b.Client = client
		check(t, b)
	})
}

func text(status int, body string) func(int, http.ResponseWriter, *http.Request) {
	return func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		w.Write([]byte(body))
	}
}

func TestRetryWaitsAsAskedAndHeals(t *testing.T) {
	answer := func(n int, w http.ResponseWriter, r *http.Request) {
		if n < 3 {
			w.Header().Set("Retry-After", "20")
			http.Error(w, "slow down", http.StatusTooManyRequests)
			return
		}
		w.Write([]byte("fine"))
	}
	run(t, fetch.Upstream{}, answer, func(t *testing.T, b *bench) {
		start := time.Now()
		response, err := b.Get(t.Context(), fetch.Request{Upstream: "up", Path: "/x"})
		if err != nil || string(response.Body) != "fine" || b.count() != 3 {
			t.Fatalf("Get = %q, %v after %d requests; want fine after 3", response.Body, err, b.count())
		}
		if took := time.Since(start); took < 40*time.Second || took > 43*time.Second {
			t.Errorf("two retries with Retry-After 20 took %s, want 40 s and at most 3 s of jitter", took)
		}
	})
}

func TestRefusalIsNotRepeatedAndHidesSecrets(t *testing.T) {
	run(t, fetch.Upstream{Secrets: []string{"hunter2"}}, text(400, `{"reason":"key hunter2 may not ask"}`), func(t *testing.T, b *bench) {
		_, err := b.Get(t.Context(), fetch.Request{Upstream: "up", Path: "/v6/hunter2/x", Query: url.Values{"key": {"hunter2"}, "q": {"a b"}}})
		var failure *fetch.Error
		if !errors.As(err, &failure) {
			t.Fatalf("Get returned %v, want a *fetch.Error", err)
		}
		want := `get http://up.example/v6/***/x?key=%2A%2A%2A&q=a+b from up: status 400: the upstream refused the request: "{\"reason\":\"key *** may not ask\"}"`
		if got := err.Error(); got != want {
			t.Errorf("error text\n got %s\nwant %s", got, want)
		}
		if failure.Temporary || b.count() != 1 {
			t.Errorf("temporary %t after %d requests, want false after 1", failure.Temporary, b.count())
		}
	})
}

func TestFaultsOfTheNetworkAreTransientAndNamed(t *testing.T) {
	check := func(kind replay.Kind, wantAttempts int, wantText string) {
		t.Helper()
		t.Run(kind.String(), func(t *testing.T) {
			answers, err := replay.Open(os.DirFS("testdata"))
			if err != nil {
				t.Fatal(err)
			}
			answers.Inject(replay.Fault{Kind: kind})
			u := fetch.Upstream{BaseURL: replay.BaseURL(replay.Address, "up.example"), Timeout: 20 * time.Second, MaxBytes: 1 << 20}
			run(t, u, func(_ int, w http.ResponseWriter, r *http.Request) { answers.ServeHTTP(w, r) }, func(t *testing.T, b *bench) {
				_, err := b.Get(t.Context(), fetch.Request{Upstream: "up", Path: "/x", Classify: fetch.JSON})
				if err == nil || !strings.Contains(err.Error(), wantText) || b.count() != wantAttempts {
					t.Errorf("Get returned %v after %d attempts, want %q after %d", err, b.count(), wantText, wantAttempts)
				}
			})
		})
	}
	check(replay.TooMany, 4, "status 429")
	check(replay.ServerError, 4, "status 500")
	check(replay.HTMLUnder200, 4, "the body is not JSON")
	check(replay.Empty, 4, "the body is empty")
	check(replay.Timeout, 4, "no complete answer within 20s")
	check(replay.Slow, 4, "no complete answer within 20s")
	check(replay.Reset, 4, "unexpected EOF")
	check(replay.TruncatedGzip, 4, "unexpected EOF")
	check(replay.Truncated, 4, "the body is broken JSON")
	check(replay.Endless, 1, "larger than 1048576 bytes")
	check(replay.Garbage, 4, "the body is not JSON")
	check(replay.Refused, 1, "status 400")
}

func TestUnpackedSizeIsBounded(t *testing.T) {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	writer.Write(make([]byte, 8<<20))
	writer.Close()
	answer := func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(packed.Bytes())
	}
	run(t, fetch.Upstream{MaxBytes: 1 << 20}, answer, func(t *testing.T, b *bench) {
		_, err := b.Get(t.Context(), fetch.Request{Upstream: "up", Path: "/x"})
		if err == nil || !strings.Contains(err.Error(), "larger than 1048576 bytes") {
			t.Errorf("%d packed bytes that unpack to 8 MiB: got %v, want a size error", packed.Len(), err)
		}
	})
}

func TestBreakerOpensAndProbes(t *testing.T) {
	healthy := false
	answer := func(_ int, w http.ResponseWriter, _ *http.Request) {
		if !healthy {
			w.WriteHeader(503)
		}
	}
	run(t, fetch.Upstream{Attempts: 2, BreakAfter: 3, BreakFor: time.Minute}, answer, func(t *testing.T, b *bench) {
		get := func() error {
			_, err := b.Get(t.Context(), fetch.Request{Upstream: "up", Path: "/x"})
			return err
		}
		first, second := get(), get()
		if errors.Is(first, fetch.ErrUnavailable) || !errors.Is(second, fetch.ErrUnavailable) || b.count() != 3 {
			t.Errorf("errors %v and %v after %d requests; want the breaker open after the third request", first, second, b.count())
		}
		if err := get(); !errors.Is(err, fetch.ErrUnavailable) || b.count() != 3 {
			t.Errorf("open breaker: %v after %d requests, want ErrUnavailable and no request", err, b.count())
		}
		healthy = true
		wait(t, time.Minute)
		if err := get(); err != nil {
			t.Errorf("after the pause: %v, want success", err)
		}
	})
}

func TestLongWaitIsNotSleptThrough(t *testing.T) {
	answer := func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(429)
		}
	}
	run(t, fetch.Upstream{}, answer, func(t *testing.T, b *bench) {
		start := time.Now()
		for range 3 {
			if _, err := b.Get(t.Context(), fetch.Request{Upstream: "up", Path: "/x"}); err == nil {
				t.Error("Get succeeded while the upstream wants to be left alone")
			}
		}
		if time.Since(start) != 0 || b.count() != 1 {
			t.Errorf("three requests took %s and reached the upstream %d times, want at once and 1", time.Since(start), b.count())
		}
		wait(t, time.Hour)
		if _, err := b.Get(t.Context(), fetch.Request{Upstream: "up", Path: "/x"}); err != nil {
			t.Errorf("after an hour: %v", err)
		}
	})
}

func TestQuotaHoldsInEverySpan(t *testing.T) {
	u := fetch.Upstream{PerMinute: 10, PerHour: 25, MinInterval: 2 * time.Second, MaxConcurrent: 5, MaxWait: 2 * time.Hour}
	run(t, u, text(200, "ok"), func(t *testing.T, b *bench) {
		var group sync.WaitGroup
		for range 60 {
			group.Go(func() {
				if _, err := b.Get(t.Context(), fetch.Request{Upstream: "up", Path: "/x"}); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		for i, at := range b.asked {
			inSpan := func(span time.Duration) (n int) {
				for _, other := range b.asked[i:] {
					if other.Sub(at) < span {
						n++
					}
				}
				return n
			}
			if m, h := inSpan(time.Minute), inSpan(time.Hour); m > 10 || h > 25 || inSpan(2*time.Second) > 1 {
				t.Errorf("from request %d: %d in a minute, %d in an hour, want at most 10 and 25, 2 s apart", i, m, h)
			}
		}
		if total := b.asked[59].Sub(b.asked[0]); total > 2*time.Hour+10*time.Minute {
			t.Errorf("60 requests took %s, the quota allows them in 2 h 10 min", total)
		}
	})
}

func TestUsedUpQuotaFailsAtOnce(t *testing.T) {
	run(t, fetch.Upstream{PerDay: 3}, text(200, "ok"), func(t *testing.T, b *bench) {
		if _, err := b.Get(t.Context(), fetch.Request{Upstream: "up", Path: "/x", Cost: 3}); err != nil {
			t.Fatal(err)
		}
		_, err := b.Get(t.Context(), fetch.Request{Upstream: "up", Path: "/x"})
		if !errors.Is(err, fetch.ErrUnavailable) || !strings.Contains(fmt.Sprint(err), "quota of 3 in 24h0m0s is used up for another 24h0m0s") {
			t.Errorf("got %v, want ErrUnavailable that says when", err)
		}
	})
}

func TestCancelEndsEveryWait(t *testing.T) {
	check := func(name string, u fetch.Upstream, answer func(int, http.ResponseWriter, *http.Request)) {
		t.Run(name, func(t *testing.T) {
			run(t, u, answer, func(t *testing.T, b *bench) {
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				start := time.Now()
				for ctx.Err() == nil {
					_, err := b.Get(ctx, fetch.Request{Upstream: "up", Path: "/x"})
					if err != nil && !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("got %v, want context.DeadlineExceeded", err)
					}
				}
				if took := time.Since(start); took != 3*time.Second {
					t.Errorf("returned after %s, want 3s", took)
				}
			})
		})
	}
	check("quota", fetch.Upstream{MinInterval: 10 * time.Second}, text(200, "ok"))
	check("retry", fetch.Upstream{Backoff: time.Hour, MaxWait: time.Hour}, text(500, ""))
	check("answer", fetch.Upstream{}, func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
}

func TestClassifyDecidesOnTheBody(t *testing.T) {
	limited := func(r fetch.Response) error {
		if strings.HasPrefix(string(r.Body), "Please limit") {
			return fetch.Transient(errors.New("rate limit under 200"), 10*time.Second)
		}
		return nil
	}
	answer := func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.Write([]byte("Please limit requests to one every 5 seconds"))
			return
		}
		w.Write([]byte("{}"))
	}
	run(t, fetch.Upstream{CacheFor: time.Hour}, answer, func(t *testing.T, b *bench) {
		start := time.Now()
		response, err := b.Get(t.Context(), fetch.Request{Upstream: "up", Path: "/x", Classify: limited})
		if err != nil || string(response.Body) != "{}" || time.Since(start) < 10*time.Second {
			t.Errorf("got %q, %v after %s; want {} after at least 10s", response.Body, err, time.Since(start))
		}
	})
}

func TestCache(t *testing.T) {
	answer := func(n int, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		if r.Header.Get("If-None-Match") == `"v1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprintf(w, "answer %d", n)
	}
	run(t, fetch.Upstream{CacheFor: time.Hour, Secrets: []string{"key-one", "key-two"}}, answer, func(t *testing.T, b *bench) {
		get := func(key, q string, cacheFor time.Duration, wantBody string, wantAsked int) {
			t.Helper()
			response, err := b.Get(t.Context(), fetch.Request{Upstream: "up", Path: "/x", Query: url.Values{"key": {key}, "q": {q}}, CacheFor: cacheFor})
			if err != nil || string(response.Body) != wantBody || b.count() != wantAsked {
				t.Errorf("key %s q %s: got %q, %v after %d requests; want %q after %d", key, q, response.Body, err, b.count(), wantBody, wantAsked)
			}
		}
		get("key-one", "a", 0, "answer 1", 1)
		get("key-two", "a", 0, "answer 1", 1) // another key is the same question
		get("key-one", "b", 0, "answer 2", 2)
		get("key-one", "a", fetch.NoCache, "answer 3", 3)
		wait(t, 61*time.Minute)
		get("key-one", "a", fetch.Forever, "answer 1", 3)
		get("key-one", "a", 0, "answer 1", 4) // confirmed by ETag
		get("key-one", "a", 0, "answer 1", 4) // and young again
	})
}

func TestDamagedCacheFileIsAbsent(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		network := replay.NewNetwork(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked++
			w.Write([]byte("a body of some length"))
		}))
		defer network.Close()
		upstream := fetch.Upstream{Name: "up", BaseURL: "http://up.example", CacheFor: fetch.Forever}
		client, err := fetch.New(fetch.Config{Upstreams: []fetch.Upstream{upstream}, CacheDir: dir, Transport: network.Transport(), Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		for cut := 1; ; cut += 7 {
			response, err := client.Get(t.Context(), fetch.Request{Upstream: "up", Path: "/x"})
			if err != nil || string(response.Body) != "a body of some length" {
				t.Fatalf("got %q, %v", response.Body, err)
			}
			files, _ := filepath.Glob(filepath.Join(dir, "up", "*"))
			if len(files) != 1 {
				t.Fatalf("cache holds %v, want one file", files)
			}
			info, err := os.Stat(files[0])
			if err != nil {
				t.Fatal(err)
			}
			if int64(cut) >= info.Size() {
				break
			}
			before := asked
			if err := os.Truncate(files[0], info.Size()-int64(cut)); err != nil {
				t.Fatal(err)
			}
			if _, err := client.Get(t.Context(), fetch.Request{Upstream: "up", Path: "/x"}); err != nil || asked != before+1 {
				t.Fatalf("file short of %d bytes: %v, %d requests; want it asked for again", cut, err, asked-before)
			}
		}
	})
}

func TestRedirectDropsCredentialsAcrossHosts(t *testing.T) {
	answer := func(n int, w http.ResponseWriter, r *http.Request) {
		if n < 3 {
			http.Redirect(w, r, "http://other.example/next", http.StatusFound)
		}
	}
	header := http.Header{"Authorization": {"Bearer x"}, "X-Api-Key": {"x"}, "Cookie": {"a=b"}}
	run(t, fetch.Upstream{Header: header}, answer, func(t *testing.T, b *bench) {
		if _, err := b.Get(t.Context(), fetch.Request{Upstream: "up", Path: "/x", Query: url.Values{"key": {"secret"}}}); err != nil {
			t.Fatal(err)
		}
		if b.seen[0].Header.Get("X-Api-Key") != "x" {
			t.Error("the upstream itself did not get its header")
		}
		for i, r := range b.seen[1:] {
			for _, name := range []string{"Authorization", "X-Api-Key", "Cookie", "Referer"} {
				if r.Header.Get(name) != "" {
					t.Errorf("hop %d to %s carries %s", i+1, r.Host, name)
				}
			}
			if !strings.HasPrefix(r.UserAgent(), "SignalCraft/") {
				t.Errorf("hop %d has user agent %q", i+1, r.UserAgent())
			}
		}
	})
	run(t, fetch.Upstream{Attempts: 1}, func(_ int, w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) }, func(t *testing.T, b *bench) {
		if _, err := b.Get(t.Context(), fetch.Request{Upstream: "up", Path: "/x"}); err == nil || b.count() != 4 {
			t.Errorf("redirect loop: %v after %d requests, want an error after 4", err, b.count())
		}
	})
}

func TestNewNamesTheFault(t *testing.T) {
	check := func(want string, c fetch.Config) {
		t.Helper()
		if _, err := fetch.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v, want an error with %q", err, want)
		}
	}
	good := fetch.Upstream{Name: "a", BaseURL: "https://a.example"}
	check("Now is required", fetch.Config{Upstreams: []fetch.Upstream{good}})
	check("no upstreams", fetch.Config{Now: time.Now})
	check("stands twice", fetch.Config{Now: time.Now, Upstreams: []fetch.Upstream{good, good}})
	check("base URL", fetch.Config{Now: time.Now, Upstreams: []fetch.Upstream{{Name: "a", BaseURL: "file:///etc"}}})
	check("upstream name", fetch.Config{Now: time.Now, Upstreams: []fetch.Upstream{{Name: "../a", BaseURL: "https://a.example"}}})
	check("negative", fetch.Config{Now: time.Now, Upstreams: []fetch.Upstream{{Name: "a", BaseURL: "https://a.example", Attempts: -1}}})
}

// wait lets the bubble's clock run.
func wait(t *testing.T, d time.Duration) {
	t.Helper()
	<-time.After(d)
}
