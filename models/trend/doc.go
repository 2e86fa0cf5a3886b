// Package trend answers: where is each KPI going, how sure is that, and when did its course change? It reads a batch of daily
// series and returns statements: for every series its direction, its rate and their significance, and for every change point
// its day, kind, size and confidence.
//
// Vocabulary: the course of a series is what is left of it without its season and its noise; a change point is a day on which
// the course jumps (a level shift) or bends (a slope change); the stretch is the last part of the history, of which the trend
// statement speaks.
//
// # How a statement comes about
//
// A series is cut to its last Options.History days, divided by a power of two near its largest value, its gaps are bridged
// and its season is taken out by medians (see adjusted). The noise is measured by how much the means of neighbouring blocks
// differ, so that it holds for autocorrelated noise and is blind to a few changes (see noise). Change points are those of
// narrow intervals in which a jump or a bend stands out of that noise; all are then fitted together, and those stay whose
// confidence does (see finder). The trend is Sen's slope over the stretch, judged by the test of Mann and Kendall with the
// variance of Hamed and Rao (see kendall). Level shifts inside the stretch are taken out first, and it begins no earlier than
// the last bend, unless that is less than four weeks ago: a step is not told as a slope, nor a slope that is over as one that goes
// on.
//
// # Defined answers
//
//   - fewer than ten observed values in the stretch: direction Unknown, rate and significance NaN.
//   - a constant series: direction Steady, rate 0, p-value 1, no change points.
//   - fewer than eight seasons, or 56 days: no change points.
//   - missing days: bridged to find change points, left out of the trend.
//   - an infinite value: the series is refused with a SeriesError; the others go on.
//
// Adding a constant to a series, or multiplying it, does the same to rates, sizes and levels and leaves everything else as it
// is. Results depend on the series and the options alone: not on the number of workers, nor on the order or company of series
// in the batch.
package trend
