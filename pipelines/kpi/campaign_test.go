package kpi_test

import (
	"context"
	"fmt"
	"io"

	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
	"github.com/signalcraft/signalcraft/pipelines/kpi/kpitest"
)

// TestUploadsAreHonestToTheReader reads random files in every format and dialect with random damage: what is good lands as it
// was written, everything else is refused, and together they are what was sent. SIGNALCRAFT_CAMPAIGN=long reads 20,000.
func TestUploadsAreHonestToTheReader(t *testing.T) {
	files := 400
	if os.Getenv("SIGNALCRAFT_CAMPAIGN") == "long" {
		files = 20_000
	}
	seed := uint64(20260331)
	var sent, landed, refused, unreadable int
	mismatches, read := 0, 0
	for n := range files {
		read++
		file, err := kpitest.New(rand.New(rand.NewPCG(seed, uint64(n))), "k")
		if err != nil {
			t.Fatalf("seed %d, file %d: %v", seed, n, err)
		}
		counts, wrong := readCampaignFile(t, file)
		if wrong != "" {
			mismatches++
			t.Errorf("seed %d, file %d (%s): %s", seed, n, file.Name, wrong)
		}
		sent, landed, refused = sent+counts.Sent(), landed+counts.Points, refused+counts.Rejects
		if file.Unreadable {
			unreadable++
		}
		if mismatches > 5 {
			break
		}
	}
	t.Logf("campaign uploads, reader: seed %d, %d files (%d unreadable), %d values sent, %d landed, %d refused; %d mismatches",
		seed, read, unreadable, sent, landed, refused, mismatches)
}

// readCampaignFile reads a file and says what is wrong with what came of it.
func readCampaignFile(t *testing.T, file *kpitest.File) (counts kpi.Counts, wrong string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, file.Bytes, 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(context.Context) (io.ReadCloser, error) { return os.Open(path) }
	source := newSource(t, kpi.Config{Files: []kpi.File{{BusinessID: "b", SourceID: "s", Open: open, Spec: file.Spec, Counted: func(c kpi.Counts) { counts = c }}}})
	got := map[kpitest.Point]float64{}
	rejects := 0
	firstReason := ""
	err := source.Read(t.Context(), pipelines.Input{AsOf: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}, func(b pipelines.Batch) error {
		for _, p := range b.KPIPoints {
			got[kpitest.Point{KPI: p.KPIID, Micros: p.At.UnixMicro()}] = p.Value
		}
		for _, r := range b.Rejects {
			rejects++
			firstReason = r.Reason
		}
		return nil
	})
	switch {
	case file.Unreadable && err == nil:
		return counts, "it was read, though its end is missing"
	case file.Unreadable:
		if len(got)+rejects > 0 {
			return counts, "something of an unreadable file was handed out"
		}
		return counts, ""
	case err != nil:
		return counts, err.Error()
	}
	for p, value := range file.Want {
		if have, ok := got[p]; !ok || have != value {
			return counts, "a good value was altered or lost: " + p.KPI + " at " + time.UnixMicro(p.Micros).UTC().String() + "; a reason: " + firstReason
		}
	}
	if len(got) != len(file.Want) {
		return counts, "something landed that was not good"
	}
	if rejects != file.Rejects || counts.Repeats != file.Repeats || counts.Sent() != file.Sent() || counts.Points != len(file.Want) {
		return counts, fmt.Sprintf("the sums differ: %+v and %d rejects, want %d points, %d rejects, %d repeats", counts, rejects, len(file.Want), file.Rejects, file.Repeats)
	}
	return counts, ""
}

var _ kpi.Anywhere = (*os.File)(nil)
