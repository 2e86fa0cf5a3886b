package forecast

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Two steps by hand with m = 2, alpha 0.5, beta 0.2, phi 0.9, gamma 0.1 from l = 10, b = 1, s = (1.2, 0.8): base 10.9, f = 13.08,
// e = 0.5 at y = 19.62, l = 13.625, b = 1.99, s_1 = 1.26; then base 15.416, f = 12.3328, e = -0.5 at y = 6.1664, l = 11.562,
// b = 0.2494, s_2 = 0.76.
func TestMultipliedETSByHand(t *testing.T) {
	e := newMultipliedETS(damped, 2)
	e.alpha, e.beta, e.phi, e.gamma = 0.5, 0.2, 0.9, 0.1
	e.level, e.slope = 10, 1
	copy(e.season, []float64{1.2, 0.8})
	y := []float64{19.62, 6.1664}
	if got, want := e.deviance(y), 2*math.Log(0.25)+2*(math.Log(13.08)+math.Log(12.3328)); !near(got, want, 1e-9) {
		t.Errorf("deviance %v, want %v", got, want)
	}
	got := make([]float64, 6)
	e.paths(y, []int{1, 2}, 3, got)
	want := []float64{
		(13.625 + 0.9*1.99) * 0.8, (13.625 + 1.71*1.99) * 1.26, (13.625 + 2.439*1.99) * 0.8,
		(11.562 + 0.9*0.2494) * 1.26, (11.562 + 1.71*0.2494) * 0.76, (11.562 + 2.439*0.2494) * 1.26,
	}
	if !nearAll(got, want, 1e-12) {
		t.Errorf("paths %v, want %v", got, want)
	}
}

// A season of factors on a level is found exactly, and what falls to nothing afterwards is borne.
func TestMultipliedETSStart(t *testing.T) {
	season := []float64{0.5, 0.7, 1.8}
	y := make([]float64, 40)
	for i := range y {
		y[i] = 0.4 * season[i%3]
	}
	e := newMultipliedETS(flat, 3)
	e.fit(y)
	if !nearAll(e.season, season, 1e-12) || !near(e.level, 0.4, 1e-12) {
		t.Errorf("season %v, level %v: want %v and 0.4", e.season, e.level, season)
	}
	path := make([]float64, 3)
	e.paths(append(y, 0, -1, 0, 0), []int{44}, 3, path)
	for _, v := range path {
		if !(v >= 0) || v > 1 {
			t.Errorf("after zeros and a negative value: path %v", path)
		}
	}
}

// Series that one of the forms makes are forecast by that form, or by one with the same season and a trend where there is one.
func TestETSChoosesTheForm(t *testing.T) {
	const m, n = 4, 120
	check := func(want []string, value func(at, season, noise float64) float64) {
		t.Helper()
		random := rand.New(rand.NewPCG(3, 4))
		y := make([]float64, n)
		for i := range y {
			y[i] = value(float64(i)/n, []float64{-0.5, 0.1, 0.9, -0.5}[i%m], random.NormFloat64())
		}
		c := newChosenETS(m)
		c.fit(y)
		if !slices.Contains(want, c.kept.name()) {
			t.Errorf("got %s, want one of %s", c.kept.name(), want)
		}
		for _, form := range c.forms {
			k := float64(form.freedom())
			v := form.deviance(y) + 2*k + 2*k*(k+1)/(n-k-1)
			if own := float64(c.kept.freedom()); v < c.kept.deviance(y)+2*own+2*own*(own+1)/(n-own-1) {
				t.Errorf("%s is kept, though AICc is less for %s", c.kept.name(), form.name())
			}
		}
	}
	check([]string{"ets(A,N,N)"}, func(_, _, noise float64) float64 { return 0.5 + 0.05*noise })
	check([]string{"ets(A,A,N)", "ets(A,Ad,N)"}, func(at, _, noise float64) float64 { return 0.1 + 0.8*at + 0.02*noise })
	check([]string{"ets(A,N,A)"}, func(_, season, noise float64) float64 { return 0.2*season + 0.05*noise })
	check([]string{"ets(A,A,A)"}, func(at, season, noise float64) float64 { return 0.4 + 0.4*at + 0.1*season + 0.02*noise })
	check([]string{"ets(M,A,M)"}, func(at, season, noise float64) float64 {
		return (0.05 + 0.4*at) * (1 + 0.8*season) * math.Exp(0.03*noise)
	})
	check([]string{"ets(M,N,M)"}, func(_, season, noise float64) float64 { return 0.3 * (1 + 0.8*season) * math.Exp(0.1*noise) })
}

// The level has three parameters with its first state and the variance; each of trend, damping and season adds its own.
func TestETSFreedom(t *testing.T) {
	for _, form := range []struct {
		etsForm
		want int
	}{
		{newETS(flat, 1), 3}, {newETS(straight, 1), 5}, {newETS(damped, 1), 6},
		{newETS(flat, 4), 7}, {newETS(straight, 12), 17}, {newETS(damped, 12), 18}, {newMultipliedETS(straight, 12), 17},
	} {
		if got := form.freedom(); got != form.want {
			t.Errorf("%s has %d parameters, want %d", form.name(), got, form.want)
		}
	}
}
