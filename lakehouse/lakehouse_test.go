package lakehouse_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/lakehouse/laketest"
)

func TestEveryTypeComesBack(t *testing.T) {
	t.Parallel()
	l := laketest.New(t)
	ensure(t, l, every())
	yes, small, big, real := true, int32(math.MinInt32), int64(math.MaxInt64), math.Inf(-1)
	text, moment := strings.Repeat("Zürich 東京 🏔 ", 4000), time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
	rows := []everyRow{
		{ID: "ω/..\x00'\"\n", At: day(t, "2024-02-29"), Truth: true, Small: math.MaxInt32, Big: math.MinInt64, Real: -0.1, Day: -719162,
			TruthN: &yes, SmallN: &small, BigN: &big, RealN: &real, TextN: &text, MomentN: &moment},
		{ID: "", At: time.Date(2024, 2, 1, 0, 0, 0, 1000, time.UTC), Day: 19_000},
		{ID: strings.Repeat("a", 300), At: day(t, "1960-01-01"), Real: math.MaxFloat64, TextN: new("")},
	}
	if _, err := lakehouse.Append(t.Context(), l, every(), lakehouse.Commit{RunID: "r", Unit: "u"}, rows); err != nil {
		t.Fatal(err)
	}
	want := [][]any{plain(rows[0]), plain(rows[1]), plain(rows[2])}
	got := scan(t, l, "raw.every", nil, lakehouse.ReadOptions{})
	if diff := cmp.Diff(want, got, cmpopts.SortSlices(func(a, b []any) bool { return a[0].(string) < b[0].(string) })); diff != "" {
		t.Errorf("rows differ (-landed +read):\n%s", diff)
	}
}

func TestLandingAgainIsANoOpUntilTheContentChanges(t *testing.T) {
	t.Parallel()
	l := laketest.New(t)
	ensure(t, l, dataset.KPIPoints())
	may := day(t, "2024-05-01")
	check := func(unit, content string, wantNoOp bool) {
		t.Helper()
		got := land(t, l, lakehouse.Commit{RunID: "r", Unit: unit, Content: content, AsOf: may}, point(may, 1))
		if got.NoOp != wantNoOp {
			t.Errorf("land %s with content %s: NoOp = %t, want %t", unit, content, got.NoOp, wantNoOp)
		}
	}
	check("u", "A", false)
	check("u", "A", true)
	check("v", "A", false)
	check("u", "A", true)
	check("u", "B", false)
	check("u", "B", true)
	check("u", "A", false)
	check("u", "", false)
	check("u", "A", false)
	if got, want := len(values(t, l, lakehouse.ReadOptions{})), 6; got != want {
		t.Errorf("rows after landing = %d, want %d", got, want)
	}
	snapshots, err := l.Snapshots(t.Context(), "raw.kpi_points")
	if err != nil {
		t.Fatal(err)
	}
	last := snapshots[len(snapshots)-1]
	want := lakehouse.Snapshot{ID: last.ID, Parent: snapshots[4].ID, At: last.At, RunID: "r", Unit: "u", Content: "A", AsOf: may, Operation: "append", Rows: 6, Added: 1}
	if diff := cmp.Diff(want, last); diff != "" || len(snapshots) != 6 {
		t.Errorf("%d snapshots, want 6; the last differs (-want +got):\n%s", len(snapshots), diff)
	}
}

func TestLandingNothingIsRecordedWhenItHasContent(t *testing.T) {
	t.Parallel()
	l := laketest.New(t)
	ensure(t, l, dataset.KPIPoints())
	may := day(t, "2024-05-01")
	check := func(content string, wantNoOp bool, rows ...dataset.KPIPointRow) {
		t.Helper()
		got, err := lakehouse.ReplaceAll(t.Context(), l, dataset.KPIPoints(), lakehouse.Commit{Unit: "u", Content: content}, rows)
		if err != nil || got.NoOp != wantNoOp {
			t.Errorf("ReplaceAll of %d rows with content %q = %+v, %v, want NoOp %t", len(rows), content, got, err, wantNoOp)
		}
	}
	check("", true)
	check("none", false)
	check("none", true)
	check("A", false, point(may, 1))
	check("none", false)
	check("A", false, point(may, 1))
	if got := values(t, l, lakehouse.ReadOptions{}); len(got) != 1 {
		t.Errorf("values = %v, want [1]", got)
	}
}

func TestAbsentThingsHaveTheirErrors(t *testing.T) {
	t.Parallel()
	l := laketest.New(t)
	check := func(what string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) || !strings.Contains(err.Error(), "raw.kpi_points") {
			t.Errorf("%s: error = %v, want one that names the table and is %v", what, err, want)
		}
	}
	name := "raw.kpi_points"
	_, err := l.Files(t.Context(), name, lakehouse.ReadOptions{})
	check("Files", err, lakehouse.ErrNoTable)
	_, err = l.Scan(t.Context(), name, nil, lakehouse.ReadOptions{})
	check("Scan", err, lakehouse.ErrNoTable)
	_, err = l.Changes(t.Context(), name, 1)
	check("Changes", err, lakehouse.ErrNoTable)
	_, err = l.Snapshots(t.Context(), name)
	check("Snapshots", err, lakehouse.ErrNoTable)
	_, err = l.Stage(t.Context(), dataset.KPIPoints())
	check("Stage", err, lakehouse.ErrNoTable)
	_, err = lakehouse.Append(t.Context(), l, dataset.KPIPoints(), lakehouse.Commit{}, []dataset.KPIPointRow{{}})
	check("Append", err, lakehouse.ErrNoTable)
	ensure(t, l, dataset.KPIPoints())
	_, err = l.Files(t.Context(), name, lakehouse.ReadOptions{Snapshot: 42})
	check("Files of a snapshot", err, lakehouse.ErrNoSnapshot)
	files, err := l.Files(t.Context(), name, lakehouse.ReadOptions{})
	if err != nil || files.Snapshot != 0 || len(files.Paths) != 0 || len(files.Dataset.Columns) != 6 {
		t.Errorf("Files of an empty table = %+v, %v, want no snapshot, no paths, 6 columns", files, err)
	}
}

func TestOldVersionsCanBeRead(t *testing.T) {
	t.Parallel()
	l := laketest.New(t)
	ensure(t, l, dataset.KPIPoints())
	may := day(t, "2024-05-01")
	first := land(t, l, lakehouse.Commit{}, point(may, 1))
	land(t, l, lakehouse.Commit{}, point(may.AddDate(0, 0, 1), 2))
	third, err := lakehouse.ReplaceAll(t.Context(), l, dataset.KPIPoints(), lakehouse.Commit{}, []dataset.KPIPointRow{point(may, 3)})
	if err != nil {
		t.Fatal(err)
	}
	snapshots, err := l.Snapshots(t.Context(), "raw.kpi_points")
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, o lakehouse.ReadOptions, wantSnapshot int64, want ...float64) {
		t.Helper()
		files, err := l.Files(t.Context(), "raw.kpi_points", o)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, values(t, l, o), cmpopts.EquateEmpty()); diff != "" || files.Snapshot != wantSnapshot {
			t.Errorf("%s: snapshot %d, want %d; values differ (-want +got):\n%s", what, files.Snapshot, wantSnapshot, diff)
		}
	}
	check("newest", lakehouse.ReadOptions{}, third.Snapshot, 3)
	check("first by id", lakehouse.ReadOptions{Snapshot: first.Snapshot}, first.Snapshot, 1)
	check("as of the last", lakehouse.ReadOptions{AsOf: snapshots[2].At}, third.Snapshot, 3)
	check("before the first", lakehouse.ReadOptions{AsOf: snapshots[0].At.Add(-time.Millisecond)}, 0)
	if snapshots[1].At.Before(snapshots[2].At) {
		check("as of the second", lakehouse.ReadOptions{AsOf: snapshots[1].At}, snapshots[1].ID, 1, 2)
	}
}

func TestWindowsPruneFilesAndCutRows(t *testing.T) {
	t.Parallel()
	l := laketest.New(t)
	ensure(t, l, dataset.KPIPoints())
	ensure(t, l, dataset.Rates())
	at := time.Date(2024, 5, 31, 23, 59, 59, 999_999_000, time.UTC)
	land(t, l, lakehouse.Commit{}, point(at, 1), point(at.Add(time.Microsecond), 2), point(at.AddDate(0, 0, -20), 3))
	check := func(w dataset.Window, wantFiles int, want ...float64) {
		t.Helper()
		files, err := l.Files(t.Context(), "raw.kpi_points", lakehouse.ReadOptions{Window: w})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, values(t, l, lakehouse.ReadOptions{Window: w}), cmpopts.EquateEmpty()); diff != "" || len(files.Paths) != wantFiles {
			t.Errorf("window %s: %d files, want %d; values differ (-want +got):\n%s", w, len(files.Paths), wantFiles, diff)
		}
	}
	check(dataset.Window{}, 2, 3, 1, 2)
	check(month(t, "2024-05"), 1, 3, 1)
	check(month(t, "2024-06"), 1, 2)
	check(month(t, "2024-07"), 0)
	check(dataset.Window{Start: at, End: at.Add(time.Nanosecond)}, 1, 1)
	check(dataset.Window{Start: at.Add(1), End: at.Add(time.Microsecond)}, 0)

	rates := []dataset.RateRow{{Day: dataset.ToDays(at), Base: "EUR", Quote: "USD", Rate: 1, LandedAt: at}, {Day: dataset.ToDays(at) + 1, Base: "EUR", Quote: "USD", Rate: 2, LandedAt: at}}
	if _, err := lakehouse.Append(t.Context(), l, dataset.Rates(), lakehouse.Commit{}, rates); err != nil {
		t.Fatal(err)
	}
	got := scan(t, l, "raw.fx_rates", []string{"rate"}, lakehouse.ReadOptions{Window: dataset.Window{Start: at, End: at.AddDate(0, 0, 1)}})
	if diff := cmp.Diff([][]any{{2.0}}, got); diff != "" {
		t.Errorf("rates of days that begin after %s differ (-want +got):\n%s", at, diff)
	}
}
