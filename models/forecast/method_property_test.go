package forecast_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/signalcraft/signalcraft/models/forecast"
	"github.com/signalcraft/signalcraft/models/series"
)

// seasonOf is the season that the methods are tested with.
const seasonOf = 7

// plainSeries draws a series that methods of every sort can be fitted to: positive, or intermittent, with a week and noise.
func plainSeries(rt *rapid.T) []float64 { return drawn(rt, rapid.Bool().Draw(rt, "sparse")) }

func drawn(rt *rapid.T, sparse bool) []float64 {
	n := rapid.IntRange(40, 200).Draw(rt, "n")
	level := rapid.Float64Range(20, 200).Draw(rt, "level")
	amplitude := rapid.Float64Range(0, 0.4).Draw(rt, "amplitude")
	drift := rapid.Float64Range(-0.05, 0.1).Draw(rt, "drift")
	noise := rapid.SliceOfN(rapid.Float64Range(-0.2, 0.2), n, n).Draw(rt, "noise")
	values := make([]float64, n)
	for t := range values {
		values[t] = level * (1 + amplitude*math.Sin(2*math.Pi*float64(t)/seasonOf) + noise[t] + drift*float64(t)/float64(n))
		if sparse && t%3 != 0 && noise[t] < 0.15 {
			values[t] = 0
		}
	}
	return values
}

func byMethod(t testing.TB, method string, b *series.Batch, workers int) *forecast.Vintage {
	t.Helper()
	v, err := forecast.Forecast(t.Context(), b, forecast.Options{Horizon: 10, Season: seasonOf, Method: method, Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// everyMethod runs a property for each single method, and for the default, which is the empty name.
func everyMethod(t *testing.T, property func(rt *rapid.T, method string)) {
	t.Helper()
	for _, method := range append(forecast.Methods(seasonOf), "") {
		name := method
		if name == "" {
			name = "default"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) { property(rt, method) })
		})
	}
}

// What is multiplied by a power of two is forecast multiplied by it, to the last bit: methods see values brought near 1.
func TestEveryMethodIsScaleEquivariant(t *testing.T) {
	everyMethod(t, func(rt *rapid.T, method string) {
		values := plainSeries(rt)
		factor := math.Ldexp(1, rapid.IntRange(-60, 60).Draw(rt, "exponent"))
		scaled := make([]float64, len(values))
		for i, x := range values {
			scaled[i] = x * factor
		}
		v := byMethod(t, method, batchOf(series.Anything(), values, scaled), 1)
		lo, hi := v.Rows(0)
		other, _ := v.Rows(1)
		for row := lo; row < hi; row++ {
			for _, column := range [][]float64{v.Mean, v.Lower95, v.Upper95} {
				if column[row]*factor != column[other+row-lo] {
					rt.Fatalf("day %d: %g times %g is not %g", row-lo+1, column[row], factor, column[other+row-lo])
				}
			}
		}
	})
}

// Methods that take no logarithm and no ratio move with what is added to the series, as near as their optimisers go. Theta's and the
// clipped ones' season divides when values are positive, so they are not among them; nor are series with many zeros, which are
// treated as such only until something is added.
func TestAdditiveMethodsAreShiftEquivariant(t *testing.T) {
	for _, method := range []string{"naive", "average", "drift", "ets(A,N,N)", "ets(A,Ad,N)", "seasonal naive(7)", "ets(A,N,A)", "ets(A,Ad,A)", "ets(A,A,A)"} {
		t.Run(method, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				values := drawn(rt, false)
				// A shift by a sixteenth of the scale keeps the exponent that values are brought near 1 by, or changes it by one.
				shift := rapid.Float64Range(0, 30).Draw(rt, "shift")
				moved, size := make([]float64, len(values)), 0.0
				for i, x := range values {
					moved[i] = x + shift
					size = max(size, math.Abs(moved[i]))
				}
				v := byMethod(t, method, batchOf(series.Anything(), values, moved), 1)
				lo, hi := v.Rows(0)
				other, _ := v.Rows(1)
				for row := lo; row < hi; row++ {
					if got, want := v.Mean[other+row-lo], v.Mean[row]+shift; math.Abs(got-want) > 0.02*size {
						rt.Fatalf("day %d: %g, want %g", row-lo+1, got, want)
					}
				}
			})
		})
	}
}

// A series' forecast is its own: whatever stands beside it, in what order, and however many workers there are; and twice the same.
func TestEveryMethodDependsOnTheSeriesAlone(t *testing.T) {
	everyMethod(t, func(rt *rapid.T, method string) {
		a, b := plainSeries(rt), plainSeries(rt)
		one := byMethod(t, method, batchOf(series.NonNegative(), a, b, a), 1)
		two := byMethod(t, method, batchOf(series.NonNegative(), b, a), 2)
		same := func(v, w *forecast.Vintage, i, j int) {
			lo, hi := v.Rows(i)
			from, to := w.Rows(j)
			if hi-lo != to-from || v.Method[i] != w.Method[j] {
				rt.Fatalf("%d rows of %q and %d rows of %q", hi-lo, v.Method[i], to-from, w.Method[j])
			}
			for k := range hi - lo {
				if v.Mean[lo+k] != w.Mean[from+k] || v.Lower80[lo+k] != w.Lower80[from+k] || v.Upper95[lo+k] != w.Upper95[from+k] {
					rt.Fatalf("day %d: %g and %g", k+1, v.Mean[lo+k], w.Mean[from+k])
				}
			}
		}
		same(one, two, 0, 1)
		same(one, two, 1, 0)
		same(one, one, 0, 2)
	})
}

// Whatever the series holds, rows are finite, in order and inside the range; only an infinite value is refused.
func TestEveryMethodBearsAnySeries(t *testing.T) {
	everyMethod(t, func(rt *rapid.T, method string) {
		r := rapid.SampledFrom(ranges()).Draw(rt, "range")
		b := batchOf(r, anySeries(rt, "a"), oddSeries(rt))
		v, err := forecast.Forecast(t.Context(), b, forecast.Options{Horizon: 10, Season: seasonOf, Method: method, Workers: 1})
		var refused *forecast.SeriesError
		if v == nil || err != nil && !errors.As(err, &refused) {
			rt.Fatal(err)
		}
		for row := range v.Len() {
			chain := []float64{r.Lowest, v.Lower95[row], v.Lower80[row], v.Mean[row], v.Upper80[row], v.Upper95[row], r.Highest}
			for k := 1; k < len(chain); k++ {
				if !(chain[k-1] <= chain[k]) || math.IsInf(v.Mean[row], 0) {
					rt.Fatalf("row %d of %s: %v", row, v.Method[v.Series[row]], chain)
				}
			}
		}
	})
}

// oddSeries draws what the world sends at its worst.
func oddSeries(rt *rapid.T) []float64 {
	size := rapid.SampledFrom([]float64{0, 1e-300, 1e-12, 1, 1e15, 1e300, -1}).Draw(rt, "size")
	values := make([]float64, rapid.SampledFrom([]int{0, 1, 2, 3, 7, 8, 30, 90}).Draw(rt, "length"))
	for i := range values {
		switch rapid.SampledFrom([]string{"level", "level", "noise", "missing", "zero", "wild"}).Draw(rt, "value") {
		case "level":
			values[i] = size
		case "noise":
			values[i] = size * rapid.Float64Range(0.5, 1.5).Draw(rt, "noise")
		case "missing":
			values[i] = nan
		case "wild":
			values[i] = -50 * size
		}
	}
	return values
}

// A million values are cut to the history that is fitted, and cost no more than it.
func TestAMillionValues(t *testing.T) {
	values := make([]float64, 1_000_000)
	for i := range values {
		values[i] = 100 + 10*math.Sin(2*math.Pi*float64(i)/seasonOf)
	}
	long := run(t, batchOf(series.Anything(), values), forecast.Options{})
	short := run(t, batchOf(series.Anything(), values[len(values)-1100:]), forecast.Options{})
	for row := range long.Len() {
		if long.Mean[row] != short.Mean[row] {
			t.Fatalf("day %d: %g of a million values, %g of the last 1,100", row+1, long.Mean[row], short.Mean[row])
		}
	}
}
