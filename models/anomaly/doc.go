// Package anomaly answers: is this value of a KPI out of the ordinary, and in which way? A Detector judges a stream of values,
// each by those before it; Judge does so for every day of a batch of daily series and says which days are worth an alarm.
//
// Vocabulary: the prediction is the value expected one step ahead, the reference what the series did for long; a view is one way to
// look at a series, its surprise -ln of the chance of what it sees; the evidence is the largest surprise of all views; an
// anomaly begins with an alarm and is ongoing until the series is ordinary again.
//
// # How a value is judged
//
// The predictor mixes levels of different memory over the seasons that the grain allows, by how well each did of late. Views look
// at the error of the prediction, at moving means that the series never had, at values that keep to one side of the reference, at
// the variability, and at runs of equal or missing values. Each holds what it sees against its own past in this very series, by a
// histogram with a Pareto tail, so that a nervous series may be nervous and no distribution is assumed. The views' chances are
// made comparable by how often each may look while an anomaly rests. What is learned from a value is limited, so that one wild
// value changes little.
//
// # How a KPI's alarms are kept few
//
// The setting is Options.ExpectedAlarms, a number of alarms per KPI and month, not a score. The evidence of every day outside of
// anomalies goes into one more tail, that of the KPI's calm, and a day is an alarm when the chance of its evidence in there is
// below ExpectedAlarms/30.44. Holidays, events and days of the month have their effects learned and taken off; closed days and
// known incidents are neither judged nor learned from. The days of an anomaly after its first are ongoing, not alarms.
//
// # Defined answers
//
//   - fewer values than the warm-up (three weeks for daily KPIs): nothing is judged.
//   - constant, also all zero: nothing is strange; the first other value is, greatly.
//   - missing days: an anomaly of their own where a value used to come; none on weekdays that never had one.
//   - an infinite value: Judge refuses the series with a SeriesError; a Detector takes it as missing.
//   - huge and tiny values: only values larger than 1e150 are cut off; nothing depends on magnitude.
//
// Results depend on the series and the options alone: not on the number of workers, nor on the order or company of series in the
// batch, nor on any later value. Time is linear in the values, and state has a fixed size.
package anomaly
