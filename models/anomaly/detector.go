package anomaly

import (
	"math"
	"slices"
)

// Config says what a Detector knows of its series beforehand. The zero value is a good one.
type Config struct {
	// Step is the time between two values in seconds. Zero finds it: the median distance of the first 17 values, which then
	// are learned from anew.
	Step int64
	// Seasons are the lengths in seconds of the seasons that are tried. Nil means a day and a week, as far as they hold at least four
	// steps; an empty slice means none.
	Seasons []int64
	// Warmup is the number of first values that are only learned from: their score is 0. Zero means 20.
	Warmup int
	// Rest is the number of values after an anomaly that are told with it: no new one begins among them, or for as long as so many
	// take when none is late, if that is shorter. Zero means as many as half a day has, at least 7.
	Rest int
	// Threshold is the score with which an anomaly begins. Zero means Threshold.
	Threshold float64
}

// Threshold is the score from which on a value is an anomaly when nothing else is asked for.
const Threshold = 0.4

// Point is what a Detector says of one value. None of its fields is ever NaN or infinite.
type Point struct {
	// Score is how far out of the ordinary the value is, in [0,1]: 1 - exp(-s/10) with s the evidence in nats. While an
	// anomaly rests (see Config.Rest) it is at most half of the threshold.
	Score float64
	// Strange is the score that does not regard earlier anomalies.
	Strange float64
	// Kind is what the value is, or comes nearest to.
	Kind Kind
	// Expected is the value that was expected before this one was seen, and Scale the ordinary size of an error.
	Expected, Scale float64

	surprise float64
}

// Detector judges the values of one series, one at a time in order of time, each by those before it. Memory does not grow
// with their number. It is not safe for concurrent use; make it with NewDetector.
//
// Values: NaN and infinite ones count as missing. Larger than 1e150 in size count as that. Instants may repeat (each value counts)
// and have gaps (nothing is made up for them: who knows of a missing value passes NaN). Of a constant series nothing is strange; any
// other value then is. Scores do not change when all values are multiplied by a power of two, and but for rounding when they are
// multiplied by another positive number or shifted.
type Detector struct {
	config    Config // as given, but for defaults
	step      int64  // 0 until it is known
	rest      int
	predictor predictor
	evidence  evidence
	spread    spread
	seen      int
	resting   int     // values
	restUntil int64   // or instant, whichever comes first
	size      float64 // largest absolute value
	// The first values, until the step is known.
	firstAt []int64
	firstX  []float64
}

const (
	stepValues = 17 // values from which the step is found
	largest    = 1e150
	// roundingShare is the share of a series' size below which differences may be rounding.
	roundingShare = 1e-9
	// materialShare is the share of a series' variation below which differences do not matter, or one that a season explains to
	// the last digit would be judged by its digits.
	materialShare = 0.01
	steadyShare   = 5 // times that: a series with smaller errors has no volatility to speak of
)

// NewDetector returns a Detector that has seen nothing.
func NewDetector(c Config) *Detector {
	d := &Detector{}
	d.Reset(c)
	return d
}

// Reset makes the detector forget everything, as if new, without giving its memory back.
func (d *Detector) Reset(c Config) {
	if c.Warmup == 0 {
		c.Warmup = 20
	}
	if c.Threshold == 0 {
		c.Threshold = Threshold
	}
	d.config, d.seen, d.resting, d.size = c, 0, 0, 0
	d.firstAt, d.firstX = d.firstAt[:0], d.firstX[:0]
	d.know(c.Step)
}

// know forgets what was learned and sets what depends on the step; 0 is not known yet.
func (d *Detector) know(step int64) {
	seasons, rest, slots := d.config.Seasons, d.config.Rest, 1
	if seasons == nil && step > 0 {
		for _, length := range [...]int64{daySeconds, 7 * daySeconds} {
			if length >= 4*step {
				seasons = append(seasons, length)
			}
		}
	}
	if rest == 0 {
		rest = 7
		if step > 0 {
			rest = max(rest, int(daySeconds/(2*step)))
		}
	}
	d.predictor.reset(max(step, 1), seasons)
	if len(d.predictor.profiles) > 0 {
		slots = len(d.predictor.profiles[0].value)
	}
	d.step, d.rest = step, rest
	d.evidence.reset(rest, slots)
	d.spread.reset(slots)
}

const daySeconds = 86400

// Step judges the value at an instant, in seconds, and learns it.
func (d *Detector) Step(at int64, x float64) Point {
	if d.step == 0 {
		d.findStep(at, x)
	}
	p := d.look(at, x)
	d.seen++
	if d.seen <= d.config.Warmup {
		return Point{Kind: p.Kind, Expected: p.Expected, Scale: p.Scale}
	}
	p.Strange = scoreOf(p.surprise)
	p.Score = p.Strange
	switch {
	case d.resting > 0 && at < d.restUntil:
		d.resting--
		p.Score = min(p.Score, d.config.Threshold/2)
	case p.Score >= d.config.Threshold:
		d.resting, d.restUntil = d.rest, at+int64(d.rest)*max(d.step, 1)
	}
	return p
}

// scoreOf puts a surprise of s nats between 0 and 1: 1 - p^(1/10) where p = exp(-s).
func scoreOf(s float64) float64 { return -math.Expm1(-s / 10) }

// findStep keeps the first values, and when there are enough finds the step and learns them anew.
func (d *Detector) findStep(at int64, x float64) {
	if len(d.firstAt) < stepValues {
		d.firstAt, d.firstX = append(d.firstAt, at), append(d.firstX, x)
		return
	}
	apart := make([]int64, 0, stepValues)
	for k := range d.firstAt[1:] {
		if gap := d.firstAt[k+1] - d.firstAt[k]; gap > 0 {
			apart = append(apart, gap)
		}
	}
	step := int64(1)
	if len(apart) > 0 {
		slices.Sort(apart)
		step = apart[len(apart)/2]
	}
	d.size = 0
	d.know(step)
	for k, first := range d.firstAt {
		d.look(first, d.firstX[k])
	}
}

// look judges a value by what was learned, and learns it.
func (d *Detector) look(at int64, x float64) Point {
	expected := d.predictor.expect(at)
	slot := d.predictor.slot()
	scale := d.scale(slot)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		f := d.evidence.missing(slot)
		return Point{Kind: f.kind, Expected: expected, Scale: scale, surprise: f.surprise}
	}
	x = max(-largest, min(x, largest))
	long, longScale, ok := d.predictor.long()
	if !ok {
		long = x
	}
	f := d.evidence.step(sight{x, x, expected, scale, d.usualScale(slot), long, max(longScale, d.least()), slot})
	d.size = max(d.size, math.Abs(x))
	d.learn(slot, x, expected)
	return Point{Kind: f.kind, Expected: expected, Scale: scale, surprise: f.surprise}
}

// scale returns the size of an ordinary error in a slot of late.
func (d *Detector) scale(slot int) float64 {
	return max(normalScale*d.predictor.ordinary*d.spread.factor(slot), d.least())
}

// usualScale is scale over a long while; 0 when that is so little that it does not matter how it changes.
func (d *Detector) usualScale(slot int) float64 {
	usual := normalScale * d.predictor.usual * d.spread.factor(slot)
	if usual <= steadyShare*d.least() {
		return 0
	}
	return usual
}

// least returns the size of the smallest errors that matter.
func (d *Detector) least() float64 {
	return max(materialShare*d.predictor.amplitude(), roundingShare*d.size)
}

// learn shows what came in a slot to predictor and spread.
func (d *Detector) learn(slot int, x, expected float64) {
	if ordinary := d.predictor.ordinary; ordinary > 0 && d.predictor.n > learnFirst {
		d.spread.learn(slot, math.Abs(x-expected)/ordinary)
	}
	if found := d.predictor.learn(x, expected); found {
		d.evidence.relearn()
	}
}
