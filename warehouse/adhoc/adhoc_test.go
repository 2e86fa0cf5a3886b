package adhoc_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/lakehouse/laketest"
	"github.com/signalcraft/signalcraft/warehouse"
	"github.com/signalcraft/signalcraft/warehouse/adhoc"
)

func TestMain(m *testing.M) { storetest.Main(m) }

const point = `-- relation: staging.kpi_point
-- purpose: Points.
-- grain: kpi_id, at
-- inputs: raw.kpi_points
-- built: view
-- owner: test
-- columns:
--   kpi_id varchar - the KPI
--   at timestamptz UTC the instant
--   value double kpi-unit its value
select kpi_id, "at", value
from raw.kpi_points
`

func land(t *testing.T, lake *lakehouse.Lake, unit string, kpi string, value float64) {
	t.Helper()
	d := dataset.KPIPoints()
	if err := lake.Ensure(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2024, 3, 31, 1, 30, 0, 0, time.UTC)
	rows := []dataset.KPIPointRow{{BusinessID: "b", KPIID: kpi, At: at, Value: value, SourceID: "s", LandedAt: at}}
	if _, err := lakehouse.Append(t.Context(), lake, d, lakehouse.Commit{RunID: "r", Unit: unit}, rows); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T) (*adhoc.Session, *lakehouse.Lake) {
	t.Helper()
	lake := laketest.New(t)
	land(t, lake, "1", "=1+1", 0.5)
	s, err := adhoc.Open(t.Context(), adhoc.Config{
		Lake: lake, Models: fstest.MapFS{"staging/kpi_point.sql": {Data: []byte(point)}}, Session: warehouse.Config{Threads: 1},
		AsOf: time.Date(2024, 4, 1, 0, 0, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, lake
}

func TestRunWritesEachFormat(t *testing.T) {
	s, _ := open(t)
	check := func(statement string, format adhoc.Format, want string) {
		t.Helper()
		var out strings.Builder
		if err := s.Run(t.Context(), statement, format, &out); err != nil {
			t.Errorf("%s as %s: %v", statement, format, err)
			return
		}
		if out.String() != want {
			t.Errorf("%s as %s:\n%s\nwant:\n%s", statement, format, out.String(), want)
		}
	}
	check(`select kpi_id, "at", value, null as gap from staging.kpi_point;`, adhoc.CSV, "kpi_id,at,value,gap\n'=1+1,2024-03-31T01:30:00Z,0.5,\n")
	check(`select -5 as n, 'x"y,z' as s, date '2024-02-29' as d, 12345678901234567890.12::decimal(22, 2) as big`, adhoc.CSV, "n,s,d,big\n-5,\"x\"\"y,z\",2024-02-29,12345678901234567890.12\n")
	check(`select n, n / 0.0 as r, 'a"b' as s from range(2) as r(n)`, adhoc.JSON, "[\n{\"n\": 0, \"r\": \"NaN\", \"s\": \"a\\\"b\"},\n{\"n\": 1, \"r\": \"+Inf\", \"s\": \"a\\\"b\"}\n]\n")
	check(`select 1 as x where false`, adhoc.JSON, "[]\n")
	check(`select cast(as_of as date) as d, window_start from run.parameters`, adhoc.CSV, "d,window_start\n2024-04-01,\n")
	check(`select window_start is null as unbounded from run.window`, adhoc.CSV, "unbounded\ntrue\n")
	check(`select count(*) as n from raw.openmeteo_days`, adhoc.CSV, "n\n0\n") // known, and not yet in the lake
	check(`select table_name from (show all tables) as t(database, schema, table_name, c, d, e) where table_name = 'kpi_point'`, adhoc.CSV, "table_name\nkpi_point\n")

	var out strings.Builder
	if err := s.Run(t.Context(), "select n as \"Number\", null as gap from range(1001) as r(n)", adhoc.Table, &out); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"│ Number │ gap  │", "│    999 │ null │", "the first 1000 rows"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("table lacks %q:\n%s", part, out.String()[:300])
		}
	}
}

func TestRunSeesNewSnapshots(t *testing.T) {
	s, lake := open(t)
	count := func() string {
		t.Helper()
		var out strings.Builder
		if err := s.Run(t.Context(), "select count(*) as n from staging.kpi_point", adhoc.CSV, &out); err != nil {
			t.Fatal(err)
		}
		return strings.TrimPrefix(strings.TrimSpace(out.String()), "n\n")
	}
	if got := count(); got != "1" {
		t.Errorf("points = %s, want 1", got)
	}
	land(t, lake, "2", "b", 1)
	if got := count(); got != "2" {
		t.Errorf("points after a landing = %s, want 2", got)
	}
}

func TestErrorsHelp(t *testing.T) {
	s, _ := open(t)
	check := func(statement string, want ...string) {
		t.Helper()
		err := s.Run(t.Context(), statement, adhoc.CSV, &strings.Builder{})
		for _, part := range want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: error %v lacks %q", statement, err, part)
			}
		}
	}
	check("select * from kpi_point", "no relation kpi_point; there are staging.kpi_point")
	check("select * from raw.kpis_", "no relation raw.kpis_", "raw.kpi_points", "raw.kpis")
	check("selec 1", "syntax error")
	check(" ; ", "empty")
	if _, err := adhoc.ParseFormat("xml"); err == nil {
		t.Error("format xml was accepted")
	}
}

func TestRunParquet(t *testing.T) {
	s, _ := open(t)
	path := filepath.Join(t.TempDir(), "out.parquet")
	if n, err := s.RunParquet(t.Context(), "select * from staging.kpi_point;", path); err != nil || n != 1 {
		t.Fatalf("rows = %d, %v, want 1", n, err)
	}
	var out strings.Builder
	if err := s.Run(t.Context(), "select value from '"+path+"'", adhoc.CSV, &out); err != nil || out.String() != "value\n0.5\n" {
		t.Errorf("file holds %q, %v", out.String(), err)
	}
	other := filepath.Join(t.TempDir(), "other.parquet")
	if _, err := s.RunParquet(t.Context(), "select 1; copy (select 1) to '"+other+"'", path); err == nil {
		t.Error("two statements were accepted")
	}
	if _, err := os.Stat(other); err == nil {
		t.Error("a refused text was run")
	}
}

func TestShell(t *testing.T) {
	s, _ := open(t)
	input := "\nselect 1\n  as one;\n.format json\nselect 2 as two;\n.columns staging.kpi_point\n.nonsense\nselect broken;\ncreate table mine as select 7 as seven;\nselect seven from mine\n"
	var out, errs strings.Builder
	if err := s.Shell(t.Context(), strings.NewReader(input), &out, &errs, adhoc.CSV, false); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"one\n1\n", "{\"two\": 2}", "value double, kpi-unit: its value", "{\"seven\": 7}"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("output lacks %q:\n%s", part, out.String())
		}
	}
	for _, part := range []string{"unknown command .nonsense", "Referenced column \"broken\""} {
		if !strings.Contains(errs.String(), part) {
			t.Errorf("errors lack %q:\n%s", part, errs.String())
		}
	}

	out.Reset()
	if err := s.Shell(t.Context(), strings.NewReader("select 1 as one;\n.exit\nselect 2 as two;\n"), &out, &errs, adhoc.CSV, true); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "> one\n1\n> ") || strings.Contains(out.String(), "two") {
		t.Errorf("output with prompt:\n%s", out.String())
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shell(ended, strings.NewReader("select 1;\n"), &out, &errs, adhoc.CSV, false); err == nil {
		t.Error("a shell whose context has ended gave no error")
	}
}
