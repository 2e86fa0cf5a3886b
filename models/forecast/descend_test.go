package forecast

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/optimize"
)

// wandering returns a week on a level that wanders.
func wandering(n int, seed uint64) []float64 {
	random := rand.New(rand.NewPCG(seed, 3))
	y, level := make([]float64, n), 0.5
	for i := range y {
		level += 0.01 * random.NormFloat64()
		y[i] = level + 0.1*math.Sin(2*math.Pi*float64(i)/7) + 0.03*random.NormFloat64()
	}
	return y
}

func forms() []*ets {
	var all []*ets
	for _, form := range []trend{flat, damped, straight} {
		all = append(all, newETS(form, 1), newETS(form, 7))
	}
	return all
}

// The slopes that run along with the states are those of differences of the sum of squares, and so are the sums of products of
// the errors' derivatives: J'J*d is the change of J'e along d up to what errors bend, which is small where they are.
func TestSlopesOfETS(t *testing.T) {
	y := wandering(300, 1)
	for _, e := range forms() {
		e.start(y)
		p := e.coarse(y)
		var s, up, down slopes
		e.slopes(y, p, &s)
		if !near(s.squares, e.squares(y), 1e-12) {
			t.Errorf("%s: sum of squares %v, want %v", e.name(), s.squares, e.squares(y))
		}
		for k := range e.parameters() {
			const h = 1e-5
			q := p
			q[k] += h
			e.slopes(y, q, &up)
			q[k] -= 2 * h
			e.slopes(y, q, &down)
			if want := (up.squares - down.squares) / (4 * h); math.Abs(want-s.gradient[k]) > 1e-6*(1e-3+math.Abs(want)) {
				t.Errorf("%s, parameter %d: half the slope is %v, differences say %v", e.name(), k, s.gradient[k], want)
			}
			for i := range k + 1 {
				if s.curve[k][i]*s.curve[k][i] > s.curve[k][k]*s.curve[i][i]*(1+1e-9) {
					t.Errorf("%s: curve %v is that of no columns", e.name(), s.curve)
				}
			}
		}
	}
}

// Descend ends no higher than gonum's Nelder-Mead from the same place, up to the tolerance that fits ask for.
func TestDescendFindsThePosteriorsPeak(t *testing.T) {
	for seed := range uint64(3) {
		y := wandering(200, seed)
		for _, e := range forms() {
			e.start(y)
			start, prior, dim := e.coarse(y), e.belief(), e.parameters()
			cost := func(p point) float64 {
				e.read(p)
				sum := float64(len(y)) * math.Log(e.squares(y))
				for k := range dim {
					d := (p[k] - prior.centre[k]) / prior.deviation
					sum += d * d
				}
				return sum
			}
			got := descend(dim, start, prior, len(y), 1e-9, 200, func(p point, s *slopes) { e.slopes(y, p, s) })
			reference, err := optimize.Minimize(optimize.Problem{Func: func(x []float64) float64 {
				var at point
				copy(at[:], x)
				return cost(at)
			}}, start[:dim], &optimize.Settings{FuncEvaluations: 4000}, &optimize.NelderMead{})
			if err != nil && reference == nil {
				t.Fatal(err)
			}
			if cost(got) > reference.F+0.01 {
				t.Errorf("%s, seed %d: %v at %v, gonum has %v at %v", e.name(), seed, cost(got), got[:dim], reference.F, reference.X)
			}
		}
	}
}

func TestDescendStaysWhereThereIsNothingToLearn(t *testing.T) {
	start := point{1, 2}
	for _, squares := range []float64{0, math.NaN(), math.Inf(1)} {
		if got := descend(2, start, belief{deviation: 1}, 10, 1e-9, 50, func(_ point, s *slopes) { *s = slopes{squares: squares} }); got != start {
			t.Errorf("sum of squares %v: went to %v", squares, got)
		}
	}
}
