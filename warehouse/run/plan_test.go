package run

import (
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse/graph"
)

// The planner is tested from inside: it is pure, and edges of windows are dear to reach through a lake.

func window(t *testing.T, start, end string) dataset.Window {
	t.Helper()
	from, err := time.Parse(time.DateOnly, start)
	if err != nil {
		t.Fatal(err)
	}
	to, err := time.Parse(time.DateOnly, end)
	if err != nil {
		t.Fatal(err)
	}
	return dataset.Window{Start: from, End: to}
}

func input(kind dataset.Type) dataset.Dataset {
	return dataset.Dataset{Name: "raw.x", Columns: []dataset.Column{{ID: 1, Name: "t", Type: kind}}, Time: "t"}
}

func TestWindowsThatAModelReadsAndAChangeTouches(t *testing.T) {
	weekly := shape{span: Windows, time: dataset.Column{Name: "week", Type: dataset.Date}, by: dataset.Month, lookback: 10, lookahead: 6}
	check := func(name, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s = %s, want %s", name, got, want)
		}
	}
	march, change := window(t, "2024-03-01", "2024-04-01"), window(t, "2024-03-05", "2024-03-06")
	check("reads days", weekly.reads(input(dataset.Date), march).String(), "[2024-02-20, 2024-04-07)")
	check("reads instants", weekly.reads(input(dataset.Timestamp), march).String(), "[2024-02-19, 2024-04-08)")
	check("reads without a time column", weekly.reads(dataset.Dataset{Name: "raw.y"}, march).String(), "[2024-02-20, 2024-04-07)")
	check("touches days", weekly.touches(input(dataset.Date), change).String(), "[2024-02-28, 2024-03-16)")
	check("touches instants", weekly.touches(input(dataset.Timestamp), change).String(), "[2024-02-27, 2024-03-17)")
	check("reaches", weekly.reaches(input(dataset.Date), change).String(), "[2024-02-01, 2024-04-01)")
	check("whole reads", shape{span: Whole}.reads(input(dataset.Date), dataset.Window{}).String(), "all of time")
	if _, err := weekly.split(window(t, "0024-03-05", "2024-03-06")); err == nil {
		t.Error("windows of two thousand years gave no error")
	}
}

func TestGroupJoinsNeighbours(t *testing.T) {
	got := group([]dataset.Window{window(t, "2024-03-01", "2024-04-01"), window(t, "2024-01-01", "2024-02-01"), window(t, "2024-02-01", "2024-03-01"), window(t, "2024-06-01", "2024-07-01")})
	if len(got) != 2 || got[0] != window(t, "2024-01-01", "2024-04-01") || got[1] != window(t, "2024-06-01", "2024-07-01") {
		t.Errorf("groups = %v", got)
	}
	if got := group([]dataset.Window{{}}); len(got) != 1 || !got[0].IsZero() {
		t.Errorf("group of all of time = %v", got)
	}
}

func TestPlanOfUntouchedWindowsAdvances(t *testing.T) {
	q := question{
		node:    graph.Node{Relation: "marts.x", Hash: "h"},
		shape:   shape{span: Windows, time: dataset.Column{Name: "day", Type: dataset.Date}, by: dataset.Month},
		entries: []entry{{window(t, "2024-01-01", "2024-02-01"), "h", map[string]int64{"raw.x": 1}}, {window(t, "2024-02-01", "2024-03-01"), "h", map[string]int64{"raw.x": 1}}},
		inputs:  map[string]int64{"raw.x": 2},
		dataset: func(string) dataset.Dataset { return input(dataset.Date) },
	}
	check := func(name string, c lakehouse.Change, all, advance bool, want ...dataset.Window) {
		t.Helper()
		q.changes = func(table string, since int64) (lakehouse.Change, error) {
			if table != "raw.x" || since != 1 {
				t.Errorf("asked for changes of %s since %d", table, since)
			}
			return c, nil
		}
		a, err := q.plan()
		if err != nil {
			t.Fatal(err)
		}
		if a.all != all || a.advance != advance || len(a.windows) != len(want) {
			t.Errorf("%s: %+v, want all %v, advance %v, windows %v", name, a, all, advance, want)
			return
		}
		for i, w := range want {
			if a.windows[i] != w {
				t.Errorf("%s: windows %v, want %v", name, a.windows, want)
			}
		}
	}
	february := window(t, "2024-02-01", "2024-03-01")
	check("rewritten files", lakehouse.Change{None: true}, false, true)
	check("one day", lakehouse.Change{Window: window(t, "2024-02-29", "2024-03-01")}, false, true, february)
	check("a new month", lakehouse.Change{Window: window(t, "2024-02-29", "2024-03-02")}, false, true, february, window(t, "2024-03-01", "2024-04-01"))
	check("history lost", lakehouse.Change{All: true}, true, false)
	q.inputs["raw.x"] = 1
	q.changes = nil
	if a, err := q.plan(); err != nil || a.all || a.advance || len(a.windows) != 0 {
		t.Errorf("same snapshot: %+v, %v, want nothing", a, err)
	}
	q.missing = true
	if a, err := q.plan(); err != nil || !a.all {
		t.Errorf("missing table: %+v, %v, want all", a, err)
	}
}
