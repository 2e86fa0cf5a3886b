package forecast

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// spread holds half the width of the bounds of each day ahead, in scaled units.
type spread struct {
	half80, half95 []float64
	sigma, count   []float64
	ratios         []float64
}

// measure sets the bounds from the errors that the chosen method made in the window,
// which it had not been fitted to (split conformal intervals, Vovk, Gammerman and Shafer
// 2005, with a scale for each day ahead):
//
//	sigma_h = root mean square error h days ahead, made non-decreasing in h
//	          by pooling adjacent violators
//	half_h  = sigma_h * quantile of |e_(origin,h)| / sigma_h over all origins and days
//
// The quantile is taken at (1+1/k) times the level for k origins, and widened by the
// ratio of Student's t to the normal quantile with k-1 degrees of freedom. Beyond the
// last day ahead that was measured, sigma grows with the square root of the distance.
func (s *spread) measure(y *history, origins []int, horizon int, paths []float64, ahead int) {
	s.sigma, s.count = resize(s.sigma, horizon), resize(s.count, horizon)
	clear(s.sigma)
	clear(s.count)
	s.eachError(y, origins, horizon, paths, func(h int, e float64) {
		s.sigma[h] += e * e
		s.count[h]++
	})
	measured := s.settle()
	s.ratios = s.ratios[:0]
	s.eachError(y, origins, horizon, paths, func(h int, e float64) {
		if s.sigma[h] > 0 {
			s.ratios = append(s.ratios, math.Abs(e)/s.sigma[h])
		}
	})
	slices.Sort(s.ratios)
	s.widen(measured, ahead, s.quantile(0.80, len(origins)), s.quantile(0.95, len(origins)))
}

func (s *spread) eachError(y *history, origins []int, horizon int, paths []float64, visit func(h int, e float64)) {
	for k, origin := range origins {
		for h := 0; h < horizon && origin+h < len(y.y); h++ {
			if y.observed[origin+h] {
				visit(h, y.y[origin+h]-paths[k*horizon+h])
			}
		}
	}
}

// settle turns sums of squares into non-decreasing sigmas and returns how many days
// ahead from the first were measured. It pools adjacent violators (Barlow, Bartholomew,
// Bremner and Brunk 1972), a day without a measurement joining the one before it.
func (s *spread) settle() (measured int) {
	type block struct {
		sum, count float64
		end        int
	}
	var blocks []block
	for h := range s.sigma {
		if s.count[h] > 0 {
			measured = h + 1
		}
		next := block{s.sigma[h], s.count[h], h + 1}
		for len(blocks) > 0 {
			last := blocks[len(blocks)-1]
			if next.count > 0 && last.count > 0 && last.sum/last.count <= next.sum/next.count {
				break
			}
			next.sum, next.count = next.sum+last.sum, next.count+last.count
			blocks = blocks[:len(blocks)-1]
		}
		blocks = append(blocks, next)
	}
	h := 0
	for _, b := range blocks {
		for ; h < b.end; h++ {
			s.sigma[h] = math.Sqrt(b.sum / b.count)
		}
	}
	return measured
}

// quantile returns the conformal quantile of the sorted ratios.
func (s *spread) quantile(level float64, origins int) float64 {
	if len(s.ratios) == 0 {
		return 0
	}
	k := float64(origins)
	q := stat.Quantile(min(1, level*(1+1/k)), stat.LinInterp, s.ratios, nil)
	both := (1 + level) / 2
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: max(1, k-1)}
	return q * t.Quantile(both) / distuv.UnitNormal.Quantile(both)
}

func (s *spread) widen(measured, ahead int, q80, q95 float64) {
	s.half80, s.half95 = s.half80[:0], s.half95[:0]
	for h := range ahead {
		sigma := s.sigma[min(h, measured-1)]
		if h >= measured {
			sigma *= math.Sqrt(float64(h+1) / float64(measured))
		}
		s.half80 = append(s.half80, sigma*q80)
		s.half95 = append(s.half95, sigma*max(q80, q95))
	}
}

// guess sets the bounds of a series that is too short to compare methods on: a random
// walk, whose daily step is the root mean square difference of the observed values, or
// the value itself when there is only one. A constant of two values or more has none.
func (s *spread) guess(y *history, ahead int) {
	step := math.Abs(y.y[len(y.y)-1])
	if y.count > 1 {
		sum := 0.0
		for t := 1; t < len(y.y); t++ {
			d := y.y[t] - y.y[t-1]
			sum += d * d
		}
		step = math.Sqrt(sum / float64(len(y.y)-1))
	}
	s.half80, s.half95 = s.half80[:0], s.half95[:0]
	for h := range ahead {
		grown := step * math.Sqrt(float64(h+1))
		s.half80 = append(s.half80, grown*distuv.UnitNormal.Quantile(0.90))
		s.half95 = append(s.half95, grown*distuv.UnitNormal.Quantile(0.975))
	}
}
