package anomaly

import "math"

// run watches for runs of the same thing: equal values, or missing ones.
//
// With p the chance that the run goes on, from what the series did (Laplace's rule of succession, (k+1)/(n+2)), the surprise of a
// run is the sum of -ln p over its values, as far as it exceeds one and a half of the largest such sum before: a geometric law for
// the first run, and own experience from then on. The run with which a series begins is not strange, however long. For missing
// values p is that of their slot of the season, (k[slot]+p)/(n[slot]+1) with the p of all slots, so that a weekday on which
// nothing ever comes surprises nobody.
type run struct {
	likely  []float64 // how often it went on, by slot
	seen    []float64 // of how many values, by slot
	all, of float64   // the same of all slots
	broken  bool      // whether it ever did not go on
	sum     float64   // surprise of the present run
	longest float64
}

func (r *run) reset(slots int) {
	r.likely = append(r.likely[:0], make([]float64, slots)...)
	r.seen = append(r.seen[:0], make([]float64, slots)...)
	r.all, r.of, r.sum, r.longest, r.broken = 0, 0, 0, 0, false
}

// step shows whether the run goes on, and returns how surprising it is. p is not taken as less than least.
func (r *run) step(slot int, goes bool, least float64) float64 {
	p := (r.all + 1) / (r.of + 2)
	if len(r.seen) > 1 {
		p = (r.likely[slot] + p) / (r.seen[slot] + 1)
	}
	p = max(least, p)
	r.seen[slot]++
	r.of++
	if !goes {
		r.longest = max(r.longest, r.sum)
		r.sum, r.broken = 0, true
		return 0
	}
	r.likely[slot]++
	r.all++
	r.sum -= math.Log(p)
	if !r.broken {
		return 0
	}
	return max(0, r.sum-1.5*r.longest)
}
