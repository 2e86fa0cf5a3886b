package series_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/signalcraft/signalcraft/models/series"
)

var nan = math.NaN()

func build(t *testing.T, b *series.Builder) *series.Batch {
	t.Helper()
	batch, err := b.Build()
	if err != nil {
		t.Fatalf("Build: %v", err)
	}
	if err := batch.Validate(); err != nil {
		t.Fatalf("Validate: %v", err)
	}
	return batch
}

func appendRows(t *testing.T, b *series.Builder, business, kpi string, days []int32, values []float64) {
	t.Helper()
	businesses, kpis := make([]string, len(days)), make([]string, len(days))
	for i := range days {
		businesses[i], kpis[i] = business, kpi
	}
	if err := b.Append(businesses, kpis, days, values); err != nil {
		t.Fatalf("Append: %v", err)
	}
}

func TestBuilderLaysRowsOnTheCalendar(t *testing.T) {
	var b series.Builder
	b.Declare("acme", "orders", series.NonNegative())
	err := b.Append(
		[]string{"acme", "acme", "acme", "acme"},
		[]string{"orders", "orders", "visits", "visits"},
		[]int32{100, 103, 7, 8},
		[]float64{1, 4, 10, nan})
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	appendRows(t, &b, "acme", "visits", []int32{9}, []float64{12})                     // continues in the next chunk
	appendRows(t, &b, "bolt", "orders", []int32{5, 3, 5, 4}, []float64{50, 30, 55, 0}) // unsorted, day 5 twice
	appendRows(t, &b, "acme", "orders", []int32{99}, []float64{0.5})                   // comes back, before its first day
	b.Declare("bolt", "silent", series.Anything())

	got := build(t, &b)
	want := &series.Batch{
		BusinessID: []string{"acme", "acme", "bolt", "bolt"},
		KPIID:      []string{"orders", "visits", "orders", "silent"},
		FirstDay:   []int32{99, 7, 3, 0},
		Range:      []series.Range{series.NonNegative(), series.Anything(), series.Anything(), series.Anything()},
		Offsets:    []int{0, 5, 8, 11, 11},
		Values:     []float64{0.5, 1, nan, nan, 4, 10, nan, 12, 30, 0, 55},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("batch (-want +got):\n%s", diff)
	}
	if got.LastDay(0) != 103 || got.LastDay(3) != -1 || got.Observed(0) != 3 {
		t.Errorf("last days %d and %d, observed %d: want 103, -1, 3", got.LastDay(0), got.LastDay(3), got.Observed(0))
	}
}

func TestBuilderRefusesAnAbsurdSpanAndKeepsTheRest(t *testing.T) {
	var b series.Builder
	appendRows(t, &b, "acme", "typo", []int32{math.MinInt32, math.MaxInt32}, []float64{1, 2})
	appendRows(t, &b, "acme", "good", []int32{1, 2}, []float64{1, 2})
	batch, err := b.Build()
	if err == nil || !strings.Contains(err.Error(), "acme/typo") {
		t.Errorf("error %v does not name series acme/typo", err)
	}
	if diff := cmp.Diff([]string{"good"}, batch.KPIID); diff != "" {
		t.Errorf("series kept (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]float64{1, 2}, batch.Series(0)); diff != "" {
		t.Errorf("values kept (-want +got):\n%s", diff)
	}
}

func TestAppendRefusesUnequalColumns(t *testing.T) {
	var b series.Builder
	if err := b.Append([]string{"a"}, []string{"k", "k"}, []int32{1}, []float64{1}); err == nil {
		t.Error("columns of unequal length were taken")
	}
	if batch := build(t, &b); batch.Len() != 0 {
		t.Errorf("refused rows left %d series", batch.Len())
	}
}

func TestSliceSharesValues(t *testing.T) {
	var b series.Builder
	for s := range 4 {
		appendRows(t, &b, "acme", fmt.Sprint(s), []int32{int32(s), int32(s) + 1}, []float64{float64(s), float64(s) + 0.5})
	}
	batch := build(t, &b)
	part := batch.Slice(1, 3)
	if err := part.Validate(); err != nil {
		t.Fatalf("Validate: %v", err)
	}
	if diff := cmp.Diff([]string{"1", "2"}, part.KPIID); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if &part.Series(1)[0] != &batch.Series(2)[0] {
		t.Error("slice copied its values")
	}
	if got := cap(part.Series(0)); got != 2 {
		t.Errorf("series has capacity %d: an append would write into its neighbour", got)
	}
}

func TestValidateFindsBrokenColumns(t *testing.T) {
	check := func(b series.Batch) {
		t.Helper()
		if b.Validate() == nil {
			t.Errorf("accepted %+v", b)
		}
	}
	check(series.Batch{KPIID: []string{"k"}})
	good := series.Batch{BusinessID: []string{"b", "b"}, KPIID: []string{"k", "l"}, FirstDay: []int32{0, 0}, Range: []series.Range{series.Anything(), series.Anything()}}
	good.Values = []float64{1, 2}
	check(good)
	good.Offsets = []int{0, 1, 3}
	check(good)
	good.Offsets = []int{0, 3, 2}
	check(good)
}

// Any order of rows with distinct days gives the same values, day by day.
func TestBuilderIgnoresRowOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		days := rapid.SliceOfNDistinct(rapid.Int32Range(-400, 400), 1, 50, rapid.ID[int32]).Draw(rt, "days")
		order := rapid.Permutation(days).Draw(rt, "order")
		value := func(d int32) float64 { return float64(d) * 1.5 }
		fill := func(days []int32) *series.Batch {
			var b series.Builder
			values := make([]float64, len(days))
			for i, d := range days {
				values[i] = value(d)
			}
			cut := len(days) / 2
			appendRows(t, &b, "a", "k", days[:cut], values[:cut])
			appendRows(t, &b, "a", "k", days[cut:], values[cut:])
			return build(t, &b)
		}
		one, two := fill(days), fill(order)
		if diff := cmp.Diff(one, two, cmpopts.EquateNaNs()); diff != "" {
			rt.Fatalf("row order changed the batch:\n%s", diff)
		}
		if one.Observed(0) != len(days) {
			rt.Fatalf("%d rows became %d values", len(days), one.Observed(0))
		}
		for i, v := range one.Series(0) {
			if !math.IsNaN(v) && v != value(one.FirstDay[0]+int32(i)) {
				rt.Fatalf("day %d holds %v", one.FirstDay[0]+int32(i), v)
			}
		}
	})
}

func BenchmarkBuilder(b *testing.B) {
	const count, length = 100, 1096
	businesses, kpis := make([]string, count*length), make([]string, count*length)
	days, values := make([]int32, count*length), make([]float64, count*length)
	for i := range days {
		businesses[i], kpis[i], days[i], values[i] = "acme", fmt.Sprint("kpi-", i/length), int32(i%length), float64(i)
	}
	b.ReportAllocs()
	for b.Loop() {
		var builder series.Builder
		if err := builder.Append(businesses, kpis, days, values); err != nil {
			b.Fatal(err)
		}
		if _, err := builder.Build(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*count*length/b.Elapsed().Seconds(), "rows/s")
}

func ExampleBuilder() {
	var b series.Builder
	b.Declare("cafe", "orders", series.NonNegative())
	if err := b.Append([]string{"cafe", "cafe"}, []string{"orders", "orders"}, []int32{20000, 20002}, []float64{12, 15}); err != nil {
		fmt.Println(err)
	}
	batch, err := b.Build()
	fmt.Println(batch.Series(0), batch.LastDay(0), err)
	// Output: [12 NaN 15] 20002 <nil>
}
