package warehousetest

import (
	"strings"
	"testing"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse"
	"github.com/signalcraft/signalcraft/warehouse/graph"
)

const doubled = `-- relation: marts.doubled
-- purpose: Values twice.
-- grain: id
-- inputs: staging.item
-- built: table
-- owner: warehouse
-- columns:
--   id varchar - the item
--   value double - twice its value
with item as (select id, value from staging.item)
select id, value * 2 as value
from item
`

// TestCasesFail is from inside because a failing Run would fail this test too.
func TestCasesFail(t *testing.T) {
	model, err := graph.Parse("marts/doubled.sql", []byte(doubled))
	if err != nil {
		t.Fatal(err)
	}
	item := dataset.Dataset{Name: "staging.item", Columns: []dataset.Column{{Name: "id", Type: dataset.String}, {Name: "value", Type: dataset.Float64}}}
	session, err := warehouse.Open(t.Context(), warehouse.Config{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	check := func(sections, want string) {
		t.Helper()
		cases, err := parseFile([]byte("At stake.\n-- c/input/staging.item --\nid varchar | value double\na | 1.5\nb | null\n" + sections))
		if err == nil {
			err = cases[0].run(t.Context(), session, model, map[string]dataset.Dataset{item.Name: item})
		}
		if want == "" && err != nil {
			t.Errorf("case\n%s\nerror: %v", sections, err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("case\n%s\nerror: %v, want one with %q", sections, err, want)
		}
	}
	check("-- c/want --\nvalue double | id varchar\nnull | b\n3.0000000001 | a\n", "")
	check("-- c/want --\nid varchar\na\nb\n-- c/want/item --\nvalue double\n1.5\nnull\n", "")
	check("-- c/want --\nvalue double | id varchar\nnull | b\n3.00001 | a\n", "missing:    3.00001 | a\nunexpected: 3 | a")
	check("-- c/want --\nid varchar\na\nb\nb\n", "missing:    b")
	check("-- c/want --\nid varchar\na\n", "unexpected: b")
	check("-- c/want --\nid bigint\n", "column id is varchar, not bigint")
	check("-- c/want --\nother bigint\n", "no column other")
	check("-- c/want --\nid varchar\na\nb\n-- c/want/item --\nvalue double\n1.5\n2\n", "missing:    2")
	check("-- c/want --\nid varchar\na\nb\n-- c/want/nothing --\nvalue double\n", "nothing")
	check("-- c/want/item --\nvalue double\n", "case c has no section c/want")
	check("-- c/wants --\nvalue double\n", `got "wants"`)
	check("-- c/want --\nid\n", "want name and type")
	check("-- c/want --\nid varchar | value double\na\n", "1 cells under 2 columns")
	check("-- c/want --\nid varchar, value double\na,\n", "cell 2 is empty")
	check("-- c/want --\nid varchar, value double\n\"a, 1\n", "quoted cell")
	check("-- c/want --\nid varchar\n-- c/want --\nid varchar\n", "stands twice")
	check("-- c/input/raw.other --\nid varchar\n-- c/want --\nid varchar\n", "raw.other is not an input")
	check("-- c/want --\nid varchar\na\nb\n-- c/parameters --\nas_of timestamptz\n", "want one row, got 0")
}

const running = `-- relation: marts.running
-- purpose: Sums of two days.
-- grain: day
-- inputs: staging.item, run.window
-- built: window day by month lookback 1 day
-- owner: warehouse
-- columns:
--   day date local-day the day
--   value double - sum of it and the day before
with item as (select day, value from staging.item),
read_item as (
    select item.day, item.value
    from item
    cross join run.window as output_window
    where output_window.window_start is null or item.day >= output_window.window_start - interval '1' day
)
select day, sum(value) over (order by day range between interval '1' day preceding and current row) as value
from read_item
`

func TestBoundsMustNotChangeRows(t *testing.T) {
	item := dataset.Dataset{Name: "staging.item", Columns: []dataset.Column{{Name: "day", Type: dataset.Date}, {Name: "value", Type: dataset.Float64}}}
	session, err := warehouse.Open(t.Context(), warehouse.Config{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	cases, err := parseFile([]byte("At stake.\n-- c/input/staging.item --\nday date | value double\n2024-03-31 | 1\n2024-04-01 | 2\n" +
		"-- c/parameters --\nas_of timestamptz | window_start date | window_end date\n2024-05-01 | 2024-03-01 | 2024-05-01\n" +
		"-- c/want --\nday date | value double\n2024-03-31 | 1\n2024-04-01 | 3\n"))
	if err != nil {
		t.Fatal(err)
	}
	check := func(text, want string) {
		t.Helper()
		model, err := graph.Parse("marts/running.sql", []byte(text))
		if err == nil {
			err = cases[0].run(t.Context(), session, model, map[string]dataset.Dataset{item.Name: item})
		}
		if (want == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), want)) {
			t.Errorf("error: %v, want one with %q", err, want)
		}
	}
	check(running, "")
	check(strings.Replace(running, "window_start - interval '1' day", "window_start", 1), "missing:    2024-04-01 | 3\nunexpected: 2024-04-01 | 2")
	check(strings.Replace(running, "output_window.window_start is null or", "", 1), "unexpected: 2024-03-31 | 1")
}
