package forecast

import "gonum.org/v1/gonum/floats"

// autoregressive is an autoregression of order p on the seasonally adjusted series x or on its first differences:
//
//	x_t = c + phi_1*x_(t-1) + ... + phi_p*x_(t-p) + e_t
//
// by least squares, of the order for which AICc is least (Hurvich and Tsai 1989; all orders are fitted to the same values)
// among those up to a season and one, to five at least and eight at most. Differences are taken when the coefficients of the
// levels sum to more than unitRoot: what returns to its mean so slowly is not told from a random walk, and forecasts that
// return are worse when it is one. With always set they are taken in any case. The season is taken out as for theta. One
// step of a forecast is bounded to arLimit, so that coefficients beyond the unit circle do no harm.
//
// A constant series gives the constant; fewer than 80 values are refused by applies, since on them it errs more than the
// methods it would replace.
type autoregressive struct {
	m       int
	always  bool
	differs bool // the fit is of differences
	index   seasonIndex
	x, d    []float64
	coef    []float64 // c, phi_1, ..., phi_p
	lags    []float64
	solver  regression
}

const (
	arLeast  = 80
	arOrder  = 8
	unitRoot = 0.95
	// arLimit bounds one forecast step; magnitudes are near 1.
	arLimit = 3
)

func (a *autoregressive) name() string {
	if a.always {
		return "ari"
	}
	return "ar"
}

func (a *autoregressive) applies(y []float64) bool { return len(y) >= arLeast }

func (a *autoregressive) refit(y []float64) { a.fit(y) }

func (a *autoregressive) fit(y []float64) {
	a.index.estimate(y, a.m)
	a.differs = a.always
	a.regress(y)
	if a.differs {
		return
	}
	sum := 0.0
	for _, c := range a.coef[1:] {
		sum += c
	}
	if sum > unitRoot {
		a.differs = true
		a.regress(y)
	}
}

// prepare adjusts y and takes differences; the first one is 0.
func (a *autoregressive) prepare(y []float64) {
	a.x = a.index.remove(a.x[:0], y)
	a.d = append(a.d[:0], a.x...)
	if !a.differs {
		return
	}
	for t := len(a.d) - 1; t > 0; t-- {
		a.d[t] -= a.d[t-1]
	}
	a.d[0] = 0
}

// regress chooses the order and sets the coefficients. Every order's normal equations are a leading part of those of the
// highest one. A ridge of a millionth keeps lags apart that repeat each other.
func (a *autoregressive) regress(y []float64) {
	a.prepare(y)
	d := a.d
	if a.differs {
		d = d[1:]
	}
	most, r := min(max(a.m+1, 5), arOrder), &a.solver
	r.begin(most + 1)
	r.values = len(d) - most
	target, p := d[most:], r.columns
	r.square, r.right[0], r.gram[0] = floats.Dot(target, target), floats.Sum(target), float64(r.values)
	for i := 1; i <= most; i++ {
		lagged := d[most-i : len(d)-i]
		r.right[i] = floats.Dot(lagged, target)
		r.gram[i*p] = floats.Sum(lagged)
		for j := 1; j <= i; j++ {
			r.gram[i*p+j] = floats.Dot(lagged, d[most-j:len(d)-j])
		}
		r.raise(i, 1e-6)
	}
	r.factorise()
	a.coef = append(a.coef[:0], r.solve(r.advised(1, 1))...)
}

func (a *autoregressive) paths(y []float64, origins []int, horizon int, out []float64) {
	a.prepare(y)
	p := len(a.coef) - 1
	a.lags = resize(a.lags, p+horizon)
	for k, origin := range origins {
		for j := range p {
			a.lags[j] = 0
			if t := origin - p + j; t >= 0 {
				a.lags[j] = a.d[t]
			}
		}
		row := out[k*horizon : (k+1)*horizon]
		level := a.x[origin-1]
		for h := range row {
			v := a.coef[0]
			for j := 1; j <= p; j++ {
				v += a.coef[j] * a.lags[p+h-j]
			}
			v = max(-arLimit, min(v, arLimit))
			a.lags[p+h] = v
			if a.differs {
				level += v
				v = level
			}
			row[h] = v
		}
		a.index.restore(row, origin)
	}
}
