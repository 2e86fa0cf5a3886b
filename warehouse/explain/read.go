package explain

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// Components are the names of what forecasts are made of, in the order of Forecast.Components.
func Components() []string {
	return []string{"trend", "seasonal", "long_seasonal", "calendar", "measured"}
}

// Forecast is one vintage of a KPI with what it rests on.
type Forecast struct {
	KPI
	Vintage    dataset.Days
	Method     string
	SelectedOn dataset.Days
	// Days are those forecast, and the following columns say what of them.
	Days                                     []dataset.Days
	Mean, Lower80, Upper80, Lower95, Upper95 []float64
	// Components has a column for each name of Components; nil in vintages from before they were kept.
	Components [][]float64
	// Explanation is nil in vintages from before explanations were kept.
	Explanation *dataset.Explanation
	// History are the KPI's last values before the first day forecast; a day without a value is not among them.
	HistoryDays []dataset.Days
	History     []float64
	// Incidents are what was said of those days and leaves them out.
	Incidents []Span
	// Accuracy says how vintages of the last recentDays did, by band of horizons.
	Accuracy []Accuracy
}

// Span is some days, both ends included.
type Span struct {
	First, Last dataset.Days
	Name        string
}

// Accuracy is how far past forecasts were from what came, in one band of horizons.
type Accuracy struct {
	From, To       int
	Vintages, Days int
	// MASE and Relative are NaN where there is nothing to divide by; Relative is the error as a multiple of the seasonal naive one.
	MAE, MASE, SMAPE, Bias, Coverage80, Coverage95, Relative float64
}

// recentDays is how far back Accuracy reaches.
const recentDays = 90

// Request says what to read.
type Request struct {
	// Now is about when the newest vintages are from; a wrong one costs time only.
	Now time.Time
	// Until, when not zero, leaves out vintages made after this day.
	Until time.Time
	// HistoryDays is how much of the history before the forecast is read.
	HistoryDays int
}

// Read returns the newest vintage of a KPI. The error says what to do when there is none.
func Read(ctx context.Context, lake *lakehouse.Lake, kpi KPI, r Request) (*Forecast, error) {
	f := &Forecast{KPI: kpi}
	if err := f.readVintage(ctx, lake, r); err != nil {
		return nil, fmt.Errorf("read forecast of %s: %w", kpi.Name, err)
	}
	if len(f.Days) == 0 && !r.Until.IsZero() {
		return nil, fmt.Errorf("%s has no forecast of %s or before", kpi.Name, r.Until.Format(time.DateOnly))
	}
	if len(f.Days) == 0 {
		return nil, fmt.Errorf("%s has no forecast yet: run signalcraft run run_forecasts; a KPI without any value gets none", kpi.Name)
	}
	for _, read := range []func() error{
		func() error { return f.readHistory(ctx, lake, r.HistoryDays) },
		func() error { return f.readIncidents(ctx, lake) },
		func() error { return f.readAccuracy(ctx, lake) },
	} {
		if err := read(); err != nil {
			return nil, fmt.Errorf("read forecast of %s: %w", kpi.Name, err)
		}
	}
	return f, nil
}

// window returns the window of the days from first to last, the latter excluded.
func window(first, last dataset.Days) dataset.Window {
	return dataset.Window{Start: dataset.FromDays(first), End: dataset.FromDays(last)}
}

// readVintage looks back from now, and on to whatever is later, as in a demonstration, in growing steps: vintages of years lie in
// the lake, and the newest is mostly that of today.
func (f *Forecast) readVintage(ctx context.Context, lake *lakehouse.Lake, r Request) error {
	columns := append([]string{"business_id", "kpi_id", "vintage", "day", "method", "selected_on", "explanation", "mean", "lower_80", "upper_80", "lower_95", "upper_95"}, Components()...)
	from, end := dataset.ToDays(r.Now.UTC())-1, dataset.ToDays(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
	if !r.Until.IsZero() {
		end = dataset.ToDays(r.Until.UTC()) + 1
		from = min(from, end-1)
	}
	for step := dataset.Days(8); ; step *= 8 {
		var rows []forecastRow
		err := scan(ctx, lake, dataset.Forecasts().Name, columns, window(from, end), func(b arrow.RecordBatch, row int) {
			if is(b, 1, row, f.ID) && is(b, 0, row, f.BusinessID) {
				rows = append(rows, rowOf(b, row))
			}
		})
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			return f.take(rows)
		}
		if from == 0 {
			return nil
		}
		from, end = max(from-step, 0), from
	}
}

// forecastRow is one row of marts.kpi_forecasts.
type forecastRow struct {
	vintage, day, selectedOn dataset.Days
	method, explanation      string
	numbers                  [10]float64 // the mean and the bounds, then the components
}

func rowOf(b arrow.RecordBatch, row int) forecastRow {
	r := forecastRow{vintage: day(b, 2, row), day: day(b, 3, row), method: word(b, 4, row), selectedOn: day(b, 5, row), explanation: word(b, 6, row)}
	for k := range r.numbers {
		r.numbers[k] = number(b, 7+k, row)
	}
	return r
}

// take keeps the newest vintage of the rows.
func (f *Forecast) take(rows []forecastRow) error {
	newest := slices.MaxFunc(rows, func(a, b forecastRow) int { return int(a.vintage) - int(b.vintage) }).vintage
	rows = slices.DeleteFunc(rows, func(r forecastRow) bool { return r.vintage != newest })
	slices.SortFunc(rows, func(a, b forecastRow) int { return int(a.day) - int(b.day) })
	f.Vintage, f.Method, f.SelectedOn = newest, rows[0].method, rows[0].selectedOn
	if rows[0].explanation != "" {
		e, err := dataset.ParseExplanation(rows[0].explanation)
		if err != nil {
			return err
		}
		f.Explanation = &e
	}
	if !math.IsNaN(rows[0].numbers[5]) {
		f.Components = make([][]float64, len(Components()))
	}
	for _, r := range rows {
		f.Days = append(f.Days, r.day)
		for k, column := range []*[]float64{&f.Mean, &f.Lower80, &f.Upper80, &f.Lower95, &f.Upper95} {
			*column = append(*column, r.numbers[k])
		}
		for k := range f.Components {
			f.Components[k] = append(f.Components[k], r.numbers[5+k])
		}
	}
	return nil
}

func (f *Forecast) readHistory(ctx context.Context, lake *lakehouse.Lake, days int) error {
	type point struct {
		day   dataset.Days
		value float64
	}
	var points []point
	end := f.Days[0]
	err := scan(ctx, lake, "marts.kpi_daily", []string{"business_id", "kpi_id", "day", "value"}, window(end-dataset.Days(days), end), func(b arrow.RecordBatch, row int) {
		if v := number(b, 3, row); is(b, 1, row, f.ID) && is(b, 0, row, f.BusinessID) && !math.IsNaN(v) {
			points = append(points, point{day(b, 2, row), v})
		}
	})
	slices.SortFunc(points, func(a, b point) int { return int(a.day) - int(b.day) })
	for _, p := range points {
		f.HistoryDays, f.History = append(f.HistoryDays, p.day), append(f.History, p.value)
	}
	return err
}

func (f *Forecast) readIncidents(ctx context.Context, lake *lakehouse.Lake) error {
	if len(f.HistoryDays) == 0 {
		return nil
	}
	columns := []string{"business_id", "kpi_id", "kind", "name", "first_day", "last_day"}
	err := scan(ctx, lake, dataset.CalendarEntries().Name, columns, dataset.Window{}, func(b arrow.RecordBatch, row int) {
		if !is(b, 0, row, f.BusinessID) || !is(b, 2, row, "incident") || (b.Column(1).IsValid(row) && !is(b, 1, row, f.ID)) {
			return
		}
		span := Span{max(day(b, 4, row), f.HistoryDays[0]), min(day(b, 5, row), f.Days[0]-1), word(b, 3, row)}
		if span.First <= span.Last {
			f.Incidents = append(f.Incidents, span)
		}
	})
	slices.SortFunc(f.Incidents, func(a, b Span) int { return int(a.First) - int(b.First) })
	return err
}

// readAccuracy sums the accuracy of recent vintages up. Every day counts the same.
func (f *Forecast) readAccuracy(ctx context.Context, lake *lakehouse.Lake) error {
	columns := []string{"business_id", "kpi_id", "horizon_from", "horizon_to", "days", "naive_days", "mae", "mase", "smape", "bias", "coverage_80", "coverage_95", "naive_mae", "paired_mae"}
	type sums struct {
		Accuracy
		scaled, paired, naive float64
	}
	bands := map[int]*sums{}
	err := scan(ctx, lake, "marts.forecast_accuracy", columns, window(f.Vintage-recentDays, f.Vintage+1), func(b arrow.RecordBatch, row int) {
		if !is(b, 1, row, f.ID) || !is(b, 0, row, f.BusinessID) {
			return
		}
		from, days := int(integer(b, 2, row)), float64(integer(b, 4, row))
		s := bands[from]
		if s == nil {
			s = &sums{Accuracy: Accuracy{From: from, To: int(integer(b, 3, row))}}
			bands[from] = s
		}
		s.Vintages++
		s.Days += int(days)
		for k, to := range []*float64{&s.MAE, &s.MASE, &s.SMAPE, &s.Bias, &s.Coverage80, &s.Coverage95} {
			if v := number(b, 6+k, row); !math.IsNaN(v) {
				*to += v * days
			}
		}
		if !math.IsNaN(number(b, 7, row)) {
			s.scaled += days
		}
		if naive := number(b, 12, row); !math.IsNaN(naive) {
			s.naive += naive * float64(integer(b, 5, row))
			s.paired += number(b, 13, row) * float64(integer(b, 5, row))
		}
	})
	for _, s := range bands {
		a, days := s.Accuracy, float64(s.Days)
		a.MAE, a.SMAPE, a.Bias, a.Coverage80, a.Coverage95 = a.MAE/days, a.SMAPE/days, a.Bias/days, a.Coverage80/days, a.Coverage95/days
		a.MASE, a.Relative = a.MASE/s.scaled, s.paired/s.naive // NaN, or infinite, where nothing was to be divided by
		f.Accuracy = append(f.Accuracy, a)
	}
	slices.SortFunc(f.Accuracy, func(a, b Accuracy) int { return a.From - b.From })
	return err
}
