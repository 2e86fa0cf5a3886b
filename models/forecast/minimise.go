package forecast

import "math"

// maxParameters is the largest number of parameters that minimise takes.
const maxParameters = 4

type point [maxParameters]float64

// minimise returns where f is smallest near start, by the downhill simplex of Nelder and
// Mead (1965) with the standard coefficients 1, 2, 1/2, 1/2, and the value there. It
// stops after maxEvaluations or when the simplex's values differ by less than the
// relative tolerance. A NaN counts as +Inf.
//
// It is our own because a fit is a thousand evaluations of a few microseconds: gonum's
// optimize.Minimize starts goroutines and copies locations for each, which took as long
// as the evaluations. A test holds it to gonum's minima.
func minimise(dim int, start point, step float64, tolerance float64, maxEvaluations int, f func(point) float64) (point, float64) {
	var simplex [maxParameters + 1]point
	var value [maxParameters + 1]float64
	evaluations := 0
	eval := func(p point) float64 {
		evaluations++
		v := f(p)
		if math.IsNaN(v) {
			return math.Inf(1)
		}
		return v
	}
	for i := 0; i <= dim; i++ {
		simplex[i] = start
		if i > 0 {
			simplex[i][i-1] += step
		}
		value[i] = eval(simplex[i])
	}
	for {
		sortSimplex(dim, &simplex, &value)
		if evaluations >= maxEvaluations || value[dim]-value[0] <= tolerance*(math.Abs(value[0])+math.SmallestNonzeroFloat64) {
			return simplex[0], value[0]
		}
		reflected := along(dim, &simplex, -1)
		atReflected := eval(reflected)
		switch {
		case atReflected < value[0]:
			expanded := along(dim, &simplex, -2)
			if at := eval(expanded); at < atReflected {
				simplex[dim], value[dim] = expanded, at
				continue
			}
			simplex[dim], value[dim] = reflected, atReflected
			continue
		case atReflected < value[dim-1]:
			simplex[dim], value[dim] = reflected, atReflected
			continue
		}
		towards := 0.5
		if atReflected < value[dim] {
			towards = -0.5
		}
		contracted := along(dim, &simplex, towards)
		if at := eval(contracted); at < min(value[dim], atReflected) {
			simplex[dim], value[dim] = contracted, at
			continue
		}
		for i := 1; i <= dim; i++ {
			for k := range dim {
				simplex[i][k] = (simplex[0][k] + simplex[i][k]) / 2
			}
			value[i] = eval(simplex[i])
		}
	}
}

// along returns the point at the given place on the line from the centroid of all but
// the worst point (0) to the worst point (1).
func along(dim int, simplex *[maxParameters + 1]point, place float64) point {
	var out point
	for k := range dim {
		centroid := 0.0
		for i := range dim {
			centroid += simplex[i][k]
		}
		centroid /= float64(dim)
		out[k] = centroid + place*(simplex[dim][k]-centroid)
	}
	return out
}

// sortSimplex orders the points by value, best first; equal ones keep their order.
func sortSimplex(dim int, simplex *[maxParameters + 1]point, value *[maxParameters + 1]float64) {
	for i := 1; i <= dim; i++ {
		for k := i; k > 0 && value[k] < value[k-1]; k-- {
			value[k], value[k-1] = value[k-1], value[k]
			simplex[k], simplex[k-1] = simplex[k-1], simplex[k]
		}
	}
}

// between maps a free parameter to the open interval from lo to hi by the logistic
// function, so that the search needs no bounds; free is its inverse.
func between(lo, hi, x float64) float64 { return lo + (hi-lo)/(1+math.Exp(-x)) }

func free(lo, hi, v float64) float64 {
	p := (v - lo) / (hi - lo)
	return math.Log(p / (1 - p))
}
