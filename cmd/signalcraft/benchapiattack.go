package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	vegeta "github.com/tsenart/vegeta/v12/lib"
	"golang.org/x/sync/errgroup"

	"github.com/signalcraft/signalcraft/api/auth"
)

// request is what the load generator sends for business n.
func (b *benchAPI) request(address string, n int, encoding string) (url string, header http.Header) {
	return address + "/api/v1/dashboard/metrics/" + b.businesses[n],
		http.Header{"Authorization": {"Bearer " + b.tokens[n]}, "Accept-Encoding": {encoding}}
}

// get asks once and reads the answer, which must be a whole one.
func (b *benchAPI) get(ctx context.Context, client *http.Client, address string, n int, encoding string) (http.Header, error) {
	url, header := b.request(address, n, encoding)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	r.Header = header
	response, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if encoding != "identity" {
		_, err = io.Copy(io.Discard, response.Body)
	} else {
		var body []byte
		body, err = io.ReadAll(response.Body)
		if points := strings.Count(string(body), `"complete":true`); err == nil && points < benchKPIs*(benchAsked-2) {
			err = fmt.Errorf("%d points, want about %d", points, benchKPIs*benchAsked)
		}
	}
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s", response.Status)
	}
	return response.Header, err
}

// measureCold measures a service that keeps nothing: every answer is made anew.
func (b *benchAPI) measureCold(ctx context.Context) ([]benchResult, error) {
	s, err := b.start(ctx, -1, cheapHash())
	if err != nil {
		return nil, err
	}
	defer s.close()
	alone, err := b.alone("service, cold: each answer is made anew", func(n int) error {
		_, err := b.get(ctx, http.DefaultClient, s.address, n, "gzip")
		return err
	})
	if err != nil {
		return nil, err
	}
	load := b.attack(s, "cold, all businesses, as fast as 8 can", vegeta.Rate{}, 8, b.spread(s, "gzip"))
	return []benchResult{alone, load}, nil
}

// measureWarm measures a service that has been asked everything once since the last run was published.
func (b *benchAPI) measureWarm(ctx context.Context) ([]benchResult, error) {
	s, err := b.start(ctx, int64(b.settings.CacheMB)<<20, cheapHash())
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := b.warmUp(ctx, s); err != nil {
		return nil, fmt.Errorf("warm up: %w", err)
	}
	alone, err := b.alone("service, warm", func(n int) error {
		_, err := b.get(ctx, http.DefaultClient, s.address, n, "gzip")
		return err
	})
	if err != nil {
		return nil, err
	}
	results := []benchResult{alone}
	rate := vegeta.Rate{Freq: b.Rate, Per: time.Second}
	err = b.profiled(func() error {
		results = append(results, b.attack(s, fmt.Sprintf("warm, all businesses, %d/s", b.Rate), rate, 64, b.spread(s, "gzip")))
		return nil
	})
	if err != nil {
		return nil, err
	}
	header, err := b.get(ctx, http.DefaultClient, s.address, 0, "gzip")
	if err != nil {
		return nil, err
	}
	results = append(results,
		b.attack(s, fmt.Sprintf("warm, one business, %d/s", b.Rate), rate, 64, b.only(s, 0, "gzip")),
		b.attack(s, fmt.Sprintf("warm, one business, not packed, %d/s", b.Rate), rate, 64, b.only(s, 0, "identity")),
		b.attack(s, fmt.Sprintf("unchanged (304), %d/s", b.Rate), rate, 64, b.only(s, 0, "gzip", "If-None-Match", header.Get("ETag"))),
		b.attack(s, "warm, all businesses, as fast as 16 can", vegeta.Rate{}, 16, b.spread(s, "gzip")))
	return results, nil
}

// warmUp asks everything once, by several callers as a service's own day begins: so that answers are kept, and every connection to
// Postgres has its plans.
func (b *benchAPI) warmUp(ctx context.Context, s *served) error {
	const callers = 16
	var group errgroup.Group
	for k := range callers {
		group.Go(func() error {
			for n := k; n < len(b.businesses); n += callers {
				if _, err := b.get(ctx, http.DefaultClient, s.address, n, "gzip"); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// spread leads through all businesses.
func (b *benchAPI) spread(s *served, encoding string) vegeta.Targeter {
	var count atomic.Int64
	step := benchStride(b.Businesses)
	return func(t *vegeta.Target) error {
		t.Method = http.MethodGet
		t.URL, t.Header = b.request(s.address, int(count.Add(1))*step%b.Businesses, encoding)
		return nil
	}
}

// only asks for one business, with more headers.
func (b *benchAPI) only(s *served, n int, encoding string, more ...string) vegeta.Targeter {
	return func(t *vegeta.Target) error {
		t.Method = http.MethodGet
		t.URL, t.Header = b.request(s.address, n, encoding)
		for k := 0; k < len(more); k += 2 {
			t.Header.Set(more[k], more[k+1])
		}
		return nil
	}
}

// attack measures one load for the measurement's time, at a rate, or without one as fast as so many callers get answers.
func (b *benchAPI) attack(s *served, name string, rate vegeta.Rate, callers uint64, target vegeta.Targeter) benchResult {
	debug.FreeOSMemory()
	attacker := vegeta.NewAttacker(vegeta.Workers(min(callers, 16)), vegeta.MaxWorkers(callers), vegeta.Connections(int(callers)), vegeta.MaxBody(0), vegeta.Timeout(30*time.Second))
	var metrics vegeta.Metrics
	first := field("/proc/self/status", "VmRSS:")
	most := first
	started, before := b.now(), b.usedCPU()
	sampled := started
	for result := range attacker.Attack(target, rate, b.Duration, "") {
		metrics.Add(result)
		if result.Timestamp.Sub(sampled) > 250*time.Millisecond {
			sampled = result.Timestamp
			most = max(most, field("/proc/self/status", "VmRSS:"))
		}
	}
	took := b.now().Sub(started)
	metrics.Close()
	last := field("/proc/self/status", "VmRSS:")
	cpu := b.usedCPU().since(before, metrics.Requests)
	l := metrics.Latencies
	return benchResult{name: name, requests: metrics.Requests, took: took, mean: l.Mean, p50: l.P50, p95: l.P95, p99: l.P99, most: l.Max,
		failed: 1 - metrics.Success, cpu: cpu, memory: fmt.Sprintf("%d %d %d", first>>20, most>>20, last>>20)}
}

// print shows the measurements beside the reference, which comes first.
func (b *benchAPI) print(results []benchResult) error {
	ms := func(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond)) }
	writer := table.NewWriter()
	writer.SetStyle(table.StyleLight)
	writer.Style().Format.Header = text.FormatLower
	writer.SetTitle(fmt.Sprintf("GET /dashboard/metrics: %d KPIs, %d days, of %s businesses with %s points; %d cores for everything",
		benchKPIs, benchAsked, thousands(int64(b.Businesses)), thousands(int64(b.Businesses*benchKPIs*b.Days)), runtime.NumCPU()))
	writer.AppendHeader(table.Row{"what", "requests", "a second", "mean ms", "p50", "p95", "p99", "most", "failed", "of bare sql", "cpu ms", "of it postgres", "rss mb start peak end"})
	reference := results[0]
	for _, r := range results {
		share := ""
		if r.alone {
			share = fmt.Sprintf("%.2f", float64(r.p50)/float64(reference.p50))
		}
		writer.AppendRow(table.Row{r.name, thousands(int64(r.requests)), thousands(int64(float64(r.requests) / r.took.Seconds())), ms(r.mean), ms(r.p50), ms(r.p95), ms(r.p99), ms(r.most),
			fmt.Sprintf("%.2f %%", 100*r.failed), share, ms(r.cpu.self + r.cpu.postgres), ms(r.cpu.postgres), r.memory})
	}
	_, err := fmt.Fprintln(b.out, writer.Render())
	return err
}

// measureLogin holds signing in against nothing but its password hash, at the cost that accounts have.
func (b *benchAPI) measureLogin(ctx context.Context, owner *pgxpool.Pool) error {
	hasher, err := auth.NewHasher(auth.HashConfig{})
	if err != nil {
		return err
	}
	hash, err := hasher.Hash(ctx, benchPassword)
	if err != nil {
		return err
	}
	if err := b.setPasswords(ctx, owner, auth.HashConfig{}); err != nil {
		return err
	}
	const callers = 4
	length := min(b.Duration, 10*time.Second)
	var done atomic.Int64
	var wait sync.WaitGroup
	started, before := b.now(), b.usedCPU()
	for range callers {
		wait.Go(func() {
			for b.now().Sub(started) < length {
				if ok, err := hasher.Verify(ctx, hash, benchPassword); err != nil || !ok {
					return
				}
				done.Add(1)
			}
		})
	}
	wait.Wait()
	plain := float64(done.Load()) / b.now().Sub(started).Seconds()
	alone := b.usedCPU().since(before, uint64(done.Load()))
	s, err := b.start(ctx, 0, auth.HashConfig{})
	if err != nil {
		return err
	}
	defer s.close()
	var count atomic.Int64
	login := b.attack(s, "login", vegeta.Rate{}, callers, func(t *vegeta.Target) error {
		t.Method, t.URL, t.Header = http.MethodPost, s.address+"/api/v1/auth/login", http.Header{"Content-Type": {"application/json"}}
		t.Body = fmt.Appendf(nil, `{"email":%q,"password":%q}`, benchEmail(int(count.Add(1))%b.users()), benchPassword)
		return nil
	})
	rate := float64(login.requests) * (1 - login.failed) / login.took.Seconds()
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	_, err = fmt.Fprintf(b.out, "sign-in: %.0f a second (p99 %.0f ms, %.2f %% failed); its Argon2id alone: %.0f a second; share %.0f %%\n"+
		"processor time of a sign-in: %.1f ms, %.1f of it Postgres; of its Argon2id alone: %.1f ms\n",
		rate, ms(login.p99), 100*login.failed, plain, 100*rate/plain, ms(login.cpu.self+login.cpu.postgres), ms(login.cpu.postgres), ms(alone.self))
	return err
}
