package geonames_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signalcraft/signalcraft/pipelines/geonames"
	"github.com/signalcraft/signalcraft/testdata/recorded"
)

func of[T any](v T) *T { return &v }

// TestRecordedAnswers holds one exact expectation for every recorded GeoNames file.
// Counts and sums were computed from the files with Python's json.
func TestRecordedAnswers(t *testing.T) {
	ottawa := geonames.Toponym{ID: 6094817, Name: "Ottawa", Latitude: 45.41117, Longitude: -75.69812, CountryCode: "CA", CountryName: "Canada",
		Admin1Code: "08", Admin1Name: "Ontario", FeatureClass: "P", FeatureCode: "PPLC", Population: of[int64](812129)}
	fullOttawa := ottawa
	fullOttawa.ASCIIName, fullOttawa.TimeZone = "Ottawa", "America/Toronto"
	moresby := geonames.Toponym{ID: 2088122, Name: "Port Moresby", Latitude: -9.44314, Longitude: 147.17972, CountryCode: "PG", CountryName: "Papua New Guinea",
		Admin1Code: "20", Admin1Name: "National Capital", FeatureClass: "P", FeatureCode: "PPLC", Population: of[int64](283733)}
	fullMoresby := moresby
	fullMoresby.ASCIIName, fullMoresby.TimeZone = "Port Moresby", "Pacific/Port_Moresby"
	london := geonames.Toponym{ID: 2643743, Name: "Londra", ASCIIName: "London", Latitude: 51.50853, Longitude: -0.12574, CountryCode: "GB", CountryName: "Regno Unito",
		Admin1Code: "ENG", Admin1Name: "Inghilterra", FeatureClass: "P", FeatureCode: "PPLC", Population: of[int64](7556900), TimeZone: "Europe/London"}
	near := london
	near.Name, near.ASCIIName, near.CountryName, near.Admin1Name, near.DistanceKM = "London", "", "United Kingdom", "England", of(0.00019)
	square := geonames.Toponym{ID: 4138781, Name: "Franklin McPherson Square", ASCIIName: "Franklin McPherson Square", Latitude: 38.9015, Longitude: -77.03303, CountryCode: "US", CountryName: "United States",
		Admin1Code: "DC", Admin1Name: "Washington, D.C.", FeatureClass: "P", FeatureCode: "PPL", TimeZone: "America/New_York", DistanceKM: of(0.37227)}
	harrods := geonames.Toponym{ID: 6944333, Name: "Harrods", ASCIIName: "Harrods", Latitude: 51.49957, Longitude: -0.16359, CountryCode: "GB", CountryName: "United Kingdom",
		Admin1Code: "ENG", Admin1Name: "England", FeatureClass: "S", FeatureCode: "MALL", TimeZone: "Europe/London"}
	earth := geonames.Toponym{ID: 6295630, Name: "Earth", FeatureClass: "L", FeatureCode: "AREA", Population: of[int64](6814400000)}

	expectations := map[string]func(*testing.T, []byte){
		"search-london-full-style.json":               wantList(of[int64](5981), 5, london, 4839416, 15966861),
		"search-one-spot-full-style.json":             wantList(of[int64](1), 1, harrods, 6944333, 0),
		"search-empty.json":                           wantList(of[int64](0), 0, geonames.Toponym{}, 0, 0),
		"find-nearby-place-name-london.json":          wantList(nil, 1, near, 2643743, 7556900),
		"find-nearby-place-name-one-row.json":         wantList(nil, 1, square, 4138781, 0),
		"find-nearby-place-name-empty.json":           wantList(nil, 0, geonames.Toponym{}, 0, 0),
		"search-ottawa-medium-style.json":             wantList(of[int64](142), 1, ottawa, 6094817, 812129),
		"search-questioning-authority.json":           wantList(of[int64](12041), 10, moresby, 377039, 4061052),
		"hierarchy-ottawa.json":                       wantList(nil, 5, earth, 6094817, 6861753069),
		"get-ottawa.json":                             wantOne(fullOttawa),
		"get-port-moresby.json":                       wantOne(fullMoresby),
		"country-info-one.json":                       wantIndia("New Delhi"),
		"country-info-one-italian.json":               wantIndia("Nuova Delhi"),
		"country-info-all.json":                       wantAllCountries,
		"timezone-paris.json":                         wantZone(geonames.TimeZone{ID: "Europe/Paris", CountryCode: "FR", RawOffset: 1, GMTOffset: 1, DSTOffset: 2, Latitude: 48.85341, Longitude: 2.3488}),
		"timezone-kathmandu-quarter-hour.json":        wantZone(geonames.TimeZone{ID: "Asia/Kathmandu", CountryCode: "NP", RawOffset: 5.75, GMTOffset: 5.75, DSTOffset: 5.75, Latitude: 27.70169, Longitude: 85.3206}),
		"timezone-offshore.json":                      wantZone(geonames.TimeZone{RawOffset: -3, GMTOffset: -3, Latitude: 30, Longitude: -40}),
		"error-10-no-username-http401.json":           wantStatus(10, "Please add a username", permanent),
		"error-10-user-does-not-exist-http401.json":   wantStatus(10, "user does not exist.", permanent),
		"error-10-account-not-enabled-http401.json":   wantStatus(10, "user account not enabled", permanent),
		"error-11-record-does-not-exist-http404.json": wantStatus(11, "the geoname feature does not exist.", empty),
		"error-14-missing-parameter.json":             wantStatus(14, "missing parameter", permanent),
		"error-14-invalid-lat-lng.json":               wantStatus(14, "invalid lat/lng", permanent),
		"error-15-no-timezone.json":                   wantStatus(15, "no timezone information found", empty),
		"error-15-no-subdivision.json":                wantStatus(15, "we are afraid we could not find", empty),
		"error-18-daily-limit-demo.json":              wantStatus(18, "the daily limit of 20000 credits for *** has been exceeded", 5*time.Hour+29*time.Minute+20*time.Second),
		"error-18-daily-limit-own-account.json":       wantStatus(18, "the daily limit of 30000 credits for *** has been exceeded", 5*time.Hour+29*time.Minute+20*time.Second),
		"error-19-hourly-limit.json":                  wantStatus(19, "the hourly limit of 1000 credits for *** has been exceeded", 29*time.Minute+20*time.Second),
		"error-19-hourly-limit.xml":                   wantStatus(19, "the hourly limit of 1000 credits for *** has been exceeded", 29*time.Minute+20*time.Second),
		"error-20-weekly-limit.json":                  wantStatus(20, "the weekly limit of 60000 credits for *** has been exceeded", 29*time.Hour+29*time.Minute+20*time.Second),
		"error-22-server-overloaded.json":             wantStatus(22, "the server is overloaded", atOnce),
		"error-24-radius-too-big.json":                wantStatus(24, "the radius is too big", permanent),
		"error-25-maxrows-too-big.json":               wantStatus(25, "the maxRows is too big", permanent),
	}
	manifest, ok := recorded.Manifest(t, "geonames")
	if !ok {
		return
	}
	seen := 0
	for _, r := range manifest {
		name := strings.TrimPrefix(r.File, "geonames/")
		check, ok := expectations[name]
		if !ok {
			t.Errorf("recorded file %s has no expectation", r.File)
			continue
		}
		seen++
		t.Run(name, func(t *testing.T) {
			if body, ok := recorded.Body(t, r.File); ok {
				check(t, body)
			}
		})
	}
	if seen != len(expectations) {
		t.Errorf("%d of %d expectations met a recorded file", seen, len(expectations))
	}
}

func wantList(total *int64, count int, first geonames.Toponym, lastID, population int64) func(*testing.T, []byte) {
	return func(t *testing.T, body []byte) {
		got, err := geonames.DecodeToponyms(body)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(total, got.Total); diff != "" || len(got.Toponyms) != count {
			t.Fatalf("%d toponyms of total (-want +got) %s, want %d", len(got.Toponyms), diff, count)
		}
		if count == 0 {
			return
		}
		if diff := cmp.Diff(first, got.Toponyms[0]); diff != "" {
			t.Errorf("first toponym (-want +got):\n%s", diff)
		}
		sum := int64(0)
		for _, p := range got.Toponyms {
			if p.Population != nil {
				sum += *p.Population
			}
		}
		if last := got.Toponyms[count-1].ID; last != lastID || sum != population {
			t.Errorf("last toponym %d, population of all %d; want %d and %d", last, sum, lastID, population)
		}
	}
}

func wantOne(want geonames.Toponym) func(*testing.T, []byte) {
	return func(t *testing.T, body []byte) {
		got, err := geonames.DecodeToponym(body)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("error %v, toponym (-want +got):\n%s", err, diff)
		}
	}
}

func wantZone(want geonames.TimeZone) func(*testing.T, []byte) {
	return func(t *testing.T, body []byte) {
		got, err := geonames.DecodeTimeZone(body)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("error %v, zone (-want +got):\n%s", err, diff)
		}
	}
}

func wantIndia(capital string) func(*testing.T, []byte) {
	return func(t *testing.T, body []byte) {
		got, err := geonames.DecodeCountries(body)
		want := []geonames.Country{{ID: 1269750, Code: "IN", Code3: "IND", FIPS: "IN", Name: "India", Capital: capital, Continent: "AS", CurrencyCode: "INR",
			Population: of[int64](1173108018), AreaKM2: of(3287590.0)}}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("error %v, countries (-want +got):\n%s", err, diff)
		}
	}
}

func wantAllCountries(t *testing.T, body []byte) {
	got, err := geonames.DecodeCountries(body)
	if err != nil || len(got) != 250 || got[0].Code != "AD" || got[249].Code != "ZW" {
		t.Fatalf("%d countries, error %v; want 250 from AD to ZW", len(got), err)
	}
	population, area, unknown := int64(0), 0.0, 0
	var noFIPS, noCurrency []string
	for _, c := range got {
		if c.Population == nil {
			unknown++
		} else {
			population += *c.Population
		}
		area += *c.AreaKM2
		if c.FIPS == "" {
			noFIPS = append(noFIPS, c.Code)
		}
		if c.CurrencyCode == "" {
			noCurrency = append(noCurrency, c.Code)
		}
	}
	if population != 6864942068 || area < 149909229.68 || area > 149909229.70 || unknown != 4 {
		t.Errorf("population %d, area %v, %d without; want 6864942068, 149909229.69, 4", population, area, unknown)
	}
	if diff := cmp.Diff([]string{"AX", "BQ", "UM"}, noFIPS); diff != "" || len(noCurrency) != 1 || noCurrency[0] != "AQ" {
		t.Errorf("without FIPS code (-want +got) %s, without currency %v", diff, noCurrency)
	}
}

// What wantStatus expects of Wait beside a length of time.
const (
	permanent = -time.Duration(iota + 1)
	empty
	atOnce
)

func wantStatus(code geonames.Code, message string, wait time.Duration) func(*testing.T, []byte) {
	return func(t *testing.T, body []byte) {
		_, err := geonames.DecodeToponyms(body)
		var status *geonames.StatusError
		if !errors.As(err, &status) || status.Code != code || !strings.HasPrefix(status.Message, message) || strings.TrimSpace(status.Message) != status.Message {
			t.Fatalf("error %v, want code %d and %q", err, code, message)
		}
		got, again := status.Wait(time.Date(2026, 10, 31, 18, 30, 40, 0, time.UTC)) // a Saturday
		want := max(wait, 0)
		if again != (wait >= 0 || wait == atOnce) || got != want || status.Empty() != (wait == empty) {
			t.Errorf("Wait = %s, %v and Empty = %v; want %s", got, again, status.Empty(), wait)
		}
		for _, decode := range []func([]byte) error{
			func(b []byte) error { _, err := geonames.DecodeToponym(b); return err },
			func(b []byte) error { _, err := geonames.DecodeTimeZone(b); return err },
			func(b []byte) error { _, err := geonames.DecodeCountries(b); return err },
		} {
			if err := decode(body); !errors.As(err, &status) || status.Code != code {
				t.Errorf("another decoder gave %v, want code %d", err, code)
			}
		}
	}
}
