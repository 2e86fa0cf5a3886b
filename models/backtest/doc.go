// Package backtest measures forecasts the way the forecasting competitions do: error
// measures on one series, averages over a set, the reference method Naive2 that OWA
// divides by, and a rolling-origin driver.
//
// Vocabulary: a set is many series cut into a training and a test part with one
// horizon and one season; an origin is the number of values a forecast has seen; the
// scale of a series is the mean absolute error of the seasonal naive forecast inside
// its training part, by which MASE and MSIS divide.
//
// Every measure follows Makridakis, Spiliotis and Assimakopoulos, "The M4 Competition:
// 100,000 time series and 61 forecasting methods", International Journal of
// Forecasting 36 (2020) 54-74, as the organisers' code computes it. A missing value is
// NaN: a missing test value is left out of every mean, and a measure without any value
// to average is NaN.
package backtest
