package warehouse_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse"
)

func open(t *testing.T) *warehouse.Session {
	t.Helper()
	s, err := warehouse.Open(t.Context(), warehouse.Config{Threads: 2, MemoryLimit: 300 << 20, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func day(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// sales is a dataset partitioned by month whose column names need quotes.
func sales() dataset.Dataset {
	return dataset.Dataset{Name: "marts.sales", Columns: []dataset.Column{
		{ID: 1, Name: "at", Type: dataset.Timestamp}, {ID: 2, Name: `odd "name"`, Type: dataset.String}, {ID: 3, Name: "amount", Type: dataset.Float64},
	}, Sort: []string{"at"}, Time: "at", Partition: dataset.Partition{Column: "at", Transform: dataset.Month}}
}

const salesQuery = `select timestamptz '2024-01-30 12:00:00+00' + to_days(cast(n as integer)) as "at",
	'it''s ' || n as "odd ""name""", n * 1.5::double as amount
from range(40) as numbers(n) -- the result ends in a comment`

func TestSettingsAreRefusedNotIgnored(t *testing.T) {
	s := open(t)
	rows, err := s.Read(t.Context(), "select current_setting('memory_limit'), current_setting('threads'), current_setting('TimeZone')")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(rows.Rows[0]), "[300.0 MiB 2 UTC]"; got != want {
		t.Errorf("settings = %s, want %s", got, want)
	}
	if _, err := warehouse.Open(t.Context(), warehouse.Config{Threads: 1 << 40}); err == nil {
		t.Error("a thread count that DuckDB cannot take was accepted")
	}
}

func TestExportThenMountGivesTheRowsBack(t *testing.T) {
	s, d := open(t), sales()
	window := dataset.Window{Start: day(t, "2024-01-31"), End: day(t, "2024-03-02")}
	result, err := s.Compute(t.Context(), d, salesQuery, window)
	if err != nil {
		t.Fatal(err)
	}
	if result.Rows != 31 {
		t.Errorf("rows in %s = %d, want 31 (one of January, 29 of February, one of March)", window, result.Rows)
	}
	folder := filepath.Join(t.TempDir(), "it's a folder")
	if err := mkdir(folder); err != nil {
		t.Fatal(err)
	}
	var paths []string
	newFile := func() string {
		paths = append(paths, filepath.Join(folder, fmt.Sprintf("%d.parquet", len(paths))))
		return paths[len(paths)-1]
	}
	if err := result.Export(t.Context(), d, newFile); err != nil {
		t.Fatal(err)
	}
	if len(paths) != 3 {
		t.Fatalf("export wrote %d files, want one for each of three months", len(paths))
	}

	// The table has since got a column and one was renamed: files are read by field id.
	d.Columns[2].Name = "value"
	d.Columns = append(d.Columns, dataset.Column{ID: 9, Name: "note", Type: dataset.String})
	if err := s.Mount(t.Context(), d, paths, dataset.Window{Start: day(t, "2024-02-29"), End: day(t, "2024-03-01")}); err != nil {
		t.Fatal(err)
	}
	rows, err := s.Read(t.Context(), "select * from marts.sales")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(rows.Columns, ","), `at,odd "name",value,note`; got != want {
		t.Errorf("columns = %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(rows.Rows), "[[2024-02-29 12:00:00 +0000 UTC it's 30 45 <nil>]]"; got != want {
		t.Errorf("rows = %s, want %s", got, want)
	}
}

func TestMountWithoutFilesIsATypedEmptyRelation(t *testing.T) {
	s := open(t)
	if err := s.Mount(t.Context(), sales(), nil, dataset.Window{}); err != nil {
		t.Fatal(err)
	}
	columns, err := s.Describe(t.Context(), "select * from marts.sales")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range sales().Columns {
		if columns[i].Name != want.Name || columns[i].Type != want.Type {
			t.Errorf("column %d = %s %s, want %s %s", i, columns[i].Name, columns[i].Type, want.Name, want.Type)
		}
	}
	if _, _, found, err := s.Bounds(t.Context(), "marts.sales", "at"); err != nil || found {
		t.Errorf("bounds of an empty relation: found %v, err %v", found, err)
	}
}

func TestComputeNamesTheColumnThatDiffers(t *testing.T) {
	s := open(t)
	d := dataset.Dataset{Name: "marts.x", Columns: []dataset.Column{{Name: "a", Type: dataset.Int64}, {Name: "b", Type: dataset.String}}}
	check := func(query, want string) {
		t.Helper()
		if _, err := s.Compute(t.Context(), d, query, dataset.Window{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("compute %q: error %v, want one with %q", query, err, want)
		}
	}
	check("select 1::bigint as a", "column b is declared")
	check("select 1::bigint as a, 2 as b", "column 2 of the result is b integer, declared is b varchar")
	check("select 'x' as b, 1::bigint as a", "column 1 of the result is b varchar")
	check("select 1::bigint as a, 'x' as b, 3 as c", "column c of the result is not declared")
	check("select 1::bigint as a, [1] as b", "column b")
}

func TestCheckGrainShowsSamples(t *testing.T) {
	s := open(t)
	d := dataset.Dataset{Name: "marts.x", Columns: []dataset.Column{{Name: "a", Type: dataset.Int64}}}
	check := func(query string, want ...string) {
		t.Helper()
		result, err := s.Compute(t.Context(), d, query, dataset.Window{})
		if err != nil {
			t.Fatal(err)
		}
		err = result.CheckGrain(t.Context(), []string{"a"})
		if (err == nil) != (len(want) == 0) {
			t.Errorf("grain of %q: error %v, want one: %v", query, err, len(want) > 0)
		}
		for _, part := range want {
			if err != nil && !strings.Contains(err.Error(), part) {
				t.Errorf("grain of %q: error %v lacks %q", query, err, part)
			}
		}
	}
	check("select n as a from range(3) as numbers(n)")
	check("select unnest([1, 2, 2]::bigint[]) as a", "a=2 row_count=2")
	check("select unnest([1, null]::bigint[]) as a", "a=null row_count=1")
}

func TestInspectSeesRelationsAndExecutesNothing(t *testing.T) {
	s := open(t)
	check := func(query string, want ...string) {
		t.Helper()
		got, err := s.Inspect(t.Context(), query)
		if err != nil || !slices.Equal(got.Relations, want) {
			t.Errorf("relations of %q = %v, %v, want %v", query, got.Relations, err, want)
		}
	}
	check("with a as (select * from staging.a), b as (select * from a join marts.b using (x)) select * from b where y in (select y from \"raw\".\"Q\")", "marts.b", "raw.Q", "staging.a")
	check("with recursive a as (select 1 as n union all select n + 1 from a where n < 3) select * from a, bare", "bare")
	check("select * from (with inner_one as (select * from s.t) select * from inner_one) as x, range(3)", "s.t")

	path := filepath.Join(t.TempDir(), "written")
	for _, query := range []string{"copy (select 1) to '" + path + "'; select 2", "copy (select 1) to '" + path + "'", "select 1; select 2", "set threads = 1"} {
		if _, err := s.Inspect(t.Context(), query); !errors.Is(err, warehouse.ErrNotSelect) {
			t.Errorf("inspect %q: error %v, want ErrNotSelect", query, err)
		}
	}
	if exists(path) {
		t.Error("inspecting a COPY wrote its file")
	}
	if _, err := s.Inspect(t.Context(), "selec 1"); err == nil || errors.Is(err, warehouse.ErrNotSelect) {
		t.Errorf("inspect of broken syntax: error %v, want DuckDB's message", err)
	}
	for query, want := range map[string]string{"select now()": "now", "select current_date": "current_date", "select * from read_csv('x')": "read_csv", "select random()": "random", "select current_timestamp": "current_timestamp", "select x.current_time, CURRENT_TIME from x": "current_time"} {
		got, err := s.Inspect(t.Context(), query)
		if err != nil || !slices.Contains(got.Functions, want) {
			t.Errorf("functions of %q = %v, %v, want %s", query, got.Functions, err, want)
		}
	}
}

func TestSelectCTE(t *testing.T) {
	s := open(t)
	query, err := s.SelectCTE(t.Context(), "with a as (select 1 as x), b as (select x + 1 as y from a) select y * 10 as z from b", "b")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := s.Read(t.Context(), query)
	if err != nil || fmt.Sprint(rows.Rows) != "[[2]]" {
		t.Errorf("rows of cte b = %v, %v, want [[2]]", rows.Rows, err)
	}
	query, err = s.SelectCTE(t.Context(), "select 1 as z", "b")
	if err == nil {
		_, err = s.Read(t.Context(), query)
	}
	if err == nil {
		t.Error("a CTE that does not exist gave no error")
	}
}
