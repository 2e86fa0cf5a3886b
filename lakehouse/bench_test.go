package lakehouse_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/lakehouse/laketest"
)

// manyPoints is three years of daily values of a thousand KPIs of fifty businesses, in random order.
func manyPoints(n int) []dataset.KPIPointRow {
	random := rand.New(rand.NewPCG(1, 2))
	start := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
	ids := make([]string, 1050)
	for i := range ids {
		ids[i] = fmt.Sprintf("%08x-%04x-7000-8000-%012x", random.Uint32(), i, random.Uint64N(1<<48))
	}
	rows := make([]dataset.KPIPointRow, n)
	for i := range rows {
		kpi := i % 1000
		rows[i] = dataset.KPIPointRow{BusinessID: ids[1000+kpi%50], KPIID: ids[kpi], At: start.AddDate(0, 0, i/1000),
			Value: 100 + 10*random.NormFloat64(), SourceID: ids[1000+kpi%50], LandedAt: start}
	}
	random.Shuffle(n, func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return rows
}

func BenchmarkAppend(b *testing.B) {
	const n = 1_100_000
	rows := manyPoints(n)
	l := laketest.New(b)
	ensure(b, l, dataset.KPIPoints())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := lakehouse.Append(b.Context(), l, dataset.KPIPoints(), lakehouse.Commit{}, rows); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkScan(b *testing.B) {
	const n = 1_100_000
	l := laketest.New(b)
	ensure(b, l, dataset.KPIPoints())
	land(b, l, lakehouse.Commit{}, manyPoints(n)...)
	for b.Loop() {
		batches, err := l.Scan(b.Context(), "raw.kpi_points", []string{"kpi_id", "at", "value"}, lakehouse.ReadOptions{})
		if err != nil {
			b.Fatal(err)
		}
		rows := 0
		for batch, err := range batches {
			if err != nil {
				b.Fatal(err)
			}
			rows += int(batch.NumRows())
			batch.Release()
		}
		if rows != n {
			b.Fatalf("read %d rows, want %d", rows, n)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkHeads asks 25 tables of 40 snapshots each for their heads, with a lake that
// has just been opened, which is what a run begins with.
func BenchmarkHeads(b *testing.B) {
	db, dir := newPlace(b)
	l := laketest.Open(b, db, dir)
	for i := range 25 {
		d := dataset.KPIPoints()
		d.Name = fmt.Sprintf("raw.table_%d", i)
		ensure(b, l, d)
		for j := range 40 {
			at := time.Date(2024, time.Month(j), 1, 0, 0, 0, 0, time.UTC)
			if _, err := lakehouse.Append(b.Context(), l, d, lakehouse.Commit{}, []dataset.KPIPointRow{point(at, 1)}); err != nil {
				b.Fatal(err)
			}
		}
	}
	heads := func(b *testing.B, l *lakehouse.Lake) {
		if heads, err := l.Heads(b.Context()); err != nil || len(heads) != 25 {
			b.Fatalf("Heads = %d tables, %v, want 25", len(heads), err)
		}
	}
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			heads(b, laketest.Open(b, db, dir))
		}
	})
	b.Run("warm", func(b *testing.B) {
		for b.Loop() {
			heads(b, l)
		}
	})
}
