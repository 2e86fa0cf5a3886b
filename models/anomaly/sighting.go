package anomaly

import "math"

// sighting is what a detector finds in one day of a KPI.
type sighting struct {
	Expected, scale float64
	surprise        float64
	kind            Kind
	// long is what the reference expected.
	long   float64
	method string
}

// missed returns what was expected that v is not: of a level shift what was usual for long, when v is farther from that. The
// prediction goes along with a new level, and says nothing of how far the series has moved.
func (s sighting) missed(v float64) float64 {
	if s.kind == LevelShift && math.Abs(v-s.long) > math.Abs(v-s.Expected) {
		return s.long
	}
	return s.Expected
}

// distance returns how far v is from what was expected.
func (s sighting) distance(v float64) float64 { return math.Abs(v - s.missed(v)) }

// judgeDay is Step for a day of a KPI of whose known days effects have been learned: their sum is taken off before the value is
// looked at, and the error is weighed by how sure they are. A day whose effects are less sure than the series is steady teaches
// them alone.
func (d *Detector) judgeDay(at int64, x float64, known *effects) sighting {
	expected := d.predictor.expect(at)
	slot := d.predictor.slot()
	scale := d.scale(slot)
	offset, spread := known.sum(scale)
	s := sighting{Expected: expected + offset, scale: math.Hypot(scale, spread), method: d.predictor.method(offset != 0)}
	if math.IsNaN(x) {
		f := d.evidence.missing(slot)
		s.surprise, s.kind = f.surprise, f.kind
		return s
	}
	d.seen++
	x = max(-largest, min(x, largest))
	clean := x - offset
	long, longScale, ok := d.predictor.long()
	if !ok {
		long = clean
	}
	s.long = long + offset
	v := sight{clean, x, expected, s.scale, d.usualScale(slot), long, max(longScale, d.least()), slot}
	var f finding
	if spread > unsure*scale {
		f = d.evidence.glance(v)
	} else {
		f = d.evidence.step(v)
		d.learn(slot, clean, expected)
	}
	s.surprise, s.kind = f.surprise, f.kind
	d.size = max(d.size, math.Abs(x))
	known.learn(x-s.Expected, scale)
	return s
}

// unsure is the uncertainty of a day's effects, in scales, from which on the day teaches only them.
const unsure = 1.5
