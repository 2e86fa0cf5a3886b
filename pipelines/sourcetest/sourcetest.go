// Package sourcetest holds the checks that every pipelines.Source passes: the same input
// gives the same batches, units come whole or not at all whatever the upstream does,
// nothing is counted twice or lost, and a cancelled read returns at once.
//
// The checks run in testing/synctest bubbles against recorded answers served in memory,
// so waits for quotas and retries take no time.
package sourcetest

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/fetch"
	"github.com/signalcraft/signalcraft/pipelines/replay"
)

// Env is what a source under test reads its upstream through.
type Env struct {
	// Transport reaches the replay server.
	Transport http.RoundTripper
	// CacheDir is an empty folder of the test.
	CacheDir string
}

// BaseURL returns the base URL that the recorded answers of host are served under.
func (Env) BaseURL(host string) string { return replay.BaseURL(replay.Address, host) }

// Client returns a fetch client for the upstreams that reads through e. Their BaseURL
// must come from e.BaseURL.
func (e Env) Client(t testing.TB, upstreams ...fetch.Upstream) *fetch.Client {
	t.Helper()
	client, err := fetch.New(fetch.Config{Upstreams: upstreams, CacheDir: e.CacheDir, Transport: e.Transport, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Case is one source with recorded answers.
type Case struct {
	// New returns a fresh source that reads through env. It is called once for every check.
	New func(t testing.TB, env Env) pipelines.Source
	// Input is what to read. AsOf must be set.
	Input pipelines.Input
	// Files holds the recorded answers and their manifest.json. Nil for a source without an upstream, which skips the checks of faults.
	Files fs.FS
	// WantUnits are the units that a good read gives, in any order.
	WantUnits []string
	// WantRows is how many rows they hold together, rejects not counted.
	WantRows int
}

// Run runs every check on c.
func Run(t *testing.T, c Case) {
	good := c.bubble(t, "good read", checkGood)
	c.bubble(t, "same again", func(t *testing.T, r *reader) {
		sameBatches(t, good, r.mustRead(t), true)
	})
	c.bubble(t, "same from one source twice", func(t *testing.T, r *reader) {
		r.mustRead(t)
		r.batches = nil
		sameBatches(t, good, r.mustRead(t), true)
	})
	c.bubble(t, "error of the receiver", checkReceiverError)
	c.bubble(t, "cancelled before", checkCancelledBefore)
	if c.Files == nil {
		return
	}
	c.bubble(t, "cancelled while waiting", checkCancelledWaiting)
	for _, kind := range replay.Kinds() {
		c.bubble(t, "every request: "+kind.String(), func(t *testing.T, r *reader) {
			r.upstream.Inject(replay.Fault{Kind: kind})
			err := r.read(t.Context())
			if err == nil && len(r.batches) < len(good) {
				t.Errorf("%d of %d units were read and no error was returned", len(r.batches), len(good))
			}
			sameBatches(t, good, r.batches, false)
		})
		c.bubble(t, "first request once: "+kind.String(), func(t *testing.T, r *reader) {
			r.upstream.Inject(replay.Fault{Kind: kind, Times: 1})
			err := r.read(t.Context())
			if err != nil && kind != replay.Endless {
				t.Errorf("a passing fault was not overcome: %v", err)
			}
			sameBatches(t, good, r.batches, err == nil)
		})
	}
	c.eachRequestRefused(t, good)
}

// eachRequestRefused refuses one request after another for good and wants the units that do not need it.
func (c Case) eachRequestRefused(t *testing.T, good []pipelines.Batch) {
	asked := 0
	c.bubble(t, "count requests", func(t *testing.T, r *reader) {
		r.mustRead(t)
		asked = len(r.upstream.Requests())
	})
	for i := range asked {
		c.bubble(t, "one request refused", func(t *testing.T, r *reader) {
			r.upstream.Inject(replay.Fault{Kind: replay.Refused, Skip: i, Times: 1})
			err := r.read(t.Context())
			if err == nil && len(r.batches) < len(good) {
				t.Errorf("request %d refused: %d of %d units were read and no error was returned", i, len(r.batches), len(good))
			}
			if len(good) > 1 && len(r.batches) == 0 {
				t.Errorf("request %d refused: no unit was read, want those that do not need it; error: %v", i, err)
			}
			sameBatches(t, good, r.batches, false)
		})
	}
}

// reader is one source in one bubble and what it gave.
type reader struct {
	Case
	source   pipelines.Source
	upstream *replay.Handler
	batches  []pipelines.Batch
}

// bubble runs check in a bubble of its own with a fresh source and returns what was read.
func (c Case) bubble(t *testing.T, name string, check func(*testing.T, *reader)) []pipelines.Batch {
	t.Helper()
	r := &reader{Case: c}
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			env := Env{CacheDir: t.TempDir()}
			if c.Files != nil {
				handler, err := replay.Open(c.Files)
				if err != nil {
					t.Fatal(err)
				}
				network := replay.NewNetwork(handler)
				defer network.Close()
				r.upstream, env.Transport = handler, network.Transport()
			}
			r.source = c.New(t, env)
			check(t, r)
		})
	})
	return r.batches
}

func (r *reader) read(ctx context.Context) error {
	return r.source.Read(ctx, r.Input, func(b pipelines.Batch) error {
		r.batches = append(r.batches, b)
		return nil
	})
}

func (r *reader) mustRead(t *testing.T) []pipelines.Batch {
	t.Helper()
	if err := r.read(t.Context()); err != nil {
		t.Fatalf("read %s: %v", r.source.Name(), err)
	}
	return r.batches
}

func checkGood(t *testing.T, r *reader) {
	var units []string
	rows := 0
	for _, b := range r.mustRead(t) {
		units = append(units, b.Unit)
		rows += b.Rows()
		checkBatch(t, b, r.Input)
	}
	slices.Sort(units)
	want := slices.Sorted(slices.Values(r.WantUnits))
	if diff := cmp.Diff(want, units); diff != "" {
		t.Errorf("units differ (-want +got):\n%s", diff)
	}
	if rows != r.WantRows {
		t.Errorf("the units hold %d rows, want %d", rows, r.WantRows)
	}
}

func checkReceiverError(t *testing.T, r *reader) {
	full := errors.New("disk full")
	calls := 0
	err := r.source.Read(t.Context(), r.Input, func(pipelines.Batch) error {
		calls++
		return full
	})
	if !errors.Is(err, full) || calls != 1 {
		t.Errorf("the receiver failed: Read called it %d times and returned %v, want one call and its error", calls, err)
	}
}

func checkCancelledBefore(t *testing.T, r *reader) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	start := time.Now()
	err := r.read(ctx)
	if !errors.Is(err, context.Canceled) || len(r.batches) != 0 || time.Since(start) > 0 {
		t.Errorf("cancelled before: %d units after %s, error %v; want none, at once, context.Canceled", len(r.batches), time.Since(start), err)
	}
}

func checkCancelledWaiting(t *testing.T, r *reader) {
	r.upstream.Inject(replay.Fault{Kind: replay.Timeout})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	start := time.Now()
	err := r.read(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
		t.Errorf("cancelled after 5 s: returned after %s with error %v, want at once and context.DeadlineExceeded", time.Since(start), err)
	}
}

// sameBatches wants every batch of got to equal good's batch of that unit, each unit
// once, and when all is set every unit of good.
func sameBatches(t *testing.T, good, got []pipelines.Batch, all bool) {
	t.Helper()
	want := map[string]pipelines.Batch{}
	for _, b := range good {
		want[b.Unit] = b
	}
	seen := map[string]bool{}
	for _, b := range got {
		if seen[b.Unit] {
			t.Errorf("unit %s was handed out twice", b.Unit)
		}
		seen[b.Unit] = true
		if diff := cmp.Diff(want[b.Unit], b); diff != "" {
			t.Errorf("unit %s differs from the good read (-good +got):\n%s", b.Unit, diff)
		}
	}
	if all && len(seen) != len(good) {
		t.Errorf("%d units, want the %d of the good read", len(seen), len(good))
	}
}

// checkBatch wants b to be counted honestly and its rows to be complete.
func checkBatch(t *testing.T, b pipelines.Batch, in pipelines.Input) {
	t.Helper()
	if b.Unit == "" {
		t.Error("a batch has no unit")
	}
	if b.RowsIn != b.Rows()+len(b.Rejects) {
		t.Errorf("unit %s: RowsIn %d, but %d rows and %d rejects", b.Unit, b.RowsIn, b.Rows(), len(b.Rejects))
	}
	checkRows(t, b.Unit, dataset.KPIPoints(), b.KPIPoints, in.AsOf)
	checkRows(t, b.Unit, dataset.Articles(), b.Articles, in.AsOf)
	checkRows(t, b.Unit, dataset.Tones(), b.Tones, in.AsOf)
	checkRows(t, b.Unit, dataset.WeatherDays(), b.WeatherDays, in.AsOf)
	checkRows(t, b.Unit, dataset.WeatherHours(), b.WeatherHours, in.AsOf)
	checkRows(t, b.Unit, dataset.Places(), b.Places, in.AsOf)
	checkRows(t, b.Unit, dataset.Rates(), b.Rates, in.AsOf)
	checkRows(t, b.Unit, dataset.Holidays(), b.Holidays, in.AsOf)
	for _, reject := range b.Rejects {
		if reject.Dataset == "" || reject.Reason == "" || len(reject.Raw) > pipelines.MaxRawBytes {
			t.Errorf("unit %s: reject %+v: want a dataset, a reason and at most %d bytes of raw text", b.Unit, reject, pipelines.MaxRawBytes)
		}
	}
}
