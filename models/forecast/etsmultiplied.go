package forecast

import (
	"math"
	"slices"
)

// multipliedETS is exponential smoothing with a multiplicative season and relative errors in state space form (Hyndman,
// Koehler, Ord and Snyder 2008, table 2.3):
//
//	f_t = (l_(t-1) + phi*b_(t-1)) * s_(t-m)
//	e_t = (y_t - f_t) / f_t
//	l_t = (l_(t-1) + phi*b_(t-1)) * (1 + alpha*e_t)
//	b_t = phi*b_(t-1) + beta*(l_(t-1) + phi*b_(t-1))*e_t
//	s_t = s_(t-m) * (1 + gamma*e_t)
//	forecast of t+h = (l_t + (phi+...+phi^h)*b_t) * s_(t+h-m*ceil(h/m))
//
// Its parameters are those of ets, inside the same limits, and have the highest posterior with the same belief: they minimise
//
//	n*log(e'e) + 2*sum_t log(f_t) + sum_k ((p_k-centre_k)/deviation)^2
//
// The first season is the mean by phase of the ratio to the seasons' means and their slope, the first level and slope are
// those of ets.
//
// Only positive series are fitted, which applies sees to. What is forecast from may come to hold others: a value below
// leastLogged counts as that, and so does a level with its slope; no path falls below 0. Seasons learn from relative errors
// of up to mostLearned. A constant series gives the constant.
type multipliedETS struct{ ets }

func newMultipliedETS(t trend, m int) *multipliedETS {
	return &multipliedETS{*newETS(t, m)}
}

func (e *multipliedETS) name() string {
	return "ets(M," + e.trend.mark() + ",M)"
}

func (e *multipliedETS) applies(y []float64) bool {
	return e.ets.applies(y) && slices.Min(y) > leastLogged
}

func (e *multipliedETS) fit(y []float64) {
	e.start(y)
	least, guess := math.Inf(1), point{}
	for _, p := range e.guesses() {
		if v := e.cost(y, p); v < least {
			least, guess = v, p
		}
	}
	e.search(y, guess, 0.8, 200)
}

func (e *multipliedETS) refit(y []float64) {
	e.start(y)
	e.search(y, e.best, 0.2, 60)
}

func (e *multipliedETS) search(y []float64, guess point, step float64, evaluations int) {
	e.best, _ = minimise(e.parameters(), guess, step, 1e-6, evaluations, func(p point) float64 { return e.cost(y, p) })
	e.read(e.best)
}

// start sets the states before the first value.
func (e *multipliedETS) start(y []float64) {
	slope := e.ets.start(y)
	cycles := min(len(y)/e.m, startSeasons)
	clear(e.season)
	for k := range cycles {
		cycle := y[k*e.m : (k+1)*e.m]
		average := mean(cycle)
		for j, v := range cycle {
			line := average + slope*(float64(j)-float64(e.m-1)/2)
			e.season[j] += v / max(line, average/4)
		}
	}
	total := mean(e.season)
	for j := range e.season {
		e.season[j] /= total
	}
	e.level = max(e.level, leastLogged)
}

// mostLearned is the largest relative error that a season learns from: where the level was thought to be nothing, and is not, the
// error says nothing of the season.
const mostLearned = 4

// advance lets the states take in v and returns its forecast and relative error.
func (e *multipliedETS) advance(level, slope, season, v float64) (nextLevel, nextSlope, nextSeason, f, err float64) {
	base := max(level+e.phi*slope, leastLogged)
	f = base * season
	err = (max(v, leastLogged) - f) / f
	return base * (1 + e.alpha*err), e.phi*slope + e.beta*base*err, season * (1 + e.gamma*min(err, mostLearned)), f, err
}

// deviance returns n*log(e'e/n) + 2*sum log(f).
func (e *multipliedETS) deviance(y []float64) float64 {
	copy(e.state, e.season)
	level, slope, j := e.level, e.slope, 0
	squares, product, logs := 0.0, 1.0, 0.0
	for _, v := range y {
		var f, err float64
		level, slope, e.state[j], f, err = e.advance(level, slope, e.state[j], v)
		squares += err * err
		if product *= f; product < 1e-100 || product > 1e100 {
			logs, product = logs+math.Log(product), 1
		}
		if j++; j == e.m {
			j = 0
		}
	}
	n := float64(len(y))
	return n*math.Log(squares/n+leastVariance) + 2*(logs+math.Log(product))
}

func (e *multipliedETS) cost(y []float64, p point) float64 {
	e.read(p)
	return e.deviance(y) + e.belief().cost(e.parameters(), p)
}

func (e *multipliedETS) paths(y []float64, origins []int, horizon int, out []float64) {
	copy(e.state, e.season)
	level, slope, t := e.level, e.slope, 0
	for k, origin := range origins {
		for ; t < origin; t++ {
			s := &e.state[t%e.m]
			level, slope, *s, _, _ = e.advance(level, slope, *s, y[t])
		}
		drift, damp := 0.0, 1.0
		for h := range horizon {
			damp *= e.phi
			drift += damp
			out[k*horizon+h] = max(level+drift*slope, 0) * e.state[(origin+h)%e.m]
		}
	}
}
