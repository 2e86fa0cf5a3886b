package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/pipelines/demo"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
	"github.com/signalcraft/signalcraft/pipelines/replay"
	"github.com/signalcraft/signalcraft/testdata"
)

// shownAnomaly is what a test reads of an anomaly on the dashboard.
type shownAnomaly struct {
	KPI       struct{ ID, Name string }
	Day, Kind string
	Severity  string
	Ongoing   bool
	Score     float64
	Context   []struct {
		Kind, Subject, Text string
		Strength            float64
	}
}

func (a shownAnomaly) String() string { return a.KPI.Name + " " + a.Day + " " + a.Kind }

// anomalies reads from the dashboard the anomalies of a business's days since 2024.
func (s *sender) anomalies(t *testing.T, business string) []shownAnomaly {
	t.Helper()
	var all []shownAnomaly
	for cursor := ""; ; {
		var page struct {
			Anomalies  []shownAnomaly
			NextCursor *string `json:"next_cursor"`
		}
		s.call(t, http.MethodGet, "/dashboard/anomalies/"+business+"?grain=day&from=2024-01-01&to=2026-11-01&limit=1000&include=context&cursor="+cursor, "", nil, 200, &page)
		all = append(all, page.Anomalies...)
		if page.NextCursor == nil {
			return all
		}
		cursor = *page.NextCursor
	}
}

// told keeps what people are told of: first days.
func told(all []shownAnomaly, keep func(shownAnomaly) bool) []string {
	var found []string
	for _, a := range all {
		if !a.Ongoing && keep(a) {
			found = append(found, a.String())
		}
	}
	return found
}

// oddDays are the days on which the café's KPIs do what the test looks for.
const (
	terraceFell = "2026-09-16"
	levelMoved  = "2026-06-01"
)

// landCafe adds KPIs of three years: a total and its two parts, one that falls on every public holiday, and one that moves to another level.
func (s *sender) landCafe(t *testing.T) {
	t.Helper()
	random := rand.New(rand.NewPCG(11, 7))
	start, end := demo.History()
	holidays := frenchHolidays()
	lines := []string{"day,kpi,value"}
	for day := start; day.Before(end); day = day.AddDate(0, 0, 1) {
		noisy := func(level float64) float64 {
			week := []float64{1, 0.8, 0.85, 0.9, 1, 1.2, 1.3}[day.Weekday()]
			return level * week * (1 + 0.05*random.NormFloat64())
		}
		bar, terrace, closing, moving := noisy(400), noisy(200), noisy(300), noisy(250)
		name := day.Format(time.DateOnly)
		if name == terraceFell {
			terrace *= 0.04
		}
		if holidays[name[len("2006-"):]] {
			closing *= 0.1
		}
		if name >= levelMoved {
			moving *= 1.4
		}
		for of, value := range map[string]float64{"bar": bar, "terrace": terrace, "total": bar + terrace, "closing": closing, "moving": moving} {
			lines = append(lines, fmt.Sprintf("%s,%s,%.0f", name, of, value))
		}
	}
	slices.Sort(lines[1:])
	sc := &scenario{installation: s.installation}
	sc.put(t, "cafe.csv", lines...)
	total := id("total")
	sc.file(t, id("cafe"), "cafe.csv", kpi.Spec{Time: []string{"day"}, Zone: "Europe/Paris", Value: "value", Key: []string{"kpi"}},
		store.KPI{Name: "total", Grain: "day"}, store.KPI{Name: "bar", Grain: "day", PartOf: &total}, store.KPI{Name: "terrace", Grain: "day", PartOf: &total},
		store.KPI{Name: "closing", Grain: "day"}, store.KPI{Name: "moving", Grain: "day"})
}

// frenchHolidays are those that fall on the same day of each year.
func frenchHolidays() map[string]bool {
	return map[string]bool{"01-01": true, "05-01": true, "05-08": true, "07-14": true, "08-15": true, "11-01": true, "11-11": true, "12-25": true}
}

// TestAnomaliesFromFilesToDashboard takes the demonstration and a café of its own from files through lake and Postgres to what people see.
func TestAnomaliesFromFilesToDashboard(t *testing.T) {
	s := newSender(t, false)
	if err := s.setUpDemo(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.landCafe(t)
	nightly := s.demoNightly(t)
	nightly()
	all := s.anomalies(t, s.business)

	t.Run("the demonstration's events are found, each of its kind", func(t *testing.T) { s.wantDemoEvents(t) })
	t.Run("a total names the part that moved it", func(t *testing.T) {
		at := slices.IndexFunc(all, func(a shownAnomaly) bool { return a.KPI.Name == "total" && a.Day == terraceFell })
		if at < 0 {
			t.Fatalf("the fall of the total is not among %v", told(all, func(a shownAnomaly) bool { return a.KPI.Name == "total" }))
		}
		a := all[at]
		if a.Kind != "dip" || a.Ongoing || len(a.Context) == 0 || a.Context[0].Kind != "part" || a.Context[0].Subject != id("terrace").String() ||
			a.Context[0].Strength < 0.8 || !strings.HasPrefix(a.Context[0].Text, "terrace: ") {
			t.Errorf("the total's fall is %+v, want a dip with the terrace first", a)
		}
		if slices.ContainsFunc(a.Context, func(c struct {
			Kind, Subject, Text string
			Strength            float64
		}) bool {
			return c.Subject == id("bar").String()
		}) {
			t.Errorf("the bar, which did nothing, is named: %+v", a.Context)
		}
	})
	t.Run("a holiday is quiet", func(t *testing.T) {
		loud := told(all, func(a shownAnomaly) bool {
			return a.KPI.Name == "closing" && a.Day >= "2025-11-01" && frenchHolidays()[a.Day[len("2006-"):]]
		})
		if len(loud) > 0 {
			t.Errorf("holidays of the third year are told: %v", loud)
		}
	})
	t.Run("half an alarm a month at most", func(t *testing.T) {
		// Of five KPIs in 34 months 85 are expected. They are not independent, one being the total of others: hence the room up to 110.
		sum := 0
		for _, name := range []string{"total", "bar", "terrace", "closing", "moving"} {
			found := told(all, func(a shownAnomaly) bool { return a.KPI.Name == name })
			if sum += len(found); len(found) > 34 {
				t.Errorf("%d alarms of %s in 34 months: %v", len(found), name, found)
			}
		}
		if sum > 110 {
			t.Errorf("%d alarms of five KPIs in 34 months, want at most 110", sum)
		}
	})
	t.Run("a change point and trends", func(t *testing.T) { s.wantTrends(t) })
	t.Run("an incident silences its days at the next run", func(t *testing.T) {
		s.call(t, http.MethodPost, "/businesses/"+s.business+"/calendar", "application/json",
			strings.NewReader(`{"kind":"incident","name":"Storm","kpi_id":"`+id("total").String()+`","first_day":"`+terraceFell+`","last_day":"`+terraceFell+`"}`), 201, nil)
		nightly()
		after := s.anomalies(t, s.business)
		near := func(name string) func(shownAnomaly) bool {
			return func(a shownAnomaly) bool { return a.KPI.Name == name && a.Day >= terraceFell && a.Day <= "2026-09-17" }
		}
		if slices.ContainsFunc(after, near("total")) {
			t.Errorf("the incident's days are still listed: %v", after[slices.IndexFunc(after, near("total"))])
		}
		if !slices.ContainsFunc(after, near("terrace")) {
			t.Error("an incident of the total silences its part")
		}
	})
}

// demoNightly returns what runs the nightly batch as of the demonstration's instant.
func (s *sender) demoNightly(t *testing.T) func() {
	t.Helper()
	handler, err := replay.Open(testdata.Upstream())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return func() {
		t.Helper()
		b, err := s.newBatch(impatient(t, s.settings, server.URL))
		if err != nil {
			t.Fatal(err)
		}
		if err := b.byHand(t.Context(), "nightly", demo.AsOf(), newReport(io.Discard, s.now)); err != nil {
			t.Fatal(err)
		}
	}
}

// wantDemoEvents looks for the events that the demonstration's KPIs were given.
func (s *sender) wantDemoEvents(t *testing.T) {
	t.Helper()
	found := map[string][]string{}
	for _, b := range demo.Businesses() {
		rows, err := s.pool.Query(t.Context(), `select k.name || ' ' || n.day || ' ' || n.kind from serving.kpi_anomalies n join kpis k on k.id = n.kpi_id where n.business_id = $1 and n.grain = 'day'`, b.Row.BusinessID)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			found[b.Row.Name] = append(found[b.Row.Name], line)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	for business, lines := range map[string][]string{
		"Café Lumière":   {"revenue 2025-06-21 spike", "revenue 2026-02-10 dip", "pastries_sold 2024-08-05 missing"},
		"Harbour & Pine": {"revenue 2024-11-29 spike", "revenue 2025-11-28 spike", "revenue 2026-07-14 dip"},
		"Lakeside Grand": {"room_revenue 2025-01-27 dip", "room_revenue 2026-06-12 spike"},
	} {
		for _, want := range lines {
			if !slices.Contains(found[business], want) {
				t.Errorf("%s: %s is not among %v", business, want, found[business])
			}
		}
	}
}

// wantTrends reads the trends of the café's KPIs.
func (s *sender) wantTrends(t *testing.T) {
	t.Helper()
	var trends struct {
		Series []struct {
			KPI          struct{ Name string }
			Statement    *struct{ Direction string }
			ChangePoints []struct {
				Day, Kind        string
				Size, Confidence float64
			} `json:"change_points"`
		}
	}
	s.call(t, http.MethodGet, "/dashboard/trends/"+s.business+"?from=2026-01-01&to=2026-11-01&limit=5000", "", nil, 200, &trends)
	moved := false
	for _, series := range trends.Series {
		if series.Statement == nil || series.Statement.Direction == "unknown" {
			t.Errorf("%s: statement %+v, want one", series.KPI.Name, series.Statement)
		}
		for _, c := range series.ChangePoints {
			day, err := time.Parse(time.DateOnly, c.Day)
			if err != nil {
				t.Fatal(err)
			}
			wanted, _ := time.Parse(time.DateOnly, levelMoved)
			if series.KPI.Name == "moving" && day.Sub(wanted).Abs() <= 72*time.Hour && c.Kind == "level_shift" && c.Size > 50 && c.Confidence > 0.99 {
				moved = true
			}
		}
	}
	if !moved || len(trends.Series) != 5 {
		t.Errorf("trends %+v, want five with the move of %s", trends.Series, levelMoved)
	}
}
