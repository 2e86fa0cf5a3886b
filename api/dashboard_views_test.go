package api_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signalcraft/signalcraft/api/apitest"
)

// chart is metrics with everything that a chart shows.
type chart struct {
	published
	Tables []struct{ Table, Freshness string }
	Series []struct {
		KPI    struct{ ID string }
		Points []struct {
			Day      string
			Value    *float64
			Days     int
			Complete bool
		}
		Forecast *struct {
			Vintage string
			Points  []struct {
				Day  string
				Mean float64
			}
		}
		Anomalies []struct{ Day, Direction, Severity string }
	}
	Holidays []struct{ Day, Name string }
}

func TestOneRequestDrawsOneChart(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	token, cafe := s.Login(t, s.World.Vic), s.World.Cafe
	var got chart
	s.Get(t, "/dashboard/metrics/"+cafe.ID.String()+"?include=forecast,anomalies,holidays", token).Decode(t, http.StatusOK, &got)
	if len(got.Series) != 2 || len(got.Tables) != 4 {
		t.Fatalf("%d series from %v, want 2 from 4 tables", len(got.Series), got.Tables)
	}
	for _, series := range got.Series {
		if f := series.Forecast; f == nil || f.Vintage != apitest.NewestVintage || len(f.Points) != apitest.ForecastDays || f.Points[0].Day != "2026-03-31" {
			t.Errorf("KPI %s: forecast %+v, want the whole newest one", series.KPI.ID, f)
		}
		if len(series.Anomalies) != apitest.Anomalies || !slices.IsSortedFunc(series.Anomalies, func(a, b struct{ Day, Direction, Severity string }) int { return strings.Compare(a.Day, b.Day) }) {
			t.Errorf("KPI %s: anomalies %v, want %d days in order", series.KPI.ID, series.Anomalies, apitest.Anomalies)
		}
	}
	if len(got.Holidays) != 1 || got.Holidays[0].Day != apitest.Holiday || got.Holidays[0].Name != "Spring Day" {
		t.Errorf("holidays %v, want Spring Day", got.Holidays)
	}

	// With an end, everything ends there; what belongs to a series comes on the page where it begins.
	path := "/dashboard/metrics/" + cafe.ID.String() + "?include=forecast,anomalies&from=2026-03-01&to=2026-04-03&limit=10"
	forecasts := 0
	for cursor := ""; ; {
		var page chart
		s.Get(t, path+"&cursor="+cursor, token).Decode(t, http.StatusOK, &page)
		for _, series := range page.Series {
			if series.Forecast != nil {
				forecasts++
				if n := len(series.Forecast.Points); n != 3 {
					t.Errorf("forecast of %d days before April 3, want 3", n)
				}
			}
		}
		if page.NextCursor == nil {
			break
		}
		cursor = *page.NextCursor
	}
	if forecasts != 2 {
		t.Errorf("%d forecasts on all pages, want each series' once", forecasts)
	}
	e := s.Get(t, "/dashboard/metrics/"+cafe.ID.String()+"?grain=week&include=forecast", token).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	if e.Error.Details.Field != "include" {
		t.Errorf("field %q, want include", e.Error.Details.Field)
	}
}

func TestMetricsAskedInABody(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	token, cafe := s.Login(t, s.World.Vic), s.World.Cafe
	auth := []string{"Authorization", "Bearer " + token}
	for _, c := range []struct {
		query string
		body  map[string]any
	}{
		{"", map[string]any{}},
		{"?grain=month", map[string]any{"grain": "month"}},
		{"?from=2026-02-01&to=2026-03-01&limit=5", map[string]any{"from": "2026-02-01", "to": "2026-03-01", "limit": 5}},
		{"?kpi=" + cafe.KPIs[1].String() + "," + cafe.KPIs[0].String() + "&include=holidays,forecast",
			map[string]any{"kpis": []string{cafe.KPIs[0].String(), cafe.KPIs[1].String()}, "include": []string{"forecast", "holidays"}}},
	} {
		c.body["business_id"] = cafe.ID.String()
		want := s.Get(t, "/dashboard/metrics/"+cafe.ID.String()+c.query, token)
		got := s.Request(t, http.MethodPost, "/dashboard/metrics", c.body, auth...)
		if want.Status != http.StatusOK || got.Status != http.StatusOK || string(got.Body) != string(want.Body) {
			t.Errorf("%s: POST %d %.300s\nGET %d %.300s", c.query, got.Status, got.Body, want.Status, want.Body)
		}
	}
	refuse := func(body map[string]any, field string) {
		t.Helper()
		e := s.Request(t, http.MethodPost, "/dashboard/metrics", body, auth...).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
		if e.Error.Details.Field != field || e.Error.Details.In != "body" {
			t.Errorf("%v: %s.%s, want body.%s", body, e.Error.Details.In, e.Error.Details.Field, field)
		}
	}
	refuse(map[string]any{"business_id": cafe.ID, "from": "2026-02-30"}, "from")
	refuse(map[string]any{"business_id": cafe.ID, "grain": "day", "from": "2026-03-02", "to": "2026-03-01"}, "from")
	refuse(map[string]any{"business_id": cafe.ID, "grain": "week", "include": []string{"forecast"}}, "include")
	hotel := s.Request(t, http.MethodPost, "/dashboard/metrics", map[string]any{"business_id": s.World.Hotel.ID}, auth...)
	hotel.WantError(t, http.StatusNotFound, "NOT_FOUND")
}

// TestGapsAreNull takes days out: series have no holes, and pages put together are the whole.
func TestGapsAreNull(t *testing.T) {
	t.Parallel()
	s, owner := startChangeable(t, nil)
	token, cafe := s.Login(t, s.World.Ada), s.World.Cafe
	execute(t, owner, `delete from serving.kpi_data where business_id = $1 and day between '2026-02-03' and '2026-02-20'`, cafe.ID)
	execute(t, owner, `delete from serving.kpi_weekly where business_id = $1 and week_start between '2026-02-03' and '2026-02-20'`, cafe.ID)
	execute(t, owner, `delete from serving.kpi_monthly where business_id = $1 and month = '2026-02-01'`, cafe.ID)
	for _, c := range []struct {
		grain         string
		points, empty int // of each series
	}{{"day", 89, 19}, {"week", 16, 2}, {"month", 4, 1}} {
		read := func(limit int) (days []string, empty int) {
			for cursor := ""; ; {
				var page chart
				s.Get(t, "/dashboard/metrics/"+cafe.ID.String()+"?grain="+c.grain+"&limit="+strconv.Itoa(limit)+"&cursor="+url.QueryEscape(cursor), token).Decode(t, http.StatusOK, &page)
				for _, series := range page.Series {
					for _, p := range series.Points {
						days = append(days, series.KPI.ID+" "+p.Day)
						if p.Value == nil {
							empty++
							if p.Days != 0 {
								t.Errorf("%s: a gap with %d days", p.Day, p.Days)
							}
						}
					}
				}
				if page.NextCursor == nil {
					return days, empty
				}
				cursor = *page.NextCursor
			}
		}
		whole, empty := read(5000)
		if len(whole) != 2*c.points || empty != 2*c.empty {
			t.Errorf("%s: %d points, %d of them empty; want %d and %d", c.grain, len(whole), empty, 2*c.points, 2*c.empty)
		}
		for _, limit := range []int{1, 3, 7, 15, 89} {
			if paged, _ := read(limit); !slices.Equal(paged, whole) {
				t.Errorf("%s in pages of %d: another list (-whole +paged):\n%s", c.grain, limit, cmp.Diff(whole, paged))
			}
		}
	}
}

func TestTrendsWeatherAndAnomalies(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	token, id := s.Login(t, s.World.Vic), s.World.Cafe.ID.String()
	var trends struct {
		published
		Series []struct {
			Points []struct {
				Day                string
				Value, Mean7, Year *float64
				ChangeWeek         *float64 `json:"change_week"`
				ChangeYear         *float64 `json:"change_year"`
			}
		}
	}
	s.Get(t, "/dashboard/trends/"+id, token).Decode(t, http.StatusOK, &trends)
	wantPublished(t, s, trends.published, "Europe/Berlin", "fresh")
	if len(trends.Series) != 2 || len(trends.Series[0].Points) != 88 || *trends.Series[0].Points[0].ChangeWeek != 0.25 || trends.Series[0].Points[0].ChangeYear != nil {
		t.Errorf("trends %+v, want 88 days of 2 KPIs", trends.Series)
	}

	var weather struct {
		published
		Location struct{ Country string }
		Days     []struct{ Day, Kind string }
	}
	s.Get(t, "/dashboard/weather/"+id, token).Decode(t, http.StatusOK, &weather)
	wantPublished(t, s, weather.published, "Europe/Berlin", "fresh")
	if n := len(weather.Days); n != 30+apitest.WeatherAhead || weather.Days[0].Day != "2026-03-01" || weather.Days[n-1].Day != "2026-04-15" || weather.Location.Country != "DE" {
		t.Errorf("weather of %d days, want March and all that is forecast: %+v", n, weather)
	}
	s.Get(t, "/dashboard/weather/"+id+"?kind=forecast", token).Decode(t, http.StatusOK, &weather)
	if len(weather.Days) != apitest.WeatherAhead {
		t.Errorf("%d forecast days, want %d", len(weather.Days), apitest.WeatherAhead)
	}

	type list struct {
		published
		Anomalies []struct {
			KPI                        struct{ ID string }
			Grain, Severity, Direction string
			Day                        string
			StartsAt                   string `json:"starts_at"`
			Hour                       *int
		}
	}
	count := func(query string, want int) list {
		t.Helper()
		var got list
		s.Get(t, "/dashboard/anomalies/"+id+"?"+query, token).Decode(t, http.StatusOK, &got)
		if len(got.Anomalies) != want {
			t.Errorf("anomalies with %s: %d, want %d", query, len(got.Anomalies), want)
		}
		return got
	}
	all := count("", 4*apitest.Anomalies)
	wantPublished(t, s, all.published, "Europe/Berlin", "fresh")
	if !slices.IsSortedFunc(all.Anomalies, func(a, b struct {
		KPI                        struct{ ID string }
		Grain, Severity, Direction string
		Day                        string
		StartsAt                   string `json:"starts_at"`
		Hour                       *int
	}) int {
		return strings.Compare(b.StartsAt, a.StartsAt)
	}) {
		t.Error("anomalies are not newest first")
	}
	count("grain=day", 2*apitest.Anomalies)
	count("grain=hour&direction=below", apitest.Anomalies)
	count("severity=major", 4*8)
	count("severity=critical&grain=day", 2*4)
	count("from=2026-03-29&to=2026-03-30", 4)
	count("kpi="+s.World.Cafe.KPIs[1].String(), 2*apitest.Anomalies)
}

func TestSummary(t *testing.T) {
	t.Parallel()
	s, owner := startChangeable(t, nil)
	token, cafe := s.Login(t, s.World.Vic), s.World.Cafe
	type answer struct {
		published
		Name   string
		Tables []struct{ Table, Freshness string }
		KPIs   []struct {
			KPI    struct{ ID string }
			Latest *struct {
				Day              string
				Value, Converted *float64
				ChangeWeek       *float64 `json:"change_week"`
			}
			Sparkline []struct {
				Day   string
				Value *float64
			}
			Next    *struct{ Day string }
			Anomaly *struct{ Day, Grain string }
		}
		News struct {
			Now, Before struct {
				Articles  int
				MeanScore *float64 `json:"mean_score"`
			}
		}
		Weather struct {
			Today *struct{ Day string }
			Next  []struct{ Day string }
		}
	}
	var got answer
	path := "/dashboard/summary/" + cafe.ID.String()
	s.Get(t, path, token).Decode(t, http.StatusOK, &got)
	wantPublished(t, s, got.published, "Europe/Berlin", "fresh")
	if len(got.KPIs) != apitest.KPIs || len(got.Tables) != 6 || got.Name != cafe.Name {
		t.Fatalf("%d cards of %s from %d tables, want %d of %s from 6", len(got.KPIs), got.Name, len(got.Tables), apitest.KPIs, cafe.Name)
	}
	card := got.KPIs[1]
	if card.Latest == nil || card.Latest.Day != apitest.LastDay || *card.Latest.Value != 1000 || *card.Latest.Converted != 2000 || *card.Latest.ChangeWeek != 0.25 {
		t.Errorf("latest %+v, want 1000 on %s", card.Latest, apitest.LastDay)
	}
	if len(card.Sparkline) != 28 || card.Sparkline[27].Day != apitest.LastDay || *card.Sparkline[0].Value != 1027 || card.Sparkline[7].Value != nil || card.Sparkline[7].Day != apitest.GapDay {
		t.Errorf("sparkline %+v, want the 28 days to %s with a gap on %s", card.Sparkline, apitest.LastDay, apitest.GapDay)
	}
	if card.Next == nil || card.Next.Day != "2026-03-31" || card.Anomaly == nil || card.Anomaly.Day != "2026-03-29" {
		t.Errorf("next %+v, anomaly %+v; want March 31 and March 29", card.Next, card.Anomaly)
	}
	if last := got.KPIs[2]; last.Latest != nil || len(last.Sparkline) != 0 || last.Next != nil || last.Anomaly != nil {
		t.Errorf("a KPI without points: %+v, want an empty card", last)
	}
	if got.News.Now.Articles != 25 || got.News.Before.Articles != 0 || got.News.Now.MeanScore == nil || got.News.Before.MeanScore != nil {
		t.Errorf("news %+v, want 25 articles in the last week and none before", got.News)
	}
	if got.Weather.Today == nil || got.Weather.Today.Day != "2026-03-31" || len(got.Weather.Next) != 7 {
		t.Errorf("weather %+v, want March 31 and 7 days after", got.Weather)
	}

	// Each table is as fresh as its own publication; what was never published is unknown.
	execute(t, owner, `update serving.publications set as_of = as_of - interval '3 days' where table_name = 'forecasts'`)
	execute(t, owner, `delete from serving.publications where table_name = 'weather_data'`)
	s.Get(t, path, token).Decode(t, http.StatusOK, &got)
	states := map[string]string{}
	for _, table := range got.Tables {
		states[table.Table] = table.Freshness
	}
	if states["kpi_data"] != "fresh" || states["forecasts"] != "stale" || states["weather_data"] != "unknown" || got.Freshness != "fresh" {
		t.Errorf("freshness %v, want fresh points, stale forecasts, unknown weather", states)
	}

	var seen []string
	for cursor := ""; ; {
		var page answer
		s.Get(t, path+"?limit=1&cursor="+cursor, token).Decode(t, http.StatusOK, &page)
		for _, c := range page.KPIs {
			seen = append(seen, c.KPI.ID)
		}
		if page.NextCursor == nil {
			break
		}
		cursor = *page.NextCursor
	}
	if want := []string{cafe.KPIs[0].String(), cafe.KPIs[1].String(), cafe.KPIs[2].String()}; !slices.Equal(seen, want) {
		t.Errorf("cards one by one: %v, want %v", seen, want)
	}
}

// TestNewsIsCutByLocalDay moves an article's day away from that of its instant, as another zone does.
func TestNewsIsCutByLocalDay(t *testing.T) {
	t.Parallel()
	s, owner := startChangeable(t, nil)
	token, cafe := s.Login(t, s.World.Ada), s.World.Cafe
	execute(t, owner, `insert into serving.news_articles (business_id, url, seen_at, day) values ($1, 'https://news.example/late', '2026-03-27T23:30:00Z', '2026-03-28')`, cafe.ID)
	execute(t, owner, `insert into serving.news_articles (business_id, url, seen_at, day) values ($1, 'https://news.example/kept', '2026-03-27T22:30:00Z', '2026-03-28')`, cafe.ID)
	var got news
	s.Get(t, "/dashboard/news/"+cafe.ID.String()+"?from=2026-03-28&to=2026-03-29", token).Decode(t, http.StatusOK, &got)
	if len(got.Articles) != 7 || got.Articles[5].URL != "https://news.example/late" || got.Articles[6].URL != "https://news.example/kept" {
		t.Errorf("articles %+v, want the 7 of March 28, newest first", got.Articles)
	}
}

func TestMoreCursorWalks(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	token, id := s.Login(t, s.World.Ada), s.World.Cafe.ID.String()
	for path, want := range map[string]int{
		"/dashboard/anomalies/" + id + "?limit=5&from=2025-01-01&to=2027-01-01": 4 * apitest.Anomalies,
		"/dashboard/weather/" + id + "?limit=5&from=2025-01-01&to=2027-01-01":   apitest.WeatherDays + apitest.WeatherAhead,
		"/dashboard/trends/" + id + "?limit=5&from=2025-01-01&to=2027-01-01":    2 * (apitest.MetricDays - 1),
	} {
		seen := map[string]bool{}
		for cursor := ""; ; {
			var page struct {
				NextCursor *string `json:"next_cursor"`
				Days       []struct{ Day string }
				Anomalies  []struct {
					KPI      struct{ ID string }
					Grain    string
					StartsAt string `json:"starts_at"`
				}
				Series []struct {
					KPI    struct{ ID string }
					Points []struct{ Day string }
				}
			}
			s.Get(t, path+"&cursor="+url.QueryEscape(cursor), token).Decode(t, http.StatusOK, &page)
			var keys []string
			for _, d := range page.Days {
				keys = append(keys, d.Day)
			}
			for _, a := range page.Anomalies {
				keys = append(keys, a.KPI.ID+a.Grain+a.StartsAt)
			}
			for _, series := range page.Series {
				for _, p := range series.Points {
					keys = append(keys, series.KPI.ID+p.Day)
				}
			}
			for _, key := range keys {
				if seen[key] {
					t.Errorf("%s: %s twice", path, key)
				}
				seen[key] = true
			}
			if page.NextCursor == nil {
				break
			}
			if len(keys) != 5 {
				t.Fatalf("%s: %d rows on a page that is not the last, want 5", path, len(keys))
			}
			cursor = *page.NextCursor
		}
		if len(seen) != want {
			t.Errorf("%s: %d different rows, want %d", path, len(seen), want)
		}
	}
}

func unpacked(t *testing.T, body []byte) []byte {
	t.Helper()
	reader, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// measured returns the value of a measurement in Prometheus' text.
func measured(t *testing.T, exposed, name string) float64 {
	t.Helper()
	for line := range strings.Lines(exposed) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("no measurement %s", name)
	return 0
}

func TestDashboardInputIsChecked(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	token, id := s.Login(t, s.World.Ada), s.World.Cafe.ID.String()
	check := func(path, field string) {
		t.Helper()
		e := s.Get(t, path, token).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
		if d := e.Error.Details; !strings.HasPrefix(d.Field, field) || d.In != "query" || d.Issue == "" {
			t.Errorf("%s: %s.%s %q, want query.%s with its issue", path, d.In, d.Field, d.Issue, field)
		}
	}
	metrics := "/dashboard/metrics/" + id
	check(metrics+"?grain=hour", "grain")
	check(metrics+"?include=everything", "include")
	check(metrics+"?include=forecast,news", "include")
	check(metrics+"?kpi=,", "kpi")
	check(metrics+"?kpi="+s.World.Cafe.KPIs[0].String()+",x", "kpi")
	check("/dashboard/anomalies/"+id+"?severity=grave", "severity")
	check("/dashboard/anomalies/"+id+"?grain=week", "grain")
	check("/dashboard/anomalies/"+id+"?direction=up", "direction")
	check("/dashboard/weather/"+id+"?kind=old", "kind")
	check("/dashboard/forecasts/"+id+"?vintage=soon", "vintage")
	check("/dashboard/summary/"+id+"?from=2026-01-01", "from")
	for _, list := range []string{"anomalies", "trends", "weather", "summary"} {
		check("/dashboard/"+list+"/"+id+"?cursor=e30x", "cursor")
		check("/dashboard/"+list+"/"+id+"?limit=100000", "limit")
		check("/dashboard/"+list+"/"+id+"?cursor=eyJ4IjoxfQ", "cursor") // {"x":1}
	}
	check("/dashboard/anomalies/"+id+"?cursor=eyJkIjoiMjAyNi0wMy0wMSIsInMiOiIyMDI2LTAzLTAxVDAwOjAwOjAwWiIsImsiOiIwMTkyZjBjMS0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiLCJnIjoiXHUwMDAwIn0", "cursor")
}

// TestForecastsAsTheyStood asks for an older vintage.
func TestForecastsAsTheyStood(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	token, id := s.Login(t, s.World.Vic), s.World.Cafe.ID.String()
	for vintage, want := range map[string]string{"2026-03-29": "2026-03-29", "2026-03-30": apitest.NewestVintage, "2027-01-01": apitest.NewestVintage} {
		var got forecasts
		s.Get(t, "/dashboard/forecasts/"+id+"?vintage="+vintage, token).Decode(t, http.StatusOK, &got)
		if len(got.Series) != 2 || got.Series[0].Vintage != want {
			t.Errorf("as of %s: %+v, want vintage %s", vintage, got.Series, want)
		}
	}
	var none forecasts
	s.Get(t, "/dashboard/forecasts/"+id+"?vintage=2026-03-01", token).Decode(t, http.StatusOK, &none)
	if len(none.Series) != 0 {
		t.Errorf("before any vintage: %+v", none.Series)
	}
}
