package anomaly

// profile is what a season adds at each of its places, learned online.
//
// With n values of a slot seen so far, s[slot] += max(1/n, seasonRate) err: their mean at first, then exponential smoothing of a
// seasonal term (Winters 1960). A slot without values adds 0. Slots are counted from the instant, not from the values before, so
// gaps and repeated instants do no harm. There are at most mostSlots of them.
type profile struct {
	period  int64 // seconds
	width   int64 // seconds of one slot
	slot    int   // the one of now
	begun   int64 // instant of the first value
	learned bool  // whether it has a value
	turned  bool  // whether it has gone round once, so that every slot may have a value of an earlier turn
	value   []float64
	seen    []float32
}

const (
	seasonRate = 0.15
	mostSlots  = 400
)

// reset empties the profile for a season of period seconds of values that come every step seconds.
func (p *profile) reset(period, step int64) {
	p.period, p.slot, p.learned, p.turned = period, 0, false, false
	p.width = max(step, (period+mostSlots-1)/mostSlots)
	n := int((period + p.width - 1) / p.width)
	p.value = append(p.value[:0], make([]float64, n)...)
	p.seen = append(p.seen[:0], make([]float32, n)...)
}

// turn makes the slot of an instant the one of now.
func (p *profile) turn(at int64) {
	m := at % p.period
	if m < 0 {
		m += p.period
	}
	p.slot = int(m / p.width)
	p.turned = p.turned || p.learned && at-p.begun >= p.period
	if !p.learned {
		p.begun = at
	}
}

func (p *profile) now() float64    { return p.value[p.slot] }
func (p *profile) visits() float32 { return p.seen[p.slot] }

// learn moves the slot of now by the error of what was expected in it.
func (p *profile) learn(err float64) {
	p.learned = true
	p.seen[p.slot]++
	p.value[p.slot] += max(1/float64(p.seen[p.slot]), seasonRate) * err
}
