package anomaly

import "math"

// record watches a moving mean of a series for values that it never had.
//
// With the mean m += (x-m)/length, and lo and hi its least and largest value so far, the statistic is how far m lies outside, in
// units of a share of hi-lo; 0 inside. Of n exchangeable values the last is a record with chance 2/n (Renyi 1962), whatever their
// distribution: the longer a series is known, the more a record says. That part of the chance the tail counts for itself (see
// tail), for real series have trends and seasons. Numenta's detector has a like rule with a fixed margin (Ahmad, Lavin, Purdy and
// Agha 2017).
//
// The ends creep inwards by 1/envelopeMemory of their distance, so that one absurd value does not blind the watch for ever. The
// first values only set the ends; of a constant series any other value is a record of the largest size.
type record struct {
	length  float64
	n, mean float64
	lo, hi  float64
	tail    tail
}

const (
	recordUnit     = 0.02
	envelopeMemory = 1e6
)

func (r *record) reset(length, most float64) {
	r.length, r.n, r.mean, r.lo, r.hi = length, 0, 0, 0, 0
	r.tail.resetNormal(most)
}

// step shows the next value and returns how surprising the mean is, and whether it is a high.
func (r *record) step(x float64) (surprise float64, high bool) {
	r.n++
	r.mean += max(1/r.length, 1/r.n) * (x - r.mean)
	if r.n == 1 {
		r.lo, r.hi = r.mean, r.mean
		return 0, false
	}
	z, high := 0.0, r.mean > r.hi
	if r.n > learnFirst {
		unit := recordUnit*(r.hi-r.lo) + 1e-9*max(math.Abs(r.hi), math.Abs(r.lo)) + 1e-300
		z = max(0, r.mean-r.hi, r.lo-r.mean) / unit
		surprise = r.tail.surprise(z)
		r.tail.add(z)
	}
	creep := (r.hi - r.lo) / envelopeMemory
	r.lo, r.hi = min(r.lo+creep, r.mean), max(r.hi-creep, r.mean)
	return surprise, high
}
