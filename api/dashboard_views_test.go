package api_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
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
	// Also those of days that no KPI has a point on yet, as far as the forecast reaches.
	if want := fmt.Sprintf("[{%s Spring Day} {%s Sowing Day}]", apitest.Holiday, apitest.HolidayAhead); fmt.Sprint(got.Holidays) != want {
		t.Errorf("holidays %v, want %s", got.Holidays, want)
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
		{"?grain=hour&include=anomalies&limit=100", map[string]any{"grain": "hour", "include": []string{"anomalies"}, "limit": 100}},
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
	refuse(map[string]any{"business_id": cafe.ID, "cursor": "x"}, "cursor")
	refuse(map[string]any{"business_id": cafe.ID, "grain": "hour", "cursor": "x"}, "cursor")
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
	if len(got.KPIs) != apitest.KPIs || len(got.Tables) != 7 || got.Name != cafe.Name {
		t.Fatalf("%d cards of %s from %d tables, want %d of %s from 7", len(got.KPIs), got.Name, len(got.Tables), apitest.KPIs, cafe.Name)
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

	// A run that did everything well, and had nothing new to publish, proves that what is published is up to date; others do not.
	for _, run := range []struct{ job, status, want string }{{"nightly", "partial", "stale"}, {"publish", "succeeded", "stale"}, {"nightly", "running", "stale"}, {"nightly", "succeeded", "fresh"}} {
		execute(t, owner, `insert into runs (id, job, as_of, status, started_at, finished_at) values (gen_random_uuid(), $1, $2, $3, $2, case when $3 <> 'running' then $2::timestamptz end)`,
			run.job, s.World.AsOf, run.status)
		before := s.Get(t, path, token)
		before.Decode(t, http.StatusOK, &got)
		if at := slices.IndexFunc(got.Tables, func(f struct{ Table, Freshness string }) bool { return f.Table == "forecasts" }); got.Tables[at].Freshness != run.want {
			t.Errorf("after a %s run of %s that is %s: %s, want %s", run.job, s.World.AsOf, run.status, got.Tables[at].Freshness, run.want)
		}
		if (got.CheckedAt != nil && got.CheckedAt.Equal(s.World.AsOf)) != (run.want == "fresh") {
			t.Errorf("after a %s run that is %s: checked at %v", run.job, run.status, got.CheckedAt)
		}
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
