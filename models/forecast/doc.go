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
// one. They are fitted again to all of history. The errors of their combination in the window, which none
// of them had been fitted to, give the bounds (see spread).
//
// A series whose methods were chosen less than Options.ReselectAfterDays ago keeps them:
// only those are fitted and rolled.
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
//   - KPIs declared non-negative: values below zero are read as they are; forecasts and
//     bounds are never below zero.
//
// Results depend on the series and the options alone: not on the number of workers, nor
// on the order or company of series in the batch.
package forecast
