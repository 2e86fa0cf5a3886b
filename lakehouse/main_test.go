package lakehouse_test

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// everyRow has a column of every type, required and optional.
type everyRow struct {
	ID      string       `parquet:"id,id(1)"`
	At      time.Time    `parquet:"at,id(2),timestamp(microsecond)"`
	Truth   bool         `parquet:"truth,id(3)"`
	Small   int32        `parquet:"small,id(4)"`
	Big     int64        `parquet:"big,id(5)"`
	Real    float64      `parquet:"real,id(6)"`
	Day     dataset.Days `parquet:"day,id(7),date"`
	TruthN  *bool        `parquet:"truth_n,id(8)"`
	SmallN  *int32       `parquet:"small_n,id(9)"`
	BigN    *int64       `parquet:"big_n,id(10)"`
	RealN   *float64     `parquet:"real_n,id(11)"`
	TextN   *string      `parquet:"text_n,id(12)"`
	MomentN *time.Time   `parquet:"moment_n,id(13),timestamp(microsecond)"`
}

func every() dataset.Dataset {
	return dataset.Dataset{
		Name: "raw.every", Key: []string{"id"}, Sort: []string{"id", "at"}, Time: "at",
		Partition: dataset.Partition{Column: "at", Transform: dataset.Month},
		Columns: []dataset.Column{
			{ID: 1, Name: "id", Type: dataset.String, Required: true},
			{ID: 2, Name: "at", Type: dataset.Timestamp, Required: true},
			{ID: 3, Name: "truth", Type: dataset.Bool, Required: true},
			{ID: 4, Name: "small", Type: dataset.Int32, Required: true},
			{ID: 5, Name: "big", Type: dataset.Int64, Required: true},
			{ID: 6, Name: "real", Type: dataset.Float64, Required: true},
			{ID: 7, Name: "day", Type: dataset.Date, Required: true},
			{ID: 8, Name: "truth_n", Type: dataset.Bool},
			{ID: 9, Name: "small_n", Type: dataset.Int32},
			{ID: 10, Name: "big_n", Type: dataset.Int64},
			{ID: 11, Name: "real_n", Type: dataset.Float64},
			{ID: 12, Name: "text_n", Type: dataset.String},
			{ID: 13, Name: "moment_n", Type: dataset.Timestamp},
		},
	}
}

// day is midnight UTC of a date like 2024-05-31.
func day(t testing.TB, date string) time.Time {
	t.Helper()
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func month(t testing.TB, first string) dataset.Window {
	t.Helper()
	start := day(t, first+"-01")
	return dataset.Window{Start: start, End: start.AddDate(0, 1, 0)}
}

// point is a KPI point whose value tells it from others.
func point(at time.Time, value float64) dataset.KPIPointRow {
	return dataset.KPIPointRow{BusinessID: "b", KPIID: "k", At: at, Value: value, SourceID: "s", LandedAt: at}
}

func ensure(t testing.TB, l *lakehouse.Lake, d dataset.Dataset) {
	t.Helper()
	if err := l.Ensure(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// land appends points and fails the test on an error.
func land(t testing.TB, l *lakehouse.Lake, c lakehouse.Commit, rows ...dataset.KPIPointRow) lakehouse.Result {
	t.Helper()
	result, err := lakehouse.Append(t.Context(), l, dataset.KPIPoints(), c, rows)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// values reads the values of the points in a window or version, in ascending order of time.
func values(t testing.TB, l *lakehouse.Lake, o lakehouse.ReadOptions) []float64 {
	t.Helper()
	rows := readings(t, l, o)
	found := make([]float64, len(rows))
	for i, row := range rows {
		found[i] = row.Value
	}
	return found
}

// readings reads points in ascending order of time, then value.
func readings(t testing.TB, l *lakehouse.Lake, o lakehouse.ReadOptions) []dataset.KPIPointRow {
	t.Helper()
	var rows []dataset.KPIPointRow
	for _, row := range scan(t, l, "raw.kpi_points", []string{"value", "at"}, o) {
		rows = append(rows, dataset.KPIPointRow{Value: row[0].(float64), At: row[1].(time.Time)})
	}
	slices.SortFunc(rows, func(a, b dataset.KPIPointRow) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Value, b.Value))
	})
	return rows
}

// scan reads rows as Go values: nil, bool, int32, int64, float64, string, or time.Time for dates and timestamps.
func scan(t testing.TB, l *lakehouse.Lake, table string, columns []string, o lakehouse.ReadOptions) [][]any {
	t.Helper()
	rows, err := scanErr(t.Context(), l, table, columns, o)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func scanErr(ctx context.Context, l *lakehouse.Lake, table string, columns []string, o lakehouse.ReadOptions) ([][]any, error) {
	batches, err := l.Scan(ctx, table, columns, o)
	if err != nil {
		return nil, err
	}
	var rows [][]any
	for batch, err := range batches {
		if err != nil {
			return nil, err
		}
		for i := range int(batch.NumRows()) {
			row := make([]any, batch.NumCols())
			for j := range row {
				if row[j], err = cell(batch.Column(j), i); err != nil {
					return nil, err
				}
			}
			rows = append(rows, row)
		}
		batch.Release()
	}
	return rows, nil
}

func cell(column arrow.Array, i int) (any, error) {
	if column.IsNull(i) {
		return nil, nil
	}
	switch c := column.(type) {
	case *array.Boolean:
		return c.Value(i), nil
	case *array.Int32:
		return c.Value(i), nil
	case *array.Int64:
		return c.Value(i), nil
	case *array.Float64:
		return c.Value(i), nil
	case *array.String:
		return strings.Clone(c.Value(i)), nil
	case *array.Date32:
		return c.Value(i).ToTime(), nil
	case *array.Timestamp:
		return c.Value(i).ToTime(arrow.Microsecond), nil
	}
	return nil, fmt.Errorf("column of type %s", column.DataType())
}

// plain turns a row struct into what scan gives.
func plain(row any) []any {
	v := reflect.ValueOf(row)
	cells := make([]any, v.NumField())
	for i := range cells {
		f := v.Field(i)
		if f.Kind() == reflect.Pointer {
			if f.IsNil() {
				continue
			}
			f = f.Elem()
		}
		cells[i] = f.Interface()
		if strings.Contains(v.Type().Field(i).Tag.Get("parquet"), ",date") {
			cells[i] = dataset.FromDays(f.Interface().(dataset.Days))
		}
	}
	return cells
}

// parquetFiles lists every Parquet file below a lake's folder.
func parquetFiles(t testing.TB, dir string) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"*/*/data/*.parquet", "*/*/data/*/*.parquet", "*/*/staging/*/*"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, paths...)
	}
	return found
}

// newPlace makes a database and a folder that several lakes can be opened on.
func newPlace(t testing.TB) (*storetest.DB, string) {
	t.Helper()
	return storetest.New(t), t.TempDir()
}
