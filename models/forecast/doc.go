// Package forecast answers: what will each KPI be on each of the next thirty days, and
// how sure is that? It reads a batch of daily series and returns a vintage: for every
// series and day ahead a point forecast with 80 % and 95 % bounds, and for every series
// the method that made them and its measured error.
//
// Vocabulary: a method is one way to forecast, known by a name that Vintage.Method
// holds; an origin is the day count a forecast has seen; the window is the last stretch
// of history, in which methods are compared; a vintage is the forecast made as of a day.
//
// # How a forecast comes about
//
// A series is cut to its last Options.History days, its gaps are filled from its season
// and neighbours (see fill), and it is divided by a power of two near its largest value,
// so that magnitude does not matter. Beside the season it is known to have, a longer one of the
// calendar's lengths is looked for (see seasonFinder). Each candidate method is fitted to the days
// before the window and then rolled through it: with its parameters fixed it forecasts from
// every day of the window. The mean absolute error over all those forecasts, divided by
// the seasonal naive error inside history (MASE, Hyndman and Koehler 2006), ranks the
// methods. The forecast is a combination of the best ones (see combination): shares by their errors, and for
// a short series the trimmed mean of robust methods. Over many series that errs less than any choice of
// one. They are fitted again to all of history. The errors of their combination give the bounds (see spread): those in the
// window, which none of them had been fitted to, and with less weight those before it. The few errors of a short series lean
// on how much it has wandered from value to value and on how errors mostly grow by days ahead. Where errors grow with what is
// forecast, so do the bounds, and of a series that was never zero they reach further up than down.
//
// A series whose methods were chosen less than Options.ReselectAfterDays ago keeps them:
// only those are fitted and rolled.
//
// # Methods
//
// Each is a type that gives its formula, its source and what it does at the edges. Names are those that Methods lists.
//
//	naive, seasonal naive(7), average, drift   what others have to beat (see naive, average, drift)
//	ets(A,N,A), ets(A,Ad,N) ...                exponential smoothing of one form (see ets)
//	theta                                      the dynamic optimised theta method (see theta)
//	ar, ari                                    autoregressions of levels or differences, with a fixed season (see autoregressive)
//	harmonic(7), harmonic(24,168)              harmonics of seasons with autoregressive noise (see harmonic)
//	mstl(7,365)/theta ...                      several fixed seasons around a method that knows none (see mstl)
//	multiseason(24,168)                        exponential smoothing with two seasons (see multiseason)
//	croston(sba), tsb, adida                   for series with many zeros (see croston, tsb, adida)
//	log theta ...                              a method on the logarithms of a positive series (see logged)
//	clipped ar ...                             a method on a series whose odd days are drawn in (see clipped)
//
// Only when asked for, since chosen among the others they bring nothing: ets, the form of exponential smoothing whose AICc
// is least (see chosenETS), ets(M,N,M), ets(M,Ad,M) and ets(M,A,M) with a multiplicative season (see multipliedETS),
// standard theta and optimised theta.
//
// # What is known of days
//
// Batch.Known says what is known of a business's days. Closed days are kept out of the history and forecast as closed days
// have been (see closed). Holidays, events and measured columns such as weather are taken out of the history and put back on
// the forecast, when that lowers the rolling-origin error (see effects); holidays that are seldom met lean on the mean of
// their kind. Vintage.Effects lists them, and Calendar and Measured say what they do to each day.
//
// # History as it is
//
// Single wild days are put aside for fitting (see outliers), and what lies before a level shift near the end is brought to
// the new level (see shifts); both only when the rolling-origin error does not rise. Errors and bounds are measured against
// what was observed.
//
// # Components
//
// Each model splits its own path into trend and seasons (see splitter), combinations combine the parts as they do the paths,
// and known effects join them: Trend, Seasonal, LongSeasonal, Calendar and Measured sum to the forecast before it is brought
// into the KPI's range.
//
// # Totals and parts
//
// Reconcile brings the forecasts of totals and their parts to agree. It needs one number for each series and day of the
// window beside the vintage: the errors one step ahead, which Options.KeepErrors keeps. Nothing else of the window outlives
// its series.
//
// # Defined answers
//
//   - no observed value: no rows; Vintage.Rows shows an empty range and Method is "".
//   - one to three observed values: the last value, repeated; bounds from the
//     differences, and for a single value from the value itself.
//   - constant, also all zero: the constant; the bounds lie on it.
//   - missing days: filled for fitting, never counted in an error. Missing days at
//     the end widen the distance that is forecast over.
//   - an infinite value: the series is refused with a SeriesError; the others go on.
//   - silent, without a value for more than four horizons: the last value, repeated, with the bounds of a random walk.
//   - flat at the end for four seasons, at least 28 values, and three times as long as ever before: a series that stopped; it is constant since.
//   - KPIs with a range: values outside are read as they are; forecasts and bounds are never outside. Those of
//     whole numbers are whole, with bounds at the outermost ones between the bounds.
//
// Results depend on the series and the options alone: not on the number of workers, nor
// on the order or company of series in the batch.
package forecast
