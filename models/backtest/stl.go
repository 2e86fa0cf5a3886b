package backtest

import (
	"math"
	"slices"
)

// stl is the seasonal-trend decomposition by loess of Cleveland, Cleveland, McRae and Terpenning (1990), robust, with the
// spans that R's stl takes: 15 robustness rounds of one inner round each, a seasonal span of given length and degree 0,
// a trend span of the next odd number from 1.5*period/(1-1.5/seasonal), a low-pass span of the next odd number from
// the period, both of degree 1, and every tenth of a span fitted, between them straight lines.
//
// It exists because reference figures rest on it (see Interpolate); forecasts use their own decomposition.
type stl struct {
	period               int
	seasonal, trend, low span
}

// span is a loess smoother: how many values it sees, the degree of its local line, and the step between fits.
type span struct{ width, degree, jump int }

const stlRobustRounds = 15

// newSTL returns the decomposition with a seasonal span of the given width.
func newSTL(period, seasonal int) *stl {
	odd := func(v float64) int { n := int(math.Ceil(v)); return n + 1 - n%2 }
	of := func(width, degree int) span { return span{width, degree, (width + 9) / 10} }
	return &stl{period: period, seasonal: of(seasonal, 0), low: of(odd(float64(period)), 1),
		trend: of(odd(1.5*float64(period)/(1-1.5/float64(seasonal))), 1)}
}

// decompose returns the season and the trend of y, which has at least two periods.
func (s *stl) decompose(y []float64) (season, trend []float64) {
	n := len(y)
	season, trend = make([]float64, n), make([]float64, n)
	weights := slices.Repeat([]float64{1}, n)
	for round := 0; ; round++ {
		s.inner(y, season, trend, weights)
		if round == stlRobustRounds {
			return season, trend
		}
		bisquare(y, season, trend, weights)
	}
}

// inner is one round of season, then trend.
func (s *stl) inner(y, season, trend, weights []float64) {
	n, m := len(y), s.period
	cycle := make([]float64, n+2*m) // the smoothed subseries, a period longer at both ends
	for phase := range m {
		var values, w []float64
		for t := phase; t < n; t += m {
			values, w = append(values, y[t]-trend[t]), append(w, weights[t])
		}
		k := len(values)
		smoothed := make([]float64, k+2)
		s.seasonal.smooth(values, w, smoothed[1:k+1])
		var ok bool
		if smoothed[0], ok = s.seasonal.at(values, w, 0, 1, min(s.seasonal.width, k)); !ok {
			smoothed[0] = smoothed[1]
		}
		if smoothed[k+1], ok = s.seasonal.at(values, w, float64(k+1), max(1, k-s.seasonal.width+1), k); !ok {
			smoothed[k+1] = smoothed[k]
		}
		for j, v := range smoothed {
			cycle[j*m+phase] = v
		}
	}
	passed := averages(averages(averages(cycle, m), m), 3)
	low := make([]float64, n)
	s.low.smooth(passed, nil, low)
	adjusted := make([]float64, n)
	for t := range y {
		season[t] = cycle[m+t] - low[t]
		adjusted[t] = y[t] - season[t]
	}
	s.trend.smooth(adjusted, weights, trend)
}

// bisquare sets robustness weights from the remainders.
func bisquare(y, season, trend, weights []float64) {
	size := make([]float64, len(y))
	for t := range y {
		size[t] = math.Abs(y[t] - season[t] - trend[t])
	}
	sorted := slices.Sorted(slices.Values(size))
	n := len(sorted)
	six := 3 * (sorted[n/2] + sorted[(n-1)/2]) // six medians
	for t, r := range size {
		switch {
		case r <= 0.001*six:
			weights[t] = 1
		case r <= 0.999*six:
			u := r / six
			weights[t] = (1 - u*u) * (1 - u*u)
		default:
			weights[t] = 0
		}
	}
}

// averages returns the moving averages of width values, where they are defined.
func averages(x []float64, width int) []float64 {
	out := make([]float64, len(x)-width+1)
	sum := 0.0
	for _, v := range x[:width] {
		sum += v
	}
	out[0] = sum / float64(width)
	for t := 1; t < len(out); t++ {
		sum += x[t+width-1] - x[t-1]
		out[t] = sum / float64(width)
	}
	return out
}

// smooth sets out to the loess of y at every place; nil weights are ones.
func (s span) smooth(y, weights, out []float64) {
	n := len(y)
	if n < 2 {
		copy(out, y)
		return
	}
	jump := min(s.jump, n-1)
	fit := func(place int) {
		left, right := s.window(place, n)
		v, ok := s.at(y, weights, float64(place), left, right)
		if !ok {
			v = y[place-1]
		}
		out[place-1] = v
	}
	last := 1
	line := func(to int) {
		fit(to)
		for k := last + 1; k < to; k++ {
			out[k-1] = out[last-1] + (out[to-1]-out[last-1])*float64(k-last)/float64(to-last)
		}
		last = to
	}
	fit(1)
	for place := 1 + jump; place <= n; place += jump {
		line(place)
	}
	if last != n {
		line(n)
	}
}

// window returns the first and last of the width places nearest to place, from 1.
func (s span) window(place, n int) (left, right int) {
	if s.width >= n {
		return 1, n
	}
	half := (s.width + 1) / 2
	left = min(max(1, place-half+1), n-s.width+1)
	return left, left + s.width - 1
}

// at returns the local fit at place, which may lie outside; false when all weights are zero. Places count from 1.
func (s span) at(y, weights []float64, place float64, left, right int) (value float64, ok bool) {
	n := len(y)
	reach := max(place-float64(left), float64(right)-place)
	if s.width > n {
		reach += float64((s.width - n) / 2)
	}
	w := make([]float64, right-left+1)
	total := 0.0
	for j := left; j <= right; j++ {
		r := math.Abs(float64(j) - place)
		if r > 0.999*reach {
			continue
		}
		v := 1.0
		if r > 0.001*reach {
			u := r / reach
			v = 1 - u*u*u
			v *= v * v
		}
		if weights != nil {
			v *= weights[j-1]
		}
		w[j-left] = v
		total += v
	}
	if total <= 0 {
		return 0, false
	}
	for k := range w {
		w[k] /= total
	}
	if reach > 0 && s.degree > 0 {
		s.tilt(w, place, left, n)
	}
	for k, v := range w {
		value += v * y[left-1+k]
	}
	return value, true
}

// tilt turns the weights of a local mean into those of a local line.
func (s span) tilt(w []float64, place float64, left, n int) {
	centre, spread := 0.0, 0.0
	for k, v := range w {
		centre += v * float64(left+k)
	}
	for k, v := range w {
		d := float64(left+k) - centre
		spread += v * d * d
	}
	if math.Sqrt(spread) <= 0.001*float64(n-1) {
		return
	}
	slope := (place - centre) / spread
	for k := range w {
		w[k] *= slope*(float64(left+k)-centre) + 1
	}
}
