package forecast

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// spread holds half the width of the bounds of each day ahead, in scaled units.
//
// They are split conformal intervals (Vovk, Gammerman and Shafer 2005) from the errors that the chosen method made at
// many origins, weighted by how much an error says of the next one (Barber, Candes, Ramdas and Tibshirani 2023):
//
//	w_k     = 1 for an origin in the window, which the method had not been fitted to; n/(n+earlierCount) before it
//	z_(k,h) = e_(k,h) / (L_k/L_n)^p, where L is the mean of the last values seen and p makes errors at all levels alike
//	sigma_h = weighted root mean square of z h days ahead, made non-decreasing in h by pooling
//	          adjacent violators and drawn towards sigma_h^2 = a + b*h, which few errors tell better
//	half_h  = sigma_h * q, q the weighted quantile of |z_(k,h)|/sigma_h over all k and h, drawn towards the normal one
//
// The power p of 0, 1/4, ..., 1 has the highest Gaussian likelihood with a prior around levelPower; it is 0 for a series that is not
// positive. The quantile is taken at (1+1/w) times the level for a total weight w, and widened by the ratio of Student's t to
// the normal quantile with 0.8*w-1 degrees of freedom. Beyond the last day ahead that was measured, sigma grows with the
// square root of the distance. Every constant was chosen by rolling origin inside the training parts of the public sets.
type spread struct {
	half80, half95 []float64
	sigma, count   []float64
	weight, level  []float64 // of each origin; level is 1/(L_k/L_n)^p
	bins           []float64 // weight of the ratios |z|/sigma by size
	blocks         []pooled
}

const (
	earlierCount = 100
	levelPower   = 0.75 // errors mostly grow a little slower than what is measured
	levelPrior   = 0.1
	lineWeight   = 5
	normalWeight = 5
	freedomShare = 0.8
)

// rolled is how a combination did at origins, the first before of which lie before the window.
type rolled struct {
	origins []int
	before  int
	horizon int
	paths   []float64
}

// measure sets the bounds of the given number of days ahead. The level of a series is that of its last width values.
func (s *spread) measure(y *history, r rolled, width, ahead int) {
	s.weigh(y, r, width)
	s.sigma, s.count = resize(s.sigma, r.horizon), resize(s.count, r.horizon)
	clear(s.sigma)
	clear(s.count)
	r.each(y, func(k, h int, e float64) {
		z := e * s.level[k]
		s.sigma[h] += s.weight[k] * z * z
		s.count[h] += s.weight[k]
	})
	measured := s.settle()
	s.straighten(measured)
	s.bins = resize(s.bins, binCount)
	clear(s.bins)
	r.each(y, func(k, h int, e float64) {
		if s.sigma[h] > 0 {
			s.bins[binOf(math.Abs(e)*s.level[k]/s.sigma[h])] += s.weight[k]
		}
	})
	total := 0.0
	for _, w := range s.weight {
		total += w
	}
	s.widen(measured, ahead, s.quantile(0.80, total), s.quantile(0.95, total))
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

// weigh sets the origins' weights and levels.
func (s *spread) weigh(y *history, r rolled, width int) {
	n := len(y.y)
	s.weight, s.level = resize(s.weight, len(r.origins)), resize(s.level, len(r.origins))
	levelAt := func(origin int) float64 { return mean(y.y[max(0, origin-width):origin]) }
	last, positive := levelAt(n), slices.Min(y.y) >= 0
	for k, origin := range r.origins {
		s.weight[k] = 1
		if k < r.before {
			s.weight[k] = float64(n) / (float64(n) + earlierCount)
		}
		if s.level[k] = levelAt(origin) / last; !(s.level[k] > 0.02) {
			positive = false // nearly nothing there: its errors would be blown up
		}
	}
	quarters := 0
	if positive {
		quarters = s.power(y, r)
	}
	for k, v := range s.level {
		s.level[k] = math.Pow(v, -float64(quarters)/4)
	}
}

// power returns four times the power p of the level that errors grow with.
func (s *spread) power(y *history, r rolled) (quarters int) {
	const powers = 5
	var squares [powers]float64
	logs, total := 0.0, 0.0
	for k, origin := range r.origins {
		sum, count := 0.0, 0.0
		for h := 0; h < r.horizon && origin+h < len(y.y); h++ {
			if y.observed[origin+h] {
				e := y.y[origin+h] - r.paths[k*r.horizon+h]
				sum += e * e
				count++
			}
		}
		factor, root := s.weight[k], math.Sqrt(s.level[k])
		for p := range squares {
			squares[p] += factor * sum
			factor /= root
		}
		logs += s.weight[k] * count * math.Log(s.level[k])
		total += s.weight[k] * count
	}
	best := math.Inf(1)
	for p, sum := range squares {
		power := float64(p) / 4
		if v := math.Log(sum/total) + 2*power*logs/total + levelPrior*(power-levelPower)*(power-levelPower); v < best {
			best, quarters = v, p
		}
	}
	return quarters
}

// pooled is a run of days ahead with one variance.
type pooled struct {
	sum, count float64
	end        int
}

// settle turns sums of squares into non-decreasing sigmas and returns how many days
// ahead from the first were measured. It pools adjacent violators (Barlow, Bartholomew,
// Bremner and Brunk 1972), a day without a measurement joining the one before it.
func (s *spread) settle() (measured int) {
	blocks := s.blocks[:0]
	for h := range s.sigma {
		if s.count[h] > 0 {
			measured = h + 1
		}
		next := pooled{s.sigma[h], s.count[h], h + 1}
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
	s.blocks = blocks
	h := 0
	for _, b := range blocks {
		for ; h < b.end; h++ {
			s.sigma[h] = math.Sqrt(b.sum / b.count)
		}
	}
	return measured
}

// straighten draws the variances of the measured days towards their least-squares line, the more the fewer
// errors without overlap each one rests on. The line does not fall, and begins at a tenth of the mean variance or above.
func (s *spread) straighten(measured int) {
	var sum, sumH, sumHH, sumV, sumHV float64
	for h := range measured {
		v, x, w := s.sigma[h]*s.sigma[h], float64(h), s.count[h]
		sum, sumH, sumHH, sumV, sumHV = sum+w, sumH+w*x, sumHH+w*x*x, sumV+w*v, sumHV+w*x*v
	}
	spread := sum*sumHH - sumH*sumH
	if measured < 2 || spread <= 0 {
		return
	}
	slope := max(0, (sum*sumHV-sumH*sumV)/spread)
	start := (sumV - slope*sumH) / sum
	if lowest := 0.1 * sumV / sum; start < lowest {
		start, slope = lowest, (sumV-lowest*sum)/sumH
	}
	for h := range measured {
		apart := s.count[h] / float64(h+1)
		v := (apart*s.sigma[h]*s.sigma[h] + lineWeight*(start+slope*float64(h))) / (apart + lineWeight)
		s.sigma[h] = math.Sqrt(v)
		if h > 0 {
			s.sigma[h] = max(s.sigma[h], s.sigma[h-1])
		}
	}
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

// quantile returns the conformal quantile of the ratios, for errors of the given total weight of origins; 0 when there are none.
func (s *spread) quantile(level, origins float64) float64 {
	all := 0.0
	for _, w := range s.bins {
		all += w
	}
	if all == 0 {
		return 0
	}
	below, q, target := 0.0, 0.0, all*min(1, level*(1+1/origins))
	for bin, w := range s.bins {
		if w == 0 {
			continue
		}
		q = binEdge(bin) + (binEdge(bin+1)-binEdge(bin))*min(1, (target-below)/w)
		if below += w; below >= target {
			break
		}
	}
	both := (1 + level) / 2
	normal := distuv.UnitNormal.Quantile(both)
	q = (origins*q + normalWeight*normal) / (origins + normalWeight)
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: max(1, freedomShare*origins-1)}
	return q * t.Quantile(both) / normal
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
