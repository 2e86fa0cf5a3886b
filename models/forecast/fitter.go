package forecast

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/signalcraft/signalcraft/models/series"
)

const (
	// shortest is the number of observed values below which nothing is compared.
	shortest = 4
	// enough is how many values the fit before the window must have seen for its parameters to be near those of all.
	enough = 365
	// mostOrigins bounds the origins in the window; a longer window is rolled in steps.
	mostOrigins = 120
)

// fitter forecasts one series after the other and owns all buffers for that.
type fitter struct {
	batch      *series.Batch
	opt        Options
	out        *Vintage
	base       []model         // methods for every series
	models     []model         // for the present series
	long       map[int][]model // methods for a second season of a length
	longSeason int             // length of the second season that the present series shows, 0 when none
	season     seasonFinder
	history    history

	origins []int
	earlier []int       // origins before the window, then those in it
	paths   [][]float64 // of each model in the window, one row for each origin
	loss    []float64   // of each model in the window
	blend   []float64   // paths of the combination
	ahead   []float64   // the forecast itself, from the last observed day
	members [][]float64 // paths of the members of a combination
	scratch []float64   // a value for each member
	spread  spread
	around
}

func newFitter(batch *series.Batch, opt Options, out *Vintage) *fitter {
	f := &fitter{batch: batch, opt: opt, out: out, base: methods(opt.Season), long: map[int][]model{}}
	if opt.Method != "" {
		f.base = append(f.base, askedMethods(opt.Season)...)
	}
	return f
}

// choice is a combination and how it did in the window.
type choice struct {
	combination
	paths      []float64
	mase       float64
	selectedOn int32
}

// series forecasts series i and writes its rows. The error is a SeriesError.
func (f *fitter) series(i int) error {
	s := &f.history
	if at := s.load(f.batch.Series(i), f.opt.History, f.opt.Season); at >= 0 {
		return &SeriesError{f.batch.BusinessID[i], f.batch.KPIID[i], f.batch.FirstDay[i] + int32(at), "infinite value"}
	}
	if s.count == 0 {
		return nil
	}
	f.prepare(i)
	f.ahead = resize(f.ahead, s.tail+f.opt.Horizon)
	f.parts.begin(f.opt.Season, len(f.ahead))
	f.out.SelectedOn[i] = f.opt.Vintage
	if f.stopped(i) || s.constant || s.count < shortest {
		f.out.Method[i] = "naive"
		fillRow(f.ahead, s.y[len(s.y)-1])
		f.spread.guess(s)
		f.write(i)
		return nil
	}
	f.roll()
	f.settle(i)
	f.lengthen()
	chosen, kept := f.keep(i)
	if f.opt.Method != "" && !kept {
		f.out.SelectedOn[i] = 0
		return nil
	}
	if !kept {
		chosen = f.challenge(i, f.choose())
	}
	f.out.Method[i], f.out.MASE[i], f.out.SelectedOn[i] = chosen.name(f.models), chosen.mase, chosen.selectedOn
	f.measure(chosen.combination)
	f.assess(i, kept)
	f.resettle()
	f.predict(chosen.combination)
	f.write(i)
	f.note(i)
	return nil
}

// lengthen adds the methods for a second season, if the series shows one, and takes away those of another.
func (f *fitter) lengthen() {
	f.models, f.longSeason = f.base, f.season.find(f.history.y, f.opt.Season)
	if long := f.longSeason; long > 0 {
		if f.long[long] == nil {
			f.long[long] = longMethods(f.opt.Season, long)
		}
		f.models = slices.Concat(f.base, f.long[long])
	}
	for len(f.paths) < len(f.models) {
		f.paths = append(f.paths, nil)
	}
	f.loss = resize(f.loss, len(f.models))
}

// roll sets the origins: every day of the window, or every few. The window is four
// horizons, but leaves three fifths of a short series to fit on.
func (f *fitter) roll() {
	n := len(f.history.y)
	window := max(1, min(4*f.opt.Horizon, n*2/5))
	step := (window + mostOrigins - 1) / mostOrigins
	f.origins = f.origins[:0]
	for origin := n - window; origin < n; origin += step {
		f.origins = append(f.origins, origin)
	}
}

// fitted reports whether model m could be fitted to the days before the window, and
// leaves its paths through the window.
func (f *fitter) fitted(m int) bool {
	y := f.history.y
	before := y[:f.origins[0]]
	if !f.models[m].applies(y) || !f.models[m].applies(before) {
		return false
	}
	f.paths[m] = resize(f.paths[m], len(f.origins)*f.opt.Horizon)
	f.models[m].fit(before)
	f.models[m].paths(y, f.origins, f.opt.Horizon, f.paths[m])
	return true
}

// only returns the method that the options name, when it can be fitted.
func (f *fitter) only() (choice, bool) {
	c, known := parse(strings.ReplaceAll(f.opt.Method, longMark, strconv.Itoa(f.longSeason)), f.models)
	for _, m := range c.members {
		known = known && f.fitted(m)
	}
	if !known {
		return choice{}, false
	}
	paths := f.combine(c)
	return choice{c, paths, f.windowLoss(paths, false) / f.history.naiveScale(f.opt.Season), f.opt.Vintage}, true
}

// keep returns the method of Prior when it is young enough and can still be fitted, or that of the options.
func (f *fitter) keep(i int) (choice, bool) {
	if f.opt.Method != "" {
		return f.only()
	}
	p := f.opt.Prior
	if p == nil || p.method[i] == "" {
		return choice{}, false
	}
	age := int64(f.opt.Vintage) - int64(p.selectedOn[i])
	if age < 0 || age >= int64(f.opt.ReselectAfterDays) {
		return choice{}, false
	}
	c, known := parse(p.method[i], f.models)
	if !known {
		return choice{}, false
	}
	for _, m := range c.members {
		if !f.fitted(m) {
			return choice{}, false
		}
	}
	return choice{c, f.combine(c), p.mase[i], p.selectedOn[i]}, true
}

// choose fits every method that applies and combines them. A short series gets the trimmed mean of the best robust methods,
// whatever their losses: too few errors tell them apart. Intermittent series are compared by squared error: the
// absolute one is smallest for the median, which is zero for many of them.
func (f *fitter) choose() choice {
	y := f.history.y
	squared := intermittent(y)
	var ranked []int
	for m := range f.models {
		if !f.fitted(m) {
			continue
		}
		if f.loss[m] = f.windowLoss(f.paths[m], squared); !math.IsNaN(f.loss[m]) {
			ranked = append(ranked, m)
		}
	}
	slices.SortStableFunc(ranked, func(a, b int) int { return cmp.Compare(f.loss[a], f.loss[b]) })
	best := choice{combination: weigh(ranked, f.loss), selectedOn: f.opt.Vintage}
	if len(y) < shortSeasons*max(1, min(f.opt.Season, 4)) && !squared {
		if c, ok := trim(ranked, f.models); ok {
			best.combination = c
		}
	}
	best.paths = f.combine(best.combination)
	best.mase = f.windowLoss(best.paths, false) / f.history.naiveScale(f.opt.Season)
	return best
}

// windowLoss is the mean absolute (or squared) error over all origins and days of the window
// that were observed; NaN when there is none.
func (f *fitter) windowLoss(paths []float64, squared bool) float64 {
	sum, count := 0.0, 0
	y, horizon := f.history.y, f.opt.Horizon
	for k, origin := range f.origins {
		row := paths[k*horizon : (k+1)*horizon]
		for h := 0; h < horizon && origin+h < len(y); h++ {
			if !f.history.observed[origin+h] {
				continue
			}
			e := math.Abs(y[origin+h] - row[h])
			if squared {
				e *= e
			}
			sum += e
			count++
		}
	}
	return sum / float64(count)
}

// combine returns the combination of its members' paths through the window.
func (f *fitter) combine(c combination) []float64 {
	f.members = f.members[:0]
	for _, m := range c.members {
		f.members = append(f.members, f.paths[m])
	}
	f.blend, f.scratch = resize(f.blend, len(f.origins)*f.opt.Horizon), resize(f.scratch, len(c.members))
	c.blend(f.blend, f.members, f.scratch)
	return f.blend
}

// measure takes the bounds from the combination's errors in the window and, with less weight, before it: there its members
// have been fitted to what they forecast, but more is seen.
func (f *fitter) measure(c combination) {
	first, lead := f.origins[0], max(len(f.history.y)*3/10, 6, 2*f.opt.Season)
	f.earlier = f.earlier[:0]
	for origin := lead; origin < first; origin += (max(0, first-lead) + mostOrigins - 1) / mostOrigins {
		f.earlier = append(f.earlier, origin)
	}
	before := len(f.earlier)
	f.earlier = append(f.earlier, f.origins...)
	f.members = f.members[:0]
	for _, m := range c.members {
		row := resize(f.paths[m], len(f.earlier)*f.opt.Horizon)
		if before > 0 {
			f.models[m].paths(f.history.y, f.earlier, f.opt.Horizon, row)
		}
		f.members, f.paths[m] = append(f.members, row), row
	}
	f.blend, f.scratch = resize(f.blend, len(f.earlier)*f.opt.Horizon), resize(f.scratch, len(c.members))
	c.blend(f.blend, f.members, f.scratch)
	f.account(f.earlier, f.blend)
	f.spread.measure(&f.history, rolled{f.earlier, before, f.opt.Horizon, f.blend}, f.opt.Season)
}

// predict combines the members' forecasts from the last day on, after each has taken in the window.
func (f *fitter) predict(c combination) {
	y := f.history.y
	f.members = f.members[:0]
	for k, m := range c.members {
		if f.origins[0] < enough {
			f.models[m].fit(y)
		} else {
			f.models[m].refit(y)
		}
		row := resize(f.paths[m], len(f.ahead))
		f.models[m].paths(y, []int{len(y)}, len(row), row)
		f.members, f.paths[m] = append(f.members, row), row
		f.parts.take(k, f.models[m], y, row)
	}
	f.scratch = resize(f.scratch, len(c.members))
	c.blend(f.ahead, f.members, f.scratch)
	f.parts.join(c, f.members)
}

// write puts the last Horizon days of the forecast and its bounds into the vintage.
func (f *fitter) write(i int) {
	f.foresee()
	within := f.batch.Range[i]
	for h := range f.opt.Horizon {
		row, at := i*f.opt.Horizon+h, f.history.tail+h
		value := func(offset float64) float64 { return f.history.restore(f.value(at, offset)) }
		f.out.Series[row] = int32(i)
		f.out.Horizon[row] = int32(h + 1)
		f.out.Day[row] = f.batch.LastDay(i) + int32(h+1)
		mean := within.Clamp(value(0))
		f.out.Mean[row] = mean
		lower, upper := f.spread.bounds(at, f.ahead[at], f.spread.in80)
		f.out.Lower80[row], f.out.Upper80[row] = inside(within, mean, value(lower), value(upper))
		lower, upper = f.spread.bounds(at, f.ahead[at], f.spread.in95)
		f.out.Lower95[row], f.out.Upper95[row] = inside(within, mean, value(lower), value(upper))
		f.compose(row, at)
		f.close(row, at, within)
	}
}

// resize returns a slice of length n with arbitrary contents, reusing its memory.
func resize(s []float64, n int) []float64 {
	if cap(s) < n {
		return make([]float64, n)
	}
	return s[:n]
}
