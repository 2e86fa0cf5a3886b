package anomaly_test

import (
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/signalcraft/signalcraft/models/anomaly"
	"github.com/signalcraft/signalcraft/models/series"
)

// anyValues draws a series: level, season and noise of any size, some values missing, some wild.
func anyValues(t *rapid.T) []float64 {
	n := rapid.IntRange(0, 160).Draw(t, "days")
	level := rapid.Float64Range(-1e6, 1e6).Draw(t, "level")
	size := math.Pow(10, rapid.Float64Range(-12, 12).Draw(t, "magnitude"))
	out := make([]float64, n)
	for i := range out {
		switch kind := rapid.IntRange(0, 19).Draw(t, "kind"); kind {
		case 0:
			out[i] = math.NaN()
		case 1:
			out[i] = rapid.Float64Range(-1e300, 1e300).Draw(t, "wild")
		case 2, 3:
			out[i] = level
		default:
			out[i] = level + size*(math.Sin(2*math.Pi*float64(i)/7)+rapid.Float64Range(-1, 1).Draw(t, "noise"))
		}
	}
	return out
}

// same compares the rows of series i of v with those of series k of w, but for the series' number.
func same(t *rapid.T, v *anomaly.Verdicts, i int, w *anomaly.Verdicts, k, rows int) {
	t.Helper()
	a, _ := v.Rows(i)
	b, _ := w.Rows(k)
	for r := range rows {
		for _, pair := range [][2]any{{v.Day[a+r], w.Day[b+r]}, {v.Score[a+r], w.Score[b+r]}, {v.Kind[a+r], w.Kind[b+r]}, {v.Severity[a+r], w.Severity[b+r]},
			{v.Expected[a+r], w.Expected[b+r]}, {v.Lower[a+r], w.Lower[b+r]}, {v.Upper[a+r], w.Upper[b+r]}, {v.Alarm[a+r], w.Alarm[b+r]},
			{v.Ongoing[a+r], w.Ongoing[b+r]}, {v.Method[a+r], w.Method[b+r]}} {
			if pair[0] != pair[1] {
				t.Fatalf("row %d: %v, want %v", r, pair[0], pair[1])
			}
		}
	}
}

// Rows hold no NaN, scores lie in [0,1], bands in order, and alarms have a severity.
func TestJudgeRowsHold(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		v := judge(t, batch(t, anyValues(rt)), anomaly.Options{ExpectedAlarms: rapid.Float64Range(0.01, 5).Draw(rt, "alarms")})
		for r := range v.Len() {
			for _, x := range []float64{v.Score[r], v.Expected[r], v.Lower[r], v.Upper[r]} {
				if math.IsNaN(x) || math.IsInf(x, 0) {
					rt.Fatalf("row %d: score %g, expected %g in %g to %g", r, v.Score[r], v.Expected[r], v.Lower[r], v.Upper[r])
				}
			}
			if v.Score[r] < 0 || v.Score[r] > 1 || v.Lower[r] > v.Expected[r] || v.Expected[r] > v.Upper[r] {
				rt.Fatalf("row %d: score %g, expected %g in %g to %g", r, v.Score[r], v.Expected[r], v.Lower[r], v.Upper[r])
			}
			if told := v.Alarm[r] || v.Ongoing[r]; told != (v.Severity[r] != anomaly.Harmless) || v.Alarm[r] && v.Ongoing[r] || told && v.Kind[r] == anomaly.Ordinary {
				rt.Fatalf("row %d: alarm %v, ongoing %v, severity %q, kind %v", r, v.Alarm[r], v.Ongoing[r], v.Severity[r], v.Kind[r])
			}
		}
	})
}

// What is said of a day does not change when later days come.
func TestJudgeNeverLooksAhead(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		values := anyValues(rt)
		cut := rapid.IntRange(0, len(values)).Draw(rt, "cut")
		whole, part := judge(t, batch(t, values), anomaly.Options{}), judge(t, batch(t, values[:cut]), anomaly.Options{})
		if part.Len() > whole.Len() {
			rt.Fatalf("%d rows of a part, %d of the whole", part.Len(), whole.Len())
		}
		same(rt, whole, 0, part, 0, part.Len())
	})
}

// The stream gives the same points whatever comes behind them, and a value does not change what was expected of it.
func TestDetectorNeverLooksAhead(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		values := anyValues(rt)
		step := rapid.SampledFrom([]int64{1, 60, 300, 3600, 86400}).Draw(rt, "step")
		cut := rapid.IntRange(0, len(values)).Draw(rt, "cut")
		whole := stream(anomaly.Config{}, step, values)
		finite(t, "drawn", whole)
		if part := stream(anomaly.Config{}, step, values[:cut]); !reflect.DeepEqual(whole[:cut], part) {
			rt.Fatalf("the first %d points differ", cut)
		}
		if cut < len(values) {
			changed := append(append([]float64{}, values[:cut]...), 1e7)
			if got, want := stream(anomaly.Config{}, step, changed)[cut], whole[cut]; got.Expected != want.Expected || got.Scale != want.Scale {
				rt.Fatalf("value %d: expected %g before one value, %g before another", cut, got.Expected, want.Expected)
			}
		}
	})
}

// Order and company of series and the number of workers change nothing.
func TestJudgeIsIndependent(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		all := make([][]float64, rapid.IntRange(1, 5).Draw(rt, "series"))
		for k := range all {
			all[k] = anyValues(rt)
		}
		order := rapid.Permutation(indexes(len(all))).Draw(rt, "order")
		other := make([][]float64, len(all))
		for k, from := range order {
			other[k] = all[from]
		}
		v := judge(t, batch(t, all...), anomaly.Options{Workers: 1})
		w := judge(t, batch(t, other...), anomaly.Options{Workers: rapid.IntRange(1, 4).Draw(rt, "workers")})
		for k, from := range order {
			lo, hi := v.Rows(from)
			if lo2, hi2 := w.Rows(k); hi-lo != hi2-lo2 {
				rt.Fatalf("series %d has %d rows, moved %d", from, hi-lo, hi2-lo2)
			}
			same(rt, v, from, w, k, hi-lo)
		}
	})
}

func indexes(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// Known columns of any content change nothing about what holds of rows, and nothing is said of closed days.
func TestJudgeTakesAnyKnownDays(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := batch(t, anyValues(rt))
		n := len(b.Values) + 20
		closed, event := make([]float64, n), make([]float64, n)
		for i := range n {
			closed[i] = float64(rapid.IntRange(0, 5).Draw(rt, "closed") / 5)
			event[i] = rapid.SampledFrom([]float64{0, 0, 0, 1, 0.5, -2, math.NaN()}).Draw(rt, "event")
		}
		known := &series.Known{FirstDay: firstDay - 10, Columns: []series.KnownColumn{{Name: "closed", Kind: series.Closed, Values: closed},
			{Name: "event", Kind: series.Calendar, Values: event}, {Name: "weather", Kind: series.Measured, Values: event}}}
		b.Known = []*series.Known{known}
		v := judge(t, b, anomaly.Options{})
		for r := range v.Len() {
			if closed[v.Day[r]-known.FirstDay] == 1 {
				rt.Fatalf("day %d is closed and judged", v.Day[r])
			}
			if math.IsNaN(v.Score[r]) || math.IsNaN(v.Expected[r]) || !(v.Lower[r] <= v.Expected[r] && v.Expected[r] <= v.Upper[r]) {
				rt.Fatalf("row %d: score %g, expected %g in %g to %g", r, v.Score[r], v.Expected[r], v.Lower[r], v.Upper[r])
			}
		}
	})
}
