package forecast

import "math"

// harmonic is dynamic harmonic regression (Young, Pedregal and Tych 1999; Hyndman and Athanasopoulos 2021, section 10.5):
// harmonics of one or two seasons by least squares, and an autoregression on what they leave:
//
//	y_t = a + b*t + sum_j sum_(k<=K_j) (c_jk*cos(2*pi*k*t/m_j) + d_jk*sin(2*pi*k*t/m_j)) + u_t
//	u_t as autoregressive has it, of levels or of differences
//
// A season of up to twice mostHarmonics has all its harmonics, a longer one as many as AICc advises (Hurvich and Tsai 1989). The
// coefficients are estimated again on values and columns filtered by the autoregression (Cochrane and Orcutt 1949), and
// those of the second season shrunk by the share of Wald's statistic that chance alone would give (James and Stein
// 1961). The constant and the line only keep trends out of the harmonics: what they explain is left to the autoregression.
// A series of days has a year of 365.25 days as its second season when it covers yearCycles of one.
//
// A constant series gives the constant; applies refuses what autoregressive refuses, and fewer than two of the longest season.
type harmonic struct {
	season, second float64 // second is 0 when there is none
	levels         autoregressive
	terms          []term // those that are fitted, and their coefficients
	cache          []*term
	wave           []float64 // what the terms add up to, by place
	rest           []float64
	solver         regression
	columns        [][]float64
	filtered       [][]float64
	ones, line     []float64
}

// term is one harmonic.
type term struct {
	period         float64
	cos, sin       []float64 // by place, as far as has been asked for
	byCos, bySin   float64   // coefficients
	hasSin, second bool
}

const (
	mostHarmonics = 6
	yearHarmonics = 3
	yearCycles    = 1.5
)

// newHarmonic returns the regression on a season and a second one, which is 0 when there is none.
func newHarmonic(season, second int) *harmonic {
	return &harmonic{season: float64(season), second: float64(second), levels: autoregressive{m: 1}}
}

func (r *harmonic) name() string {
	switch {
	case r.second == 0:
		return "harmonic(" + lengths([]int{int(r.season)}) + ")"
	case r.season == 1:
		return "harmonic(" + lengths([]int{int(r.second)}) + ")"
	}
	return "harmonic(" + lengths([]int{int(r.season), int(r.second)}) + ")"
}

func (r *harmonic) applies(y []float64) bool {
	return float64(len(y)) >= 2*max(r.season, r.second)+2 && r.levels.applies(y)
}

func (r *harmonic) refit(y []float64) { r.fit(y) }

func (r *harmonic) fit(y []float64) {
	n := len(y)
	for t := len(r.ones); t < n; t++ {
		r.ones, r.line = append(r.ones, 1), append(r.line, float64(t)/1000)
	}
	r.terms = r.terms[:0]
	r.columns = append(r.columns[:0], r.ones[:n], r.line[:n])
	if r.season > 1 {
		r.add(y, r.season, min(int(r.season/2), mostHarmonics), false)
	}
	second, most := r.second, mostHarmonics
	if second == 0 && r.season == 7 && float64(n) >= yearCycles*year {
		second, most = year, yearHarmonics
	}
	if second > 0 {
		r.add(y, second, most, true)
	}
	r.solver.load(r.columns, y)
	r.read(1)
	r.levels.fit(r.without(y))
	r.again(y)
	r.levels.fit(r.without(y))
}

// add puts the harmonics of a season behind the columns, as many as are advised.
func (r *harmonic) add(y []float64, period float64, most int, second bool) {
	n, fixed, terms := len(y), len(r.columns), len(r.terms)
	for k := 1; k <= most; k++ {
		t := *r.term(period/float64(k), n)
		t.second, t.hasSin = second, 2*float64(k) != period // the sine of two values is zero everywhere
		r.terms, r.columns = append(r.terms, t), append(r.columns, t.cos[:n])
		if t.hasSin {
			r.columns = append(r.columns, t.sin[:n])
		}
	}
	if period <= 2*mostHarmonics {
		return
	}
	r.solver.load(r.columns, y)
	kept := r.solver.advised(fixed, 2)
	r.columns, r.terms = r.columns[:kept], r.terms[:terms+(kept-fixed+1)/2]
}

// term returns the harmonic of a period, whose values reach to place n.
func (r *harmonic) term(period float64, n int) *term {
	for _, t := range r.cache {
		if t.period == period {
			t.reach(n)
			return t
		}
	}
	t := &term{period: period}
	t.reach(n)
	r.cache = append(r.cache, t)
	return t
}

func (t *term) reach(n int) {
	for at := len(t.cos); at < n; at++ {
		sin, cos := math.Sincos(2 * math.Pi * float64(at) / t.period)
		t.cos, t.sin = append(t.cos, cos), append(t.sin, sin)
	}
}

// read takes the terms' coefficients from the solver, those of the second season times a factor.
func (r *harmonic) read(factor float64) {
	beta := r.solver.solve(len(r.columns))[2:]
	for k := range r.terms {
		t := &r.terms[k]
		scale := 1.0
		if t.second {
			scale = factor
		}
		t.byCos, t.bySin, beta = scale*beta[0], 0, beta[1:]
		if t.hasSin {
			t.bySin, beta = scale*beta[0], beta[1:]
		}
	}
}

// again estimates the coefficients on values and columns that the autoregression has been taken out of.
func (r *harmonic) again(y []float64) {
	phi := append([]float64{1}, r.levels.coef[1:]...)
	for k := range phi[1:] {
		phi[k+1] = -phi[k+1]
	}
	if r.levels.differs { // times 1-B
		phi = append(phi, 0)
		for k := len(phi) - 1; k > 0; k-- {
			phi[k] -= phi[k-1]
		}
	}
	for len(r.filtered) <= len(r.columns) {
		r.filtered = append(r.filtered, nil)
	}
	for k, column := range append(r.columns, y) {
		r.filtered[k] = filter(r.filtered[k][:0], column, phi)
	}
	p := len(r.columns)
	r.solver.load(r.filtered[:p], r.filtered[p])
	first := r.firstColumn()
	factor := 0.0
	if noise := r.solver.left(p) / float64(max(1, len(y)-p)); noise > 0 {
		if wald := (r.solver.left(first) - r.solver.left(p)) / noise; wald > 0 {
			factor = max(0, 1-float64(p-first)/wald)
		}
	}
	r.read(factor)
}

// firstColumn is the first one of the second season, or the end.
func (r *harmonic) firstColumn() int {
	at := 2
	for _, t := range r.terms {
		if t.second {
			break
		}
		if at++; t.hasSin {
			at++
		}
	}
	return at
}

// filter appends sum_k phi_k*x_(t-k) for every t that has all of them.
func filter(dst, x, phi []float64) []float64 {
	for t := len(phi) - 1; t < len(x); t++ {
		v := 0.0
		for k, w := range phi {
			v += w * x[t-k]
		}
		dst = append(dst, v)
	}
	return dst
}

// without returns y without the harmonics, valid until the next call.
func (r *harmonic) without(y []float64) []float64 {
	r.swell(len(y))
	r.rest = r.rest[:0]
	for t, v := range y {
		r.rest = append(r.rest, v-r.wave[t])
	}
	return r.rest
}

// swell makes the wave n places long.
func (r *harmonic) swell(n int) {
	r.wave = resize(r.wave, n)
	clear(r.wave)
	for _, t := range r.terms {
		shared := r.term(t.period, n)
		for at := range r.wave {
			r.wave[at] += t.byCos*shared.cos[at] + t.bySin*shared.sin[at]
		}
	}
}

// share adds what the harmonics of each season are at the places from n on to its part.
func (r *harmonic) share(n int, p *parts) {
	for _, t := range r.terms {
		part, shared := p.season, r.term(t.period, n+len(p.season))
		if t.second {
			part = p.long
		}
		for h := range part {
			part[h] += t.byCos*shared.cos[n+h] + t.bySin*shared.sin[n+h]
		}
	}
}

func (r *harmonic) paths(y []float64, origins []int, horizon int, out []float64) {
	rest := r.without(y)
	r.levels.paths(rest, origins, horizon, out)
	r.swell(len(y) + horizon)
	for k, origin := range origins {
		row := out[k*horizon : (k+1)*horizon]
		for h := range row {
			row[h] += r.wave[origin+h]
		}
	}
}
