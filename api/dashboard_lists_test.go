package api_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/signalcraft/signalcraft/api/apitest"
)

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
	check(metrics+"?grain=year", "grain")
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
