package backtest

import "math"

// Tally adds up the measures of one method over many series. The zero value is empty.
type Tally struct {
	series                  int
	smape, mase, msis       float64
	inside80, inside95, all int
	bounded                 bool
}

// Bounds are the bounds of one series' forecast at 80 % and 95 %; the zero value has none.
type Bounds struct {
	Lower80, Upper80, Lower95, Upper95 []float64
}

// Add measures one series: its test part against the forecast. Scale is that of its training part. A series without
// an observed test value counts in nothing.
func (t *Tally) Add(test, mean []float64, bounds Bounds, scale float64) {
	if _, observed := Covered(test, test, test); observed == 0 {
		return
	}
	t.series++
	t.smape += SMAPE(test, mean)
	t.mase += MASE(test, mean, scale)
	if bounds.Lower95 == nil {
		return
	}
	t.bounded = true
	t.msis += MSIS(test, bounds.Lower95, bounds.Upper95, 0.95, scale)
	inside80, _ := Covered(test, bounds.Lower80, bounds.Upper80)
	inside95, observed := Covered(test, bounds.Lower95, bounds.Upper95)
	t.inside80, t.inside95, t.all = t.inside80+inside80, t.inside95+inside95, t.all+observed
}

// Merge adds the series of another tally.
func (t *Tally) Merge(other Tally) {
	t.series += other.series
	t.smape, t.mase, t.msis = t.smape+other.smape, t.mase+other.mase, t.msis+other.msis
	t.inside80, t.inside95, t.all = t.inside80+other.inside80, t.inside95+other.inside95, t.all+other.all
	t.bounded = t.bounded || other.bounded
}

// Score returns the averages. MSIS and Coverage are NaN without bounds, everything is without series.
func (t *Tally) Score() Score {
	n := float64(t.series)
	s := Score{Series: t.series, SMAPE: t.smape / n, MASE: t.mase / n, MSIS: math.NaN(), Coverage: math.NaN()}
	if t.bounded {
		s.MSIS, s.Coverage = t.msis/n, float64(t.inside95)/float64(t.all)
	}
	return s
}

// Coverage80 returns the share of test values inside the 80 % bounds, NaN without bounds.
func (t *Tally) Coverage80() float64 {
	if !t.bounded {
		return math.NaN()
	}
	return float64(t.inside80) / float64(t.all)
}
