// Package warehousetest runs the test files that lie beside SQL models: x.test.txtar
// beside x.sql.
//
// # What does a test file look like?
//
// It opens with a comment that says what is at stake, then has sections named
// <case>/<part>. A case is a word or several joined by hyphens:
//
//	A day of a business is its local day. A wrong zone moves sales to the day before.
//
//	-- typical/input/staging.kpi_point --
//	business_id varchar | kpi_id varchar | at timestamptz          | value double
//	cafe                | sales          | 2024-03-31 00:30:00     | 5
//	-- typical/input/staging.business --
//	business_id varchar | time_zone varchar
//	cafe                | Europe/Paris
//	-- typical/parameters --
//	as_of timestamptz   | window_start date | window_end date
//	2024-04-02 00:00:00 | 2024-03-01        | 2024-04-01
//	-- typical/want --
//	business_id varchar | day date   | value double
//	cafe                | 2024-03-31 | 5
//	-- typical/want/local_point --
//	day date
//	2024-03-31
//	-- empty/want --
//	business_id varchar | day date   | value double
//
// Tables are text: the first line names the columns with their types, divided by "|"
// where the line has one and by commas otherwise. Blanks around a cell do not count.
// Null is written null, an empty string "", and a cell in double quotes keeps its blanks
// and dividers. Instants without a zone are UTC. Lines that begin with # are remarks.
//
// An input is any relation that the model's header names; one that a case leaves out is empty. An input's
// columns that a case leaves out are null. Views are given directly, like tables.
// With a window in the parameters the result is cut to it as the engine does;
// inputs are taken as they are given. Without a parameters section, run.parameters holds one row of nulls.
// A model that reads run.window is also computed without bounds and for each month alone: the rows must be the same.
//
// Want lists the result's rows, of all columns or of some; want/<cte> those of one of
// the model's top-level CTEs. Rows compare as bags: order does not count, duplicates do. Floats are
// equal within 1e-9 of the greater magnitude.
//
// Every model has a test file with at least two cases, one of them without any input
// row, and in each case the result has the header's columns and a unique grain.
package warehousetest
