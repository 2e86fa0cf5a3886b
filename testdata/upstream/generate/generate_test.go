package main

import (
	"bytes"
	"context"
	"io/fs"
	"maps"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/demo"
	"github.com/signalcraft/signalcraft/pipelines/fetch"
	"github.com/signalcraft/signalcraft/pipelines/fxrates"
	"github.com/signalcraft/signalcraft/pipelines/gdelt"
	"github.com/signalcraft/signalcraft/pipelines/geonames"
	"github.com/signalcraft/signalcraft/pipelines/openmeteo"
	"github.com/signalcraft/signalcraft/pipelines/replay"
	"github.com/signalcraft/signalcraft/testdata"
)

// TestFilesAreCurrent wants the embedded files to be what the generator writes, no more and no less.
func TestFilesAreCurrent(t *testing.T) {
	want, err := files()
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for name, body := range want {
		got, err := fs.ReadFile(testdata.Upstream(), name)
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("%s is not current (error %v): go run ./testdata/upstream/generate", name, err)
		}
		total += len(body)
		if len(body) > 1<<20 {
			t.Errorf("%s has %d bytes, want at most a megabyte", name, len(body))
		}
	}
	if total > 1_500_000 {
		t.Errorf("all files have %d bytes, want at most 1.5 MB", total)
	}
	err = fs.WalkDir(testdata.Upstream(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && want[filepath.ToSlash(name)] == nil {
			t.Errorf("%s is left over from an earlier generator", name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// world serves the answers and reads them with the sources.
type world struct {
	handler    *replay.Handler
	client     *fetch.Client
	businesses []dataset.BusinessRow
}

func setup(t *testing.T) *world {
	t.Helper()
	handler, err := replay.Open(testdata.Upstream())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	at := func(u fetch.Upstream, host string) fetch.Upstream {
		u.BaseURL, u.MinInterval = replay.BaseURL(server.URL, host), 0
		return u
	}
	client, err := fetch.New(fetch.Config{Now: time.Now, Upstreams: []fetch.Upstream{
		at(gdelt.Upstream(), "api.gdeltproject.org"), at(gdelt.FilesUpstream(), "data.gdeltproject.org"), at(openmeteo.Forecast(), "api.open-meteo.com"), at(openmeteo.Archive(), "archive-api.open-meteo.com"),
		at(geonames.Upstream("demo-account"), "secure.geonames.org"), fxrates.FrankfurterUpstream(replay.BaseURL(server.URL, "api.frankfurter.dev")),
	}})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{handler: handler, client: client}
	for _, b := range demo.Businesses() {
		w.businesses = append(w.businesses, b.Row)
	}
	return w
}

func (w *world) read(t *testing.T, source pipelines.Source, newErr error, days int) map[string]pipelines.Batch {
	t.Helper()
	if newErr != nil {
		t.Fatal(newErr)
	}
	batches := map[string]pipelines.Batch{}
	in := pipelines.Input{AsOf: demo.AsOf(), Window: dataset.Window{Start: demo.AsOf().AddDate(0, 0, -days), End: demo.AsOf()}, Businesses: w.businesses, Currencies: []string{"USD", "GBP", "CHF"}}
	if err := source.Read(t.Context(), in, func(b pipelines.Batch) error { batches[b.Unit] = b; return nil }); err != nil {
		t.Fatalf("read %s over %d days: %v", source.Name(), days, err)
	}
	return batches
}

// locate fills in the businesses' coordinates from the places' answers.
func (w *world) locate(t *testing.T) {
	t.Helper()
	source, err := geonames.New(geonames.Config{Client: w.client, Username: "demo-account"})
	batches := w.read(t, source, err, 1)
	for i := range w.businesses {
		b := &w.businesses[i]
		found := batches["search/"+b.Country+"/"+b.Place].Places
		if len(found) != 1 || found[0].Name != b.Place || *found[0].TimeZone != b.TimeZone {
			t.Fatalf("place %s gave %+v", b.Place, found)
		}
		b.Latitude, b.Longitude = &found[0].Latitude, &found[0].Longitude
	}
}

func TestWeatherCoversTheHistory(t *testing.T) {
	w := setup(t)
	w.locate(t)
	source, err := openmeteo.New(openmeteo.Config{Client: w.client})
	batches := w.read(t, source, err, 1098)
	days, hottest := map[string]int{}, map[string]float64{}
	hours := 0
	for _, b := range batches {
		for _, d := range b.WeatherDays {
			days[d.Kind+" "+d.TimeZone]++
			if month := dataset.FromDays(d.Day).Month(); d.Kind == "archive" && month == time.January {
				hottest[d.TimeZone] = max(hottest[d.TimeZone], *d.TemperatureMax)
			}
		}
		hours += len(b.WeatherHours)
		if len(b.Rejects) > 0 {
			t.Errorf("unit %s has rejects %v", b.Unit, b.Rejects)
		}
	}
	// 2023-10-01 to 2026-10-26 are 1122 days.
	want := map[string]int{"archive Australia/Adelaide": 1122, "archive America/Toronto": 1121, "archive Europe/Paris": 1122, "forecast Australia/Adelaide": 21, "forecast America/Toronto": 21, "forecast Europe/Paris": 21}
	if !maps.Equal(days, want) || hours != 3*21*24 {
		t.Errorf("days %v and %d hours, want %v and %d", days, hours, want, 3*21*24)
	}
	if hottest["Australia/Adelaide"] < 28 || hottest["Europe/Paris"] > 20 || hottest["America/Toronto"] > 15 {
		t.Errorf("hottest January days %v: the seasons are on the wrong side", hottest)
	}
	checkAgain(t, batches, w.read(t, source, nil, 10))
}

// checkAgain wants a later, shorter reading to give units that stand already, unchanged.
func checkAgain(t *testing.T, first, again map[string]pipelines.Batch) {
	t.Helper()
	if len(again) == 0 {
		t.Error("the second reading gave nothing")
	}
	for unit, b := range again {
		if old := first[unit]; old.Rows() != b.Rows() || old.RowsIn != b.RowsIn {
			t.Errorf("unit %s had %d rows, read again over fewer days it has %d", unit, old.Rows(), b.Rows())
		}
	}
}

func TestNewsHasLanguagesTonesAndFaults(t *testing.T) {
	w := setup(t)
	source, err := gdelt.New(gdelt.Config{Client: w.client})
	batches := w.read(t, source, err, 90)
	articles, rejects, languages := map[string]int{}, map[string]int{}, map[string]bool{}
	for unit, b := range batches {
		business := strings.Split(unit, "/")[1]
		articles[business] += len(b.Articles)
		rejects[business] += len(b.Rejects)
		for _, a := range b.Articles {
			languages[*a.Language] = true
			if a.SeenAt.After(demo.AsOf()) || strings.Contains(a.Title, " ,") || strings.Contains(a.Title, "  ") {
				t.Errorf("article %+v", a)
			}
		}
	}
	if !asOf().Equal(demo.AsOf()) {
		t.Errorf("the answers are made as of %s, the demonstration runs as of %s", asOf(), demo.AsOf())
	}
	for i, topic := range topics() {
		// Every seventeenth article stands twice, and two spoiled entries are mended.
		id, want := w.businesses[i].BusinessID, topic.articles+topic.articles/17+2
		if articles[id] != want || rejects[id] != 4 || want+4 >= 250 {
			t.Errorf("%s: %d articles and %d rejects, want %d and 4, fewer than the service's 250", topic.name, articles[id], rejects[id], want)
		}
	}
	if got := slices.Sorted(maps.Keys(languages)); !slices.Equal(got, []string{"de", "en", "es", "fr", "it", "ru", "vi", "zh"}) {
		t.Errorf("languages %v", got)
	}
	checkAgain(t, batches, w.read(t, source, nil, 3))
}

// Most of the last days' articles in other languages have a tone, some are in no file.
func TestTonesOfOtherLanguages(t *testing.T) {
	w := setup(t)
	news, err := gdelt.New(gdelt.Config{Client: w.client})
	var missing []gdelt.Toneless
	for _, b := range w.read(t, news, err, 30) {
		for _, a := range b.Articles {
			if *a.Language != "en" {
				missing = append(missing, gdelt.Toneless{BusinessID: a.BusinessID, URL: a.URL, SeenAt: a.SeenAt})
			}
		}
	}
	all := func(context.Context, []dataset.BusinessRow, dataset.Window) ([]gdelt.Toneless, error) {
		return missing, nil
	}
	source, err := gdelt.NewTones(gdelt.TonesConfig{Client: w.client, Missing: all, MaxFiles: 10000})
	found, good, bad := 0, 0, 0
	for _, b := range w.read(t, source, err, 30) {
		for _, r := range b.Tones {
			if r.Tone == nil {
				continue
			}
			found++
			if *r.Tone > 1 {
				good++
			}
			if *r.Tone < -1 {
				bad++
			}
		}
	}
	if len(missing) < 30 || found < len(missing)*8/10 || found == len(missing) || good < found/10 || bad < found/10 {
		t.Errorf("of %d articles %d have a tone, %d a good and %d a bad one", len(missing), found, good, bad)
	}
}

func TestRatesCoverTheHistory(t *testing.T) {
	w := setup(t)
	source, err := fxrates.New(fxrates.Config{Providers: []fxrates.Provider{fxrates.Frankfurter(w.client)}})
	batches := w.read(t, source, err, 1098)
	days := map[string]map[dataset.Days]bool{}
	for _, b := range batches {
		for _, r := range b.Rates {
			if days[r.Quote] == nil {
				days[r.Quote] = map[dataset.Days]bool{}
			}
			days[r.Quote][r.Day] = true
		}
	}
	for _, code := range []string{"AUD", "CAD", "CHF", "GBP", "USD"} {
		// Working days of 2023-09-01 to 2026-10-30 without the Bank's 18 holidays on working days.
		if len(days[code]) != 808 || !days[code][dataset.ToDays(time.Date(2023, 10, 31, 0, 0, 0, 0, time.UTC))] {
			t.Errorf("%s has %d days, want 808 and 2023-10-31 among them", code, len(days[code]))
		}
	}
	checkAgain(t, batches, w.read(t, source, nil, 10))
}

func TestEveryAnswerIsAskedFor(t *testing.T) {
	w := setup(t)
	w.locate(t)
	weather, err := openmeteo.New(openmeteo.Config{Client: w.client})
	w.read(t, weather, err, 1098)
	news, err := gdelt.New(gdelt.Config{Client: w.client})
	w.read(t, news, err, 90)
	one := func(context.Context, []dataset.BusinessRow, dataset.Window) ([]gdelt.Toneless, error) {
		return []gdelt.Toneless{{BusinessID: "b", URL: "https://example.org", SeenAt: demo.AsOf()}}, nil
	}
	tones, err := gdelt.NewTones(gdelt.TonesConfig{Client: w.client, Missing: one})
	w.read(t, tones, err, 1)
	rates, err := fxrates.New(fxrates.Config{Providers: []fxrates.Provider{fxrates.Frankfurter(w.client)}})
	w.read(t, rates, err, 1098)
	want, err := files()
	if err != nil {
		t.Fatal(err)
	}
	// Countries are described for whoever asks; no source does. The manifest is no answer.
	if got, all := len(w.handler.Requests()), len(want)-4; got != all {
		t.Errorf("%d requests for %d answers", got, all)
	}
}
