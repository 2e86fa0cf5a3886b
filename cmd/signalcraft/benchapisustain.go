package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	vegeta "github.com/tsenart/vegeta/v12/lib"
)

const (
	// sustainedParts is how many lines a sustained load prints. At the beginning of each, every kept answer is outdated at once, as a
	// nightly run does.
	sustainedParts = 12
	// Of so many requests one asks for a window of its own, whose answer is not kept yet; so the cache fills up, and drops answers.
	sustainedOdd = 10
)

// sustained is one line: what a part of the load took, and memory at its end.
type sustained struct {
	requests       uint64
	p50, p99, most time.Duration
	failed         float64
	// Bytes; the heap is what the last collection found alive.
	resident, heap, postgres int64
	goroutines               int
}

// measureSustained holds a mixed load for b.Sustain and prints memory as it goes: the dashboards of all businesses, some of them over
// windows that nobody asked for before. The load generator is part of the process.
func (b *benchAPI) measureSustained(ctx context.Context, owner *pgxpool.Pool) error {
	s, err := b.start(ctx, int64(b.settings.CacheMB)<<20, cheapHash())
	if err != nil {
		return err
	}
	defer s.close()
	debug.FreeOSMemory()
	fmt.Fprintf(b.out, "%s of dashboards of all businesses at %d requests a second; one in %d has a window of its own; the numbers change %d times\n",
		b.Sustain, b.Rate, sustainedOdd, sustainedParts)
	const line = "%8v %10v %9v %8v %8v %8v %7v %8v %12v %11v\n"
	fmt.Fprintf(b.out, line, "until", "requests", "failed", "p50 ms", "p99", "most", "rss mb", "heap mb", "postgres mb", "goroutines")
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxConnsPerHost: 64, MaxIdleConnsPerHost: 64, DisableCompression: true}}
	defer client.CloseIdleConnections()
	target, started := b.mixed(s), b.now()
	for range sustainedParts {
		if _, err := owner.Exec(ctx, "update businesses set revision = revision + 1"); err != nil {
			return fmt.Errorf("outdate answers: %w", err)
		}
		part, err := b.sustain(ctx, client, target, b.Sustain/sustainedParts)
		if err != nil {
			return err
		}
		ms := func(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond)) }
		_, err = fmt.Fprintf(b.out, line, b.now().Sub(started).Round(time.Second), thousands(int64(part.requests)), fmt.Sprintf("%.3f %%", 100*part.failed),
			ms(part.p50), ms(part.p99), ms(part.most), part.resident>>20, part.heap>>20, part.postgres>>20, part.goroutines)
		if err != nil {
			return err
		}
	}
	return nil
}

// sustain holds the load for one part.
func (b *benchAPI) sustain(ctx context.Context, client *http.Client, target vegeta.Targeter, length time.Duration) (sustained, error) {
	attacker := vegeta.NewAttacker(vegeta.Client(client), vegeta.Workers(16), vegeta.MaxWorkers(256), vegeta.MaxBody(0))
	defer context.AfterFunc(ctx, func() { attacker.Stop() })()
	var measured vegeta.Metrics
	for result := range attacker.Attack(target, vegeta.Rate{Freq: b.Rate, Per: time.Second}, length, "") {
		measured.Add(result)
	}
	measured.Close()
	l := measured.Latencies
	return sustained{requests: measured.Requests, p50: l.P50, p99: l.P99, most: l.Max, failed: 1 - measured.Success,
		resident: field("/proc/self/status", "VmRSS:"), heap: liveHeap(), goroutines: runtime.NumGoroutine(), postgres: postgresBytes(b.postmaster())}, ctx.Err()
}

// mixed asks for one business after another, and each time around for another view of it.
func (b *benchAPI) mixed(s *served) vegeta.Targeter {
	views := []string{"metrics", "summary", "metrics", "forecasts", "metrics", "anomalies", "trends", "alerts"}
	var count atomic.Int64
	step := benchStride(b.Businesses)
	return func(t *vegeta.Target) error {
		n := int(count.Add(1))
		business := n * step % b.Businesses
		t.Method = http.MethodGet
		t.URL, t.Header = b.request(s.address, business, "gzip")
		if n%sustainedOdd == 0 {
			t.URL += "?from=" + b.asOf.AddDate(0, 0, -1-n/sustainedOdd%benchAsked).Format(time.DateOnly)
			return nil
		}
		t.URL = s.address + "/api/v1/dashboard/" + views[n/b.Businesses%len(views)] + "/" + b.businesses[business]
		return nil
	}
}

// liveHeap is what the last collection found alive, in bytes.
func liveHeap() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}
