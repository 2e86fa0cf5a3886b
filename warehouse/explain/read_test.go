package explain_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/lakehouse/laketest"
	"github.com/signalcraft/signalcraft/warehouse/explain"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// dayRow and accuracyRow are rows of two marts with the columns that are read of them.
type dayRow struct {
	BusinessID string       `parquet:"business_id,id(1)"`
	KPIID      string       `parquet:"kpi_id,id(2)"`
	Day        dataset.Days `parquet:"day,id(3),date"`
	Value      *float64     `parquet:"value,id(4)"`
}

type accuracyRow struct {
	BusinessID  string       `parquet:"business_id,id(1)"`
	KPIID       string       `parquet:"kpi_id,id(2)"`
	Vintage     dataset.Days `parquet:"vintage,id(3),date"`
	HorizonFrom int32        `parquet:"horizon_from,id(4)"`
	HorizonTo   int32        `parquet:"horizon_to,id(5)"`
	Days        int64        `parquet:"days,id(6)"`
	NaiveDays   int64        `parquet:"naive_days,id(7)"`
	MAE         *float64     `parquet:"mae,id(8)"`
	MASE        *float64     `parquet:"mase,id(9)"`
	SMAPE       *float64     `parquet:"smape,id(10)"`
	Bias        *float64     `parquet:"bias,id(11)"`
	Coverage80  *float64     `parquet:"coverage_80,id(12)"`
	Coverage95  *float64     `parquet:"coverage_95,id(13)"`
	NaiveMAE    *float64     `parquet:"naive_mae,id(14)"`
	PairedMAE   *float64     `parquet:"paired_mae,id(15)"`
}

// mart is a dataset of columns "name type", of which those with a question mark may be null.
func mart(name, time string, columns ...string) dataset.Dataset {
	d := dataset.Dataset{Name: name, Key: []string{"business_id", "kpi_id"}, Sort: []string{"business_id", "kpi_id"}, Time: time, Partition: dataset.Partition{Column: time, Transform: dataset.Month}}
	types := map[string]dataset.Type{"text": dataset.String, "date": dataset.Date, "double": dataset.Float64, "integer": dataset.Int32, "bigint": dataset.Int64}
	for i, c := range columns {
		name, kind, _ := strings.Cut(c, " ")
		d.Columns = append(d.Columns, dataset.Column{Name: name, ID: i + 1, Type: types[strings.TrimSuffix(kind, "?")], Required: !strings.HasSuffix(kind, "?")})
	}
	return d
}

func days() dataset.Dataset {
	return mart("marts.kpi_daily", "day", "business_id text", "kpi_id text", "day date", "value double?")
}

func accuracy() dataset.Dataset {
	return mart("marts.forecast_accuracy", "vintage", "business_id text", "kpi_id text", "vintage date", "horizon_from integer", "horizon_to integer", "days bigint", "naive_days bigint",
		"mae double?", "mase double?", "smape double?", "bias double?", "coverage_80 double?", "coverage_95 double?", "naive_mae double?", "paired_mae double?")
}

func land[T any](t *testing.T, lake *lakehouse.Lake, d dataset.Dataset, rows ...T) {
	t.Helper()
	if err := lake.Ensure(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if _, err := lakehouse.Append(t.Context(), lake, d, lakehouse.Commit{RunID: "test", Unit: fmt.Sprint(len(rows), d.Name)}, rows); err != nil {
		t.Fatal(err)
	}
}

// openLake has two businesses, both with a KPI sales, and one of them with two KPIs orders.
func openLake(t *testing.T) *lakehouse.Lake {
	t.Helper()
	lake := laketest.New(t)
	land(t, lake, dataset.Businesses(), dataset.BusinessRow{BusinessID: "b1", Name: "Cafe"}, dataset.BusinessRow{BusinessID: "b2", Name: "Shop"})
	land(t, lake, dataset.KPIs(), dataset.KPIRow{BusinessID: "b1", KPIID: "k1", Name: "Sales", Unit: "EUR"}, dataset.KPIRow{BusinessID: "b2", KPIID: "k2", Name: "sales", Unit: "USD"},
		dataset.KPIRow{BusinessID: "b2", KPIID: "k3", Name: "orders"}, dataset.KPIRow{BusinessID: "b2", KPIID: "k4", Name: "orders"}, dataset.KPIRow{BusinessID: "b1", KPIID: "k5", Name: "guests"})
	return lake
}

func TestFindNamesWhatThereIs(t *testing.T) {
	lake := openLake(t)
	check := func(business, kpi, want string) {
		t.Helper()
		got, err := explain.Find(t.Context(), lake, business, kpi)
		switch {
		case err == nil && got.ID != want:
			t.Errorf("%q of %q is %+v, want %s", kpi, business, got, want)
		case err != nil && err.Error() != want:
			t.Errorf("%q of %q: %q, want %q", kpi, business, err, want)
		}
	}
	check("", "guests", "k5")
	check("", "GUESTS", "k5")
	check("", "k3", "k3")
	check("cafe", "sales", "k1")
	check("b2", "Sales", "k2")
	check("", "sales", `2 businesses have a KPI "sales": name one with --business: Cafe, Shop`)
	check("shop", "orders", `Shop has 2 KPIs "orders": name one by its id: k3, k4`)
	check("shop", "guests", `no KPI "guests"; there are orders, sales`)
	check("", "gusts", `no KPI "gusts"; there are Sales, guests, orders, sales`)
	check("bar", "sales", `no business "bar"; there are Cafe, Shop`)
	if _, err := explain.Find(t.Context(), laketest.New(t), "", "sales"); err == nil || !strings.Contains(err.Error(), "no KPI yet: run the nightly batch") {
		t.Errorf("in an empty lake: %v", err)
	}
}

func ptr[T any](v T) *T { return &v }

func TestReadGathersTheNewestVintage(t *testing.T) {
	lake := openLake(t)
	kpi, err := explain.Find(t.Context(), lake, "cafe", "sales")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 30, 4, 0, 0, 0, time.UTC)
	if _, err := explain.Read(t.Context(), lake, kpi, explain.Request{Now: now, HistoryDays: 30}); err == nil || !strings.Contains(err.Error(), "Sales has no forecast yet: run signalcraft run run_forecasts") {
		t.Fatalf("before the first forecast: %v", err)
	}
	today := dataset.ToDays(now)
	row := func(kpi string, vintage, day dataset.Days, mean float64) dataset.ForecastRow {
		return dataset.ForecastRow{BusinessID: "b1", KPIID: kpi, Vintage: vintage, Day: day, Horizon: day - vintage + 1, Mean: mean, Lower80: mean - 1, Upper80: mean + 1,
			Lower95: mean - 2, Upper95: mean + 2, Method: "theta", SelectedOn: vintage}
	}
	rich := func(r dataset.ForecastRow, explanation *string) dataset.ForecastRow {
		r.Trend, r.Seasonal, r.LongSeasonal, r.Calendar, r.Measured, r.Explanation = ptr(r.Mean-1), ptr(1.0), ptr(0.0), ptr(0.0), ptr(0.0), explanation
		return r
	}
	land(t, lake, dataset.Forecasts(), row("k1", today-400, today-400, 1), rich(row("k1", today-3, today-3, 5), ptr(`{"season":7}`)), rich(row("k1", today-3, today-2, 6), nil),
		row("k5", today, today, 9), row("k1", today-300, today-300, 2))
	land(t, lake, days(), dayRow{"b1", "k1", today - 5, ptr(4.0)}, dayRow{"b1", "k1", today - 4, nil}, dayRow{"b1", "k1", today - 6, ptr(3.0)}, dayRow{"b1", "k1", today - 60, ptr(1.0)},
		dayRow{"b2", "k1", today - 5, ptr(7.0)}, dayRow{"b1", "k1", today - 3, ptr(8.0)})
	land(t, lake, dataset.CalendarEntries(), dataset.CalendarEntryRow{BusinessID: "b1", EntryID: "1", Kind: "incident", Name: "flood", FirstDay: today - 50, LastDay: today - 6},
		dataset.CalendarEntryRow{BusinessID: "b1", EntryID: "2", KPIID: ptr("k5"), Kind: "incident", Name: "other", FirstDay: today - 6, LastDay: today - 5},
		dataset.CalendarEntryRow{BusinessID: "b1", EntryID: "3", Kind: "event", Name: "fair", FirstDay: today - 6, LastDay: today - 5})
	land(t, lake, accuracy(),
		accuracyRow{"b1", "k1", today - 10, 1, 7, 1, 1, ptr(2.0), ptr(0.5), ptr(10.0), ptr(-2.0), ptr(1.0), ptr(1.0), ptr(4.0), ptr(2.0)},
		accuracyRow{"b1", "k1", today - 11, 1, 7, 3, 0, ptr(6.0), nil, ptr(30.0), ptr(2.0), ptr(0.0), ptr(1.0), nil, nil},
		accuracyRow{"b1", "k1", today - 200, 1, 7, 3, 3, ptr(99.0), ptr(99.0), ptr(99.0), ptr(99.0), ptr(0.0), ptr(0.0), ptr(1.0), ptr(1.0)},
		accuracyRow{"b2", "k1", today - 10, 8, 14, 3, 3, ptr(99.0), ptr(99.0), ptr(99.0), ptr(99.0), ptr(0.0), ptr(0.0), ptr(1.0), ptr(1.0)})

	f, err := explain.Read(t.Context(), lake, kpi, explain.Request{Now: now, HistoryDays: 30})
	if err != nil {
		t.Fatal(err)
	}
	if f.Vintage != today-3 || fmt.Sprint(f.Mean, f.Lower95) != "[5 6] [3 4]" || fmt.Sprint(f.Components) != "[[4 5] [1 1] [0 0] [0 0] [0 0]]" || f.Explanation == nil || *f.Explanation.Season != 7 {
		t.Errorf("read %+v, want the vintage of three days ago with its components and explanation", f)
	}
	if fmt.Sprint(f.History) != "[3 4]" || f.HistoryDays[0] != today-6 {
		t.Errorf("history %v on %v, want the two values of the month before the forecast", f.History, f.HistoryDays)
	}
	if len(f.Incidents) != 1 || f.Incidents[0] != (explain.Span{First: today - 6, Last: today - 6, Name: "flood"}) {
		t.Errorf("incidents %v, want that of the business, cut to the history", f.Incidents)
	}
	// One day off by 2 and three off by 6; one scaled and one with a naive forecast, that off by 4.
	want := explain.Accuracy{From: 1, To: 7, Vintages: 2, Days: 4, MAE: 5, MASE: 0.5, SMAPE: 25, Bias: 1, Coverage80: 0.25, Coverage95: 1, Relative: 0.5}
	if len(f.Accuracy) != 1 || f.Accuracy[0] != want {
		t.Errorf("accuracy %+v, want %+v", f.Accuracy, want)
	}

	old, err := explain.Read(t.Context(), lake, kpi, explain.Request{Now: now, Until: now.AddDate(0, 0, -4), HistoryDays: 30})
	if err != nil {
		t.Fatal(err)
	}
	if old.Vintage != today-300 || old.Components != nil || old.Explanation != nil || len(old.History) != 0 || len(old.Accuracy) != 0 {
		t.Errorf("read %+v, want the vintage of 300 days ago, of which hardly anything is known", old)
	}
	if _, err := explain.Read(t.Context(), lake, kpi, explain.Request{Now: now, Until: now.AddDate(0, 0, -500), HistoryDays: 30}); err == nil || !strings.Contains(err.Error(), "Sales has no forecast of 2024-11-15 or before") {
		t.Errorf("of a day before the first vintage: %v", err)
	}
	// The clock of who asks may be wrong, or the vintages those of a demonstration.
	for _, clock := range []time.Time{now.AddDate(-5, 0, 0), now.AddDate(5, 0, 0), {}} {
		if f, err := explain.Read(t.Context(), lake, kpi, explain.Request{Now: clock, HistoryDays: 30}); err != nil || f.Vintage != today-3 {
			t.Errorf("asked on %s: %+v, %v; want the vintage of three days ago", clock, f, err)
		}
	}
}
