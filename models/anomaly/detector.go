package anomaly

import "math"

// Point is what a Detector says of one value.
type Point struct {
	// Score is how far out of the ordinary the value is, in [0,1]: 1 - p^(1/10) with p the chance of such a value or a stranger one.
	// While an anomaly rests (see Config.Rest) it is held below RestingScore.
	Score float64
	// Strange is the score without regard to earlier anomalies.
	Strange float64
	// Kind is what the value is, or comes nearest to.
	Kind Kind
	// Expected is the value that was expected before this one was seen, Scale the ordinary size of an error.
	Expected, Scale float64
}

// Threshold is the score from which on a value is an anomaly when nothing else is asked for.
const Threshold = 0.49

// RestingScore is the highest score of a value that belongs to an anomaly already told.
const RestingScore = 0.3

// Config says what a Detector knows of its series beforehand.
type Config struct {
	// Step is the time between two values in seconds. Zero finds it in the first values.
	Step int64
	// Seasons are the lengths in seconds of seasons to learn. Nil means a day and a week, as far as they have several steps.
	Seasons []int64
	// Warmup is the number of first values that are only learned from: their score is 0. Zero means 20.
	Warmup int
	// Rest is the number of values after an anomaly in which nothing is one again. Zero means a fifth of Warmup.
	Rest int
}

// Detector judges the values of one series, one at a time in order of time. Memory does not grow with their number. It is not safe for
// concurrent use; make it with NewDetector.
type Detector struct {
	config    Config
	predictor predictor
	point     tail
	seen      int
	resting   int
	top       float64 // largest absolute value
}

// NewDetector returns a Detector that has seen nothing.
func NewDetector(c Config) *Detector {
	d := &Detector{}
	d.Reset(c)
	return d
}

// Reset makes the detector forget everything.
func (d *Detector) Reset(c Config) {
	if c.Warmup == 0 {
		c.Warmup = 20
	}
	if c.Rest == 0 {
		c.Rest = c.Warmup / 5
	}
	if c.Step == 0 {
		c.Step = 300
	}
	if c.Seasons == nil {
		for _, s := range []int64{86400, 7 * 86400} {
			if s >= 4*c.Step {
				c.Seasons = append(c.Seasons, s)
			}
		}
	}
	d.config, d.seen, d.resting, d.top = c, 0, 0, 0
	d.predictor.reset(c.Step, c.Seasons)
	d.point.reset(20000)
}

// Step judges the value at an instant, in seconds, and learns it.
func (d *Detector) Step(at int64, x float64) Point {
	expected := d.predictor.expect(at)
	scale := max(1.2533*d.predictor.ordinary, 1e-9*d.top)
	p := Point{Expected: expected, Scale: scale, Kind: Spike}
	if x < expected {
		p.Kind = Dip
	}
	d.top = max(d.top, math.Abs(x))
	z := 0.0
	if d.seen > 0 && x != expected {
		z = math.Abs(x-expected) / scale
	}
	s := d.point.surprise(z)
	if d.seen > 3 {
		d.point.add(z)
	}
	d.predictor.learn(at, x, expected)
	d.seen++
	if d.seen <= d.config.Warmup {
		return p
	}
	p.Strange = 1 - math.Exp(-s/10)
	p.Score = p.Strange
	if d.resting > 0 {
		d.resting--
		p.Score = min(p.Score, RestingScore)
	} else if p.Score >= Threshold {
		d.resting = d.config.Rest
	}
	return p
}
