package anomaly_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/signalcraft/signalcraft/models/anomaly"
	"github.com/signalcraft/signalcraft/models/series"
)

const firstDay = 18000

// batch lays series of values on the days from firstDay on.
func batch(t testing.TB, all ...[]float64) *series.Batch {
	t.Helper()
	b := &series.Batch{Offsets: []int{0}}
	for k, values := range all {
		b.BusinessID, b.KPIID = append(b.BusinessID, "b"), append(b.KPIID, string(rune('a'+k)))
		b.FirstDay, b.Range = append(b.FirstDay, firstDay), append(b.Range, series.Anything())
		b.Values = append(b.Values, values...)
		b.Offsets = append(b.Offsets, len(b.Values))
	}
	return b
}

// weekly is noise around a week.
func weekly(seed uint64, n int) []float64 {
	random := rand.New(rand.NewPCG(seed, 1))
	out := make([]float64, n)
	for i := range out {
		out[i] = 100 + 20*math.Sin(2*math.Pi*float64(i)/7) + 3*random.NormFloat64()
	}
	return out
}

func judge(t testing.TB, b *series.Batch, opt anomaly.Options) *anomaly.Verdicts {
	t.Helper()
	v, err := anomaly.Judge(t.Context(), b, opt)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// rowOf returns the row of day number at, counted from firstDay, of the only series; -1 when it has none.
func rowOf(v *anomaly.Verdicts, at int) int {
	for r := range v.Len() {
		if v.Day[r] == int32(firstDay+at) {
			return r
		}
	}
	return -1
}

func TestJudgeTellsKinds(t *testing.T) {
	kind := func(name string, change func(v []float64), within int, want anomaly.Kind, least anomaly.Severity) {
		t.Helper()
		values := weekly(1, 220)
		change(values[200:])
		v := judge(t, batch(t, values), anomaly.Options{ExpectedAlarms: 0.2})
		for at := 200; at <= 200+within; at++ {
			if r := rowOf(v, at); v.Alarm[r] {
				if v.Kind[r] != want || v.Severity[r] < least {
					t.Errorf("%s: day %d is a %v %v, want %v, at least %v", name, at, v.Severity[r], v.Kind[r], want, least)
				}
				return
			}
		}
		t.Errorf("%s: no alarm", name)
	}
	kind("spike", func(v []float64) { v[0] += 60 }, 0, anomaly.Spike, anomaly.Critical)
	kind("dip", func(v []float64) { v[0] -= 60 }, 0, anomaly.Dip, anomaly.Critical)
	kind("missing", func(v []float64) { v[0], v[1] = math.NaN(), math.NaN() }, 0, anomaly.Missing, anomaly.Minor)
	kind("shift", func(v []float64) {
		for i := range v {
			v[i] += 5
		}
	}, 10, anomaly.LevelShift, anomaly.Minor)
}

// The days that are told of a new level are held against the old one, which is forgotten slowly, though the prediction has followed.
func TestJudgeHoldsAShiftAgainstTheOldLevel(t *testing.T) {
	values := weekly(1, 220)
	for i := range values[200:] {
		values[200+i] += 30
	}
	v := judge(t, batch(t, values), anomaly.Options{ExpectedAlarms: 0.2})
	shifted := 0
	for at := 200; at < 210; at++ {
		r := rowOf(v, at)
		if v.Severity[r] == anomaly.Harmless || v.Kind[r] != anomaly.LevelShift {
			continue
		}
		if shifted++; values[at]-v.Expected[r] < 15 || v.Lower[r] > v.Expected[r] || v.Expected[r] > v.Upper[r] {
			t.Errorf("day %d: %.0f where %.0f is said to have been expected, want some 30 less", at, values[at], v.Expected[r])
		}
	}
	if shifted < 3 {
		t.Errorf("%d days are told as a level shift, want several", shifted)
	}
}

// Of a count that is zero on most days a run of zeros is ordinary, not a loss of variability.
func TestJudgeTakesZerosAsTheyCome(t *testing.T) {
	v := judge(t, batch(t, noisy("rare counts", 30, 730, func([]float64) {})...), anomaly.Options{})
	zeros := func(r int) bool {
		return v.Severity[r] != anomaly.Harmless && v.Kind[r] == anomaly.Volatility && v.Expected[r] < 0.2
	}
	if _, days := toldOn(v, 0, 730, zeros); days > 20 {
		t.Errorf("%d days without a count are told to be volatile", days)
	}
}

func TestJudgeTellsAFlatLine(t *testing.T) {
	random := rand.New(rand.NewPCG(10, 1))
	values := make([]float64, 220)
	for i := range values {
		if values[i] = 100 + 3*random.NormFloat64(); i >= 200 {
			values[i] = 100
		}
	}
	v := judge(t, batch(t, values), anomaly.Options{})
	if r := rowOf(v, 203); !(v.Alarm[r] || v.Ongoing[r]) || v.Kind[r] != anomaly.FlatLine {
		t.Errorf("four equal values: alarm %v, ongoing %v, %v", v.Alarm[r], v.Ongoing[r], v.Kind[r])
	}
}

// The second bad day goes on with the first; after two ordinary days the next is an alarm again.
func TestJudgeTellsOnceAndGoesOn(t *testing.T) {
	values := weekly(2, 220)
	for _, at := range []int{180, 181, 205} {
		values[at] = 0
	}
	v := judge(t, batch(t, values), anomaly.Options{})
	for at, alarm := range map[int]bool{180: true, 181: false, 205: true} {
		if r := rowOf(v, at); v.Alarm[r] != alarm || v.Ongoing[r] == alarm || v.Severity[r] == anomaly.Harmless {
			t.Errorf("day %d: alarm %v, ongoing %v, severity %q", at, v.Alarm[r], v.Ongoing[r], v.Severity[r])
		}
	}
}

func TestJudgeMinimumSizes(t *testing.T) {
	values := weekly(3, 200)
	values[180] += 40
	b := batch(t, values)
	for _, c := range []struct {
		opt  anomaly.Options
		want bool
	}{
		{anomaly.Options{}, true}, {anomaly.Options{MinAbsolute: []float64{20}}, true}, {anomaly.Options{MinAbsolute: []float64{80}}, false},
		{anomaly.Options{MinRelative: 0.1}, true}, {anomaly.Options{MinRelative: 0.9}, false},
	} {
		v := judge(t, b, c.opt)
		r := rowOf(v, 180)
		if v.Alarm[r] != c.want {
			t.Errorf("%+v: alarm %v, want %v", c.opt, v.Alarm[r], c.want)
		}
		if outside := values[180] > v.Upper[r]; outside != c.want {
			t.Errorf("%+v: outside of the band %v, want %v", c.opt, outside, c.want)
		}
	}
}

func TestJudgeIncidents(t *testing.T) {
	values := weekly(4, 300)
	for at := 150; at < 160; at++ {
		values[at] = 0
	}
	values[160], values[161] = 60, 40
	incidents := [][]anomaly.DayRange{{{First: firstDay + 150, Last: firstDay + 159}}}
	v := judge(t, batch(t, values), anomaly.Options{Incidents: incidents, AfterIncident: 2})
	for at := 150; at < 162; at++ {
		if rowOf(v, at) >= 0 {
			t.Errorf("day %d of the incident is judged", at)
		}
	}
	// What the incident did is not learned: the weeks after it are expected as if it had not been.
	clean := judge(t, batch(t, weekly(4, 300)), anomaly.Options{})
	for at := 170; at < 300; at++ {
		if got, want := v.Expected[rowOf(v, at)], clean.Expected[rowOf(clean, at)]; math.Abs(got-want) > 12 {
			t.Errorf("day %d: expected %.1f, without the incident %.1f", at, got, want)
		}
	}
}

func TestJudgeFromAndThrough(t *testing.T) {
	b := batch(t, weekly(5, 200))
	all := judge(t, b, anomaly.Options{})
	v := judge(t, b, anomaly.Options{From: firstDay + 190, Through: firstDay + 202})
	if v.Len() != 13 || v.Day[0] != firstDay+190 {
		t.Fatalf("%d rows from day %d", v.Len(), v.Day[0])
	}
	for at := 190; at < 200; at++ {
		if v.Score[rowOf(v, at)] != all.Score[rowOf(all, at)] {
			t.Errorf("day %d has another score when judged alone", at)
		}
	}
	if r := rowOf(v, 200); v.Kind[r] != anomaly.Missing || !v.Alarm[r] || !v.Ongoing[rowOf(v, 201)] {
		t.Errorf("the day after the last value: %v, alarm %v", v.Kind[r], v.Alarm[r])
	}
	if v := judge(t, b, anomaly.Options{Through: firstDay + 100_000}); v.Len() > 250 {
		t.Errorf("a series that stopped long ago has %d rows", v.Len())
	}
}

func TestJudgeRefuses(t *testing.T) {
	values := weekly(6, 100)
	bad := weekly(7, 100)
	bad[50] = math.Inf(1)
	v, err := anomaly.Judge(t.Context(), batch(t, bad, values), anomaly.Options{})
	var refused *anomaly.SeriesError
	if !errors.As(err, &refused) || refused.KPIID != "a" || refused.Day != firstDay+50 {
		t.Fatalf("got %v, want a SeriesError of a on day %d", err, firstDay+50)
	}
	if lo, hi := v.Rows(0); lo != hi {
		t.Errorf("the refused series has %d rows", hi-lo)
	}
	if lo, hi := v.Rows(1); hi-lo != 79 {
		t.Errorf("the other series has %d rows, want 79", hi-lo)
	}
	for name, opt := range map[string]anomaly.Options{
		"alarms": {ExpectedAlarms: -1}, "alarms NaN": {ExpectedAlarms: math.NaN()}, "relative": {MinRelative: -1}, "season": {Season: 1000}, "workers": {Workers: -1},
		"absolute": {MinAbsolute: []float64{1}}, "absolute NaN": {MinAbsolute: []float64{1, math.NaN()}}, "incidents": {Incidents: [][]anomaly.DayRange{nil}},
	} {
		if v, err := anomaly.Judge(t.Context(), batch(t, values, values), opt); err == nil || v != nil {
			t.Errorf("%s: got %v, %v, want an error alone", name, v, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := anomaly.Judge(ctx, batch(t, values), anomaly.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestJudgeShortSeries(t *testing.T) {
	v := judge(t, batch(t, nil, []float64{5}, []float64{1, 2}, make([]float64, 15), []float64{math.NaN(), math.NaN()}), anomaly.Options{})
	if v.Len() != 0 {
		t.Errorf("%d rows of series that are too short to judge", v.Len())
	}
	if v := judge(t, &series.Batch{}, anomaly.Options{}); v.Len() != 0 {
		t.Errorf("%d rows of nothing", v.Len())
	}
}

// A KPI that never was below zero is expected, and its band ends, at zero at least; a declared range holds, too.
func TestJudgeKeepsToTheRange(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 9))
	values := make([]float64, 300)
	for i := range values {
		values[i] = math.Floor(4 * random.Float64())
	}
	b := batch(t, values)
	b.Range[0] = series.Range{Lowest: math.Inf(-1), Highest: 3}
	v := judge(t, b, anomaly.Options{})
	for r := range v.Len() {
		if v.Lower[r] < 0 || v.Upper[r] > 3 || v.Lower[r] > v.Expected[r] || v.Expected[r] > v.Upper[r] {
			t.Fatalf("day %d: %g, %g, %g", v.Day[r], v.Lower[r], v.Expected[r], v.Upper[r])
		}
	}
}
