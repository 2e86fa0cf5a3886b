package anomaly

import "math"

// predictor expects the next value of a series from those before. Several experts, levels of different memory over no season, over the
// day's and over the week's, each expect a value; the prediction is their mean, weighted by how small their errors were of late
// (prediction with expert advice: Vovk 1990; Cesa-Bianchi and Lugosi 2006), so that a season counts as far as it has proved itself:
//
//	expected = sum w_k (level_k + s[slot]) / sum w_k,  w_k = L_k^-8,  L_k = discounted mean of |error of k|
//	level_k += a_k psi(x - level_k - s[slot])
//
// psi cuts an error off at cutAt of the expert's own mean errors, so that one wild value moves neither level nor season far (Gelper, Fried and
// Croux 2010, robust Holt-Winters smoothing). A last value (a = 1) is never cut off, so that a new level is found at once.
//
// For each season the expert with the longest memory, its keeper, also teaches it. The reference is the keeper that erred least over a long
// while: what the series did for long, whatever it does now.
//
// Edges: before the first value everything is 0; of a constant series all losses are 0 and all experts count alike. Values are divided by nothing, so
// magnitude does not matter. A slot of a season that has no value yet adds 0.
type predictor struct {
	profiles []profile
	experts  []expert
	n        float64
	// ordinary is the discounted mean absolute error of the prediction, each cut off.
	ordinary float64
	// usual is the same over a long while.
	usual float64
	// reference is the number of the reference, -1 before there is one.
	reference int
	// leader is the number of the expert with the largest weight.
	leader int
}

// expert is a level of one memory over one season.
type expert struct {
	profile int // number of its profile, -1 for none
	rate    float64
	keeper  bool
	level   float64
	loss    float64 // of late
	record  float64 // loss over a long while
	next    float64 // what it expects now
	n       float64 // number of values by which it was measured
}

const (
	lossMemory   = 0.02   // discount of losses
	recordMemory = 0.0005 // and over a long while
	cutAt        = 5.0    // mean absolute errors at which an error is cut off
	slowest      = 0.01   // rate of the keeper without a season
	unseasonal   = 3      // number of the keeper without a season
	provedAt     = 7      // values by which a seasonal expert is measured before it counts
	uncutVisits  = 3      // values of a slot that are not cut off: they make the season
)

// reset forgets everything and makes the experts for values that come every step seconds, with seasons of the given periods.
func (p *predictor) reset(step int64, periods []int64) {
	p.n, p.ordinary, p.usual, p.reference, p.leader = 0, 0, 0, -1, 0
	p.experts = append(p.experts[:0], expert{profile: -1, rate: 1}, expert{profile: -1, rate: 0.3}, expert{profile: -1, rate: 0.05},
		expert{profile: -1, rate: slowest, keeper: true})
	for len(p.profiles) < len(periods) {
		p.profiles = append(p.profiles, profile{})
	}
	p.profiles = p.profiles[:len(periods)]
	for k, period := range periods {
		p.profiles[k].reset(period, step)
		// A keeper's level changes little within one turn of its season, or it would take the season for its own.
		slow := min(0.05, 2/float64(len(p.profiles[k].value)+1))
		p.experts = append(p.experts, expert{profile: k, rate: slow, keeper: true}, expert{profile: k, rate: 0.05}, expert{profile: k, rate: 0.3},
			expert{profile: k, rate: 0.8})
	}
}

// expect returns the prediction for the instant.
func (p *predictor) expect(at int64) float64 {
	for k := range p.profiles {
		p.profiles[k].turn(at)
	}
	least := math.Inf(1)
	for k := range p.experts {
		e := &p.experts[k]
		e.next = e.level
		if e.profile >= 0 {
			e.next += p.profiles[e.profile].now()
		}
		if e.proved() {
			least = min(least, e.loss)
		}
	}
	floor := least*1e-6 + 1e-300
	sum, weights := 0.0, 0.0
	for k := range p.experts {
		e := &p.experts[k]
		if !e.proved() {
			continue
		}
		w := (least + floor) / (e.loss + floor)
		w *= w
		w *= w
		w *= w
		if w == 1 {
			p.leader = k
		}
		sum += w * e.next
		weights += w
	}
	return sum / weights
}

// amplitude returns how much the series varies about its level over a long while.
func (p *predictor) amplitude() float64 { return p.experts[unseasonal].record }

// slot returns the place of the instant for which expect was asked last in the first season; 0 without seasons.
func (p *predictor) slot() int {
	if len(p.profiles) == 0 {
		return 0
	}
	return p.profiles[0].slot
}

// learn shows the value of the instant for which expect was asked last, and what it had answered. It reports whether the first season has just
// been proved.
func (p *predictor) learn(x, expected float64) (found bool) {
	p.n++
	if p.n == 1 {
		for k := range p.experts {
			p.experts[k].level = x
		}
		return false
	}
	best := math.Inf(1)
	for k := range p.experts {
		e := &p.experts[k]
		err := p.cut(e, x-e.next)
		if e.profile < 0 || p.profiles[e.profile].turned {
			e.n++
			found = found || e.keeper && e.profile == 0 && e.n == provedAt
			e.loss += max(lossMemory, 1/e.n) * (math.Abs(err) - e.loss)
			e.record += max(recordMemory, 4/(e.n+3)) * (math.Abs(err) - e.record)
		}
		e.level += max(e.rate, 1/p.n) * err
		if !e.keeper {
			continue
		}
		if e.profile >= 0 {
			p.profiles[e.profile].learn(err)
		}
		if e.proved() && e.record < best {
			p.reference, best = k, e.record
		}
	}
	miss := math.Abs(x - expected)
	if p.n > 5 && p.ordinary > 0 {
		miss = min(miss, cutAt*p.ordinary)
	}
	p.ordinary += max(lossMemory, 1/p.n) * (miss - p.ordinary)
	p.usual += max(recordMemory, 4/(p.n+3)) * (miss - p.usual)
	return found
}

// proved reports whether an expert has been measured at all. One with a season is measured from its second turn on: before, it knows of a
// slot nothing but the value before.
func (e *expert) proved() bool { return e.profile < 0 || e.n >= provedAt }

// cut is psi: it cuts an expert's error off.
func (p *predictor) cut(e *expert, err float64) float64 {
	visited := p.n > 5
	if e.profile >= 0 {
		visited = p.profiles[e.profile].visits() >= uncutVisits
	}
	if !visited || e.rate == 1 {
		return err
	}
	limit := cutAt * max(e.loss, p.ordinary)
	return max(-limit, min(err, limit))
}

// long returns what the reference expects and the size of its errors; false before there is one that has erred.
func (p *predictor) long() (expected, scale float64, ok bool) {
	if p.reference < 0 {
		return 0, 0, false
	}
	e := &p.experts[p.reference]
	return e.next, normalScale * e.record, e.record > 0
}

// method says in words what the prediction mainly rests on.
func (p *predictor) method(known bool) string {
	seasonal := p.experts[p.leader].profile >= 0
	switch {
	case seasonal && known:
		return "seasonal level, known days"
	case seasonal:
		return "seasonal level"
	case known:
		return "level, known days"
	}
	return "level"
}

// normalScale makes a mean absolute error of normal errors their standard deviation: sqrt(pi/2).
const normalScale = 1.2533141373155003
