package forecast

import (
	"math"
	"slices"
)

// shifts finds the last level shift near the end of a history and brings what lies before it to the new level, so that every
// method follows it at once. With the means of up to four seasons m on both sides of a day (moving sums: Bauer and Hackl 1978),
//
//	D(t) = mean(y[t:t+4m]) - mean(y[t-4m:t]),
//
// a shift is a day on which |D| is largest and beyond shiftSize times 1.4826 times the median of |D| over all of the history:
// a series whose level always wanders has no shifts. Behind it lie at least two seasons (of at least seven values), and it
// lies in the window; and the means of the nearest unit, a season or a week, differ by shiftSharp of that at least: a slope
// has no shifts.
//
// What lies before is multiplied by the ratio of the two means, or the difference is added, whichever has the smaller mean
// absolute rolling-origin error behind the shift; each origin knows the size only from the values it has seen. Neither is
// done when the error rises by it. A history of fewer than twelve seasons (of seven values or more), and an intermittent
// one, has no shift.
type shifts struct {
	smoother smoother
	sums     []float64 // running sums of the history
	jumps    []float64
	sizes    []float64
	origins  []int     // behind the shift
	part     []float64 // what the size of the shift multiplies
	moved    []float64
	one      []float64
	many     []float64
	column   []float64

	at         int // first place of the new level; -1 when there is none
	size       float64
	multiplies bool
}

const (
	shiftSize    = 8
	shiftSeasons = 4
	shiftSharp   = 0.8
)

// follow finds the shift of a history and moves what lies before it. Origins are those of the window.
func (f *shifts) follow(s *history, origins []int, horizon, season int) {
	f.at = -1
	unit := season * max(1, (7+season-1)/season)
	at, behind := f.find(s.y, unit, origins[0])
	if at < 0 {
		return
	}
	before, after := mean(s.y[at-behind:at]), mean(s.y[at:at+behind])
	plain, added, multiplied := f.losses(s, at, unit, horizon, season, before, after)
	if ratio := after / before; !(slices.Min(s.y) > leastLogged && ratio > 0.1 && ratio < 10) {
		multiplied = math.Inf(1)
	}
	if !(min(added, multiplied) <= plain) {
		return
	}
	f.at, f.size, f.multiplies = at, after-before, multiplied <= added
	if f.multiplies {
		f.size = after / before
	}
	f.move(s.y)
}

// move brings what lies before the shift to the new level.
func (f *shifts) move(y []float64) {
	for t := range y[:max(0, f.at)] {
		if f.multiplies {
			y[t] *= f.size
		} else {
			y[t] += f.size
		}
	}
}

// find returns the place of the shift and how many values its sides are compared over; -1 when there is none.
func (f *shifts) find(y []float64, unit, from int) (at, behind int) {
	n := len(y)
	if n < 3*shiftSeasons*unit || intermittent(y) {
		return -1, 0
	}
	f.jumps, f.sizes = resize(f.jumps, n), f.sizes[:0]
	f.sums = append(f.sums[:0], 0)
	for _, v := range y {
		f.sums = append(f.sums, f.sums[len(f.sums)-1]+v)
	}
	between := func(lo, hi int) float64 { return (f.sums[hi] - f.sums[lo]) / float64(hi-lo) }
	best := -1
	for t := 2 * unit; t <= n-2*unit; t++ {
		width := min(shiftSeasons*unit, t/unit*unit, (n-t)/unit*unit)
		f.jumps[t] = math.Abs(between(t, t+width) - between(t-width, t))
		f.sizes = append(f.sizes, f.jumps[t])
		if t >= from && (best < 0 || f.jumps[t] > f.jumps[best]) {
			best = t
		}
	}
	slices.Sort(f.sizes)
	if best < 0 || f.jumps[best] <= shiftSize*1.4826*f.sizes[len(f.sizes)/2] {
		return -1, 0
	}
	if jump := math.Abs(mean(y[best:best+unit]) - mean(y[best-unit:best])); jump < shiftSharp*f.jumps[best] {
		return -1, 0
	}
	return best, min(shiftSeasons*unit, best/unit*unit, (n-best)/unit*unit)
}

// losses returns the smoother's mean absolute errors behind the shift: as it is, with the difference of the means added to
// what lies before, and with that multiplied by their ratio. The smoother is fitted to each, and linear: an error of a moved
// history is that of the history plus the size times that of what is moved, the size being what the origin has seen of it.
func (f *shifts) losses(s *history, at, unit, horizon, season int, before, after float64) (plain, added, multiplied float64) {
	f.origins = f.origins[:0]
	for origin := at + unit; origin < len(s.y); origin++ {
		f.origins = append(f.origins, origin)
	}
	f.part, f.moved = resize(f.part, len(s.y)), append(f.moved[:0], s.y...)
	clear(f.part)
	plain = f.loss(s, at, unit, horizon, season, 0, before)
	fillRow(f.part[:at], 1)
	for t := range at {
		f.moved[t] = s.y[t] + after - before
	}
	added = f.loss(s, at, unit, horizon, season, 1, before)
	copy(f.part[:at], s.y)
	for t := range at {
		f.moved[t] = s.y[t] * after / before
	}
	return plain, added, f.loss(s, at, unit, horizon, season, 1/before, before)
}

// loss returns the mean absolute error of the smoother that is fitted to the moved history, when scale times the size of the
// shift times part is added.
func (f *shifts) loss(s *history, at, unit, horizon, season int, scale, before float64) float64 {
	y := s.y
	f.smoother.fit(f.moved, season)
	f.one, f.many, f.column = resize(f.one, len(y)), resize(f.many, len(f.origins)*horizon), resize(f.column, len(f.origins)*horizon)
	f.smoother.leave(y, f.origins, horizon, func(_, place int) float64 { return y[place] }, f.one, f.many)
	f.smoother.leave(f.part, f.origins, horizon, func(_, place int) float64 { return f.part[place] }, f.one, f.column)
	sum, count := 0.0, 0.0
	for k, origin := range f.origins {
		size := scale * (mean(y[at:at+(origin-at)/unit*unit]) - before)
		for h := 0; h < horizon && origin+h < len(y); h++ {
			if s.observed[origin+h] {
				sum += math.Abs(f.many[k*horizon+h] + size*f.column[k*horizon+h])
				count++
			}
		}
	}
	return sum / count
}
