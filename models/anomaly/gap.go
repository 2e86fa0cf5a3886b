package anomaly

import "math"

// gap watches for values that do not come.
//
// That a gap begins and that it goes on are two chances (a Markov chain of first order), each from what the series did in that slot
// of its season: (k[slot]+p)/(n[slot]+1), with p that of all slots by Laplace's rule, (k+1)/(n+2). So a weekday on which nothing
// ever comes surprises nobody, nor do long gaps make short ones ordinary. The surprise of a gap is the sum of -ln of the chances of
// its days. Before the first value nothing is missing.
type gap struct {
	begins, lasts odds
	open          bool    // whether the last value is missing
	sum           float64 // surprise of the present gap
}

// odds is how often something happened, by slot and in all.
type odds struct {
	did, of []float64
}

// leastMissing is the chance of a missing value, at least.
const leastMissing = 0.002

func (g *gap) reset(slots int) {
	g.begins.reset(slots)
	g.lasts.reset(slots)
	g.open, g.sum = false, 0
}

// step shows whether the value of a slot is missing, and returns how surprising the gap is.
func (g *gap) step(slot int, missing bool) float64 {
	o := &g.begins
	if g.open {
		o = &g.lasts
	}
	if g.open = missing; missing {
		g.sum -= math.Log(max(leastMissing, o.chance(slot)))
	} else {
		g.sum = 0
	}
	o.learn(slot, missing)
	return g.sum
}

func (o *odds) reset(slots int) {
	o.did = append(o.did[:0], make([]float64, slots)...)
	o.of = append(o.of[:0], make([]float64, slots)...)
}

// chance returns how likely it is in a slot, and counts whether it was so.
func (o *odds) learn(slot int, happens bool) {
	o.of[slot]++
	if happens {
		o.did[slot]++
	}
}

// chance returns how likely it is in a slot.
func (o *odds) chance(slot int) float64 {
	did, of := 0.0, 0.0
	for k := range o.of {
		if 2*o.did[k] <= o.of[k] {
			did, of = did+o.did[k], of+o.of[k]
		}
	}
	p := (did + 0.5) / (of + 1)
	return max(p, (o.did[slot]+p)/(o.of[slot]+1))
}
