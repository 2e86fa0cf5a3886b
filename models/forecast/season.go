package forecast

import (
	"math"
	"slices"
)

// seasonIndex is a fixed season by phase: factors when divides, differences when not,
// empty when there is none.
type seasonIndex struct {
	values  []float64
	divides bool
	counts  []float64
}

// estimate sets the season of length m in y by classical decomposition (Macaulay 1931): the mean over
// each phase of the ratio to (for a series with a value of zero or less: the difference
// from) the centred moving average, brought to a mean of one (zero). It is empty when
// seasonalTest finds no season, as in a constant series.
func (s *seasonIndex) estimate(y []float64, m int) {
	s.values = s.values[:0]
	if m <= 1 || !seasonalTest(y, m) {
		return
	}
	s.divides = slices.Min(y) > 0
	s.values = append(s.values, make([]float64, m)...)
	s.counts = append(s.counts[:0], make([]float64, m)...)
	half := m / 2
	for t := half; t < len(y)-half; t++ {
		trend := movingAverage(y, t, m)
		if s.divides {
			s.values[t%m] += y[t] / trend
		} else {
			s.values[t%m] += y[t] - trend
		}
		s.counts[t%m]++
	}
	for k := range s.values {
		s.values[k] /= s.counts[k]
	}
	average := mean(s.values)
	for k := range s.values {
		if s.divides {
			s.values[k] /= average
		} else {
			s.values[k] -= average
		}
	}
}

// remove appends y without its season to dst.
func (s *seasonIndex) remove(dst, y []float64) []float64 {
	if len(s.values) == 0 {
		return append(dst, y...)
	}
	for t, v := range y {
		if k := t % len(s.values); s.divides {
			dst = append(dst, v/s.values[k])
		} else {
			dst = append(dst, v-s.values[k])
		}
	}
	return dst
}

// restore puts the season back on a path whose first value lies at place origin.
func (s *seasonIndex) restore(path []float64, origin int) {
	if len(s.values) == 0 {
		return
	}
	for h := range path {
		if k := (origin + h) % len(s.values); s.divides {
			path[h] *= s.values[k]
		} else {
			path[h] += s.values[k]
		}
	}
}

// movingAverage returns the centred moving average of length m at t; an even m takes
// half weights at both ends.
func movingAverage(y []float64, t, m int) float64 {
	half := m / 2
	sum := 0.0
	for _, v := range y[t-half : t+half+1] {
		sum += v
	}
	if m%2 == 0 {
		sum -= (y[t-half] + y[t+half]) / 2
	}
	return sum / float64(m)
}

// seasonalTest reports whether the autocorrelation at lag m exceeds its 90 % limit:
// |r_m| > 1.645*sqrt((1 + 2*(r_1^2+...+r_(m-1)^2))/n) with the standard error of Bartlett (1946).
// Fewer than three seasons and a constant series have no season.
func seasonalTest(y []float64, m int) bool {
	n := len(y)
	if n < 3*m {
		return false
	}
	average := mean(y)
	covariance := func(lag int) float64 {
		sum := 0.0
		for t := lag; t < n; t++ {
			sum += (y[t] - average) * (y[t-lag] - average)
		}
		return sum
	}
	variance := covariance(0)
	if variance <= 0 {
		return false
	}
	squares := 0.0
	for lag := 1; lag < m; lag++ {
		r := covariance(lag) / variance
		squares += r * r
	}
	return math.Abs(covariance(m)/variance) > 1.645*math.Sqrt((1+2*squares)/float64(n))
}

// seasonFinder looks for a season beside the one that a series is known to have.
type seasonFinder struct {
	known *mstl
	rest  []float64
	trend []float64
}

// longSeasons are the lengths looked for: a day of hours and of half or quarter hours, a year of weeks, a week
// of hours and of half hours, six days of 24 hours, a year of days. Lengths that the calendar does not know are accidents more
// often than seasons.
func longSeasons() []int { return []int{24, 48, 52, 96, 144, 168, 336, 365} }

const (
	leastCycles      = 2.5  // of a long season in the history
	leastCorrelation = 0.3  // at its lag
	clearlyStronger  = 0.05 // than at a shorter length
)

// goes reports whether a season of a length can lie over one of m values: the year over a week of days, and whole multiples,
// from three on, of others; nothing over a season that is a year itself, of quarters or months.
func goes(length, m int) bool {
	switch m {
	case 4, 12:
		return false
	case 7:
		return length == 365
	}
	return length >= 3*m && length%m == 0
}

// find returns the length L of a second season, at least three times m, or 0: the one for which the autocorrelation of what
// season m and a moving average over that length leave, e, is highest:
//
//	r = sum_t e_t*e_(t-L) / sum_t e_t^2 * n/(n-L)
//
// It is at least leastCorrelation, and a longer season has to be clearlyStronger than a shorter one. Of a series shorter than
// leastCycles of a length that length is not looked for; a constant one has none.
func (s *seasonFinder) find(y []float64, m int) int {
	n := len(y)
	s.rest = append(s.rest[:0], y...)
	if m > 1 && n >= 2*m+2 {
		if s.known == nil {
			s.known = newMSTL([]int{m}, nil)
		}
		s.known.estimate(y)
		copy(s.rest, s.known.adjusted(y))
	}
	s.trend = resize(s.trend, n)
	found, strongest := 0, leastCorrelation-clearlyStronger
	for _, length := range longSeasons() {
		if length <= m || m > 1 && !goes(length, m) || float64(n) < leastCycles*float64(length) {
			continue
		}
		smoothTrend(s.rest, length, s.trend)
		variance, covariance := 0.0, 0.0
		for t, v := range s.rest {
			e := v - s.trend[t]
			variance += e * e
			if t >= length {
				covariance += e * (s.rest[t-length] - s.trend[t-length])
			}
		}
		if variance <= 0 {
			continue
		}
		if r := covariance / variance * float64(n) / float64(n-length); r > strongest+clearlyStronger {
			found, strongest = length, r
		}
	}
	return found
}
