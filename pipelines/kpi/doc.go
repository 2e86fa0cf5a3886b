// Package kpi reads KPI points from delimited text: how does a file that a business
// exports become values at instants, and what happens to lines that are wrong?
//
// The reader is strict and never guesses. A Spec names the columns, the time layouts, the
// zone and the decimal mark; only the delimiter may be detected, as the one under which the header holds
// the columns that the Spec names. The dialect is RFC 4180 in UTF-8, with one restriction: a
// record is one line. A quote that is not closed on its line spoils that line alone and can never swallow
// the lines after it; a quoted field with a line break in it is therefore refused, piece by
// piece, rather than repaired.
//
// Every line after the header either becomes one point or one reject that carries its line
// number, the reason and the text; blank lines are skipped. What the rest of a file says never changes
// how a line is read, with two stated exceptions, which look at earlier lines of the same KPI:
//
//   - A second value for the same instant is refused; the first one stands. The reason says whether the two agree.
//   - Where clocks go back, a local time happens twice. Its first occurrence in the file is the first in time, its
//     second the second. A file that holds it once means the first.
//
// Where clocks go forward, a local time that never was is refused. A date without a time of
// day is the first instant of that local day.
//
// A point after the instant that the run is as of is refused: its date is mistyped, or
// it belongs to a later run, which takes it.
//
// A unit is one file, "<source id>".
package kpi
