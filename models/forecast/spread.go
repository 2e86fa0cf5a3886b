package forecast

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// spread makes the bounds of each day ahead, in scaled units.
//
// They are split conformal intervals (Vovk, Gammerman and Shafer 2005) from the errors that the chosen method made at
// many origins, weighted by how much an error says of the next one (Barber, Candes, Ramdas and Tibshirani 2023):
//
//	w_k     = 1 for an origin in the window, which the method had not been fitted to; n/(n+earlierCount) before it
//	r_(k,h) = sqrt(L_k * f_(k,h)) / L_n, where L is the mean of the last values seen and f what was forecast, at least
//	          leastShare of L
//	z_(k,h) = e_(k,h) / r_(k,h)^p, where p makes errors at all levels, and in all seasons, alike
//	sigma_h = what the z of h days ahead are like; see settle and follow
//	half_h  = sigma_h * r_h^p * q * t_h, q the weighted quantile of |z_(k,h)|/sigma_h over all k and h, drawn towards the normal
//	          one with priorWeight, and t_h Student's t in units of the normal quantile
//
// The power p of 0, 1/4, ..., 1 has the highest Gaussian likelihood with a prior around levelPower; it is 0 for a series with a
// value below zero, and for one whose level lies apart from today's by more than leastLevel and mostLevel. The quantile is taken at (1+1/w) times the level for a total weight w. Errors of near origins overlap, the more the
// further ahead: h days ahead they have w/(1+overlap*(h-1)) degrees of freedom, at least leastFreedom.
//
// Errors that grow with r^p are even about the forecast f in the scale of Box and Cox (1964) that has the power 1-p, so
// that of a series that was never zero the bounds lie there, half_h about f in that scale's unit at f:
//
//	lower_h = f * (1 - (1-p) * half_h/f)^(1/(1-p)), upper_h = f * (1 + (1-p) * half_h/f)^(1/(1-p)), exp for p = 1
//
// The upper one bends so up to half_h = skewReach*f, and is straight from there on: what follows from small errors says too
// little of such large ones. Where the forecast or any value is zero or less, the bounds are f - half_h and f + half_h.
//
// Every constant was chosen by rolling origin inside the training parts of the public sets, where all of its neighbours do
// about as well.
type spread struct {
	sigma, count  []float64 // of each day ahead that was measured; see settle
	growth        float64   // power of days ahead by which the variance grows
	freedom       float64   // degrees of it one day ahead
	in80, in95    chance
	quarters      int     // four times p
	last          float64 // L_n
	skewed        bool
	weight, level []float64 // of each origin; level is L_k/L_n
	unit          []float64 // r^-p of each origin and day ahead
	bins          []float64 // weight of the ratios |z|/sigma by size
	blocks        []pooled
}

const (
	earlierCount = 100
	levelPower   = 0.75 // errors mostly grow a little slower than what is measured
	levelPrior   = 0.3
	leastLevel   = 0.02
	mostLevel    = 1e6
	leastShare   = 0.2
	overlap      = 0.2
	leastFreedom = 2
	skewReach    = 0.5
)

// chance is a quantile of the ratios |z|/sigma and the normal one of the same level.
type chance struct{ quantile, normal float64 }

// rolled is how a combination did at origins, the first before of which lie before the window.
type rolled struct {
	origins []int
	before  int
	horizon int
	paths   []float64
}

// measure takes the spread from the errors of a rolled combination.
func (s *spread) measure(y *history, r rolled, season int) {
	width := max(season, 6)
	s.weigh(y, r, width)
	s.sigma, s.count = resize(s.sigma, r.horizon), resize(s.count, r.horizon)
	clear(s.sigma)
	clear(s.count)
	r.each(y, func(k, h int, e float64) {
		z := e * s.unit[k*r.horizon+h]
		s.sigma[h] += s.weight[k] * z * z
		s.count[h] += s.weight[k]
	})
	s.settle()
	s.follow(s.wander(y, width, season))
	s.bins = resize(s.bins, binCount)
	clear(s.bins)
	r.each(y, func(k, h int, e float64) {
		if s.sigma[h] > 0 {
			s.bins[binOf(math.Abs(e)*s.unit[k*r.horizon+h]/s.sigma[h])] += s.weight[k]
		}
	})
	s.freedom = 0
	for _, w := range s.weight {
		s.freedom += w
	}
	s.in80, s.in95 = s.chance(0.80), s.chance(0.95)
	s.in95.quantile = max(s.in80.quantile, s.in95.quantile)
}

// each visits the errors of all origins on observed days.
func (r rolled) each(y *history, visit func(k, h int, e float64)) {
	for k, origin := range r.origins {
		row := r.paths[k*r.horizon : (k+1)*r.horizon]
		for h := 0; h < r.horizon && origin+h < len(y.y); h++ {
			if y.observed[origin+h] {
				visit(k, h, y.y[origin+h]-row[h])
			}
		}
	}
}

// weigh sets the origins' weights and levels, the power, and the unit of each error.
func (s *spread) weigh(y *history, r rolled, width int) {
	n := len(y.y)
	s.weight, s.level = resize(s.weight, len(r.origins)), resize(s.level, len(r.origins))
	levelAt := func(origin int) float64 { return mean(y.y[max(0, origin-width):origin]) }
	least := slices.Min(y.y)
	positive := least >= 0
	s.last = levelAt(n)
	for k, origin := range r.origins {
		s.weight[k] = 1
		if k < r.before {
			s.weight[k] = float64(n) / (float64(n) + earlierCount)
		}
		if s.level[k] = levelAt(origin) / s.last; !(s.level[k] > leastLevel && s.level[k] < mostLevel) {
			positive = false // nearly nothing there, or today: errors would be blown up
		}
	}
	s.quarters, s.skewed = 0, false
	s.unit = resize(s.unit, len(r.paths))
	if positive {
		for k, level := range s.level {
			for i := k * r.horizon; i < (k+1)*r.horizon; i++ {
				s.unit[i] = reference(level, r.paths[i]/s.last)
			}
		}
		s.quarters = s.power(y, r)
		s.skewed = s.quarters > 0 && least > 0
	}
	for i := range s.unit {
		s.unit[i] = 1 / s.raise(s.unit[i])
	}
}

// reference returns what an error grows with: both numbers are in units of today's level.
func reference(level, forecast float64) float64 {
	return math.Sqrt(level * max(min(forecast, mostLevel), leastShare*level))
}

// raise returns v^p.
func (s *spread) raise(v float64) float64 {
	switch s.quarters {
	case 0:
		return 1
	case 1:
		return math.Sqrt(math.Sqrt(v))
	case 2:
		return math.Sqrt(v)
	case 3:
		v = math.Sqrt(v)
		return v * math.Sqrt(v)
	}
	return v
}

// power returns four times the power p that errors grow with; unit holds what they grow with.
func (s *spread) power(y *history, r rolled) (quarters int) {
	const powers = 5
	var squares [powers]float64
	logs, total := 0.0, 0.0
	product, of := 1.0, 0 // of sizes of one origin, whose logarithm is taken at once
	r.each(y, func(k, h int, e float64) {
		size := s.unit[k*r.horizon+h]
		factor, root := s.weight[k]*e*e, 1/math.Sqrt(size)
		for p := range squares {
			squares[p] += factor
			factor *= root
		}
		if k != of || product > 1e100 || product < 1e-100 {
			logs += s.weight[of] * math.Log(product)
			product, of = 1, k
		}
		product *= size
		total += s.weight[k]
	})
	logs += s.weight[of] * math.Log(product)
	best := math.Inf(1)
	for p, sum := range squares {
		power := float64(p) / 4
		if v := math.Log(sum/total) + 2*power*logs/total + levelPrior*(power-levelPower)*(power-levelPower); v < best {
			best, quarters = v, p
		}
	}
	return quarters
}

// The bins of ratios have 128 steps to a doubling, from 2^-8 on: a number's exponent and first bits say its bin.
const (
	binShift = 52 - 7
	binFirst = (1023 - 8) << 7
	binCount = 14 << 7
)

func binOf(ratio float64) int {
	return max(0, min(int(math.Float64bits(ratio)>>binShift)-binFirst, binCount-1))
}

// binEdge is the smallest ratio of a bin.
func binEdge(bin int) float64 { return math.Float64frombits(uint64(bin+binFirst) << binShift) }

// chance returns the conformal quantile of the ratios; 0 when there are none.
func (s *spread) chance(level float64) chance {
	c := chance{normal: distuv.UnitNormal.Quantile((1 + level) / 2)}
	all := 0.0
	for _, w := range s.bins {
		all += w
	}
	if all == 0 {
		return c
	}
	below, q, target := 0.0, 0.0, all*min(1, level*(1+1/s.freedom))
	for bin, w := range s.bins {
		if w == 0 {
			continue
		}
		q = binEdge(bin) + (binEdge(bin+1)-binEdge(bin))*min(1, (target-below)/w)
		if below += w; below >= target {
			break
		}
	}
	c.quantile = (s.freedom*q + priorWeight*c.normal) / (s.freedom + priorWeight)
	return c
}

// widened returns the quantile times the ratio of Student's t to the normal quantile x, by the first terms of the expansion in
// the degrees of freedom (Abramowitz and Stegun 1964, 26.7.5); at two of them it is 3 % below.
func (c chance) widened(freedom float64) float64 {
	v, x := 1/max(leastFreedom, freedom), c.normal*c.normal
	return c.quantile * (1 + v*((x+1)/4+v*(((5*x+16)*x+3)/96+v*(((3*x+19)*x+17)*x-15)/384)))
}

// bounds returns how far the bounds of a chance lie below and above a forecast for the day with the given number, from 0.
func (s *spread) bounds(at int, forecast float64, c chance) (lower, upper float64) {
	half := s.sigma[min(at, len(s.sigma)-1)] * c.widened(s.freedom/(1+overlap*float64(at)))
	if measured := len(s.sigma); at >= measured {
		half *= math.Pow(float64(at+1)/float64(measured), s.growth/2)
	}
	if s.quarters > 0 {
		half *= s.raise(reference(1, forecast/s.last))
	}
	share := half / forecast
	if !s.skewed || !(share > leastSkewed) {
		return -half, half
	}
	reach := min(share, skewReach)
	return forecast * (s.bend(-share) - 1), half * (s.bend(reach) - 1) / reach
}

// leastSkewed is the share of a forecast below which half a width is too small to be uneven in the digits that a number has.
const leastSkewed = 1e-6

// bend returns (1 + (1-p)*v)^(1/(1-p)), 0 where what is raised is negative, and exp(v) for p = 1.
func (s *spread) bend(v float64) float64 {
	base := max(0, 1+(1-float64(s.quarters)/4)*v)
	switch s.quarters {
	case 1:
		return base * math.Cbrt(base)
	case 2:
		return base * base
	case 3:
		return base * base * base * base
	}
	return math.Exp(v)
}

// guess sets the bounds of a series that is too short to compare methods on: a random
// walk, whose daily step is the root mean square difference of the observed values, or
// the value itself when there is only one. A constant of two values or more has none.
func (s *spread) guess(y *history) {
	step := math.Abs(y.y[len(y.y)-1])
	if y.count > 1 {
		sum := 0.0
		for t := 1; t < len(y.y); t++ {
			d := y.y[t] - y.y[t-1]
			sum += d * d
		}
		step = math.Sqrt(sum / float64(len(y.y)-1))
	}
	s.sigma, s.growth = append(s.sigma[:0], step), 1
	s.quarters, s.skewed = 0, false
	q80, q95 := distuv.UnitNormal.Quantile(0.90), distuv.UnitNormal.Quantile(0.975)
	s.freedom, s.in80, s.in95 = math.Inf(1), chance{q80, q80}, chance{q95, q95}
}
