package forecast

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// The standard form is the method as it was published: the mean of the least-squares line and of the theta line 2*y - line
// under simple exponential smoothing, whose first level is twice l_0; and no alpha or first level near by leaves a smaller
// sum of squares.
func TestStandardThetaIsTheMeanOfTwoLines(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(5, 60).Draw(rt, "n")
		y := rapid.SliceOfN(rapid.Float64Range(-1, 1), n, n).Draw(rt, "y")
		o := newTheta(standardTheta, 1)
		o.fit(y)
		a, b := o.a[n], o.b[n]
		smooth := func(alpha, level float64) (last, squares float64) {
			for i, v := range y {
				e := 2*v - (a + b*float64(i+1)) - level
				squares += e * e
				level += alpha * e
			}
			return level, squares
		}
		last, least := smooth(o.alpha, 2*o.first)
		got, want := make([]float64, 4), make([]float64, 4)
		for h := range want {
			want[h] = (last + a + b*float64(n+h+1)) / 2
		}
		o.paths(y, []int{n}, 4, got)
		if !nearAll(got, want, 1e-9) {
			rt.Fatalf("path %v, want %v", got, want)
		}
		if squares, _ := o.fixedSquares(o.alpha, 2); !near(4*squares, least, 1e-9) {
			rt.Fatalf("four times the sum of squares %v is not %v", 4*squares, least)
		}
		for _, alpha := range [...]float64{max(0, o.alpha-0.02), o.alpha, min(1, o.alpha+0.02)} {
			for _, first := range [...]float64{-0.01, 0, 0.01} {
				if _, squares := smooth(alpha, 2*(o.first+first)); squares < least*(1-1e-3) {
					rt.Fatalf("%v by alpha %v and l_0 %v, but %v by %v and %v", least, o.alpha, o.first, squares, alpha, o.first+first)
				}
			}
		}
	})
}

// The optimised form leaves no larger sum of squares than the standard one, which it contains.
func TestOptimisedThetaContainsTheStandard(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(5, 60).Draw(rt, "n")
		y := rapid.SliceOfN(rapid.Float64Range(0, 1), n, n).Draw(rt, "y")
		standard, optimised := newTheta(standardTheta, 1), newTheta(optimisedTheta, 1)
		standard.fit(y)
		optimised.fit(y)
		bound, _ := standard.fixedSquares(standard.alpha, standard.theta)
		if got, _ := optimised.fixedSquares(optimised.alpha, optimised.theta); got > bound*1.005 {
			rt.Fatalf("sum of squares %v by alpha %v and theta %v, but %v by alpha %v and theta 2", got, optimised.alpha, optimised.theta, bound, standard.alpha)
		}
	})
}

// Without a season, the forms around the line move exactly with what is added to a series.
func TestThetaAroundTheLineMovesWithTheSeries(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		y := rapid.SliceOfN(rapid.Float64Range(0, 1), 8, 60).Draw(rt, "y")
		shift := rapid.Float64Range(-1, 1).Draw(rt, "shift")
		moved := make([]float64, len(y))
		for i, v := range y {
			moved[i] = v + shift
		}
		for _, form := range []thetaForm{standardTheta, optimisedTheta} {
			o, p := newTheta(form, 1), newTheta(form, 1)
			one, two := make([]float64, 3), make([]float64, 3)
			o.fit(y)
			o.paths(y, []int{len(y)}, 3, one)
			p.fit(moved)
			p.paths(moved, []int{len(y)}, 3, two)
			for h := range one {
				if math.Abs(two[h]-one[h]-shift) > 0.02 {
					rt.Fatalf("%s, step %d: %v became %v by %v", o.name(), h+1, one[h], two[h], shift)
				}
			}
		}
	})
}
