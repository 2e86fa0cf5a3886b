package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/pipelines/demo"
	"github.com/signalcraft/signalcraft/pipelines/fetch"
)

// marketFactor is how many times its usual revenue the café has on the first Saturday of a month.
const marketFactor = 1.6

// demonstration is the demonstration's installation with its service, whose café has market days.
type demonstration struct {
	*sender
	upstreams []fetch.Upstream
}

func newDemonstration(t *testing.T) *demonstration {
	t.Helper()
	settings := testSettings(t.TempDir())
	settings.DatabaseURL = storetest.New(t).URL("")
	i := opened(t, settings)
	if err := i.setUpDemo(t.Context()); err != nil {
		t.Fatal(err)
	}
	upstreams, stop, err := settings.replayed()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	d := &demonstration{upstreams: upstreams}
	d.sender = serveFor(t, i, demo.Email, demo.Password, demo.Businesses()[0].Row.BusinessID, false)
	return d
}

// marketDay reports whether a day is the first Saturday of its month.
func marketDay(day time.Time) bool { return day.Weekday() == time.Saturday && day.Day() <= 7 }

// night runs a job as of 18 hours UTC on the day end, which the café's file has not any more: nightly, or bench, which is that without the
// upstreams, whose answers are recorded for one night only.
func (d *demonstration) night(t *testing.T, job string, end time.Time) {
	t.Helper()
	cafe := demo.Businesses()[0]
	var file bytes.Buffer
	for line := range strings.Lines(string(cafe.CSV("day", end))) {
		cells := strings.Split(strings.TrimSpace(line), ",")
		day, err := time.Parse(time.DateOnly, cells[0])
		value, notNumber := strconv.ParseFloat(cells[2], 64)
		if err == nil && notNumber == nil && cells[1] == "revenue" && marketDay(day) {
			line = fmt.Sprintf("%s,revenue,%.2f\n", cells[0], marketFactor*value)
		}
		file.WriteString(line)
	}
	if err := d.writeInbox("Lyon-day.csv", file.Bytes()); err != nil {
		t.Fatal(err)
	}
	b, err := d.newBatch(d.upstreams)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.execute(t.Context(), job, end.Add(18*time.Hour), newReport(io.Discard, d.now)); err != nil {
		t.Fatal(err)
	}
}

// shownForecast is one series of the dashboard's forecasts.
type shownForecast struct {
	KPI     struct{ ID, Name string }
	Vintage string
	Points  []struct {
		Day        string
		Mean       float64
		Components *struct {
			Trend, Seasonal, Calendar, Measured float64
			LongSeasonal                        float64 `json:"long_seasonal"`
		}
	}
	Explanation *struct {
		Days, Missing int
		MASE          *float64
		BaselineMASE  *float64 `json:"baseline_mase"`
		Members       []struct{ Method string }
		Effects       []struct {
			Name        string
			Coefficient float64
		}
	}
	Accuracy []struct {
		HorizonFrom int `json:"horizon_from"`
		Days        int
		MAE         *float64
		MASE        *float64
		Relative    *float64 `json:"relative_to_naive"`
	}
}

func (d *demonstration) forecasts(t *testing.T) []shownForecast {
	t.Helper()
	var answer struct{ Series []shownForecast }
	d.call(t, http.MethodGet, "/dashboard/forecasts/"+d.business+"?include=components,explanation,accuracy", "", nil, 200, &answer)
	return answer.Series
}

func (d *demonstration) revenue(t *testing.T) shownForecast {
	t.Helper()
	series := d.forecasts(t)
	at := slices.IndexFunc(series, func(s shownForecast) bool { return s.KPI.Name == "revenue" })
	if at < 0 {
		t.Fatalf("no forecast of revenue among %d", len(series))
	}
	return series[at]
}

// say adds an entry to the café's calendar.
func (d *demonstration) say(t *testing.T, kind, kpi, name string, first, last time.Time) {
	t.Helper()
	body := fmt.Sprintf(`{"kind":%q,"kpi_id":%q,"name":%q,"first_day":%q,"last_day":%q}`, kind, kpi, name, first.Format(time.DateOnly), last.Format(time.DateOnly))
	d.call(t, http.MethodPost, "/businesses/"+d.business+"/calendar", "application/json", strings.NewReader(body), 201, nil)
}

// TestForecastsFromFileToDashboard takes the demonstration through two nights: what forecasts are made of and why is in the dashboard, what a
// business says of its days shows in the next run's forecasts, and the day that came is held against the forecast of the day before.
func TestForecastsFromFileToDashboard(t *testing.T) {
	d := newDemonstration(t)
	start, end := demo.History()
	d.night(t, "nightly", end)
	for _, s := range d.forecasts(t) {
		if len(s.Points) != 30 || s.Explanation == nil || s.Explanation.Days == 0 || len(s.Explanation.Members) == 0 || len(s.Accuracy) != 0 {
			t.Fatalf("%s: %d days, explained by %+v, accuracy %+v; nothing came yet", s.KPI.Name, len(s.Points), s.Explanation, s.Accuracy)
		}
		for _, p := range s.Points {
			c := p.Components
			if c == nil {
				t.Fatalf("%s: %s has no components", s.KPI.Name, p.Day)
			}
			if sum := c.Trend + c.Seasonal + c.LongSeasonal + c.Calendar + c.Measured; p.Mean > 0 && math.Abs(sum-p.Mean) > 1e-9*math.Abs(p.Mean) {
				t.Errorf("%s: the parts of %s sum to %g, its mean is %g", s.KPI.Name, p.Day, sum, p.Mean)
			}
		}
	}
	before := d.revenue(t)
	if before.Vintage != "2026-10-31" || before.Explanation.Missing != 0 {
		t.Errorf("vintage %s with %d days missing, want that of the first night with none", before.Vintage, before.Explanation.Missing)
	}

	for day := start; day.Before(end.AddDate(0, 0, 30)); day = day.AddDate(0, 0, 1) {
		if marketDay(day) {
			d.say(t, "event", before.KPI.ID, "Market day", day, day)
		}
	}
	burst := time.Date(2026, 2, 10, 0, 0, 0, 0, time.UTC) // three days without water in the demonstration's data
	d.say(t, "incident", before.KPI.ID, "Burst pipe", burst, burst.AddDate(0, 0, 2))
	d.night(t, "bench", end.AddDate(0, 0, 1))

	after := d.revenue(t)
	if after.Vintage != "2026-11-01" || after.Explanation.Missing != 3 {
		t.Errorf("vintage %s with %d days missing, want that of the second night without the three days of the incident", after.Vintage, after.Explanation.Missing)
	}
	effect := 0.0
	for _, e := range after.Explanation.Effects {
		if e.Name == "event: Market day" {
			effect = e.Coefficient
		}
	}
	if usual := (marketFactor - 1) * 2800; math.Abs(effect-usual) > usual/2 {
		t.Errorf("a market day adds %g, want about %g; effects are %+v", effect, usual, after.Explanation.Effects)
	}
	for _, p := range after.Points {
		day, err := time.Parse(time.DateOnly, p.Day)
		if err != nil {
			t.Fatal(err)
		}
		if marketDay(day) != (p.Components.Calendar > effect/2) {
			t.Errorf("%s: the calendar adds %g of %g; a market day: %t", p.Day, p.Components.Calendar, p.Mean, marketDay(day))
		}
	}
	if len(after.Accuracy) != 1 || after.Accuracy[0].HorizonFrom != 1 || after.Accuracy[0].Days != 1 || after.Accuracy[0].MASE == nil || *after.Accuracy[0].MAE <= 0 || after.Accuracy[0].Relative == nil {
		t.Errorf("accuracy %+v, want that of the one day that came", after.Accuracy)
	}
}
