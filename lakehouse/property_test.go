package lakehouse_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/lakehouse/laketest"
)

// version is a table as the model knows it at one snapshot.
type version struct {
	snapshot int64
	rows     []dataset.KPIPointRow
}

// TestRandomCommitsMatchAModel applies random appends and replacements to a table and to a
// slice, and compares every version, windows of it, and what is said to have changed.
func TestRandomCommitsMatchAModel(t *testing.T) {
	t.Parallel()
	l := laketest.New(t)
	start := day(t, "2024-01-01")
	instants := rapid.Custom(func(r *rapid.T) time.Time {
		return start.Add(time.Duration(rapid.Int64Range(0, 120*24*3600).Draw(r, "second")) * time.Second)
	})
	tables, serial := 0, 0.0
	rapid.Check(t, func(r *rapid.T) {
		tables++
		d := dataset.KPIPoints()
		d.Name = fmt.Sprintf("raw.random_%d", tables)
		ensure(t, l, d)
		versions := []version{{}}
		for range rapid.IntRange(1, 3).Draw(r, "commits") {
			now := versions[len(versions)-1]
			rows := make([]dataset.KPIPointRow, rapid.IntRange(0, 5).Draw(r, "rows"))
			for i := range rows {
				serial++
				rows[i] = point(instants.Draw(r, "at"), serial)
			}
			next := version{rows: slices.Clone(now.rows)}
			var result lakehouse.Result
			var err error
			switch rapid.SampledFrom([]string{"append", "replace window", "replace all"}).Draw(r, "kind") {
			case "append":
				result, err = lakehouse.Append(t.Context(), l, d, lakehouse.Commit{}, rows)
			case "replace all":
				result, err = lakehouse.ReplaceAll(t.Context(), l, d, lakehouse.Commit{}, rows)
				next.rows = nil
			default:
				w := dataset.Window{Start: instants.Draw(r, "from")}
				w.End = w.Start.AddDate(0, 0, rapid.IntRange(1, 60).Draw(r, "days"))
				w = w.Align(dataset.Month)
				rows = slices.DeleteFunc(rows, func(p dataset.KPIPointRow) bool { return !w.Contains(p.At) })
				next.rows = slices.DeleteFunc(next.rows, func(p dataset.KPIPointRow) bool { return w.Contains(p.At) })
				result, err = replaceMonths(t, l, d, rows, w)
			}
			if err != nil {
				r.Fatal(err)
			}
			next.rows = append(next.rows, rows...)
			next.snapshot = result.Snapshot
			if !result.NoOp {
				versions = append(versions, next)
			}
		}
		newest := versions[len(versions)-1]
		w := dataset.Window{Start: instants.Draw(r, "start")}
		w.End = w.Start.Add(40 * 24 * time.Hour)
		for _, v := range versions {
			if v.snapshot != 0 {
				compare(r, t, l, d.Name, lakehouse.ReadOptions{Snapshot: v.snapshot}, v.rows)
				compare(r, t, l, d.Name, lakehouse.ReadOptions{Snapshot: v.snapshot, Window: w}, v.rows)
			}
			change, err := l.Changes(t.Context(), d.Name, v.snapshot)
			same := v.snapshot == newest.snapshot // commits may also undo each other, which leaves no file changed
			if err != nil || (same && !change.None) || change.All != (!change.None && v.snapshot == 0) {
				r.Fatalf("Changes since %d of %d = %+v, %v", v.snapshot, newest.snapshot, change, err)
			}
			for _, p := range differing(v.rows, newest.rows) {
				if change.None || (!change.All && !change.Window.Contains(p.At)) {
					r.Fatalf("Changes since %d = %+v, but the point at %s changed", v.snapshot, change, p.At)
				}
			}
		}
	})
}

func replaceMonths(t *testing.T, l *lakehouse.Lake, d dataset.Dataset, rows []dataset.KPIPointRow, w dataset.Window) (lakehouse.Result, error) {
	byMonth := map[time.Time][]dataset.KPIPointRow{}
	for _, p := range rows {
		m := dataset.Month.Truncate(p.At)
		byMonth[m] = append(byMonth[m], p)
	}
	files := make([][]dataset.KPIPointRow, 0, len(byMonth))
	for _, rows := range byMonth {
		files = append(files, rows)
	}
	return stageIn(t, l, d, files...).Replace(t.Context(), lakehouse.Commit{}, []dataset.Window{w})
}

// differing returns the points that are in one of two versions only.
func differing(a, b []dataset.KPIPointRow) []dataset.KPIPointRow {
	var found []dataset.KPIPointRow
	for _, pair := range [][2][]dataset.KPIPointRow{{a, b}, {b, a}} {
		for _, p := range pair[0] {
			if !slices.Contains(pair[1], p) {
				found = append(found, p)
			}
		}
	}
	return found
}

func compare(r *rapid.T, t *testing.T, l *lakehouse.Lake, table string, o lakehouse.ReadOptions, rows []dataset.KPIPointRow) {
	var want, got []float64
	for _, p := range rows {
		if o.Window.Contains(p.At) {
			want = append(want, p.Value)
		}
	}
	for _, row := range scan(t, l, table, []string{"value"}, o) {
		got = append(got, row[0].(float64))
	}
	slices.SortFunc(want, cmp.Compare[float64])
	slices.SortFunc(got, cmp.Compare[float64])
	if !slices.Equal(got, want) {
		r.Fatalf("version %d, window %s: values %v, want %v", o.Snapshot, o.Window, got, want)
	}
}
