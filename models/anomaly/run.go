package anomaly

import "math"

// run watches for runs of equal values.
//
// With p the chance that a value equals the one before, from what the series did (Laplace's rule of succession, (k+1)/(n+2)), the
// surprise of a run is the sum of -ln p over its values, as far as it exceeds one and a half of what is usual: a geometric law for
// the first run, and own experience from then on. Usual is the largest such sum before, but one run raises it to at most
// double and lessonOfRun more: a series whose values stay equal for weeks again and again is soon told no more, and one that did so
// once is told the next time. The run with which a series begins is not strange, however long.
type run struct {
	went, seen float64 // how often a value was equal, and of how many
	broken     bool    // whether it ever was not
	sum        float64 // surprise of the present run
	usual      float64
}

const (
	leastEqual  = 0.05 // chance of an equal value, at least: two are not yet a flat line
	lessonOfRun = 2    // nats
)

func (r *run) reset() { *r = run{} }

// step shows whether the next value equals the last one, and returns how surprising the run is.
func (r *run) step(equal bool) float64 {
	p := max(leastEqual, (r.went+1)/(r.seen+2))
	r.seen++
	if !equal {
		r.usual = max(r.usual, min(r.sum, 2*r.usual+lessonOfRun))
		r.sum, r.broken = 0, true
		return 0
	}
	r.went++
	r.sum -= math.Log(p)
	if !r.broken {
		return 0
	}
	return max(0, r.sum-1.5*r.usual)
}
