package forecast

import (
	"math"
	"strconv"
	"strings"
)

// mstl takes one or several seasons out of a series, forecasts the rest by an inner method that knows no season,
// and puts the seasons back. It is the idea of MSTL (Bandara, Hyndman and Bergmeir 2021) with moving averages in
// the place of loess:
//
//	y_t = trend_t + s1_(t mod m1) + s2_(t mod m2) + rest_t
//
// In three rounds the trend is the centred moving average over the longest season of what the seasons leave, and each
// season the mean by phase of what trend and other seasons leave, a cycle counting fadePerCycle times as
// much as the next younger one. A season is shrunk towards zero by the share of its variance that noise alone would show
// (James and Stein 1961, for seasons Miller and Williams 2003), and one longer than 40 is first smoothed over
// neighbouring phases, as widely as Stein's estimate of risk (1981) advises.
//
// A series shorter than two of the longest season is refused by applies; a constant one gives the constant.
type mstl struct {
	seasons []int // lengths, ascending
	inner   model
	index   [][]float64 // by season and phase
	rest    []float64
	trend   []float64
	work    []float64
}

const (
	fadePerCycle = 0.85
	smoothBeyond = 40 // values in a season, from which on neighbours resemble each other
	rounds       = 3
)

func newMSTL(seasons []int, inner model) *mstl {
	d := &mstl{seasons: seasons, inner: inner}
	for _, m := range seasons {
		d.index = append(d.index, make([]float64, m))
	}
	return d
}

func (d *mstl) name() string { return "mstl(" + lengths(d.seasons) + ")/" + d.inner.name() }

// lengths writes season lengths as names hold them.
func lengths(seasons []int) string {
	texts := make([]string, len(seasons))
	for k, m := range seasons {
		texts[k] = strconv.Itoa(m)
	}
	return strings.Join(texts, ",")
}

func (d *mstl) longest() int { return d.seasons[len(d.seasons)-1] }

func (d *mstl) applies(y []float64) bool { return len(y) >= 2*d.longest()+2 && d.inner.applies(y) }

func (d *mstl) fit(y []float64) {
	d.estimate(y)
	d.inner.fit(d.adjusted(y))
}

func (d *mstl) refit(y []float64) {
	d.estimate(y)
	d.inner.refit(d.adjusted(y))
}

func (d *mstl) paths(y []float64, origins []int, horizon int, out []float64) {
	d.inner.paths(d.adjusted(y), origins, horizon, out)
	for k, origin := range origins {
		row := out[k*horizon : (k+1)*horizon]
		for j, m := range d.seasons {
			for h := range row {
				row[h] += d.index[j][(origin+h)%m]
			}
		}
	}
}

// adjusted returns y without its seasons, valid until the next call.
func (d *mstl) adjusted(y []float64) []float64 {
	d.rest = append(d.rest[:0], y...)
	for k := range d.seasons {
		d.without(k)
	}
	return d.rest
}

// without takes season k out of rest.
func (d *mstl) without(k int) {
	index, phase := d.index[k], 0
	for t := range d.rest {
		d.rest[t] -= index[phase]
		if phase++; phase == len(index) {
			phase = 0
		}
	}
}

func (d *mstl) estimate(y []float64) {
	for _, index := range d.index {
		clear(index)
	}
	d.trend = resize(d.trend, len(y))
	for range rounds {
		smoothTrend(d.adjusted(y), d.longest(), d.trend)
		for k := range d.seasons {
			d.rest = append(d.rest[:0], y...)
			for t := range d.rest {
				d.rest[t] -= d.trend[t]
			}
			for j := range d.seasons {
				if j != k {
					d.without(j)
				}
			}
			d.season(d.index[k])
		}
	}
}

// smoothTrend sets out to the centred moving average of x over width values, held constant where that is not
// defined; to the mean of a series that is shorter.
func smoothTrend(x []float64, width int, out []float64) {
	n, half := len(x), width/2
	if n < 2*half+1 {
		fillRow(out, mean(x))
		return
	}
	out[half] = movingAverage(x, half, width)
	for t := half + 1; t < n-half; t++ {
		step := x[t+half] - x[t-half-1]
		if width%2 == 0 {
			step = (step + x[t+half-1] - x[t-half]) / 2
		}
		out[t] = out[t-1] + step/float64(width)
	}
	fillRow(out[:half], out[half])
	fillRow(out[n-half:], out[n-half-1])
}

// season sets index to the season in rest.
func (d *mstl) season(index []float64) {
	m, n := len(index), len(d.rest)
	d.work = resize(d.work, 3*m)
	clear(d.work)
	sum, weight, square := d.work[:m], d.work[m:2*m], d.work[2*m:]
	w, left := 1.0, m
	for t := n - 1; t >= 0; t-- {
		v, phase := d.rest[t], t%m
		sum[phase] += w * v
		weight[phase] += w
		square[phase] += w * v * v
		if left--; left == 0 {
			left, w = m, w*fadePerCycle
		}
	}
	noise := 0.0
	for k := range index {
		index[k] = sum[k] / weight[k]
		noise += square[k]/weight[k] - index[k]*index[k]
	}
	// The variance of a phase's mean, from that inside the phases and the number of cycles.
	noise /= float64(m) * max(1, float64(n)/float64(m)-1)
	average := mean(index)
	for k := range index {
		index[k] -= average
	}
	if m > smoothBeyond {
		noise *= d.smooth(index, noise)
	}
	shrink(index, noise)
}

// shrink multiplies index by the share of its variance that is not noise.
func shrink(index []float64, noise float64) {
	energy := 0.0
	for _, v := range index {
		energy += v * v
	}
	energy /= float64(len(index))
	factor := 0.0
	if energy > noise {
		factor = 1 - noise/energy
	}
	for k := range index {
		index[k] *= factor
	}
}

// smooth averages index over neighbours with triangular weights, of the width whose estimated risk is least:
// mean square change + 2*noise*(weight of the phase itself). It returns by what smoothing multiplies the noise.
func (d *mstl) smooth(index []float64, noise float64) float64 {
	m := len(index)
	raw := append(d.work[:0], index...)
	smoothed := d.work[m : 2*m]
	best, kept := math.Inf(1), 1.0
	for _, half := range [...]int{0, 1, 2, 4, 7} {
		norm, squares := 0.0, 0.0
		for j := -half; j <= half; j++ {
			w := float64(half + 1 - max(j, -j))
			norm += w
			squares += w * w
		}
		risk := 2 * noise * float64(half+1) / norm
		for k := range smoothed {
			v := 0.0
			for j := -half; j <= half; j++ {
				v += float64(half+1-max(j, -j)) / norm * raw[(k+j+m)%m]
			}
			smoothed[k] = v
			risk += (v - raw[k]) * (v - raw[k]) / float64(m)
		}
		if risk < best {
			best, kept = risk, squares/(norm*norm)
			copy(index, smoothed)
		}
	}
	return kept
}
