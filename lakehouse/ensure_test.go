package lakehouse_test

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/lakehouse/laketest"
)

type firstRow struct {
	ID string  `parquet:"id,id(1)"`
	X  float64 `parquet:"x,id(2)"`
}

type secondRow struct {
	ID string  `parquet:"id,id(1)"`
	X  float64 `parquet:"x,id(2)"`
	Y  *int64  `parquet:"y,id(3)"`
}

func first() dataset.Dataset {
	return dataset.Dataset{Name: "marts.grown", Key: []string{"id"}, Sort: []string{"id"},
		Columns: []dataset.Column{{Name: "id", Type: dataset.String, Required: true}, {Name: "x", Type: dataset.Float64, Required: true}}}
}

func second() dataset.Dataset {
	d := first()
	d.Columns = append(d.Columns, dataset.Column{Name: "y", Type: dataset.Int64})
	return d
}

func TestColumnsAreAddedAndOldRowsReadNull(t *testing.T) {
	t.Parallel()
	l := laketest.New(t)
	ensure(t, l, first())
	old, err := lakehouse.Append(t.Context(), l, first(), lakehouse.Commit{}, []firstRow{{"a", 1}})
	if err != nil {
		t.Fatal(err)
	}
	grown := second()
	grown.Sort = []string{"x", "id"}
	ensure(t, l, grown)
	ensure(t, l, grown)
	y := int64(7)
	if _, err := lakehouse.Append(t.Context(), l, grown, lakehouse.Commit{}, []secondRow{{"b", 2, &y}}); err != nil {
		t.Fatal(err)
	}
	read := func(o lakehouse.ReadOptions) [][]any {
		rows := scan(t, l, "marts.grown", []string{"y", "id"}, o)
		slices.SortFunc(rows, func(a, b []any) int { return strings.Compare(a[1].(string), b[1].(string)) })
		return rows
	}
	if diff := cmp.Diff([][]any{{nil, "a"}, {y, "b"}}, read(lakehouse.ReadOptions{})); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]any{{nil, "a"}}, read(lakehouse.ReadOptions{Snapshot: old.Snapshot})); diff != "" {
		t.Errorf("rows of the old version differ (-want +got):\n%s", diff)
	}
	files, err := l.Files(t.Context(), "marts.grown", lakehouse.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range grown.Columns {
		grown.Columns[i].ID = i + 1
	}
	if diff := cmp.Diff(grown, files.Dataset); diff != "" {
		t.Errorf("dataset of the table differs (-want +got):\n%s", diff)
	}
}

func TestDeclaredFieldIDsAreKept(t *testing.T) {
	t.Parallel()
	l := laketest.New(t)
	d := first()
	d.Columns[0].ID = 4
	ensure(t, l, d)
	d.Columns = append(d.Columns, dataset.Column{ID: 9, Name: "y", Type: dataset.Int64})
	ensure(t, l, d)
	files, err := l.Files(t.Context(), d.Name, lakehouse.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, c := range files.Dataset.Columns {
		got = append(got, c.ID)
	}
	if diff := cmp.Diff([]int{4, 5, 9}, got); diff != "" {
		t.Errorf("field ids differ (-want +got):\n%s", diff)
	}
}

func TestOtherDifferencesAreRefusedByName(t *testing.T) {
	t.Parallel()
	l := laketest.New(t)
	ensure(t, l, every())
	check := func(alter func(*dataset.Dataset), want ...string) {
		t.Helper()
		d := every()
		alter(&d)
		err := l.Ensure(t.Context(), d)
		for _, part := range append(want, "raw.every") {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("Ensure = %v, want an error with %q", err, part)
			}
		}
	}
	check(func(d *dataset.Dataset) { d.Columns[3].Type = dataset.Int64 }, "column small: the table has type integer, declared is bigint")
	check(func(d *dataset.Dataset) { d.Columns[3].Required = false }, "column small: the table has required, declared is optional")
	check(func(d *dataset.Dataset) { d.Columns[3].ID = 77 }, "column small: the table has field id 4, declared is 77")
	check(func(d *dataset.Dataset) { d.Columns = d.Columns[:12] }, "column moment_n: the table has it as timestamptz")
	check(func(d *dataset.Dataset) { d.Partition.Transform = dataset.Year }, "partitioned by month(at), declared is year(at)")
	check(func(d *dataset.Dataset) { d.Partition = dataset.Partition{} }, "declared is nothing")
	check(func(d *dataset.Dataset) {
		d.Columns = append(d.Columns, dataset.Column{Name: "z", Type: dataset.Bool, Required: true})
	}, "column z", "only optional columns can be added")
	check(func(d *dataset.Dataset) {
		d.Columns[3].Name = "petit"
		d.Columns[4].Type = dataset.Bool
	}, "column small: the table has it as integer", "column big: the table has type bigint, declared is boolean")
	check(func(d *dataset.Dataset) { d.Time, d.Partition.Column = "id", "id" }, "dates or timestamps")
	check(func(d *dataset.Dataset) { d.Time = "moment_n" }, "must be the same")
	d := every()
	d.Name = "raw./etc"
	if err := l.Ensure(t.Context(), d); err == nil {
		t.Error("Ensure of a name with a slash = nil, want an error")
	}
	if err := l.Ensure(t.Context(), every()); err != nil {
		t.Errorf("Ensure of the unaltered dataset after all refusals = %v", err)
	}
}

func TestManyProcessesEnsureAtOnce(t *testing.T) {
	t.Parallel()
	db, dir := newPlace(t)
	var group sync.WaitGroup
	for i := range 6 {
		l := laketest.Open(t, db, dir)
		d := first()
		if i%2 == 1 {
			d = second()
		}
		group.Go(func() {
			if err := l.Ensure(t.Context(), d); err != nil && (i%2 == 1 || !strings.Contains(err.Error(), "column y: the table has it")) {
				t.Errorf("Ensure in process %d = %v", i, err)
			}
		})
	}
	group.Wait()
	l := laketest.Open(t, db, dir)
	files, err := l.Files(t.Context(), "marts.grown", lakehouse.ReadOptions{})
	if err != nil || len(files.Dataset.Columns) != 3 {
		t.Errorf("Files after everybody ensured = %+v, %v, want 3 columns", files, err)
	}
	known, err := filepath.Glob(filepath.Join(dir, "marts", "grown", "metadata", "00000-*"))
	if err != nil || len(known) != 1 {
		t.Errorf("first metadata files = %v, %v, want the winner's only", known, err)
	}
}

func TestOldMetadataIsRemoved(t *testing.T) {
	t.Parallel()
	db, dir := newPlace(t)
	l := laketest.Open(t, db, dir)
	ensure(t, l, dataset.KPIPoints())
	for range 25 {
		land(t, l, lakehouse.Commit{}, point(day(t, "2024-05-01"), 1))
	}
	kept, err := filepath.Glob(filepath.Join(dir, "raw", "kpi_points", "metadata", "*.metadata.json"))
	if err != nil || len(kept) != 21 {
		t.Errorf("%d metadata files after 25 commits, %v, want the current one and 20 before it", len(kept), err)
	}
	if got := len(values(t, l, lakehouse.ReadOptions{})); got != 25 {
		t.Errorf("%d rows, want 25", got)
	}
}
