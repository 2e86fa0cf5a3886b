package anomaly

import (
	"math"
	"time"

	"github.com/signalcraft/signalcraft/models/series"
)

// effects learns, for one series, what its known days do: each column of what is known (holidays, events), and each day of the month counted
// from both ends (pay days, month ends).
//
// A column's value is taken as a share of a day, cut off at 1. Its effect is the mean of what was left unexplained on its days so far, drawn towards zero as if half a day without effect had been
// seen, b += err/(n+1.5), and from the tenth day on smoothed with a tenth, so that it may change. How much such effects differ from zero at first
// sight, T in squared scales, is learned over all columns; the effect of a column seen n times is taken as uncertain by
// scale sqrt(T/(n+1)). So the first Christmas of a KPI on which holidays matter is judged mildly, and its third by what
// the two before were. This is a normal prior with estimated variance (empirical Bayes: Robbins 1956) in its simplest form.
//
// A day of the month counts only as far as it stands out of its own noise: its mean so far, less 2 scale/sqrt(n) (soft threshold: Donoho and
// Johnstone 1994), from its second time on.
type effects struct {
	known   *series.Known
	columns []effect
	month   [monthSlots]effect
	// first and firsts give T.
	first, firsts float64
	// Of the present day: its place in the columns, those that it has, its slot of the month, and what that adds.
	at     int
	active []int
	slot   int
	added  float64
}

// effect is what was learned of one column or slot.
type effect struct{ n, mean float64 }

const (
	monthSlots  = 34
	firstSpread = 2.0  // scales that an effect differs from zero before anything is known
	mostSpread  = 10.0 // scales
	cutEffect   = 6.0  // scales at which an error is cut off once the effect is known
	slowEffect  = 0.1
	leastShare  = 0.01 // of a day, for a column to count on it
)

func (e *effects) reset(known *series.Known) {
	e.known, e.month = known, [monthSlots]effect{}
	e.first, e.firsts = firstSpread*firstSpread, 1
	e.columns = e.columns[:0]
	if known != nil {
		e.columns = append(e.columns, make([]effect, len(known.Columns))...)
	}
}

// turn makes a day the present one and reports whether the business is closed.
func (e *effects) turn(day int32) (closed bool) {
	date := time.Unix(int64(day)*daySeconds, 0).UTC()
	e.slot = date.Day() - 1
	if left := date.AddDate(0, 1, -date.Day()).Day() - date.Day(); left < 3 {
		e.slot = monthSlots - 1 - left
	}
	e.active = e.active[:0]
	if e.known == nil {
		return false
	}
	e.at = int(day) - int(e.known.FirstDay)
	if e.at < 0 || e.at >= e.known.Len() {
		return false
	}
	for k := range e.known.Columns {
		c := &e.known.Columns[k]
		switch v := c.Values[e.at]; {
		case !(math.Abs(v) >= leastShare): // NaN too
		case c.Kind == series.Closed && v >= 0.5:
			closed = true
		case c.Kind != series.Measured:
			e.active = append(e.active, k)
		}
	}
	return closed
}

// share returns a column's value on the present day, cut off at 1 in size.
func (e *effects) share(k int) float64 { return max(-1, min(e.known.Columns[k].Values[e.at], 1)) }

// sum returns what the present day adds, and how uncertain that is, for a series whose errors have the given scale.
func (e *effects) sum(scale float64) (offset, spread float64) {
	e.added = 0
	if m := &e.month[e.slot]; m.n >= 2 {
		e.added = math.Copysign(max(0, math.Abs(m.mean)-2*scale/math.Sqrt(m.n)), m.mean)
	}
	offset = e.added
	doubt := 0.0
	for _, k := range e.active {
		offset += e.columns[k].mean * e.share(k)
		doubt = max(doubt, 1/(e.columns[k].n+1))
	}
	return offset, scale * min(mostSpread, math.Sqrt(doubt*e.first/e.firsts))
}

// learn shows by how much the present day differed from what was expected of it with its effects.
func (e *effects) learn(err, scale float64) {
	if scale <= 0 {
		return
	}
	limit := cutEffect * scale
	m := &e.month[e.slot]
	m.learn(max(-limit, min(err+e.added-m.mean, limit)), 0)
	for _, k := range e.active {
		c, step := &e.columns[k], err
		switch {
		case c.n == 0:
			ratio := min(math.Abs(err)/scale, mostSpread)
			e.first += ratio * ratio
			e.firsts++
		case c.n >= 2:
			step = max(-limit, min(step, limit))
		}
		// Of several columns each takes its part.
		c.learn(step/(e.share(k)*float64(len(e.active))), 0.5)
	}
}

// learn moves the mean by the rest that it left, as if drawn days without an effect had been seen besides.
func (e *effect) learn(rest, drawn float64) {
	e.n++
	e.mean += max(slowEffect, 1/(e.n+drawn)) * rest
}
