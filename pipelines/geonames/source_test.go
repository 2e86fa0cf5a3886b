package geonames_test

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
	"github.com/signalcraft/signalcraft/pipelines/geonames"
	"github.com/signalcraft/signalcraft/pipelines/replay"
	"github.com/signalcraft/signalcraft/pipelines/sourcetest"
)

const searchURL = "https://secure.geonames.org/searchJSON?username=account&q="

var asOf = time.Date(2026, 10, 31, 18, 0, 0, 0, time.UTC)

func input() pipelines.Input {
	return pipelines.Input{AsOf: asOf, Businesses: []dataset.BusinessRow{
		{BusinessID: "b1", Place: "Springfield", Country: "US"}, {BusinessID: "b2", Place: "Lyon ", Country: "fr"}, {BusinessID: "b3", Place: "Lyon", Country: "FR"},
		{BusinessID: "b4", Place: "Nowhere", Country: "FR"}, {BusinessID: "b5"},
	}}
}

func answers(t *testing.T, bodies map[string]string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	manifest := replay.Manifest{Version: 1}
	for query, body := range bodies {
		name := fmt.Sprintf("%d.json", len(files))
		files[name] = &fstest.MapFile{Data: []byte(body)}
		manifest.Responses = append(manifest.Responses, replay.Response{File: name, URL: searchURL + query, ContentType: "application/json;charset=UTF-8"})
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	files["manifest.json"] = &fstest.MapFile{Data: text}
	return files
}

func goodAnswers(t *testing.T) fstest.MapFS {
	entry := func(id int, name, country string, population any) string {
		return fmt.Sprintf(`{"geonameId":%d,"name":%q,"asciiName":%q,"lat":"45.75","lng":"4.85","countryCode":%q,"adminName1":"","fcode":"PPL","population":%v,"timezone":{"timeZoneId":"Europe/Paris"}}`,
			id, name, name, country, population)
	}
	list := func(entries ...string) string {
		return `{"totalResultsCount":9,"geonames":[` + strings.Join(entries, ",") + `]}`
	}
	return answers(t, map[string]string{
		// Another country, a suburb, the city, a bigger city of another name.
		"Lyon&country=FR":        list(entry(1, "Lyon", "US", 9e6), entry(2, "Lyon", "FR", 0), entry(3, "Lyon", "FR", 500000), entry(4, "Lyon-sur-Mer", "FR", 900000)),
		"Springfield&country=US": list(entry(5, "Springfield Gardens", "US", `"30000"`), entry(6, "springfield", "US", `"20000"`)),
		"Nowhere&country=FR":     `{"totalResultsCount":0,"geonames":[]}`,
	})
}

func newSource(t testing.TB, env sourcetest.Env) *geonames.Source {
	t.Helper()
	upstream := geonames.Upstream("account")
	upstream.BaseURL = env.BaseURL("secure.geonames.org")
	source, err := geonames.New(geonames.Config{Client: env.Client(t, upstream), Username: "account"})
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
		WantUnits: []string{"search/FR/Lyon", "search/FR/Nowhere", "search/US/Springfield"},
		WantRows:  2,
	})
}

// read serves files in a bubble, so that waits take no time.
func read(t *testing.T, files fstest.MapFS) (map[string]pipelines.Batch, []string, error) {
	t.Helper()
	batches := map[string]pipelines.Batch{}
	var err error
	var requests []string
	synctest.Test(t, func(t *testing.T) {
		handler, openErr := replay.Open(files)
		if openErr != nil {
			t.Fatal(openErr)
		}
		network := replay.NewNetwork(handler)
		defer network.Close()
		err = newSource(t, sourcetest.Env{Transport: network.Transport(), CacheDir: t.TempDir()}).Read(t.Context(), input(), func(b pipelines.Batch) error {
			batches[b.Unit] = b
			return nil
		})
		requests = handler.Requests()
	})
	return batches, requests, err
}

func TestBestMatch(t *testing.T) {
	batches, requests, err := read(t, goodAnswers(t))
	if err != nil || len(requests) != 3 {
		t.Fatalf("%d requests, error %v; want one for each place", len(requests), err)
	}
	want := dataset.PlaceRow{Query: "Lyon", PlaceID: 3, Name: "Lyon", Country: "FR", Latitude: 45.75, Longitude: 4.85, TimeZone: of("Europe/Paris"),
		FeatureCode: of("PPL"), Population: of[int64](500000), LandedAt: asOf}
	if diff := cmp.Diff([]dataset.PlaceRow{want}, batches["search/FR/Lyon"].Places); diff != "" {
		t.Errorf("Lyon (-want +got):\n%s", diff)
	}
	if got := batches["search/US/Springfield"].Places[0].PlaceID; got != 6 {
		t.Errorf("Springfield is %d, want 6: the asked name before the bigger place", got)
	}
	b := batches["search/FR/Nowhere"]
	if len(b.Rejects) != 1 || !strings.Contains(b.Rejects[0].Reason, `no place called "Nowhere" in country "FR"`) || *b.Rejects[0].BusinessID != "b4" {
		t.Errorf("Nowhere gave %+v, want a reject of business b4", b)
	}
}

func TestErrorAnswers(t *testing.T) {
	status := func(code int, message string) string {
		return fmt.Sprintf(`{"status":{"message":%q,"value":%d}}`, message, code)
	}
	for _, c := range []struct {
		name, lyon      string
		units, requests int
		fails           bool
	}{
		{"account refused", status(10, "user does not exist."), 0, 1, true},
		{"hour used up", status(19, "the hourly limit of 1000 credits for account has been exceeded."), 0, 1, true},
		{"bad parameter", status(14, "invalid parameter"), 2, 3, true},
		{"overloaded", status(22, "the server is overloaded"), 2, 6, true},
		{"no result", status(15, "no result found"), 3, 3, false},
	} {
		files := goodAnswers(t)
		for name, file := range files {
			if strings.Contains(string(file.Data), "Lyon-sur-Mer") {
				files[name].Data = []byte(c.lyon)
			}
		}
		batches, requests, err := read(t, files)
		if (err != nil) != c.fails || len(batches) != c.units || len(requests) != c.requests {
			t.Errorf("%s: %d units, %d requests, error %v; want %d, %d, fails %v", c.name, len(batches), len(requests), err, c.units, c.requests, c.fails)
		}
		if err != nil && (strings.Contains(err.Error(), "account") && c.name != "account refused" || !strings.Contains(err.Error(), "search/FR/Lyon")) {
			t.Errorf("%s: error %q, want the unit named and the account not", c.name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"totalResultsCount":"1","geonames":[{"geonameId":"5","lat":1.5,"lng":"2.5","population":"0"}]}`, // numbers as text and not
		`{"status":{"message":"the hourly limit of 1 credits for me has been exceeded.","value":19}}`,     // error
		`<geonames><status message="x" value="10"/></geonames>`,                                           // XML
		`{"geonames":[{"geonameId":5,"lat":"91","lng":"1e999"}]}`,                                         // no coordinates
		`{"rawOffset":5.75,"gmtOffset":"5.75","dstOffset":null}`,                                          // time zone
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := geonames.DecodeToponyms(body)
		for _, p := range list.Toponyms {
			if err != nil || p.ID <= 0 || !(p.Latitude >= -90 && p.Latitude <= 90) || !(p.Longitude >= -180 && p.Longitude <= 180) {
				t.Errorf("toponym %+v with error %v", p, err)
			}
		}
		if _, err := geonames.DecodeToponym(body); err == nil && strings.HasPrefix(string(body), "<") {
			t.Errorf("XML was read as a toponym: %q", body)
		}
		if countries, err := geonames.DecodeCountries(body); err != nil && countries != nil {
			t.Errorf("countries %v with error %v", countries, err)
		}
		if zone, err := geonames.DecodeTimeZone(body); err != nil && zone != (geonames.TimeZone{}) {
			t.Errorf("zone %+v with error %v", zone, err)
		}
	})
}
