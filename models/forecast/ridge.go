package forecast

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// ridge holds the weighted sums of products of what the smoother leaves of the columns, and of the series, up to several places.
type ridge struct {
	cuts     []int // ascending places; sums are over the rows before each
	place    []int // of each column in the sums
	moments  []*mat.SymDense
	targets  []*mat.VecDense
	noise    float64 // variance
	weights  []float64
	scratch  []float64
	deviance []float64
}

// gather sums up the products of the active columns. Rows of weight 0 do not count.
func (r *ridge) gather(columns []column, active []int, y []float64) {
	p := len(active)
	r.place = append(r.place[:0], make([]int, len(columns))...)
	for at, k := range active {
		r.place[k] = at
	}
	r.moments, r.targets = r.moments[:0], r.targets[:0]
	moments, targets := mat.NewSymDense(p, nil), mat.NewVecDense(p, nil)
	raw, t := moments.RawSymmetric(), 0
	row := resize(r.scratch, p)
	r.scratch = row
	for _, cut := range r.cuts {
		for ; t < cut; t++ {
			w := r.weights[t]
			if w == 0 {
				continue
			}
			for i, k := range active {
				row[i] = columns[k].oneStep[t]
			}
			for i, v := range row {
				if v == 0 {
					continue
				}
				v *= w
				targets.SetVec(i, targets.AtVec(i)+v*y[t])
				line := raw.Data[i*raw.Stride : i*raw.Stride+p]
				for j := i; j < p; j++ {
					line[j] += v * row[j]
				}
			}
		}
		copied := mat.NewSymDense(p, nil)
		copied.CopySym(moments)
		r.moments, r.targets = append(r.moments, copied), append(r.targets, mat.VecDenseCopyOf(targets))
	}
}

// solve returns the coefficients of the units' columns, in the order of members, from the rows before a cut: least squares
// with the prior
//
//	b_j = m + u_j, m and u_j normal with variance noise/ridge
//
// for the columns of a unit, so that one which was seen once, or never, leans on the mean of its kind. Its precision is
// ridge*(I - 11'/(k+1)) for k columns. The evidence is the logarithm of the marginal likelihood against that of no effect
// (MacKay 1992).
func (r *ridge) solve(cut int, units []*unit) (members []int, beta []float64, evidence float64) {
	for _, u := range units {
		members = append(members, u.columns...)
	}
	p := len(members)
	a, b := mat.NewSymDense(p, nil), mat.NewVecDense(p, nil)
	for i, m := range members {
		b.SetVec(i, r.targets[cut].AtVec(r.place[m]))
		for j := i; j < p; j++ {
			a.SetSym(i, j, r.moments[cut].At(r.place[m], r.place[members[j]]))
		}
	}
	at, prior := 0, 0.0
	for _, u := range units {
		k := len(u.columns)
		share := u.ridge / float64(k+1)
		for i := range k {
			a.SetSym(at+i, at+i, a.At(at+i, at+i)+u.ridge)
			for j := i; j < k; j++ {
				a.SetSym(at+i, at+j, a.At(at+i, at+j)-share)
			}
		}
		prior += float64(k)*math.Log(u.ridge) - math.Log(float64(k+1))
		at += k
	}
	var factor mat.Cholesky
	var x mat.VecDense
	if !factor.Factorize(a) || factor.SolveVecTo(&x, b) != nil {
		return members, make([]float64, p), math.Inf(-1)
	}
	return members, x.RawVector().Data, (mat.Dot(&x, b)/r.noise - factor.LogDet() + prior) / 2
}

// judge sets the unit's ridge to the one of largest evidence in the rows before a cut, and notes that.
func (r *ridge) judge(cut int, u *unit) {
	u.evidence = math.Inf(-1)
	trial := *u
	for _, deviation := range [...]float64{0.1, 0.3, 1, 3, 10} { // of the effects, in that of the noise
		trial.ridge = 1 / (deviation * deviation)
		if _, _, evidence := r.solve(cut, []*unit{&trial}); evidence > u.evidence {
			u.ridge, u.evidence = trial.ridge, evidence
		}
	}
}

// leastSquares returns the coefficients of the first terms of a basis, with missing values left out.
func leastSquares(values []float64, basis func(place int) [5]float64, terms int) []float64 {
	a, b := mat.NewSymDense(terms, nil), mat.NewVecDense(terms, nil)
	for place, v := range values {
		if math.IsNaN(v) {
			continue
		}
		row := basis(place)
		for i := range terms {
			b.SetVec(i, b.AtVec(i)+row[i]*v)
			for j := i; j < terms; j++ {
				a.SetSym(i, j, a.At(i, j)+row[i]*row[j])
			}
		}
	}
	var factor mat.Cholesky
	var x mat.VecDense
	if !factor.Factorize(a) || factor.SolveVecTo(&x, b) != nil {
		return make([]float64, terms)
	}
	return x.RawVector().Data
}
