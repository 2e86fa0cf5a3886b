package forecast

import "math"

// theta is the dynamic optimised theta method (Fiorucci, Pellegrini, Louzada,
// Petropoulos and Koehler 2016, equations 8 to 13; theta = 2 is the method of
// Assimakopoulos and Nikolopoulos 2000) on the seasonally adjusted series x:
//
//	mu_t = l_(t-1) + (1-1/theta) * ((1-alpha)^(t-1)*A_(t-1) + (1-(1-alpha)^t)/alpha * B_(t-1))
//	l_t  = alpha*x_t + (1-alpha)*l_(t-1)
//	forecast of t+h = l_t + (1-1/theta) * ((1-alpha)^t*A_t + (h-1 + (1-(1-alpha)^(t+1))/alpha) * B_t)
//
// where A_t and B_t are intercept and slope of the least-squares line through x_1..x_t.
// Alpha in (0.01, 0.99) and theta in (1, 8) minimise the sum of (x_t - mu_t)^2 from the third
// value on. The season is taken out by classical decomposition when the fitted part
// passes the seasonal test: by division when it is positive throughout, else by
// subtraction.
//
// A constant series gives the constant; fewer than three values are refused by applies.
type theta struct {
	m            int
	best         point // of the last fit
	alpha, theta float64
	first        float64 // l_0
	index        seasonIndex
	x            []float64 // adjusted series
	a, b         []float64 // A_t and B_t at [t]
}

func newTheta(m int) *theta { return &theta{m: m} }

func (o *theta) name() string { return "theta" }

func (o *theta) applies(y []float64) bool { return len(y) >= 3 }

func (o *theta) fit(y []float64) {
	o.index.estimate(y, o.m)
	o.adjust(y)
	o.first = o.x[0] / 2
	start := point{free(0.01, 0.99, 0.2), free(1, 8, 2)}
	if lively := (point{free(0.01, 0.99, 0.7), free(1, 8, 2)}); o.squares(lively) < o.squares(start) {
		start = lively
	}
	o.search(start, 0.8, 80)
}

func (o *theta) refit(y []float64) {
	o.index.estimate(y, o.m)
	o.adjust(y)
	o.first = o.x[0] / 2
	o.search(o.best, 0.2, 24)
}

func (o *theta) search(start point, step float64, evaluations int) {
	o.best, _ = minimise(2, start, step, 1e-5, evaluations, o.squares)
	o.alpha, o.theta = between(0.01, 0.99, o.best[0]), between(1, 8, o.best[1])
}

// adjust takes the season out of y and runs the regression lines over the result.
func (o *theta) adjust(y []float64) {
	o.x = o.index.remove(o.x[:0], y)
	o.a, o.b = append(o.a[:0], 0), append(o.b[:0], 0)
	average, slope := 0.0, 0.0
	for i, v := range o.x {
		t := float64(i + 1)
		before := average
		average += (v - average) / t
		if i > 0 {
			slope = ((t-2)*slope + 6*(v-before)/t) / (t + 1)
		}
		o.a, o.b = append(o.a, average-(t+1)/2*slope), append(o.b, slope)
	}
}

func (o *theta) squares(p point) float64 {
	alpha, weight := between(0.01, 0.99, p[0]), 1-1/between(1, 8, p[1])
	level, decay, sum := o.first, 1.0, 0.0
	perAlpha := 1 / alpha
	for i, v := range o.x {
		next := decay * (1 - alpha)
		err := v - level - weight*(decay*o.a[i]+(1-next)*perAlpha*o.b[i])
		if i >= 2 {
			sum += err * err
		}
		level += alpha * (v - level)
		decay = next
	}
	return sum
}

func (o *theta) paths(y []float64, origins []int, horizon int, out []float64) {
	o.adjust(y)
	weight := 1 - 1/o.theta
	level, t := o.first, 0
	for k, origin := range origins {
		for ; t < origin; t++ {
			level += o.alpha * (o.x[t] - level)
		}
		decay := math.Pow(1-o.alpha, float64(origin))
		base := level + weight*(decay*o.a[origin]+(1-decay*(1-o.alpha))/o.alpha*o.b[origin])
		row := out[k*horizon : (k+1)*horizon]
		for h := range row {
			row[h] = base + weight*float64(h)*o.b[origin]
		}
		o.index.restore(row, origin)
	}
}
