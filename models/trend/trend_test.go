package trend_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/signalcraft/signalcraft/models/series"
	"github.com/signalcraft/signalcraft/models/trend"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var nan = math.NaN()

const firstDay = 1000

func batchOf(all ...[]float64) *series.Batch {
	b := &series.Batch{Offsets: []int{0}}
	for i, v := range all {
		b.BusinessID, b.KPIID = append(b.BusinessID, "acme"), append(b.KPIID, fmt.Sprint("kpi-", i))
		b.FirstDay, b.Range = append(b.FirstDay, firstDay), append(b.Range, series.Anything())
		b.Values = append(b.Values, v...)
		b.Offsets = append(b.Offsets, len(b.Values))
	}
	return b
}

func describe(t testing.TB, b *series.Batch, opt trend.Options) *trend.Statements {
	t.Helper()
	s, err := trend.Describe(t.Context(), b, opt)
	if err != nil {
		t.Fatalf("Describe: %v", err)
	}
	return s
}

func repeat(n int, f func(i int) float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = f(i)
	}
	return out
}

// noisy returns a course with a week and noise of first order with standard deviation 1 upon it.
func noisy(n int, seed uint64, rho float64, course func(i int) float64) []float64 {
	random := rand.New(rand.NewPCG(seed, 11))
	v := random.NormFloat64()
	return repeat(n, func(i int) float64 {
		v = rho*v + math.Sqrt(1-rho*rho)*random.NormFloat64()
		return course(i) + []float64{-2, -1, 0, 5, 1, 4, -7}[i%7] + v
	})
}

func flat(int) float64 { return 100 }

func TestDefinedAnswers(t *testing.T) {
	check := func(name string, values []float64, direction trend.Direction, slope float64, changes int) {
		t.Helper()
		s := describe(t, batchOf(values), trend.Options{})
		same := s.Slope[0] == slope || math.IsNaN(slope) && math.IsNaN(s.Slope[0])
		if s.Direction[0] != direction || !same || len(s.Day) != changes {
			t.Errorf("%s: %v at %v a day, changes on %v: want %v, %v, %d", name, s.Direction[0], s.Slope[0], s.Day, direction, slope, changes)
		}
		if !(s.SlopeLow[0] <= s.Slope[0] && s.Slope[0] <= s.SlopeHigh[0]) && direction != trend.Unknown {
			t.Errorf("%s: slope %v outside its interval %v to %v", name, s.Slope[0], s.SlopeLow[0], s.SlopeHigh[0])
		}
	}
	check("empty", nil, trend.Unknown, nan, 0)
	check("all missing", repeat(300, func(int) float64 { return nan }), trend.Unknown, nan, 0)
	check("single", []float64{7}, trend.Unknown, nan, 0)
	check("nine values", repeat(9, func(i int) float64 { return float64(i) }), trend.Unknown, nan, 0)
	check("ten values", repeat(10, func(i int) float64 { return float64(i) }), trend.Rising, 1, 0)
	check("constant", repeat(400, func(int) float64 { return -2.5 }), trend.Steady, 0, 0)
	check("zero", make([]float64, 400), trend.Steady, 0, 0)
	check("line", repeat(400, func(i int) float64 { return -0.5 * float64(i) }), trend.Falling, -0.5, 0)
	check("line with gaps", repeat(400, func(i int) float64 { return [3]float64{float64(i), nan, float64(i)}[i%3] }), trend.Rising, 1, 0)
	check("late single value", append(repeat(300, func(int) float64 { return nan }), 3), trend.Unknown, nan, 0)
	for _, extreme := range []float64{math.MaxFloat64, math.SmallestNonzeroFloat64, 1e15, 1e-12} {
		s := describe(t, batchOf(repeat(200, func(i int) float64 { return extreme * (float64(i%5)/2 - 1) })), trend.Options{})
		for _, v := range append([]float64{s.Slope[0], s.Level[0], s.PValue[0]}, s.Size...) {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("times %g: slope %v, level %v, p %v, sizes %v", extreme, s.Slope[0], s.Level[0], s.PValue[0], s.Size)
			}
		}
	}
}

func TestInfiniteValuesAreRefusedByName(t *testing.T) {
	bad := noisy(200, 1, 0, flat)
	bad[20] = math.Inf(1)
	b := batchOf(noisy(200, 1, 0, flat), bad, noisy(200, 2, 0, flat))
	s, err := trend.Describe(t.Context(), b, trend.Options{})
	var refused *trend.SeriesError
	if !errors.As(err, &refused) || refused.KPIID != "kpi-1" || refused.Day != firstDay+20 || !strings.Contains(err.Error(), "acme/kpi-1: day 1020: infinite value") {
		t.Fatalf("error %v does not name acme/kpi-1, day 1020", err)
	}
	if s.Direction[1] != trend.Unknown || s.Direction[0] != trend.Steady || s.Direction[2] != trend.Steady {
		t.Errorf("directions %v", s.Direction)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, opt := range []trend.Options{{Season: -1}, {History: -1}, {Stretch: 5000}, {Workers: 2000}, {Significance: 1}, {Confidence: 0.2}, {Confidence: nan}} {
		if _, err := trend.Describe(t.Context(), batchOf(), opt); err == nil {
			t.Errorf("%+v is taken", opt)
		}
	}
}

// A level shift is found on its day, with its size; the trend beside it is none.
func TestLevelShiftIsFound(t *testing.T) {
	const count = 40
	right := 0
	for seed := range uint64(count) {
		values := noisy(730, seed, 0.3, func(i int) float64 { return 100 + 3*float64(min(1, i/690)) })
		s := describe(t, batchOf(values), trend.Options{})
		if len(s.Day) == 1 && s.Kind[0] == trend.LevelShift && math.Abs(float64(s.Day[0])-firstDay-690) <= 3 &&
			math.Abs(s.Size[0]-3) < 1 && math.Abs(s.After[0]-s.Before[0]-s.Size[0]) < 1e-9 && s.Confidence[0] >= 0.99 && s.Direction[0] == trend.Steady {
			right++
		}
	}
	if right < count*8/10 {
		t.Errorf("%d of %d shifts were told as they are", right, count)
	}
}

// So is a bend, and the trend speaks of what comes after it.
func TestSlopeChangeIsFound(t *testing.T) {
	const count = 40
	right := 0
	for seed := range uint64(count) {
		values := noisy(730, seed, 0.3, func(i int) float64 { return 100 + 0.04*float64(max(0, i-600)) })
		s := describe(t, batchOf(values), trend.Options{})
		if len(s.Day) == 1 && s.Kind[0] == trend.SlopeChange && math.Abs(float64(s.Day[0])-firstDay-600) <= 40 &&
			math.Abs(s.Size[0]-0.04) < 0.02 && s.Direction[0] == trend.Rising && s.SlopeLow[0] <= 0.04 && 0.04 <= s.SlopeHigh[0] {
			right++
		}
	}
	if right < count*7/10 {
		t.Errorf("%d of %d bends were told as they are", right, count)
	}
}

// Noise, be it autocorrelated, seldom shows a change point at a confidence of 0.99, or a trend at a significance of 0.05.
func TestNoiseShowsLittle(t *testing.T) {
	const count = 250
	for _, rho := range []float64{0, 0.4, 0.8} {
		all := make([][]float64, count)
		for seed := range all {
			all[seed] = noisy(400, uint64(seed)+1000, rho, flat)
		}
		s := describe(t, batchOf(all...), trend.Options{})
		changed, trending := 0, 0
		for i := range count {
			if lo, hi := s.Changes(i); hi > lo {
				changed++
			}
			if s.Direction[i] != trend.Steady {
				trending++
			}
		}
		if changed > count*3/100 || trending > count*10/100 {
			t.Errorf("autocorrelation %.1f: of %d series %d show a change, %d a trend", rho, count, changed, trending)
		}
	}
}

func TestYearIsNoTrend(t *testing.T) {
	year := func(i int) float64 { return 100 + 10*math.Sin(2*math.Pi*float64(i)/365) }
	s := describe(t, batchOf(noisy(1095, 4, 0, year)), trend.Options{})
	if len(s.Day) != 0 || math.Abs(s.Slope[0]) > 0.03 {
		t.Errorf("a year shows changes on %v (%v) and a slope of %v", s.Day, s.Kind, s.Slope[0])
	}
}

// Adding a constant and multiplying do the same to rates, sizes and levels, and to nothing else.
func TestShiftAndScaleEquivariance(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		values := noisy(rapid.IntRange(60, 400).Draw(rt, "n"), rapid.Uint64().Draw(rt, "seed"), 0.3, func(i int) float64 { return 100 + 6*float64(min(1, i/50)) })
		scale := rapid.SampledFrom([]float64{-1, 1, 0.001, 3, 1e12}).Draw(rt, "scale")
		shift := scale * rapid.Float64Range(-300, 300).Draw(rt, "shift")
		moved := repeat(len(values), func(i int) float64 { return scale*values[i] + shift })
		s := describe(t, batchOf(values, moved), trend.Options{})
		near := func(got, want float64) bool { return math.Abs(got-want) <= 1e-6*math.Abs(scale)*(400) }
		lo, _ := s.Changes(0)
		middle, hi := s.Changes(1)
		if hi-middle != middle-lo || !near(s.Slope[1], scale*s.Slope[0]) || !near(s.Level[1], scale*s.Level[0]+shift) || math.Abs(s.PValue[0]-s.PValue[1]) > 1e-6 {
			rt.Fatalf("%+v", s)
		}
		for k := lo; k < middle; k++ {
			other := middle + k - lo
			offset := shift
			if s.Kind[k] == trend.SlopeChange {
				offset = 0
			}
			if s.Day[k] != s.Day[other] || s.Kind[k] != s.Kind[other] || !near(s.Size[other], scale*s.Size[k]) || !near(s.After[other], scale*s.After[k]+offset) {
				rt.Fatalf("change %d: %+v", k, s)
			}
		}
	})
}

// Neither workers nor order and company of the series matter, and nothing is ever NaN that should not be.
func TestDependsOnTheSeriesAlone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.OneOf(rapid.Float64Range(-1, 1), rapid.SampledFrom([]float64{0, 0, 1, 1, nan, 1e6, -1e-9}))
		all := make([][]float64, 3)
		for k := range all {
			all[k] = rapid.SliceOfN(value, 0, 200).Draw(rt, "values")
		}
		season := rapid.SampledFrom([]int{1, 2, 7, 24}).Draw(rt, "season")
		s := describe(t, batchOf(all...), trend.Options{Season: season, Workers: 1})
		other := describe(t, batchOf(all[2], all[0], all[1], all[1]), trend.Options{Season: season, Workers: 3})
		for i, j := range []int{1, 2, 0} {
			a, b := statement(s, i), statement(other, j)
			if diff := cmp.Diff(a, b); diff != "" {
				rt.Fatalf("series %d depends on its company:\n%s", i, diff)
			}
			if strings.Contains(a, "NaN") && s.Direction[i] != trend.Unknown || strings.Contains(a, "Inf") {
				rt.Fatal(a)
			}
		}
	})
}

// statement writes all that is said of one series.
func statement(s *trend.Statements, i int) string {
	lo, hi := s.Changes(i)
	return fmt.Sprint(s.Direction[i], s.Slope[i], s.SlopeLow[i], s.SlopeHigh[i], s.PValue[i], s.Tau[i], s.Level[i], s.FirstDay[i], s.LastDay[i], s.Observed[i],
		s.Day[lo:hi], s.Kind[lo:hi], s.Size[lo:hi], s.Before[lo:hi], s.After[lo:hi], s.Confidence[lo:hi])
}

func TestPercentPerMonth(t *testing.T) {
	rising := repeat(90, func(i int) float64 { return 155.5 + float64(i) })
	s := describe(t, batchOf(rising, repeat(90, func(i int) float64 { return -rising[i] })), trend.Options{})
	if got := s.PercentPerMonth(0); math.Abs(got-15) > 1e-9 {
		t.Errorf("%v %% per month, want 15", got)
	}
	if got := s.PercentPerMonth(1); !math.IsNaN(got) {
		t.Errorf("%v %% per month of a negative level, want NaN", got)
	}
}

func BenchmarkDescribe(b *testing.B) {
	all := make([][]float64, 100)
	for seed := range all {
		all[seed] = noisy(730, uint64(seed), 0.3, func(i int) float64 { return 100 + float64(seed%4)*float64(min(1, i/500)) })
	}
	batch := batchOf(all...)
	b.ReportAllocs()
	for b.Loop() {
		describe(b, batch, trend.Options{})
	}
	b.ReportMetric(float64(b.N*len(all))/b.Elapsed().Seconds(), "series/s")
}
