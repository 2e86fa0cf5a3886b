package trend

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// fitted is a least-squares fit of a line and changes.
type fitted struct {
	level, slope float64
	size, z      []float64
	squares      float64
}

// column is the value at t of the column of a change.
func (c change) column(t int) float64 {
	switch {
	case t < c.at:
		return 0
	case c.kind == LevelShift:
		return 1
	}
	return float64(t - c.at)
}

// products are the sums that a fit needs of the values x_0 .. x_(n-1), each made once for a series: with them, a fit of p columns
// costs p^2 sums and none over the values.
type products struct {
	steps, hinges []float64 // for each place k: the sum of x_t, and of (t-k)*x_t, over t from k on
	squares       float64   // the sum of x_t^2
}

func (p *products) load(x []float64) {
	n := len(x)
	steps, hinges := resize(&p.steps, n+1), resize(&p.hinges, n+1)
	steps[n], hinges[n], p.squares = 0, 0, 0
	for k := n - 1; k >= 0; k-- {
		steps[k], hinges[k] = steps[k+1]+x[k], hinges[k+1]+steps[k+1]
		p.squares += x[k] * x[k]
	}
}

// with returns the product of the series with the column of a change.
func (p *products) with(c change) float64 {
	if c.kind == LevelShift {
		return p.steps[c.at]
	}
	return p.hinges[c.at]
}

// product returns the sum over n values of the product of two columns: with q = n-b for the later one at b, d the distance of the
// two, s1 = q(q-1)/2 the sum of 0 .. q-1 and s2 = (q-1)q(2q-1)/6 that of their squares, it is q of two steps, s1 of a step before a
// hinge, s1+d*q of a hinge before a step and s2+d*s1 of two hinges.
func product(a, b change, n int) float64 {
	if a.at > b.at {
		a, b = b, a
	}
	q, d := float64(n-b.at), float64(b.at-a.at)
	s1 := q * (q - 1) / 2
	switch {
	case a.kind == LevelShift && b.kind == LevelShift:
		return q
	case a.kind == LevelShift:
		return s1
	case b.kind == LevelShift:
		return s1 + d*q
	}
	return (q-1)*q*(2*q-1)/6 + d*s1
}

// exact is the share of the sum of squares below which what a fit leaves is summed up value by value: the difference of two large
// sums says nothing of it.
const exact = 1e-6

// fit fits a level, a slope and the columns of changes. A level is a step at 0, a slope a hinge there; hinges count in lengths of the
// series, so that all columns are of one size.
func (f *finder) fit(found []change) fitted {
	n, p := len(f.x), len(found)+2
	f.columns = append(f.columns[:0], change{kind: LevelShift}, change{kind: SlopeChange})
	f.columns = append(f.columns, found...)
	scale := func(c change) float64 {
		if c.kind == SlopeChange {
			return 1 / float64(n)
		}
		return 1
	}
	moments, target := mat.NewSymDense(p, nil), mat.NewVecDense(p, nil)
	for i, a := range f.columns {
		target.SetVec(i, scale(a)*f.products.with(a))
		for j := i; j < p; j++ {
			moments.SetSym(i, j, scale(a)*scale(f.columns[j])*product(a, f.columns[j], n))
		}
	}
	out := fitted{size: make([]float64, len(found)), z: make([]float64, len(found))}
	var inverse mat.SymDense
	var beta mat.VecDense
	var factor mat.Cholesky
	if !factor.Factorize(moments) || factor.SolveVecTo(&beta, target) != nil || factor.InverseTo(&inverse) != nil {
		// Columns that repeat each other: no strength, so that one is taken away.
		out.squares = math.Inf(1)
		return out
	}
	if out.squares = f.products.squares - mat.Dot(&beta, target); !(out.squares > exact*f.products.squares) {
		out.squares = f.left(&beta, scale)
	}
	out.level, out.slope = beta.AtVec(0), beta.AtVec(1)/float64(n)
	for k, c := range found {
		out.size[k] = beta.AtVec(k + 2)
		out.z[k] = out.size[k] / (f.sigma * math.Sqrt(inverse.At(k+2, k+2)))
		if c.kind == SlopeChange {
			out.size[k] /= float64(n)
		}
	}
	return out
}

// left returns the sum of squares that the columns leave, value by value.
func (f *finder) left(beta *mat.VecDense, scale func(change) float64) float64 {
	sum := 0.0
	for t, v := range f.x {
		for k, c := range f.columns {
			v -= beta.AtVec(k) * scale(c) * c.column(t)
		}
		sum += v * v
	}
	return sum
}
