package lakehouse_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	icebergio "github.com/apache/iceberg-go/io"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/lakehouse/laketest"
)

const gone, stays = "11111111-1111-7111-8111-111111111111", "22222222-2222-7222-8222-222222222222"

// pointsOf are daily points of one business over some days from the first of May.
func pointsOf(business string, days int) []dataset.KPIPointRow {
	first := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	rows := make([]dataset.KPIPointRow, days)
	for i := range rows {
		rows[i] = dataset.KPIPointRow{BusinessID: business, KPIID: "kpi of " + business, At: first.AddDate(0, 0, i), Value: float64(i), SourceID: "s", LandedAt: first}
	}
	return rows
}

// traces returns what of text the files below dir still hold: rows of Parquet files, bounds in manifests, plain text.
func traces(t *testing.T, dir, text string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		switch {
		case strings.Contains(string(content), text):
			found = append(found, path+": its bytes")
		case strings.HasSuffix(path, ".parquet"):
			found = append(found, laketest.Texts(t, path, text)...)
		case strings.Contains(filepath.Base(path), "-m") && strings.HasSuffix(path, ".avro"):
			found = append(found, bounds(t, path, text)...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// bounds returns the bounds in a manifest that begin as text does, entries of removed files included.
func bounds(t *testing.T, path, text string) []string {
	t.Helper()
	var files icebergio.IO = icebergio.LocalFS{}
	file, err := files.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	entries, err := iceberg.ReadManifest(iceberg.NewManifestFile(2, path, 0, 0, 1).Build(), file, false)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, entry := range entries {
		for id, bound := range entry.DataFile().LowerBoundValues() {
			if strings.HasPrefix(text, string(bound)) && len(bound) > 4 {
				found = append(found, fmt.Sprintf("%s: bound %q of column %d, status %d", path, bound, id, entry.Status()))
			}
		}
	}
	return found
}

func TestRemovedRowsAreGoneFromTheDisk(t *testing.T) {
	t.Parallel()
	db, dir := newPlace(t)
	l := laketest.Open(t, db, dir)
	ensure(t, l, dataset.KPIPoints())
	land(t, l, lakehouse.Commit{Unit: "a"}, append(pointsOf(gone, 60), pointsOf(stays, 60)...)...)
	land(t, l, lakehouse.Commit{Unit: "b"}, pointsOf(stays, 3)...)
	land(t, l, lakehouse.Commit{Unit: "c"}, pointsOf(gone, 3)...)
	want := rowsOf(t, l, stays)
	untouched, err := l.Files(t.Context(), "raw.kpi_points", lakehouse.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before := untouched.Snapshot
	removed, err := l.RemoveRows(t.Context(), "raw.kpi_points", lakehouse.Commit{RunID: "run", Unit: "erase"}, "business_id", []string{gone, "unknown"})
	if err != nil || removed != (lakehouse.Removed{Rows: 63, Files: 3}) {
		t.Fatalf("RemoveRows = %+v, %v; want 63 rows of 3 files", removed, err)
	}
	if got := rowsOf(t, l, stays); !reflect.DeepEqual(got, want) {
		t.Errorf("the other business has %d rows, want the %d it had", len(got), len(want))
	}
	if got := rowsOf(t, l, gone); len(got) != 0 {
		t.Errorf("%d rows are left", len(got))
	}
	now, err := l.Files(t.Context(), "raw.kpi_points", lakehouse.ReadOptions{})
	if err != nil || len(now.Paths) != 3 || !reflect.DeepEqual(common(now.Paths, untouched.Paths), 1) {
		t.Errorf("files: %v, %v; want two new ones and the one that held nothing of it", now.Paths, err)
	}
	if len(traces(t, dir, gone)) == 0 {
		t.Error("older snapshots are without the rows already: the search finds nothing")
	}
	holding, err := l.Holding(t.Context(), "raw.kpi_points", "business_id", []string{gone})
	if err != nil || len(holding) != 4 {
		t.Errorf("Holding = %v, %v; want the three snapshots before and the one that took the files out", holding, err)
	}
	n, err := l.Expire(t.Context(), "raw.kpi_points", func(s lakehouse.Snapshot) bool { return holding[s.ID] })
	if err != nil || n != 4 {
		t.Errorf("Expire = %d, %v; want 4", n, err)
	}
	if _, err := l.RemoveOrphans(t.Context(), "raw.kpi_points", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if found := traces(t, dir, gone); len(found) > 0 {
		t.Errorf("traces on disk:\n%s", strings.Join(found, "\n"))
	}
	if got := rowsOf(t, l, stays); !reflect.DeepEqual(got, want) {
		t.Errorf("the other business has %d rows after the orphans went, want the %d it had", len(got), len(want))
	}
	for _, version := range []int64{before, now.Snapshot} {
		if c, err := l.Changes(t.Context(), "raw.kpi_points", version); err != nil || !c.None {
			t.Errorf("Changes since version %d: %+v, %v; want none", version, c, err)
		}
	}
	land(t, l, lakehouse.Commit{Unit: "d"}, pointsOf(stays, 2)...)
	c, err := l.Changes(t.Context(), "raw.kpi_points", before)
	if err != nil || c.All || c.None || c.Window.End.After(day(t, "2024-05-03")) {
		t.Errorf("Changes after two more days: %+v, %v; want these", c, err)
	}
	again, err := l.RemoveRows(t.Context(), "raw.kpi_points", lakehouse.Commit{Unit: "erase"}, "business_id", []string{gone})
	if err != nil || again != (lakehouse.Removed{}) {
		t.Errorf("RemoveRows again = %+v, %v; want nothing", again, err)
	}
}

func common(a, b []string) int {
	n := 0
	for _, x := range a {
		for _, y := range b {
			if x == y {
				n++
			}
		}
	}
	return n
}

// rowsOf reads all points of a business.
func rowsOf(t *testing.T, l *lakehouse.Lake, business string) [][]any {
	t.Helper()
	var rows [][]any
	for _, row := range scan(t, l, "raw.kpi_points", nil, lakehouse.ReadOptions{}) {
		if row[0] == business {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b []any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return rows
}

// TestRowsAreRemovedWhileOthersWrite replaces the table again and again meanwhile: neither loses what the other did.
func TestRowsAreRemovedWhileOthersWrite(t *testing.T) {
	t.Parallel()
	l := laketest.New(t)
	ensure(t, l, dataset.KPIPoints())
	for round := range 8 {
		land(t, l, lakehouse.Commit{Unit: "a"}, append(pointsOf(gone, 40), pointsOf(stays, 40)...)...)
		written := make(chan error, 1)
		go func() {
			_, err := lakehouse.ReplaceAll(t.Context(), l, dataset.KPIPoints(), lakehouse.Commit{Unit: "b"}, pointsOf(stays, 30+round))
			written <- err
		}()
		_, err := l.RemoveRows(t.Context(), "raw.kpi_points", lakehouse.Commit{Unit: "erase"}, "business_id", []string{gone})
		if replaced := <-written; err != nil || replaced != nil {
			t.Fatalf("round %d: RemoveRows: %v, ReplaceAll: %v", round, err, replaced)
		}
		if left := rowsOf(t, l, gone); len(left) != 0 {
			t.Fatalf("round %d: %d rows are left", round, len(left))
		}
		if others := rowsOf(t, l, stays); len(others) != 30+round {
			t.Fatalf("round %d: %d rows of the other business, want %d", round, len(others), 30+round)
		}
	}
}
