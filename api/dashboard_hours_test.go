package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signalcraft/signalcraft/api/apitest"
)

type hours struct {
	published
	Grain  string
	Series []struct {
		KPI       struct{ ID string }
		Currency  string
		Converted string `json:"converted_currency"`
		Points    []struct {
			Day              string
			StartsAt         string `json:"starts_at"`
			Value, Converted *float64
			Points, Days     int
			Complete         bool
		}
		Anomalies []struct {
			Day      string
			StartsAt string `json:"starts_at"`
		}
	}
	DailyKPIs []struct{ ID, Name, Unit string } `json:"daily_kpis"`
	Holidays  []struct{ Day, Name string }
}

// TestHours reads the week in which clocks go forward in Berlin: a day of 23 hours, without the one that is skipped.
func TestHours(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	token, cafe := s.Login(t, s.World.Vic), s.World.Cafe
	path := "/dashboard/metrics/" + cafe.ID.String() + "?grain=hour"
	var got hours
	s.Get(t, path+"&include=anomalies,holidays", token).Decode(t, http.StatusOK, &got)
	wantPublished(t, s, got.published, "Europe/Berlin", "fresh")
	if got.From != "2026-03-25" || got.To != "2026-04-01" || got.Grain != "hour" || got.NextCursor != nil || len(got.Series) != 1 {
		t.Fatalf("%s [%s, %s) with %d series, next %v; want hours of [2026-03-25, 2026-04-01) of one KPI", got.Grain, got.From, got.To, len(got.Series), got.NextCursor)
	}
	series := got.Series[0]
	if series.KPI.ID != cafe.KPIs[1].String() || series.Currency != "USD" || series.Converted != "EUR" || len(series.Points) != 6*24-1 {
		t.Fatalf("KPI %s in %s and %s with %d points; want %s in USD and EUR with those of six days less an hour", series.KPI.ID, series.Currency, series.Converted, len(series.Points), cafe.KPIs[1])
	}
	at := time.Date(2026, 3, 24, 23, 0, 0, 0, time.UTC) // midnight in Berlin
	for n, p := range series.Points {
		starts, err := time.Parse(time.RFC3339, p.StartsAt)
		want := float64(4*24 + n)
		if err != nil || !starts.Equal(at) || p.StartsAt[:10] != p.Day || p.Value == nil || *p.Value != want || *p.Converted != 2*want || p.Points != 2 || p.Days != 1 || !p.Complete {
			t.Fatalf("point %d: %+v, %v; want %v at %s", n, p, err, want, at)
		}
		at = at.Add(time.Hour)
	}
	var night []string
	for _, p := range series.Points {
		if p.Day == "2026-03-29" && p.StartsAt < "2026-03-29T05" {
			night = append(night, p.StartsAt)
		}
	}
	if want := []string{"2026-03-29T00:00:00+01:00", "2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00"}; !slices.Equal(night, want) {
		t.Errorf("the night of the change: %v, want %v", night, want)
	}
	if len(series.Anomalies) != 1 || series.Anomalies[0].StartsAt != "2026-03-29T09:00:00+02:00" || series.Anomalies[0].Day != "2026-03-29" {
		t.Errorf("anomalies %+v, want that of nine o'clock on March 29", series.Anomalies)
	}
	// The others are told apart from those that do not exist, whether they were asked for or not.
	if len(got.DailyKPIs) != 2 || got.DailyKPIs[0].ID != cafe.KPIs[0].String() || got.DailyKPIs[1].ID != cafe.KPIs[2].String() || got.DailyKPIs[0].Unit != "EUR" {
		t.Errorf("daily KPIs %+v, want the two that have no hours", got.DailyKPIs)
	}
	s.Get(t, path+"&kpi="+cafe.KPIs[0].String()+","+s.World.Hotel.KPIs[0].String(), token).Decode(t, http.StatusOK, &got)
	if len(got.Series) != 0 || len(got.DailyKPIs) != 1 || got.DailyKPIs[0].ID != cafe.KPIs[0].String() {
		t.Errorf("asked for a daily KPI: series %+v, daily KPIs %+v; want it named, and nothing of the hotel's", got.Series, got.DailyKPIs)
	}
	got = hours{}
	s.Get(t, "/dashboard/metrics/"+s.World.Hotel.ID.String()+"?grain=hour&limit=1", s.Login(t, s.World.Bob)).Decode(t, http.StatusOK, &got)
	if len(got.Series) != 1 || got.Series[0].Points[0].StartsAt != "2026-03-25T00:00:00+05:30" {
		t.Errorf("Kolkata: %+v, want hours that begin at half past in UTC", got.Series)
	}
}

// TestHoursThatAreRepeated publishes the night of 2025-10-26 with holes: 25 hours on an axis without gaps, in pages of any size.
func TestHoursThatAreRepeated(t *testing.T) {
	t.Parallel()
	s, owner := startChangeable(t, nil)
	token, cafe := s.Login(t, s.World.Ada), s.World.Cafe
	execute(t, owner, `update serving.publications set as_of = '2025-10-28T02:00:00Z'`)
	execute(t, owner, `delete from serving.kpi_hourly where business_id = $1`, cafe.ID)
	execute(t, owner, `insert into serving.kpi_hourly (business_id, kpi_id, starts_at, day, hour, value, points)
		select $1, k, at, (at at time zone 'Europe/Berlin')::date, extract(hour from at at time zone 'Europe/Berlin'), extract(hour from at at time zone 'UTC'), 1
		from generate_series('2025-10-25T22:00Z'::timestamptz, '2025-10-26T22:00Z', interval '1 hour') as at, unnest($2::uuid[]) as k
		where extract(hour from at at time zone 'UTC') not in (1, 7, 8)`, cafe.ID, []string{cafe.KPIs[0].String(), cafe.KPIs[1].String()})
	path := "/dashboard/metrics/" + cafe.ID.String() + "?grain=hour&from=2025-10-26&to=2025-10-27"
	read := func(limit int) (points []string) {
		for cursor := ""; ; {
			var page hours
			s.Get(t, path+"&limit="+strconv.Itoa(limit)+"&cursor="+url.QueryEscape(cursor), token).Decode(t, http.StatusOK, &page)
			count := 0
			for _, series := range page.Series {
				for _, p := range series.Points {
					value := "null"
					if p.Value != nil {
						value = fmt.Sprint(*p.Value)
					} else if p.Days != 0 || p.Points != 0 || p.Complete {
						t.Errorf("%s: a gap with %+v", p.StartsAt, p)
					}
					points = append(points, series.KPI.ID+" "+p.Day+" "+p.StartsAt+" "+value)
				}
				count += len(series.Points)
			}
			if (len(page.DailyKPIs) > 0) != (cursor == "") {
				t.Errorf("cursor %q: daily KPIs %v, want them on the first page only", cursor, page.DailyKPIs)
			}
			if page.NextCursor == nil {
				return points
			}
			if count != limit {
				t.Fatalf("%d points on a page that is not the last, want %d", count, limit)
			}
			cursor = *page.NextCursor
		}
	}
	whole := read(5000)
	if len(whole) != 50 {
		t.Fatalf("%d points, want 25 of each KPI", len(whole))
	}
	var got []string
	for _, p := range whole[:11] {
		got = append(got, strings.TrimPrefix(p, cafe.KPIs[0].String()+" 2025-10-26 2025-10-26T"))
	}
	want := []string{"00:00:00+02:00 22", "01:00:00+02:00 23", "02:00:00+02:00 0", "02:00:00+01:00 null", "03:00:00+01:00 2", "04:00:00+01:00 3", "05:00:00+01:00 4",
		"06:00:00+01:00 5", "07:00:00+01:00 6", "08:00:00+01:00 null", "09:00:00+01:00 null"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the morning (-want +got):\n%s", diff)
	}
	for limit := 1; limit <= 27; limit++ {
		if paged := read(limit); !slices.Equal(paged, whole) {
			t.Errorf("in pages of %d: another list (-whole +paged):\n%s", limit, cmp.Diff(whole, paged))
		}
	}
}

// TestHoursHaveLimits asks for more than there is, and for what hours have nothing of.
func TestHoursHaveLimits(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	token, id := s.Login(t, s.World.Ada), s.World.Cafe.ID.String()
	path := "/dashboard/metrics/" + id + "?grain=hour"
	refuse := func(query, field, issue string) {
		t.Helper()
		e := s.Get(t, path+query, token).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
		if e.Error.Details.Field != field || !strings.Contains(e.Error.Details.Issue, issue) {
			t.Errorf("%s: %s %q, want %s with %q", query, e.Error.Details.Field, e.Error.Details.Issue, field, issue)
		}
	}
	refuse("&from=2025-12-31&to=2026-01-02", "from", "hours are kept for 90 days: the first day that has any is 2026-01-01")
	refuse("&to=2026-01-01", "to", "hours are kept for 90 days: the first day that has any is 2026-01-01")
	refuse("&from=2026-02-01&to=2026-03-05", "from", "longer than 31 days")
	refuse("&from=2026-03-05&to=2026-03-05", "from", "empty")
	refuse("&include=forecast", "include", "only days have forecasts")
	refuse("&include=anomalies,forecast", "include", "only days have forecasts")
	var day, hour hours
	s.Get(t, "/dashboard/metrics/"+id+"?limit=1", token).Decode(t, http.StatusOK, &day)
	s.Get(t, path+"&limit=1", token).Decode(t, http.StatusOK, &hour)
	refuse("&cursor="+*day.NextCursor, "cursor", "not a cursor of this list")
	e := s.Get(t, "/dashboard/metrics/"+id+"?cursor="+*hour.NextCursor, token).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	if e.Error.Details.Field != "cursor" {
		t.Errorf("a cursor of hours for days: %s, want cursor", e.Error.Details.Field)
	}
	for query, from := range map[string]string{"&from=2026-03-01": "2026-03-01", "&to=2026-01-03": "2026-01-01", "&from=2026-01-01&to=2026-02-01": "2026-01-01"} {
		var got hours
		s.Get(t, path+query, token).Decode(t, http.StatusOK, &got)
		if got.From != from {
			t.Errorf("%s: from %s, want %s", query, got.From, from)
		}
	}
}
