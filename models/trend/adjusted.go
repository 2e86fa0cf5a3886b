package trend

import (
	"math"
	"slices"
)

// adjusted is one series without its season, made ready to read: scaled by a power of two, gaps bridged by straight lines, the
// season taken out by medians (see deseason), wild values drawn in (see drawIn). A constant series stays as it is.
type adjusted struct {
	x        []float64 // scaled, without season, wild values drawn in, gaps bridged
	observed []bool
	first    int // place of x[0] in the series
	count    int // observed values
	exponent int // x is the value times 2^-exponent
	constant bool
	season   []float64 // by phase
	long     []float64 // by phase of a year, empty when there is none
	smooth   []float64
	scratch  []float64
	groups   [][]float64
	window   rolling

	remembered float64 // see memory; negative until it was found
}

const (
	// wild is how many robust standard deviations a value may lie from the median of its neighbours, before it is drawn in to
	// that distance: a change point is not a single day.
	wild = 3.5
	// beside is how many neighbours on each side that median takes.
	beside = 5
	// yearLength is a year of daily values; yearCycles how many of them the history has to hold for their season to be told
	// from its course, and yearCorrelation what it has to show of it at that lag.
	yearLength      = 365
	yearCycles      = 2.5
	yearCorrelation = 0.3
	harmonics       = 3
)

// load reads the last limit values up to the last observed one. It returns the place of the first infinite value, or -1. A series
// without an observed value has count 0.
func (a *adjusted) load(values []float64, limit, season int) (infinite int) {
	a.x, a.observed, a.count, a.season, a.long, a.remembered = a.x[:0], a.observed[:0], 0, a.season[:0], a.long[:0], -1
	if i := slices.IndexFunc(values, func(v float64) bool { return math.IsInf(v, 0) }); i >= 0 {
		return i
	}
	end := len(values)
	for end > 0 && math.IsNaN(values[end-1]) {
		end--
	}
	a.first = max(0, end-limit)
	for a.first < end && math.IsNaN(values[a.first]) {
		a.first++
	}
	largest := 0.0
	for _, v := range values[a.first:end] {
		seen := !math.IsNaN(v)
		a.x, a.observed = append(a.x, v), append(a.observed, seen)
		if seen {
			a.count++
			largest = max(largest, math.Abs(v))
		}
	}
	if a.count == 0 {
		return -1
	}
	_, a.exponent = math.Frexp(largest)
	a.constant = true
	for i, v := range a.x {
		a.x[i] = ldexp(v, -a.exponent)
		a.constant = a.constant && (!a.observed[i] || a.x[i] == a.x[0])
	}
	a.bridge()
	if !a.constant {
		a.deseason(season)
		a.drawIn()
	}
	return -1
}

// restore returns a scaled difference or value in the series' own unit, bounded to finite numbers. NaN stays NaN.
func (a *adjusted) restore(v float64) float64 {
	v = ldexp(v, a.exponent)
	return max(-math.MaxFloat64, min(v, math.MaxFloat64))
}

// ldexp is math.Ldexp in two steps, so that neither factor overflows.
func ldexp(v float64, exponent int) float64 {
	return math.Ldexp(math.Ldexp(v, exponent/2), exponent-exponent/2)
}

// bridge draws straight lines over the gaps. The first and last values are observed.
func (a *adjusted) bridge() {
	left := 0
	for i := range a.x {
		if !a.observed[i] {
			continue
		}
		for k := left + 1; k < i; k++ {
			share := float64(k-left) / float64(i-left)
			a.x[k] = a.x[left]*(1-share) + a.x[i]*share
		}
		left = i
	}
}

// deseason takes the season out: the median by phase of what the centred moving average over one season leaves, in two
// rounds, of which the second one bridges the gaps without the season. Then the year, if there are enough of them and they
// resemble each other, as harmonics by least squares on what the moving average over a year leaves. Fewer than four seasons
// have none.
func (a *adjusted) deseason(season int) {
	if season > 1 && len(a.x) >= 4*season {
		a.season = append(a.season, make([]float64, season)...)
		for range 2 {
			a.takeOut(a.x, season)
			a.bridge()
		}
	}
	if season == 7 && float64(len(a.x)) >= yearCycles*yearLength {
		a.takeOutYear()
	}
}

// takeOut subtracts the medians by phase from x and adds them to the season.
func (a *adjusted) takeOut(x []float64, season int) {
	if len(a.groups) < season {
		a.groups = make([][]float64, season)
	}
	for k := range a.groups {
		a.groups[k] = a.groups[k][:0]
	}
	a.smooth = smoothed(a.smooth[:0], x, season)
	for t, v := range x {
		if a.observed[t] {
			a.groups[t%season] = append(a.groups[t%season], v-a.smooth[t])
		}
	}
	shift := resize(&a.scratch, season)
	clear(shift)
	average := 0.0
	for k := range shift {
		if len(a.groups[k]) > 0 {
			shift[k] = median(a.groups[k])
		}
		average += shift[k] / float64(season)
	}
	for k := range shift {
		shift[k] -= average
		a.season[k] += shift[k]
	}
	for t := range x {
		x[t] -= shift[t%season]
	}
}

// takeOutYear subtracts the first harmonics of a year, when what a moving average over a year leaves correlates with itself a
// year before.
func (a *adjusted) takeOutYear() {
	n := len(a.x)
	a.smooth = smoothed(a.smooth[:0], a.x, yearLength)
	rest := resize(&a.scratch, n)
	var square, product float64
	for t := range rest {
		rest[t] = a.x[t] - a.smooth[t]
		square += rest[t] * rest[t]
		if t >= yearLength {
			product += rest[t] * rest[t-yearLength]
		}
	}
	if square == 0 || product/square*float64(n)/float64(n-yearLength) < yearCorrelation {
		return
	}
	// Over whole years the harmonics are orthogonal: the last two are taken.
	years := rest[n-n/yearLength*yearLength:]
	shift := n - len(years)
	for k := 1; k <= harmonics; k++ {
		var c, s float64
		for t, v := range years {
			sin, cos := math.Sincos(2 * math.Pi * float64(k) * float64(t) / yearLength)
			c, s = c+v*cos, s+v*sin
		}
		scale := 2 / float64(len(years))
		for t := range a.x {
			sin, cos := math.Sincos(2 * math.Pi * float64(k) * float64(t-shift) / yearLength)
			a.x[t] -= scale * (c*cos + s*sin)
		}
	}
}

// drawIn bounds every value to wild robust standard deviations from the median of its neighbours (Hampel 1974).
func (a *adjusted) drawIn() {
	n := len(a.x)
	middle := resize(&a.smooth, n)
	a.window.sorted = a.window.sorted[:0]
	for _, v := range a.x[:min(n, beside)] {
		a.window.add(v)
	}
	for t := range middle {
		if t+beside < n {
			a.window.add(a.x[t+beside])
		}
		if t > beside {
			a.window.remove(a.x[t-beside-1])
		}
		middle[t] = a.window.median()
	}
	off := resize(&a.scratch, n)
	for t := range off {
		off[t] = math.Abs(a.x[t] - middle[t])
	}
	limit := wild * madToSigma * median(off)
	if limit == 0 {
		return // more than half of the values lie on their neighbours' median
	}
	for t := range a.x {
		a.x[t] = max(middle[t]-limit, min(a.x[t], middle[t]+limit))
	}
}

// madToSigma makes a median absolute deviation the standard deviation of normal noise.
const madToSigma = 1.4826

// smoothed appends to dst the centred moving average of x over width values (half weights at the ends of an even width), held
// constant where that is not defined.
func smoothed(dst, x []float64, width int) []float64 {
	n, half := len(x), width/2
	if n < 2*half+1 {
		sum := 0.0
		for _, v := range x {
			sum += v / float64(n)
		}
		return append(dst, slices.Repeat([]float64{sum}, n)...)
	}
	dst = append(dst, x...)
	for t := half; t < n-half; t++ {
		sum := 0.0
		for _, v := range x[t-half : t+half+1] {
			sum += v
		}
		if width%2 == 0 {
			sum -= (x[t-half] + x[t+half]) / 2
		}
		dst[t] = sum / float64(width)
	}
	for t := range half {
		dst[t], dst[n-1-t] = dst[half], dst[n-1-half]
	}
	return dst
}

// resize returns *s with length n and arbitrary contents, reusing its memory.
func resize(s *[]float64, n int) []float64 {
	if cap(*s) < n {
		*s = make([]float64, n)
	}
	*s = (*s)[:n]
	return *s
}
