package dataset_test

import (
	"slices"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

func TestDeclaredDatasetsAreValidAndDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range slices.Concat(dataset.Raw(), dataset.Made()) {
		if err := d.Validate(); err != nil {
			t.Error(err)
		}
		if seen[d.Name] {
			t.Errorf("dataset %s stands twice", d.Name)
		}
		seen[d.Name] = true
		if d.Time != "" && d.Partition.Column != d.Time {
			t.Errorf("dataset %s: time column %q, partition column %q: replacing a window needs them equal", d.Name, d.Time, d.Partition.Column)
		}
	}
}

func TestColumnsEqualParquetSchema(t *testing.T) {
	schema := parquet.SchemaOf(dataset.KPIPointRow{})
	for i, field := range schema.Fields() {
		column := dataset.KPIPoints().Columns[i]
		if field.Name() != column.Name || field.ID() != column.ID || field.Required() != column.Required {
			t.Errorf("column %d: parquet says %s id %d required %t, dataset says %+v", i, field.Name(), field.ID(), field.Required(), column)
		}
	}
}

func TestValidateNamesTheFault(t *testing.T) {
	check := func(d dataset.Dataset) {
		t.Helper()
		if err := d.Validate(); err == nil {
			t.Errorf("Validate(%+v) = nil, want an error", d)
		}
	}
	column := []dataset.Column{{Name: "a", Type: dataset.Int64}}
	check(dataset.Dataset{Name: "nodot", Columns: column})
	check(dataset.Dataset{Name: "raw.x"})
	check(dataset.Dataset{Name: "raw.x", Columns: append(column, column...)})
	check(dataset.Dataset{Name: "raw.x", Columns: column, Sort: []string{"b"}})
	check(dataset.Dataset{Name: "raw.x", Columns: column, Time: "b"})
}

func TestWindowAlignAndSplit(t *testing.T) {
	day := func(s string) time.Time {
		at, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	w := dataset.Window{Start: day("2024-01-31"), End: day("2024-03-01")}
	if got, want := w.Align(dataset.Month).String(), "[2024-01-01, 2024-03-01)"; got != want {
		t.Errorf("Align(Month) of %s = %s, want %s", w, got, want)
	}
	if got := len(w.Split(dataset.Month)); got != 2 {
		t.Errorf("Split(Month) of %s has %d windows, want 2", w, got)
	}
	if got := len(w.Split(dataset.Day)); got != 30 {
		t.Errorf("Split(Day) of %s has %d windows, want 30", w, got)
	}
	if w.Overlaps(dataset.Window{Start: w.End, End: w.End.AddDate(0, 0, 1)}) {
		t.Errorf("%s overlaps the window that starts at its end", w)
	}
	if !(dataset.Window{}).Overlaps(w) || !(dataset.Window{}).Contains(w.Start) {
		t.Error("the zero window must hold all of time")
	}
}

func TestDaysKeepTheLocalDay(t *testing.T) {
	zone := time.FixedZone("east", 11*3600)
	at := time.Date(2024, 3, 1, 0, 30, 0, 0, zone)
	if got := dataset.FromDays(dataset.ToDays(at)).Format(time.DateOnly); got != "2024-03-01" {
		t.Errorf("day of %s = %s, want 2024-03-01", at, got)
	}
}

func TestLocationIDHasOneFormForZero(t *testing.T) {
	if got, want := dataset.LocationID(-0.00001, 2.35223), "0.0000,2.3522"; got != want {
		t.Errorf("LocationID = %q, want %q", got, want)
	}
}
