package trend

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// tail returns the chance that independent normal noise of n values shows a |z| of b or more somewhere, as a step or a hinge.
// For the step it is that of the maximally selected statistic (Miller and Siegmund 1982):
//
//	4*phi(b)/b + phi(b)*(b - 1/b)*log((1-e)^2/e^2), e = the share of the shortest segment
//
// The hinge is taken to double it. It is 1 for a b of up to 1, for which the formula is not made.
func tail(b float64, n int) float64 {
	if b <= 1 {
		return 1
	}
	e := float64(leastSegment) / float64(max(n, 4*leastSegment))
	phi := distuv.UnitNormal.Prob(b)
	p := 4*phi/b + phi*(b-1/b)*2*math.Log((1-e)/e)
	return min(1, 2*p)
}

// threshold returns the b at which tail is p.
func threshold(p float64, n int) float64 {
	lo, hi := 1.0, 40.0
	for range 60 {
		if middle := (lo + hi) / 2; tail(middle, n) > p {
			lo = middle
		} else {
			hi = middle
		}
	}
	return hi
}
