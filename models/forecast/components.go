package forecast

import (
	"math"
	"slices"
)

// parts is what a path owes to seasons at each step; the rest of it is trend. Seasons up to the length short are its season,
// longer ones its long season.
type parts struct {
	short        int
	season, long []float64
}

// reset makes n steps without any season.
func (p *parts) reset(short, n int) {
	p.short = short
	p.season, p.long = resize(p.season, n), resize(p.long, n)
	clear(p.season)
	clear(p.long)
}

// of returns the part for a season of length m.
func (p *parts) of(m int) []float64 {
	if m <= p.short {
		return p.season
	}
	return p.long
}

// composer gathers the parts of the forecast of one series.
type composer struct {
	splitter splitter
	short    int // the season that the series is known to have
	members  []parts
	whole    parts
}

// begin starts a path of n steps, so far without a season.
func (c *composer) begin(short, n int) {
	c.short = short
	c.whole.reset(short, n)
}

// take notes the parts of the path that the k-th member forecast just now.
func (c *composer) take(k int, m model, y, path []float64) {
	if k == len(c.members) {
		c.members = append(c.members, parts{})
	}
	c.members[k].reset(c.short, len(path))
	c.splitter.split(m, y, path, &c.members[k])
}

// join combines the members' parts as their paths were combined.
func (c *composer) join(how combination, paths [][]float64) {
	how.blendParts(&c.whole, c.members, paths)
}

// compose writes the components of a row, which lies at place at of the path. Trend is what the others leave, so that all sum
// to the forecast; a part too large for a number is left in the trend.
func (f *fitter) compose(row, at int) {
	base := f.ahead[at]
	calendar, measured := f.effects.apply(base, f.effectsAhead[2*at], f.effectsAhead[2*at+1])
	total := f.history.restore(base + calendar + measured)
	parts := [...]float64{f.parts.whole.season[at], f.parts.whole.long[at], calendar, measured}
	trend := total
	for k, v := range parts {
		parts[k] = ldexp(v, f.history.exponent)
		trend -= parts[k]
	}
	if sum := trend + parts[0] + parts[1] + parts[2] + parts[3]; math.IsInf(sum, 0) || math.IsNaN(sum) {
		trend, parts = total, [4]float64{}
	}
	f.out.Trend[row], f.out.Seasonal[row], f.out.LongSeasonal[row] = trend, parts[0], parts[1]
	f.out.Calendar[row], f.out.Measured[row] = parts[2], parts[3]
}

// noteSeasons writes the lengths of the seasons that have a part in the forecast of series i.
func (f *fitter) noteSeasons(i int) {
	has := func(part []float64) bool { return slices.ContainsFunc(part, func(v float64) bool { return v != 0 }) }
	if has(f.parts.whole.season) {
		f.out.Season[i] = int32(f.opt.Season)
	}
	if has(f.parts.whole.long) {
		f.out.LongSeason[i] = int32(f.longSeason)
		if f.longSeason == 0 {
			f.out.LongSeason[i] = 365 // the year that harmonic fits to days by itself
		}
	}
}

// splitter says what of a model's path is season. Each model answers in its own terms, directly after it forecast path from
// the end of y:
//
//	ets, multiseason      the seasonal states, less their mean
//	ets(M,·,M)            what the factors add to the path
//	chosen ets            what the form that was chosen says
//	theta, ar             the fixed season; where it multiplies, what it adds to the path
//	mstl                  each of its seasons, and those of its inner method
//	harmonic              the harmonics of each season
//	clipped               what its inner method says
//	logged                exp of the inner parts: trend exp(L), season exp(L+S)-exp(L), long season exp(L+S+G)-exp(L+S)
//	seasonal naive        the path less its mean over one season
//	naive, average, drift, croston, tsb, adida   nothing: all is trend
//	any other             the season's shape in history, scaled to the path by least squares; see project
type splitter struct {
	shape  []float64
	sums   seasonIndex
	levels []float64
}

func (s *splitter) split(m model, y, path []float64, p *parts) {
	switch m := m.(type) {
	case *ets:
		if m.seasonal {
			addSeason(p.of(m.m), m.state, len(y))
		}
	case *chosenETS:
		s.split(m.kept, y, path, p)
	case *multipliedETS:
		shareSeason(p.of(m.m), path, m.state, len(y))
	case *theta:
		m.index.share(path, len(y), p.of(m.m))
	case *autoregressive:
		m.index.share(path, len(y), p.of(m.m))
	case *mstl:
		s.splitMSTL(m, y, path, p)
	case *harmonic:
		m.share(len(y), p)
	case *multiseason:
		for k, length := range m.start.seasons {
			addSeason(p.of(length), m.state[k], len(y))
		}
	case *logged:
		s.splitLogs(m, y, path, p)
	case *clipped:
		s.split(m.inner, m.y, path, p)
	case *naive:
		splitNaive(m.season, len(y), path, p)
	case *average, *drift, *croston, *tsb, *adida:
	default:
		s.project(y, path, p)
	}
}

// addSeason adds a season given by phase to a part whose first step has phase n, after taking its mean away.
func addSeason(part, season []float64, n int) {
	average := mean(season)
	for h := range part {
		part[h] += season[(n+h)%len(season)] - average
	}
}

// shareSeason adds to part what a season of factors by phase, divided by their mean, added to a path whose first step has phase n.
func shareSeason(part, path, season []float64, n int) {
	average := mean(season)
	for h, v := range path {
		part[h] += v - v*average/season[(n+h)%len(season)]
	}
}

// share adds to part what the season added to a path whose first value lies at place origin.
func (s *seasonIndex) share(path []float64, origin int, part []float64) {
	if len(s.values) == 0 {
		return
	}
	for h, v := range path {
		k := s.values[(origin+h)%len(s.values)]
		if !s.divides {
			part[h] += k
			continue
		}
		if k != 0 {
			part[h] += v - v/k
		}
	}
}

func (s *splitter) splitMSTL(m *mstl, y, path []float64, p *parts) {
	rest := append([]float64(nil), path...)
	for k, length := range m.seasons {
		for h := range rest {
			rest[h] -= m.index[k][(len(y)+h)%length]
		}
		addSeason(p.of(length), m.index[k], len(y))
	}
	s.split(m.inner, m.rest, rest, p)
}

// splitLogs splits the logarithm of the path. A path that was cut off at e^maxLog is split like any other.
func (s *splitter) splitLogs(m *logged, y, path []float64, p *parts) {
	logs := make([]float64, len(path))
	for h, v := range path {
		logs[h] = math.Log(v)
	}
	var inner parts
	inner.reset(p.short, len(path))
	s.split(m.inner, m.y, logs, &inner)
	for h, v := range path {
		withSeason := v * math.Exp(-inner.long[h])
		p.season[h] += withSeason * -math.Expm1(-inner.season[h])
		p.long[h] += v - withSeason
	}
}

func splitNaive(season, n int, path []float64, p *parts) {
	if season == 1 || n < season {
		return
	}
	// Of a path shorter than a season its mean is all there is to tell.
	level := mean(path[:min(season, len(path))])
	part := p.of(season)
	for h, v := range path {
		part[h] += v - level
	}
}

// project takes the season's shape from history, the mean deviation by phase from the centred moving average, and adds b times
// it as the season, where path = a + c*h + b*shape by least squares. A path of fewer than four steps, and one in which
// the shape is a line, has none.
func (s *splitter) project(y, path []float64, p *parts) {
	m, n := p.short, len(path)
	if m <= 1 || n < 4 || len(y) < 2*m+1 {
		return
	}
	s.sums.values, s.sums.divides = append(s.sums.values[:0], make([]float64, m)...), false
	s.sums.counts = append(s.sums.counts[:0], make([]float64, m)...)
	for t := m / 2; t < len(y)-m/2; t++ {
		s.sums.values[t%m] += y[t] - movingAverage(y, t, m)
		s.sums.counts[t%m]++
	}
	s.shape = resize(s.shape, n)
	for h := range s.shape {
		k := (len(y) + h) % m
		s.shape[h] = s.sums.values[k] / max(1, s.sums.counts[k])
	}
	s.levels = append(s.levels[:0], path...)
	bare := slices.Clone(s.shape)
	unbend(bare)
	unbend(s.levels)
	product, square := 0.0, 0.0
	for h, v := range bare {
		product += v * s.levels[h]
		square += v * v
	}
	if square <= 1e-12 {
		return
	}
	average := mean(s.sums.values) / max(1, mean(s.sums.counts))
	for h, v := range s.shape {
		p.season[h] += product / square * (v - average)
	}
}

// unbend takes the straight line of least squares out of v.
func unbend(v []float64) {
	middle := float64(len(v)-1) / 2
	average, product, square := mean(v), 0.0, 0.0
	for h := range v {
		x := float64(h) - middle
		product += x * v[h]
		square += x * x
	}
	slope := 0.0
	if square > 0 {
		slope = product / square
	}
	for h := range v {
		v[h] -= average + slope*(float64(h)-middle)
	}
}

// blendParts sets whole to the combination of the members' parts, in the way in which blend combined their paths: with the
// weights, or at each step as the mean of the members that the trimmed mean kept there.
func (c combination) blendParts(whole *parts, members []parts, paths [][]float64) {
	if c.weights != nil {
		for k, w := range c.weights {
			for h := range whole.season {
				whole.season[h] += w * members[k].season[h]
				whole.long[h] += w * members[k].long[h]
			}
		}
		return
	}
	for h := range whole.season {
		lowest, highest := c.trimmed(paths, h)
		count := 0.0
		for k := range c.members {
			if k != lowest && k != highest {
				whole.season[h] += members[k].season[h]
				whole.long[h] += members[k].long[h]
				count++
			}
		}
		whole.season[h] /= count
		whole.long[h] /= count
	}
}

// trimmed returns the members whose values the trimmed mean leaves out at step h; -1 when it leaves out none.
func (c combination) trimmed(paths [][]float64, h int) (lowest, highest int) {
	if len(c.members) < trimFrom {
		return -1, -1
	}
	for k := range c.members {
		if paths[k][h] < paths[lowest][h] {
			lowest = k
		}
		if paths[k][h] >= paths[highest][h] {
			highest = k
		}
	}
	return lowest, highest
}
