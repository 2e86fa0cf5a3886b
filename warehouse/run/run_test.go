package run_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/signalcraft/signalcraft/warehouse"
	"github.com/signalcraft/signalcraft/warehouse/run"
)

func TestFirstRunFillsEveryWindow(t *testing.T) {
	b := setup(t)
	b.landQuarter()
	report := b.run()
	wantWindows(t, report, map[string]string{
		"marts.daily": "2024-01 2024-02 2024-03", "marts.trend": "2024-01 2024-02 2024-03", "marts.total": "all", "checks.daily_sane": "2024-01 2024-02 2024-03",
	})
	b.wantRows("marts.daily", "a 2024-01-10 3", "a 2024-02-10 4", "a 2024-03-10 8", "z 2024-03-10 16")
	b.wantRows("marts.trend", "a 2024-01-10 3", "a 2024-02-10 7", "a 2024-03-10 12", "z 2024-03-10 16")
	b.wantRows("marts.total", "a 15", "z 16")
	if step, _ := report.Step("marts.daily"); step.RowsIn != 5 || step.RowsOut != 4 {
		t.Errorf("marts.daily: %d rows in, %d out, want 5 and 4", step.RowsIn, step.RowsOut)
	}
	b.wantBlocked()
	if first, last := b.events[0], b.events[len(b.events)-1]; first.Done || first.Index != 1 || !last.Done || last.Index != last.Total || len(b.events) != 2*last.Total {
		t.Errorf("events run from %+v to %+v", first, last)
	}
}

func TestNothingNewDoesNoWork(t *testing.T) {
	b := setup(t)
	b.landQuarter()
	b.run()
	snapshots := func() map[string]int64 {
		heads, err := b.lake.Heads(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return heads
	}
	before := snapshots()
	config := b.config()
	config.Session = warehouse.Config{Threads: 1 << 40} // a session with this cannot be opened
	r, err := run.New(config)
	if err != nil {
		t.Fatal(err)
	}
	report, err := r.Run(t.Context(), b.request())
	if err != nil {
		t.Fatalf("a run with nothing new opened DuckDB: %v", err)
	}
	for _, step := range report.Steps {
		if step.Skipped != run.UpToDate {
			t.Errorf("%s: windows %v, want it skipped", step.Name, step.Windows)
		}
	}
	if diff := cmp.Diff(before, snapshots()); diff != "" {
		t.Errorf("snapshots changed:\n%s", diff)
	}
}

func TestOneNewDayFillsItsMonth(t *testing.T) {
	b := setup(t)
	b.landQuarter()
	b.run()
	b.land("a 2024-03-20T10 32")
	report := b.run()
	wantWindows(t, report, map[string]string{"marts.daily": "2024-03", "marts.trend": "2024-03", "marts.total": "all", "checks.daily_sane": "2024-03"})
	b.wantRows("marts.trend", "a 2024-01-10 3", "a 2024-02-10 7", "a 2024-03-10 12", "a 2024-03-20 44", "z 2024-03-10 16")
	b.wantRows("marts.total", "a 47", "z 16")

	b.land("a 2024-05-20T10 1") // a month that the models do not know yet, and one between
	report = b.run()
	wantWindows(t, report, map[string]string{"marts.daily": "2024-05", "marts.trend": "2024-05"})
	wantWindows(t, b.run(), map[string]string{"marts.daily": run.UpToDate, "marts.trend": run.UpToDate})
}

func TestTheAsOfDayMakesNothingStale(t *testing.T) {
	b := setup(t)
	b.landQuarter()
	b.run()
	b.asOf = b.asOf.AddDate(0, 0, 1)
	wantWindows(t, b.run(), map[string]string{"marts.daily": run.UpToDate, "marts.trend": run.UpToDate, "marts.total": run.UpToDate})
}

func TestLateCorrectionFillsItsMonthAndWhatLooksBack(t *testing.T) {
	b := setup(t)
	b.landQuarter()
	b.run()
	b.land("a 2024-03-11T10 1") // so that ledger entries have different ages
	b.run()
	b.land("a 2024-01-10T10 100")
	report := b.run()
	wantWindows(t, report, map[string]string{"marts.daily": "2024-01", "marts.trend": "2024-01 2024-02", "marts.total": "all"})
	b.wantRows("marts.daily", "a 2024-01-10 102", "a 2024-02-10 4", "a 2024-03-10 8", "a 2024-03-11 1", "z 2024-03-10 16")
	b.wantRows("marts.trend", "a 2024-01-10 102", "a 2024-02-10 106", "a 2024-03-10 12", "a 2024-03-11 13", "z 2024-03-10 16")
}

func TestChangedTextFillsEverythingAndOnlyThat(t *testing.T) {
	b := setup(t)
	b.landQuarter()
	b.run()
	b.models["marts/trend.sql"] = &fstest.MapFile{Data: []byte(strings.Replace(string(b.models["marts/trend.sql"].Data), "sum(value)", "max(value)", 1))}
	report := b.run()
	wantWindows(t, report, map[string]string{"marts.daily": run.UpToDate, "marts.trend": "2024-01 2024-02 2024-03", "marts.total": run.UpToDate})
	b.wantRows("marts.trend", "a 2024-01-10 3", "a 2024-02-10 4", "a 2024-03-10 8", "z 2024-03-10 16")

	// A view's text belongs to all that reads it.
	b.models["staging/point.sql"] = &fstest.MapFile{Data: []byte(strings.Replace(string(b.models["staging/point.sql"].Data), "from raw.kpi_points", "from raw.kpi_points where kpi_id <> 'z'", 1))}
	b.run()
	b.wantRows("marts.total", "a 15")
}

func TestEmptyLake(t *testing.T) {
	b := setup(t)
	b.run()
	b.wantRows("marts.daily")
	b.wantRows("marts.total")
	b.wantBlocked()
	config := b.config()
	config.Session = warehouse.Config{Threads: 1 << 40}
	r, err := run.New(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Run(t.Context(), b.request()); err != nil {
		t.Errorf("a second run over an empty lake: %v", err)
	}
	b.landQuarter()
	b.run()
	b.wantRows("marts.total", "a 15", "z 16")
}

func TestFailureStopsOnlyWhatReadsIt(t *testing.T) {
	b := setup(t)
	b.landQuarter()
	b.models["marts/broken.sql"] = model("marts.broken", "kpi_id", "marts.daily", "table", "kpi_id varchar, value double", "select kpi_id, nonsense as value from marts.daily")
	b.models["marts/doubled.sql"] = model("marts.doubled", "kpi_id", "marts.daily", "table", "kpi_id varchar", "select kpi_id from marts.daily")
	b.models["marts/hidden.sql"] = model("marts.hidden", "kpi_id", "marts.daily", "table", "kpi_id varchar", "select kpi_id from marts.total")
	b.models["marts/reader.sql"] = model("marts.reader", "kpi_id", "marts.broken", "table", "kpi_id varchar, value double", "select kpi_id, value from marts.broken")
	report, err := b.runner().Run(t.Context(), b.request())
	for _, part := range []string{"model marts.broken", "nonsense", "model marts.doubled", "not unique by (kpi_id)", "kpi_id=a row_count=3", "model marts.hidden", "reads marts.total, which its inputs do not name"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error lacks %q: %v", part, err)
		}
	}
	if got, want := windows(t, report, "marts.reader"), "input marts.broken failed"; got != want {
		t.Errorf("marts.reader: %q, want %q", got, want)
	}
	b.wantRows("marts.total", "a 15", "z 16")
	b.wantBlocked() // the failed models' tables are as they were

	b.models["marts/broken.sql"] = model("marts.broken", "kpi_id", "marts.total", "table", "kpi_id varchar, value double", "select kpi_id, value from marts.total")
	delete(b.models, "marts/doubled.sql")
	delete(b.models, "marts/hidden.sql")
	b.run()
	b.wantRows("marts.reader", "a 15", "z 16")
}

func TestFailedCheckBlocksItsRelationAndReaders(t *testing.T) {
	b := setup(t)
	b.landQuarter()
	b.land("z 2024-02-20T10 -5")
	for range 2 { // a check that failed is run again
		_, err := b.runner().Run(t.Context(), b.request())
		if err == nil || !strings.Contains(err.Error(), "check checks.daily_sane") || !strings.Contains(err.Error(), "kpi_id=z day=2024-02-20 value=-5") {
			t.Errorf("error = %v, want the check and its sample row", err)
		}
		b.wantBlocked("marts.daily", "marts.total", "marts.trend")
	}
	b.wantRows("marts.total", "a 15", "z 11") // models run on; publishing is what stops
	b.land("z 2024-02-20T10 5")
	b.run()
	b.wantBlocked()

	b.land("z 2024-02-21T10 -1") // fails in a month that had passed
	if _, err := b.runner().Run(t.Context(), b.request()); err == nil {
		t.Error("a check that offends again gave no error")
	}
	b.wantBlocked("marts.daily", "marts.total", "marts.trend")
}

func TestOnlyAndExcept(t *testing.T) {
	b := setup(t)
	b.landQuarter()
	names := func(req run.Request) string {
		t.Helper()
		full := b.request()
		full.Only, full.Except = req.Only, req.Except
		report, err := b.runner().Run(t.Context(), full)
		if err != nil {
			t.Fatal(err)
		}
		var steps []string
		for _, s := range report.Steps {
			steps = append(steps, s.Name)
		}
		return strings.Join(steps, " ")
	}
	if got, want := names(run.Request{Only: []string{"marts.total"}}), "marts.daily marts.total checks.daily_sane"; got != want {
		t.Errorf("only marts.total: %s, want %s", got, want)
	}
	if got, want := names(run.Request{Except: []string{"marts.trend"}}), "marts.daily marts.total checks.daily_sane"; got != want {
		t.Errorf("except marts.trend: %s, want %s", got, want)
	}
	if _, err := b.runner().Run(t.Context(), run.Request{RunID: b.request().RunID, AsOf: b.asOf, Only: []string{"marts.nothing"}}); err == nil {
		t.Error("an unknown relation was accepted")
	}
}

// An interruption at any statement of the ledger, before or after the lake's commit, must
// leave what a rerun completes to the same tables.
func TestInterruptedRunIsCompletedByTheNext(t *testing.T) {
	undisturbed := setup(t)
	undisturbed.landQuarter()
	undisturbed.run()
	want := undisturbed.tables()

	b := setup(t)
	b.landQuarter()
	for _, at := range []string{"marts.daily", "marts.t%"} {
		// The ledger refuses the entries of some models, as if the process had died after its commit to the lake.
		trap := fmt.Sprintf("create function public.trap() returns trigger language plpgsql as $$ begin if new.model like '%s' then raise 'power cut'; end if; return new; end $$; create trigger trap before insert on public.intervals for each row execute function public.trap()", at)
		owner := b.owner()
		if _, err := owner.Exec(t.Context(), trap); err != nil {
			t.Fatal(err)
		}
		if _, err := b.runner().Run(t.Context(), b.request()); err == nil || !strings.Contains(err.Error(), "power cut") {
			t.Fatalf("cut at %s: error %v", at, err)
		}
		if _, err := owner.Exec(t.Context(), "drop trigger trap on public.intervals; drop function public.trap()"); err != nil {
			t.Fatal(err)
		}
	}
	b.run()
	if diff := cmp.Diff(want, b.tables()); diff != "" {
		t.Errorf("tables after interruptions (-undisturbed +got):\n%s", diff)
	}
	for _, table := range []string{"marts.daily", "marts.trend", "marts.total"} {
		snapshots, err := b.lake.Snapshots(t.Context(), table)
		if err != nil || len(snapshots) != 1 {
			t.Errorf("%s has %d snapshots, %v, want 1: the rerun must find its content landed", table, len(snapshots), err)
		}
	}
}

func TestCancelledRunSaysSoAndIsCompleted(t *testing.T) {
	b := setup(t)
	b.landQuarter()
	ctx, cancel := context.WithCancel(t.Context())
	config := b.config()
	config.Observe = func(e run.Event) {
		if e.Step.Name == "marts.trend" && !e.Done {
			cancel()
		}
	}
	r, err := run.New(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Run(ctx, b.request()); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want the context's", err)
	}
	b.run()
	b.wantRows("marts.trend", "a 2024-01-10 3", "a 2024-02-10 7", "a 2024-03-10 12", "z 2024-03-10 16")
}
