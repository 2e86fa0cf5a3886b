package run_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/lakehouse/laketest"
	"github.com/signalcraft/signalcraft/warehouse"
	"github.com/signalcraft/signalcraft/warehouse/run"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// model writes a model file.
func model(relation, grain, inputs, built, columns, query string) *fstest.MapFile {
	text := fmt.Sprintf("-- relation: %s\n-- purpose: A test.\n-- grain: %s\n-- inputs: %s\n-- built: %s\n-- owner: test\n-- columns:\n", relation, grain, inputs, built)
	for column := range strings.SplitSeq(columns, ", ") {
		text += "--   " + column + " - meaning\n"
	}
	return &fstest.MapFile{Data: []byte(text + query + "\n")}
}

const dailyQuery = `select kpi_id, cast("at" as date) as day, sum(value) as value
from staging.point
group by kpi_id, cast("at" as date)`

// testModels are a view, a mart by windows, one that looks back 40 days, one built whole, and a check.
func testModels() fstest.MapFS {
	return fstest.MapFS{
		"staging/point.sql": model("staging.point", "kpi_id, at", "raw.kpi_points", "view", "kpi_id varchar, at timestamptz, value double",
			`select kpi_id, "at", arg_max(value, landed_at) as value from raw.kpi_points group by kpi_id, "at"`),
		"marts/daily.sql": model("marts.daily", "kpi_id, day", "staging.point", "window day by month", "kpi_id varchar, day date, value double", dailyQuery),
		"marts/trend.sql": model("marts.trend", "kpi_id, day", "marts.daily, run.window", "window day by month lookback 40 days", "kpi_id varchar, day date, value double",
			`select kpi_id, day, sum(value) over (partition by kpi_id order by day range between interval 40 days preceding and current row) as value
			from marts.daily cross join run.window where day between window_start - interval 40 days and window_end`),
		"marts/total.sql": model("marts.total", "kpi_id", "marts.daily", "table", "kpi_id varchar, value double",
			`select kpi_id, sum(value) as value from marts.daily group by kpi_id`),
		"checks/daily_sane.sql": model("checks.daily_sane", "kpi_id, day", "marts.daily", "window day by month", "kpi_id varchar, day date, value double",
			`select kpi_id, day, value from marts.daily where value < 0`),
	}
}

// bench is a lake, its ledger and models that a test may change.
type bench struct {
	t      *testing.T
	db     *storetest.DB
	lake   *lakehouse.Lake
	pool   *pgxpool.Pool
	models fstest.MapFS
	nodes  []run.Node
	asOf   time.Time
	landed int
	events []run.Event
}

func setup(t *testing.T) *bench {
	t.Helper()
	db := storetest.New(t)
	return &bench{
		t: t, db: db, lake: laketest.Open(t, db, t.TempDir()), pool: db.Pool(t, store.RoleBatch), models: testModels(),
		asOf: time.Date(2024, 6, 1, 2, 0, 0, 0, time.UTC),
	}
}

func (b *bench) config() run.Config {
	return run.Config{
		Lake: b.lake, Pool: b.pool, Models: b.models, Nodes: b.nodes, Now: time.Now,
		Session: warehouse.Config{Threads: 2, MemoryLimit: 512 << 20},
		Observe: func(e run.Event) { b.events = append(b.events, e) },
	}
}

func (b *bench) runner() *run.Runner {
	b.t.Helper()
	r, err := run.New(b.config())
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *bench) request() run.Request {
	return run.Request{RunID: uuid.Must(uuid.NewV7()).String(), AsOf: b.asOf}
}

// run runs everything and fails the test on an error.
func (b *bench) run() run.Report {
	b.t.Helper()
	report, err := b.runner().Run(b.t.Context(), b.request())
	if err != nil {
		b.t.Fatal(err)
	}
	return report
}

// land appends points "kpi instant value" in one commit.
func (b *bench) land(points ...string) {
	b.t.Helper()
	b.landed++
	rows := make([]dataset.KPIPointRow, len(points))
	for i, p := range points {
		var kpi, at string
		var value float64
		if _, err := fmt.Sscan(p, &kpi, &at, &value); err != nil {
			b.t.Fatal(err)
		}
		instant, err := time.Parse("2006-01-02T15", at)
		if err != nil {
			b.t.Fatal(err)
		}
		rows[i] = dataset.KPIPointRow{BusinessID: "b", KPIID: kpi, At: instant, Value: value, SourceID: "s", LandedAt: b.asOf.Add(time.Duration(b.landed) * time.Second)}
	}
	d := dataset.KPIPoints()
	if err := b.lake.Ensure(b.t.Context(), d); err != nil {
		b.t.Fatal(err)
	}
	if _, err := lakehouse.Append(b.t.Context(), b.lake, d, lakehouse.Commit{RunID: "landing", Unit: fmt.Sprint(b.landed)}, rows); err != nil {
		b.t.Fatal(err)
	}
}

// rows returns a lake table's rows as sorted text.
func (b *bench) rows(table string) []string {
	b.t.Helper()
	return b.query(table, "from "+table)
}

// query returns the rows of a query over one table, as texts in their own order.
func (b *bench) query(table, query string) []string {
	b.t.Helper()
	files, err := b.lake.Files(b.t.Context(), table, lakehouse.ReadOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	s, err := warehouse.Open(b.t.Context(), warehouse.Config{Threads: 1})
	if err != nil {
		b.t.Fatal(err)
	}
	defer s.Close()
	if err := s.Mount(b.t.Context(), files.Dataset, files.Paths, dataset.Window{}); err != nil {
		b.t.Fatal(err)
	}
	all, err := s.Read(b.t.Context(), query)
	if err != nil {
		b.t.Fatal(err)
	}
	var lines []string
	for _, row := range all.Rows {
		var cells []string
		for _, value := range row {
			cells = append(cells, warehouse.Text(value))
		}
		lines = append(lines, strings.Join(cells, " "))
	}
	slices.Sort(lines)
	return lines
}

func (b *bench) wantRows(table string, want ...string) {
	b.t.Helper()
	slices.Sort(want)
	if diff := cmp.Diff(want, b.rows(table)); diff != "" {
		b.t.Errorf("rows of %s (-want +got):\n%s", table, diff)
	}
}

// wantBlocked compares what must not be published.
func (b *bench) wantBlocked(want ...string) {
	b.t.Helper()
	blocked, err := b.runner().Blocked(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(blocked)); !slices.Equal(got, want) {
		b.t.Errorf("blocked = %v, want %v", blocked, want)
	}
}

// owner is a pool of the role that may make triggers.
func (b *bench) owner() *pgxpool.Pool { return b.db.Pool(b.t, "") }

// tables returns every mart's rows.
func (b *bench) tables() map[string][]string {
	b.t.Helper()
	out := map[string][]string{}
	for _, table := range []string{"marts.daily", "marts.trend", "marts.total"} {
		out[table] = b.rows(table)
	}
	return out
}

// windows returns what a step computed: months, "all" for a whole table, or why it was skipped.
func windows(t *testing.T, report run.Report, relation string) string {
	t.Helper()
	step, ok := report.Step(relation)
	if !ok {
		t.Fatalf("the report has no step %s", relation)
	}
	if step.Skipped != "" {
		return step.Skipped
	}
	var months []string
	for _, w := range step.Windows {
		if w.IsZero() {
			return "all"
		}
		months = append(months, w.Start.Format("2006-01"))
	}
	return strings.Join(months, " ")
}

func wantWindows(t *testing.T, report run.Report, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for relation := range want {
		got[relation] = windows(t, report, relation)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("windows (-want +got):\n%s", diff)
	}
}

// landQuarter lands three months of points in the middle of the months.
func (b *bench) landQuarter() {
	b.t.Helper()
	b.land("a 2024-01-10T10 1", "a 2024-01-10T11 2", "a 2024-02-10T10 4", "a 2024-03-10T10 8", "z 2024-03-10T10 16")
}
