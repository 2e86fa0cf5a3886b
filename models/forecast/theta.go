package forecast

import "math"

// theta is the theta method in the state space forms of Fiorucci, Pellegrini, Louzada, Petropoulos and Koehler (2016,
// equations 4 to 13) on the seasonally adjusted series x:
//
//	mu_t = l_(t-1) + (1-1/theta) * ((1-alpha)^(t-1)*A + (1-(1-alpha)^t)/alpha * B)
//	l_t  = alpha*x_t + (1-alpha)*l_(t-1)
//	forecast of t+h = l_t + (1-1/theta) * ((1-alpha)^t*A_t + (h-1 + (1-(1-alpha)^(t+1))/alpha) * B_t)
//
// where A_t and B_t are intercept and slope of the least-squares line through x_1..x_t. Its three forms differ in what is fitted:
//
//	standard theta   theta is 2, A and B are those of all that is fitted: the method of Assimakopoulos and Nikolopoulos (2000),
//	                 the mean of the line and of the smoothed 2*x_t - line_t, which is simple exponential smoothing with half the
//	                 line's slope as drift (Hyndman and Billah 2003)
//	optimised theta  the same with theta fitted
//	theta            the dynamic optimised form: theta is fitted, A and B are A_(t-1) and B_(t-1)
//
// Alpha, and theta in (1, 8), minimise the sum of (x_t - mu_t)^2. For the dynamic form, whose l_0 is x_1/2, it is taken from
// the third value on and alpha lies in (0.01, 0.99). The others have it from the first value on and alpha in (0.0001,
// 0.9999); l_0, in which their errors are linear, is the one of least squares. The season is taken out by classical
// decomposition when the fitted part passes the seasonal test: by division when it is positive throughout, else by
// subtraction.
//
// A constant series gives the constant; fewer than three values are refused by applies. From an origin only what has been seen
// enters: the line is that through it, while alpha, theta and l_0 stay as fitted.
type theta struct {
	m            int
	form         thetaForm
	best         point // of the last fit
	alpha, theta float64
	first        float64 // l_0
	index        seasonIndex
	x            []float64 // adjusted series
	a, b         []float64 // A_t and B_t at [t]
}

// thetaForm is what of the theta method is fitted, and how.
type thetaForm int

const (
	dynamicTheta thetaForm = iota
	optimisedTheta
	standardTheta
)

const thetaMin, thetaMax = 1, 8

func newTheta(form thetaForm, m int) *theta { return &theta{m: m, form: form} }

func (o *theta) name() string {
	return [...]string{dynamicTheta: "theta", optimisedTheta: "optimised theta", standardTheta: "standard theta"}[o.form]
}

func (o *theta) applies(y []float64) bool { return len(y) >= 3 }

func (o *theta) fit(y []float64) {
	o.load(y)
	var start point
	least := math.Inf(1)
	for _, alpha := range o.starts() {
		if p := o.free(alpha, 2); o.squares(p) < least {
			least, start = o.squares(p), p
		}
	}
	o.search(start, 0.8, 80)
}

func (o *theta) refit(y []float64) {
	o.load(y)
	o.search(o.best, 0.2, 24)
}

// load adjusts what is fitted.
func (o *theta) load(y []float64) {
	o.index.estimate(y, o.m)
	o.adjust(y)
	o.first = o.x[0] / 2
}

func (o *theta) search(start point, step float64, evaluations int) {
	dim := 2
	if o.form == standardTheta {
		dim = 1
	}
	o.best, _ = minimise(dim, start, step, 1e-5, evaluations, o.squares)
	o.alpha, o.theta = o.read(o.best)
	if o.form != dynamicTheta {
		_, o.first = o.fixedSquares(o.alpha, o.theta)
	}
}

// alphas returns the limits of alpha.
func (o *theta) alphas() (lo, hi float64) {
	if o.form == dynamicTheta {
		return 0.01, 0.99
	}
	return alphaMin, alphaMax
}

// starts are the alphas that the search may start from.
func (o *theta) starts() []float64 {
	if o.form == dynamicTheta {
		return []float64{0.2, 0.7}
	}
	return []float64{0.02, 0.1, 0.3, 0.6, 0.9}
}

func (o *theta) free(alpha, theta float64) point {
	lo, hi := o.alphas()
	return point{free(lo, hi, alpha), free(thetaMin, thetaMax, theta)}
}

func (o *theta) read(p point) (alpha, theta float64) {
	lo, hi := o.alphas()
	alpha, theta = between(lo, hi, p[0]), 2
	if o.form != standardTheta {
		theta = between(thetaMin, thetaMax, p[1])
	}
	return alpha, theta
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

// squares returns the sum of squared errors that the form minimises.
func (o *theta) squares(p point) float64 {
	alpha, theta := o.read(p)
	if o.form != dynamicTheta {
		sum, _ := o.fixedSquares(alpha, theta)
		return sum
	}
	weight, perAlpha := 1-1/theta, 1/alpha
	level, decay, sum := o.first, 1.0, 0.0
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

// fixedSquares returns the sum of squared errors around the line through all values, and the l_0 for which it is that small: an
// l_0 larger by d lowers the error of x_t by d*(1-alpha)^(t-1).
func (o *theta) fixedSquares(alpha, theta float64) (squares, first float64) {
	n := len(o.x)
	weight, perAlpha, a, b := 1-1/theta, 1/alpha, o.a[n], o.b[n]
	level, decay := o.x[0], 1.0
	var sum, product, norm float64
	for _, v := range o.x {
		next := decay * (1 - alpha)
		err := v - level - weight*(decay*a+(1-next)*perAlpha*b)
		sum += err * err
		product += err * decay
		norm += decay * decay
		level += alpha * (v - level)
		decay = next
	}
	return max(0, sum-product*product/norm), o.x[0] + product/norm
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
