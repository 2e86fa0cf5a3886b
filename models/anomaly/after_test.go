package anomaly_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/signalcraft/signalcraft/models/anomaly"
)

// noisy makes series of one kind of noise, each changed by change.
func noisy(name string, n, length int, change func(v []float64)) [][]float64 {
	random := rand.New(rand.NewPCG(7, 8))
	all := make([][]float64, n)
	for k := range all {
		values := make([]float64, length)
		for i := range values {
			values[i] = noises()[name](random, i, values[max(0, i-1)])
		}
		change(values)
		all[k] = values
	}
	return all
}

// toldOn counts the series of which something is told on days from to to (exclusive), and those days.
func toldOn(v *anomaly.Verdicts, from, to int, told func(r int) bool) (series, days int) {
	some := map[int32]bool{}
	for r := range v.Len() {
		if day := int(v.Day[r]) - firstDay; day >= from && day < to && told(r) {
			some[v.Series[r]] = true
			days++
		}
	}
	return len(some), days
}

// A gap or a flat line, however long, does not make the next one ordinary.
func TestJudgeTellsTheNextGap(t *testing.T) {
	const series = 30
	tell := func(name string, kind anomaly.Kind, first, second int, change func(v []float64, at int)) {
		t.Helper()
		v := judge(t, batch(t, noisy("normal", series, 400, func(v []float64) {
			for i := range first {
				change(v, 200+i)
			}
			for i := range second {
				change(v, 350+i)
			}
		})...), anomaly.Options{})
		is := func(r int) bool { return (v.Alarm[r] || v.Ongoing[r]) && v.Kind[r] == kind }
		for what, from := range map[string]int{"first": 200, "second": 350} {
			days := map[string]int{"first": first, "second": second}[what]
			if told, _ := toldOn(v, from, from+days, is); told < series*9/10 {
				t.Errorf("%s of %d and %d days: the %s is told in %d of %d series", name, first, second, what, told, series)
			}
		}
	}
	for _, first := range []int{5, 20, 60} {
		tell("a gap", anomaly.Missing, first, 1, func(v []float64, at int) { v[at] = math.NaN() })
		tell("a flat line", anomaly.FlatLine, first, 6, func(v []float64, at int) { v[at] = v[at-1] })
	}
}

// What a series does again and again is its custom: days that never have a value, and long runs of one value.
func TestJudgeLearnsCustomGaps(t *testing.T) {
	week := noisy("normal", 10, 730, func(v []float64) {
		for at := range v {
			if at%7 >= 5 {
				v[at] = math.NaN()
			}
		}
		v[598] = math.NaN()
	})
	v := judge(t, batch(t, week...), anomaly.Options{})
	missing := func(r int) bool { return (v.Alarm[r] || v.Ongoing[r]) && v.Kind[r] == anomaly.Missing }
	if told, _ := toldOn(v, 598, 599, missing); told != 10 {
		t.Errorf("a day off that is none is told in %d of 10 series", told)
	}
	if _, days := toldOn(v, 60, 598, missing); days > 0 {
		t.Errorf("%d weekends are told", days)
	}
	still := noisy("normal", 10, 730, func(v []float64) {
		for at := 30; at < len(v); at++ {
			if at%60 < 15 {
				v[at] = v[at-1]
			}
		}
	})
	v = judge(t, batch(t, still...), anomaly.Options{})
	if told, _ := toldOn(v, 550, 730, func(r int) bool { return v.Alarm[r] && v.Kind[r] == anomaly.FlatLine }); told > 1 {
		t.Errorf("the tenth flat line of the same length is told in %d of 10 series", told)
	}
}

// Days that are missing at random raise no more alarms than the setting says.
func TestJudgeKeepsTheSettingForGaps(t *testing.T) {
	for _, share := range []float64{0.003, 0.01, 0.03, 0.1} {
		random := rand.New(rand.NewPCG(31, 8))
		v := judge(t, batch(t, noisy("normal", 30, 1096, func(v []float64) {
			for at := range v {
				if random.Float64() < share {
					v[at] = math.NaN()
				}
			}
		})...), anomaly.Options{ExpectedAlarms: 0.5})
		_, alarms := toldOn(v, 0, 1096, func(r int) bool { return v.Alarm[r] && v.Kind[r] == anomaly.Missing })
		if rate := float64(alarms) / (float64(v.Len()) / 30.44); rate > 0.5 {
			t.Errorf("of %g missing days: %.2f alarms a month, want at most 0.5", share, rate)
		}
	}
}

// A single outlier is one anomaly of one day: of the two weeks after it hardly more days are told than without it.
func TestJudgeTellsAnOutlierOnItsDay(t *testing.T) {
	const series, at = 100, 400
	for name, sd := range map[string]float64{"normal": 10, "counts": 2.2, "heavy tails": 14, "weekly": 12} {
		told := func(size float64) (on, after int) {
			v := judge(t, batch(t, noisy(name, series, at+20, func(v []float64) { v[at] += size * sd })...), anomaly.Options{})
			is := func(r int) bool { return v.Alarm[r] || v.Ongoing[r] }
			on, _ = toldOn(v, at, at+1, is)
			_, after = toldOn(v, at+1, at+15, is)
			return on, after
		}
		_, usual := told(0)
		for _, size := range []float64{8, 30} {
			on, after := told(size)
			t.Logf("%s, %g deviations: told on the day in %d of %d series, on %d days after it, %d without it", name, size, on, series, after, usual)
			if on < series*85/100 {
				t.Errorf("%s, %g deviations: told in %d of %d series", name, size, on, series)
			}
			// Half a day of fourteen more.
			if after > usual+series/2 {
				t.Errorf("%s, %g deviations: %d days after it are told, %d without it", name, size, after, usual)
			}
		}
	}
}

// Errors that become three times as large, or a fifth, are told, and called what they are.
func TestJudgeTellsVolatility(t *testing.T) {
	const series, at = 50, 400
	for _, factor := range []float64{3, 0.2} {
		v := judge(t, batch(t, noisy("normal", series, at+30, func(v []float64) {
			for i := at; i < len(v); i++ {
				v[i] = 100 + factor*(v[i]-100)
			}
		})...), anomaly.Options{})
		told, _ := toldOn(v, at, at+30, func(r int) bool { return (v.Alarm[r] || v.Ongoing[r]) && v.Kind[r] == anomaly.Volatility })
		if told < series*95/100 {
			t.Errorf("errors times %g: told as volatility in %d of %d series", factor, told, series)
		}
	}
}
