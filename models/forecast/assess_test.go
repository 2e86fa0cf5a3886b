package forecast_test

import (
	"math"
	"testing"

	"github.com/signalcraft/signalcraft/models/forecast"
	"github.com/signalcraft/signalcraft/models/series"
)

// How a forecast did in the window stands beside how the seasonal naive one did, in the same terms, and bounds cover there what they say; with and without
// known effects, which make the history that methods see another one.
func TestForecastsAreAssessed(t *testing.T) {
	const count, days = 30, 500
	closed := on(10, 100, 200, 300)
	known := &series.Known{FirstDay: 1000, Columns: []series.KnownColumn{
		{Name: "holiday", Kind: series.Calendar, Values: repeat(days+30, on(35, 120, 250, 331))},
		{Name: "closed", Kind: series.Closed, Values: repeat(days+30, closed)},
	}}
	var all [][]float64
	for seed := range uint64(count) {
		base := weekly(days, seed)
		all = append(all, repeat(days, func(i int) float64 { return base[i] * (1 - 0.7*known.Columns[0].Values[i]) * (1 - closed(i)) }))
	}
	b := batchOf(series.Anything(), all...)
	without := run(t, b, forecast.Options{})
	for range count {
		b.Known = append(b.Known, known)
	}
	with := run(t, b, forecast.Options{})
	for name, v := range map[string]*forecast.Vintage{"without": without, "with": with} {
		mase, baseline := mean(v.MASE), mean(v.BaselineMASE)
		in80, in95 := mean(v.Coverage80), mean(v.Coverage95)
		t.Logf("%s: MASE %.3f, seasonal naive %.3f, coverage %.3f and %.3f", name, mase, baseline, in80, in95)
		if mase > 0.9*baseline || baseline < 0.7 || baseline > 1.6 {
			t.Errorf("%s: MASE %.3f, that of the seasonal naive forecast %.3f", name, mase, baseline)
		}
		if in80 < 0.75 || in80 > 0.93 || in95 < 0.92 || in95 > 0.995 {
			t.Errorf("%s: coverage %.3f and %.3f", name, in80, in95)
		}
	}
	if mean(with.MASE) > 0.9*mean(without.MASE) {
		t.Errorf("MASE %.3f with what is known, %.3f without: want a tenth less", mean(with.MASE), mean(without.MASE))
	}
	short := run(t, batchOf(series.Anything(), []float64{1, 2, 3}, nil), forecast.Options{})
	if !math.IsNaN(short.BaselineMASE[0]) || !math.IsNaN(short.Coverage80[1]) || short.Shift[0] != forecast.NoShift {
		t.Errorf("too short to measure, but measured: %v, %v, %v", short.BaselineMASE, short.Coverage80, short.Shift)
	}
}
