package forecast

import (
	"math"
	"slices"

	"github.com/signalcraft/signalcraft/models/series"
)

// around is what the fitter knows of a series around its values, and what it makes of that.
type around struct {
	parts        composer // of the forecast's path
	closed       closed
	effects      effects
	outliers     outliers
	shifts       shifts
	untamed      []float64 // the history of the window with its wild days
	raw          []float64 // the history with effects and wild days, at its last level
	effectsAhead []float64 // of each place of the forecast: what the calendar does and what measured columns do
	baseline     []float64 // paths of the seasonal naive forecast in the window
}

// prepare takes closed days out of the history of series i and lays what is known on its days.
func (f *fitter) prepare(i int) {
	var known *series.Known
	if f.batch.Known != nil {
		known = f.batch.Known[i]
	}
	s := &f.history
	f.closed.begin(known, s, f.batch.FirstDay[i]+int32(s.start), f.opt.Horizon, f.opt.Season)
	f.effects.begin(known, f.batch.FirstDay[i]+int32(s.start), s, f.opt.Horizon, f.opt.Season)
	f.out.Missing[i] = int32(len(s.y) - s.count)
}

// foresee notes what the effects do to each place of the forecast.
func (f *fitter) foresee() {
	f.effectsAhead = resize(f.effectsAhead, 2*len(f.ahead))
	for at := range f.ahead {
		f.effectsAhead[2*at], f.effectsAhead[2*at+1] = f.effects.ahead(at)
	}
}

// value returns the forecast of a place ahead with its effects, for a path that is offset away, in scaled units.
func (f *fitter) value(at int, offset float64) float64 {
	v := f.ahead[at] + offset
	calendar, measured := f.effects.apply(v, f.effectsAhead[2*at], f.effectsAhead[2*at+1])
	return v + calendar + measured
}

// inside brings bounds around a mean into the range. Bounds of whole numbers are the outermost ones between the bounds, which
// hold as many values as those; rounding to the nearest would promise the first number beyond. The mean, itself rounded,
// stays inside.
func inside(within series.Range, mean, lower, upper float64) (lo, hi float64) {
	if within.Integer {
		lower = math.Ceil(lower - roundingError*math.Abs(lower))
		upper = math.Floor(upper + roundingError*math.Abs(upper))
	}
	return min(within.Clamp(lower), mean), max(within.Clamp(upper), mean)
}

// roundingError is the relative one that a bound may carry.
const roundingError = 1e-9

// close brings a row to what closed days have shown, as far as its day is closed.
func (f *fitter) close(row, at int, within series.Range) {
	share := f.closed.of(at)
	if share == 0 {
		return
	}
	o := f.out
	blend := func(v, quantile float64) float64 {
		return within.Clamp((1-share)*v + share*f.history.restore(f.closed.shown(quantile)))
	}
	sum := o.Trend[row] + o.Seasonal[row] + o.LongSeasonal[row] + o.Calendar[row] + o.Measured[row]
	o.Calendar[row] += share * (f.history.restore(f.closed.shown(0.5)) - sum)
	o.Lower95[row], o.Lower80[row] = blend(o.Lower95[row], 0.025), blend(o.Lower80[row], 0.1)
	o.Upper80[row], o.Upper95[row] = blend(o.Upper80[row], 0.9), blend(o.Upper95[row], 0.975)
	o.Mean[row] = max(o.Lower80[row], min(blend(sum, 0.5), o.Upper80[row]))
}

const (
	// flatSeasons is how many seasons, and flatLeast how many values at least, a run of equal values at the end lasts before
	// the series counts as stopped.
	flatSeasons = 4
	flatLeast   = 28
	// silentHorizons is after how many horizons without a value a series counts as silent.
	silentHorizons = 4
)

// stopped reports whether series i has ended, and is to be forecast at its last value: it is silent, or flat (see
// history.flat). Of a flat one only the flat end is left, which is constant.
func (f *fitter) stopped(i int) bool {
	s := &f.history
	if s.tail > silentHorizons*f.opt.Horizon {
		return true
	}
	length := s.flat(max(flatLeast, flatSeasons*f.opt.Season))
	if length == 0 || s.constant {
		return false
	}
	cut := len(s.y) - length
	f.out.Shift[i] = f.batch.FirstDay[i] + int32(s.start+cut)
	s.y, s.observed, s.constant, s.count = s.y[cut:], s.observed[cut:], true, 0
	for _, seen := range s.observed {
		if seen {
			s.count++
		}
	}
	f.effects.begin(nil, 0, s, f.opt.Horizon, f.opt.Season)
	s.fill(f.opt.Season)
	return true
}

// settle makes the history of series i what methods are compared on: without effects as they were known before the window,
// without wild days, and at its last level.
func (f *fitter) settle(i int) {
	s := &f.history
	f.effects.learn(s, f.origins[0], f.opt.Horizon, f.opt.Season)
	f.untamed = append(f.untamed[:0], s.y...)
	wild := f.outliers.tame(s, f.origins, f.opt.Horizon, f.opt.Season)
	f.shifts.follow(s, f.origins, f.opt.Horizon, f.opt.Season)
	f.shifts.move(f.untamed)
	f.out.Outliers[i] = int32(wild)
	if f.shifts.at >= 0 {
		f.out.Shift[i] = f.batch.FirstDay[i] + int32(s.start+f.shifts.at)
	}
}

// account moves paths from origins in the history so that their distance from the history is the error in the series' own
// terms: that of what was known of the days at each origin, and that against wild days as they were.
func (f *fitter) account(origins []int, paths []float64) {
	f.effects.unknow(origins, f.opt.Horizon, paths)
	if len(f.outliers.wild) == 0 {
		return
	}
	y := f.history.y
	for k, origin := range origins {
		for h := 0; h < f.opt.Horizon && origin+h < len(y); h++ {
			paths[k*f.opt.Horizon+h] += y[origin+h] - f.untamed[origin+h]
		}
	}
}

// resettle makes the history what the forecast is made of: as settle, with effects as they are known from all days.
func (f *fitter) resettle() {
	s, e := &f.history, &f.effects
	if len(e.kept) == 0 {
		return
	}
	least := slices.Min(s.y)
	e.takeOut(s, e.all, f.opt.Season)
	for _, t := range f.outliers.wild {
		s.y[t] = f.outliers.clean[t]
	}
	f.shifts.move(s.y)
	keepAbove(s.y, least)
}

// note writes what the forecast of series i rests on.
func (f *fitter) note(i int) {
	f.noteSeasons(i)
	level := 0.0
	for _, v := range f.ahead {
		level += v / float64(len(f.ahead))
	}
	f.out.Effects[i] = f.effects.list(&f.history, level)
}

// assess writes how the forecast of series i did in the window, beside the seasonal naive one: errors over all origins and
// observed days of the window, in the series' own terms at its last level.
func (f *fitter) assess(i int, kept bool) {
	s, e, horizon := &f.history, &f.effects, f.opt.Horizon
	paths := f.blend[(len(f.earlier)-len(f.origins))*horizon:] // of the window, as measure left them
	raw := append(f.raw[:0], e.raw...)
	f.raw = raw
	f.shifts.move(raw)
	f.baseline = resize(f.baseline, len(f.origins)*horizon)
	last := naive{season: f.opt.Season}
	last.paths(raw, f.origins, horizon, f.baseline)
	var sum, baseline, in80, in95, count float64
	for k, origin := range f.origins {
		for h := 0; h < horizon && origin+h < len(s.y); h++ {
			t := origin + h
			if !s.observed[t] {
				continue
			}
			path := paths[k*horizon+h]
			miss := s.y[t] - path
			if lower, upper := f.spread.bounds(h, path, f.spread.in80); lower <= miss && miss <= upper {
				in80++
				in95++
			} else if lower, upper = f.spread.bounds(h, path, f.spread.in95); lower <= miss && miss <= upper {
				in95++
			}
			off := math.Abs(miss)
			if e.multiplies && f.untamed[t] != 0 {
				off *= raw[t] / f.untamed[t]
			}
			sum += off
			baseline += math.Abs(raw[t] - f.baseline[k*horizon+h])
			count++
		}
	}
	if count == 0 {
		return
	}
	adjusted := s.y
	s.y = raw
	scale := s.naiveScale(f.opt.Season)
	s.y = adjusted
	f.keepErrors(i, paths, raw)
	f.out.BaselineMASE[i] = baseline / count / scale
	f.out.Coverage80[i], f.out.Coverage95[i] = in80/count, in95/count
	if changed := len(e.kept) > 0 || len(f.outliers.wild) > 0 || f.shifts.at >= 0; changed && !kept {
		f.out.MASE[i] = sum / count / scale
	}
}

// keepErrors keeps the errors one step ahead of series i in the window, in its own unit, where the vintage is asked to.
func (f *fitter) keepErrors(i int, paths, raw []float64) {
	if !f.opt.KeepErrors {
		return
	}
	s := &f.history
	kept := windowErrors{first: f.batch.FirstDay[i] + int32(s.start+f.origins[0]), step: 1}
	if len(f.origins) > 1 {
		kept.step = int32(f.origins[1] - f.origins[0])
	}
	for k, origin := range f.origins {
		e := math.NaN()
		if s.observed[origin] {
			e = s.y[origin] - paths[k*f.opt.Horizon]
			if f.effects.multiplies && f.untamed[origin] != 0 {
				e *= raw[origin] / f.untamed[origin]
			}
			e = s.restore(e)
		}
		kept.values = append(kept.values, e)
	}
	f.out.errors[i] = kept
}
