package anomaly

import "math"

// drift watches a moving mean of a statistic.
//
// Of level it is the mean of the reference's standardised errors, each cut off at cutScore, times the root of the length: large
// when the series keeps to one side of what it did for long (a geometric moving average chart: Roberts 1959). Of volatility it is
// taken from the mean size of the prediction's standardised errors. Both are held against their own past by a tail, so that
// autocorrelation, which makes such means wander, makes them less surprising too.
type drift struct {
	mean mean
	tail tail
}

const cutScore = 5.0

func (d *drift) reset(length, most float64) {
	d.mean.reset(length)
	d.tail.resetNormal(most)
}

// judge returns how surprising a statistic is, and counts it.
func (d *drift) judge(z float64) float64 {
	s := d.tail.surprise(z)
	if d.mean.n > learnFirst {
		d.tail.add(z)
	}
	return s
}

// level shows a standardised error.
func (d *drift) level(z float64) float64 {
	z = max(-cutScore, min(z, cutScore))
	d.mean.add(z, z)
	return d.judge(math.Abs(d.mean.value()) * math.Sqrt(d.mean.length))
}

// volatility shows the size of a standardised error. With r the mean size, in those of a standard normal variable (sqrt(2/pi)),
// the statistic is 3 ln r where errors have grown and 3 (1-r) where they have shrunk: of errors that vanish the logarithm would
// never end. Three makes its spread about one.
func (d *drift) volatility(size float64) float64 {
	size = min(size, cutScore)
	d.mean.add(size, max(0, size-1/normalScale))
	if r := d.mean.all * normalScale; r < 1 {
		return d.judge(3 * (1 - r))
	}
	return d.judge(3 * math.Log(max(1, d.mean.value()*normalScale)))
}
