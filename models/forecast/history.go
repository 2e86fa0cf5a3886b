package forecast

import (
	"math"
	"slices"
)

// history is one series made ready to fit.
type history struct {
	y        []float64 // filled and scaled
	observed []bool    // false where y was filled
	count    int       // observed values
	exponent int       // y is the value times 2^-exponent
	start    int       // place of y[0] in the series
	tail     int       // missing days after the last observed one
	constant bool      // all observed values are equal
	scratch  []float64
}

// load reads the last limit values up to the last observed one. It returns the place of
// the first infinite value, or -1. A series without an observed value has count 0.
func (s *history) load(values []float64, limit, season int) (infinite int) {
	s.y, s.observed, s.count, s.tail = s.y[:0], s.observed[:0], 0, 0
	if i := slices.IndexFunc(values, func(v float64) bool { return math.IsInf(v, 0) }); i >= 0 {
		return i
	}
	end := len(values)
	for end > 0 && math.IsNaN(values[end-1]) {
		end--
	}
	s.tail = len(values) - end
	s.start = max(0, end-limit)
	for s.start < end && math.IsNaN(values[s.start]) {
		s.start++
	}
	values = values[s.start:end]
	largest := 0.0
	for _, v := range values {
		seen := !math.IsNaN(v)
		s.y, s.observed = append(s.y, v), append(s.observed, seen)
		if seen {
			s.count++
			largest = max(largest, math.Abs(v))
		}
	}
	s.rescale(largest)
	s.fill(season)
	return -1
}

// flat returns how many of the last observed values are equal, when they are at least least of them and flatTimes as many as
// ever were in a row before; else 0. Days without a value count for the run that they lie in.
func (s *history) flat(least int) (length int) {
	longest, begin := 0, 0
	for t := 1; t < len(s.y); t++ {
		if s.observed[t] && s.y[t] != s.y[begin] {
			longest, begin = max(longest, t-begin), t
		}
	}
	if length = len(s.y) - begin; length < max(least, flatTimes*longest) {
		return 0
	}
	return length
}

// flatTimes is how many times longer than any before a run of equal values is, to be taken for the end of the series.
const flatTimes = 3

// trim fills the history again after days were taken from what counts as observed. Such days at its ends are cut off; it
// returns how many at the beginning.
func (s *history) trim(season int) (cut int) {
	first, end := slices.Index(s.observed, true), len(s.y)
	for end > 0 && !s.observed[end-1] {
		end--
	}
	s.start, s.tail = s.start+first, s.tail+len(s.y)-end
	s.y, s.observed = s.y[first:end], s.observed[first:end]
	s.count, s.constant = 0, true
	for t, seen := range s.observed {
		if seen {
			s.count++
			s.constant = s.constant && s.y[t] == s.y[0]
		}
	}
	s.fill(season)
	return first
}

// rescale brings the largest magnitude into [0.5, 1) by a power of two, which is exact,
// and notes whether the series is constant.
func (s *history) rescale(largest float64) {
	_, s.exponent = math.Frexp(largest)
	s.constant = true
	for i, v := range s.y {
		s.y[i] = ldexp(v, -s.exponent)
		if s.observed[i] && s.y[i] != s.y[0] {
			s.constant = false
		}
	}
}

// restore returns a scaled value in the series' own units, bounded to finite numbers.
func (s *history) restore(v float64) float64 {
	v = ldexp(v, s.exponent)
	return max(-math.MaxFloat64, min(v, math.MaxFloat64))
}

// ldexp is math.Ldexp in two steps, so that neither factor overflows.
func ldexp(v float64, exponent int) float64 {
	return math.Ldexp(math.Ldexp(v, exponent/2), exponent-exponent/2)
}

// fill replaces missing values, in the way of R's na.interp (Hyndman and Khandakar 2008). Gaps are first bridged by straight
// lines; the season is the mean deviation of the observed values of each phase from a centred moving average over that; then
// the gaps are bridged again on the series without its season, and the season is added. A phase that was never observed has
// deviation 0, as has every phase of a series of less than two seasons. Filled values stay between the smallest and largest
// observed.
func (s *history) fill(season int) {
	if s.count == 0 || s.count == len(s.y) {
		return
	}
	lowest, highest := math.Inf(1), math.Inf(-1)
	for i, v := range s.y {
		if s.observed[i] {
			lowest, highest = min(lowest, v), max(highest, v)
		}
	}
	s.bridge()
	if season > 1 && len(s.y) >= 2*season {
		shift := s.deviations(season)
		for i := range s.y {
			s.y[i] -= shift[i%season]
		}
		s.bridge()
		for i := range s.y {
			s.y[i] += shift[i%season]
		}
	}
	for i, v := range s.y {
		if !s.observed[i] {
			s.y[i] = max(lowest, min(v, highest))
		}
	}
}

// bridge draws straight lines over the gaps. The first and last values are observed.
func (s *history) bridge() {
	left := 0
	for i := range s.y {
		if !s.observed[i] {
			continue
		}
		for k := left + 1; k < i; k++ {
			share := float64(k-left) / float64(i-left)
			s.y[k] = s.y[left]*(1-share) + s.y[i]*share
		}
		left = i
	}
}

func (s *history) deviations(season int) []float64 {
	s.scratch = append(s.scratch[:0], make([]float64, 2*season)...)
	sums, counts := s.scratch[:season], s.scratch[season:]
	for t := season / 2; t < len(s.y)-season/2; t++ {
		if s.observed[t] {
			sums[t%season] += s.y[t] - movingAverage(s.y, t, season)
			counts[t%season]++
		}
	}
	for k := range sums {
		if counts[k] > 0 {
			sums[k] /= counts[k]
		}
	}
	return sums
}

// naiveScale returns the mean absolute difference of observed values a season apart, or
// of neighbours when that is zero or undefined: what MASE divides by (Hyndman and Koehler 2006). It is NaN when both are.
func (s *history) naiveScale(season int) float64 {
	for _, lag := range [...]int{season, 1} {
		sum, count := 0.0, 0
		for t := lag; t < len(s.y); t++ {
			if s.observed[t] && s.observed[t-lag] {
				sum += math.Abs(s.y[t] - s.y[t-lag])
				count++
			}
		}
		if sum > 0 {
			return sum / float64(count)
		}
	}
	return math.NaN()
}
