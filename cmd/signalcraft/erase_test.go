package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/laketest"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
	"github.com/signalcraft/signalcraft/pipelines/kpi/remote"
	"github.com/signalcraft/signalcraft/pipelines/replay"
)

// run runs jobs one after another and fails the test when one does.
func (s *scenario) run(t *testing.T, jobs ...string) {
	t.Helper()
	b, err := s.newBatch(impatient(t, s.settings, s.upstream))
	if err != nil {
		t.Fatal(err)
	}
	for _, job := range jobs {
		if err := b.byHand(t.Context(), job, s.now().UTC(), newReport(io.Discard, s.now)); err != nil {
			t.Fatalf("%s: %v", job, err)
		}
	}
}

// shopsOn makes two businesses on a database, with a daily KPI, an hourly one and a refused line each, landed, computed and published.
func shopsOn(t *testing.T, database *storetest.DB) (s *scenario, goes, stays uuid.UUID) {
	t.Helper()
	handler, err := replay.New(fstest.MapFS{}, replay.Manifest{Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	s = serving(t, handler, database.URL(""))
	for _, name := range []string{"Leaving Inn", "Steady Inn"} {
		business := s.business(t, store.Business{Name: name, TimeZone: "UTC", Currency: "EUR", Country: "FR"})
		lines := []string{"day,value", "2026-01-01,quiet " + name}
		for day := range 60 {
			lines = append(lines, fmt.Sprintf("%s,%d", s.now().AddDate(0, 0, day-61).Format(time.DateOnly), 100+day%7))
		}
		s.put(t, name+".csv", lines...)
		s.file(t, business, name+".csv", kpi.Spec{Time: []string{"day"}, Value: "value"},
			store.KPI{Name: "takings of " + name, Grain: "day"})
		lines = []string{"time,visitors"}
		for hour := range 48 {
			lines = append(lines, fmt.Sprintf("%s,%d", s.now().UTC().Truncate(24*time.Hour).Add(time.Duration(hour-72)*time.Hour).Format(time.RFC3339), hour))
		}
		s.put(t, name+" hours.csv", lines...)
		s.file(t, business, name+" hours.csv", kpi.Spec{Time: []string{"time"}, Value: "visitors"},
			store.KPI{Name: "visitors of " + name, Grain: "hour"})
	}
	s.run(t, "load_kpis", refreshJob)
	return s, id("Leaving Inn"), id("Steady Inn")
}

// leave deletes a business as its owner does.
func (s *scenario) leave(t *testing.T, business uuid.UUID) {
	t.Helper()
	service, err := store.Open(t.Context(), store.Config{URL: s.url(store.RoleAPI), Role: store.RoleAPI, MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	err = service.AsMember(t.Context(), id("user"), business, func(tx *store.MemberTx) error { return tx.DeleteBusiness(t.Context(), s.now()) })
	if err != nil {
		t.Fatal(err)
	}
}

// rowsOf returns every row of the lake's tables, those in which one of texts stands left out.
func (s *scenario) rowsOf(t *testing.T, without ...string) map[string][]string {
	t.Helper()
	tables, err := s.lake.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, d := range tables {
		batches, err := s.lake.Scan(t.Context(), d.Name, nil, lakehouse.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for batch, err := range batches {
			if err != nil {
				t.Fatal(err)
			}
			for i := range int(batch.NumRows()) {
				var row strings.Builder
				for c := range int(batch.NumCols()) {
					row.WriteString(batch.Column(c).ValueStr(i) + "|")
				}
				if !slices.ContainsFunc(without, func(text string) bool { return strings.Contains(row.String(), text) }) {
					all[d.Name] = append(all[d.Name], row.String())
				}
			}
			batch.Release()
		}
		slices.Sort(all[d.Name])
	}
	return all
}

// traces returns where below the data folder, without the operator's inbox, and where in Postgres one of texts stands. The audit log and
// the ledger of erasures keep ids.
func (s *scenario) traces(t *testing.T, database *storetest.DB, texts ...string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(s.settings.DataDir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if entry != nil && entry.Name() == "inbox" {
				return filepath.SkipDir
			}
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, text := range texts {
			if strings.Contains(string(content), text) {
				found = append(found, path+" holds "+text)
			}
			if strings.HasSuffix(path, ".parquet") {
				found = append(found, laketest.Texts(t, path, text)...)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	pool := database.Pool(t, "")
	tables, err := pool.Query(t.Context(), `select c.oid::regclass::text from pg_class c where c.relkind = 'r' and c.relnamespace in ('public'::regnamespace, 'serving'::regnamespace, 'lake'::regnamespace, 'river'::regnamespace)
		and c.oid not in ('audit_log'::regclass, 'audit_heads'::regclass, 'erasures'::regclass)`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(tables, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		for _, text := range texts {
			var rows int
			if err := pool.QueryRow(t.Context(), `select count(*) from `+name+` as r where position($1 in r::text) > 0`, text).Scan(&rows); err != nil {
				t.Fatal(err)
			}
			if rows > 0 {
				found = append(found, fmt.Sprintf("table %s: %d rows with %s", name, rows, text))
			}
		}
	}
	return found
}

func TestADeletedBusinessIsGoneEverywhere(t *testing.T) {
	t.Parallel()
	database := storetest.New(t)
	s, goes, stays := shopsOn(t, database)
	texts := []string{goes.String(), "quiet Leaving Inn", id("takings of Leaving Inn").String(), id("visitors of Leaving Inn").String()}
	want := s.rowsOf(t, texts...)
	if len(want["marts.kpi_daily"]) != 62 || len(want["marts.kpi_hourly"]) != 48 || len(want["raw.quarantine"]) != 1 || len(want["marts.kpi_forecasts"]) == 0 {
		t.Fatalf("before: %d days, %d refused, %d forecasts of the other business", len(want["marts.kpi_daily"]), len(want["raw.quarantine"]), len(want["marts.kpi_forecasts"]))
	}
	// What it left in folders: a file that it sent, an answer for it, rows that a run spilled.
	left := map[string]string{}
	for _, folder := range []string{"uploads", filepath.Join("cache", "gdelt"), "temp"} {
		path := filepath.Join(s.settings.DataDir, folder, uuid.NewString())
		left[folder] = path
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("quiet Leaving Inn"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if before := s.traces(t, database, texts...); len(before) < 10 || !slices.ContainsFunc(before, func(place string) bool { return strings.Contains(place, "serving.kpi_hourly") }) {
		t.Fatalf("the search finds next to nothing before: %v", before)
	}
	s.leave(t, goes)
	s.run(t, "upkeep")
	if got := s.rowsOf(t); !reflect.DeepEqual(got, want) {
		t.Errorf("the other business's rows: %s", differing(got, want))
	}
	open, err := s.data.Erasures(t.Context(), false)
	if err != nil || len(open) != 1 {
		t.Errorf("open erasures: %v, %v; want that of the business: a file may still be on its way", open, err)
	}
	later := time.Now().Add(settled + time.Minute)
	s.now = func() time.Time { return later }
	s.run(t, "upkeep")
	if open, err = s.data.Erasures(t.Context(), false); err != nil || len(open) != 0 {
		t.Errorf("open erasures: %v, %v; want none", open, err)
	}
	if found := s.traces(t, database, texts...); len(found) > 0 {
		t.Errorf("traces:\n%s", strings.Join(found, "\n"))
	}
	for folder, path := range left {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("the file in %s: %v, want it gone", folder, err)
		}
	}
	s.now = time.Now
	s.run(t, "load_kpis", refreshJob)
	if got := s.rowsOf(t); !reflect.DeepEqual(got["marts.kpi_daily"], want["marts.kpi_daily"]) || !reflect.DeepEqual(got["raw.kpi_points"], want["raw.kpi_points"]) {
		t.Errorf("after another run: %s", differing(got, want))
	}
	if got := s.rowsOf(t, stays.String()); len(got["raw.kpi_points"])+len(got["marts.kpi_daily"])+len(got["raw.quarantine"]) != 0 {
		t.Errorf("rows of nobody: %v", got)
	}
}

// differing says in which tables rows differ.
func differing(got, want map[string][]string) string {
	var out strings.Builder
	for name := range want {
		if !reflect.DeepEqual(got[name], want[name]) {
			fmt.Fprintf(&out, "%s: got %d rows, want %d; ", name, len(got[name]), len(want[name]))
		}
	}
	return out.String()
}

// TestNothingLandsForWhoIsGone lands what was read before its business, or its KPI, was deleted.
func TestNothingLandsForWhoIsGone(t *testing.T) {
	t.Parallel()
	database := storetest.New(t)
	s, goes, stays := shopsOn(t, database)
	b, err := s.newBatch(nil)
	if err != nil {
		t.Fatal(err)
	}
	e := &execution{id: uuid.New(), asOf: s.now().UTC()}
	if e.control, err = readControl(t.Context(), b.data); err != nil {
		t.Fatal(err)
	}
	reason := []remote.PushedReject{{Reason: "late", Raw: "late"}}
	pushed := func(business uuid.UUID, kpi string) remote.PushedBatch {
		return remote.PushedBatch{ID: uuid.NewString(), BusinessID: business.String(), SourceID: uuid.NewString(), Rejects: reason,
			Points: []remote.PushedPoint{{KPIID: kpi, At: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), Value: 1}}}
	}
	retired := id("takings of Steady Inn")
	waiting := remote.NewPushed([]remote.PushedBatch{pushed(goes, id("takings of Leaving Inn").String()), pushed(stays, retired.String()), pushed(stays, id("another").String())})
	s.leave(t, goes)
	if _, err := database.Pool(t, "").Exec(t.Context(), `delete from kpi_sources where business_id = $1`, stays); err != nil {
		t.Fatal(err)
	}
	s.run(t, "upkeep")
	if _, err := b.land(t.Context(), e, e.control, pipelines.Input{}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.land(t.Context(), e, waiting, pipelines.Input{}); err != nil {
		t.Fatal(err)
	}
	got := s.rowsOf(t)
	if points := got["raw.kpi_points"]; len(points) != 1 || !strings.Contains(points[0], id("another").String()) {
		t.Errorf("points: %v, want only that of the KPI that was not deleted", points)
	}
	if refused := got["raw.quarantine"]; len(refused) != 3 || strings.Contains(fmt.Sprint(refused), goes.String()) {
		t.Errorf("refused: %v, want the three of the business that stays", refused)
	}
	if businesses := got["raw.businesses"]; len(businesses) != 1 || !strings.Contains(businesses[0], stays.String()) {
		t.Errorf("businesses: %v, want the one that stays", businesses)
	}
	if kpis := got["raw.kpis"]; len(kpis) != 0 {
		t.Errorf("KPIs: %v, want none", kpis)
	}
}
