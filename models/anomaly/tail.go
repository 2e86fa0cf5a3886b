package anomaly

import "math"

// tail turns a statistic into the chance of such a value in this series, from the values that the series had before.
//
// Statistics z >= 0 are looked at as u = ln(1+z) and counted in a histogram. Above the value q that a share h of all exceeds, the
// excess is taken as exponential, which makes the tail of z a Pareto one (peaks over threshold: Pickands 1975; the mean excess of
// logarithms as its index: Hill 1975):
//
//	P(Z >= z) = h exp(-(u-q)/beta), beta = the mean of the excesses
//
// An excess counts at most as widest, so that a few huge ones do not make the next huge one ordinary. Below q the chance is the
// histogram's. The histogram begins with a prior: what priorWeight values of a reference law would have left in it.
//
// Memory is fixed. When the counts reach most, all are halved: ordinary is what was in the last long while. The chance lies
// in (0, 1] and never rises with z; of an infinite or NaN z it is that of the histogram's end.
type tail struct {
	counts  [tailBins]float32
	survive [tailBins + 1]float32 // chance to lie in the bin or above
	total   float64
	most    float64
	due     float64 // total at which q and beta are taken anew
	q, beta float64
	share   float64 // of values above q
}

const (
	tailBins    = 320
	tailWidth   = 0.05 // of a bin in u: the last ends at z = 8.9e6
	tailShare   = 0.1  // h
	priorWeight = 30
	widest      = 3.0  // excess that counts at most
	leastBeta   = 0.02 // of a histogram whose tail is one bin
)

// resetNormal empties the tail but for a prior of absolute values of a normal variable.
func (t *tail) resetNormal(most float64) {
	t.reset(most, func(u float64) float64 { return math.Erfc(math.Expm1(u) / math.Sqrt2) })
}

// resetExponential empties the tail but for a prior of values whose u is exponential with mean 1: surprises.
func (t *tail) resetExponential(most float64) {
	t.reset(most, func(u float64) float64 { return math.Exp(-u) })
}

// reset empties the tail but for its prior, given by the chance of a larger u.
func (t *tail) reset(most float64, survive func(u float64) float64) {
	t.most, t.total = most, 0
	above := 1.0
	for b := range t.counts {
		next := survive(float64(b+1) * tailWidth)
		t.counts[b] = float32(priorWeight * (above - next))
		t.total += float64(t.counts[b])
		above = next
	}
	t.learn()
}

// place returns u and its bin.
func place(z float64) (u float64, bin int) {
	u = math.Log1p(z)
	if !(u < tailBins*tailWidth) {
		return tailBins * tailWidth, tailBins - 1
	}
	return u, int(u / tailWidth)
}

// add counts a value.
func (t *tail) add(z float64) {
	_, bin := place(z)
	t.counts[bin]++
	t.total++
	if t.total >= t.most {
		t.total = 0
		for b := range t.counts {
			t.counts[b] /= 2
			t.total += float64(t.counts[b])
		}
		t.due = t.total
	}
	if t.total >= t.due {
		t.learn()
	}
}

// learn takes q and beta from the histogram; they are taken anew when a sixteenth more has been counted.
func (t *tail) learn() {
	t.due = t.total * 17 / 16
	sum, excess, at := 0.0, 0.0, tailBins
	for b := tailBins - 1; b >= 0; b-- {
		sum += float64(t.counts[b])
		t.survive[b] = float32(sum / t.total)
		if sum <= tailShare*t.total {
			at = b
		}
	}
	if at == tailBins {
		at--
	}
	t.q, t.share = float64(at)*tailWidth, float64(t.survive[at])
	for b := at; b < tailBins; b++ {
		excess += float64(t.counts[b]) * min(widest, (float64(b-at)+0.5)*tailWidth)
	}
	t.beta = leastBeta
	if above := t.share * t.total; above > 0 {
		t.beta = max(t.beta, excess/above)
	}
}

// surprise returns -ln of the chance of a value of at least z.
func (t *tail) surprise(z float64) float64 {
	u, bin := place(z)
	if u >= t.q {
		return -math.Log(max(t.share, 1/(t.total+1))) + (u-t.q)/t.beta
	}
	return -math.Log(max(float64(t.survive[bin]), 1/(t.total+1)))
}

// inverse returns the z whose surprise is s, for an s of the tail; of a smaller s it returns q's z.
func (t *tail) inverse(s float64) float64 {
	return math.Expm1(t.q + max(0, s+math.Log(max(t.share, 1/(t.total+1))))*t.beta)
}
