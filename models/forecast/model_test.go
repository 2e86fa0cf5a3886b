package forecast

// These tests are inside the package: they hold single methods and the minimiser, which
// the package does not export, to values calculated by hand.

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/optimize"
	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"

	"github.com/signalcraft/signalcraft/models/series"
)

func near(got, want, tolerance float64) bool {
	return math.Abs(got-want) <= tolerance*max(1, math.Abs(want))
}

func nearAll(got, want []float64, tolerance float64) bool {
	return slices.EqualFunc(got, want, func(g, w float64) bool { return near(g, w, tolerance) })
}

// Our minimiser finds the minima that gonum's Nelder-Mead finds.
func TestMinimiseAgreesWithGonum(t *testing.T) {
	check := func(name string, dim int, start point, f func(point) float64) {
		t.Helper()
		p, value := minimise(dim, start, 0.5, 1e-14, 4000, f)
		reference, err := optimize.Minimize(optimize.Problem{Func: func(x []float64) float64 {
			var at point
			copy(at[:], x)
			return f(at)
		}}, start[:dim], &optimize.Settings{FuncEvaluations: 4000}, &optimize.NelderMead{})
		if err != nil && reference == nil {
			t.Fatalf("%s: gonum: %v", name, err)
		}
		if value > reference.F+1e-9 {
			t.Errorf("%s: got %g at %v, gonum has %g at %v", name, value, p[:dim], reference.F, reference.X)
		}
	}
	check("parabola", 1, point{5}, func(p point) float64 { return (p[0] - 2) * (p[0] - 2) })
	check("rosenbrock", 2, point{-1.2, 1}, func(p point) float64 {
		return 100*math.Pow(p[1]-p[0]*p[0], 2) + math.Pow(1-p[0], 2)
	})
	check("powell", 4, point{3, -1, 0, 1}, func(p point) float64 {
		return math.Pow(p[0]+10*p[1], 2) + 5*math.Pow(p[2]-p[3], 2) + math.Pow(p[1]-2*p[2], 4) + 10*math.Pow(p[0]-p[3], 4)
	})
	check("walled by NaN", 1, point{3}, func(p point) float64 { return p[0] - math.Log(p[0]) })
}

// Hand calculation of two steps with m = 2, alpha 0.5, beta 0.2, phi 0.9, gamma 0.1 from
// l = 10, b = 1, s = (2, -2): base 10.9, e = 15-12.9 = 2.1, l = 11.95, b = 1.32, s_1 = 2.21;
// base 13.138, e = 11-11.138 = -0.138, l = 13.069, b = 1.1604, s_2 = -2.0138; then
// base 14.11336, e = 16-16.32336 = -0.32336.
func TestETSByHand(t *testing.T) {
	e := newETS(damped, 2)
	e.alpha, e.beta, e.phi, e.gamma = 0.5, 0.2, 0.9, 0.1
	e.level, e.slope = 10, 1
	copy(e.season, []float64{2, -2})
	y := []float64{15, 11, 16}
	if got, want := e.squares(y), 2.1*2.1+0.138*0.138+0.32336*0.32336; !near(got, want, 1e-12) {
		t.Errorf("sum of squares %v, want %v", got, want)
	}
	got := make([]float64, 6)
	e.paths(y, []int{1, 2}, 3, got)
	want := []float64{
		11.95 + 0.9*1.32 - 2, 11.95 + 1.71*1.32 + 2.21, 11.95 + 2.439*1.32 - 2,
		13.069 + 0.9*1.1604 + 2.21, 13.069 + 1.71*1.1604 - 2.0138, 13.069 + 2.439*1.1604 + 2.21,
	}
	if !nearAll(got, want, 1e-12) {
		t.Errorf("paths %v, want %v", got, want)
	}
}

// A season on a straight line is found exactly. The level before the first value is
// one slope below the line's first value.
func TestETSStart(t *testing.T) {
	season := []float64{-2, -1, 3}
	y := make([]float64, 60)
	for i := range y {
		y[i] = 10 + 0.5*float64(i) + season[i%3]
	}
	e := newETS(damped, 3)
	e.start(y)
	if !nearAll(e.season, season, 1e-12) || !near(e.slope, 0.5, 1e-12) || !near(e.level, 9.5, 1e-12) {
		t.Errorf("season %v, slope %v, level %v: want %v, 0.5, 9.5", e.season, e.slope, e.level, season)
	}
}

func TestThetaRegressionLines(t *testing.T) {
	y := []float64{3, 1, 4, 1, 5, 9, 2, 6}
	o := newTheta(dynamicTheta, 1)
	o.index.estimate(y, 1)
	o.adjust(y)
	for n := 2; n <= len(y); n++ {
		x := []float64{1, 2, 3, 4, 5, 6, 7, 8}[:n]
		a, b := stat.LinearRegression(x, y[:n], nil, false)
		if !near(o.a[n], a, 1e-12) || !near(o.b[n], b, 1e-12) {
			t.Errorf("line through %d values is %v + %v*t, gonum has %v + %v*t", n, o.a[n], o.b[n], a, b)
		}
	}
}

// One step by hand with alpha 0.5, theta 2, y = (2, 4), l_0 = 1: l_1 = 1.5, l_2 = 2.75;
// A_2 = 0, B_2 = 2; forecast 1 = 2.75 + 0.5*(0.25*0 + (1-0.125)/0.5*2) = 4.5, then +1 a day.
func TestThetaByHand(t *testing.T) {
	o := newTheta(dynamicTheta, 1)
	o.alpha, o.theta, o.first = 0.5, 2, 1
	got := make([]float64, 3)
	o.paths([]float64{2, 4}, []int{2}, 3, got)
	if want := []float64{4.5, 5.5, 6.5}; !nearAll(got, want, 1e-12) {
		t.Errorf("path %v, want %v", got, want)
	}
}

// Croston by hand, alpha 0.1, y = (0, 5, 0, 0, 8): first size 5, interval 2; then size
// 5.3, interval 2.1; forecast 0.95*5.3/2.1. TSB by hand from chance 0.4, size 6.5: chance
// 0.36, 0.424, 0.3816, 0.34344, 0.409096; size 6.35, 6.515.
func TestIntermittentByHand(t *testing.T) {
	y := []float64{0, 5, 0, 0, 8}
	check := func(m model, want []float64) {
		t.Helper()
		if !m.applies(y) {
			t.Errorf("%s does not apply to %v", m.name(), y)
		}
		m.fit(y)
		got := make([]float64, 2)
		m.paths(y, []int{1, 5}, 1, got)
		if !nearAll(got, want, 1e-12) {
			t.Errorf("%s forecasts %v, want %v", m.name(), got, want)
		}
	}
	check(&croston{}, []float64{0, 0.95 * 5.3 / 2.1})
	check(&tsb{}, []float64{0.36 * 6.5, 0.409096 * 6.515})
}

// A series that repeats exactly gives its own season back, divided or subtracted.
func TestSeasonIndexRecoversASeason(t *testing.T) {
	check := func(shape, want []float64, divides bool) {
		t.Helper()
		y := make([]float64, 0, 80)
		for len(y) < 80 {
			y = append(y, shape...)
		}
		var s seasonIndex
		s.estimate(y, 4)
		if s.divides != divides || !nearAll(s.values, want, 1e-12) {
			t.Errorf("season of %v is %v (divides %v), want %v (%v)", shape, s.values, s.divides, want, divides)
		}
		flat := s.remove(nil, y)
		if slices.Max(flat)-slices.Min(flat) > 1e-12 {
			t.Errorf("%v without its season still varies: %v", shape, flat[:4])
		}
		s.restore(flat[2:5], 2)
		if !nearAll(flat[2:5], y[2:5], 1e-12) {
			t.Errorf("restored %v, want %v", flat[2:5], y[2:5])
		}
	}
	check([]float64{1, 2, 3, 2}, []float64{0.5, 1, 1.5, 1}, true)
	check([]float64{-3, 0, 4, -1}, []float64{-3, 0, 4, -1}, false)
}

// Weekly shape on a slope with two days taken out: both come back exactly.
func TestFillFollowsSeasonAndSlope(t *testing.T) {
	shape := []float64{0, 1, 2, 3, 4, 9, -5}
	values := make([]float64, 70)
	for i := range values {
		values[i] = 100 + 0.25*float64(i) + shape[i%7]
	}
	want := slices.Clone(values)
	values[20], values[33], values[34] = math.NaN(), math.NaN(), math.NaN()
	var s history
	s.load(append(values, math.NaN(), math.NaN()), 730, 7)
	if s.count != 67 || s.tail != 2 || len(s.y) != 70 || s.observed[33] || !s.observed[35] {
		t.Fatalf("count %d, tail %d, length %d, observed %v", s.count, s.tail, len(s.y), s.observed)
	}
	for _, i := range []int{20, 33, 34} {
		if got := s.restore(s.y[i]); !near(got, want[i], 0.003) {
			t.Errorf("day %d filled with %v, want %v", i, got, want[i])
		}
	}
}

// recorder notes what it is fitted to.
type recorder struct {
	average
	lengths []int
}

func (r *recorder) fit(y []float64) { r.lengths = append(r.lengths, len(y)) }

func (r *recorder) refit(y []float64) { r.lengths = append(r.lengths, -len(y)) }

// Methods are compared after a fit to the days before the window, which is four
// horizons or two fifths of a short series; the chosen one is then fitted to everything, from where it
// stands if that adds little.
func TestWindowIsKeptFromTheFit(t *testing.T) {
	check := func(days int, want ...int) {
		t.Helper()
		values := make([]float64, days)
		for i := range values {
			values[i] = float64(i % 5)
		}
		b := &series.Batch{BusinessID: []string{"b"}, KPIID: []string{"k"}, FirstDay: []int32{0}, Range: []series.Range{series.NonNegative()}, Offsets: []int{0, days}, Values: values}
		r := &recorder{}
		f := newFitter(b, Options{Horizon: 30, Season: 7, History: 730}, newVintage(1, 30))
		f.base = []model{r}
		if err := f.series(0); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(r.lengths, want) {
			t.Errorf("%d days: fitted to %v days, want %v", days, r.lengths, want)
		}
	}
	check(1000, 610, -730)
	check(480, 360, 480)
	check(50, 30, 50)
	check(4, 3, 4)
}

// No method looks beyond its origin once it is fitted: changing what comes later does
// not change a forecast.
func TestPathsSeeThePastOnly(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(120, 200).Draw(rt, "n")
		value := rapid.SampledFrom([]float64{0, 0.01, 0.2, 0.3, 0.5, 0.9})
		y := rapid.SliceOfN(value, n, n).Draw(rt, "y")
		origin := rapid.IntRange(100, n-1).Draw(rt, "origin")
		later := slices.Clone(y)
		for i := origin; i < n; i++ {
			later[i] = 0.77
		}
		for _, m := range slices.Concat(methods(7), askedMethods(7), longMethods(7, 24), longMethods(1, 48)) {
			if !m.applies(y) || !m.applies(later) || !m.applies(y[:100]) {
				continue
			}
			one, two := make([]float64, 20), make([]float64, 20)
			m.fit(y[:100])
			m.paths(y, []int{100, origin}, 10, one)
			m.paths(later, []int{100, origin}, 10, two)
			if !slices.Equal(one, two) {
				rt.Fatalf("%s at origin %d: %v became %v", m.name(), origin, one, two)
			}
		}
	})
}

// One odd day in a calm week: it is held at the middle of its phase plus the reach, all others stay.
func TestClippedHoldsOddDays(t *testing.T) {
	y := make([]float64, 140)
	for i := range y {
		y[i] = 0.5 + 0.01*float64(i%7) + 0.01*float64(i/7%3-1) // three weeks by turns: the middle one is 0.5
	}
	y[135] = 0.9
	c := newClipped(&average{}, &medians{season: 7})
	c.fit(y)
	got := c.clip(y)
	if !near(c.reach, 0.014826, 1e-9) || !near(got[135], 0.5+0.01*2+c.reach, 1e-9) {
		t.Errorf("reach %v, odd day %v: want 0.014826 and 0.534826", c.reach, got[135])
	}
	got[135] = y[135]
	if !nearAll(got, y, 1e-12) {
		t.Error("other days were changed")
	}
	if c.applies(y[:125]) || !c.applies(y[:126]) {
		t.Error("want 18 seasons and no fewer")
	}
}
