package forecast

import (
	"cmp"
	"math"
	"slices"

	"github.com/signalcraft/signalcraft/models/series"
)

// effects takes what known columns do to a series out of its history and puts it back on its forecast.
//
// A smoother with fixed parameters is run over the series and over every column (see smoother), and what it leaves of the one
// is regressed on what it leaves of the others (see ridge). Columns come in units: all calendar columns whose names begin
// alike up to ": ", such as holidays, and each measured one. A unit is a candidate when the evidence for it in the days
// before the window is at least leastEvidence. Candidates are added one after the other, the most evident first, and one
// stays when it lowers the mean absolute rolling-origin error of the smoother's forecasts by at least leastFall, and for a
// measured column also by twice its standard error over days. Those errors are over up to a year before the end, each with
// coefficients from the days before its quarter of it, and a measured column counts only as far ahead as it is known.
//
// All that is done for the values (effects add) and, when they are positive, for their logarithms (effects multiply); the one
// with the smaller error in the end is taken. In the window, in which methods are compared and bounds measured, coefficients
// are those from the days before it; the forecast has those from all days.
type effects struct {
	known      knownDays
	smoother   smoother
	ridge      ridge
	raw        []float64 // the history with all effects in it
	multiplies bool
	kept       []*unit
	members    []int     // columns of the kept units
	before     []float64 // their coefficients from the days before the window
	all        []float64 // and from all days
	origins    []int
	one, many  []float64 // what the smoother leaves of the series
	logs       []float64
	trial      []float64
}

const (
	leastEvidence = 1     // about odds of 3 to 1
	leastFall     = 0.003 // of the mean absolute error
	leastErrors   = 2     // standard errors, of measured columns
	quarters      = 4
	mostUnits     = 12
	leastEffects  = 60 // values, below which no effects are looked for
)

// begin lays what is known on the days of a history, whose first value lies on day.
func (e *effects) begin(k *series.Known, day int32, s *history, horizon, season int) {
	e.kept, e.members, e.multiplies = nil, nil, false
	e.raw = append(e.raw[:0], s.y...)
	e.known.load(k, day, len(s.y), s.tail+horizon, horizon, season)
}

// learn looks for effects in the history and takes them out. Origin is the first of the window.
func (e *effects) learn(s *history, origin, horizon, season int) {
	if len(e.known.units) == 0 || len(s.y) < leastEffects || intermittent(s.y) {
		return
	}
	e.roll(len(s.y), horizon, season)
	added := e.attempt(s, origin, horizon, season, false)
	best := added
	if slices.Min(s.y) > leastLogged {
		if multiplied := e.attempt(s, origin, horizon, season, true); multiplied.better(added) {
			best = multiplied
		}
	}
	e.kept, e.members, e.before, e.all, e.multiplies = best.kept, best.members, best.before, best.all, best.multiplies
	e.takeOut(s, e.before, season)
	keepAbove(s.y, slices.Min(e.raw))
}

// attempt is what came out of one form.
type attempt struct {
	kept        []*unit
	members     []int
	before, all []float64
	multiplies  bool
	loss        float64
}

// better reports whether a is to be taken instead of another one.
func (a attempt) better(other attempt) bool {
	return len(a.kept) > 0 && (len(other.kept) == 0 || a.loss < other.loss)
}

// roll sets the origins of the error: at most mostOrigins over the last year, or the last three fifths, in steps that pass
// through all phases of the season.
func (e *effects) roll(n, horizon, season int) {
	span := min(n*3/5, max(365, 4*horizon))
	step := (span + mostOrigins - 1) / mostOrigins
	for step > 1 && season > 1 && (step%season == 0 || season%step == 0) {
		step++
	}
	e.origins = e.origins[:0]
	for origin := n - span; origin < n; origin += step {
		e.origins = append(e.origins, origin)
	}
}

// attempt selects units in one form.
func (e *effects) attempt(s *history, origin, horizon, season int, multiplies bool) attempt {
	y := e.raw
	if multiplies {
		e.logs = e.logs[:0]
		for _, v := range y {
			e.logs = append(e.logs, math.Log(v))
		}
		y = e.logs
	}
	e.smoother.fit(y[:e.origins[0]], season)
	candidates := e.candidates(s, y, origin)
	if len(candidates) == 0 {
		return attempt{}
	}
	e.leave(y, candidates, horizon)
	r := &e.ridge
	r.cuts = e.cuts(origin, len(y))
	r.gather(e.known.columns, columnsOf(candidates), e.one)
	window, end := len(r.cuts)-2, len(r.cuts)-1
	out := attempt{multiplies: multiplies}
	present := e.errors(s, y, nil, horizon, multiplies)
	for _, u := range candidates {
		with := append(slices.Clone(out.kept), u)
		errors := e.errors(s, y, with, horizon, multiplies)
		if e.falls(u, present, errors, horizon) {
			out.kept, present = with, errors
		}
	}
	out.loss = mean(present)
	if len(out.kept) > 0 {
		out.members, out.before, _ = r.solve(window, out.kept)
		_, out.all, _ = r.solve(end, out.kept)
	}
	return out
}

// cuts are the beginnings of the quarters, the window's first day and the end.
func (e *effects) cuts(origin, n int) []int {
	var out []int
	for q := range quarters {
		out = append(out, e.origins[q*len(e.origins)/quarters])
	}
	// The window may begin before the last quarter: sums are gathered once in order, so that quarters count up to it.
	for q := range out {
		out[q] = min(out[q], origin)
	}
	return append(out, origin, n)
}

// candidates returns the units for which there is evidence in the days before the window, the most evident first.
func (e *effects) candidates(s *history, y []float64, origin int) (out []*unit) {
	e.one = resize(e.one, len(y))
	e.smoother.leave(y, nil, 0, nil, e.one, nil)
	e.weigh(s, origin)
	for k := range e.known.columns {
		e.smoother.leaveColumn(&e.known.columns[k], len(y))
	}
	e.ridge.cuts = []int{origin}
	for k := range e.known.units {
		u := e.known.units[k]
		e.ridge.gather(e.known.columns, u.columns, e.one)
		if e.ridge.judge(0, &u); u.evidence >= leastEvidence {
			out = append(out, &u)
		}
	}
	slices.SortStableFunc(out, func(a, b *unit) int { return cmp.Compare(b.evidence, a.evidence) })
	return out[:min(len(out), mostUnits)]
}

// columnsOf returns the columns of units.
func columnsOf(units []*unit) (columns []int) {
	for _, u := range units {
		columns = append(columns, u.columns...)
	}
	return columns
}

// leave runs the smoother over the series and the candidates' columns, many steps ahead.
func (e *effects) leave(y []float64, candidates []*unit, horizon int) {
	size := len(e.origins) * horizon
	e.many = resize(e.many, size)
	e.smoother.leave(y, e.origins, horizon, func(_, place int) float64 { return y[place] }, e.one, e.many)
	for _, k := range columnsOf(candidates) {
		c := &e.known.columns[k]
		c.manyStep = resize(c.manyStep, size)
		e.smoother.leave(c.x[:len(y)], e.origins, horizon, c.seen, c.oneStep, c.manyStep)
	}
}

// weigh sets the weight of every row: 0 while the smoother warms up and where nothing was observed; else 1, but for a wild
// error on a day without anything in the calendar clip*sigma/|e| (Huber 1964), sigma being the median absolute error times
// 1.4826. Days with something in the calendar keep their weight: they are what is to be explained.
func (e *effects) weigh(s *history, origin int) {
	const clip = 2.5
	warm := min(2*e.smoother.m, origin/4)
	sizes := e.ridge.deviance[:0]
	for t := warm; t < origin; t++ {
		if s.observed[t] {
			sizes = append(sizes, math.Abs(e.one[t]))
		}
	}
	slices.Sort(sizes)
	e.ridge.deviance = sizes
	sigma := 0.0
	if len(sizes) > 0 {
		sigma = 1.4826 * sizes[len(sizes)/2]
	}
	sigma = max(sigma, 1e-9)
	e.ridge.noise = sigma * sigma
	e.ridge.weights = resize(e.ridge.weights, len(e.one))
	for t := range e.ridge.weights {
		w := 0.0
		if t >= warm && s.observed[t] {
			if w = 1; math.Abs(e.one[t]) > clip*sigma && !e.special(t) {
				w = clip * sigma / math.Abs(e.one[t])
			}
		}
		e.ridge.weights[t] = w
	}
}

// special reports whether the calendar has something on a place.
func (e *effects) special(place int) bool {
	for _, c := range e.known.columns {
		if c.kind == series.Calendar && c.x[place] != 0 {
			return true
		}
	}
	return false
}

// errors returns the absolute error, summed over origins, of every day from the first origin on, in the units of the history.
func (e *effects) errors(s *history, y []float64, units []*unit, horizon int, multiplies bool) []float64 {
	first := e.origins[0]
	out := make([]float64, len(y)-first)
	rest := append(e.trial[:0], e.many...)
	e.trial = rest
	count := len(e.origins)
	for q := 0; q < quarters && len(units) > 0; q++ {
		lo, hi := q*count/quarters*horizon, (q+1)*count/quarters*horizon
		members, beta, _ := e.ridge.solve(q, units)
		for k, m := range members {
			if b := beta[k]; b != 0 {
				many := e.known.columns[m].manyStep[lo:hi]
				for i, v := range many {
					rest[lo+i] -= b * v
				}
			}
		}
	}
	for k, origin := range e.origins {
		for h := 0; h < horizon && origin+h < len(y); h++ {
			if t := origin + h; s.observed[t] {
				v := rest[k*horizon+h]
				if multiplies {
					v = e.raw[t] * -math.Expm1(-v)
				}
				out[t-first] += math.Abs(v)
			}
		}
	}
	return out
}

// falls reports whether the errors are enough lower than before.
func (e *effects) falls(u *unit, before, after []float64, horizon int) bool {
	total, fall, squares := 0.0, 0.0, 0.0
	for t, v := range before {
		d := v - after[t]
		total += v
		fall += d
		squares += d * d
	}
	if !(fall > leastFall*total) {
		return false
	}
	return u.calendar || fall > leastErrors*math.Sqrt(squares)
}

// sum returns what the kept columns of a kind do at a place as it is known from an origin.
func (e *effects) sum(beta []float64, kind series.KnownKind, origin, place int) float64 {
	total := 0.0
	for k, m := range e.members {
		if c := &e.known.columns[m]; c.kind == kind {
			total += beta[k] * c.seen(origin, place)
		}
	}
	return max(-maxLog, min(total, maxLog))
}

// takeOut sets the history to what is left of it without the effects; its gaps are filled again.
func (e *effects) takeOut(s *history, beta []float64, season int) {
	if len(e.kept) == 0 {
		return
	}
	copy(s.y, e.raw)
	for t := range s.y {
		calendar, measured := e.sum(beta, series.Calendar, t, t), e.sumPast(beta, t)
		if e.multiplies {
			s.y[t] *= math.Exp(-calendar - measured)
			continue
		}
		s.y[t] -= calendar + measured
	}
	s.fill(season)
}

// keepAbove lifts values to the least one that they had, if that is positive: methods for positive values may have been
// chosen for them.
func keepAbove(y []float64, least float64) {
	if least > leastLogged {
		for t, v := range y {
			y[t] = max(v, least)
		}
	}
}

// sumPast is sum for the measured columns at a past place, where they are what they were.
func (e *effects) sumPast(beta []float64, place int) float64 {
	total := 0.0
	for k, m := range e.members {
		if c := &e.known.columns[m]; c.kind == series.Measured {
			total += beta[k] * c.x[place]
		}
	}
	return max(-maxLog, min(total, maxLog))
}

// unknow moves paths of the window, which are to be compared with the history without effects, by what of the effects was not
// known from their origins. It is done so that the error is the one in the series' own terms.
func (e *effects) unknow(origins []int, horizon int, paths []float64) {
	for _, m := range e.members {
		if c := &e.known.columns[m]; c.kind == series.Measured && c.reach < horizon {
			e.unknowAll(origins, horizon, paths)
			return
		}
	}
}

func (e *effects) unknowAll(origins []int, horizon int, paths []float64) {
	n := len(e.raw)
	for k, origin := range origins {
		for h := 0; h < horizon && origin+h < n; h++ {
			gap := e.sum(e.before, series.Measured, origin, origin+h) - e.sumPast(e.before, origin+h)
			if at := k*horizon + h; e.multiplies {
				paths[at] *= math.Exp(gap)
			} else {
				paths[at] += gap
			}
		}
	}
}

// ahead returns what calendar and measured columns do to a value of the forecast that is at places ahead, as sums or, when
// effects multiply, as logarithms of factors.
func (e *effects) ahead(at int) (calendar, measured float64) {
	n := len(e.raw)
	return e.sum(e.all, series.Calendar, n, n+at), e.sum(e.all, series.Measured, n, n+at)
}

// apply returns what calendar and measured columns add to a value.
func (e *effects) apply(v, calendar, measured float64) (byCalendar, byMeasured float64) {
	if !e.multiplies {
		return calendar, measured
	}
	return v * math.Expm1(calendar), v * math.Exp(calendar) * math.Expm1(measured)
}

// list returns the kept effects in the series' own unit; level is that of its forecast.
func (e *effects) list(s *history, level float64) []Effect {
	var out []Effect
	for k, m := range e.members {
		c := &e.known.columns[m]
		if e.all[k] == 0 {
			continue
		}
		coefficient := e.all[k] / c.unit
		if e.multiplies {
			coefficient = level * math.Expm1(max(-maxLog, min(coefficient, maxLog)))
		}
		out = append(out, Effect{c.name, s.restore(coefficient)})
	}
	return out
}
