// Package explain answers: why is a KPI's forecast as it is? It finds the KPI that a person names, reads from the lake its newest
// vintage, the history behind it and how past vintages did, and draws these: the series with the forecast and its bands above,
// what the forecast is made of below.
//
// It reads the lake alone and computes nothing: every figure was stored with its vintage by package run, or by
// marts.forecast_accuracy when days came.
package explain
