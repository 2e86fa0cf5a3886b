package trend

import (
	"math"
	"slices"
)

// change is one change point of a series, in scaled units until Describe restores them.
type change struct {
	at            int // place of the first value of the new course
	day           int32
	kind          Kind
	size          float64
	before, after float64
	confidence    float64
}

// finder looks for change points by narrowest-over-threshold (Baranowski, Chen and Fryzlewicz 2019) on seeded intervals
// (Kovacs, Buehlmann, Li and Munk 2023). Inside an interval, a straight line is compared with the line and one column more: a
// step at k (1 from k on) or a hinge at k (t-k from k on). With r the residuals of the line and u the column without its
// projection on the line,
//
//	z = sum(r*u) / (sigma * sqrt(sum(u*u)))
//
// is standard normal for noise of long-run deviation sigma (see noise). The narrowest interval with a |z| beyond the
// threshold gives a change point, there and then the sides of it are searched. All change points are then fitted together by
// least squares, each moved to where the sum of squares is least, and the weakest taken away until all keep the threshold.
//
// The threshold is where the chance that noise shows such a z anywhere in the history, of either kind, is one less the
// confidence; see tail.
type finder struct {
	x       []float64
	sigma   float64
	limit   float64
	sums    [2][]float64 // running sums of r and t*r
	scratch []float64

	products products
	columns  []change
	energies map[int]energies // by length of an interval
}

// energies are, for each place of a change in an interval, one by the roots of the sums of squares that a step and a hinge have beside a
// straight line.
type energies struct{ step, hinge []float64 }

// mostEnergies is of how many lengths of intervals the energies are kept: seeded intervals have few.
const mostEnergies = 64

// energiesOf returns those of an interval of n values.
func (f *finder) energiesOf(n int) energies {
	e, known := f.energies[n]
	if known {
		return e
	}
	if f.energies == nil || len(f.energies) == mostEnergies {
		f.energies = map[int]energies{}
	}
	e = energies{make([]float64, n), make([]float64, n)}
	for k := range n {
		e.step[k], e.hinge[k] = 1/math.Sqrt(stepEnergy(n, k)), 1/math.Sqrt(hingeEnergy(n, k))
	}
	f.energies[n] = e
	return e
}

const (
	// leastSegment is how many values, and at least how many seasons (leastSegmentSeasons), lie on either side of a change point.
	leastSegment        = 7
	leastSegmentSeasons = 1
	leastHistory        = 56
	leastSeasons        = 8
	mostChanges         = 24
)

func (f *finder) find(a *adjusted, season int, confidence float64) []change {
	f.x = a.x
	n := len(f.x)
	if a.constant || n < max(leastHistory, leastSeasons*season) {
		return nil
	}
	f.sigma = max(noise(f.x, season, a.memory(), &f.scratch), tiny)
	f.products.load(f.x)
	f.limit = threshold(1-confidence, n)
	segment := max(leastSegment, leastSegmentSeasons*season)
	found := f.search(0, n, segment, nil)
	slices.SortFunc(found, func(a, b change) int { return a.at - b.at })
	return f.settle(found, segment)
}

// tiny is a deviation of rounding errors, for magnitudes near 1.
const tiny = 1e-12

// search appends the change points of x[lo:hi].
func (f *finder) search(lo, hi, segment int, found []change) []change {
	if hi-lo < 2*segment || len(found) >= mostChanges {
		return found
	}
	best, strength := change{}, 0.0
	eachSeed(lo, hi, 2*segment, func(from, to int) bool {
		if c, z := f.strongest(from, to, segment); z > f.limit && z > strength {
			best, strength = c, z
		}
		return strength > 0
	})
	if strength == 0 {
		return found
	}
	found = append(found, best)
	found = f.search(lo, best.at, segment, found)
	return f.search(best.at, hi, segment, found)
}

// eachSeed calls visit with the seeded intervals of lo to hi, narrow ones first: lengths grow by the square root of two up to
// all, and neighbours of a length overlap by half or more. It stops after the last interval of a length at which visit
// returned true.
func eachSeed(lo, hi, shortest int, visit func(from, to int) bool) {
	n := hi - lo
	for length := float64(shortest); ; length *= math.Sqrt2 {
		width := min(int(math.Ceil(length)), n)
		steps := int(math.Ceil(float64(2*(n-width)) / float64(width)))
		stop := false
		for k := 0; k <= steps; k++ {
			from := lo
			if steps > 0 {
				from += (n - width) * k / steps
			}
			if visit(from, from+width) {
				stop = true
			}
		}
		if stop || width == n {
			return
		}
	}
}

// strongest returns the change in x[from:to] with the largest |z|, and that.
func (f *finder) strongest(from, to, segment int) (change, float64) {
	x := f.x[from:to]
	n := len(x)
	level, slope := line(x)
	sum, product := resize(&f.sums[0], n+1), resize(&f.sums[1], n+1)
	sum[0], product[0] = 0, 0
	for t, v := range x {
		r := v - level - slope*float64(t)
		sum[t+1], product[t+1] = sum[t]+r, product[t]+float64(t)*r
	}
	best, strength, energy := change{}, 0.0, f.energiesOf(n)
	for k := segment; k <= n-segment; k++ {
		// The residuals sum to zero, also times t: sums from k on are the negative of those before.
		step, hinge := -sum[k], -product[k]+float64(k)*sum[k]
		z := math.Abs(step) * energy.step[k]
		kind := LevelShift
		if bent := math.Abs(hinge) * energy.hinge[k]; bent > z {
			z, kind = bent, SlopeChange
		}
		if z /= f.sigma; z > strength {
			best, strength = change{at: from + k, kind: kind}, z
		}
	}
	return best, strength
}

// stepEnergy returns the sum of squares that a step at k of n values has beside a straight line:
//
//	q*(1 - q/n) - c^2*12/(n*(n^2-1)), q = n-k values from k on, c = q*k/2 their product with the centred time
func stepEnergy(n, k int) float64 {
	N, q := float64(n), float64(n-k)
	c := q * float64(k) / 2
	return q*(1-q/N) - c*c*12/(N*(N*N-1))
}

// hingeEnergy does so for a hinge, 0 at k, 1 at k+1 and so on: with q = n-k, its sum s = q*(q-1)/2 and sum of squares
// (q-1)*q*(2q-1)/6.
func hingeEnergy(n, k int) float64 {
	N, q := float64(n), float64(n-k)
	s := q * (q - 1) / 2
	squares := (q - 1) * q * (2*q - 1) / 6
	// Product with the centred time: sum over j of j*(k+j-(n-1)/2).
	c := squares + (float64(k)-(N-1)/2)*s
	return squares - s*s/N - c*c*12/(N*(N*N-1))
}

// line returns level and slope of the least-squares line through x at 0, 1, ...
func line(x []float64) (level, slope float64) {
	n := float64(len(x))
	middle := (n - 1) / 2
	sum, product := 0.0, 0.0
	for t, v := range x {
		sum += v
		product += (float64(t) - middle) * v
	}
	if len(x) > 1 {
		slope = product * 12 / (n * (n*n - 1))
	}
	return sum/n - slope*middle, slope
}

// settle fits all changes together and returns those that stay, with sizes and confidences.
func (f *finder) settle(found []change, segment int) []change {
	for len(found) > 0 {
		for k := range found {
			f.move(found, k, segment)
		}
		slices.SortFunc(found, func(a, b change) int { return a.at - b.at })
		fit := f.fit(found)
		weakest := 0
		for k := range found {
			if math.Abs(fit.z[k]) < math.Abs(fit.z[weakest]) {
				weakest = k
			}
		}
		if math.Abs(fit.z[weakest]) < f.limit {
			found = slices.Delete(found, weakest, weakest+1)
			continue
		}
		f.describe(found, fit)
		return found
	}
	return nil
}

// move makes change k of the kind, and puts it at the place up to a segment to each side, for which the fit of all is best;
// no nearer than half a segment to its neighbours.
func (f *finder) move(found []change, k, segment int) {
	lo, hi := segment, len(f.x)-segment
	if k > 0 {
		lo = max(lo, found[k-1].at+segment/2)
	}
	if k+1 < len(found) {
		hi = min(hi, found[k+1].at-segment/2)
	}
	start, best, least := found[k].at, found[k], f.fit(found).squares
	for _, kind := range [...]Kind{LevelShift, SlopeChange} {
		for at := max(lo, start-segment); at <= min(hi, start+segment); at++ {
			found[k].at, found[k].kind = at, kind
			if s := f.fit(found).squares; s < least {
				best, least = found[k], s
			}
		}
	}
	found[k] = best
}

// describe writes sizes, sides and confidences.
func (f *finder) describe(found []change, fit fitted) {
	slope := fit.slope
	for k := range found {
		c := &found[k]
		c.size = fit.size[k]
		c.confidence = 1 - tail(math.Abs(fit.z[k]), len(f.x))
		if c.kind == SlopeChange {
			c.before, c.after = slope, slope+c.size
			slope = c.after
			continue
		}
		level := fit.level + fit.slope*float64(c.at)
		for j, other := range found[:k] {
			level += fit.size[j] * other.column(c.at)
		}
		c.before, c.after = level, level+c.size
	}
}
