package forecast

import (
	"math"
	"slices"

	"github.com/signalcraft/signalcraft/models/series"
)

const (
	// shortest is the number of observed values below which nothing is compared.
	shortest = 4
	// enough is how many days before the window make a second fit idle. On the public sets
	// it changes no error by more than half a per cent, and it saves a third of the time.
	enough = 365
	// mostOrigins bounds the origins in the window; a longer window is rolled in steps.
	mostOrigins = 120
	// combined is the most methods in a combination, and combinedLoss how much worse than
	// the best a member may be. Both were chosen by rolling origin inside the training
	// parts of the public sets, where every neighbour of these values does about as well.
	combined     = 4
	combinedLoss = 1.5
)

// fitter forecasts one series after the other and owns all buffers for that.
type fitter struct {
	batch   *series.Batch
	opt     Options
	out     *Vintage
	models  []model
	history history

	origins []int
	paths   [][]float64 // of each model in the window, one row for each origin
	blend   []float64   // paths of the combination
	ahead   []float64   // the forecast itself, from the last observed day
	part    []float64   // one member's share of it
	spread  spread
}

func newFitter(batch *series.Batch, opt Options, out *Vintage) *fitter {
	f := &fitter{batch: batch, opt: opt, out: out, models: methods(opt.Season)}
	f.paths = make([][]float64, len(f.models))
	return f
}

// choice is a method and how it did in the window.
type choice struct {
	members    []int // numbers of models
	paths      []float64
	mase       float64
	selectedOn int32
}

func (c choice) name(models []model) string {
	if len(c.members) == 1 {
		return models[c.members[0]].name()
	}
	names := make([]string, len(c.members))
	for k, m := range c.members {
		names[k] = models[m].name()
	}
	return combinationName(names)
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
	f.ahead = resize(f.ahead, s.tail+f.opt.Horizon)
	f.out.SelectedOn[i] = f.opt.Vintage
	if s.constant || s.count < shortest {
		f.out.Method[i] = "naive"
		fillRow(f.ahead, s.y[len(s.y)-1])
		f.spread.guess(s, len(f.ahead))
		f.write(i)
		return nil
	}
	f.roll()
	chosen, kept := f.keep(i)
	if !kept {
		chosen = f.choose()
	}
	f.out.Method[i], f.out.MASE[i], f.out.SelectedOn[i] = chosen.name(f.models), chosen.mase, chosen.selectedOn
	f.spread.measure(s, f.origins, f.opt.Horizon, chosen.paths, len(f.ahead))
	f.predict(chosen.members)
	f.write(i)
	return nil
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

// keep returns the method of Prior when it is young enough and can still be fitted.
func (f *fitter) keep(i int) (choice, bool) {
	p := f.opt.Prior
	if p == nil || p.method[i] == "" {
		return choice{}, false
	}
	age := int64(f.opt.Vintage) - int64(p.selectedOn[i])
	if age < 0 || age >= int64(f.opt.ReselectAfterDays) {
		return choice{}, false
	}
	var members []int
	for _, name := range memberNames(p.method[i]) {
		m := slices.IndexFunc(f.models, func(m model) bool { return m.name() == name })
		if m < 0 || !f.fitted(m) {
			return choice{}, false
		}
		members = append(members, m)
	}
	return choice{members, f.average(members), p.mase[i], p.selectedOn[i]}, true
}

// choose fits every method that applies and returns the mean of the best few, or the best
// alone when no other comes near. Intermittent series are compared by squared error: the absolute one
// is smallest for the median, which is zero for many of them.
func (f *fitter) choose() choice {
	squared := intermittent(f.history.y)
	var ranked []int
	loss := make([]float64, len(f.models))
	for m := range f.models {
		if !f.fitted(m) {
			continue
		}
		if loss[m] = f.loss(f.paths[m], squared); !math.IsNaN(loss[m]) {
			ranked = append(ranked, m)
		}
	}
	slices.SortStableFunc(ranked, func(a, b int) int {
		if loss[a] < loss[b] {
			return -1
		}
		if loss[a] > loss[b] {
			return 1
		}
		return 0
	})
	size := 1
	for size < min(len(ranked), combined) && loss[ranked[size]] <= combinedLoss*loss[ranked[0]] {
		size++
	}
	best := choice{members: ranked[:size], paths: f.average(ranked[:size]), selectedOn: f.opt.Vintage}
	best.mase = f.loss(best.paths, false) / f.history.naiveScale(f.opt.Season)
	return best
}

// loss is the mean absolute (or squared) error over all origins and days of the window
// that were observed; NaN when there is none.
func (f *fitter) loss(paths []float64, squared bool) float64 {
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

// average returns the mean of several models' paths.
func (f *fitter) average(members []int) []float64 {
	if len(members) == 1 {
		return f.paths[members[0]]
	}
	f.blend = resize(f.blend, len(f.origins)*f.opt.Horizon)
	clear(f.blend)
	for _, m := range members {
		for i, v := range f.paths[m] {
			f.blend[i] += v / float64(len(members))
		}
	}
	return f.blend
}

// predict averages the members' forecasts. They are fitted to all of history first,
// unless the fit before the window had so many days that those of the window can only
// move its parameters a little: states follow to the last day in any case.
func (f *fitter) predict(members []int) {
	y, before := f.history.y, f.origins[0]
	refit := before < enough || before < 4*(len(y)-before)
	f.part = resize(f.part, len(f.ahead))
	clear(f.ahead)
	for _, m := range members {
		if refit {
			f.models[m].fit(y)
		}
		f.models[m].paths(y, []int{len(y)}, len(f.part), f.part)
		for h, v := range f.part {
			f.ahead[h] += v / float64(len(members))
		}
	}
}

// write puts the last Horizon days of the forecast and its bounds into the vintage.
func (f *fitter) write(i int) {
	lowest := math.Inf(-1)
	if f.batch.NonNegative[i] {
		lowest = 0
	}
	for h := range f.opt.Horizon {
		row, at := i*f.opt.Horizon+h, f.history.tail+h
		value := func(offset float64) float64 { return max(lowest, f.history.restore(f.ahead[at]+offset)) }
		f.out.Series[row] = int32(i)
		f.out.Horizon[row] = int32(h + 1)
		f.out.Day[row] = f.batch.LastDay(i) + int32(h+1)
		f.out.Mean[row] = value(0)
		f.out.Lower80[row], f.out.Upper80[row] = value(-f.spread.half80[at]), value(f.spread.half80[at])
		f.out.Lower95[row], f.out.Upper95[row] = value(-f.spread.half95[at]), value(f.spread.half95[at])
	}
}

// resize returns a slice of length n with arbitrary contents, reusing its memory.
func resize(s []float64, n int) []float64 {
	if cap(s) < n {
		return make([]float64, n)
	}
	return s[:n]
}
