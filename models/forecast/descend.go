package forecast

import "math"

// slopes are a sum of squares and what its errors' derivatives by the parameters say of it: with J their matrix and e the
// errors, gradient = J'e and curve = J'J, of which the lower triangle is set.
type slopes struct {
	squares  float64
	gradient point
	curve    [maxParameters]point
}

// belief is what is thought of free parameters before any error is seen: normal around a centre. It keeps
// the parameters of short series from extremes that a few errors suggest.
type belief struct {
	centre    point
	deviation float64
}

// cost returns sum_k ((p_k-centre_k)/deviation)^2.
func (b belief) cost(dim int, p point) float64 {
	sum := 0.0
	for k := range dim {
		d := (p[k] - b.centre[k]) / b.deviation
		sum += d * d
	}
	return sum
}

const (
	firstDamping = 1e-3
	mostDamping  = 1e8
	longestStep  = 2
	// flatFrom is where the logistic function that parameters come from is flat.
	flatFrom = 10
)

// descend returns where the posterior of parameters is highest near start: it minimises
//
//	F(p) = n*log(e'e) + sum_k ((p_k-centre_k)/deviation)^2
//
// for n errors e with normal noise of unknown size, by the method of Levenberg (1944) and Marquardt (1963), whose steps solve
//
//	(H + damping*diag(H)) * step = -g,  H = n*J'J/e'e + I/deviation^2,  g = n*J'e/e'e + (p-centre)/deviation^2
//
// with the damping a tenth after a step that lowers F and ten times as large after one that does not. It stops after the
// given number of steps, or when one promises to lower F by less than the tolerance, or does. It takes a tenth of
// the evaluations of a search without derivatives. A start whose errors are all zero, or not finite, is returned as it is.
func descend(dim int, start point, prior belief, n int, tolerance float64, steps int, f func(point, *slopes)) point {
	var here, there slopes
	best, damping, weight := start, firstDamping, 1/(prior.deviation*prior.deviation)
	f(best, &here)
	if !(here.squares > 0) || math.IsInf(here.squares, 0) {
		return best
	}
	cost := func(p point, squares float64) float64 {
		return float64(n)*math.Log(squares) + prior.cost(dim, p)
	}
	lowest := cost(best, here.squares)
	for range steps {
		step, promised := here.posterior(dim, best, prior.centre, weight, n).step(dim, damping)
		if !(promised > tolerance) {
			return best
		}
		next := best
		for k := range dim {
			next[k] = max(-flatFrom, min(best[k]+max(-longestStep, min(step[k], longestStep)), flatFrom))
		}
		f(next, &there)
		fall := lowest - cost(next, there.squares)
		if !(fall > 0) {
			if damping *= 10; damping > mostDamping {
				return best
			}
			continue
		}
		best, here, lowest, damping = next, there, lowest-fall, damping/10
		if fall <= tolerance {
			return best
		}
	}
	return best
}

// posterior returns half the gradient and half the curve of F.
func (s *slopes) posterior(dim int, p, centre point, weight float64, n int) *slopes {
	var out slopes
	scale := float64(n) / s.squares
	for i := range dim {
		out.gradient[i] = s.gradient[i]*scale + weight*(p[i]-centre[i])
		for j := range i + 1 {
			out.curve[i][j] = s.curve[i][j] * scale
		}
		out.curve[i][i] += weight
	}
	return &out
}

// step solves for the step, and says by how much it lowers F if that is as curved as it seems.
func (s *slopes) step(dim int, damping float64) (step point, promised float64) {
	var gram [maxParameters * maxParameters]float64
	for i := range dim {
		step[i] = -s.gradient[i]
		copy(gram[i*dim:], s.curve[i][:i+1])
		gram[i*dim+i] *= 1 + damping
	}
	factorise(gram[:dim*dim], step[:dim])
	for _, v := range step[:dim] {
		promised += v * v
	}
	substitute(gram[:], step[:dim], dim)
	return step, promised
}

// betweenSlope is the derivative of between.
func betweenSlope(lo, hi, x float64) float64 {
	p := between(0, 1, x)
	return (hi - lo) * p * (1 - p)
}
