package forecast_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/signalcraft/signalcraft/models/forecast"
	"github.com/signalcraft/signalcraft/models/series"
)

// anySeries draws values of every kind that a KPI might send.
func anySeries(rt *rapid.T, label string) []float64 {
	magnitude := math.Pow(10, float64(rapid.IntRange(-300, 300).Draw(rt, label+" magnitude")))
	value := rapid.OneOf(
		rapid.Float64Range(-1, 1),
		rapid.SampledFrom([]float64{0, 0, 0, 1, 1, -1, 1e-9, 1e6, nan}),
	)
	out := rapid.SliceOfN(value, 0, 90).Draw(rt, label)
	for i := range out {
		out[i] *= magnitude
	}
	return out
}

func TestEverySeriesGetsASoundForecast(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := batchOf(rapid.SampledFrom(ranges()).Draw(rt, "range"), anySeries(rt, "a"), anySeries(rt, "b"), anySeries(rt, "c"))
		horizon := rapid.IntRange(1, 40).Draw(rt, "horizon")
		opt := forecast.Options{Horizon: horizon, Season: rapid.SampledFrom([]int{1, 2, 7, 24}).Draw(rt, "season"), Workers: 1}
		v, err := forecast.Forecast(t.Context(), b, opt)
		if err != nil {
			rt.Fatal(err)
		}
		if err := sound(b, v, horizon); err != nil {
			rt.Fatal(err)
		}

		// Neither workers nor order and company of the series matter.
		shuffled := batchOf(b.Range[0], b.Series(2), b.Series(0), b.Series(1), b.Series(1))
		opt.Workers = 3
		w, err := forecast.Forecast(t.Context(), shuffled, opt)
		if err != nil {
			rt.Fatal(err)
		}
		for i, j := range []int{1, 2, 0} {
			lo, hi := v.Rows(i)
			from, to := w.Rows(j)
			if diff := cmp.Diff(v.Upper95[lo:hi], w.Upper95[from:to]) + cmp.Diff(v.Mean[lo:hi], w.Mean[from:to]) + cmp.Diff(v.Method[i], w.Method[j]); diff != "" {
				rt.Fatalf("series %d depends on its company:\n%s", i, diff)
			}
		}
	})
}

// Doubling a series any number of times doubles its forecast as often, exactly.
func TestScaleEquivariance(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		values := weekly(rapid.IntRange(1, 150).Draw(rt, "n"), rapid.Uint64().Draw(rt, "seed"))
		factor := math.Ldexp(1, rapid.IntRange(-60, 60).Draw(rt, "doublings"))
		scaled := repeat(len(values), func(i int) float64 { return values[i] * factor })
		v, err := forecast.Forecast(t.Context(), batchOf(series.Anything(), values, scaled), forecast.Options{Workers: 1})
		if err != nil {
			rt.Fatal(err)
		}
		for h := range 30 {
			if v.Mean[h]*factor != v.Mean[30+h] || v.Lower80[h]*factor != v.Lower80[30+h] || v.Method[0] != v.Method[1] {
				rt.Fatalf("times %v, horizon %d: %v became %v by %s and %s", factor, h+1, v.Mean[h], v.Mean[30+h], v.Method[0], v.Method[1])
			}
		}
	})
}

// ranges are declarations of every sort.
func ranges() []series.Range {
	return []series.Range{
		series.Anything(), series.NonNegative(),
		{Lowest: 0, Highest: 100}, {Lowest: 0, Highest: math.Inf(1), Integer: true}, {Lowest: -2.5, Highest: 7.5, Integer: true},
	}
}
