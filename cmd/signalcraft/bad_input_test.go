package main

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/cluster"
	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/pipelines/demo"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
	"github.com/signalcraft/signalcraft/pipelines/replay"
	"github.com/signalcraft/signalcraft/testdata"
)

// wantTexts wants text to hold every part.
func wantTexts(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s does not say %q:\n%s", what, part, text)
		}
	}
}

// wantError wants an error whose text holds every part.
func wantError(t *testing.T, what string, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error, want one with %q", what, parts)
		return
	}
	wantTexts(t, what, err.Error(), parts...)
}

func wantDone(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func demoUpstream(t *testing.T) *replay.Handler {
	t.Helper()
	handler, err := replay.Open(testdata.Upstream())
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// abroad gives a scenario the demonstration's businesses, with half a year of one hourly KPI each.
func (s *scenario) abroad(t *testing.T) *scenario {
	t.Helper()
	for _, d := range demo.Businesses() {
		b := s.business(t, store.Business{Name: d.Row.Name, TimeZone: d.Row.TimeZone, Currency: d.Row.Currency, Country: d.Row.Country, Place: d.Row.Place, NewsQuery: d.Row.NewsQuery})
		lines := []string{"time,value"}
		for hour := range 180 * 24 {
			at := demo.AsOf().Add(-time.Duration(hour+6) * time.Hour)
			lines = append(lines, fmt.Sprintf("%s,%d", at.Format(time.RFC3339), 1000+hour%24*(7+hour%5)))
		}
		s.put(t, d.Row.Place+".csv", lines...)
		s.file(t, b, d.Row.Place+".csv", kpi.Spec{Time: []string{"time"}, Value: "value"}, store.KPI{Name: d.Row.Place, Grain: "hour"})
	}
	return s
}

// undisturbed returns the tables after a batch to which nothing happened.
func undisturbed(t *testing.T) map[string][]string {
	t.Helper()
	s := serving(t, demoUpstream(t), storetest.New(t).URL("")).abroad(t)
	_, err := s.nightly(t, demo.AsOf())
	wantDone(t, "undisturbed run", err)
	return s.dump(t)
}

// TestBadUpstreamBodies breaks each upstream's answers in another way. What could be
// read is there after the first run, and the run after the repair brings the rest.
func TestBadUpstreamBodies(t *testing.T) {
	want := undisturbed(t)
	upstream := demoUpstream(t)
	s := serving(t, upstream, storetest.New(t).URL("")).abroad(t)
	upstream.Inject(replay.Fault{Kind: replay.Garbage, Prefix: "secure.geonames.org"})
	upstream.Inject(replay.Fault{Kind: replay.HTMLUnder200, Prefix: "api.gdeltproject.org"})
	upstream.Inject(replay.Fault{Kind: replay.Truncated, Prefix: "api.frankfurter.dev"})
	steps, err := s.nightly(t, demo.AsOf())
	wantError(t, "run with three broken upstreams", err,
		"places: read source geonames: read unit search/AU/Adelaide: ", "the body is not JSON",
		"exchange rates: read source fxrates: unit EUR/2023-09: provider frankfurter: ", "unit EUR/2026-09: provider frankfurter: ", "the body is not a JSON document",
		"news: read source gdelt: read units artlist/", "read units artlist/"+id("Lakeside Grand").String()+`: query "(hotel OR tourism) Toronto"`, "Down for maintenance")
	for _, part := range []string{"KPI files", "holidays", "models", "forecasts", "publish"} {
		if steps[part].Failed != "" || steps[part].RowsOut == 0 {
			t.Errorf("%s beside broken upstreams: %+v", part, steps[part])
		}
	}
	for _, table := range []string{"kpi_data", "kpi_trends"} {
		if got := s.dumpServing(t, table); !slices.Equal(got, want["serving."+table]) {
			t.Errorf("serving.%s has %d rows beside broken upstreams, want the same %d as without", table, len(got), len(want["serving."+table]))
		}
	}
	// Without its place a business has no weather, which its forecasts know of; they are made all the same.
	if got := s.dumpServing(t, "forecasts"); len(got) != len(want["serving.forecasts"]) {
		t.Errorf("%d rows of forecasts beside broken upstreams, want as many as without: %d", len(got), len(want["serving.forecasts"]))
	}

	upstream.Heal()
	upstream.Inject(replay.Fault{Kind: replay.Garbage, Prefix: "archive-api.open-meteo.com", Skip: 3})
	_, err = s.nightly(t, demo.AsOf())
	wantError(t, "run with a broken archive", err, "weather: read source openmeteo: read unit archive/2026-07/1: ", "the body is not JSON", "read unit archive/2023/1: ")

	upstream.Heal()
	_, err = s.nightly(t, demo.AsOf())
	wantDone(t, "run after the repair", err)
	got := s.dump(t)
	noted := without(got["raw.quarantine"], want["raw.quarantine"])
	if len(noted) != 3 || !strings.Contains(noted[0], "the business has no coordinates: its place was not found yet") {
		t.Errorf("more in quarantine than without faults: %q, want one row for each business that had no place", noted)
	}
	got["raw.quarantine"] = without(got["raw.quarantine"], noted)
	sameTables(t, "after the repair", want, got)
}

// TestBadKPIFiles has files with broken lines, with a broken header, cut off, and
// missing. The others land, and correcting the files makes the tables those of a
// business that never had them.
func TestBadKPIFiles(t *testing.T) {
	asOf := time.Date(2024, 1, 9, 6, 0, 0, 0, time.UTC)
	sound := map[string][]string{
		"sound.csv":   {"day,kpi,value", "2024-01-01,sound,1"},
		"lines.csv":   {"day,kpi,value", "2024-01-01,lines,1", "2024-01-02,lines,2", "2024-01-03,lines,3", "2024-01-05,lines,5", "2024-01-08,lines,8"},
		"header.csv":  {"day,kpi,value", "2024-01-01,header,1"},
		"packed.csv":  {"day,kpi,value", "2024-01-01,packed,1"},
		"missing.csv": {"day,kpi,value", "2024-01-01,missing,1"},
	}
	broken := maps.Clone(sound)
	broken["lines.csv"] = []string{"day,kpi,value", "2024-01-01,lines,1", `2024-01-02,lines,"2`, "2024-01-03,lines", "2024-01-04,lines,four", "2024-01-05,lines,5",
		"2024-01-05,lines,6", "yesterday,lines,7", "2024-01-06,other,8", "2024-01-07,lines,-1", "2024-01-08,lines,8"}
	broken["header.csv"] = []string{"date,kpi,value", "2024-01-01,header,1"}
	broken["packed.csv"] = []string{"\x1f\x8b\x08\x00"}
	delete(broken, "missing.csv")
	shop := func(files map[string][]string) *scenario {
		s := newScenario(t, nil)
		b := s.business(t, store.Business{Name: "Shop", TimeZone: "Europe/Berlin", Currency: "EUR", Country: "DE"})
		for name := range sound {
			s.file(t, b, name, kpi.Spec{Time: []string{"day"}, Zone: "Europe/Berlin", Value: "value", Key: []string{"kpi"}}, store.KPI{Name: strings.TrimSuffix(name, ".csv"), Grain: "day"})
		}
		for name, lines := range files {
			s.put(t, name, lines...)
		}
		return s
	}
	never := shop(sound)
	_, err := never.nightly(t, asOf)
	wantDone(t, "run on sound files", err)

	s := shop(broken)
	steps, err := s.nightly(t, asOf)
	wantError(t, "run on broken files", err,
		`header.csv of source `+id(id("Shop").String()+"header.csvvalue").String()+`: line 1: column "day" is not in the header "date, kpi, value"`,
		"packed.csv of source ", "unexpected EOF", "KPI source "+id(id("Shop").String()+"missing.csvvalue").String(), "missing.csv: no such file or directory")
	if got := steps["KPI files"]; got.RowsIn != 11 || got.RowsOut != 4 || got.Quarantined != 7 {
		t.Errorf("KPI files: %d rows in, %d landed, %d quarantined; want 11, 4 and 7", got.RowsIn, got.RowsOut, got.Quarantined)
	}
	if got := len(s.dumpServing(t, "kpi_data")); got != 4 || steps["models"].Failed+steps["forecasts"].Failed+steps["publish"].Failed != "" {
		t.Errorf("%d days are published, want the 4 sound ones; steps %+v", got, steps)
	}
	var refused []string
	for _, r := range s.quarantine(t) {
		if r.Source == "kpi" {
			refused = append(refused, fmt.Sprintf("%d %s: %s", r.Line, r.Raw, r.Reason))
		}
	}
	wantTexts(t, "quarantine", strings.Join(refused, "\n"), `3 2024-01-02,lines,"2: the quote of field 3 is not closed on its line`, "4 2024-01-03,lines: 2 fields, want 3",
		`5 2024-01-04,lines,four: value "four" is not a number`, "7 2024-01-05,lines,6: contradicts an earlier line", `8 yesterday,lines,7: time "yesterday"`,
		`9 2024-01-06,other,8: unknown KPI "other"`, "10 2024-01-07,lines,-1: value -1 is negative")

	for name, lines := range sound {
		s.put(t, name, lines...)
	}
	_, err = s.nightly(t, asOf)
	wantDone(t, "run on corrected files", err)
	got, want := s.dump(t), never.dump(t)
	got["raw.quarantine"] = without(got["raw.quarantine"], without(got["raw.quarantine"], want["raw.quarantine"]))
	sameTables(t, "corrected files", want, got)
}

// TestBadCurrencyAndFewPoints has a KPI in a currency that does not exist, one with a
// single point and one with none.
func TestBadCurrencyAndFewPoints(t *testing.T) {
	s := newScenario(t, nil)
	b := s.business(t, store.Business{Name: "Shop", TimeZone: "Europe/Berlin", Currency: "EUR", Country: "DE"})
	code := "XXQ"
	s.put(t, "shop.csv", "day,kpi,value", "2024-01-01,money,10", "2024-01-02,money,20", "2024-01-01,single,3")
	s.file(t, b, "shop.csv", kpi.Spec{Time: []string{"day"}, Zone: "Europe/Berlin", Value: "value", Key: []string{"kpi"}},
		store.KPI{Name: "money", Grain: "day", Unit: code, Currency: &code}, store.KPI{Name: "single", Grain: "day"}, store.KPI{Name: "none", Grain: "day"})
	_, err := s.nightly(t, time.Date(2024, 1, 9, 6, 0, 0, 0, time.UTC))
	wantDone(t, "run", err)
	compare(t, "days without a value in euro", map[point]float64{{"money XXQ to EUR", "2024-01-01"}: 10, {"money XXQ to EUR", "2024-01-02"}: 20},
		s.values(t, `select name || ' ' || kpi_daily.currency || ' to ' || converted_currency as kpi, cast(day as varchar) as day, value
			from marts.kpi_daily join staging.kpi using (kpi_id) where kpi_daily.currency is not null and value_converted is null`))
	if got := s.quarantine(t); len(got) == 0 || got[0].Source != "fxrates" || got[0].Raw != code || got[0].Reason != `currency "XXQ" of a KPI is not an ISO 4217 code` {
		t.Errorf("in quarantine: %+v, want a note on XXQ first", got)
	}
	var forecasts []struct {
		KPI    string `json:"kpi"`
		N      int    `json:"n"`
		Sound  int    `json:"sound"`
		First  string `json:"first"`
		Lowest float64
	}
	s.ask(t, &forecasts, `select name as kpi, count(*) as n, min(cast(day as varchar)) as first, min(mean) as "Lowest",
		count(case when lower_95 <= lower_80 and lower_80 <= mean and mean <= upper_80 and upper_80 <= upper_95 and isfinite(upper_95) then 1 end) as sound
		from marts.kpi_forecasts join staging.kpi using (kpi_id) group by name order by name`)
	if len(forecasts) != 2 || forecasts[1].KPI != "single" || forecasts[1].N != 30 || forecasts[1].Sound != 30 || forecasts[1].First != "2024-01-02" || forecasts[1].Lowest != 3 {
		t.Errorf("forecasts %+v, want 30 days at 3 of the KPI with one point, and none of that without", forecasts)
	}
	if got := len(s.dumpServing(t, "kpi_trends")); got != 3 {
		t.Errorf("serving.kpi_trends has %d rows, want 3", got)
	}
}

// TestBadEmptyLake runs the batch before there is any business.
func TestBadEmptyLake(t *testing.T) {
	s := newScenario(t, nil)
	for run := range 2 {
		steps, err := s.nightly(t, demo.AsOf())
		wantDone(t, "run without a business", err)
		for name, done := range steps {
			if done.RowsIn != 0 || done.RowsOut != 0 || done.Quarantined != 0 {
				t.Errorf("run %d: %s: %+v, want no rows", run, name, done)
			}
		}
	}
	for name, rows := range s.dump(t) {
		if len(rows) != 0 {
			t.Errorf("%s has %d rows, want none", name, len(rows))
		}
	}
}

// TestBadPause leaves the batch alone for two months: what came meanwhile is read then.
func TestBadPause(t *testing.T) {
	upstream, err := replay.New(fstest.MapFS{"empty": {Data: []byte("{}")}},
		replay.Manifest{Version: 1, Responses: []replay.Response{{File: "empty", URL: "https://api.gdeltproject.org/api/v2/doc/doc?query=shop"}}})
	if err != nil {
		t.Fatal(err)
	}
	s := serving(t, upstream, storetest.New(t).URL(""))
	s.business(t, store.Business{Name: "Shop", TimeZone: "Europe/Berlin", Currency: "EUR", Country: "DE", NewsQuery: "shop"})
	check := func(asOf time.Time, from, until string) {
		t.Helper()
		_, err := s.nightly(t, asOf)
		wantDone(t, "run", err)
		asked := upstream.Requests()
		wantTexts(t, "last request", asked[len(asked)-1], "startdatetime="+from, "enddatetime="+until)
	}
	// Weeks begin on Monday and are asked from one second before. The first run reads ninety days.
	check(time.Date(2024, 1, 24, 6, 0, 0, 0, time.UTC), "20231022235959", "20240124060000")
	check(time.Date(2024, 1, 24, 18, 0, 0, 0, time.UTC), "20240114235959", "20240124180000")
	check(time.Date(2024, 3, 20, 6, 0, 0, 0, time.UTC), "20240114235959", "20240320060000")
	check(time.Date(2024, 3, 20, 18, 0, 0, 0, time.UTC), "20240310235959", "20240320180000")
}

// limited is nightly as a process under a shell's limit, with a database.
func limited(t *testing.T, s *scenario, limit string) (output string, status int, took time.Duration) {
	t.Helper()
	whole := nightly(t, s.settings.DataDir, s.upstream)
	command := exec.Command("sh", append([]string{"-c", limit + `exec "$0" "$@"`}, whole.Args...)...)
	command.Env = append(whole.Env, "DATABASE_URL="+s.settings.DatabaseURL)
	started := time.Now()
	combined, err := command.CombinedOutput()
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) {
		t.Fatal(err)
	}
	return string(combined), command.ProcessState.ExitCode(), time.Since(started)
}

// TestBadDatabaseAddress names a port that nobody listens on.
func TestBadDatabaseAddress(t *testing.T) {
	settings := testSettings(t.TempDir())
	settings.DatabaseURL = "postgres://somebody:a-secret@127.0.0.1:1/signalcraft"
	output, status, took := limited(t, &scenario{installation: &installation{settings: settings}, upstream: "http://127.0.0.1:1"}, "")
	if status != exitFailed || took > 10*time.Second {
		t.Errorf("exit status %d after %s, want %d at once", status, took, exitFailed)
	}
	wantTexts(t, "the error", output, "database is unavailable", "127.0.0.1:1", "connection refused")
	if strings.Contains(output, "a-secret") {
		t.Errorf("the error shows the password: %s", output)
	}
}

// TestBadDatabaseStop stops Postgres while the batch reads the news.
func TestBadDatabaseStop(t *testing.T) {
	want := undisturbed(t)
	dir := filepath.Join(t.TempDir(), "postgres")
	start := func() *cluster.Cluster {
		c, err := cluster.Start(t.Context(), cluster.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
		return c
	}
	first := start()
	upstream := demoUpstream(t)
	var once sync.Once
	stopped := make(chan struct{})
	s := serving(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api.gdeltproject.org/") {
			once.Do(func() {
				defer close(stopped)
				if err := first.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		upstream.ServeHTTP(w, r)
	}), first.URL("")).abroad(t)
	started := time.Now()
	steps, err := s.nightly(t, demo.AsOf())
	if took := time.Since(started); !errors.Is(err, store.ErrUnavailable) || took > 15*time.Second {
		t.Errorf("run without Postgres took %s and ended with: %v; want that the database is unavailable, soon", took, err)
	}
	wantError(t, "run without Postgres", err, "news: read source gdelt: ", "finish run ")
	if steps["KPI files"].Failed != "" {
		t.Errorf("KPI files, before the stop: %+v", steps["KPI files"])
	}

	<-stopped
	s.settings.DatabaseURL = start().URL("")
	s.installation = opened(t, s.settings)
	_, err = s.nightly(t, demo.AsOf())
	wantDone(t, "run with Postgres again", err)
	sameTables(t, "with Postgres again", want, s.dump(t))
}

// TestBadDiskFull lets no file grow beyond a size, which ends writes half way as a full disk does.
func TestBadDiskFull(t *testing.T) {
	want := undisturbed(t)
	s := serving(t, demoUpstream(t), storetest.New(t).URL("")).abroad(t)
	output, status, _ := limited(t, s, "ulimit -f 8; ") // blocks of 512 bytes: not one snapshot fits
	if status != exitFailed {
		t.Errorf("exit status %d, want %d", status, exitFailed)
	}
	wantTexts(t, "run without space", output, "KPI files: read source kpi: land kpi: write 12960 rows to raw.kpi_points: ", ".parquet: file too large",
		"weather: read source openmeteo: ", "exchange rates: read source fxrates: ", "news: read source gdelt: ")
	output, status, _ = limited(t, s, "ulimit -f 24; ") // all but a year's weather of three places
	if status != exitFailed {
		t.Errorf("exit status %d, want %d", status, exitFailed)
	}
	wantTexts(t, "run with little space", output, "weather: read source openmeteo: land openmeteo: write 3428 rows to raw.openmeteo_days: ", ".parquet: file too large")
	if got := s.dumpServing(t, "kpi_data"); !slices.Equal(got, want["serving.kpi_data"]) {
		t.Errorf("serving.kpi_data has %d rows beside a file that was too large, want the same %d as without", len(got), len(want["serving.kpi_data"]))
	}
	err := filepath.WalkDir(filepath.Join(s.settings.DataDir, "lake"), func(path string, entry os.DirEntry, err error) error {
		if err == nil && strings.Contains(path, "/staging/") && strings.HasSuffix(path, ".parquet") {
			t.Errorf("a broken file was left: %s", path)
		}
		return err
	})
	wantDone(t, "look for broken files", err)
	_, err = s.nightly(t, demo.AsOf())
	wantDone(t, "run with space", err)
	sameTables(t, "with space", want, s.dump(t))
}
