package forecast

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"
)

// Sigmas pool where they fall and never shrink with distance; a distance that was not
// measured joins its neighbour.
func TestSettlePoolsAdjacentViolators(t *testing.T) {
	s := spread{sigma: []float64{4, 2 * 16, 3 * 4, 0, 36, 0, 0}, count: []float64{1, 2, 3, 0, 1, 0, 0}}
	s.settle()
	pooled := math.Sqrt((2*16.0 + 3*4) / 5)
	if want := []float64{2, pooled, pooled, pooled, 6}; len(s.count) != 5 || !nearAll(s.sigma, want, 1e-12) {
		t.Errorf("%d measured, sigmas %v, want 5, %v", len(s.count), s.sigma, want)
	}
}

// Many errors are taken as they are, few lean on the law: by hand, one error of variance 4 one day ahead and one of 16 two
// days ahead, the second counting half, with a prior of 1.
func TestFollowLeansOnTheLaw(t *testing.T) {
	s := spread{sigma: []float64{2, 4}, count: []float64{1, 1}}
	s.follow(1)
	far := math.Log(2)
	slope := (0.5*far*math.Log(16) - 0.5*far*(math.Log(4)+0.5*math.Log(16))/1.5 + 10*1.25) / (0.5*far*far - 0.25*far*far/1.5 + 10)
	first := (4 + 0.5*16/math.Pow(2, slope) + 10*1) / (1.5 + 10)
	want := []float64{math.Sqrt((4 + 10*first) / 11), math.Sqrt((0.5*16 + 10*first*math.Pow(2, slope)) / 10.5)}
	if !near(s.growth, slope, 1e-12) || !nearAll(s.sigma, want, 1e-12) {
		t.Errorf("growth %v, sigmas %v, want %v, %v", s.growth, s.sigma, slope, want)
	}
	s = spread{sigma: []float64{2, 4}, count: []float64{1e9, 1e9}}
	s.follow(math.NaN())
	if !near(s.growth, 2, 1e-6) || !nearAll(s.sigma, []float64{2, 4}, 1e-6) {
		t.Errorf("many errors: growth %v, sigmas %v, want 2, 2 and 4", s.growth, s.sigma)
	}
	s = spread{sigma: []float64{0, 0, 0}, count: []float64{3, 2, 1}}
	s.follow(0)
	if !nearAll(s.sigma, []float64{0, 0, 0}, 0) {
		t.Errorf("no errors at all: sigmas %v", s.sigma)
	}
}

// A straight line does not wander, nor does a season of seven; of three values there are too few differences to tell.
func TestWander(t *testing.T) {
	check := func(values []float64, season int, want float64) {
		t.Helper()
		s, y := spread{last: 1}, history{y: values, observed: make([]bool, len(values))}
		for i := range y.observed {
			y.observed[i] = true
		}
		if got := s.wander(&y, max(season, 6), season); !near(got, want, 1e-12) && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%v, season %d: %v, want %v", values, season, got, want)
		}
	}
	check([]float64{1, 2, 3, 4, 5}, 1, 0)
	check([]float64{1, 5, 1, 5, 1, 5, 1}, 2, 0)
	check([]float64{0, 1, 0, 1, 0}, 1, 4.0/3)
	check([]float64{0, 1, 0}, 1, math.NaN())
}

// Bounds hold the forecast, wider ones hold narrower ones, a day further on has no narrower ones, and they are as large as what
// they are of. Of a positive forecast the lower one stays above zero when the series did, and lies nearer.
func TestBoundsAreInOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		number := func(label string) float64 { return rapid.Float64Range(0, 10).Draw(rt, label) }
		s := spread{
			sigma: []float64{number("sigma")}, growth: number("growth"), freedom: 1 + number("freedom"), last: 0.1 + number("last"),
			quarters: rapid.IntRange(0, 4).Draw(rt, "quarters"), skewed: rapid.Bool().Draw(rt, "skewed"),
		}
		s.in80 = chance{number("quantile"), distuv.UnitNormal.Quantile(0.90)}
		s.in95 = chance{s.in80.quantile + number("more"), distuv.UnitNormal.Quantile(0.975)}
		at, forecast := rapid.IntRange(0, 50).Draw(rt, "at"), rapid.Float64Range(-10, 10).Draw(rt, "forecast")
		s.skewed = s.skewed && s.quarters > 0
		const rounding = 1e-9
		lower80, upper80 := s.bounds(at, forecast, s.in80)
		lower95, upper95 := s.bounds(at, forecast, s.in95)
		further, beyond := s.bounds(at+1, forecast, s.in95)
		inOrder := func(v ...float64) {
			for i := 1; i < len(v); i++ {
				if !(v[i-1] <= v[i]+rounding*math.Abs(v[i])) {
					rt.Fatalf("not in order: %v", v)
				}
			}
		}
		inOrder(further, lower95, lower80, 0, upper80, upper95, beyond)
		inOrder(-upper95, lower95)
		if s.skewed && forecast > 0 && forecast+lower95 < 0 {
			rt.Fatalf("forecast %v of a series above zero has the lower bound %v", forecast, forecast+lower95)
		}
		larger := s
		larger.last, larger.sigma = 8*s.last, []float64{8 * s.sigma[0]}
		lower, upper := larger.bounds(at, 8*forecast, s.in95)
		if lower != 8*lower95 || upper != 8*upper95 {
			rt.Fatalf("eight times as large: %v and %v became %v and %v", lower95, upper95, lower, upper)
		}
	})
}

// The expansion is near Student's t from gonum wherever it is used.
func TestWidened(t *testing.T) {
	for _, level := range []float64{0.80, 0.95} {
		c := chance{1, distuv.UnitNormal.Quantile((1 + level) / 2)}
		for _, freedom := range []float64{2, 3, 5, 20, 1000} {
			want := distuv.StudentsT{Sigma: 1, Nu: freedom}.Quantile((1+level)/2) / c.normal
			if got := c.widened(freedom); !near(got, want, 0.035) || freedom >= 5 && !near(got, want, 0.002) {
				t.Errorf("level %v, %v degrees: %v, want %v", level, freedom, got, want)
			}
		}
		if c.widened(0.5) != c.widened(2) || c.widened(math.Inf(1)) != 1 {
			t.Errorf("level %v: %v below two degrees, %v without end", level, c.widened(0.5), c.widened(math.Inf(1)))
		}
	}
}
