package forecast

import (
	"math"
	"slices"
)

// ets is exponential smoothing with additive errors in state space form (Hyndman,
// Koehler, Ord and Snyder, Forecasting with Exponential Smoothing, 2008, table 2.2):
//
//	e_t = y_t - l_(t-1) - phi*b_(t-1) - s_(t-m)
//	l_t = l_(t-1) + phi*b_(t-1) + alpha*e_t
//	b_t = phi*b_(t-1) + beta*e_t
//	s_t = s_(t-m) + gamma*e_t
//	forecast of t+h = l_t + (phi+...+phi^h)*b_t + s_(t+h-m*ceil(h/m))
//
// without the trend b or the season s where they are switched off. Parameters have the highest posterior under Gaussian
// noise, that is a small sum of e_t^2 near what is believed beforehand (see descend and belief), inside
// 0 < alpha < 1, 0 < beta < alpha, 0 < gamma < 1-alpha and 0.8 <= phi <= 0.98, each mapped
// to a free number by the logistic function; phi is 1 for an undamped trend. First states come from the
// first seasons.
//
// A constant series gives the constant; a series shorter than two seasons is refused by
// applies when the form has a season, one shorter than three values always.
type ets struct {
	seasonal     bool
	trend        trend
	m            int
	best         point // of the last fit
	alpha, beta  float64
	gamma, phi   float64
	level, slope float64   // before the first value
	season       []float64 // before the first value, by phase
	state        []float64 // scratch
	turns        []etsTurn // scratch
	tried        [6]point  // scratch
}

// trend is the form of a trend.
type trend int

const (
	flat trend = iota
	damped
	straight
)

func (t trend) mark() string { return [...]string{flat: "N", damped: "Ad", straight: "A"}[t] }

// newETS returns the form with a trend and a season of length m, or none when m is 1.
func newETS(t trend, m int) *ets {
	return &ets{seasonal: m > 1, trend: t, m: m, season: make([]float64, m), state: make([]float64, m)}
}

func (e *ets) name() string {
	season := "N"
	if e.seasonal {
		season = "A"
	}
	return "ets(A," + e.trend.mark() + "," + season + ")"
}

func (e *ets) applies(y []float64) bool {
	if e.seasonal {
		return len(y) >= 2*e.m+1
	}
	return len(y) >= 3
}

func (e *ets) fit(y []float64) {
	e.start(y)
	e.search(y, e.coarse(y), 30)
}

func (e *ets) refit(y []float64) {
	e.start(y)
	e.search(y, e.best, 8)
}

func (e *ets) search(y []float64, guess point, steps int) {
	e.best = descend(e.parameters(), guess, e.belief(), len(y), 0.01, steps, func(p point, s *slopes) { e.slopes(y, p, s) })
	e.read(e.best)
}

// belief is lively in the level and calm in trend and season. Its width is such that a hundred values outweigh it.
func (e *ets) belief() belief {
	return belief{centre: e.free(0.5, 0.1, 0.9, 0.05), deviation: 3}
}

// free returns the free parameters of an alpha, a beta as a share of alpha, a phi and a gamma as a share of 1-alpha.
func (e *ets) free(alpha, beta, phi, gamma float64) point {
	p, next := point{free(alphaMin, alphaMax, alpha)}, 1
	if e.trend != flat {
		p[1], p[2] = free(0, 1, beta), free(phiMin, phiMax, phi)
		next = 3
	}
	if e.seasonal {
		p[next] = free(0, 1, gamma)
	}
	return p
}

func (e *ets) parameters() int {
	count := 1
	if e.trend != flat {
		count += 2
	}
	if e.seasonal {
		count++
	}
	return count
}

// coarse returns the best of a few starting points: the surface often has two valleys,
// one of a calm level and one of a level that follows every value.
func (e *ets) coarse(y []float64) (best point) {
	lowest := math.Inf(1)
	for _, p := range e.guesses() {
		e.read(p)
		if sum := e.squares(y); sum < lowest {
			lowest, best = sum, p
		}
	}
	return best
}

// guesses returns the starting points that coarse compares.
func (e *ets) guesses() []point {
	out := e.tried[:0]
	for _, alpha := range [...]float64{0.03, 0.15, 0.5} {
		for _, gamma := range [...]float64{0.02, 0.2} {
			out = append(out, e.free(alpha, 0.05, 0.95, gamma))
			if !e.seasonal {
				break
			}
		}
	}
	return out
}

const (
	alphaMin, alphaMax = 1e-4, 1 - 1e-4
	phiMin, phiMax     = 0.8, 0.98
)

// read sets the parameters from free numbers in the order alpha, beta, phi, gamma.
func (e *ets) read(p point) {
	e.alpha = between(alphaMin, alphaMax, p[0])
	e.beta, e.phi, e.gamma = 0, 0, 0
	next := 1
	if e.trend != flat {
		e.beta = e.alpha * between(0, 1, p[1])
		e.phi = between(phiMin, phiMax, p[2])
		if e.trend == straight {
			e.phi = 1
		}
		next = 3
	}
	if e.seasonal {
		e.gamma = (1 - e.alpha) * between(0, 1, p[next])
	}
}

// start sets the states before the first value from at most the first eight seasons (the
// first ten values without a season): the slope by least squares through the seasons'
// means, the season as the mean deviation from them and the slope, the level as the
// means' mean, brought back along the slope, which is returned also when the form has none.
func (e *ets) start(y []float64) (slope float64) {
	block, blocks := 1, min(len(y), 10)
	if e.seasonal {
		block, blocks = e.m, min(len(y)/e.m, startSeasons)
	}
	clear(e.season)
	var sumK, sumKK, sumV, sumKV float64
	for k := range blocks {
		average := mean(y[k*block : (k+1)*block])
		for j := range block {
			if e.seasonal {
				e.season[j] += (y[k*block+j] - average) / float64(blocks)
			}
		}
		x := float64(k)
		sumK, sumKK, sumV, sumKV = sumK+x, sumKK+x*x, sumV+average, sumKV+x*average
	}
	count := float64(blocks)
	slope = (count*sumKV - sumK*sumV) / (count*sumKK - sumK*sumK) / float64(block)
	e.level, e.slope = sumV/count, 0
	if e.trend != flat {
		middle := (count*float64(block) - 1) / 2 // of these seasons, in values after the first
		e.level, e.slope = e.level-slope*(middle+1), slope
	}
	if e.seasonal {
		for j := range e.season {
			e.season[j] -= slope * (float64(j) - float64(block-1)/2)
		}
	}
	return slope
}

// startSeasons is how many seasons the first states are taken from at most.
const startSeasons = 8

// squares returns the sum of squared one-step errors.
func (e *ets) squares(y []float64) float64 {
	alpha, beta, gamma, phi := e.alpha, e.beta, e.gamma, e.phi
	level, slope, sum := e.level, e.slope, 0.0
	if !e.seasonal {
		for _, v := range y {
			base := level + phi*slope
			err := v - base
			level = base + alpha*err
			slope = phi*slope + beta*err
			sum += err * err
		}
		return sum
	}
	state := e.state
	copy(state, e.season)
	j := 0
	for _, v := range y {
		base := level + phi*slope
		err := v - base - state[j]
		level = base + alpha*err
		slope = phi*slope + beta*err
		state[j] += gamma * err
		sum += err * err
		if j++; j == len(state) {
			j = 0
		}
	}
	return sum
}

func (e *ets) paths(y []float64, origins []int, horizon int, out []float64) {
	level, slope := e.level, e.slope
	state := e.state
	copy(state, e.season)
	t := 0
	for k, origin := range origins {
		for ; t < origin; t++ {
			base := level + e.phi*slope
			err := y[t] - base - state[t%e.m]
			level = base + e.alpha*err
			slope = e.phi*slope + e.beta*err
			if e.seasonal {
				state[t%e.m] += e.gamma * err
			}
		}
		row := out[k*horizon : (k+1)*horizon]
		drift, damp, j := 0.0, 1.0, origin%e.m
		for h := range row {
			damp *= e.phi
			drift += damp
			row[h] = level + drift*slope + state[j]
			if j++; j == e.m {
				j = 0
			}
		}
	}
}

// logged fits a method to the logarithm of a positive series, which makes additive
// parts multiplicative. The forecast is exp of the inner forecast: the median of the
// log-normal, which is what absolute errors measure, not its mean.
type logged struct {
	inner model
	y     []float64
}

func (l *logged) name() string { return "log " + l.inner.name() }

func (l *logged) applies(y []float64) bool {
	return l.inner.applies(y) && slices.Min(y) > leastLogged
}

// leastLogged is below the smallest value that a logarithm is taken of: one a million times smaller than the largest would rule the fit.
const leastLogged = 1e-6

func (l *logged) fit(y []float64) { l.inner.fit(l.logs(y)) }

func (l *logged) refit(y []float64) { l.inner.refit(l.logs(y)) }

func (l *logged) logs(y []float64) []float64 {
	l.y = l.y[:0]
	for _, v := range y {
		l.y = append(l.y, math.Log(v))
	}
	return l.y
}

func (l *logged) paths(y []float64, origins []int, horizon int, out []float64) {
	l.inner.paths(l.logs(y), origins, horizon, out)
	for i, v := range out[:len(origins)*horizon] {
		out[i] = math.Exp(min(v, maxLog))
	}
}

// maxLog bounds a forecast at e^5, about 150 times the largest value ever seen.
const maxLog = 5

func mean(y []float64) float64 {
	sum := 0.0
	for _, v := range y {
		sum += v
	}
	return sum / float64(len(y))
}
