package forecast

import (
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"
)

// projection is the map y - W*C'*(C*W*C')^-1 * C*y, in two thin factors.
type projection struct {
	right, left *mat.Dense // C, and W*C'*(C*W*C')^-1
}

// apply changes y.
func (p *projection) apply(y []float64) {
	var gap, change mat.VecDense
	v := mat.NewVecDense(len(y), y)
	gap.MulVec(p.right, v)
	change.MulVec(p.left, &gap)
	v.SubVec(v, &change)
}

// project returns the projection; nil, which changes nothing, when it cannot be calculated: the parts are then summed up as
// they are.
func project(w mat.Symmetric, c *mat.Dense) *projection {
	m, _ := c.Dims()
	var cw, cwc, solved mat.Dense
	cw.Mul(c, w)
	cwc.Mul(&cw, c.T())
	sym := mat.NewSymDense(m, nil)
	for i := range m {
		for j := i; j < m; j++ {
			sym.SetSym(i, j, cwc.At(i, j)/2+cwc.At(j, i)/2)
		}
	}
	var factor mat.Cholesky
	if !factor.Factorize(sym) || factor.SolveTo(&solved, &cw) != nil {
		return nil
	}
	return &projection{c, mat.DenseCopyOf(solved.T())}
}

// constraints returns C.
func (f *family) constraints() *mat.Dense {
	var totals []int
	for k, parts := range f.parts {
		if len(parts) > 0 {
			totals = append(totals, k)
		}
	}
	c := mat.NewDense(len(totals), len(f.members), nil)
	for row, k := range totals {
		c.Set(row, k, 1)
		for _, p := range f.parts[k] {
			c.Set(row, p, -1)
		}
	}
	return c
}

// widen sets the scale of totals for sums of their parts: sqrt of the variance of that sum by that of the total, where it is
// above 1.
func (f *family) widen(scale []float64) {
	w := f.covariance()
	n := len(f.members)
	lowest := make([][]int, n) // parts without parts below each member
	for k := n - 1; k >= 0; k-- {
		if len(f.parts[k]) == 0 {
			lowest[k] = []int{k}
			continue
		}
		for _, p := range f.parts[k] {
			lowest[k] = append(lowest[k], lowest[p]...)
		}
		sum := 0.0
		for _, i := range lowest[k] {
			sum += w.At(i, i)
			if _, diagonal := w.(*mat.DiagDense); diagonal {
				continue
			}
			for _, j := range lowest[k] {
				if j != i {
					sum += w.At(i, j)
				}
			}
		}
		if ratio := math.Sqrt(max(0, sum) / w.At(k, k)); ratio > 1 && !math.IsInf(ratio, 1) {
			scale[k] = ratio
		}
	}
}

// covariance returns W. Errors are divided by a power of two, which neither map nor scale depends on, so that squares are
// numbers.
func (f *family) covariance() mat.Symmetric {
	n := len(f.members)
	exponent := f.magnitude()
	if rows := f.commonErrors(); len(rows) >= leastErrorDays && n <= mostCorrelated {
		for _, row := range rows {
			for k := range row {
				row[k] = ldexp(row[k], -exponent)
			}
		}
		w := shrunk(rows, n)
		lift(n, w.At, func(k int, v float64) { w.SetSym(k, k, v) })
		return w
	}
	w := mat.NewDiagDense(n, nil)
	for k, i := range f.members {
		lo, _ := f.base.Rows(i)
		sigma := ldexp(f.base.Upper80[lo]/2-f.base.Lower80[lo]/2, -exponent) / distuv.UnitNormal.Quantile(0.9)
		w.SetDiag(k, sigma*sigma)
	}
	lift(n, w.At, w.SetDiag)
	return w
}

// magnitude returns the binary exponent of the family's largest bound.
func (f *family) magnitude() (exponent int) {
	largest := 0.0
	for _, i := range f.members {
		lo, _ := f.base.Rows(i)
		largest = max(largest, math.Abs(f.base.Upper95[lo]), math.Abs(f.base.Lower95[lo]))
	}
	_, exponent = math.Frexp(largest)
	return exponent
}

// lift gives members that never err a small variance, so that W can be divided by.
func lift(n int, at func(i, j int) float64, set func(k int, v float64)) {
	largest := 0.0
	for k := range n {
		largest = max(largest, at(k, k))
	}
	if largest == 0 {
		largest = 1
	}
	for k := range n {
		set(k, max(at(k, k), 1e-12*largest))
	}
}

// commonErrors returns the errors of all members on the days on which each has one.
func (f *family) commonErrors() (rows [][]float64) {
	kept := f.base.errors
	if kept == nil {
		return nil
	}
	root := f.members[0]
	for t := range kept[root].values {
		day := kept[root].day(t)
		row := make([]float64, len(f.members))
		complete := true
		for k, i := range f.members {
			row[k] = kept[i].on(day)
			complete = complete && !math.IsNaN(row[k])
		}
		if complete {
			rows = append(rows, row)
		}
	}
	return rows
}

// windowErrors are a series' errors one step ahead in the window.
type windowErrors struct {
	first, step int32 // days
	values      []float64
}

func (w windowErrors) day(t int) int32 { return w.first + int32(t)*w.step }

// on returns the error on a day, NaN when there is none.
func (w windowErrors) on(day int32) float64 {
	if w.step == 0 || (day-w.first)%w.step != 0 {
		return math.NaN()
	}
	if t := (day - w.first) / w.step; t >= 0 && int(t) < len(w.values) {
		return w.values[t]
	}
	return math.NaN()
}

// shrunk returns the second moments of errors, their correlations r multiplied by 1-lambda (Schaefer and Strimmer 2005):
//
//	lambda = sum of Var(r_ij) / sum of r_ij^2 over i != j, between 0 and 1
//	Var(r_ij) = (sum of z_i^2*z_j^2 - (sum of z_i*z_j)^2/T) / (T*(T-1)), z the errors by their root mean square
func shrunk(rows [][]float64, n int) *mat.SymDense {
	T := float64(len(rows))
	sigma := make([]float64, n)
	for k := range n {
		for _, row := range rows {
			sigma[k] += row[k] * row[k] / T
		}
		sigma[k] = math.Sqrt(sigma[k])
	}
	correlation := mat.NewSymDense(n, nil)
	var variances, squares float64
	for i := range n {
		for j := i + 1; j < n; j++ {
			if sigma[i] == 0 || sigma[j] == 0 {
				continue
			}
			sum, square := 0.0, 0.0
			for _, row := range rows {
				p := row[i] / sigma[i] * (row[j] / sigma[j])
				sum += p
				square += p * p
			}
			r := sum / T
			correlation.SetSym(i, j, r)
			variances += (square - sum*sum/T) / (T * (T - 1))
			squares += r * r
		}
	}
	lambda := 1.0
	if squares > 0 {
		lambda = min(1, max(0, variances/squares))
	}
	for i := range n {
		correlation.SetSym(i, i, sigma[i]*sigma[i])
		for j := i + 1; j < n; j++ {
			correlation.SetSym(i, j, (1-lambda)*correlation.At(i, j)*sigma[i]*sigma[j])
		}
	}
	return correlation
}
