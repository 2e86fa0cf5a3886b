package forecast_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/signalcraft/signalcraft/models/forecast"
	"github.com/signalcraft/signalcraft/models/series"
)

// distance returns the mean absolute difference of the forecasts of two series of a vintage.
func distance(v *forecast.Vintage, i, j int) float64 {
	lo, hi := v.Rows(i)
	other, _ := v.Rows(j)
	sum := 0.0
	for row := lo; row < hi; row++ {
		sum += math.Abs(v.Mean[row]-v.Mean[other+row-lo]) / float64(hi-lo)
	}
	return sum
}

// Single wild days, be they the last, do not move the forecast; they are counted, and the bounds stay.
func TestWildDaysDoNotDistort(t *testing.T) {
	const days, count = 400, 12
	places := map[string][]int{
		"inside": {150, 300, 345}, "in the window": {380}, "three in a row": {310, 311, 312}, "the last day": {399}, "the day before the last": {398},
	}
	for name, wild := range places {
		var all [][]float64
		for seed := range uint64(count) {
			clean := weekly(days, seed)
			dirty := append([]float64{}, clean...)
			for k, at := range wild {
				dirty[at] += []float64{600, -300, 500}[k]
			}
			all = append(all, clean, dirty)
		}
		v := run(t, batchOf(series.Anything(), all...), forecast.Options{})
		apart, found := 0.0, 0
		for k := range count {
			apart += distance(v, 2*k, 2*k+1) / count
			if v.Outliers[2*k+1] == int32(len(wild)) && v.Outliers[2*k] == 0 {
				found++
			}
			lo, _ := v.Rows(2 * k)
			other, _ := v.Rows(2*k + 1)
			if width := v.Upper80[other] - v.Lower80[other]; width > 2.5*(v.Upper80[lo]-v.Lower80[lo]) {
				t.Errorf("%s: series %d: bounds of 80 %% are %.1f wide, without wild days %.1f", name, k, width, v.Upper80[lo]-v.Lower80[lo])
			}
		}
		if apart > 2 || found < count*3/4 {
			t.Errorf("%s: forecasts are %.2f apart, wild days found in %d of %d series", name, apart, found, count)
		}
	}
}

// What comes every year is no wild day.
func TestYearlyPeaksAreKept(t *testing.T) {
	peak := func(i int) float64 { return map[bool]float64{true: 300}[i%365 == 200 || i%365 == 201] }
	base := weekly(1000, 5)
	v := run(t, batchOf(series.Anything(), repeat(1000, func(i int) float64 { return base[i] + peak(i) })), forecast.Options{})
	if v.Outliers[0] != 0 {
		t.Errorf("%d days that come every year are taken for wild", v.Outliers[0])
	}
}

// A level shift near the end is followed and dated, whether it adds or multiplies.
func TestLevelShiftIsFollowed(t *testing.T) {
	const days, count = 500, 12
	for _, since := range []int{16, 25, 60} {
		for _, multiplies := range []bool{false, true} {
			var all [][]float64
			for seed := range uint64(count) {
				base := weekly(days+30, seed+40)
				all = append(all, repeat(days, func(i int) float64 {
					if i < days-since {
						return base[i]
					}
					if multiplies {
						return 1.6 * base[i]
					}
					return base[i] - 60
				}))
			}
			v := run(t, batchOf(series.Anything(), all...), forecast.Options{})
			dated, bias := 0, 0.0
			for i := range count {
				if math.Abs(float64(v.Shift[i])-float64(1000+days-since)) <= 3 {
					dated++
				}
				future := weekly(days+30, uint64(i)+40)[days:]
				lo, _ := v.Rows(i)
				for h, y := range future {
					want := y - 60
					if multiplies {
						want = 1.6 * y
					}
					bias += (v.Mean[lo+h] - want) / (30 * count)
				}
			}
			if dated < count*3/4 || math.Abs(bias) > 3 {
				t.Errorf("shift %d days ago, multiplying %v: dated in %d of %d, forecasts off by %.2f on average", since, multiplies, dated, count, bias)
			}
		}
	}
}

// Neither white noise nor a random walk has shifts, or wild days, in more than 3 of 100 series.
func TestNoiseHasNeitherShiftsNorWildDays(t *testing.T) {
	const count = 70
	var all [][]float64
	for seed := range uint64(count) {
		random, level := rand.New(rand.NewPCG(seed, 21)), 0.0
		all = append(all, weekly(400, seed+500), repeat(400, func(int) float64 { level += random.NormFloat64(); return level }),
			repeat(400, func(int) float64 { return math.Exp(0.5 * random.NormFloat64()) }))
	}
	v := run(t, batchOf(series.Anything(), all...), forecast.Options{})
	var shifts, wild [3]int
	for i := range all {
		if v.Shift[i] != forecast.NoShift {
			shifts[i%3]++
		}
		if v.Outliers[i] > 0 {
			wild[i%3]++
		}
	}
	for k, name := range []string{"noise", "random walk", "log-normal noise"} {
		if shifts[k] > count*3/100 || wild[k] > count*3/100 {
			t.Errorf("%s: %d of %d series have a shift, %d wild days", name, shifts[k], count, wild[k])
		}
	}
}

// A series that stopped has a defined answer: one that went flat stays there, one whose values end long ago is forecast at
// its last value.
func TestStoppedSeries(t *testing.T) {
	dead := append(weekly(300, 1), make([]float64, 40)...)
	quiet := append(weekly(300, 2), make([]float64, 12)...) // not yet dead
	pausing := repeat(400, func(i int) float64 { return map[bool]float64{true: 5 + float64(i%3)}[i%60 < 25] })
	silent := append(weekly(300, 3), repeat(130, func(int) float64 { return nan })...)
	b := batchOf(series.NonNegative(), dead, quiet, pausing, silent)
	v := run(t, b, forecast.Options{})
	if err := sound(b, v, 30); err != nil {
		t.Error(err)
	}
	for h := range 30 {
		if v.Mean[h] != 0 || v.Upper95[h] != 0 {
			t.Errorf("dead for 40 days, day %d is forecast at %v, up to %v", h+1, v.Mean[h], v.Upper95[h])
		}
		if want := silent[299]; v.Mean[90+h] != want || v.Upper95[90+h] <= want {
			t.Errorf("silent for 130 days, day %d is forecast at %v, want its last value %v and a bound beyond", h+1, v.Mean[90+h], want)
		}
	}
	if v.Shift[0] != 1300 || v.Method[0] != "naive" || v.Method[3] != "naive" {
		t.Errorf("dead since %d by %q, silent by %q: want 1300 and naive", v.Shift[0], v.Method[0], v.Method[3])
	}
	if v.Method[1] == "naive" || v.Method[2] == "naive" || v.Upper95[60] == 0 {
		t.Errorf("a short quiet and a usual pause count as the end: %q, %q", v.Method[1], v.Method[2])
	}
}
