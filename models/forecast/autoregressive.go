package forecast

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// autoregressive is an autoregression of order p on the seasonally adjusted series x or on its first differences:
//
//	x_t = c + phi_1*x_(t-1) + ... + phi_p*x_(t-p) + e_t
//
// by least squares, of the order up to most for which AICc is least (Hurvich and Tsai 1989; all orders are fitted to the
// same values). Differences are taken when the coefficients of the levels sum to more than unitRoot: what returns to
// its mean so slowly is not told from a random walk, and forecasts that return are worse when it is one. With always
// set they are taken in any case. The season is taken out as for theta.
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
// highest one.
func (a *autoregressive) regress(y []float64) {
	a.prepare(y)
	d := a.d
	if a.differs {
		d = d[1:]
	}
	most := min(max(a.m+1, 5), arOrder)
	moments, targets, square := autoMoments(d, most)
	n := float64(len(d) - most)
	a.coef = append(a.coef[:0], mean(d))
	best := math.Inf(1)
	for k := 1; k <= most+1; k++ {
		var factor mat.Cholesky
		if !factor.Factorize(moments.SliceSym(0, k).(*mat.SymDense)) {
			return // a constant series, or lags that repeat each other
		}
		var beta mat.VecDense
		if factor.SolveVecTo(&beta, targets.SliceVec(0, k)) != nil {
			return
		}
		sse := max(square-mat.Dot(&beta, targets.SliceVec(0, k)), 0)
		parameters := float64(k + 1)
		aic := n*math.Log(sse/n+1e-12) + 2*parameters + 2*parameters*(parameters+1)/max(1, n-parameters-1)
		if aic < best {
			best = aic
			a.coef = append(a.coef[:0], beta.RawVector().Data...)
		}
	}
}

// autoMoments returns the sums of products of a constant and the lags 1 to most, with each other and with the value itself, and
// the value's sum of squares. A ridge of a millionth keeps them positive definite.
func autoMoments(d []float64, most int) (moments *mat.SymDense, targets *mat.VecDense, square float64) {
	moments, targets = mat.NewSymDense(most+1, nil), mat.NewVecDense(most+1, nil)
	n := len(d)
	lagged := func(i int) []float64 { return d[most-i : n-i] }
	moments.SetSym(0, 0, float64(n-most))
	for i := 0; i <= most; i++ {
		sum, product := 0.0, 0.0
		for t, v := range lagged(i) {
			sum += v
			product += v * d[most+t]
		}
		if i == 0 {
			targets.SetVec(0, sum)
			square = product
			continue
		}
		targets.SetVec(i, product)
		moments.SetSym(0, i, sum)
		for j := i; j <= most; j++ {
			both, other := 0.0, lagged(j)
			for t, v := range lagged(i) {
				both += v * other[t]
			}
			if i == j {
				both += 1e-6*both + 1e-12
			}
			moments.SetSym(i, j, both)
		}
	}
	return moments, targets, square
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
