package forecast

import (
	"math"

	"github.com/signalcraft/signalcraft/models/series"
)

// This file joins what is known around a series to the way it is forecast.

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

// inside brings bounds around a mean into the range. Bounds of whole numbers are the outermost ones between the bounds, which hold as many values as those; rounding
// to the nearest would promise the first number beyond. The mean, itself rounded, stays inside.
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

// note writes what the forecast of series i rests on.
func (f *fitter) note(i int) {
	f.noteSeasons(i)
	level := 0.0
	for _, v := range f.ahead {
		level += v / float64(len(f.ahead))
	}
	f.out.Effects[i] = f.effects.list(&f.history, level)
}

// assess writes how the forecast of series i did in the window, beside the seasonal naive one: errors over all origins and observed days of the window,
// in the series' own terms.
func (f *fitter) assess(i int, paths []float64, kept bool) {
	s, e, horizon := &f.history, &f.effects, f.opt.Horizon
	f.baseline = resize(f.baseline, len(f.origins)*horizon)
	season := naive{season: f.opt.Season}
	season.paths(e.raw, f.origins, horizon, f.baseline)
	var sum, baseline, in80, in95, count float64
	for k, origin := range f.origins {
		for h := 0; h < horizon && origin+h < len(s.y); h++ {
			t := origin + h
			if !s.observed[t] {
				continue
			}
			off := math.Abs(s.y[t] - paths[k*horizon+h])
			if off <= f.spread.half80[h] {
				in80++
			}
			if off <= f.spread.half95[h] {
				in95++
			}
			if e.multiplies && len(e.kept) > 0 && s.y[t] != 0 {
				off *= e.raw[t] / s.y[t]
			}
			sum += off
			baseline += math.Abs(e.raw[t] - f.baseline[k*horizon+h])
			count++
		}
	}
	adjusted := s.y
	s.y = e.raw
	scale := s.naiveScale(f.opt.Season)
	s.y = adjusted
	if count == 0 {
		return
	}
	f.out.BaselineMASE[i] = baseline / count / scale
	f.out.Coverage80[i], f.out.Coverage95[i] = in80/count, in95/count
	if len(e.kept) > 0 && !kept {
		f.out.MASE[i] = sum / count / scale
	}
}
