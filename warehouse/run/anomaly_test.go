package run_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/sql/models"
	"github.com/signalcraft/signalcraft/warehouse/run"
)

// watched is a lake of one café whose KPIs a test shapes by day.
type watched struct {
	*bench
	landings int
}

func watch(t *testing.T) *watched {
	t.Helper()
	w := &watched{bench: setup(t)}
	w.models, w.nodes = nil, run.Nodes()
	commit(t, w.lake, dataset.Businesses(), "1", []dataset.BusinessRow{{BusinessID: "b", Name: "Cafe", TimeZone: "Europe/Paris", Currency: "EUR", Country: "FR", Place: "Paris"}})
	return w
}

// shaped is the ordinary value of a day: a level, a week and noise that no day repeats.
func shaped(d int) float64 {
	return math.Round(200 + 40*math.Sin(2*math.Pi*float64(d)/7) + 4*float64((d*7919)%13-6))
}

// land lands the days from first to last (exclusive, counted to the as-of day, which is 0) of a KPI; a NaN is no point.
func (w *watched) land(kpi string, first, last int, value func(d int) float64) {
	w.t.Helper()
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		w.t.Fatal(err)
	}
	var points []dataset.KPIPointRow
	for d := first; d < last; d++ {
		day := w.asOf.AddDate(0, 0, d)
		if v := value(d); !math.IsNaN(v) {
			points = append(points, dataset.KPIPointRow{BusinessID: "b", KPIID: kpi, At: time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, paris).UTC(), Value: v, SourceID: "s", LandedAt: w.asOf})
		}
	}
	w.landings++
	commit(w.t, w.lake, dataset.KPIPoints(), fmt.Sprint(w.landings), points)
}

func (w *watched) describe(kpis ...dataset.KPIRow) {
	w.t.Helper()
	for i := range kpis {
		kpis[i].BusinessID, kpis[i].SourceID, kpis[i].Aggregation, kpis[i].Grain = "b", "s", "sum", "day"
	}
	w.landings++
	commit(w.t, w.lake, dataset.KPIs(), fmt.Sprint(w.landings), kpis)
}

// judge runs the models up to the anomalies.
func (w *watched) judge() run.Report {
	w.t.Helper()
	config := w.config()
	config.Models = models.Files()
	r, err := run.New(config)
	if err != nil {
		w.t.Fatal(err)
	}
	request := w.request()
	request.Only = []string{"anomalies.kpi_anomalies"}
	report, err := r.Run(w.t.Context(), request)
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

// anomalies returns "kpi day kind" of what is listed, days as distances from the as-of day, with a + when it goes on.
func (w *watched) anomalies() []string {
	w.t.Helper()
	var found []string
	for _, line := range w.rows("anomalies.kpi_anomalies") {
		c := strings.Fields(line)
		day, err := time.Parse(time.DateOnly, c[columnOf(w.t, c, w.asOf)])
		if err != nil {
			w.t.Fatal(err)
		}
		text := fmt.Sprintf("%s %d", c[1], int(day.Sub(dataset.Day.Truncate(w.asOf)).Hours()/24))
		for _, kind := range []string{"spike", "dip", "missing", "level_shift", "flat_line", "volatility"} {
			if slices.Contains(c, kind) {
				text += " " + kind
			}
		}
		if slices.Contains(c, "true") {
			text += " +"
		}
		found = append(found, text)
	}
	slices.Sort(found)
	return found
}

// columnOf finds the local day: the second cell that is a date or an instant, which may be written in two words.
func columnOf(t *testing.T, cells []string, _ time.Time) int {
	t.Helper()
	for i := 4; i < len(cells); i++ {
		if _, err := time.Parse(time.DateOnly, cells[i]); err == nil {
			return i
		}
	}
	t.Fatalf("no day in %v", cells)
	return 0
}

// from keeps the anomalies of the last days and of one KPI.
func from(found []string, kpi string, first int) []string {
	return slices.DeleteFunc(slices.Clone(found), func(line string) bool {
		var name string
		var day int
		fmt.Sscan(line, &name, &day)
		return name != kpi || day < first
	})
}

func TestAnomaliesAreFoundToldAndSilenced(t *testing.T) {
	w := watch(t)
	least := 10_000.0
	w.describe(dataset.KPIRow{KPIID: "sales"}, dataset.KPIRow{KPIID: "quiet"}, dataset.KPIRow{KPIID: "silent"}, dataset.KPIRow{KPIID: "unmoved", LeastDeviation: &least})
	w.land("sales", -400, 0, func(d int) float64 {
		switch d {
		case -100:
			return 900
		case -50, -49:
			return 5
		}
		return shaped(d)
	})
	w.land("quiet", -400, 0, shaped)
	w.land("silent", -400, -5, shaped)
	w.land("unmoved", -400, 0, func(d int) float64 {
		if d == -30 {
			return 900
		}
		return shaped(d)
	})
	w.judge()
	got := w.anomalies()
	for kpi, want := range map[string]string{"sales": "-100 spike", "silent": "-5 missing"} {
		if !slices.Contains(got, kpi+" "+want) {
			t.Errorf("anomalies of %s are %v, want %s among them", kpi, from(got, kpi, -400), want)
		}
	}
	if dips := from(got, "sales", -60); !slices.Contains(dips, "sales -50 dip") {
		t.Errorf("late anomalies of sales are %v, want the dip of day -50", dips)
	}
	if found := len(from(got, "quiet", -400)); found > 7 { // half an alarm a month
		t.Errorf("%d anomalies of a KPI without any: %v", found, from(got, "quiet", -400))
	}
	if found := from(got, "unmoved", -31); slices.Contains(found, "unmoved -30 spike") {
		t.Errorf("a distance that the business does not care for is told: %v", found)
	}

	// An incident declared silences its days at the next run, and those of no other KPI.
	sales := "sales"
	commit(t, w.lake, dataset.CalendarEntries(), "1", []dataset.CalendarEntryRow{{BusinessID: "b", EntryID: "e", KPIID: &sales, Kind: "incident", Name: "Till broken",
		FirstDay: dataset.ToDays(w.asOf) - 50, LastDay: dataset.ToDays(w.asOf) - 49}})
	w.judge()
	after := w.anomalies()
	for _, line := range from(after, "sales", -51) {
		if strings.HasPrefix(line, "sales -50") || strings.HasPrefix(line, "sales -49") || strings.HasPrefix(line, "sales -48") {
			t.Errorf("a day of an incident, or the one after, is listed: %s", line)
		}
	}
	if diff := cmp.Diff(from(got, "silent", -400), from(after, "silent", -400)); diff != "" {
		t.Errorf("another KPI's anomalies changed with the incident:\n%s", diff)
	}
}

// A day's rows are the same whether months come one by one or all at once, and whatever came after.
func TestJudgedDaysDoNotDependOnTheRun(t *testing.T) {
	landed := func(w *watched, first, last int) {
		w.land("sales", first, last, func(d int) float64 {
			if d%61 == 0 {
				return 3 * shaped(d)
			}
			return shaped(d)
		})
	}
	whole := watch(t)
	whole.describe(dataset.KPIRow{KPIID: "sales"})
	landed(whole, -300, 0)
	whole.judge()

	steps := watch(t)
	steps.describe(dataset.KPIRow{KPIID: "sales"})
	end := steps.asOf
	for day := -300; day < 0; day += 50 {
		steps.asOf = end
		landed(steps, day, day+50)
		steps.asOf = end.AddDate(0, 0, day+50)
		report := steps.judge()
		if step, _ := report.Step("marts.kpi_anomaly_scores"); day > -300 && len(step.Windows) > 4 {
			t.Errorf("fifty new days had %d months judged", len(step.Windows))
		}
	}
	for _, table := range []string{"marts.kpi_anomaly_scores", "anomalies.kpi_anomalies"} {
		if diff := cmp.Diff(whole.rows(table), steps.rows(table)); diff != "" || len(whole.rows(table)) == 0 {
			t.Errorf("%s (-at once +in steps):\n%s", table, diff)
		}
	}
	if report := steps.judge(); len(report.Steps) > 0 {
		for _, step := range report.Steps {
			if step.Skipped != run.UpToDate {
				t.Errorf("run again: %s computed %v", step.Name, step.Windows)
			}
		}
	}
}

// A source that goes silent is missed by the calendar alone: nothing lands, the day moves.
func TestSilenceIsFoundWithoutNewData(t *testing.T) {
	w := watch(t)
	w.describe(dataset.KPIRow{KPIID: "sales"})
	w.land("sales", -200, 0, shaped)
	w.judge()
	if found := from(w.anomalies(), "sales", -1); len(found) > 0 {
		t.Fatalf("before the silence %v is listed", found)
	}
	w.asOf = w.asOf.AddDate(0, 0, 3)
	report := w.judge()
	if step, _ := report.Step("marts.kpi_anomaly_scores"); len(step.Windows) != 2 { // the days since lie in two months
		t.Errorf("months judged again are %v, want those of the days since", step.Windows)
	}
	if found := from(w.anomalies(), "sales", -3); !slices.Contains(found, "sales -3 missing") {
		t.Errorf("after three silent days %v is listed, want the first of them as missing", found)
	}
	w.asOf = w.asOf.AddDate(0, 2, 0)
	w.judge()
	if found := from(w.anomalies(), "sales", -80); len(found) > 14 {
		t.Errorf("a KPI that ended is missed on %d days", len(found))
	}
}
