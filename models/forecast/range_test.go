package forecast_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/signalcraft/signalcraft/models/forecast"
	"github.com/signalcraft/signalcraft/models/series"
)

// poisson draws a count by Knuth's product of uniforms.
func poisson(random *rand.Rand, rate float64) float64 {
	limit, product, count := math.Exp(-rate), random.Float64(), 0.0
	for product > limit {
		product *= random.Float64()
		count++
	}
	return count
}

// Bounds of counts cover about what they say, however small the counts are, and are no wider than whole numbers ask for: no
// bound is the first number outside.
func TestBoundsOfCountsCover(t *testing.T) {
	const count, days, horizon = 40, 400, 30
	for _, rate := range []float64{0.2, 1, 5, 60} {
		random := rand.New(rand.NewPCG(uint64(rate*10), 3))
		var past, future [][]float64
		for range count {
			values := repeat(days+horizon, func(i int) float64 {
				return poisson(random, rate*[]float64{0.8, 0.8, 0.9, 1, 1.2, 1.5, 0.8}[i%7])
			})
			past, future = append(past, values[:days]), append(future, values[days:])
		}
		counts := series.Range{Lowest: 0, Highest: math.Inf(1), Integer: true}
		b := batchOf(counts, past...)
		v := run(t, b, forecast.Options{Horizon: horizon})
		if err := sound(b, v, horizon); err != nil {
			t.Fatal(err)
		}
		in80, in95, width := 0.0, 0.0, 0.0
		for row := range v.Len() {
			y := future[v.Series[row]][v.Horizon[row]-1]
			if v.Lower80[row] <= y && y <= v.Upper80[row] {
				in80 += 1 / float64(v.Len())
			}
			if v.Lower95[row] <= y && y <= v.Upper95[row] {
				in95 += 1 / float64(v.Len())
			}
			width += (v.Upper95[row] - v.Lower95[row]) / float64(v.Len())
			for _, bound := range []float64{v.Lower95[row], v.Lower80[row], v.Mean[row], v.Upper80[row], v.Upper95[row]} {
				if bound != math.Round(bound) {
					t.Fatalf("rate %g: bound %v is no count", rate, bound)
				}
			}
		}
		t.Logf("rate %g: 80 %% bounds cover %.3f, 95 %% bounds %.3f, %.1f wide", rate, in80, in95, width)
		// A count of rate 0.2 is zero on four days of five: the smallest set of counts covers more than it is asked to.
		if in80 < 0.76 || in80 > 0.84 && rate > 0.5 || in95 < 0.93 || in95 > 0.975 {
			t.Errorf("rate %g: 80 %% bounds cover %.3f, 95 %% bounds %.3f", rate, in80, in95)
		}
	}
}

// A share between 0 and 1 near its end keeps inside, and its bounds cover.
func TestBoundsOfSharesCover(t *testing.T) {
	const count, days, horizon = 40, 400, 30
	random := rand.New(rand.NewPCG(3, 9))
	var past, future [][]float64
	for range count {
		values := repeat(days+horizon, func(int) float64 { return 1 - 0.03*random.ExpFloat64() })
		past, future = append(past, values[:days]), append(future, values[days:])
	}
	b := batchOf(series.Range{Lowest: 0, Highest: 1}, past...)
	v := run(t, b, forecast.Options{Horizon: horizon})
	if err := sound(b, v, horizon); err != nil {
		t.Fatal(err)
	}
	in80, in95 := 0.0, 0.0
	for row := range v.Len() {
		y := future[v.Series[row]][v.Horizon[row]-1]
		if v.Lower80[row] <= y && y <= v.Upper80[row] {
			in80 += 1 / float64(v.Len())
		}
		if v.Lower95[row] <= y && y <= v.Upper95[row] {
			in95 += 1 / float64(v.Len())
		}
	}
	if in80 < 0.76 || in80 > 0.86 || in95 < 0.92 || in95 > 0.98 {
		t.Errorf("80 %% bounds cover %.3f, 95 %% bounds %.3f", in80, in95)
	}
}
