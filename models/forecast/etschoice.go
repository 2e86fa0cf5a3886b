package forecast

import "math"

// chosenETS is exponential smoothing in the form, of all admissible ones, whose AICc is least (Hyndman, Koehler, Snyder and Grose
// 2002; corrected for short series as by Hurvich and Tsai 1989):
//
//	trend   none, additive, damped
//	season  none, additive, and, of a positive series, multiplicative with relative errors
//
//	AICc = -2*log(likelihood) + 2*k + 2*k*(k+1)/(n-k-1)
//
// for n values and k parameters: those of ets, its first states and the variance. The likelihood is that of values, so that forms
// with relative errors compare with the others.
//
// A form with as many parameters as values, or one that its method refuses, is not looked at; where that leaves none, for
// three or four values, it is the level alone. A refit keeps the form. A constant series gives the constant; fewer than three
// values are refused by applies.
type chosenETS struct {
	forms []etsForm
	kept  etsForm // of the last fit
}

// etsForm is one form.
type etsForm interface {
	model
	// deviance returns -2*log(likelihood) of y by the last fit, but for a term that depends on the number of values alone.
	deviance(y []float64) float64
	// freedom is the number of parameters, first states and the variance included.
	freedom() int
}

func newChosenETS(m int) *chosenETS {
	c := &chosenETS{}
	for _, t := range [...]trend{flat, damped, straight} {
		c.forms = append(c.forms, newETS(t, 1))
		if m > 1 {
			c.forms = append(c.forms, newETS(t, m), newMultipliedETS(t, m))
		}
	}
	return c
}

func (c *chosenETS) name() string { return "ets" }

func (c *chosenETS) applies(y []float64) bool { return c.forms[0].applies(y) }

func (c *chosenETS) fit(y []float64) {
	c.kept = nil
	least, n := math.Inf(1), float64(len(y))
	for _, form := range c.forms {
		k := float64(form.freedom())
		if c.kept != nil && (n <= k+1 || !form.applies(y)) {
			continue
		}
		form.fit(y)
		if v := form.deviance(y) + 2*k + 2*k*(k+1)/(n-k-1); c.kept == nil || v < least {
			least, c.kept = v, form
		}
	}
}

func (c *chosenETS) refit(y []float64) { c.kept.refit(y) }

func (c *chosenETS) paths(y []float64, origins []int, horizon int, out []float64) {
	c.kept.paths(y, origins, horizon, out)
}

// leastVariance keeps the logarithm of the variance of a perfect fit finite.
const leastVariance = 1e-12

func (e *ets) deviance(y []float64) float64 {
	n := float64(len(y))
	return n * math.Log(e.squares(y)/n+leastVariance)
}

func (e *ets) freedom() int {
	count := e.parameters() + e.m + 1 // a level, a season that sums to zero, and the variance
	if e.trend == damped {
		count++ // the slope; the straight trend's phi is fixed
	}
	return count
}
