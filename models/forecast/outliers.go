package forecast

import (
	"math"
	"slices"
)

// outliers finds single wild days and puts tamer values in their place for fitting. A day is wild when it lies more than
// wildDays robust standard deviations from both the median of the three values of its phase before it and that of the three
// behind it (at the ends from the one there is); a level shift is far from one only. The deviation is 1.4826 times the median
// of all such distances (Hampel 1974). What comes again is not wild: a day is left alone when the day one of the longer
// seasons before or behind it was like it (see longSeasons). Nor are more than wildRun days in a row, nor any when more than
// wildShare of all are: then the series is like that.
//
// Wild days are replaced by the mean of the medians of both sides, and only when that lowers the mean absolute rolling-origin
// error on the other days of the window by wildFall. Of the last two seasons, where there is nothing behind to compare with,
// days are wild by their distance from what was before, when what is behind came back, and when such days mostly came back in
// the past; for them the error only must not rise, since it has hardly seen them. Bounds and errors are still measured
// against the values that were observed.
type outliers struct {
	smoother smoother
	off      []float64 // distance of each value from the nearer side, where there are both
	nearer   []float64 // the same, also of values between the two sides
	early    []float64 // distance from the values before
	logs     []float64
	wild     []int
	inner    int    // how many of wild lie before the last two seasons
	skip     []bool // days that do not count in the loss
	sizes    []float64
	clean    []float64
	one      []float64
	many     []float64
}

const (
	wildDays  = 8
	wildRun   = 3
	wildShare = 0.02
	wildFall  = 0.003
	// sides is how many values of its phase a day is compared with on each side.
	sides = 3
)

// tame replaces wild days of the history and returns how many. Origins are those of the window.
func (o *outliers) tame(s *history, origins []int, horizon, season int) int {
	m := max(1, season)
	o.wild = o.wild[:0]
	if len(s.y) < max(shortSeasons, 2*sides*m+2) || intermittent(s.y) || !o.find(s.y, s.observed, m) {
		return 0
	}
	o.clean = append(o.clean[:0], s.y...)
	o.skip = append(o.skip[:0], make([]bool, len(s.y))...)
	for _, t := range o.wild {
		o.skip[t] = true
	}
	inner, late := slices.Clone(o.wild[:o.inner]), slices.Clone(o.wild[o.inner:])
	o.wild = o.wild[:0]
	loss := o.loss(s, origins, horizon, season)
	loss = o.replace(s, inner, loss, (1-wildFall)*loss, origins, horizon, season)
	o.replace(s, late, loss, loss, origins, horizon, season)
	copy(s.y, o.clean)
	return len(o.wild)
}

// replace puts tamer values in the place of some, and takes that back when the loss is not at most that asked for. It returns
// the loss that it leaves.
func (o *outliers) replace(s *history, wild []int, loss, atMost float64, origins []int, horizon, season int) float64 {
	if len(wild) == 0 {
		return loss
	}
	m := max(1, season)
	for _, t := range wild {
		o.clean[t] = o.neighbours(s.y, t, m)
	}
	tamed := o.loss(s, origins, horizon, season)
	if !(tamed <= atMost) {
		for _, t := range wild {
			o.clean[t] = s.y[t]
		}
		return loss
	}
	o.wild = append(o.wild, wild...)
	return tamed
}

// find sets wild and reports whether there is any. In a positive series a day is wild only when it is so both as it is and by
// its logarithm: much noise multiplies.
func (o *outliers) find(y []float64, observed []bool, m int) bool {
	o.wild, o.inner = o.wild[:0], 0
	inner, late := o.suspects(y, observed, m)
	if len(inner)+len(late) == 0 {
		return false
	}
	if slices.Min(y) > leastLogged {
		o.logs = o.logs[:0]
		for _, v := range y {
			o.logs = append(o.logs, math.Log(v))
		}
		also, alsoLate := o.suspects(o.logs, observed, m)
		inner, late = common(inner, also), common(late, alsoLate)
	}
	if float64(len(inner)+len(late)) <= max(1, wildShare*float64(len(y))) {
		o.wild, o.inner = append(append(o.wild, inner...), late...), len(inner)
	}
	return len(o.wild) > 0
}

// common returns the elements of both ascending lists.
func common(a, b []int) (both []int) {
	for _, t := range a {
		if _, found := slices.BinarySearch(b, t); found {
			both = append(both, t)
		}
	}
	return both
}

// suspects returns the wild days before the last two seasons, and those in them.
func (o *outliers) suspects(y []float64, observed []bool, m int) (inner, late []int) {
	n := len(y)
	o.off, o.early, o.nearer = resize(o.off, n), resize(o.early, n), resize(o.nearer, n)
	for t, v := range y {
		d, other := v-side(y, t, -m), v-side(y, t, m)
		o.early[t], o.off[t] = d, d
		if math.Abs(other) < math.Abs(d) {
			o.off[t] = other
		}
		o.nearer[t] = o.off[t]
		if math.IsNaN(d) || math.IsNaN(other) || d*other < 0 { // at an end, or between the two
			o.off[t] = 0
		}
	}
	if limit := wildDays * o.deviation(o.nearer[2*m:n-2*m], observed[2*m:]); limit > 0 {
		inner = o.runs(y, observed, o.off[:n-2*m], 0, limit, m)
	}
	if limit := wildDays * o.deviation(o.early[2*m:], observed[2*m:]); limit > 0 && o.returns(n-2*m, limit) {
		late = o.runs(y, observed, o.early, n-2*m, limit, m)
	}
	return inner, late
}

// returns reports whether values far from those before them mostly came back, rather than that the level followed them.
func (o *outliers) returns(n int, limit float64) bool {
	balance := 0
	for t, d := range o.early[:n] {
		if math.Abs(d) > limit/2 {
			if math.Abs(o.off[t]) > math.Abs(d)/2 {
				balance++
			} else {
				balance--
			}
		}
	}
	return balance >= 0
}

// deviation returns 1.4826 times the median size of distances on observed days.
func (o *outliers) deviation(off []float64, observed []bool) float64 {
	o.sizes = o.sizes[:0]
	for t, d := range off {
		if observed[t] {
			o.sizes = append(o.sizes, math.Abs(d))
		}
	}
	if len(o.sizes) == 0 {
		return 0
	}
	slices.Sort(o.sizes)
	return 1.4826 * o.sizes[len(o.sizes)/2]
}

// runs returns the wild days from a place on: those beyond the limit that are few in a row and do not come again.
func (o *outliers) runs(y []float64, observed []bool, off []float64, from int, limit float64, m int) (wild []int) {
	n := len(off)
	for t := from; t < n; t++ {
		begin := t
		for t < n && math.Abs(off[t]) > limit && observed[t] {
			t++
		}
		if t == begin || t-begin > wildRun {
			continue
		}
		if from > 0 && t < n && math.Abs(off[t]) > math.Abs(off[begin])/2 {
			continue // what came after is hardly closer: the level may have shifted
		}
		for k := begin; k < t; k++ {
			if !comesAgain(y, k, off[k], m) {
				wild = append(wild, k)
			}
		}
	}
	return wild
}

// side returns the median of up to three values of the phase of t on one side of it; NaN when fewer than two are there.
func side(y []float64, t, step int) float64 {
	var v [sides]float64
	count := 0
	for at := t + step; at >= 0 && at < len(y) && count < sides; at += step {
		v[count] = y[at]
		count++
	}
	switch count {
	case 2:
		return (v[0] + v[1]) / 2
	case 3:
		return max(min(v[0], v[1]), min(max(v[0], v[1]), v[2]))
	}
	return math.NaN()
}

// comesAgain reports whether a day one of the longer seasons away, give or take one in a hundred, is as far off.
func comesAgain(y []float64, t int, off float64, m int) bool {
	for _, length := range longSeasons() {
		if length <= m {
			continue
		}
		slack := length / 100
		for shift := length - slack; shift <= length+slack; shift++ {
			for _, at := range [...]int{t - shift, t + shift} {
				if at >= 0 && at < len(y) && math.Abs(y[t]-y[at]) < math.Abs(off)/2 && math.Abs(y[at]-side(y, at, -m)) > math.Abs(off)/2 {
					return true
				}
			}
		}
	}
	return false
}

// neighbours returns what stands for the value at t: the mean of the medians of both sides, where there are both.
func (o *outliers) neighbours(y []float64, t, m int) float64 {
	before, behind := side(y, t, -m), side(y, t, m)
	switch {
	case math.IsNaN(before):
		return behind
	case math.IsNaN(behind):
		return before
	}
	return before/2 + behind/2
}

// loss is the smoother's mean absolute error in the window when it follows the clean values, on days that are not suspected.
func (o *outliers) loss(s *history, origins []int, horizon, season int) float64 {
	y := o.clean
	o.smoother.fit(y[:origins[0]], season)
	o.one, o.many = resize(o.one, len(y)), resize(o.many, len(origins)*horizon)
	o.smoother.leave(y, origins, horizon, func(_, place int) float64 { return s.y[place] }, o.one, o.many)
	sum, count := 0.0, 0.0
	for k, origin := range origins {
		for h := 0; h < horizon && origin+h < len(y); h++ {
			if t := origin + h; s.observed[t] && !o.skip[t] {
				sum += math.Abs(o.many[k*horizon+h])
				count++
			}
		}
	}
	if count == 0 {
		return 0
	}
	return sum / count
}
