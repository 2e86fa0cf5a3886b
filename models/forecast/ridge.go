package forecast

import (
	"math"
	"slices"
)

// ridge holds the weighted sums of products of what the smoother leaves of the columns, and of the series, up to several places.
type ridge struct {
	cuts     []int // ascending places; sums are over the rows before each
	place    []int // of each column in the sums
	sums     regression
	moments  [][]float64 // up to each cut, as regression.gram and regression.right have them
	targets  [][]float64
	solver   regression
	noise    float64 // variance
	weights  []float64
	scratch  []float64
	deviance []float64
}

// gather sums up the products of the active columns. Rows of weight 0 do not count.
func (r *ridge) gather(columns []column, active []int, y []float64) {
	r.place = append(r.place[:0], make([]int, len(columns))...)
	for at, k := range active {
		r.place[k] = at
	}
	r.sums.begin(len(active))
	r.moments, r.targets = r.moments[:0], r.targets[:0]
	row, t := resize(r.scratch, len(active)), 0
	r.scratch = row
	for _, cut := range r.cuts {
		for ; t < cut; t++ {
			if r.weights[t] == 0 {
				continue
			}
			for i, k := range active {
				row[i] = columns[k].oneStep[t]
			}
			r.sums.add(row, y[t], r.weights[t])
		}
		r.moments, r.targets = append(r.moments, slices.Clone(r.sums.gram)), append(r.targets, slices.Clone(r.sums.right))
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
	p, all := len(members), r.sums.columns
	r.solver.begin(p)
	for i, m := range members {
		r.solver.right[i] = r.targets[cut][r.place[m]]
		for j, other := range members[:i+1] {
			a, b := r.place[m], r.place[other]
			r.solver.gram[i*p+j] = r.moments[cut][max(a, b)*all+min(a, b)]
		}
	}
	at, prior := 0, 0.0
	for _, u := range units {
		k := len(u.columns)
		share := u.ridge / float64(k+1)
		for i := range k {
			line := r.solver.gram[(at+i)*p+at:]
			line[i] += u.ridge
			for j := range i + 1 {
				line[j] -= share
			}
		}
		prior += float64(k)*math.Log(u.ridge) - math.Log(float64(k+1))
		at += k
	}
	r.solver.factorise()
	evidence = (r.solver.explained(p)/r.noise - r.solver.logDeterminant() + prior) / 2
	return members, slices.Clone(r.solver.solve(p)), evidence
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
