package backtest

import "math"

// Naive returns the last value of train, horizon times. It is NaN for an empty train.
func Naive(train []float64, horizon int) []float64 { return SeasonalNaive(train, 1, horizon) }

// SeasonalNaive returns the last season of train, repeated over the horizon. A train
// shorter than the season is treated as one without a season, an empty one gives NaN.
func SeasonalNaive(train []float64, season, horizon int) []float64 {
	out := make([]float64, horizon)
	n := len(train)
	if n < season {
		season = 1
	}
	for h := range out {
		out[h] = math.NaN()
		if n > 0 {
			out[h] = train[n-season+h%season]
		}
	}
	return out
}

// Naive2 returns the competitions' reference forecast: the last value after a classical
// multiplicative seasonal adjustment, multiplied by the seasonal indices again, when
// Seasonal says that train has a season; the last value otherwise. OWA divides by its
// errors (Makridakis, Spiliotis and Assimakopoulos 2020). Train must have no missing
// value. A train with zeros over a whole season, or in all of
// the last value's phase, has no finite forecast where it passes as seasonal: there is no ratio to zero.
func Naive2(train []float64, season, horizon int) []float64 {
	if season <= 1 || !Seasonal(train, season) {
		return Naive(train, horizon)
	}
	index := multiplicativeIndex(train, season)
	n := len(train)
	level := train[n-1] / index[(n-1)%season]
	out := make([]float64, horizon)
	for h := range out {
		out[h] = level * index[(n+h)%season]
	}
	return out
}

// Seasonal reports whether the autocorrelation at the season exceeds its 90 % limit:
// |r_m| > 1.645*sqrt((1 + 2*(r_1^2+...+r_(m-1)^2))/n), with Bartlett's standard error.
// It is false for fewer than three seasons, for a constant series, and, as in the
// organisers' R code, for a season beyond 10*log10(n) lags.
func Seasonal(train []float64, season int) bool {
	n := len(train)
	if season <= 1 || n < 3*season || season > int(10*math.Log10(float64(n))) {
		return false
	}
	average := 0.0
	for _, v := range train {
		average += v / float64(n)
	}
	covariance := func(lag int) float64 {
		sum := 0.0
		for t := lag; t < n; t++ {
			sum += (train[t] - average) * (train[t-lag] - average)
		}
		return sum
	}
	variance := covariance(0)
	if variance == 0 {
		return false
	}
	squares := 0.0
	for lag := 1; lag < season; lag++ {
		r := covariance(lag) / variance
		squares += r * r
	}
	return math.Abs(covariance(season)/variance) > 1.645*math.Sqrt((1+2*squares)/float64(n))
}

// multiplicativeIndex returns the seasonal indices of a classical decomposition: the
// mean ratio of value to centred moving average for each phase, divided by their mean.
func multiplicativeIndex(x []float64, season int) []float64 {
	sums, counts := make([]float64, season), make([]float64, season)
	half := season / 2
	for t := half; t < len(x)-half; t++ {
		trend := 0.0
		for k := t - half; k <= t+half; k++ {
			weight := 1.0
			if season%2 == 0 && (k == t-half || k == t+half) {
				weight = 0.5
			}
			trend += weight * x[k] / float64(season)
		}
		sums[t%season] += x[t] / trend
		counts[t%season]++
	}
	total := 0.0
	for k := range sums {
		sums[k] /= counts[k]
		total += sums[k] / float64(season)
	}
	for k := range sums {
		sums[k] /= total
	}
	return sums
}
