package run_test

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/sql/models"
	"github.com/signalcraft/signalcraft/warehouse"
	"github.com/signalcraft/signalcraft/warehouse/run"
)

// cafe is a lake with one business and one KPI of 500 days, whose value is 100, 50 more at weekends, 30 more at each fair, 25 less on
// holidays, 2 more for each degree, and nonsense in an incident.
type cafe struct {
	*bench
	first time.Time
	days  int
}

const (
	fairEvery    = 40 // days
	incidentFrom = 300
	incidentDays = 5
)

func openCafe(t *testing.T) *cafe {
	c := &cafe{bench: setup(t), first: time.Date(2023, 1, 18, 0, 0, 0, 0, time.UTC), days: 500}
	c.asOf = c.first.AddDate(0, 0, c.days).Add(2 * time.Hour)
	location, lowest, highest, whole := "48.8566,2.3522", 0.0, 400.0, true
	commit(t, c.lake, dataset.Businesses(), "1", []dataset.BusinessRow{{BusinessID: "b", Name: "Cafe", TimeZone: "UTC", Currency: "EUR", Country: "FR", Place: "Paris", LocationID: &location}})
	commit(t, c.lake, dataset.KPIs(), "1", []dataset.KPIRow{{BusinessID: "b", KPIID: "k", SourceID: "s", Name: "guests", Unit: "guests", Aggregation: "sum", Grain: "day",
		NonNegative: true, Lowest: &lowest, Highest: &highest, Integer: &whole}})
	var holidays []dataset.HolidayRow
	for day := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2026; day = day.AddDate(0, 1, 0) {
		holidays = append(holidays, dataset.HolidayRow{Country: "FR", Day: dataset.ToDays(day.AddDate(0, 0, 12)), Name: "Thirteenth"})
	}
	commit(t, c.lake, dataset.Holidays(), "1", holidays)
	var weather []dataset.WeatherDayRow
	for d := range c.days + 14 {
		kind, degrees, zero := "archive", c.degrees(d), 0.0
		if d >= c.days {
			kind = "forecast"
		}
		weather = append(weather, dataset.WeatherDayRow{LocationID: location, Day: c.day(d), Kind: kind, TimeZone: "UTC", TemperatureMean: &degrees, PrecipitationSum: &zero, LandedAt: c.asOf})
	}
	commit(t, c.lake, dataset.WeatherDays(), "1", weather)
	entries := []dataset.CalendarEntryRow{{BusinessID: "b", EntryID: "0", Kind: "incident", Name: "Till broken", FirstDay: c.day(incidentFrom), LastDay: c.day(incidentFrom + incidentDays - 1)}}
	for d := fairEvery; d < c.days+30; d += fairEvery {
		kpi := "k"
		entries = append(entries, dataset.CalendarEntryRow{BusinessID: "b", EntryID: strconv.Itoa(d), KPIID: &kpi, Kind: "event", Name: "Fair", FirstDay: c.day(d), LastDay: c.day(d)})
	}
	commit(t, c.lake, dataset.CalendarEntries(), "1", entries)
	c.landDays(0, c.days)
	return c
}

func (c *cafe) day(d int) dataset.Days { return dataset.ToDays(c.first.AddDate(0, 0, d)) }

// degrees is the temperature of a day; it wanders so that no season has it.
func (c *cafe) degrees(d int) float64 {
	return 12 + 6*math.Sin(float64(d)*0.37) + 4*math.Sin(float64(d)*1.91)
}

// value is what the KPI is on a day; see cafe.
func (c *cafe) value(d int) float64 {
	day := c.first.AddDate(0, 0, d)
	if d >= incidentFrom && d < incidentFrom+incidentDays {
		return 399
	}
	value := 100 + 2*(c.degrees(d)-12) + float64((d*7919)%7) - 3
	if day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
		value += 50
	}
	if d%fairEvery == 0 {
		value += 30
	}
	if day.Day() == 13 {
		value -= 25
	}
	return math.Round(value)
}

// landDays lands the values of days from to to, the latter excluded.
func (c *cafe) landDays(from, to int) {
	var points []dataset.KPIPointRow
	for d := from; d < to; d++ {
		points = append(points, dataset.KPIPointRow{BusinessID: "b", KPIID: "k", At: c.first.AddDate(0, 0, d), Value: c.value(d), SourceID: "s", LandedAt: c.asOf})
	}
	commit(c.t, c.lake, dataset.KPIPoints(), strconv.Itoa(to), points)
}

// runDay runs everything as of two in the morning after so many days.
func (c *cafe) runDay(days int) run.Report {
	c.t.Helper()
	c.asOf = c.first.AddDate(0, 0, days).Add(2 * time.Hour)
	r, err := run.New(run.Config{Lake: c.lake, Pool: c.pool, Models: models.Files(), Nodes: run.Nodes(), Now: time.Now, Session: warehouse.Config{Threads: 2, MemoryLimit: 512 << 20}})
	if err != nil {
		c.t.Fatal(err)
	}
	report, err := r.Run(c.t.Context(), c.request())
	if err != nil {
		c.t.Fatal(err)
	}
	return report
}

// explanation returns the newest vintage's.
func (c *cafe) explanation() dataset.Explanation {
	c.t.Helper()
	found := c.query("marts.kpi_forecasts", "select explanation from marts.kpi_forecasts where explanation is not null order by vintage desc limit 1")
	if len(found) != 1 {
		c.t.Fatalf("%d explanations", len(found))
	}
	e, err := dataset.ParseExplanation(found[0])
	if err != nil {
		c.t.Fatal(err)
	}
	return e
}

func TestForecastsKnowWhatIsAroundTheirDays(t *testing.T) {
	c := openCafe(t)
	c.runDay(c.days)
	e := c.explanation()
	if e.HistoryFrom != "2023-01-18" || e.HistoryTo != "2024-05-31" || e.Days != 500 || e.Missing != incidentDays {
		t.Errorf("explanation %+v, want 500 days of which %d are missing: those of the incident", e, incidentDays)
	}
	if e.Season == nil || *e.Season != 7 || e.MASE == nil || e.BaselineMASE == nil || *e.MASE >= *e.BaselineMASE || e.Coverage80 == nil || e.Coverage95 == nil || *e.Coverage80 > *e.Coverage95 {
		t.Errorf("explanation %+v, want a week's season, better than repeating it, and the coverage seen", e)
	}
	effects := map[string]float64{}
	for _, effect := range e.Effects {
		effects[effect.Name] = effect.Coefficient
	}
	for name, want := range map[string]float64{"event: Fair": 30, "holiday: Thirteenth": -25, "temperature_mean": 2} {
		if got := effects[name]; math.Abs(got-want) > 0.25*math.Abs(want) {
			t.Errorf("effect of %s is %g, want about %g; all: %v", name, got, want, effects)
		}
	}
	total := 0.0
	for _, m := range e.Members {
		total += *m.Weight
	}
	if math.Abs(total-1) > 0.005 {
		t.Errorf("members %+v, want weights that sum to 1", e.Members)
	}
	for _, bad := range []string{
		"abs(trend + seasonal + long_seasonal + calendar + measured - mean) > 0.5000001", // the mean is a whole number
		"mean <> round(mean) or lower_95 < 0 or upper_95 > 400",
		"(explanation is not null) <> (horizon = 1) or (scale is not null) <> (horizon = 1)",
	} {
		if rows := c.query("marts.kpi_forecasts", "select day, mean from marts.kpi_forecasts where "+bad); len(rows) > 0 {
			t.Errorf("%d forecast days have %s: %s", len(rows), bad, rows[0])
		}
	}
	// Day 520 is a fair, June 13 is a holiday.
	for _, q := range []struct{ query, want string }{
		{"select count(*) from marts.kpi_forecasts where calendar > 20 and day = date '2024-06-21'", "1"},
		{"select count(*) from marts.kpi_forecasts where calendar < -15 and day = date '2024-06-13'", "1"},
		{"select count(*) from marts.kpi_forecasts where calendar <> 0", "2"},
		{"select count(distinct measured) > 10 from marts.kpi_forecasts where horizon <= 14", "true"}, // as far as the weather's own forecast reaches
	} {
		if got := strings.Join(c.query("marts.kpi_forecasts", q.query), ""); got != q.want {
			t.Errorf("%s: %s, want %s", q.query, got, q.want)
		}
	}
}

// What came is held against each vintage, and an incident that is told of later is left out of it.
func TestForecastsAreHeldAgainstWhatCame(t *testing.T) {
	c := openCafe(t)
	c.runDay(c.days)
	if rows := c.rows("marts.forecast_accuracy"); len(rows) != 0 {
		t.Fatalf("accuracy before anything came: %v", rows)
	}
	c.landDays(c.days, c.days+10) // the last of which has just begun when the batch runs
	report := c.runDay(c.days + 9)
	if step, _ := report.Step("marts.forecast_accuracy"); step.RowsOut != 2 {
		t.Errorf("accuracy has %d rows of the first vintage, want 2 bands", step.RowsOut)
	}
	const query = "select horizon_from, days, naive_days, mase < 1, mase > 0, mae < naive_mae, coverage_95 >= coverage_80 from marts.forecast_accuracy order by vintage, horizon_from"
	if got := c.query("marts.forecast_accuracy", query); len(got) != 2 || got[0] != "1 7 7 true true true true" || !strings.HasPrefix(got[1], "8 2 2 ") {
		t.Errorf("accuracy %q, want a first band of seven days and a second one of two", got)
	}
	commit(t, c.lake, dataset.CalendarEntries(), "2", []dataset.CalendarEntryRow{{BusinessID: "b", EntryID: "late", Kind: "incident", Name: "Flood", FirstDay: c.day(c.days + 1), LastDay: c.day(c.days + 2)}})
	c.runDay(c.days + 9)
	if got := c.query("marts.forecast_accuracy", "select days from marts.forecast_accuracy where horizon_from = 1"); len(got) != 1 || got[0] != "5" {
		t.Errorf("%s days count after an incident of two, want 5", got)
	}
	c.runDay(c.days + 10)
	if got := c.query("marts.forecast_accuracy", query); len(got) != 3 || !strings.HasPrefix(got[2], "8 3 3 ") {
		t.Errorf("accuracy %q once the last day is over, want a second band of three days", got)
	}
	if e := c.explanation(); e.Missing != incidentDays+2 {
		t.Errorf("%d days are missing, want the two of the incident told late among them", e.Missing)
	}
}

// Ends that hold no value are reported and not heeded; the others are.
func TestForecastsOfAnImpossibleRange(t *testing.T) {
	c := openCafe(t)
	low, high, yes := 0.2, 0.8, true
	rows := []dataset.KPIRow{{BusinessID: "b", KPIID: "k", SourceID: "s", Name: "guests", Unit: "guests", Aggregation: "sum", Grain: "day", Lowest: &low, Highest: &high, Integer: &yes}}
	if _, err := lakehouse.ReplaceAll(t.Context(), c.lake, dataset.KPIs(), lakehouse.Commit{RunID: "landing", Unit: "2"}, rows); err != nil {
		t.Fatal(err)
	}
	step, _ := c.runDay(c.days).Step("marts.kpi_forecasts")
	if step.RowsOut != 30 || len(step.Warnings) != 1 || !strings.Contains(step.Warnings[0].Error(), "holds no whole number") {
		t.Errorf("%d rows with warnings %v, want a forecast and one warning of the range", step.RowsOut, step.Warnings)
	}
}

// Forecasts of a total and its parts agree, with their components, in the ranges of all.
func TestForecastsOfPartsSumToTheTotals(t *testing.T) {
	c := openCafe(t)
	total, whole := "k", true
	kpi := func(id string, of *string) dataset.KPIRow {
		return dataset.KPIRow{BusinessID: "b", KPIID: id, SourceID: "s", Name: id, Unit: "guests", Aggregation: "sum", Grain: "day", NonNegative: true, Integer: &whole, PartOf: of}
	}
	rows := []dataset.KPIRow{kpi("k", nil), kpi("inside", &total), kpi("outside", &total)}
	if _, err := lakehouse.ReplaceAll(t.Context(), c.lake, dataset.KPIs(), lakehouse.Commit{RunID: "landing", Unit: "2"}, rows); err != nil {
		t.Fatal(err)
	}
	var points []dataset.KPIPointRow
	for d := range c.days {
		outside := math.Round(c.value(d) * (0.3 + 0.2*math.Sin(float64(d)/9)))
		for id, value := range map[string]float64{"outside": outside, "inside": c.value(d) - outside} {
			points = append(points, dataset.KPIPointRow{BusinessID: "b", KPIID: id, At: c.first.AddDate(0, 0, d), Value: value, SourceID: "s", LandedAt: c.asOf})
		}
	}
	slices.SortFunc(points, func(a, b dataset.KPIPointRow) int { return strings.Compare(a.KPIID, b.KPIID) })
	commit(t, c.lake, dataset.KPIPoints(), "parts", points)
	c.runDay(c.days)
	const query = `select day, sum(case when kpi_id = 'k' then mean else -mean end) as off from marts.kpi_forecasts group by day having count(*) <> 3 or abs(off) > 1e-6`
	if bad := c.query("marts.kpi_forecasts", query); len(bad) > 0 {
		t.Errorf("on %d days the parts do not sum to the total: %s", len(bad), bad[0])
	}
	const parts = `select kpi_id, day, mean from marts.kpi_forecasts where abs(trend + seasonal + long_seasonal + calendar + measured - mean) > 1 or mean <> round(mean)`
	if bad := c.query("marts.kpi_forecasts", parts); len(bad) > 0 {
		t.Errorf("%d means are no whole numbers, or not what their components sum to: %s", len(bad), bad[0])
	}
}

// A method that is a week old stays when what it published was nearer to what came than what would be chosen now, and goes when not.
func TestForecastsKeepTheChampionThatWinsOnWhatCame(t *testing.T) {
	for name, off := range map[string]float64{"exact": 0, "far off": 500} {
		t.Run(name, func(t *testing.T) {
			c := openCafe(t)
			var rows []dataset.ForecastRow
			for vintage := c.days; vintage < c.days+8; vintage++ {
				for h := range 30 {
					mean := c.value(vintage+h) + off
					rows = append(rows, dataset.ForecastRow{BusinessID: "b", KPIID: "k", Vintage: c.day(vintage), Day: c.day(vintage + h), Horizon: int32(h + 1), Mean: mean,
						Lower80: mean, Upper80: mean, Lower95: mean, Upper95: mean, Method: "drift", SelectedOn: c.day(c.days)})
				}
			}
			commit(t, c.lake, dataset.Forecasts(), "published", rows)
			c.landDays(c.days, c.days+8)
			c.runDay(c.days + 8)
			got := c.query("marts.kpi_forecasts", "select method = 'drift', vintage - selected_on from marts.kpi_forecasts where horizon = 1 order by vintage desc limit 1")
			if want := fmt.Sprintf("%t 0", off == 0); len(got) != 1 || got[0] != want {
				t.Errorf("the newest vintage keeps the champion: %v, want %s", got, want)
			}
		})
	}
}
