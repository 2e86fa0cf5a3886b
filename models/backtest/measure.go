package backtest

import "math"

// SMAPE returns the symmetric mean absolute percentage error, in percent from 0 to 200:
// mean of 200*|y-f| / (|y|+|f|). A point where both are zero counts 0. It panics when
// the slices differ in length.
func SMAPE(actual, forecast []float64) float64 {
	return mean(actual, forecast, func(y, f float64) float64 {
		if y == 0 && f == 0 {
			return 0
		}
		return 200 * math.Abs(y-f) / (math.Abs(y) + math.Abs(f))
	})
}

// MAE returns the mean absolute error: mean of |y-f|. It panics when the slices differ
// in length.
func MAE(actual, forecast []float64) float64 {
	return mean(actual, forecast, func(y, f float64) float64 { return math.Abs(y - f) })
}

// MASE returns the mean absolute scaled error: MAE divided by scale, which Scale gives.
// With a scale of zero it is 0 when every forecast is exact and +Inf when not.
func MASE(actual, forecast []float64, scale float64) float64 {
	return scaled(MAE(actual, forecast), scale)
}

// Scale returns the mean of |x_t - x_(t-season)| over the training part, leaving out
// pairs with a missing value. It is NaN when no pair is left, as in a series that is
// not longer than the season.
func Scale(train []float64, season int) float64 {
	sum, count := 0.0, 0
	for t := season; t < len(train); t++ {
		if d := math.Abs(train[t] - train[t-season]); !math.IsNaN(d) {
			sum += d
			count++
		}
	}
	return sum / float64(count)
}

// MSIS returns the mean scaled interval score of bounds at the given level (0.95 for
// 95 %): the mean of the width plus 2/(1-level) times how far the value lies outside,
// divided by scale (Gneiting and Raftery 2007, equation 43). It panics when the slices
// differ in length.
func MSIS(actual, lower, upper []float64, level, scale float64) float64 {
	if len(actual) != len(lower) || len(actual) != len(upper) {
		panic("backtest: actual values and bounds differ in length")
	}
	penalty := 2 / (1 - level)
	sum, count := 0.0, 0
	for i, y := range actual {
		if math.IsNaN(y) {
			continue
		}
		sum += upper[i] - lower[i] + penalty*(max(lower[i]-y, 0)+max(y-upper[i], 0))
		count++
	}
	return scaled(sum/float64(count), scale)
}

// Covered returns how many observed values lie between their bounds, bounds included,
// and how many were observed. It panics when the slices differ in length.
func Covered(actual, lower, upper []float64) (inside, observed int) {
	if len(actual) != len(lower) || len(actual) != len(upper) {
		panic("backtest: actual values and bounds differ in length")
	}
	for i, y := range actual {
		if math.IsNaN(y) {
			continue
		}
		observed++
		if lower[i] <= y && y <= upper[i] {
			inside++
		}
	}
	return inside, observed
}

// mean averages a loss over the points where actual is observed.
func mean(actual, forecast []float64, loss func(y, f float64) float64) float64 {
	if len(actual) != len(forecast) {
		panic("backtest: actual values and forecasts differ in length")
	}
	sum, count := 0.0, 0
	for i, y := range actual {
		if math.IsNaN(y) {
			continue
		}
		sum += loss(y, forecast[i])
		count++
	}
	return sum / float64(count)
}

func scaled(value, scale float64) float64 {
	if value == 0 && scale == 0 {
		return 0
	}
	return value / scale
}
