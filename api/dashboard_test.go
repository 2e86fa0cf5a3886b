package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/apitest"
)

type published struct {
	BusinessID  string     `json:"business_id"`
	TimeZone    string     `json:"time_zone"`
	RunID       string     `json:"run_id"`
	AsOf        *time.Time `json:"as_of"`
	PublishedAt *time.Time `json:"published_at"`
	CheckedAt   *time.Time `json:"checked_at"`
	Freshness   string     `json:"freshness"`
	From, To    string
	NextCursor  *string `json:"next_cursor"`
}

type metrics struct {
	published
	Series []struct {
		KPI       struct{ ID, Name, Unit string }
		Currency  string
		Converted string `json:"converted_currency"`
		Points    []struct {
			Day              string
			Value, Converted *float64
			Points           int
			Complete         bool
		}
	}
}

type forecasts struct {
	published
	Series []struct {
		KPI             struct{ ID string }
		Vintage, Method string
		Points          []struct {
			Day     string
			Mean    float64
			Lower80 float64 `json:"lower_80"`
			Upper80 float64 `json:"upper_80"`
			Lower95 float64 `json:"lower_95"`
			Upper95 float64 `json:"upper_95"`
		}
	}
}

type news struct {
	published
	Articles []struct {
		URL    string
		SeenAt time.Time `json:"seen_at"`
		Score  *float64
	}
	Days []struct {
		Day      string
		Articles int
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	cafe := s.World.Cafe
	for _, reader := range []apitest.User{s.World.Ada, s.World.Vic} { // an owner, a viewer
		var got metrics
		s.Get(t, "/dashboard/metrics/"+cafe.ID.String(), s.Login(t, reader)).Decode(t, http.StatusOK, &got)
		// The as-of instant is 04:00 on March 31 in Berlin: ninety days end with that day.
		if got.From != "2026-01-01" || got.To != "2026-04-01" || got.NextCursor != nil {
			t.Errorf("window [%s, %s), next %v; want [2026-01-01, 2026-04-01) on one page", got.From, got.To, got.NextCursor)
		}
		wantPublished(t, s, got.published, "Europe/Berlin", "fresh")
		if len(got.Series) != 2 { // the third KPI has no points
			t.Fatalf("%d series, want 2", len(got.Series))
		}
		for i, series := range got.Series {
			if series.KPI.ID != cafe.KPIs[i].String() || series.KPI.Unit != "EUR" || series.Currency != "USD" || series.Converted != "EUR" || len(series.Points) != 89 {
				t.Errorf("series %d: %+v in %s with %d points, want KPI %s in USD with the 89 days to %s",
					i, series.KPI, series.Currency, len(series.Points), cafe.KPIs[i], apitest.LastDay)
			}
			for n, p := range series.Points {
				day := time.Date(2026, 1, 1+n, 0, 0, 0, 0, time.UTC)
				want := float64(1000*i + 88 - n) // as the world was seeded
				gap := p.Day == apitest.GapDay
				if p.Day != day.Format(time.DateOnly) || (p.Value == nil) != gap || !p.Complete || !gap && (*p.Value != want || *p.Converted != 2*want) {
					t.Fatalf("series %d point %d: %+v, want %v on %s", i, n, p, want, day)
				}
			}
		}
	}
}

func TestForecasts(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	var got forecasts
	s.Get(t, "/dashboard/forecasts/"+s.World.Hotel.ID.String(), s.Login(t, s.World.Bob)).Decode(t, http.StatusOK, &got)
	wantPublished(t, s, got.published, "Asia/Kolkata", "fresh")
	if len(got.Series) != 2 {
		t.Fatalf("%d series, want 2", len(got.Series))
	}
	for i, series := range got.Series {
		if series.KPI.ID != s.World.Hotel.KPIs[i].String() || series.Vintage != apitest.NewestVintage || series.Method != "theta" || len(series.Points) != apitest.ForecastDays {
			t.Fatalf("series %d: KPI %s, vintage %s by %s with %d days; want the newest vintage of %s", i, series.KPI.ID, series.Vintage, series.Method, len(series.Points), s.World.Hotel.KPIs[i])
		}
		p, want := series.Points[29], float64(1000*i+30)
		if p.Day != "2026-04-29" || p.Mean != want || p.Lower95 != want-2 || p.Lower80 != want-1 || p.Upper80 != want+1 || p.Upper95 != want+2 {
			t.Errorf("series %d, last day: %+v, want %v with its bands on 2026-04-29", i, p, want)
		}
	}
}

func TestNews(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	var got news
	s.Get(t, "/dashboard/news/"+s.World.Cafe.ID.String()+"?to=2026-03-30", s.Login(t, s.World.Ada)).Decode(t, http.StatusOK, &got)
	wantPublished(t, s, got.published, "Europe/Berlin", "fresh")
	if len(got.Articles) != 20 || len(got.Days) != 4 {
		t.Fatalf("%d articles on %d days, want the 20 of the 4 days before March 30", len(got.Articles), len(got.Days))
	}
	first := got.Articles[0]
	if !first.SeenAt.Equal(time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)) || first.Score == nil || *first.Score > -0.1 {
		t.Errorf("first article %+v, want one of March 29 with its score", first)
	}
	if got.Days[0].Day != "2026-03-26" || got.Days[0].Articles != 5 {
		t.Errorf("first day %+v, want 5 articles on 2026-03-26", got.Days[0])
	}
}

func TestFreshness(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	path := "/dashboard/metrics/" + s.World.Cafe.ID.String()
	var got metrics
	s.Clock.Advance(s.World.AsOf.Add(26 * time.Hour).Sub(apitest.Now()))
	token := s.Login(t, s.World.Ada)
	s.Get(t, path, token).Decode(t, http.StatusOK, &got)
	wantPublished(t, s, got.published, "Europe/Berlin", "fresh")
	s.Clock.Advance(time.Second)
	s.Get(t, path, token).Decode(t, http.StatusOK, &got)
	wantPublished(t, s, got.published, "Europe/Berlin", "stale")
}

func wantPublished(t *testing.T, s *apitest.Service, p published, zone, freshness string) {
	t.Helper()
	if p.RunID != s.World.RunID.String() || p.AsOf == nil || !p.AsOf.Equal(s.World.AsOf) || p.PublishedAt == nil || p.TimeZone != zone || p.Freshness != freshness {
		t.Errorf("published %+v, want %s numbers of run %s as of %s in %s", p, freshness, s.World.RunID, s.World.AsOf, zone)
	}
}

// TestForeignAndAbsentAnswerAlike compares whole answers: nobody can find out by asking
// which businesses exist.
func TestForeignAndAbsentAnswerAlike(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	const absent = "0192f0c1-dead-7000-8000-00000000dead"
	for _, list := range []string{"metrics", "news", "forecasts"} {
		for _, reader := range []apitest.User{s.World.Bob, s.World.Nobody} {
			token := s.Login(t, reader)
			ask := func(id string) apitest.Answer {
				return s.Request(t, http.MethodGet, "/dashboard/"+list+"/"+id+"?limit=3", nil, "Authorization", "Bearer "+token, "X-Request-Id", "same")
			}
			foreign, missing := ask(s.World.Cafe.ID.String()), ask(absent)
			foreign.WantError(t, http.StatusNotFound, "NOT_FOUND")
			foreign.Header.Del("Date")
			missing.Header.Del("Date")
			if string(foreign.Body) != string(missing.Body) || fmt.Sprint(foreign.Header) != fmt.Sprint(missing.Header) {
				t.Errorf("%s for %s: foreign answers\n%v %s\nabsent\n%v %s", list, reader.Name, foreign.Header, foreign.Body, missing.Header, missing.Body)
			}
		}
	}
}

func TestCursorWalksAllRowsOnce(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	token, id := s.Login(t, s.World.Ada), s.World.Cafe.ID.String()
	walk := func(path string, page func(apitest.Answer) (keys []string, next *string)) []string {
		t.Helper()
		var all []string
		for cursor := ""; ; {
			keys, next := page(s.Get(t, path+"&cursor="+url.QueryEscape(cursor), token))
			all = append(all, keys...)
			if next == nil {
				return all
			}
			if len(keys) != 7 {
				t.Fatalf("%s: %d rows on a page that is not the last, want 7", path, len(keys))
			}
			cursor = *next
		}
	}
	wantWalk := func(what string, keys []string, count int) {
		t.Helper()
		seen := slices.Clone(keys)
		slices.Sort(seen)
		if len(keys) != count || len(slices.Compact(seen)) != count {
			t.Errorf("%s: %d rows, %d of them different; want each of %d once", what, len(keys), len(slices.Compact(seen)), count)
		}
	}
	points := walk("/dashboard/metrics/"+id+"?limit=7&from=2020-01-01&to=2026-04-01", func(a apitest.Answer) (keys []string, next *string) {
		var m metrics
		a.Decode(t, http.StatusOK, &m)
		for _, series := range m.Series {
			for _, p := range series.Points {
				keys = append(keys, series.KPI.ID+" "+p.Day)
			}
		}
		return keys, m.NextCursor
	})
	wantWalk("metrics", points, 2*apitest.MetricDays)
	if !slices.IsSorted(points) {
		t.Errorf("metrics are not ordered by KPI and day")
	}
	days := walk("/dashboard/forecasts/"+id+"?limit=7", func(a apitest.Answer) (keys []string, next *string) {
		var f forecasts
		a.Decode(t, http.StatusOK, &f)
		for _, series := range f.Series {
			for _, p := range series.Points {
				keys = append(keys, series.KPI.ID+" "+p.Day)
			}
		}
		return keys, f.NextCursor
	})
	wantWalk("forecasts", days, 2*apitest.ForecastDays)
	var pages int
	articles := walk("/dashboard/news/"+id+"?limit=7", func(a apitest.Answer) (keys []string, next *string) {
		var n news
		a.Decode(t, http.StatusOK, &n)
		if (len(n.Days) > 0) != (pages == 0) {
			t.Errorf("page %d of the news has %d days, want them on the first page only", pages, len(n.Days))
		}
		pages++
		for _, article := range n.Articles {
			keys = append(keys, article.URL)
		}
		return keys, n.NextCursor
	})
	wantWalk("news", articles, apitest.Articles)
}

func TestListInputIsChecked(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	token, id := s.Login(t, s.World.Ada), s.World.Cafe.ID.String()
	check := func(path, in, field string) {
		t.Helper()
		e := s.Get(t, path, token).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
		if d := e.Error.Details; d.Field != field || d.In != in || d.Issue == "" {
			t.Errorf("%s: %s.%s %q, want %s.%s with its issue", path, d.In, d.Field, d.Issue, in, field)
		}
	}
	check("/dashboard/metrics/7", "path", "id")
	for _, list := range []string{"metrics", "news", "forecasts"} {
		path := "/dashboard/" + list + "/" + id
		check(path+"?limit=0", "query", "limit")
		check(path+"?limit=5001", "query", "limit")
		check(path+"?limit=ten", "query", "limit")
		check(path+"?from=yesterday", "query", "from")
		check(path+"?from=2026-02-30", "query", "from")
		check(path+"?to=0000-01-01", "query", "from")
		check(path+"?from=2026-03-02&to=2026-03-02", "query", "from")
		check(path+"?from=1026-03-02", "query", "from")
		check(path+"?cursor=!", "query", "cursor")
		check(path+"?cursor=e30x", "query", "cursor")
		check(path+"?frm=2026-01-01", "query", "frm")
		check(path+"?cursor="+strings.Repeat("A", 5000), "query", "cursor")
	}
	check("/dashboard/metrics/"+id+"?kpi=revenue", "query", "kpi")
	check("/dashboard/news/"+id+"?cursor=eyJzIjoiMjAyNi0wMS0wMVQwMDowMDowMFoiLCJ1IjoiXHUwMDAwIn0", "query", "cursor")                            // a zero byte
	check("/dashboard/news/"+id+"?cursor=eyJrIjoiMDE5MmYwYzEtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAxIiwiZCI6IjIwMjYtMDEtMDEifQ", "query", "cursor") // of another list
}

func TestOneKPI(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	token, cafe := s.Login(t, s.World.Ada), s.World.Cafe
	var got metrics
	s.Get(t, "/dashboard/metrics/"+cafe.ID.String()+"?kpi="+cafe.KPIs[1].String(), token).Decode(t, http.StatusOK, &got)
	if len(got.Series) != 1 || got.Series[0].KPI.ID != cafe.KPIs[1].String() {
		t.Errorf("series %+v, want the second KPI only", got.Series)
	}
	// Another business's KPI is not there, like one that does not exist.
	s.Get(t, "/dashboard/metrics/"+cafe.ID.String()+"?kpi="+s.World.Hotel.KPIs[1].String(), token).Decode(t, http.StatusOK, &got)
	if len(got.Series) != 0 {
		t.Errorf("the cafe's owner reads the hotel's KPI: %+v", got.Series)
	}
}
