package anomaly

import "math"

// predictor expects the next value of a series from those before. Several experts, levels of different memory with no season, with
// the day's and with the week's, each expect a value; the prediction is their mean, weighted by how small their errors were of late
// (prediction with expert advice: Vovk 1990; Cesa-Bianchi and Lugosi 2006):
//
//	level_k += a_k psi(x - level_k - s[slot]),  L_k = discounted mean of |error|,  w_k ~ L_k^-8
//
// psi cuts an error off at a number of the expert's own scales, so that one wild value neither moves level nor season far.
type predictor struct {
	profiles []profile
	experts  []expert
	ordinary float64 // mean absolute error of the combination
	n        float64
}

// expert is a level of one memory over one season.
type expert struct {
	season int // number of its profile, -1 for none
	rate   float64
	level  float64
	loss   float64
	next   float64 // what it expects now
}

const (
	lossMemory = 0.02 // discount of losses
	cutAt      = 5.0  // mean absolute errors at which an error is cut off
)

// reset makes the predictor of a series whose values come every step seconds, with seasons of the given periods.
func (p *predictor) reset(step int64, periods []int64) {
	p.ordinary, p.n = 0, 0
	p.experts = p.experts[:0]
	for len(p.profiles) < len(periods) {
		p.profiles = append(p.profiles, profile{})
	}
	p.profiles = p.profiles[:len(periods)]
	add := func(season int, rates ...float64) {
		for _, rate := range rates {
			p.experts = append(p.experts, expert{season: season, rate: rate})
		}
	}
	add(-1, 1, 0.3, 0.05, 0.01)
	for k, period := range periods {
		p.profiles[k].reset(period, step)
		// The first one of a season teaches it: a level that changes little within one turn.
		slow := min(0.05, 2/float64(len(p.profiles[k].value)+1))
		add(k, slow, 0.05, 0.3, 0.8)
	}
}

// expect returns the prediction for the instant.
func (p *predictor) expect(at int64) float64 {
	least := math.Inf(1)
	for k := range p.experts {
		e := &p.experts[k]
		e.next = e.level
		if e.season >= 0 {
			e.next += p.profiles[e.season].value[p.profiles[e.season].slot(at)]
		}
		least = min(least, e.loss)
	}
	if p.n == 0 {
		return 0
	}
	sum, weights := 0.0, 0.0
	floor := least*1e-6 + math.SmallestNonzeroFloat64*1e20
	for k := range p.experts {
		e := &p.experts[k]
		w := (least + floor) / (e.loss + floor)
		w *= w
		w *= w
		w *= w
		sum += w * e.next
		weights += w
	}
	return sum / weights
}

// learn shows the value of the instant for which expect was asked last.
func (p *predictor) learn(at int64, x, expected float64) {
	p.n++
	first := p.n == 1
	memory := max(lossMemory, 1/p.n)
	taught := -1
	for k := range p.experts {
		e := &p.experts[k]
		if first {
			e.level = x
			if e.season > taught {
				taught = e.season
			}
			continue
		}
		err := x - e.next
		limit := math.Inf(1)
		if p.n > 5 && e.rate < 1 {
			limit = cutAt * max(e.loss, p.ordinary)
		}
		err = max(-limit, min(err, limit))
		e.loss += memory * (math.Abs(err) - e.loss)
		e.level += max(e.rate, 1/p.n) * err
		if e.season > taught {
			taught = e.season
			pr := &p.profiles[e.season]
			pr.learn(pr.slot(at), err)
		}
	}
	if !first {
		miss := math.Abs(x - expected)
		if p.n > 5 && p.ordinary > 0 {
			miss = min(miss, cutAt*p.ordinary)
		}
		p.ordinary += memory * (miss - p.ordinary)
	}
}
