package forecast

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Level 10, first seasons (1, -1) and (2, 0, -2), alpha 0.5, rho 0.5, gammas 0.1 and 0.2. The value 15 errs by
// u = 15-10-1-2 = 2 = e; then level 11, seasons 1.2 and 2.4. The value 12 errs by u = 12-11+1-0 = 2, of which 1 was to be
// expected: e = 1, level 11.5, seasons -0.9 and 0.2. Ahead lie 11.5+1+1.2-2, then 11.5+0.5-0.9+2.4.
func TestMultiseasonByHand(t *testing.T) {
	d := newMultiseason(2, 3)
	d.level, d.alpha, d.rho, d.gamma = 10, 0.5, 0.5, [2]float64{0.1, 0.2}
	copy(d.start.index[0], []float64{1, -1})
	copy(d.start.index[1], []float64{2, 0, -2})
	y := []float64{15, 12}
	if got := d.squares(y); !near(got, 5, 1e-12) {
		t.Errorf("sum of squares %v, want 5", got)
	}
	got := make([]float64, 4)
	d.paths(y, []int{1, 2}, 2, got)
	if want := []float64{11 + 1 - 1 + 0, 11 + 0.5 + 1.2 - 2, 11.5 + 1 + 1.2 - 2, 11.5 + 0.5 - 0.9 + 2.4}; !nearAll(got, want, 1e-12) {
		t.Errorf("paths %v, want %v", got, want)
	}
}

// hourly is a series with a day, a week and noise.
func hourly(n int, noise float64) []float64 {
	random := rand.New(rand.NewPCG(3, 4))
	y := make([]float64, n)
	for t := range y {
		y[t] = 0.5 + 0.2*math.Sin(2*math.Pi*float64(t)/24) + noise*random.NormFloat64()
		if t%168 >= 120 {
			y[t] -= 0.15
		}
	}
	return y
}

// Two seasons are told apart: their sum is the one that went in, up to what the noise leaves.
func TestMSTLFindsBothSeasons(t *testing.T) {
	clean, y := hourly(900, 0), hourly(900, 0.05)
	d := newMSTL([]int{24, 168}, newTheta(dynamicTheta, 1))
	d.estimate(y)
	worst, average := 0.0, mean(clean[:840])
	for i := range clean {
		worst = max(worst, math.Abs(d.index[0][i%24]+d.index[1][i%168]-(clean[i]-average)))
	}
	if worst > 0.1 { // raw means of five values would err by up to about 3*0.05/sqrt(5)
		t.Errorf("the seasons err by up to %v", worst)
	}
}

func TestSecondSeasonIsFound(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	noise := make([]float64, 1000)
	for i := range noise {
		noise[i] = random.Float64()
	}
	check := func(name string, y []float64, m, want int) {
		t.Helper()
		if got := (&seasonFinder{}).find(y, m); got != want {
			t.Errorf("%s: second season %d, want %d", name, got, want)
		}
	}
	check("a day and a week of hours", hourly(900, 0.05), 24, 168)
	check("too short for a week of hours", hourly(400, 0.05), 24, 0)
	check("a day alone", hourly(100, 0), 1, 24)
	check("noise", noise, 7, 0)
	check("constant", make([]float64, 1000), 7, 0)
	check("empty", nil, 7, 0)
}

// x_t = 0.1 + 0.6*x_(t-1) + e_t is found, and what walks is forecast by its differences.
func TestAutoregressiveFindsItsCoefficients(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	y, walk := make([]float64, 4000), make([]float64, 1000)
	for i := 1; i < len(y); i++ {
		y[i] = 0.1 + 0.6*y[i-1] + 0.05*random.NormFloat64()
	}
	for i := 1; i < len(walk); i++ {
		walk[i] = walk[i-1] + 0.01*random.NormFloat64()
	}
	a := &autoregressive{m: 1}
	a.fit(y)
	sum := 0.0
	for _, c := range a.coef[1:] {
		sum += c
	}
	if a.differs || math.Abs(sum-0.6) > 0.05 || math.Abs(a.coef[0]-0.1) > 0.02 {
		t.Errorf("coefficients %v, differences %v; want about 0.1 and 0.6 of the levels", a.coef, a.differs)
	}
	if a.fit(walk); !a.differs {
		t.Errorf("a random walk is forecast by its levels: %v", a.coef)
	}
}

func TestCombinationNamesAreReadBack(t *testing.T) {
	models := methods(7)
	for _, c := range []combination{
		{members: []int{4}, weights: []float64{1}},
		{members: []int{4, 0, 2}, weights: []float64{0.51, 0.33, 0.16}},
		{members: []int{4, 3, 2, 1, 0}},
	} {
		name := c.name(models)
		got, ok := parse(name, models)
		if diff := cmp.Diff(c, got, cmp.AllowUnexported(combination{})); !ok || diff != "" {
			t.Errorf("%q is read as (-want +got):\n%s", name, diff)
		}
	}
	for _, name := range []string{"", "no such method", "x % theta", "trimmed mean of 50 % theta"} {
		if got, ok := parse(name, models); ok {
			t.Errorf("%q is read as %v", name, got)
		}
	}
}

// The shares 1, 2^-4 and (1/1.5)^4 of 1.26 in whole percents; the method at 1.6 is too far behind.
func TestSharesFollowLosses(t *testing.T) {
	c := weigh([]int{2, 0, 1, 3}, []float64{1.4, 1.5, 1, 1.6})
	want := combination{members: []int{2, 0, 1}, weights: []float64{0.68, 0.18, 0.14}}
	sum := 1 + math.Pow(1.4, -4) + math.Pow(1.5, -4)
	want.weights[1], want.weights[2] = math.Round(100*math.Pow(1.4, -4)/sum)/100, math.Round(100*math.Pow(1.5, -4)/sum)/100
	want.weights[0] = 1 - want.weights[1] - want.weights[2]
	if !cmp.Equal(want.members, c.members) || !nearAll(c.weights, want.weights, 1e-12) {
		t.Errorf("got %v, want %v", c, want)
	}
	if got := trimmedMean([]float64{9, 1, 2, -50, 3}); got != 2 {
		t.Errorf("trimmed mean of five: %v, want 2", got)
	}
	if got := trimmedMean([]float64{1, 2, 3, 10}); got != 4 {
		t.Errorf("trimmed mean of four: %v, want 4", got)
	}
}
