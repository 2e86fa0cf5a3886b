package graph_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse/graph"
)

const daily = `-- relation: marts.kpi_daily
-- purpose: One value of every KPI
--   for each local day.
-- grain: kpi_id, day
-- inputs: staging.kpi_point,
--   staging.business, run.parameters
-- built: window day by month lookback 7 days lookahead 1 day
-- owner: warehouse
-- columns:
--   kpi_id varchar - the KPI
--   day date local-day the day
--   value double kpi-unit its value: null when nothing was measured
with a as (select 1)
select 1 -- not a header line
`

func TestParseReadsEveryKey(t *testing.T) {
	m, err := graph.Parse("marts/kpi_daily.sql", []byte(daily))
	if err != nil {
		t.Fatal(err)
	}
	if m.Relation != "marts.kpi_daily" || m.Purpose != "One value of every KPI for each local day." || m.Owner != "warehouse" {
		t.Errorf("relation %q, purpose %q, owner %q", m.Relation, m.Purpose, m.Owner)
	}
	if got, want := strings.Join(m.Inputs, " "), "staging.kpi_point staging.business run.parameters"; got != want {
		t.Errorf("inputs = %s, want %s", got, want)
	}
	if want := (graph.Built{Kind: graph.Window, Time: "day", By: dataset.Month, LookbackDays: 7, LookaheadDays: 1}); m.Built != want {
		t.Errorf("built = %+v, want %+v", m.Built, want)
	}
	if want := (graph.Column{Name: "value", Type: dataset.Float64, Unit: "kpi-unit", Meaning: "its value: null when nothing was measured"}); m.Columns[2] != want {
		t.Errorf("column = %+v, want %+v", m.Columns[2], want)
	}
	if want := "with a as (select 1)\nselect 1 -- not a header line"; m.SQL != want {
		t.Errorf("SQL = %q, want %q", m.SQL, want)
	}
	d := m.Dataset()
	if err := d.Validate(); err != nil {
		t.Error(err)
	}
	if d.Time != "day" || d.Partition != (dataset.Partition{Column: "day", Transform: dataset.Month}) || !slices.Equal(d.Key, []string{"kpi_id", "day"}) || !slices.Equal(d.Sort, d.Key) {
		t.Errorf("dataset = %+v", d)
	}
}

func TestParseRefuses(t *testing.T) {
	check := func(old, replacement, want string) {
		t.Helper()
		text := strings.Replace(daily, old, replacement, 1)
		if text == daily {
			t.Fatalf("%q is not in the header", old)
		}
		_, err := graph.Parse("marts/kpi_daily.sql", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "marts/kpi_daily.sql") {
			t.Errorf("%q in place of %q: error %v, want one with %q and the path", replacement, old, err, want)
		}
	}
	check("-- purpose", "-- purposes", `line 2: want key "purpose"`)
	check("-- owner: warehouse\n", "", `line 8: want key "owner"`)
	check("-- relation: marts.kpi_daily\n", "-- purpose: x\n-- relation: marts.kpi_daily\n", `line 1: want key "relation"`)
	check("-- columns:", "-- columns", `want key "columns"`)
	check("-- owner: warehouse", "-- owner:", `key "owner" is empty`)
	check("-- owner: warehouse", "-- owner: warehouse\n--   and more", "takes one line")
	check("--   value double", "-- value double", "no column line")
	check("with a as (select 1)\nselect 1 -- not a header line\n", "", "no SELECT")
	check("with a as (select 1)\nselect", "create table x as select", "one SELECT")
	check("select 1 --", "select 1; --", "semicolon")
	check("window day by month", "window day by week", "built")
	check("window day by month", "window value by month", "must be a date or timestamptz")
	check("window day by month lookback 7 days lookahead 1 day", "view", "not view")
	check("day date local-day the day", "day date", "want name, type, unit")
	check("day date", "day datetime", `column type "datetime"`)
	check("value double", "day double", "stands twice")
	check("value double", "Value double", "lower snake case")
	check("grain: kpi_id, day", "grain: kpi_id, at", `grain column "at"`)
	check("staging.business,", "staging.kpi_point,", "stands twice")
	check("staging.business,", "business,", "not schema.name")
	check("run.parameters\n-- built: window day by month lookback 7 days lookahead 1 day", "run.window\n-- built: table", "input run.window is for models that are built by windows")
	check("relation: marts.kpi_daily", "relation: marts.kpi_weekly", "must stand in file marts/kpi_weekly.sql")
	check("relation: marts.kpi_daily", "relation: mart.kpi_daily", "want one of staging")
}

// Model files are written by people, and a broken one must give an error, never a panic or half a model.
func FuzzParse(f *testing.F) {
	f.Add(daily)                                             // whole
	f.Add(strings.ReplaceAll(daily, "\n", "\r\n"))           // line ends of other systems
	f.Add(daily[:60])                                        // cut within the header
	f.Add("--\n--    \n-- :\n--   x\n")                      // nothing but hyphens
	f.Add(strings.Replace(daily, "day date", "", 1))         // a column too few
	f.Add(strings.Replace(daily, "7 days", "99999 days", 1)) // number out of range
	f.Fuzz(func(t *testing.T, text string) {
		m, err := graph.Parse("marts/kpi_daily.sql", []byte(text))
		if err != nil {
			return
		}
		if err := m.Dataset().Validate(); err != nil {
			t.Errorf("a parsed model has no valid dataset: %v\n%s", err, text)
		}
		if m.Purpose == "" || m.Owner == "" || m.SQL == "" || len(m.Inputs) == 0 {
			t.Errorf("a parsed model lacks a key: %+v", m)
		}
	})
}
