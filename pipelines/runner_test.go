package pipelines_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/lakehouse/laketest"
	"github.com/signalcraft/signalcraft/pipelines"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// listed is a source of ready batches, in which a nil batch stands for a unit that fails.
type listed []*pipelines.Batch

func (listed) Name() string { return "listed" }

func (l listed) Read(_ context.Context, in pipelines.Input, out func(pipelines.Batch) error) error {
	var failed []error
	for i, b := range l {
		if b == nil {
			failed = append(failed, fmt.Errorf("unit %d: upstream is down", i))
			continue
		}
		c := *b
		c.KPIPoints, c.Rejects = slices.Clone(b.KPIPoints), slices.Clone(b.Rejects)
		for r := range c.KPIPoints {
			c.KPIPoints[r].LandedAt = in.AsOf
		}
		if err := out(c); err != nil {
			return errors.Join(append(failed, err)...)
		}
	}
	return errors.Join(failed...)
}

func point(day int, value float64) dataset.KPIPointRow {
	return dataset.KPIPointRow{BusinessID: "b", KPIID: "k", SourceID: "s", At: time.Date(2024, 5, day, 0, 0, 0, 0, time.UTC), Value: value}
}

func unit(name string, rejects []dataset.RejectRow, points ...dataset.KPIPointRow) *pipelines.Batch {
	return &pipelines.Batch{Unit: name, RowsIn: len(points) + len(rejects), KPIPoints: points, Rejects: rejects}
}

// texts returns a column of text or, joined by a blank, several, of every row of table, sorted.
func texts(t *testing.T, lake *lakehouse.Lake, table string, columns ...string) []string {
	t.Helper()
	batches, err := lake.Scan(t.Context(), table, columns, lakehouse.ReadOptions{})
	if errors.Is(err, lakehouse.ErrNoTable) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for batch, err := range batches {
		if err != nil {
			t.Fatal(err)
		}
		for i := range int(batch.NumRows()) {
			var parts []string
			for _, name := range columns {
				column := batch.Column(batch.Schema().FieldIndices(name)[0])
				parts = append(parts, column.ValueStr(i))
			}
			rows = append(rows, strings.Join(parts, " "))
		}
		batch.Release()
	}
	slices.Sort(rows)
	return rows
}

func TestRunner(t *testing.T) {
	lake := laketest.New(t)
	clock := time.Date(2024, 6, 1, 2, 0, 0, 0, time.UTC)
	runner, err := pipelines.NewRunner(pipelines.RunnerConfig{
		Lake: lake,
		Now:  func() time.Time { clock = clock.Add(time.Second); return clock },
	})
	if err != nil {
		t.Fatal(err)
	}
	runs := 0
	run := func(name string, src listed, want pipelines.Report, wantErr string) {
		t.Helper()
		runs++
		asOf := time.Date(2024, 6, runs, 2, 0, 0, 123456789, time.FixedZone("", 3600))
		got, err := runner.Run(t.Context(), src, pipelines.Input{AsOf: asOf}, fmt.Sprintf("run-%d", runs))
		if (err == nil) != (wantErr == "") || (err != nil && !strings.Contains(err.Error(), wantErr)) {
			t.Errorf("%s: error %v, want %q", name, err, wantErr)
		}
		if got.Took <= 0 || got.RowsIn != got.RowsOut+got.Quarantined+got.Unchanged {
			t.Errorf("%s: report %+v does not add up", name, got)
		}
		got.Took = 0
		want.Source = "listed"
		if got != want {
			t.Errorf("%s: report %+v, want %+v", name, got, want)
		}
	}
	points := func(want ...string) {
		t.Helper()
		if got := texts(t, lake, "raw.kpi_points", "at", "value"); !slices.Equal(got, want) {
			t.Errorf("the lake holds %v, want %v", got, want)
		}
	}
	bad := []dataset.RejectRow{pipelines.Reject(dataset.KPIPoints(), 7, "no \x00 number", strings.Repeat("é", 5000)+"\xff")}
	src := listed{unit("one", bad, point(2, 2), point(1, 1)), nil, unit("two", nil, point(3, 3))}

	run("first", src, pipelines.Report{Units: 2, RowsIn: 4, RowsOut: 3, Quarantined: 1}, "read source listed: unit 1: upstream is down")
	points("2024-05-01T00:00:00Z 1", "2024-05-02T00:00:00Z 2", "2024-05-03T00:00:00Z 3")

	src[0] = unit("one", bad, point(1, 1), point(2, 2)) // the same rows in another order, as of another day
	run("again", src, pipelines.Report{Units: 2, RowsIn: 4, Unchanged: 4}, "upstream is down")
	points("2024-05-01T00:00:00Z 1", "2024-05-02T00:00:00Z 2", "2024-05-03T00:00:00Z 3")

	src[1] = unit("healed", nil, point(4, 4))
	src[2] = unit("two", nil, point(3, 3.5))
	run("healed and corrected", src, pipelines.Report{Units: 3, RowsIn: 5, RowsOut: 2, Unchanged: 3}, "")
	points("2024-05-01T00:00:00Z 1", "2024-05-02T00:00:00Z 2", "2024-05-03T00:00:00Z 3", "2024-05-03T00:00:00Z 3.5", "2024-05-04T00:00:00Z 4")

	want := []string{"listed raw.kpi_points one 7 no \u2400 number 2024-06-01T01:00:00.123456Z"}
	if got := texts(t, lake, "raw.quarantine", "source", "dataset", "unit", "line", "reason", "landed_at"); !slices.Equal(got, want) {
		t.Errorf("the quarantine holds %q, want %q", got, want)
	}
	if got := texts(t, lake, "raw.quarantine", "raw"); len(got) != 1 || got[0] != strings.Repeat("é", 2048) {
		t.Errorf("the quarantine kept %d bytes of raw text, want 4096 of whole letters", len(got[0]))
	}

	run("counts that do not add up", listed{{Unit: "x", RowsIn: 2, KPIPoints: []dataset.KPIPointRow{point(1, 1)}}, unit("late", nil, point(9, 9))},
		pipelines.Report{}, "2 rows were read, but 1 were accepted and 0 refused")
	run("no name", listed{unit("", nil, point(1, 1))}, pipelines.Report{}, "the unit has no name")

	day := func(n int32) []dataset.HolidayRow { return []dataset.HolidayRow{{Country: "DE", Day: n, Name: "x"}} }
	run("holidays", listed{{Unit: "h", RowsIn: 1, Holidays: day(1)}}, pipelines.Report{Units: 1, RowsIn: 1, RowsOut: 1}, "")
	run("holidays replace", listed{{Unit: "h", RowsIn: 1, Holidays: day(2)}}, pipelines.Report{Units: 1, RowsIn: 1, RowsOut: 1}, "")
	if got := texts(t, lake, "raw.calendar_holidays", "day"); !slices.Equal(got, []string{"1970-01-03"}) {
		t.Errorf("holidays are %v, want only the last", got)
	}
	run("no holidays given", listed{unit("n", nil, point(1, 1))}, pipelines.Report{Units: 1, RowsIn: 1, Unchanged: 1}, "")
	if got := texts(t, lake, "raw.calendar_holidays", "day"); len(got) != 1 {
		t.Errorf("holidays are %v after a unit without any, want them left alone", got)
	}
	run("holidays removed", listed{{Unit: "h", Holidays: []dataset.HolidayRow{}}}, pipelines.Report{Units: 1}, "")
	if got := texts(t, lake, "raw.calendar_holidays", "day"); len(got) != 0 {
		t.Errorf("holidays are %v, want none left", got)
	}
}

// TestOnlyNewRowsLand lands random batches of few keys and compares with a map that is the last value of each.
func TestOnlyNewRowsLand(t *testing.T) {
	lake := laketest.New(t)
	runner, err := pipelines.NewRunner(pipelines.RunnerConfig{Lake: lake, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	const seed = 20240601
	random := rand.New(rand.NewPCG(seed, 1))
	model := map[int]float64{}
	for round := range 24 {
		points, changed := map[int]float64{}, 0
		for range 1 + random.IntN(6) {
			points[1+random.IntN(9)] = float64(random.IntN(3))
		}
		batch := unit(fmt.Sprintf("unit-%d", random.IntN(3)), nil)
		for day, value := range points {
			batch.KPIPoints = append(batch.KPIPoints, point(day, value))
			if old, held := model[day]; !held || old != value {
				changed++
			}
			model[day] = value
		}
		batch.RowsIn = len(batch.KPIPoints)
		asOf := time.Date(2024, 6, 1, round, 0, 0, 0, time.UTC)
		report, err := runner.Run(t.Context(), listed{batch}, pipelines.Input{AsOf: asOf}, "run")
		if err != nil {
			t.Fatalf("seed %d round %d: %v", seed, round, err)
		}
		if report.RowsOut != changed || report.Unchanged != len(points)-changed {
			t.Errorf("seed %d round %d: %+v, want %d new rows of %d", seed, round, report, changed, len(points))
		}
		latest := map[string]string{}
		for _, row := range texts(t, lake, "raw.kpi_points", "at", "landed_at", "value") {
			parts := strings.Fields(row) // in order of landing for each day
			latest[parts[0]] = parts[2]
		}
		for day, value := range model {
			if got, want := latest[point(day, 0).At.Format(time.RFC3339)], fmt.Sprint(value); got != want {
				t.Errorf("seed %d round %d: the latest value of day %d is %s, want %s", seed, round, day, got, want)
			}
		}
	}
}

// TestAnEarlierInstantChangesNothing lands a correction as of an instant before that of
// what the lake holds: readers would not see it, so it waits for a later run.
func TestAnEarlierInstantChangesNothing(t *testing.T) {
	lake := laketest.New(t)
	runner, err := pipelines.NewRunner(pipelines.RunnerConfig{Lake: lake, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	run := func(hour int, value float64, want pipelines.Report) {
		t.Helper()
		asOf := time.Date(2024, 6, 1, hour, 0, 0, 0, time.UTC)
		got, err := runner.Run(t.Context(), listed{unit("u", nil, point(1, value))}, pipelines.Input{AsOf: asOf}, "run")
		if err != nil {
			t.Fatal(err)
		}
		got.Took = 0
		want.Source, want.Units, want.RowsIn = "listed", 1, 1
		if got != want {
			t.Errorf("value %v as of %d o'clock: %+v, want %+v", value, hour, got, want)
		}
	}
	run(10, 1, pipelines.Report{RowsOut: 1})
	run(9, 2, pipelines.Report{Unchanged: 1, Outdated: 1})
	run(9, 1, pipelines.Report{Unchanged: 1})
	run(10, 2, pipelines.Report{Unchanged: 1, Outdated: 1})
	run(11, 2, pipelines.Report{RowsOut: 1})
}
