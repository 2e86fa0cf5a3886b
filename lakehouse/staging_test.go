package lakehouse_test

import (
	"errors"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/lakehouse/laketest"
)

// stage writes points into staged files of raw.kpi_points, one for each slice.
func stage(t testing.TB, l *lakehouse.Lake, files ...[]dataset.KPIPointRow) *lakehouse.Staging {
	t.Helper()
	return stageIn(t, l, dataset.KPIPoints(), files...)
}

func stageIn(t testing.TB, l *lakehouse.Lake, d dataset.Dataset, files ...[]dataset.KPIPointRow) *lakehouse.Staging {
	t.Helper()
	s, err := l.Stage(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	for _, rows := range files {
		if err := parquet.WriteFile(s.NewFile(), rows); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func paths(t testing.TB, l *lakehouse.Lake) []string {
	t.Helper()
	files, err := l.Files(t.Context(), "raw.kpi_points", lakehouse.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return files.Paths
}

func TestReplaceTouchesItsWindowsOnly(t *testing.T) {
	t.Parallel()
	db, dir := newPlace(t)
	l := laketest.Open(t, db, dir)
	ensure(t, l, dataset.KPIPoints())
	april, may, june, july := day(t, "2024-04-15"), day(t, "2024-05-15"), day(t, "2024-06-15"), day(t, "2024-07-15")
	land(t, l, lakehouse.Commit{}, point(april, 1), point(may, 2), point(june, 3), point(july, 4))
	before := paths(t, l)

	s := stage(t, l, []dataset.KPIPointRow{point(may, 20)}, []dataset.KPIPointRow{point(july, 40)}, nil)
	result, err := s.Replace(t.Context(), lakehouse.Commit{Unit: "u", Content: "A"}, []dataset.Window{month(t, "2024-07"), {Start: day(t, "2024-05-01"), End: day(t, "2024-07-01")}})
	if err != nil || result.Rows != 2 || result.Files != 2 {
		t.Fatalf("Replace = %+v, %v, want 2 rows in 2 files", result, err)
	}
	if diff := cmp.Diff([]float64{1, 20, 40}, values(t, l, lakehouse.ReadOptions{})); diff != "" {
		t.Errorf("values after Replace differ (-want +got):\n%s", diff)
	}
	kept := 0
	for _, path := range paths(t, l) {
		if slices.Contains(before, path) {
			kept++
		}
	}
	if kept != 1 {
		t.Errorf("%d of the files of before are still in the table, want only April's", kept)
	}
	snapshots, err := l.Snapshots(t.Context(), "raw.kpi_points")
	if err != nil || len(snapshots) != 2 {
		t.Errorf("%d snapshots, %v, want 2: replacing is one", len(snapshots), err)
	}

	if _, err := stage(t, l).Replace(t.Context(), lakehouse.Commit{}, []dataset.Window{month(t, "2024-05")}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{1, 40}, values(t, l, lakehouse.ReadOptions{})); diff != "" {
		t.Errorf("values after emptying May differ (-want +got):\n%s", diff)
	}
	again, err := stage(t, l, []dataset.KPIPointRow{point(may, 50)}).Replace(t.Context(), lakehouse.Commit{Unit: "u", Content: "A"}, nil)
	if err != nil || !again.NoOp {
		t.Errorf("Replace with content landed before = %+v, %v, want NoOp", again, err)
	}
	if _, err := stage(t, l, []dataset.KPIPointRow{point(may, 60)}).Replace(t.Context(), lakehouse.Commit{}, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{60}, values(t, l, lakehouse.ReadOptions{})); diff != "" {
		t.Errorf("values after replacing all differ (-want +got):\n%s", diff)
	}
	if onDisk, want := len(parquetFiles(t, dir)), 4+2+1; onDisk != want {
		t.Errorf("%d files on disk, want %d: those of every version, none staged or orphaned", onDisk, want)
	}
}

func TestUnfitFilesAreRefusedWhole(t *testing.T) {
	t.Parallel()
	db, dir := newPlace(t)
	l := laketest.Open(t, db, dir)
	ensure(t, l, dataset.KPIPoints())
	may := day(t, "2024-05-15")
	land(t, l, lakehouse.Commit{}, point(may, 1))
	good := []dataset.KPIPointRow{point(may, 2)}
	check := func(what string, s *lakehouse.Staging, windows []dataset.Window, want string) {
		t.Helper()
		_, err := s.Replace(t.Context(), lakehouse.Commit{}, windows)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "raw.kpi_points") {
			t.Errorf("%s: error = %v, want one with the table and %q", what, err, want)
		}
	}
	with := func(write func(path string) error) *lakehouse.Staging {
		t.Helper()
		s := stage(t, l, good)
		if err := write(s.NewFile()); err != nil {
			t.Fatal(err)
		}
		return s
	}
	type noID struct {
		BusinessID string    `parquet:"business_id"`
		KPIID      string    `parquet:"kpi_id,id(2)"`
		At         time.Time `parquet:"at,id(3),timestamp(microsecond)"`
		Value      int64     `parquet:"value,id(4)"`
		Extra      string    `parquet:"extra,id(9)"`
		LandedAt   time.Time `parquet:"landed_at,id(6),timestamp(millisecond)"`
	}
	type optional struct {
		BusinessID *string    `parquet:"business_id,id(1)"`
		KPIID      string     `parquet:"kpi_id,id(2)"`
		At         *time.Time `parquet:"at,id(3),timestamp(microsecond)"`
		Value      float64    `parquet:"value,id(4)"`
		SourceID   string     `parquet:"source_id,id(5)"`
		LandedAt   time.Time  `parquet:"landed_at,id(6),timestamp(microsecond)"`
	}
	check("two partitions", stage(t, l, append(slices.Clone(good), point(may.AddDate(0, 1, 0), 3))), nil, "partitions 2024-05 and 2024-06")
	check("outside", stage(t, l, good), []dataset.Window{month(t, "2024-06")}, "outside the windows")
	check("not aligned", stage(t, l, good), []dataset.Window{{Start: may, End: may.AddDate(0, 1, 0)}}, "whole partitions of month(at)")
	check("no windows", stage(t, l), []dataset.Window{}, "no windows")
	check("never written", with(func(string) error { return nil }), nil, "never written")
	check("no Parquet", with(func(path string) error { return os.WriteFile(path, []byte("PAR1 nonsense PAR1"), 0o644) }), nil, "Parquet")
	unfit := func(path string) error { return parquet.WriteFile(path, []noID{{At: may, LandedAt: may}}) }
	for _, want := range []string{"column business_id: the file has field id", "column value: the file has int64, the table double", "column extra: the table has no such",
		"column source_id: it is required, and absent", "column landed_at: the file has timestamp[ms"} {
		check("unfit columns", with(unfit), nil, want)
	}
	check("null in a required column", with(func(path string) error { return parquet.WriteFile(path, []optional{{At: &may}}) }), nil, "column business_id: 1 nulls")
	text := "b"
	check("null in the partition column", with(func(path string) error {
		return parquet.WriteFile(path, []optional{{At: &may, BusinessID: &text}, {BusinessID: &text}})
	}), nil, "column at: 1 nulls")

	_, err := lakehouse.Append(t.Context(), l, dataset.KPIPoints(), lakehouse.Commit{}, []dataset.KPIPointRow{{BusinessID: "\xff", At: may}})
	if err == nil || !strings.Contains(err.Error(), "column business_id: the text is not UTF-8") {
		t.Errorf("Append of broken text = %v, want an error", err)
	}
	_, err = lakehouse.Append(t.Context(), l, dataset.KPIPoints(), lakehouse.Commit{}, []dataset.RateRow{{}})
	if err == nil || !strings.Contains(err.Error(), "RateRow") {
		t.Errorf("Append of another dataset's rows = %v, want an error", err)
	}
	if got := values(t, l, lakehouse.ReadOptions{}); !slices.Equal(got, []float64{1}) {
		t.Errorf("values after all refusals = %v, want [1]", got)
	}
	if left := parquetFiles(t, dir); len(left) != 1 {
		t.Errorf("files on disk after all refusals = %v, want one", left)
	}
}

func TestAStagingIsUsedOnce(t *testing.T) {
	t.Parallel()
	db, dir := newPlace(t)
	l := laketest.Open(t, db, dir)
	ensure(t, l, dataset.KPIPoints())
	s := stage(t, l, []dataset.KPIPointRow{point(day(t, "2024-05-15"), 1)})
	if err := errors.Join(s.Discard(), s.Discard()); err != nil {
		t.Error(err)
	}
	if _, err := s.Append(t.Context(), lakehouse.Commit{}); err == nil {
		t.Error("Append of a discarded staging = nil, want an error")
	}
	if left := parquetFiles(t, dir); len(left) != 0 {
		t.Errorf("files after Discard = %v, want none", left)
	}
}

func TestArrowIsSplitAndFitted(t *testing.T) {
	t.Parallel()
	l := laketest.New(t)
	d := dataset.Dataset{Name: "marts.made", Key: []string{"name"}, Sort: []string{"name"}, Time: "day", Partition: dataset.Partition{Column: "day", Transform: dataset.Day},
		Columns: []dataset.Column{{Name: "name", Type: dataset.String, Required: true}, {Name: "day", Type: dataset.Date}, {Name: "at", Type: dataset.Timestamp}, {Name: "score", Type: dataset.Float64}}}
	ensure(t, l, d)
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "at", Type: &arrow.TimestampType{Unit: arrow.Second, TimeZone: "UTC"}},
		{Name: "day", Type: arrow.FixedWidthTypes.Date32},
		{Name: "name", Type: arrow.BinaryTypes.LargeString},
	}, nil)
	may := day(t, "2024-05-30")
	batch := func(names ...string) arrow.RecordBatch {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for i, name := range names {
			b.Field(0).(*array.TimestampBuilder).Append(arrow.Timestamp(may.Unix()))
			b.Field(1).(*array.Date32Builder).Append(arrow.Date32(dataset.ToDays(may) + int32(i%3)))
			b.Field(2).(*array.LargeStringBuilder).Append(name)
		}
		return b.NewRecordBatch()
	}
	recs := func(faults ...error) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			_ = yield(batch("a", "b", "c", "d"), nil) && yield(batch(), nil) && yield(batch("é"), nil)
			for _, fault := range faults {
				yield(nil, fault)
			}
		}
	}
	s, err := l.Stage(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.WriteArrow(t.Context(), recs()); err != nil {
		t.Fatal(err)
	}
	result, err := s.Append(t.Context(), lakehouse.Commit{})
	if err != nil || result.Rows != 5 || result.Files != 3 {
		t.Fatalf("Append = %+v, %v, want 5 rows in 3 files", result, err)
	}
	want := [][]any{{"a", may, may, nil}, {"b", may.AddDate(0, 0, 1), may, nil}, {"c", may.AddDate(0, 0, 2), may, nil}, {"d", may, may, nil}, {"é", may, may, nil}}
	got := scan(t, l, d.Name, []string{"name", "day", "at", "score"}, lakehouse.ReadOptions{})
	slices.SortFunc(got, func(a, b []any) int { return strings.Compare(a[0].(string), b[0].(string)) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}

	fault := errors.New("model fell over")
	if s, err = l.Stage(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	defer s.Discard()
	if err := s.WriteArrow(t.Context(), recs(fault)); !errors.Is(err, fault) {
		t.Errorf("WriteArrow of a failing stream = %v, want its error", err)
	}
	if s, err = l.Stage(t.Context(), dataset.Dataset{Name: d.Name, Columns: append(slices.Clone(d.Columns), dataset.Column{Name: "new", Type: dataset.Bool}), Partition: d.Partition}); err == nil {
		t.Errorf("Stage of a dataset with a column that was not ensured = %v, want an error", s)
	}
}
