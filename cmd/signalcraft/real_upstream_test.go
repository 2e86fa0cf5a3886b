package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
	"github.com/signalcraft/signalcraft/testdata/shared"
)

// recordedForecast is one location of a recorded Open-Meteo answer, as far as the tests compare it.
type recordedForecast struct {
	Daily struct {
		Time []string  `json:"time"`
		Max  []float64 `json:"temperature_2m_max"`
		Min  []float64 `json:"temperature_2m_min"`
		Rain []float64 `json:"precipitation_sum"`
		Wind []float64 `json:"wind_speed_10m_max"`
		Code []int     `json:"weather_code"`
	} `json:"daily"`
}

// recordedArticle is one item of a recorded GDELT answer.
type recordedArticle struct {
	URL           string `json:"url"`
	Title         string `json:"title"`
	SeenDate      string `json:"seendate"`
	Domain        string `json:"domain"`
	Language      string `json:"language"`
	SourceCountry string `json:"sourcecountry"`
}

func (a recordedArticle) seen(t *testing.T) time.Time {
	t.Helper()
	at, err := time.Parse("20060102T150405Z", a.SeenDate)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func parse[T any](t *testing.T, body []byte) T {
	t.Helper()
	var value T
	if err := json.Unmarshal(body, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// TestRealUpstreams lands recorded weather of three zones, exchange rates around a
// weekend and malformed news, and wants every business's days to stand beside them:
// each figure is taken here from the recorded bodies by hand.
func TestRealUpstreams(t *testing.T) {
	if _, ok := shared.Dir(t); !ok {
		return
	}
	const news = "https://api.gdeltproject.org/api/v2/doc/doc?query="
	answers := recordedAnswers(t, map[string]string{
		"weather":                             "open-meteo/forecast-multi-location-three-zones.json",
		"https://api.frankfurter.dev/v1/*..*": "frankfurter/v1-timeseries-weekend-gap.json",
		news + "Berlin":                       "gdelt/malformed-unescaped-quotes.json",
		news + "New York":                     "gdelt/malformed-invalid-escape.json",
		news + "Tokyo":                        "gdelt/malformed-control-characters.json",
	})
	// The recorded request asked for Berlin, New York and Tokyo, ours are in order of latitude.
	zones := parse[[]json.RawMessage](t, answers["weather"])
	slices.Reverse(zones)
	turned, err := json.Marshal(zones)
	if err != nil {
		t.Fatal(err)
	}
	delete(answers, "weather")
	answers["https://api.open-meteo.com/v1/forecast?latitude=35.7000,40.7103,52.5200"] = turned
	answers["https://archive-api.open-meteo.com/v1/archive?latitude=35.7000,40.7103,52.5200"] = turned

	s := newScenario(t, answers)
	s.shop(t, store.Business{Name: "Berlin", TimeZone: "Europe/Berlin", Currency: "EUR", Country: "DE", Latitude: degrees(52.52), Longitude: degrees(13.42)}, "USD")
	s.shop(t, store.Business{Name: "New York", TimeZone: "America/New_York", Currency: "USD", Country: "US", Latitude: degrees(40.7103), Longitude: degrees(-73.9931)}, "EUR")
	s.shop(t, store.Business{Name: "Tokyo", TimeZone: "Asia/Tokyo", Currency: "JPY", Country: "JP", Latitude: degrees(35.7), Longitude: degrees(139.6875)}, "JPY")
	if _, err := s.nightly(t, time.Date(2024, 1, 22, 6, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Line string `json:"line"`
	}
	s.ask(t, &rows, `select concat_ws(' ', name, cast(day as varchar), value, coalesce(cast(value_converted as varchar), '-'),
		coalesce(nullif(concat_ws(' ', weather_kind, temperature_max, temperature_min, precipitation_sum, wind_speed_max, weather_code), ''), '-'),
		coalesce(articles, 0)) as line
		from marts.business_day join staging.kpi using (kpi_id) order by name, day`)
	got := make([]string, len(rows))
	for i, r := range rows {
		got[i] = r.Line
	}
	for _, difference := range append(without(joinedDays(t, zones), got), without(got, joinedDays(t, zones))...) {
		t.Errorf("marts.business_day and the recorded bodies differ: %s", difference)
	}
	if got := s.count(t, "raw.openmeteo_days"); got != 18 {
		t.Errorf("%d days of weather landed, want 3 measured and 3 forecast ones of 3 places", got)
	}
	s.checkMalformed(t)
}

// shop adds a business with its daily revenue in a currency, from 100 on 10 January 2024
// to 111 on the 21st. It looks for news by its name.
func (s *scenario) shop(t *testing.T, b store.Business, currency string) {
	t.Helper()
	b.Place, b.NewsQuery = b.Name, b.Name
	lines := []string{"day,value"}
	for day := 10; day <= 21; day++ {
		lines = append(lines, fmt.Sprintf("2024-01-%d,%d", day, 90+day))
	}
	s.put(t, b.Name+".csv", lines...)
	s.file(t, s.business(t, b), b.Name+".csv", kpi.Spec{Time: []string{"day"}, Zone: b.TimeZone, Value: "value"},
		store.KPI{Name: b.Name, Grain: "day", Unit: currency, Currency: &currency})
}

// joinedDays returns what every day must look like beside weather, rates and news, in order.
func joinedDays(t *testing.T, zones []json.RawMessage) []string {
	t.Helper()
	articles := map[string]int{"Berlin": 1, "New York": 3, "Tokyo": 2} // one of Berlin's two is in quarantine
	var lines []string
	for place, name := range []string{"Tokyo", "New York", "Berlin"} {
		daily := parse[recordedForecast](t, zones[place]).Daily
		for day := 10; day <= 21; day++ {
			date := fmt.Sprintf("2024-01-%d", day)
			value, converted := float64(90+day), "-"
			switch {
			case name == "Tokyo":
				converted = fmt.Sprintf("%.1f", value) // its own currency needs no rate
			case day >= 12 && name == "Berlin":
				converted = fmt.Sprint(value / dollars(day))
			case day >= 12:
				converted = fmt.Sprint(value * dollars(day))
			}
			weather, seen := "-", 0
			if at := slices.Index(daily.Time, date); at >= 0 {
				weather = fmt.Sprintf("archive %.1f %.1f %.1f %.1f %d", daily.Max[at], daily.Min[at], daily.Rain[at], daily.Wind[at], daily.Code[at])
			}
			if day == 15 {
				seen = articles[name]
			}
			lines = append(lines, fmt.Sprintf("%s %s %.1f %s %s %d", name, date, value, converted, weather, seen))
		}
	}
	slices.Sort(lines)
	return lines
}

// dollars is the recorded price of a euro on a day of January 2024: Friday's stands for
// the weekend, the last one for ten days, the first one for no day before it.
func dollars(day int) float64 {
	switch {
	case day < 15:
		return 1.0942
	case day == 15:
		return 1.0945
	}
	return 1.0882
}

// checkMalformed wants in quarantine the one item that cannot be mended, whole, and the
// currency that no recorded answer has.
func (s *scenario) checkMalformed(t *testing.T) {
	t.Helper()
	var news []reject
	yen := 0
	for _, r := range s.quarantine(t) {
		switch {
		case r.Source == "gdelt":
			news = append(news, r)
		case r.Source == "fxrates" && strings.HasPrefix(r.Reason, "no provider has a rate of JPY in "):
			yen++
		default:
			t.Errorf("in quarantine: %+v", r)
		}
	}
	if len(news) != 1 || news[0].Line != 2 || news[0].Unit != "artlist/"+id("Berlin").String()+"/refused" || !strings.HasPrefix(news[0].Reason, "read article: ") ||
		!strings.HasPrefix(news[0].Raw, `{ "url": "https://example.org/d"`) || !strings.Contains(news[0].Raw, `busca de " parceria estratégica " | NOTÍCIAS`) {
		t.Errorf("news in quarantine: %+v, want the second item of Berlin's", news)
	}
	if yen != 19 {
		t.Errorf("%d spans lack JPY, want all 19", yen)
	}
	var titles []struct {
		Title string `json:"title"`
	}
	s.ask(t, &titles, "select distinct title from raw.gdelt_articles order by 1")
	want := []string{"Breaking: storm warning issued for coast", "Council approves budget for new flood defences", `Mayor \'very concerned\' about C:\data leak \ officials say`, `Prices rise 5\% in \x41pril`}
	var got []string
	for _, row := range titles {
		got = append(got, row.Title)
	}
	if !slices.Equal(got, want) {
		t.Errorf("titles %q, want %q", got, want)
	}
}

// TestRealNews lands a full recorded list of 250 articles, which the service cuts there,
// and places found by name; and runs the batch again, which must change no row.
func TestRealNews(t *testing.T) {
	if _, ok := shared.Dir(t); !ok {
		return
	}
	asOf := time.Date(2018, 1, 1, 2, 0, 0, 0, time.UTC)
	const news = "https://api.gdeltproject.org/api/v2/doc/doc?query="
	answers := recordedAnswers(t, map[string]string{
		// From the Monday ninety days before until now, asked one second earlier because both ends are exclusive.
		news + "salmonella&startdatetime=20171001235959&enddatetime=20180101020000": "gdelt/doc-artlist-250-multilingual.json",
		news + "salmon": "gdelt/doc-artlist-russian-sourcecountry.json",
		"https://secure.geonames.org/searchJSON?q=London&country=GB": "geonames/search-london-full-style.json",
		"https://secure.geonames.org/searchJSON?q=Ottawa&country=CA": "geonames/search-ottawa-medium-style.json",
		"https://api.open-meteo.com/v1/forecast?latitude=*":          "open-meteo/forecast-multi-location-daily.json",
		"https://archive-api.open-meteo.com/v1/archive?latitude=*":   "open-meteo/forecast-multi-location-daily.json",
	})
	full := articlesOf(t, answers[news+"salmonella&startdatetime=20171001235959&enddatetime=20180101020000"])
	middle := time.Date(2017, 11, 16, 13, 0, 0, 0, time.UTC) // where the window of a full answer is cut
	answers[news+"salmonella&startdatetime=20171116125959"] = answerOf(t, full, func(at time.Time) bool { return !at.Before(middle) })
	answers[news+"salmonella&enddatetime=20171116130000"] = answerOf(t, full, func(at time.Time) bool { return at.Before(middle) })
	monday := time.Date(2017, 12, 25, 0, 0, 0, 0, time.UTC) // from when on the second run asks again
	answers[news+"salmonella&startdatetime=20171224235959"] = answerOf(t, full, func(at time.Time) bool { return !at.Before(monday) })
	s := newScenario(t, answers)
	s.business(t, store.Business{Name: "Fishmonger", TimeZone: "Europe/London", Currency: "EUR", Country: "GB", Place: "London", NewsQuery: "salmonella"})
	s.business(t, store.Business{Name: "Fishery", TimeZone: "America/Toronto", Currency: "EUR", Country: "CA", Place: "Ottawa", NewsQuery: "salmon"})
	steps, err := s.nightly(t, asOf)
	if err != nil {
		t.Fatal(err)
	}
	if got := steps["news"]; got.RowsIn != 290 || got.RowsOut != 290 {
		t.Errorf("news: %+v, want all 290 articles", got)
	}
	want := map[point]float64{}
	english := 0
	for name, list := range map[string][]recordedArticle{"Fishmonger": full, "Fishery": articlesOf(t, answers[news+"salmon"])} {
		zone, err := time.LoadLocation(map[string]string{"Fishmonger": "Europe/London", "Fishery": "America/Toronto"}[name])
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			want[point{name, a.seen(t).In(zone).Format(time.DateOnly)}]++
			if a.Language == "English" {
				english++
			}
		}
	}
	compare(t, "marts.news_daily", want, s.values(t, `select name as kpi, cast(day as varchar) as day, articles as value from marts.news_daily join staging.business using (business_id)`))
	if got := s.count(t, "marts.news_articles where score is not null"); got != english || english == 0 {
		t.Errorf("%d articles have a tone, %d are English", got, english)
	}
	compare(t, "places", map[point]float64{{"Fishmonger", "51.5085,-0.1257"}: 2643743, {"Fishery", "45.4112,-75.6981"}: 6094817},
		s.values(t, `select name as kpi, location_id as day, place_id as value from staging.business`))
	compare(t, "marts.weather_daily", map[point]float64{{"Fishery", "2025-01-28"}: 6.5, {"Fishmonger", "2025-01-28"}: 4.9},
		s.values(t, `select name as kpi, cast(day as varchar) as day, temperature_max as value from marts.weather_daily join staging.business using (business_id)`))

	before := s.dump(t)
	if _, err := s.nightly(t, asOf); err != nil {
		t.Fatal(err)
	}
	sameTables(t, "second run", before, s.dump(t))
}

func articlesOf(t *testing.T, body []byte) []recordedArticle {
	t.Helper()
	return parse[struct{ Articles []recordedArticle }](t, body).Articles
}

// answerOf is the answer that the service gives for a part of the articles' window.
func answerOf(t *testing.T, list []recordedArticle, inside func(time.Time) bool) []byte {
	t.Helper()
	list = slices.DeleteFunc(slices.Clone(list), func(a recordedArticle) bool { return !inside(a.seen(t)) })
	body, err := json.Marshal(map[string]any{"articles": list})
	if err != nil {
		t.Fatal(err)
	}
	return body
}
