package openmeteo_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/openmeteo"
	"github.com/signalcraft/signalcraft/pipelines/replay"
	"github.com/signalcraft/signalcraft/pipelines/sourcetest"
)

const (
	archiveURL  = "https://archive-api.open-meteo.com/v1/archive?latitude=%s&longitude=%s&start_date=%s&end_date=%s"
	forecastURL = "https://api.open-meteo.com/v1/forecast?latitude=%s&longitude=%s&timeformat=unixtime"
)

// Two businesses at one place and one at another; Adelaide is first by location id.
func businesses() []dataset.BusinessRow {
	row := func(id, zone string, latitude, longitude float64) dataset.BusinessRow {
		return dataset.BusinessRow{BusinessID: id, TimeZone: zone, Latitude: &latitude, Longitude: &longitude}
	}
	return []dataset.BusinessRow{row("b", "Europe/Paris", 45.74846, 4.84671), row("a", "Australia/Adelaide", -34.92866, 138.59863), row("c", "Europe/Paris", 45.74846, 4.84671)}
}

// answers are recorded responses by URL.
func answers(t *testing.T, bodies map[string]string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	manifest := replay.Manifest{Version: 1}
	for url, body := range bodies {
		status := 200
		if strings.HasPrefix(body, `{"error"`) {
			status = 400
		}
		name := fmt.Sprintf("%d.json", len(files))
		files[name] = &fstest.MapFile{Data: []byte(body)}
		manifest.Responses = append(manifest.Responses, replay.Response{File: name, URL: url, Status: status, ContentType: "application/json; charset=utf-8"})
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	files["manifest.json"] = &fstest.MapFile{Data: text}
	return files
}

// part is one location's element with days of high temperatures and Unix hours.
func part(zone string, offset int, daily, hourly string) string {
	s := fmt.Sprintf(`{"latitude":1.5,"longitude":2.5,"generationtime_ms":0.1,"utc_offset_seconds":%d,"timezone":%q,"elevation":3.0,"daily_units":{"temperature_2m_max":"°C"},"daily":{%s}`, offset, zone, daily)
	if hourly != "" {
		s += fmt.Sprintf(`,"hourly_units":{"temperature_2m":"°C"},"hourly":{%s}`, hourly)
	}
	return s + "}"
}

func goodAnswers(t *testing.T) fstest.MapFS {
	const latitudes, longitudes = "-34.9287,45.7485", "138.5986,4.8467"
	// The archive goes a day past what was asked, which is left out, and its last day is not there yet.
	y2025 := `"time":["2025-12-31","2026-01-01"],"temperature_2m_max":[30,99]`
	y2026 := `"time":["2026-01-01","2026-01-02"],"temperature_2m_max":[31,null]`
	// Local midnights and hours of 6 and 7 January.
	adelaide := part("Australia/Adelaide", 37800, `"time":[1767619800,1767706200],"temperature_2m_max":[33,34]`, `"time":[1767619800,1767623400],"temperature_2m":[20,null]`)
	lyon := part("Europe/Paris", 3600, `"time":[1767654000,1767740400],"temperature_2m_max":[3,4]`, `"time":[1767654000,1767657600],"temperature_2m":[1,2]`)
	return answers(t, map[string]string{
		fmt.Sprintf(archiveURL, latitudes, longitudes, "2025-12-01", "2025-12-31"): "[" + part("Australia/Adelaide", 37800, y2025, "") + "," + part("Europe/Paris", 3600, y2025, "") + "]",
		fmt.Sprintf(archiveURL, latitudes, longitudes, "2026-01-01", "2026-01-02"): "[" + part("Australia/Adelaide", 37800, y2026, "") + "," + part("Europe/Paris", 3600, y2026, "") + "]",
		fmt.Sprintf(forecastURL, latitudes, longitudes):                            "[" + adelaide + "," + lyon + "]",
	})
}

func input() pipelines.Input {
	asOf := time.Date(2026, 1, 7, 12, 0, 0, 0, time.UTC)
	return pipelines.Input{AsOf: asOf, Window: dataset.Window{Start: asOf.AddDate(0, 0, -2), End: asOf}, Businesses: businesses()}
}

// newSource re-reads three archive days, so that the window above reaches 31 December.
func newSource(t testing.TB, env sourcetest.Env) *openmeteo.Source {
	t.Helper()
	forecast, archive := openmeteo.Forecast(), openmeteo.Archive()
	forecast.BaseURL, archive.BaseURL = env.BaseURL("api.open-meteo.com"), env.BaseURL("archive-api.open-meteo.com")
	source, err := openmeteo.New(openmeteo.Config{Client: env.Client(t, forecast, archive), RereadDays: 3})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func TestSourceConforms(t *testing.T) {
	sourcetest.Run(t, sourcetest.Case{
		New:       func(t testing.TB, env sourcetest.Env) pipelines.Source { return newSource(t, env) },
		Input:     input(),
		Files:     goodAnswers(t),
		WantUnits: []string{"archive/2025-12/1", "archive/2026-01/1", "forecast/1"},
		WantRows:  2 + 2 + 4 + 3,
	})
}

// read serves files and reads in, returning the batches by unit, the error and what was asked.
func read(t *testing.T, files fstest.MapFS, in pipelines.Input) (map[string]pipelines.Batch, []string, error) {
	t.Helper()
	handler, err := replay.Open(files)
	if err != nil {
		t.Fatal(err)
	}
	network := replay.NewNetwork(handler)
	defer network.Close()
	batches := map[string]pipelines.Batch{}
	err = newSource(t, sourcetest.Env{Transport: network.Transport(), CacheDir: t.TempDir()}).Read(t.Context(), in, func(b pipelines.Batch) error {
		batches[b.Unit] = b
		return nil
	})
	return batches, handler.Requests(), err
}

func TestRowsBelongToTheRequestedLocation(t *testing.T) {
	batches, _, err := read(t, goodAnswers(t), input())
	if err != nil {
		t.Fatal(err)
	}
	b := batches["forecast/1"]
	first, last := b.WeatherDays[0], b.WeatherDays[3]
	if first.LocationID != "-34.9287,138.5986" || last.LocationID != "45.7485,4.8467" || first.TimeZone != "Australia/Adelaide" || first.Kind != "forecast" {
		t.Errorf("first %+v and last %+v day: want the requested points, not the grid cell 1.5,2.5", first, last)
	}
	if got := dataset.FromDays(first.Day).Format(time.DateOnly); got != "2026-01-06" || *first.TemperatureMax != 33 {
		t.Errorf("first day %s with %v °C, want 2026-01-06 with 33", got, *first.TemperatureMax)
	}
	if got := b.WeatherHours[0].At.Format(time.RFC3339); got != "2026-01-05T13:30:00Z" {
		t.Errorf("first hour %s, want local midnight in Adelaide, 2026-01-05T13:30:00Z", got)
	}
	if days := batches["archive/2025-12/1"].WeatherDays; len(days) != 2 || *days[0].TemperatureMax != 30 || days[0].Kind != "archive" {
		t.Errorf("archive days of 2025 %+v, want one for each location, none past the request", days)
	}
}

func TestOneRefusedLocationIsARejectAndTheOthersGoOn(t *testing.T) {
	in := input()
	in.Window = dataset.Window{Start: in.AsOf.AddDate(-2, 0, 0), End: in.AsOf.AddDate(-2, 0, 1)} // one archive piece, no forecast
	asked := func(latitude, longitude string) string {
		return fmt.Sprintf(archiveURL, latitude, longitude, "2024-01-01", "2024-01-31")
	}
	refusal := `{"error":true,"reason":"No data is available for this location"}`
	batches, requests, err := read(t, answers(t, map[string]string{
		asked("-34.9287,45.7485", "138.5986,4.8467"): refusal,
		asked("-34.9287", "138.5986"):                refusal,
		asked("45.7485", "4.8467"):                   part("Europe/Paris", 3600, `"time":["2024-01-07","2024-01-08"],"temperature_2m_max":[3,4]`, ""),
	}), in)
	if err != nil {
		t.Fatal(err)
	}
	b := batches["archive/2024/1"]
	if len(requests) != 3 || b.RowsIn != 3 || len(b.WeatherDays) != 2 || len(b.Rejects) != 1 {
		t.Fatalf("%d requests, batch %+v; want 3 requests, two days and one reject", len(requests), b)
	}
	if r := b.Rejects[0]; !strings.Contains(r.Reason, "No data is available") || !strings.HasPrefix(r.Raw, "-34.9287,138.5986") {
		t.Errorf("reject %+v, want the refused location and the service's reason", r)
	}
}

func TestBusinessWithoutCoordinatesIsAReject(t *testing.T) {
	in := input()
	far := 91.0
	in.Businesses = []dataset.BusinessRow{{BusinessID: "x", Place: "Lyon", Country: "FR", TimeZone: "Europe/Paris"}, {BusinessID: "y", Latitude: &far, Longitude: &far, TimeZone: "Europe/Paris"}}
	batches, requests, err := read(t, answers(t, nil), in)
	b := batches["locations"]
	if err != nil || len(requests) != 0 || len(batches) != 1 || b.RowsIn != 2 || len(b.Rejects) != 2 || *b.Rejects[0].BusinessID != "x" || b.Rejects[0].Raw != "Lyon, FR" {
		t.Errorf("batches %+v, %d requests, error %v; want two rejects in unit locations", batches, len(requests), err)
	}
}

func TestAnswersThatCannotBeTiedToTheRequestFailTheUnit(t *testing.T) {
	in := input()
	in.Window = dataset.Window{Start: in.AsOf.AddDate(-2, 0, 0), End: in.AsOf.AddDate(-2, 0, 1)}
	url := fmt.Sprintf(archiveURL, "-34.9287,45.7485", "138.5986,4.8467", "2024-01-01", "2024-01-31")
	good := part("Europe/Paris", 3600, `"time":["2024-01-07"],"temperature_2m_max":[3]`, "")
	batches, _, err := read(t, answers(t, map[string]string{url: "[" + good + "]"}), in)
	if err == nil || len(batches) != 0 || !strings.Contains(err.Error(), "archive/2024/1") || !strings.Contains(err.Error(), "1 locations, want the 2") {
		t.Errorf("one location for two gave %+v and error %v, want an error that names unit and counts", batches, err)
	}
	// An element that does not read spoils only itself.
	for name, bad := range map[string]string{
		"unknown unit":  strings.Replace(good, "°C", "K", 1),
		"short column":  part("Europe/Paris", 3600, `"time":["2024-01-07","2024-01-08"],"temperature_2m_max":[3]`, ""),
		"text value":    part("Europe/Paris", 3600, `"time":["2024-01-07"],"temperature_2m_max":["warm"]`, ""),
		"repeated day":  part("Europe/Paris", 3600, `"time":["2024-01-07","2024-01-07"],"temperature_2m_max":[3,4]`, ""),
		"no day":        part("Europe/Paris", 3600, `"time":[],"temperature_2m_max":[]`, ""),
		"bad day":       part("Europe/Paris", 3600, `"time":["7 January"],"temperature_2m_max":[3]`, ""),
		"impossible":    part("Europe/Paris", 360000, `"time":["2024-01-07"],"temperature_2m_max":[3]`, ""),
		"error element": `{"error":true,"reason":"No data is available for this location"}`,
	} {
		batches, _, err := read(t, answers(t, map[string]string{url: "[" + bad + "," + good + "]"}), in)
		b := batches["archive/2024/1"]
		if err != nil || len(b.WeatherDays) != 1 || len(b.Rejects) != 1 || b.WeatherDays[0].LocationID != "45.7485,4.8467" {
			t.Errorf("%s: batch %+v, error %v; want one day of the good location and one reject", name, b, err)
		}
	}
}

func TestUsedUpMinuteIsWaitedForAndUsedUpDayIsNot(t *testing.T) {
	for reason, wait := range map[string]time.Duration{
		"Minutely API request limit exceeded. Please try again in one minute.": 20 * time.Second,
		"Daily API request limit exceeded. Please try again tomorrow.":         0,
	} {
		synctest.Test(t, func(t *testing.T) {
			// A bubble's clock starts at midnight; 40 seconds later 20 are left of the minute.
			timer := time.NewTimer(40 * time.Second)
			<-timer.C
			start := time.Now()
			in := input()
			in.Window = dataset.Window{Start: in.AsOf.AddDate(-2, 0, 0), End: in.AsOf.AddDate(-2, 0, 1)}
			url := fmt.Sprintf(archiveURL, "-34.9287,45.7485", "138.5986,4.8467", "2024-01-01", "2024-01-31")
			_, requests, err := read(t, answers(t, map[string]string{url: fmt.Sprintf(`{"error":true,"reason":%q}`, reason)}), in)
			if err == nil {
				t.Fatal("no error")
			}
			took := time.Since(start)
			if wait == 0 && (len(requests) != 1 || took != 0) {
				t.Errorf("%s: %d requests in %s, want one and no wait", reason, len(requests), took)
			}
			if wait > 0 && (len(requests) < 2 || took < wait) {
				t.Errorf("%s: %d requests in %s, want more than one after %s", reason, len(requests), took, wait)
			}
		})
	}
}

func TestPiecesDoNotDependOnWhereTheWindowBegins(t *testing.T) {
	in := input()
	in.AsOf = time.Date(2026, 10, 31, 18, 0, 0, 0, time.UTC)
	asked := func(days int) (spans []string) {
		in.Window = dataset.Window{Start: in.AsOf.AddDate(0, 0, -days), End: in.AsOf}
		_, requests, _ := read(t, answers(t, nil), in)
		for _, r := range requests {
			if _, query, ok := strings.Cut(r, "end_date="); ok {
				spans = append(spans, r[strings.Index(r, "start_date=")+11:]+".."+query[:10])
			}
		}
		return spans
	}
	long := asked(400)
	want := []string{"2026-10-01..2026-10-26", "2026-09-01..2026-09-30", "2026-08-01..2026-08-31", "2026-07-01..2026-07-31", "2026-06-01..2026-06-30", "2026-05-01..2026-05-31",
		"2026-04-01..2026-04-30", "2026-03-01..2026-03-31", "2026-02-01..2026-02-28", "2026-01-01..2026-01-31", "2025-09-01..2025-12-31"}
	for i := range long {
		long[i] = long[i][:10] + long[i][strings.Index(long[i], ".."):]
	}
	if diff := cmp.Diff(want, long); diff != "" {
		t.Errorf("400 days (-want +got):\n%s", diff)
	}
	short := asked(1)
	if len(short) != 1 || !strings.HasPrefix(short[0], "2026-10-01") || !strings.HasSuffix(short[0], "..2026-10-26") {
		t.Errorf("one day asked for %q, want October as far as it is there", short)
	}
}

func TestDaysAndHoursAroundAClockChange(t *testing.T) {
	// Lyon's clocks went back on 26 October 2025 at 01:00 UTC. Midnights as true local
	// instants: 22:00Z, 22:00Z, then 23:00Z, while the answer states one offset.
	for _, offset := range []int{7200, 3600} {
		body := part("Europe/Paris", offset, `"time":[1761343200,1761429600,1761519600],"temperature_2m_max":[1,2,3]`, `"time":[1761436800,1761440400,1761444000],"temperature_2m":[1,2,3]`)
		got, err := openmeteo.Decode([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		days, hours := rowsOf(t, got[0])
		for i, want := range []string{"2025-10-25", "2025-10-26", "2025-10-27"} {
			if day := dataset.FromDays(days[i].Day).Format(time.DateOnly); day != want {
				t.Errorf("offset %d: day %d is %s, want %s", offset, i, day, want)
			}
		}
		if first, last := hours[0].At, hours[2].At; !first.Equal(time.Unix(1761436800, 0)) || last.Sub(first) != 2*time.Hour {
			t.Errorf("offset %d: hours from %s to %s, want the Unix instants as they stand", offset, first, last)
		}
	}
}

func TestRequestsStayWithinWeightAndLength(t *testing.T) {
	in := input()
	in.Window = dataset.Window{Start: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), End: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}
	in.Businesses = nil
	for i := range 60 {
		latitude, longitude := -float64(i)-0.12345, 100.12345+float64(i)
		in.Businesses = append(in.Businesses, dataset.BusinessRow{BusinessID: fmt.Sprint(i), TimeZone: "America/Argentina/ComodRivadavia", Latitude: &latitude, Longitude: &longitude})
	}
	var requests []string
	synctest.Test(t, func(t *testing.T) { // the quota lets one such request through in a minute
		_, requests, _ = read(t, answers(t, nil), in)
	})
	// 366 days of 7 variables weigh 18.3 each, so 27 locations fit into 500.
	if len(requests) != 3 {
		t.Errorf("%d requests for 60 locations and a leap year, want 3 of at most 27", len(requests))
	}
	for _, r := range requests {
		if n := strings.Count(r, "ComodRivadavia"); n > 27 || len(r) > 3000 {
			t.Errorf("a request of %d locations and %d bytes, want at most 27 and 3000", n, len(r))
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"latitude":1,"longitude":2,"daily":{"time":["2024-01-01"],"temperature_2m_max":[1]},"daily_units":{"temperature_2m_max":"°C"}}`, // object
		`[{"latitude":1,"longitude":2},{"error":true,"reason":"x"}]`,                                                                      // array with a broken element
		`{"reason":"Daily API request limit exceeded.","error":true}`,                                                                     // error
		`{"latitude":1,"hourly":{"time":[1,2],"x":[1,Unexpected error`,                                                                    // broken stream
		`{"latitude":1,"longitude":2,"hourly":{"time":[-9223372036854775808,1],"temperature_2m":[null,1e308]},"hourly_units":{"temperature_2m":"°F"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		locations, err := openmeteo.Decode(body)
		if err != nil {
			return
		}
		for _, l := range locations {
			days, err := l.Days("id", "archive", time.Time{})
			if err == nil && len(days) > len(l.Daily.Times) {
				t.Errorf("%d rows from %d days", len(days), len(l.Daily.Times))
			}
			hours, err := l.Hours("id", "archive", time.Time{})
			if err == nil && (len(hours) > len(l.Hourly.Times) || l.Err != nil && len(days)+len(hours) > 0) {
				t.Errorf("%d days and %d hours from a location with error %v", len(days), len(hours), l.Err)
			}
		}
	})
}
