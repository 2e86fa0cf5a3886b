package pipelines_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
)

// giving is a source that hands out batches and then fails.
type giving struct {
	batches []pipelines.Batch
	err     error
}

func (l giving) Name() string { return "giving" }

func (l giving) Read(_ context.Context, _ pipelines.Input, out func(pipelines.Batch) error) error {
	for _, b := range l.batches {
		if err := out(b); err != nil {
			return err
		}
	}
	return l.err
}

func TestReadAheadHandsOutTheSame(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 123000, time.UTC)
	line, business := int64(7), "b"
	var batches []pipelines.Batch
	for _, rows := range []int{0, 3, 19_000, 5_000, 40_000} {
		b := pipelines.Batch{Unit: "u", RowsIn: rows + 1, Rejects: []dataset.RejectRow{{Source: "s", BusinessID: &business, Line: &line, Reason: "r", Raw: "x", LandedAt: at}}}
		for i := range rows {
			b.KPIPoints = append(b.KPIPoints, dataset.KPIPointRow{BusinessID: business, KPIID: "k", At: at.Add(time.Duration(i) * time.Second), Value: float64(i), LandedAt: at})
		}
		batches = append(batches, b)
	}
	batches = append(batches, pipelines.Batch{Unit: "v", KPIs: []dataset.KPIRow{}}) // which means: remove all
	failed := errors.New("the last unit failed")
	dir := t.TempDir()
	ahead, err := pipelines.ReadAhead(t.Context(), giving{batches, failed}, pipelines.Input{}, dir)
	if !errors.Is(err, failed) || ahead.Name() != "giving" {
		t.Errorf("read ahead of %s: %v, want the source's name and error", ahead.Name(), err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("the folder shows %v, %v; want no names that a crash would leave", left, err)
	}
	for range 2 {
		found := map[string]int{}
		var got []pipelines.Batch
		err := ahead.Read(t.Context(), pipelines.Input{}, func(b pipelines.Batch) error {
			got = append(got, b)
			found[b.Unit] += b.RowsIn
			return nil
		})
		if err != nil || found["u"] != 64_008 || len(got) != len(batches) {
			t.Fatalf("handed out %d batches with %d rows, %v; want %d with 64008", len(got), found["u"], err, len(batches))
		}
		for _, b := range got {
			match := false
			for _, want := range batches {
				match = match || cmp.Equal(want, b)
			}
			if !match {
				t.Errorf("a batch of %d rows is none of those that were read", b.RowsIn)
			}
		}
	}
	stop := errors.New("enough")
	if err := ahead.Read(t.Context(), pipelines.Input{}, func(pipelines.Batch) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("stopped by the receiver: %v", err)
	}
	if err := errors.Join(ahead.Close(), ahead.Close()); err != nil {
		t.Error(err)
	}
}
