package forecast

import (
	"math"
	"slices"
)

// clipped fits a method to a series whose values are held near what their phase of the season has lately been, so that
// the level which is forecast from does not follow single days: the idea of robust exponential smoothing (Gelper, Fried and
// Croux 2010), with a running median in the place of the smoothed forecast, so that any method can be made robust by it:
//
//	c_t  = median of y_t, y_(t-m), ..., y_(t-8m)
//	d    = 1.4826 * median of |y_t - c_t| over what is fitted
//	y'_t = c_t - d where y_t is below that, c_t + d where it is above, else y_t
//
// Only values up to t enter y'_t, so that a forecast from an origin uses what has been seen only. Among daily series of shops, whose
// odd days are many and soon over, it errs less than the method by itself; a series that wanders or grows is told from them by
// its errors in the window. A series where d is 0 is taken as it is; one of fewer than 18 seasons or 30 values is refused by applies.
type clipped struct {
	inner  model
	season int
	reach  float64 // d
	y      []float64
	center []float64
	size   []float64
}

// clipCycles is how many values of a phase the median is taken of.
const clipCycles = 9

func (c *clipped) name() string { return "clipped " + c.inner.name() }

func (c *clipped) applies(y []float64) bool {
	return len(y) >= max(30, 2*clipCycles*c.season) && c.inner.applies(y)
}

func (c *clipped) fit(y []float64) {
	c.measure(y)
	c.inner.fit(c.clip(y))
}

func (c *clipped) refit(y []float64) {
	c.measure(y)
	c.inner.refit(c.clip(y))
}

func (c *clipped) paths(y []float64, origins []int, horizon int, out []float64) {
	c.inner.paths(c.clip(y), origins, horizon, out)
}

// first is the place of the first value that has enough before it.
func (c *clipped) first() int { return (clipCycles - 1) * c.season }

// measure sets the reach from y.
func (c *clipped) measure(y []float64) {
	c.medians(y)
	c.size = c.size[:0]
	for t := c.first(); t < len(y); t++ {
		c.size = append(c.size, math.Abs(y[t]-c.center[t]))
	}
	slices.Sort(c.size)
	c.reach = 1.4826 * c.size[len(c.size)/2]
}

// medians sets the centres from the first on.
func (c *clipped) medians(y []float64) {
	c.center = resize(c.center, len(y))
	for t := c.first(); t < len(y); t++ {
		var sorted [clipCycles]float64
		for k := range sorted {
			v, at := y[t-k*c.season], k
			for ; at > 0 && sorted[at-1] > v; at-- {
				sorted[at] = sorted[at-1]
			}
			sorted[at] = v
		}
		c.center[t] = sorted[clipCycles/2]
	}
}

// clip returns y clipped, valid until the next call.
func (c *clipped) clip(y []float64) []float64 {
	c.y = append(c.y[:0], y...)
	if c.reach == 0 {
		return c.y
	}
	c.medians(y)
	for t := c.first(); t < len(y); t++ {
		c.y[t] = max(c.center[t]-c.reach, min(y[t], c.center[t]+c.reach))
	}
	return c.y
}
