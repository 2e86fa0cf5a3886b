package anomaly

import "math"

// evidence gathers what speaks for an anomaly: several views of a series, each of which says how surprising the newest value is, in
// nats: -ln of the chance of something so strange or stranger in this series.
//
//   - point: the error of the prediction, as a share of its ordinary size;
//   - records: a value, a mean of the last 4 and of the last 16 that the series never had (see record);
//   - level: values that keep to one side of what the series did for long (see drift);
//   - volatility: errors that are larger or smaller than they were for long (see drift);
//   - flat and missing: runs of equal values (see run) and of missing ones (see gap).
//
// All but the last two are held against their own past in this series by a tail. A view that looks afresh n times while an anomaly
// rests has n chances to be surprised, so ln n is taken off (Bonferroni): ln(rest) off the point, ln(rest/length) off a moving
// mean. The evidence is the largest of what remains.
type evidence struct {
	point    tail
	records  [3]record
	drifts   [2]drift // level, volatility
	flat     run
	gap      gap
	handicap float64 // of the point
	seen     float64
	last     float64
}

// learnFirst is the number of first values that teach the predictor alone.
const learnFirst = 3

const (
	tailMemory = 20000  // values after which a tail's counts are halved
	driftShare = 2. / 3 // of a rest that a moving mean spans
	leastDrift = 8      // values that it spans at least
)

// finding is what a value looks like.
type finding struct {
	surprise float64
	kind     Kind
}

// reset forgets everything, for a rest of so many values and a season of so many slots.
func (e *evidence) reset(rest, slots int) {
	e.point.resetNormal(tailMemory)
	for k, length := range [...]float64{1, 4, 16} {
		e.records[k].reset(length, tailMemory)
	}
	length := max(leastDrift, float64(rest)*driftShare)
	for k := range e.drifts {
		e.drifts[k].reset(length, tailMemory)
	}
	e.flat.reset()
	e.gap.reset(slots)
	e.handicap, e.seen, e.last = math.Log(float64(rest)), 0, math.NaN()
}

// sight is what is known of a value when the evidence looks at it.
type sight struct {
	x, raw          float64 // the value without and with what known days add
	expected, scale float64 // of the prediction
	usualScale      float64 // of the prediction over a long while; 0 when there is none to speak of
	long, longScale float64 // of the reference
	slot            int
}

// step shows the next value and returns what it looks like.
func (e *evidence) step(v sight) finding {
	out := e.glance(v)
	side, z := out.kind, standardised(v.x-v.expected, v.scale)
	e.seen++
	if e.seen > learnFirst {
		e.point.add(math.Abs(z))
	}
	e.gap.step(v.slot, false)
	if e.seen > 1 {
		out.take(e.flat.step(v.raw == e.last), FlatLine)
	}
	e.last = v.raw
	sudden := math.Abs(z) >= suddenScore
	for k := range e.records {
		surprise, high := e.records[k].step(v.x)
		kind := LevelShift
		if k <= 1 || sudden {
			kind = Dip
			if high {
				kind = Spike
			}
		}
		if k == 0 || math.Abs(z) >= takesPart && z > 0 == high {
			out.take(surprise, kind)
		}
	}
	e.drift(v, sudden, side, &out)
	return out
}

// drift shows the value to the two moving means.
func (e *evidence) drift(v sight, sudden bool, side Kind, out *finding) {
	named := func(kind Kind) Kind { // a value that stands out by itself is not called a drift
		if sudden {
			return side
		}
		return kind
	}
	level, nerves := &e.drifts[0], &e.drifts[1]
	fewer := math.Max(0, e.handicap-math.Log(level.mean.length))
	far := standardised(v.x-v.long, v.longScale)
	if surprise := level.level(far) - fewer; far*level.mean.all > 0 && math.Abs(far) >= takesPart {
		out.take(surprise, named(LevelShift))
	}
	if v.usualScale <= 0 {
		return
	}
	size := math.Abs(v.x-v.expected) / v.usualScale
	if surprise := nerves.volatility(size) - fewer; nerves.mean.all < 1/normalScale || size >= takesPart {
		out.take(surprise, named(Volatility))
	}
}

// glance looks at a value by its error alone and learns nothing from it.
func (e *evidence) glance(v sight) finding {
	z := standardised(v.x-v.expected, v.scale)
	kind := Spike
	if z < 0 {
		kind = Dip
	}
	return finding{max(0, e.point.surprise(math.Abs(z))-e.handicap), kind}
}

// takesPart is the standardised error from which a value takes part in what a moving mean says. A mean is large for a while after
// what made it so: a value that does not share in it is not strange itself.
const takesPart = 1

// suddenScore is the standardised error from which a value has left its neighbours, too.
const suddenScore = 3

// relearn forgets what errors were like, when a season has just been found: those before were made without it.
func (e *evidence) relearn() {
	e.point.resetNormal(tailMemory)
	for k := range e.drifts {
		e.drifts[k].reset(e.drifts[k].mean.length, tailMemory)
	}
}

// missing shows that a value did not come.
func (e *evidence) missing(slot int) finding {
	if e.seen == 0 {
		return finding{0, Missing}
	}
	return finding{e.gap.step(slot, true), Missing}
}

// take keeps the larger surprise.
func (f *finding) take(surprise float64, kind Kind) {
	if surprise > f.surprise {
		f.surprise, f.kind = surprise, kind
	}
}

// standardised returns err/scale, 0 for no error, and for a scale of 0 the largest size there is.
func standardised(err, scale float64) float64 {
	if err == 0 {
		return 0
	}
	return max(-hugeScore, min(err/scale, hugeScore))
}

const hugeScore = 1e9
