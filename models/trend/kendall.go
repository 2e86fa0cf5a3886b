package trend

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

const (
	// leastValues is how many observed values a statement needs, and leastStretch how many values a stretch cut at a bend.
	leastValues  = 10
	leastStretch = 28
)

// kendall tests a stretch for a trend and measures it.
//
// Slope is Sen's (1968): the median of (v_j-v_i)/(t_j-t_i) over all pairs. The test is that of Mann (1945) and Kendall (1975),
//
//	S = sum of sign(v_j - v_i) over i < j
//	Var(S) = (n(n-1)(2n+5) - sum over ties of t(t-1)(2t+5)) / 18
//	z = (S -+ 1) / sqrt(Var(S)*c)
//
// with the correction of Hamed and Rao (1998) for autocorrelation,
//
//	c = 1 + 2/(n(n-1)(n-2)) * sum of (n-i)(n-i-1)(n-i-2)*r_i
//
// over the lags i at which the autocorrelation r_i of the ranks of v without Sen's slope is significant, |r_i| >
// 1.96/sqrt(n); lags are those of observed values. It is at least a half, and at least what noise of first order makes of it (see
// firstOrder). The interval of the slope has the same variance (Gilbert 1987, section
// 16.4). Values that are all equal have slope 0 and p-value 1.
type kendall struct {
	t, v   []float64 // of observed values
	slopes []float64
	ranks  []float64
	order  []int
	first  float64 // significant autocorrelation of the ranks at lag 1
	memory float64 // that of the longer history
}

// trend is what a test found.
type trend struct{ slope, low, high, p, tau float64 }

// load takes the observed values from a place on, level shifts behind it taken out.
func (k *kendall) load(a *adjusted, from int, changes []change) {
	k.t, k.v, k.memory = k.t[:0], k.v[:0], a.memory()
	for t := from; t < len(a.x); t++ {
		if !a.observed[t] {
			continue
		}
		v := a.x[t]
		for _, c := range changes {
			if c.kind == LevelShift && c.at > t {
				v += c.size
			}
		}
		k.t, k.v = append(k.t, float64(t)), append(k.v, v)
	}
}

// level returns the median; NaN of no values.
func (k *kendall) level() float64 {
	k.slopes = append(k.slopes[:0], k.v...)
	return median(k.slopes)
}

func (k *kendall) test() trend {
	n := len(k.v)
	k.slopes = k.slopes[:0]
	s := 0.0
	for j := range n {
		for i := range j {
			d := k.v[j] - k.v[i]
			k.slopes = append(k.slopes, d/(k.t[j]-k.t[i]))
			switch {
			case d > 0:
				s++
			case d < 0:
				s--
			}
		}
	}
	pairs := len(k.slopes)
	out := trend{slope: median(k.slopes), p: 1, tau: s / float64(pairs)}
	ties := k.rank(0)
	N := float64(n)
	variance := (N*(N-1)*(2*N+5) - ties) / 18
	if variance <= 0 {
		out.low, out.high = out.slope, out.slope
		return out
	}
	k.rank(out.slope)
	variance *= max(leastCorrection, k.hamedRao(), k.firstOrder())
	deviation := math.Sqrt(variance)
	z := max(0, math.Abs(s)-1) / deviation
	out.p = 2 * distuv.UnitNormal.Survival(z)
	reach := distuv.UnitNormal.Quantile(0.975) * deviation
	place := func(at float64) float64 { return nth(k.slopes, max(0, min(pairs-1, int(math.Round(at))))) }
	out.low, out.high = place((float64(pairs)-reach)/2-1), place((float64(pairs)+reach)/2)
	return out
}

// sameRest is how far apart two values without a slope may lie and still be equal: Sen's slope makes those of a pair equal, and
// rounding must not say which one is larger. Values are scaled to at most one.
const sameRest = 1e-12

// rank sets ranks to those of v without a slope, equal ones sharing their mean, and returns the sum over ties of t(t-1)(2t+5).
func (k *kendall) rank(slope float64) (ties float64) {
	n, apart := len(k.v), 0.0
	if slope != 0 {
		apart = sameRest
	}
	k.order, k.ranks = k.order[:0], resize(&k.ranks, n)
	rest := make([]float64, n)
	for i := range n {
		k.order = append(k.order, i)
		rest[i] = k.v[i] - slope*k.t[i]
	}
	slices.SortFunc(k.order, func(a, b int) int {
		switch {
		case rest[a] < rest[b]:
			return -1
		case rest[a] > rest[b]:
			return 1
		}
		return a - b
	})
	for lo := 0; lo < n; {
		hi := lo + 1
		for hi < n && rest[k.order[hi]]-rest[k.order[hi-1]] <= apart {
			hi++
		}
		for _, i := range k.order[lo:hi] {
			k.ranks[i] = float64(lo+hi-1) / 2
		}
		t := float64(hi - lo)
		ties += t * (t - 1) * (2*t + 5)
		lo = hi
	}
	return ties
}

// hamedRao returns by what the significant autocorrelations of the ranks multiply the variance of S, and sets first to the
// one at lag 1, 0 when that is not significant.
func (k *kendall) hamedRao() float64 {
	n := len(k.ranks)
	N := float64(n)
	k.first = 0
	average, variance := (N-1)/2, 0.0
	for _, r := range k.ranks {
		variance += (r - average) * (r - average)
	}
	if variance == 0 {
		return 1
	}
	limit := 1.96 / math.Sqrt(N)
	return inflation(n, func(lag int) float64 {
		covariance := 0.0
		for t := lag; t < n; t++ {
			covariance += (k.ranks[t] - average) * (k.ranks[t-lag] - average)
		}
		r := covariance / variance
		if math.Abs(r) <= limit {
			return 0
		}
		if lag == 1 {
			k.first = r
		}
		return r
	})
}

// firstOrder returns by what noise of first order multiplies the variance of S: r_i = 6/pi*asin(rho^i/2), the rank
// correlation of normal values. Autocorrelations of a short stretch without its slope come out too low, and the later ones
// are seldom significant, so that the correction of Hamed and Rao alone finds too many trends; rho is the larger of that at
// lag 1 without its bias, rho + (2+4*rho)/n (van Giersbergen 2005), and that of the longer history.
func (k *kendall) firstOrder() float64 {
	n := len(k.ranks)
	rho := k.memory
	if k.first > 0 {
		rho = max(rho, k.first+(2+4*k.first)/float64(n))
	}
	if rho = min(rho, 0.99); rho <= 0 {
		return 1
	}
	power := 1.0
	return inflation(n, func(int) float64 {
		power *= rho
		return 6 / math.Pi * math.Asin(power/2)
	})
}

// inflation returns c for the rank autocorrelations r of n values.
func inflation(n int, r func(lag int) float64) float64 {
	N, sum := float64(n), 0.0
	for lag := 1; lag < n-2; lag++ {
		l := N - float64(lag)
		sum += l * (l - 1) * (l - 2) * r(lag)
	}
	return 1 + 2/(N*(N-1)*(N-2))*sum
}

// memory returns the autocorrelation at lag 1 of first-order noise on any course that is slow, by differences over one and
// two days (Chakar, Lebarbier, Levy-Leduc and Robin 2017):
//
//	rho = (median |x_(t+2)-x_t|)^2 / (median |x_(t+1)-x_t|)^2 - 1
//
// It is found once for a series.
func (a *adjusted) memory() float64 {
	if a.remembered < 0 {
		a.remembered = a.findMemory()
	}
	return a.remembered
}

func (a *adjusted) findMemory() float64 {
	if len(a.x) < 4*leastValues {
		return 0
	}
	var at [2]float64
	for lag := 1; lag <= 2; lag++ {
		steps := resize(&a.scratch, len(a.x)-lag)
		for t := range steps {
			steps[t] = math.Abs(a.x[t+lag] - a.x[t])
		}
		at[lag-1] = median(steps)
	}
	if at[0] == 0 {
		return 0
	}
	ratio := at[1] / at[0]
	return max(0, min(ratio*ratio-1, 1))
}

// leastCorrection keeps chance negative autocorrelations from making a trend out of little.
const leastCorrection = 0.5
