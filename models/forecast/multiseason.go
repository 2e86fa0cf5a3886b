package forecast

import "math"

// multiseason is exponential smoothing with two additive seasons and a first-order autoregressive error (Taylor 2003;
// in state space form Gould, Koehler, Ord, Snyder, Vahid-Araghi and Hyndman 2008):
//
//	u_t  = y_t - l_(t-1) - s1_(t-m1) - s2_(t-m2)
//	e_t  = u_t - rho*u_(t-1)
//	l_t  = l_(t-1) + alpha*e_t
//	si_t = si_(t-mi) + gamma_i*e_t
//	forecast of t+h = l_t + s1_(t+h-m1*ceil(h/m1)) + s2_(t+h-m2*ceil(h/m2)) + rho^h*u_t
//
// The parameters, 0 < alpha < 1, -0.5 < rho < 0.95 and 0 < gamma_i < 0.7, minimise the sum of e_t^2. First seasons
// are those that mstl finds, the first level is the mean of the first long season without them.
//
// A constant series gives the constant; one shorter than two long seasons is refused by applies.
type multiseason struct {
	start      *mstl
	best       point   // of the last fit
	level      float64 // before the first value
	alpha, rho float64
	gamma      [2]float64
	state      [2][]float64
}

const (
	rhoMin, rhoMax = -0.5, 0.95
	gammaMax       = 0.7
)

func newMultiseason(short, long int) *multiseason {
	return &multiseason{start: newMSTL([]int{short, long}, nil), state: [2][]float64{make([]float64, short), make([]float64, long)}}
}

func (d *multiseason) name() string { return "multiseason(" + lengths(d.start.seasons) + ")" }

func (d *multiseason) applies(y []float64) bool { return len(y) >= 2*d.start.longest()+2 }

func (d *multiseason) fit(y []float64) {
	d.start.estimate(y)
	d.level = mean(d.start.adjusted(y)[:d.start.longest()])
	var guess point
	lowest := math.Inf(1)
	squares := func(p point) float64 { d.read(p); return d.squares(y) }
	for _, alpha := range [...]float64{0.01, 0.1} {
		for _, rho := range [...]float64{0.1, 0.8} {
			p := point{free(alphaMin, alphaMax, alpha), free(rhoMin, rhoMax, rho), free(0, gammaMax, 0.1), free(0, gammaMax, 0.1)}
			if s := squares(p); s < lowest {
				lowest, guess = s, p
			}
		}
	}
	d.best, _ = minimise(4, guess, 0.8, 1e-5, 180, squares)
	d.read(d.best)
}

func (d *multiseason) refit(y []float64) {
	d.start.estimate(y)
	d.level = mean(d.start.adjusted(y)[:d.start.longest()])
	d.best, _ = minimise(4, d.best, 0.2, 1e-5, 48, func(p point) float64 { d.read(p); return d.squares(y) })
	d.read(d.best)
}

func (d *multiseason) read(p point) {
	d.alpha, d.rho = between(alphaMin, alphaMax, p[0]), between(rhoMin, rhoMax, p[1])
	d.gamma = [2]float64{between(0, gammaMax, p[2]), between(0, gammaMax, p[3])}
}

// run lets the states follow y from its beginning and calls at, before each value, with the level and the last error u.
func (d *multiseason) run(y []float64, at func(t int, level, u float64)) (squares float64) {
	short, long := d.state[0], d.state[1]
	copy(short, d.start.index[0])
	copy(long, d.start.index[1])
	level, before, i, j := d.level, 0.0, 0, 0
	for t, v := range y {
		if at != nil {
			at(t, level, before)
		}
		u := v - level - short[i] - long[j]
		e := u - d.rho*before
		level += d.alpha * e
		short[i] += d.gamma[0] * e
		long[j] += d.gamma[1] * e
		before = u
		squares += e * e
		if i++; i == len(short) {
			i = 0
		}
		if j++; j == len(long) {
			j = 0
		}
	}
	if at != nil {
		at(len(y), level, before)
	}
	return squares
}

func (d *multiseason) squares(y []float64) float64 { return d.run(y, nil) }

func (d *multiseason) paths(y []float64, origins []int, horizon int, out []float64) {
	k := 0
	d.run(y[:origins[len(origins)-1]], func(t int, level, u float64) {
		if k == len(origins) || t != origins[k] {
			return
		}
		row := out[k*horizon : (k+1)*horizon]
		for h := range row {
			u *= d.rho
			row[h] = level + u + d.state[0][(t+h)%len(d.state[0])] + d.state[1][(t+h)%len(d.state[1])]
		}
		k++
	})
}
