// Package graph reads the headers of the SQL models and puts models, views, checks
// and Go models into one order in which each relation comes after its inputs.
//
// # What does a model file look like?
//
// One file is one relation: marts/kpi_daily.sql makes marts.kpi_daily. The file opens
// with a comment header of exactly these keys in this order, then holds one SELECT
// without a semicolon:
//
//	-- relation: marts.kpi_daily
//	-- purpose: One value of every KPI for each local day of its business.
//	-- grain: business_id, kpi_id, day
//	-- inputs: staging.kpi_point, staging.kpi, staging.business, marts.fx_daily
//	-- built: window day by month lookback 7 days
//	-- owner: warehouse
//	-- columns:
//	--   business_id varchar - the business
//	--   kpi_id varchar - the KPI
//	--   day date local-day the business's local day
//	--   value double kpi-unit the day's value, null when nothing was measured
//	with
//	kpi_point as (
//	...
//
// A line that begins with two hyphens and at least three blanks continues the key above it; below columns
// each such line is one column: name, type, unit, meaning. The unit is one word, "-"
// where there is none. Types are those of dataset.ParseType: boolean, integer, bigint,
// double, varchar, date, timestamptz. The result has exactly these columns in this order.
//
// The grain names the columns that together make a row unique. They are never null.
//
// The inputs are all relations that the SELECT reads, those of the run included. A view
// hands its inputs on: they need not be repeated. run.parameters has one row: as_of
// timestamptz, window_start date, window_end date (the bounds are null when the model
// is not built by windows). A model that reads run.parameters is built again when the
// UTC day of as_of changes; finer parts of as_of must not decide anything.
//
// run.window has one row too: window_start date, window_end date, the window of the result that is
// kept. Only window models may read it, and only to save work: to leave out rows that no row of the window needs.
// It makes nothing stale, so the rows in the window must be the same whatever the bounds are. A null bound is
// no bound, as in a model pasted into a session.
//
// Built is one of
//
//	view                                    computed wherever it is read, never stored
//	table                                   computed whole whenever an input changed
//	window <column> by month [lookback N days] [lookahead N days]
//
// A window model is computed for the months that an input's change touches. Its inputs are
// mounted already cut to the months plus lookback days before and lookahead days after
// them, on their own time column; inputs without a time column come whole. An input whose
// time is an instant comes with one day more on both sides when the model's column is a date, so that local days are
// whole. The engine keeps the result's rows whose <column> lies in the months: rows of
// the margin may be computed half, they are dropped. So lookback is how many days back a row
// reads, and lookahead how many days on.
//
// # What may read what?
//
// Staging reads raw; marts read staging and marts; anomalies read marts; checks
// read anything. All may read run.parameters, and window models run.window. Staging is built as views, and
// nothing else but checks is.
//
// A check's relation is checks.<relation>_<rule>: checks.kpi_daily_finite guards marts.kpi_daily. It
// returns the offending rows, so no row is success. It is a view (run over all of its
// inputs) or a window (run over the changed months only).
package graph
