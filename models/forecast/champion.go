package forecast

import (
	"math"
	"slices"
)

// The champion of a series is the method of its former vintages, the challenger the one that the window now speaks for.
// Where it is known what the champion forecast for days that have come since (see Prior.Publish), it stays unless the
// challenger does better on these: each forecast that was published, made from an origin for a day, is held beside what the
// challenger forecasts from the same origin for the same day, with parameters from before the window. The challenger wins
// when its mean absolute error (squared for intermittent series, by which they choose) is less by more than margin; that
// makes up for what it owes to having been chosen on a window which holds those days. Where less has come, both are held
// beside each other in the window, which neither has been fitted to, with the same margin. A champion that stays is fitted
// anew and counts as chosen now; one that this version does not know, or that the series does not allow any more, is
// replaced.
const (
	// margin is by how much a challenger has to be better, as a fraction. Over 16 weeks inside the training parts of the public
	// daily sets, 0.02 errs within one in a hundred of no margin, by which half of the champions fall each week, not a fifth;
	// 0.1 and above err more, and a champion for ever by up to a tenth.
	margin = 0.02
	// leastCame is the number of published forecasts below which they are not looked at.
	leastCame = 14
)

// published is one forecast of a former vintage.
type published struct {
	day, horizon int32
	mean         float64
}

// Publish notes that a former vintage forecast mean for a day that lies horizon days after the last one it had seen, by a
// method. It reports whether the forecast is of the series' method as Set gave it, which comes first; if not, it does
// nothing. Forecasts of days that have not come do no harm.
func (p *Prior) Publish(businessID, kpiID, method string, day, horizon int32, mean float64) bool {
	i, ok := p.index[[2]string{businessID, kpiID}]
	if !ok || method == "" || p.method[i] != method || horizon < 1 {
		return false
	}
	if p.published == nil {
		p.published = make([][]published, len(p.method))
	}
	p.published[i] = append(p.published[i], published{day, horizon, mean})
	return true
}

// Expired reports whether the method of any series is so old in a vintage that Forecast compares methods again: only then
// does it look at what was published.
func (p *Prior) Expired(vintage, reselectAfterDays int32) bool {
	for i, method := range p.method {
		if method != "" && int64(vintage)-int64(p.selectedOn[i]) >= int64(reselectAfterDays) {
			return true
		}
	}
	return false
}

// challenge returns the champion of series i when it holds its place against the challenger, which choose returned, or else that.
func (f *fitter) challenge(i int, challenger choice) choice {
	p := f.opt.Prior
	if p == nil || f.opt.ReselectAfterDays < 0 || p.selectedOn[i] > f.opt.Vintage || p.method[i] == challenger.name(f.models) {
		return challenger
	}
	c, known := parse(p.method[i], f.models)
	if !known {
		return challenger
	}
	old, young, came := 0.0, 0.0, 0
	if p.published != nil && len(p.published[i]) >= leastCame {
		if old, young, came = f.compareOnWhatCame(i, challenger.paths); came >= leastCame && young < (1-margin)*old {
			return challenger
		}
	}
	for _, m := range c.members {
		if !f.fitted(m) {
			return challenger
		}
	}
	rivals := slices.Clone(challenger.paths) // combine writes where they lie
	champion := choice{combination: c, selectedOn: f.opt.Vintage}
	champion.paths = f.combine(c)
	if squared := intermittent(f.history.y); came < leastCame && f.windowLoss(rivals, squared) < (1-margin)*f.windowLoss(champion.paths, squared) {
		challenger.paths = rivals
		return challenger
	}
	champion.mase = f.windowLoss(champion.paths, false) / f.history.naiveScale(f.opt.Season)
	return champion
}

// compareOnWhatCame returns the mean losses of the published forecasts of series i and of paths through the window from the
// same origins for the same days, in the series' own unit, and over how many.
func (f *fitter) compareOnWhatCame(i int, paths []float64) (old, young float64, came int) {
	s, squared := &f.history, intermittent(f.history.y)
	loss := func(e float64) float64 {
		if squared {
			return e * e
		}
		return math.Abs(e)
	}
	first := int64(f.batch.FirstDay[i]) + int64(s.start)
	paths = slices.Clone(paths)
	f.account(f.origins, paths)
	raw := append(f.raw[:0], f.effects.raw...)
	f.shifts.move(raw)
	f.raw = raw
	for _, p := range f.opt.Prior.published[i] {
		t := int64(p.day) - first
		h := int(p.horizon) - 1
		if t < int64(h) || t >= int64(len(s.y)) || h >= f.opt.Horizon || !s.observed[t] {
			continue
		}
		k, rolled := slices.BinarySearch(f.origins, int(t)-h)
		if !rolled {
			continue
		}
		off := s.y[t] - paths[k*f.opt.Horizon+h]
		if f.effects.multiplies && f.untamed[t] != 0 {
			off *= raw[t] / f.untamed[t]
		}
		old += loss(f.batch.Series(i)[s.start+int(t)] - p.mean)
		young += loss(s.restore(off))
		came++
	}
	return old / float64(came), young / float64(came), came
}
