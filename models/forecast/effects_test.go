package forecast_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/signalcraft/signalcraft/models/forecast"
	"github.com/signalcraft/signalcraft/models/series"
)

const knownFirst = 900 // batches of batchOf begin on day 1000

// knownOf returns what is known of days from knownFirst on: each column's value as a function of the day of the batch, 0 on
// its first.
func knownOf(days int, columns map[string]func(day int) float64, kinds map[string]series.KnownKind, order ...string) *series.Known {
	k := &series.Known{FirstDay: knownFirst}
	for _, name := range order {
		values := repeat(days+1000-knownFirst, func(i int) float64 { return columns[name](i + knownFirst - 1000) })
		k.Columns = append(k.Columns, series.KnownColumn{Name: name, Kind: kinds[name], Values: values})
	}
	return k
}

// on is a column that is 1 on the given days of each year.
func on(days ...int) func(day int) float64 {
	return func(day int) float64 {
		for _, d := range days {
			if ((day-d)%365+365)%365 == 0 {
				return 1
			}
		}
		return 0
	}
}

// weather is noise of first order on a year's course, the same for the same seed.
func weather(days int, seed uint64) []float64 {
	random := rand.New(rand.NewPCG(seed, 77))
	v := 0.0
	return repeat(days, func(i int) float64 {
		v = 0.6*v + 3*random.NormFloat64()
		return 12 - 10*math.Cos(2*math.Pi*float64(i)/365.25) + v
	})
}

// errorsOf returns the mean absolute error of the forecasts of every series of the batch, whose last horizon values are held
// back.
func errorsOf(t *testing.T, values [][]float64, known []*series.Known, horizon int) ([]float64, *forecast.Vintage) {
	t.Helper()
	var past [][]float64
	for _, v := range values {
		past = append(past, v[:len(v)-horizon])
	}
	b := batchOf(series.Anything(), past...)
	b.Known = known
	v := run(t, b, forecast.Options{Horizon: horizon})
	if err := addsUp(b, v); err != nil {
		t.Fatal(err)
	}
	out := make([]float64, len(values))
	for i := range values {
		lo, hi := v.Rows(i)
		for row := lo; row < hi; row++ {
			out[i] += math.Abs(values[i][len(past[i])+row-lo]-v.Mean[row]) / float64(horizon)
		}
	}
	return out, v
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x / float64(len(v))
	}
	return sum
}

// Holidays that cost a known share of the day are found, also one that has been seen only once, and forecasts with them err less.
func TestHolidaysAreFound(t *testing.T) {
	const days, horizon, count = 730, 30, 20
	names := []string{"holiday: A", "holiday: B", "holiday: C", "holiday: D", "holiday: E", "holiday: F"}
	columns, kinds := map[string]func(int) float64{}, map[string]series.KnownKind{}
	for k, name := range names {
		columns[name], kinds[name] = on(20+60*k), series.Calendar
	}
	columns["holiday: F"] = on(15) // in the horizon, too
	columns["holiday: G"] = func(day int) float64 { return map[bool]float64{true: 1}[day == days+22] }
	kinds["holiday: G"] = series.Calendar
	names = append(names, "holiday: G")
	known := knownOf(days+horizon, columns, kinds, names...)
	var values [][]float64
	var all []*series.Known
	for seed := range uint64(count) {
		base := weekly(days+horizon, seed)
		values = append(values, repeat(len(base), func(i int) float64 {
			for _, name := range names {
				if columns[name](i) == 1 {
					return 0.4 * base[i]
				}
			}
			return base[i]
		}))
		all = append(all, known)
	}
	without, _ := errorsOf(t, values, nil, horizon)
	with, v := errorsOf(t, values, all, horizon)
	if mean(with) > 0.75*mean(without) {
		t.Errorf("mean error %.2f with holidays, %.2f without: want a quarter less", mean(with), mean(without))
	}
	found := 0
	for i := range count {
		for _, e := range v.Effects[i] {
			if e.Name == "holiday: B" && e.Coefficient < -35 && e.Coefficient > -90 {
				found++
			}
		}
		lo, _ := v.Rows(i)
		if met, unmet := v.Calendar[lo+15], v.Calendar[lo+22]; met > -30 || unmet > -20 || v.Calendar[lo+3] != 0 {
			t.Errorf("series %d: calendar takes %.1f on a holiday, %.1f on one never met, %.1f on none", i, met, unmet, v.Calendar[lo+3])
		}
	}
	if found < count*9/10 {
		t.Errorf("%d of %d series know of holiday B", found, count)
	}
}

// Weather is found, and counts as far ahead as it is known.
func TestWeatherIsFound(t *testing.T) {
	const days, horizon, count, reach = 800, 30, 20, 10
	var values [][]float64
	var all []*series.Known
	for seed := range uint64(count) {
		rain := weather(days+horizon+200, seed)
		base := weekly(days+horizon, seed+50)
		values = append(values, repeat(len(base), func(i int) float64 { return base[i] - 3*(rain[i+100]-12) }))
		all = append(all, knownOf(days+horizon, map[string]func(int) float64{"rain": func(day int) float64 {
			if day >= days+reach {
				return nan
			}
			return rain[day+100]
		}}, map[string]series.KnownKind{"rain": series.Measured}, "rain"))
	}
	without, _ := errorsOf(t, values, nil, horizon)
	with, v := errorsOf(t, values, all, horizon)
	if mean(with) > 0.9*mean(without) {
		t.Errorf("mean error %.2f with weather, %.2f without: want a tenth less", mean(with), mean(without))
	}
	for i := range count {
		if len(v.Effects[i]) != 1 || v.Effects[i][0].Name != "rain" || math.Abs(v.Effects[i][0].Coefficient+3) > 0.8 {
			t.Errorf("series %d: effects %v, want rain of about -3", i, v.Effects[i])
		}
		lo, hi := v.Rows(i)
		for row := lo + reach; row < hi; row++ {
			if v.Measured[row] != v.Measured[hi-1] {
				t.Fatalf("series %d: weather that is not known has effects %v", i, v.Measured[lo:hi])
			}
		}
	}
}

// What has nothing to do with the series is refused: of each kind at most 3 in 100 are kept.
func TestNoiseIsRefused(t *testing.T) {
	const days, count = 500, 100
	var values [][]float64
	var all []*series.Known
	for seed := range uint64(count) {
		random := rand.New(rand.NewPCG(seed, 5))
		noise, event, hot := weather(days+200, seed+900), map[int]bool{}, repeat(days+200, func(int) float64 { return random.NormFloat64() })
		for range 14 {
			event[random.IntN(days)] = true
		}
		columns := map[string]func(int) float64{
			"weather": func(d int) float64 { return noise[d+100] }, "white": func(d int) float64 { return hot[d+100] },
			"event: x": func(d int) float64 { return map[bool]float64{true: 1}[event[d] && d%2 == 0] },
			"event: y": func(d int) float64 { return map[bool]float64{true: 1}[event[d] && d%2 == 1] },
		}
		kinds := map[string]series.KnownKind{"weather": series.Measured, "white": series.Measured, "event: x": series.Calendar, "event: y": series.Calendar}
		values, all = append(values, weekly(days, seed+300)), append(all, knownOf(days, columns, kinds, "weather", "white", "event: x", "event: y"))
	}
	_, v := errorsOf(t, values, all, 30)
	kept := map[string]int{}
	for _, effects := range v.Effects {
		names := map[string]bool{}
		for _, e := range effects {
			names[strings.TrimRight(e.Name, "xy")] = true // events are kept together
		}
		for name := range names {
			kept[name]++
		}
	}
	for name, n := range kept {
		if n > count*3/100 {
			t.Errorf("%s was kept for %d of %d series of noise", name, n, count)
		}
	}
}

// A day that is known to be closed is forecast as closed days have been.
func TestClosedDays(t *testing.T) {
	const days = 300
	closed := on(40, 100, 170, 240, 310)
	const name = "closed: stocktaking"
	known := knownOf(days+30, map[string]func(int) float64{name: closed}, map[string]series.KnownKind{name: series.Closed}, name)
	base := weekly(days, 4)
	shut := repeat(days, func(i int) float64 { return base[i] * (1 - closed(i)) })
	missing := repeat(days, func(i int) float64 {
		if closed(i) == 1 {
			return nan
		}
		return base[i]
	})
	minus := repeat(days, func(i int) float64 { return base[i]*(1-closed(i)) - 5*closed(i) })
	b := batchOf(series.Anything(), shut, missing, minus, base)
	b.Known = []*series.Known{known, known, known, nil}
	v := run(t, b, forecast.Options{})
	if err := addsUp(b, v); err != nil {
		t.Error(err)
	}
	if err := sound(b, v, 30); err != nil {
		t.Error(err)
	}
	for i, want := range []float64{0, 0, -5} {
		lo, _ := v.Rows(i)
		if row := lo + 10; v.Mean[row] != want || v.Lower95[row] != want || v.Upper95[row] != want {
			t.Errorf("series %d: closed day is forecast at %v (%v to %v), want %v", i, v.Mean[row], v.Lower95[row], v.Upper95[row], want)
		}
		if diff := math.Abs(v.Mean[lo+11] - v.Mean[3*30+11]); diff > 4 {
			t.Errorf("series %d: the day after is %.1f away from that of a business never closed", i, diff)
		}
	}
	if v.Missing[0] != 4 || v.Missing[3] != 0 {
		t.Errorf("missing days %v, want 4 closed ones, and none", v.Missing)
	}
}

// A business closed on all Sundays, the last of which ends its history.
func TestClosedSundays(t *testing.T) {
	sunday := func(d int) float64 { return map[bool]float64{true: 1}[((d%7)+7)%7 == 6] }
	known := knownOf(400, map[string]func(int) float64{"closed": sunday}, map[string]series.KnownKind{"closed": series.Closed}, "closed")
	base := weekly(350, 8)
	b := batchOf(series.NonNegative(), repeat(350, func(i int) float64 { return base[i] * (1 - sunday(i)) }), []float64{0, 0, 3, 0}, nil)
	b.Known = []*series.Known{known, known, known}
	v := run(t, b, forecast.Options{})
	if err := sound(b, v, 30); err != nil {
		t.Fatal(err)
	}
	for h := range 30 {
		if zero := v.Mean[h] == 0; zero != (sunday(350+h) == 1) || v.Mean[h] > 160 {
			t.Errorf("day %d is forecast at %v", h+1, v.Mean[h])
		}
	}
}

// Odd columns neither fail nor matter: all NaN, constant, infinite, out of step with the series.
func TestOddColumns(t *testing.T) {
	inf := math.Inf(1)
	k := &series.Known{FirstDay: 5000}
	far := &series.Known{FirstDay: 900}
	for i, f := range []func(i int) float64{
		func(int) float64 { return nan }, func(int) float64 { return 3 }, func(i int) float64 { return [2]float64{inf, 1}[i%2] },
		func(i int) float64 { return float64(i) }, func(i int) float64 { return math.Ldexp(1, i) }, func(int) float64 { return -inf },
	} {
		for kind := series.Calendar; kind <= series.Measured; kind++ {
			c := series.KnownColumn{Name: fmt.Sprint(kind, i), Kind: kind, Values: repeat(300, f)}
			if kind == series.Closed && i > 0 {
				continue
			}
			k.Columns, far.Columns = append(k.Columns, c), append(far.Columns, c)
		}
	}
	b := batchOf(series.Anything(), weekly(200, 1), weekly(200, 1), weekly(200, 1), business(1, 300).Series(0))
	b.Known = []*series.Known{nil, k, far, far}
	v := run(t, b, forecast.Options{})
	if err := sound(b, v, 30); err != nil {
		t.Error(err)
	}
	for h := range 30 {
		if v.Mean[h] != v.Mean[30+h] {
			t.Fatalf("columns that lie years away changed day %d from %v to %v", h+1, v.Mean[h], v.Mean[30+h])
		}
	}
}

// Pay days are found among the days of the month, whatever weekday they fall on.
func TestMonthDaysAreFound(t *testing.T) {
	const days, horizon, count = 730, 40, 12
	columns := series.MonthDays(1000, days+horizon)
	known := &series.Known{FirstDay: 1000, Columns: columns}
	var values [][]float64
	var all []*series.Known
	for seed := range uint64(count) {
		base := weekly(days+horizon, seed+70)
		values = append(values, repeat(len(base), func(i int) float64 { return base[i] * (1 + 0.6*columns[6].Values[i] + 0.3*columns[0].Values[i]) }))
		all = append(all, known)
	}
	without, _ := errorsOf(t, values, nil, horizon)
	with, v := errorsOf(t, values, all, horizon)
	if mean(with) > 0.75*mean(without) {
		t.Errorf("mean error %.2f with days of the month, %.2f without: want a quarter less", mean(with), mean(without))
	}
	for i := range count {
		if len(v.Effects[i]) != len(columns) {
			t.Errorf("series %d: effects %v", i, v.Effects[i])
		}
	}
}

// What is known changes neither that doubling a series doubles its forecast, nor that series depend on themselves alone.
func TestKnownEquivariance(t *testing.T) {
	const days = 400
	rain := weather(days+130, 3)
	known := knownOf(days+30, map[string]func(int) float64{"rain": func(d int) float64 { return rain[d+100] }, "holiday: a": on(20, 100, 300), "closed": on(55, 66)},
		map[string]series.KnownKind{"rain": series.Measured, "holiday: a": series.Calendar, "closed": series.Closed}, "rain", "holiday: a", "closed")
	base := weekly(days, 5)
	values := repeat(days, func(i int) float64 { return base[i]*(1-0.5*on(20, 100, 300)(i)) - 2*rain[i+100] })
	scaled := repeat(days, func(i int) float64 { return math.Ldexp(values[i], 30) })
	b := batchOf(series.Anything(), values, weekly(days, 6), scaled, values)
	b.Known = []*series.Known{known, nil, known, known}
	v, w := run(t, b, forecast.Options{Workers: 1}), run(t, b, forecast.Options{Workers: 3})
	if len(v.Effects[0]) == 0 {
		t.Fatal("the case is too easy: no effect is found")
	}
	for h := range 30 {
		if v.Mean[h] != v.Mean[90+h] || math.Ldexp(v.Mean[h], 30) != v.Mean[60+h] || math.Ldexp(v.Upper95[h], 30) != v.Upper95[60+h] || v.Mean[h] != w.Mean[h] {
			t.Fatalf("day %d: %v, again %v, with others %v, doubled thirty times %v", h+1, v.Mean[h], v.Mean[90+h], w.Mean[h], v.Mean[60+h])
		}
		if math.Ldexp(v.Measured[h], 30) != v.Measured[60+h] || math.Ldexp(v.Calendar[h], 30) != v.Calendar[60+h] {
			t.Fatalf("day %d: components do not double", h+1)
		}
	}
}
