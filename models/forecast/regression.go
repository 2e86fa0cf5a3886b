package forecast

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// regression is least squares by normal equations, all of it that the package does: with the columns x_i and the target y it
// solves
//
//	sum_j x_i'x_j * b_j = x_i'y
//
// by Cholesky's factors (Golub and Van Loan 2013, sections 4.2 and 5.3), which give at once the sums of squares that every
// leading part of the columns leaves. What is known of the coefficients beforehand is added to the sums. A column that
// others make up but for rounding gets the coefficient 0.
type regression struct {
	columns int
	values  int
	gram    []float64 // lower triangle of x_i'x_j, by rows; its factor after factorise
	right   []float64 // x_i'y; the rotated target after factorise
	square  float64   // of the target
	beta    []float64
}

// begin clears the sums of p columns.
func (r *regression) begin(p int) {
	r.columns, r.values, r.square = p, 0, 0
	r.gram, r.right = resize(r.gram, p*p), resize(r.right, p)
	clear(r.gram)
	clear(r.right)
}

// add adds one value of every column, and of the target, to the sums with a weight.
func (r *regression) add(row []float64, target, weight float64) {
	r.values++
	r.square += weight * target * target
	for i, v := range row {
		if v == 0 {
			continue
		}
		v *= weight
		r.right[i] += v * target
		line := r.gram[i*r.columns : i*r.columns+i+1]
		for j := range line {
			line[j] += v * row[j]
		}
	}
}

// load takes whole columns and a target of their length, and factorises. A ridge of a billionth of each column's square keeps
// columns apart that nearly repeat each other.
func (r *regression) load(columns [][]float64, target []float64) {
	p := len(columns)
	r.begin(p)
	r.values, r.square = len(target), floats.Dot(target, target)
	for i, x := range columns {
		r.right[i] = floats.Dot(x, target)
		for j := range i + 1 {
			r.gram[i*p+j] = floats.Dot(x, columns[j])
		}
		r.raise(i, 1e-9)
	}
	r.factorise()
}

// raise adds a ridge to column i: a share of its square.
func (r *regression) raise(i int, share float64) {
	at := i*r.columns + i
	r.gram[at] += share*r.gram[at] + 1e-12
}

func (r *regression) factorise() { factorise(r.gram[:r.columns*r.columns], r.right) }

// left returns the sum of squares that the first k columns leave.
func (r *regression) left(k int) float64 {
	return max(0, r.square-r.explained(k))
}

// explained returns b'x'y of the first k columns.
func (r *regression) explained(k int) float64 { return floats.Dot(r.right[:k], r.right[:k]) }

// logDeterminant returns the logarithm of the determinant of the sums of products.
func (r *regression) logDeterminant() (sum float64) {
	for i := range r.columns {
		sum += 2 * math.Log(r.gram[i*r.columns+i])
	}
	return sum
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

// solve returns the coefficients of the first k columns alone, valid until the next call.
func (r *regression) solve(k int) []float64 {
	r.beta = append(r.beta[:0], r.right[:k]...)
	substitute(r.gram, r.beta, r.columns)
	return r.beta
}

// factorise replaces the lower triangle of a symmetric matrix, by rows as long as right, by its factor L, and right by what
// solves L*x = right. Where a pivot is not positive it becomes infinite, which makes all that is multiplied by it zero.
func factorise(gram, right []float64) {
	p := len(right)
	for i := range p {
		row := gram[i*p : i*p+i+1]
		for j := range row {
			other := gram[j*p : j*p+j+1]
			v := row[j]
			for k, w := range row[:j] {
				v -= w * other[k]
			}
			switch {
			case j < i:
				row[j] = v / other[j]
			case v > 0:
				row[j] = math.Sqrt(v)
			default:
				row[j] = math.Inf(1)
			}
		}
		v := right[i]
		for k, w := range row[:i] {
			v -= w * right[k]
		}
		right[i] = v / row[i]
	}
}

// substitute replaces x by what solves L'*b = x with the leading part of a factor whose rows are p long.
func substitute(factor, x []float64, p int) {
	for i := len(x) - 1; i >= 0; i-- {
		for k := i + 1; k < len(x); k++ {
			x[i] -= factor[k*p+i] * x[k]
		}
		x[i] /= factor[i*p+i]
	}
}
