package run_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/sql/models"
	"github.com/signalcraft/signalcraft/warehouse/run"
)

// town is a lake of five businesses around the world, of one KPI each, that can be built again from what was landed.
type town struct {
	*bench
	landings []func(*town)
}

var zones = [...]string{"Europe/Paris", "Asia/Tokyo", "America/New_York", "UTC", "Europe/Paris"}

func openTown(t *testing.T, asOf time.Time, landings []func(*town)) *town {
	t.Helper()
	w := &town{bench: setup(t)}
	w.asOf, w.nodes = asOf, run.Nodes()
	var businesses []dataset.BusinessRow
	var kpis []dataset.KPIRow
	for k, zone := range zones {
		id := fmt.Sprintf("b%d", k)
		businesses = append(businesses, dataset.BusinessRow{BusinessID: id, Name: id, TimeZone: zone, Currency: "EUR", Country: "FR", Place: "Paris"})
		kpis = append(kpis, dataset.KPIRow{BusinessID: id, KPIID: "k", SourceID: "s", Name: "guests", Unit: "guests", Aggregation: "sum", Grain: "day", NonNegative: true})
	}
	commit(t, w.lake, dataset.Businesses(), "1", businesses)
	commit(t, w.lake, dataset.KPIs(), "1", kpis)
	for _, land := range landings {
		w.take(land)
	}
	return w
}

func (w *town) take(land func(*town)) {
	w.landings = append(w.landings, land)
	land(w)
}

// points lands the values of a business's days, counted from 1 June 2024, from first to last.
func points(business, first, last int, landed time.Time, value func(day int) float64) func(*town) {
	return func(w *town) {
		zone, err := time.LoadLocation(zones[business])
		if err != nil {
			w.t.Fatal(err)
		}
		var rows []dataset.KPIPointRow
		for d := first; d <= last; d++ {
			at := time.Date(2024, 6, 1+d, 0, 0, 0, 0, zone)
			rows = append(rows, dataset.KPIPointRow{BusinessID: fmt.Sprintf("b%d", business), KPIID: "k", At: at.UTC(), Value: value(d), SourceID: "s", LandedAt: landed})
		}
		commit(w.t, w.lake, dataset.KPIPoints(), fmt.Sprint(len(w.landings)), rows)
	}
}

// entry lands what one business says of a day.
func entry(business, day int) func(*town) {
	return func(w *town) {
		id := fmt.Sprintf("b%d", business)
		row := dataset.CalendarEntryRow{BusinessID: id, EntryID: fmt.Sprint(len(w.landings)), Kind: "incident", Name: "flood",
			FirstDay: dataset.ToDays(time.Date(2024, 6, 1+day, 0, 0, 0, 0, time.UTC)), LastDay: dataset.ToDays(time.Date(2024, 6, 1+day, 0, 0, 0, 0, time.UTC))}
		commit(w.t, w.lake, dataset.CalendarEntries(), fmt.Sprint(len(w.landings)), []dataset.CalendarEntryRow{row})
	}
}

// byBusiness are the relations that are made for the businesses that changed.
var byBusiness = []string{"marts.kpi_forecasts", "marts.kpi_trend_statements", "marts.kpi_anomaly_scores"}

func (w *town) make() run.Report {
	w.t.Helper()
	config := w.config()
	config.Models = models.Files()
	r, err := run.New(config)
	if err != nil {
		w.t.Fatal(err)
	}
	request := w.request()
	request.Only = byBusiness
	report, err := r.Run(w.t.Context(), request)
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

// wantRebuilt compares all rows with those that a lake has which was built at once from all that landed.
func (w *town) wantRebuilt(what string) {
	w.t.Helper()
	other := openTown(w.t, w.asOf, w.landings)
	other.make()
	for _, relation := range byBusiness {
		if diff := cmp.Diff(other.rows(relation), w.rows(relation)); diff != "" {
			w.t.Errorf("%s: %s differs from what a rebuild gives (-rebuilt +by business):\n%s", what, relation, diff)
		}
	}
}

// What is made for the businesses that changed, beside what stays of the others, is what making all of it again gives.
func TestOnlyChangedBusinessesAreMadeAgain(t *testing.T) {
	start := time.Date(2024, 6, 1, 2, 0, 0, 0, time.UTC)
	var first []func(*town)
	for k := range zones {
		first = append(first, points(k, -130, 0, start, func(d int) float64 { return math.Round(100 + 9*math.Sin(float64(d*(k+2))) + float64(10*(d%7))) }))
	}
	w := openTown(t, start, first)
	report := w.make()
	check := func(what string, want int) {
		t.Helper()
		for _, relation := range byBusiness {
			if step, _ := report.Step(relation); step.Businesses != want || step.Skipped != "" {
				t.Errorf("%s: %s was made for %d businesses (%s), want %d", what, relation, step.Businesses, step.Skipped, want)
			}
		}
	}
	check("first run", 0)

	w.asOf = w.asOf.Add(30 * time.Minute)
	w.take(points(2, -40, -38, w.asOf, func(int) float64 { return 500 }))
	report = w.make()
	check("a correction", 1)
	w.wantRebuilt("a correction")
	if step, _ := report.Step("marts.kpi_forecasts"); step.RowsOut != 30 {
		t.Errorf("%d rows of forecasts were made, want those of one KPI", step.RowsOut)
	}

	w.asOf = w.asOf.Add(15 * time.Minute)
	w.take(entry(0, -3))
	report = w.make()
	check("an incident", 1)
	w.wantRebuilt("an incident")

	// At 16:00 UTC 1 June is over in Tokyo, where nothing came; the day before has settled in New York.
	w.asOf = start.Add(15 * time.Hour)
	w.take(points(3, -1, -1, w.asOf, func(int) float64 { return 7 }))
	w.make()
	w.wantRebuilt("a day that ended elsewhere")

	w.asOf = start.Add(20 * time.Hour)
	for k := range 4 {
		w.take(points(k, 0, 0, w.asOf, func(int) float64 { return 90 }))
	}
	report = w.make()
	check("most businesses", 0)
	w.wantRebuilt("most businesses")

	w.asOf = start.AddDate(0, 0, 1)
	report = w.make()
	if step, _ := report.Step("marts.kpi_forecasts"); step.Businesses != 0 || step.RowsOut != 150 {
		t.Errorf("a new day: forecasts of %d businesses, %d rows, want all", step.Businesses, step.RowsOut)
	}
}
