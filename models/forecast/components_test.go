package forecast_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/signalcraft/signalcraft/models/forecast"
	"github.com/signalcraft/signalcraft/models/series"
)

// addsUp returns a complaint when a row's components do not sum to its mean before that was brought into the range.
func addsUp(b *series.Batch, v *forecast.Vintage) error {
	for row := range v.Len() {
		columns := []float64{v.Trend[row], v.Seasonal[row], v.LongSeasonal[row], v.Calendar[row], v.Measured[row]}
		sum, largest := 0.0, 0.0
		for _, c := range columns {
			sum += c
			largest = max(largest, math.Abs(c))
		}
		want := b.Range[v.Series[row]].Clamp(sum)
		if math.IsNaN(sum) || math.IsInf(sum, 0) || (math.Abs(v.Mean[row]-want) > 1e-9*largest && !b.Range[v.Series[row]].Integer) {
			return fmt.Errorf("series %d by %q, horizon %d: mean %v, components %v sum to %v",
				v.Series[row], v.Method[v.Series[row]], v.Horizon[row], v.Mean[row], columns, sum)
		}
	}
	return nil
}

func TestComponentsSumToTheMean(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := batchOf(rapid.SampledFrom(ranges()).Draw(rt, "range"), anySeries(rt, "a"), anySeries(rt, "b"), weekly(rapid.IntRange(1, 200).Draw(rt, "n"), 3))
		season := rapid.SampledFrom([]int{1, 2, 7, 24}).Draw(rt, "season")
		v := run(t, b, forecast.Options{Horizon: rapid.IntRange(1, 40).Draw(rt, "horizon"), Season: season, Workers: 1})
		if err := addsUp(b, v); err != nil {
			rt.Fatal(err)
		}
	})
	b := business(12, 900)
	if err := addsUp(b, run(t, b, forecast.Options{})); err != nil {
		t.Error(err)
	}
	extremes := batchOf(series.Anything(), repeat(60, func(i int) float64 { return math.MaxFloat64 * float64(i%3-1) }),
		repeat(60, func(i int) float64 { return math.SmallestNonzeroFloat64 * float64(i%3) }))
	if err := addsUp(extremes, run(t, extremes, forecast.Options{})); err != nil {
		t.Error(err)
	}
}

// Week and year of a series made of a level, a week and a year come back as what they are.
func TestComponentsFindWeekAndYear(t *testing.T) {
	week := []float64{-20, -10, 0, 5, 10, 40, -25}
	year := func(i int) float64 { return 60 * math.Sin(2*math.Pi*float64(i)/365) }
	const days = 1095
	noise := weekly(days+30, 3)
	values := repeat(days, func(i int) float64 { return 400 + week[i%7] + year(i) + 0.5*(noise[i]-100-week[i%7]-0.02*float64(i)) })
	v := run(t, batchOf(series.Anything(), values), forecast.Options{})
	if v.Season[0] != 7 || v.LongSeason[0] != 365 {
		t.Fatalf("seasons %d and %d by %q, want 7 and 365", v.Season[0], v.LongSeason[0], v.Method[0])
	}
	for h := range 30 {
		if got, want := v.Seasonal[h], week[(days+h)%7]; math.Abs(got-want) > 6 {
			t.Errorf("day %d: week %.1f, want %.1f", h+1, got, want)
		}
		if got, want := v.LongSeasonal[h]+v.Trend[h], 400+year(days+h); math.Abs(got-want) > 12 {
			t.Errorf("day %d: year and trend %.1f, want %.1f", h+1, got, want)
		}
	}
}

func TestNoSeasonIsSaid(t *testing.T) {
	line := repeat(400, func(i int) float64 { return 1000 + 10*float64(i) })
	v := run(t, batchOf(series.Anything(), line, []float64{3, 5}, nil), forecast.Options{Season: 1})
	for i := range 3 {
		if v.Season[i] != 0 || v.LongSeason[i] != 0 {
			t.Errorf("series %d by %q has seasons %d, %d: want none", i, v.Method[i], v.Season[i], v.LongSeason[i])
		}
	}
	if strings.Contains(v.Method[0], "7") {
		t.Errorf("method %q", v.Method[0])
	}
}
