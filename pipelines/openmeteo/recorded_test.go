package openmeteo_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines/openmeteo"
	"github.com/signalcraft/signalcraft/testdata/recorded"
)

// TestRecordedAnswers holds one exact expectation for every recorded Open-Meteo file.
// Counts and sums were computed from the files with Python's json.
func TestRecordedAnswers(t *testing.T) {
	allSections := wantPlaces(wantedPlace{zone: "GMT", days: 7, firstDay: "2023-11-13", lastDay: "2023-11-19", codeSum: 522,
		hours: 168, firstHour: "2023-11-13T00:00:00Z", lastHour: "2023-11-19T23:00:00Z", hourCodeSum: 4417})
	expectations := map[string]func(*testing.T, []byte){
		"forecast-single-all-sections-2023.json":             allSections,
		"forecast-single-one-model-2023.json":                allSections,
		"forecast-single-two-models-suffixed-keys-2023.json": wantTwoModels,
		// Fahrenheit, inches and miles an hour; the hours run evenly through the clock change of 8 March.
		"forecast-single-fahrenheit-past-days-2026.json": wantPlaces(wantedPlace{zone: "America/Toronto", offset: -5 * time.Hour, days: 8,
			firstDay: "2026-03-04", lastDay: "2026-03-11", highSum: (376.7 - 8*32) * 5 / 9, rainSum: 2.039 * 25.4, windSum: 103.2 * 1.609344, codeSum: 268,
			hours: 192, firstHour: "2026-03-04T05:00:00Z", lastHour: "2026-03-12T04:00:00Z", heatSum: (7610.7 - 192*32) * 5 / 9, hourWindSum: 1626.1 * 1.609344, hourCodeSum: 2147}),
		"forecast-daily-melbourne-dst-2025.json": wantPlaces(wantedPlace{zone: "Australia/Melbourne", offset: 11 * time.Hour, days: 7,
			firstDay: "2025-10-25", lastDay: "2025-10-31", highSum: 133.2, rainSum: 27.4, snowSum: 8, codeSum: 236}),
		"forecast-hourly-with-nulls-2025.json": wantPlaces(wantedPlace{zone: "GMT", days: 14, firstDay: "2025-12-28", lastDay: "2026-01-10", highSum: 20.2, rainSum: 29.5,
			hours: 336, firstHour: "2025-12-28T00:00:00Z", lastHour: "2026-01-10T23:00:00Z", heatSum: -480.6, hourWindSum: 3990.4, nullColumn: "cloud_cover", nulls: 24}),
		"archive-hourly-half-hour-offset-adelaide-2025.json": wantPlaces(wantedPlace{zone: "Australia/Adelaide", offset: 9*time.Hour + 30*time.Minute,
			hours: 72, firstHour: "2025-01-09T14:30:00Z", lastHour: "2025-01-12T13:30:00Z", heatSum: 1916.8, hourWindSum: 150.17 * 3.6}),
		"forecast-hourly-half-hour-offset-adelaide-2026.json": wantPlaces(wantedPlace{zone: "Australia/Adelaide", offset: 9*time.Hour + 30*time.Minute,
			hours: 72, firstHour: "2026-07-15T14:30:00Z", lastHour: "2026-07-18T13:30:00Z", heatSum: 697.3, hourWindSum: 135.46 * 3.6}),
		"forecast-multi-location-daily.json": wantPlaces(
			wantedPlace{zone: "Europe/Berlin", days: 1, firstDay: "2025-01-28", lastDay: "2025-01-28", highSum: 6.5},
			wantedPlace{zone: "Europe/Berlin", days: 1, firstDay: "2025-01-28", lastDay: "2025-01-28", highSum: 4.9}),
		"forecast-multi-location-three-zones.json": wantPlaces(
			wantedPlace{zone: "Europe/Berlin", offset: time.Hour, days: 3, firstDay: "2024-01-15", lastDay: "2024-01-17", highSum: 4.2, rainSum: 3.1, windSum: 68, codeSum: 147},
			wantedPlace{zone: "America/New_York", offset: -5 * time.Hour, days: 3, firstDay: "2024-01-15", lastDay: "2024-01-17", highSum: -1.2, rainSum: 5.1, windSum: 55.5, codeSum: 146},
			wantedPlace{zone: "Asia/Tokyo", offset: 9 * time.Hour, days: 3, firstDay: "2024-01-15", lastDay: "2024-01-17", highSum: 29.2, windSum: 46.2, codeSum: 5}),
		// A success without data: the day is in the answer but makes no row.
		"archive-daily-null-gap.json": wantPlaces(wantedPlace{zone: "GMT", nullColumn: "temperature_2m_max", nulls: 1}),

		"error-400-invalid-variable.json":          wantError("Data corrupted at path", 0, false, false),
		"error-400-latitude-out-of-range.json":     wantError("Latitude must be in range", 0, false, true),
		"error-400-coordinate-count-mismatch.json": wantError("Parameter 'latitude' and 'longitude'", 0, false, false),
		"error-400-timezone-count-mismatch.json":   wantError("Parameter 'timezone' and coordinates", 0, false, false),
		"error-400-too-many-coordinates.json":      wantError("Only up to 1000 locations", 0, false, false),
		"error-400-date-out-of-range.json":         wantError("Parameter 'start_date' is out of allowed range", 0, false, false),
		"error-400-end-before-start.json":          wantError("End-date must be larger", 0, false, false),
		"error-400-past-days-invalid.json":         wantError("Past days is invalid", 0, false, false),
		"error-400-invalid-timezone.json":          wantError("Invalid timezone", 0, false, true),
		"error-400-no-data-for-location.json":      wantError("No data is available", 0, false, true),
		"error-400-query-too-heavy.json":           wantError("Your API call requests too much data", 0, false, false),
		"error-429-minutely.json":                  wantError("Minutely API request limit", 20*time.Second, true, false),
		"error-429-hourly.json":                    wantError("Hourly API request limit", 29*time.Minute+20*time.Second, true, false),
		"error-429-daily.json":                     wantError("Daily API request limit", 5*time.Hour+29*time.Minute+20*time.Second, true, false),
		"error-429-concurrent.json":                wantError("Too many concurrent requests", 0, true, false),
		"error-503-overloaded.json":                wantError("The service is overloaded", 0, false, false),
		"stream-broken-midway.txt":                 wantBroken,
	}
	manifest, ok := recorded.Manifest(t, "open-meteo")
	if !ok {
		return
	}
	seen := 0
	for _, r := range manifest {
		name := strings.TrimPrefix(r.File, "open-meteo/")
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

// wantedPlace is one location's rows in the lake's units. Sums are over all days or
// hours; zero also stands for a variable that the answer lacks.
type wantedPlace struct {
	zone                               string
	offset                             time.Duration
	days                               int
	firstDay, lastDay                  string
	highSum, rainSum, snowSum, windSum float64
	codeSum                            int32
	hours                              int
	firstHour, lastHour                string
	heatSum, hourWindSum               float64
	hourCodeSum                        int32
	nullColumn                         string
	nulls                              int
}

func wantPlaces(want ...wantedPlace) func(*testing.T, []byte) {
	return func(t *testing.T, body []byte) {
		got, err := openmeteo.Decode(body)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Fatalf("%d locations, want %d", len(got), len(want))
		}
		for i := range want {
			checkPlace(t, got[i], want[i])
		}
	}
}

func checkPlace(t *testing.T, got openmeteo.Location, want wantedPlace) {
	t.Helper()
	if got.Err != nil || got.TimeZone != want.zone || got.UTCOffset != want.offset {
		t.Fatalf("location in zone %q, %s ahead, error %v; want %q, %s", got.TimeZone, got.UTCOffset, got.Err, want.zone, want.offset)
	}
	days, hours := rowsOf(t, got)
	if len(days) != want.days || len(hours) != want.hours {
		t.Fatalf("%d days and %d hours, want %d and %d", len(days), len(hours), want.days, want.hours)
	}
	if len(days) > 0 {
		first, last := dataset.FromDays(days[0].Day).Format(time.DateOnly), dataset.FromDays(days[len(days)-1].Day).Format(time.DateOnly)
		if first != want.firstDay || last != want.lastDay {
			t.Errorf("days from %s to %s, want %s to %s", first, last, want.firstDay, want.lastDay)
		}
	}
	if len(hours) > 0 {
		first, last := hours[0].At.Format(time.RFC3339), hours[len(hours)-1].At.Format(time.RFC3339)
		if first != want.firstHour || last != want.lastHour {
			t.Errorf("hours from %s to %s, want %s to %s", first, last, want.firstHour, want.lastHour)
		}
	}
	var high, rain, snow, wind, heat, hourWind float64
	var codes, hourCodes int32
	for _, d := range days {
		high, rain, snow, wind, codes = high+value(d.TemperatureMax), rain+value(d.PrecipitationSum), snow+value(d.SnowfallSum), wind+value(d.WindSpeedMax), codes+value(d.WeatherCode)
	}
	for _, h := range hours {
		heat, hourWind, hourCodes = heat+value(h.Temperature), hourWind+value(h.WindSpeed), hourCodes+value(h.WeatherCode)
	}
	for _, s := range []struct {
		name      string
		got, want float64
	}{{"highs", high, want.highSum}, {"rain", rain, want.rainSum}, {"snow", snow, want.snowSum}, {"wind", wind, want.windSum}, {"heat", heat, want.heatSum}, {"hourly wind", hourWind, want.hourWindSum}} {
		// Each converted value is rounded at the sixth decimal, so 336 of them may be 2e-4 off.
		if math.Abs(s.got-s.want) > 2e-4 {
			t.Errorf("sum of %s = %v, want %v", s.name, s.got, s.want)
		}
	}
	if codes != want.codeSum || hourCodes != want.hourCodeSum {
		t.Errorf("sums of weather codes %d and %d, want %d and %d", codes, hourCodes, want.codeSum, want.hourCodeSum)
	}
	checkNulls(t, got, want)
}

func checkNulls(t *testing.T, got openmeteo.Location, want wantedPlace) {
	t.Helper()
	if want.nullColumn == "" {
		return
	}
	column, ok := got.Hourly.Column(want.nullColumn)
	if !ok {
		column, ok = got.Daily.Column(want.nullColumn)
	}
	nulls := 0
	for _, v := range column.Numbers {
		if v == nil {
			nulls++
		}
	}
	if !ok || nulls != want.nulls {
		t.Errorf("column %s: present %v with %d nulls, want %d", want.nullColumn, ok, nulls, want.nulls)
	}
}

func rowsOf(t *testing.T, l openmeteo.Location, models ...string) ([]dataset.WeatherDayRow, []dataset.WeatherHourRow) {
	t.Helper()
	landed := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	days, err := l.Days("1.0000,2.0000", "archive", landed, models...)
	if err != nil {
		t.Fatal(err)
	}
	hours, err := l.Hours("1.0000,2.0000", "archive", landed, models...)
	if err != nil {
		t.Fatal(err)
	}
	return days, hours
}

func value[T float64 | int32](v *T) T {
	if v == nil {
		return 0
	}
	return *v
}

func wantTwoModels(t *testing.T, body []byte) {
	got, err := openmeteo.Decode(body)
	if err != nil || len(got) != 1 {
		t.Fatalf("%d locations, error %v", len(got), err)
	}
	for model, want := range map[string][2]int32{"best_match": {522, 4417}, "gfs_seamless": {377, 2968}} {
		days, hours := rowsOf(t, got[0], model)
		var codes, hourCodes int32
		for _, d := range days {
			codes += value(d.WeatherCode)
		}
		for _, h := range hours {
			hourCodes += value(h.WeatherCode)
		}
		if len(days) != 7 || len(hours) != 168 || codes != want[0] || hourCodes != want[1] {
			t.Errorf("model %s: %d days, %d hours, codes %d and %d; want 7, 168, %d and %d", model, len(days), len(hours), codes, hourCodes, want[0], want[1])
		}
	}
	if days, _ := rowsOf(t, got[0]); len(days) != 0 {
		t.Errorf("without a model %d days were read from suffixed columns, want none", len(days))
	}
}

func wantError(part string, wait time.Duration, limited, oneLocation bool) func(*testing.T, []byte) {
	return func(t *testing.T, body []byte) {
		_, err := openmeteo.Decode(body)
		var apiErr *openmeteo.APIError
		if !errors.As(err, &apiErr) || !strings.HasPrefix(apiErr.Reason, part) {
			t.Fatalf("error %v, want the service's %q", err, part)
		}
		at := time.Date(2026, 10, 31, 18, 30, 40, 0, time.UTC)
		if got, ok := apiErr.Limit(at); got != wait || ok != limited {
			t.Errorf("Limit at 18:30:40 = %s, %v; want %s, %v", got, ok, wait, limited)
		}
		if apiErr.OneLocation() != oneLocation {
			t.Errorf("OneLocation = %v, want %v", apiErr.OneLocation(), oneLocation)
		}
		if apiErr.Overloaded() != strings.Contains(part, "overloaded") {
			t.Errorf("Overloaded = %v", apiErr.Overloaded())
		}
	}
}

func wantBroken(t *testing.T, body []byte) {
	got, err := openmeteo.Decode(body)
	var apiErr *openmeteo.APIError
	if err == nil || errors.As(err, &apiErr) {
		t.Errorf("a broken stream gave %+v and error %v, want an error that is not the service's", got, err)
	}
}
