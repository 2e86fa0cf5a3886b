package forecast

import "math"

// regression is least squares by normal equations, whose Cholesky factors give at once the sums of squares that every leading part
// of the columns leaves. A ridge of a billionth of each column's square keeps columns apart that repeat each other.
type regression struct {
	columns int
	values  int
	gram    []float64 // lower triangle, by rows; its factor after factorise
	right   []float64 // products with the target; the rotated target after factorise
	square  float64   // of the target
	beta    []float64
}

// load takes columns and a target of their length, and factorises.
func (r *regression) load(columns [][]float64, target []float64) {
	p := len(columns)
	r.columns, r.values = p, len(target)
	r.gram, r.right = resize(r.gram, p*p), resize(r.right, p)
	r.square = dot(target, target)
	for i, x := range columns {
		r.right[i] = dot(x, target)
		for j := range i + 1 {
			r.gram[i*p+j] = dot(x, columns[j])
		}
		r.gram[i*p+i] += 1e-9*r.gram[i*p+i] + 1e-12
	}
	r.factorise()
}

func (r *regression) factorise() {
	p := r.columns
	for i := range p {
		row := r.gram[i*p : i*p+i+1]
		for j := range row {
			other := r.gram[j*p : j*p+j+1]
			v := row[j] - dot(row[:j], other[:j])
			if j < i {
				row[j] = v / other[j]
			} else {
				row[j] = math.Sqrt(max(v, 1e-30))
			}
		}
		r.right[i] = (r.right[i] - dot(row[:i], r.right[:i])) / row[i]
	}
}

// left returns the sum of squares that the first k columns leave.
func (r *regression) left(k int) float64 {
	return max(0, r.square-dot(r.right[:k], r.right[:k]))
}

// advised returns the number of leading columns, fixed or more by steps of group, whose AICc is least.
func (r *regression) advised(fixed, group int) int {
	n, best, kept := float64(r.values), math.Inf(1), fixed
	for k := fixed; ; k = min(k+group, r.columns) {
		parameters := float64(k + 1)
		v := n*math.Log(r.left(k)/n+1e-12) + 2*parameters + 2*parameters*(parameters+1)/max(1, n-parameters-1)
		if v < best {
			best, kept = v, k
		}
		if k == r.columns {
			return kept
		}
	}
}

// solve returns the coefficients of all columns, valid until the next call.
func (r *regression) solve() []float64 {
	p := r.columns
	r.beta = append(r.beta[:0], r.right[:p]...)
	for i := p - 1; i >= 0; i-- {
		for k := i + 1; k < p; k++ {
			r.beta[i] -= r.gram[k*p+i] * r.beta[k]
		}
		r.beta[i] /= r.gram[i*p+i]
	}
	return r.beta
}

func dot(a, b []float64) float64 {
	sum := 0.0
	b = b[:len(a)]
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}
