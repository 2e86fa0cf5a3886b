package run

import (
	"context"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/models/forecast"
	"github.com/signalcraft/signalcraft/models/series"
)

const (
	// horizonDays is how far ahead forecasts reach.
	horizonDays = 30
	// reselectDays is how long a method that was chosen for a KPI is kept without comparing methods again.
	reselectDays = 7
	// publishedDays is how many days back published forecasts are held against what came when a method is compared with others.
	publishedDays = 28
	// emitSeries is how many series one output batch holds.
	emitSeries = 1024
	// historyDays is how much of each KPI's history forecasts read.
	historyDays = 1100
	// weekDays is the season that daily KPIs are held against.
	weekDays = 7
)

// The forecast node's inputs.
const (
	inputDaily = iota
	inputKPI
	inputEntry
	inputBusiness
	inputHoliday
	inputWeather
	inputPrevious
	inputPublished
)

// kpiForecasts makes one vintage of forecasts for every KPI.
func kpiForecasts() Node {
	return Node{
		Output:  dataset.Forecasts(),
		Version: "kpi_forecasts/4",
		Span:    Vintage,
		Inputs: []Input{
			inputDaily: {
				Relation: "marts.kpi_daily",
				Columns:  []string{"business_id", "kpi_id", "day", "value", "starts_at", "hours_expected"},
			},
			inputKPI: {
				Relation: "staging.kpi",
				Columns:  []string{"business_id", "kpi_id", "lowest", "highest", "is_integer", "part_of"},
				Order:    []string{"business_id", "kpi_id"},
			},
			inputEntry: {
				Relation: "staging.calendar_entry",
				Columns:  []string{"business_id", "kpi_id", "kind", "name", "first_day", "last_day"},
			},
			inputBusiness: {
				Relation: "staging.business",
				Columns:  []string{"business_id", "country"},
			},
			inputHoliday: {
				Relation: "staging.calendar_holiday",
				Columns:  []string{"country", "day", "name"},
			},
			inputWeather: {
				Relation: "marts.weather_daily",
				Columns:  append([]string{"business_id", "day"}, weatherMeasures()...),
			},
			inputPrevious: {
				Relation:     "marts.kpi_forecasts",
				Columns:      []string{"business_id", "kpi_id", "method", "mase", "selected_on"},
				Order:        []string{"business_id", "kpi_id", "selected_on", "method", "mase"},
				Distinct:     true,
				PreviousDays: publishedDays,
			},
			inputPublished: {
				Relation:     "marts.kpi_forecasts",
				Columns:      []string{"business_id", "kpi_id", "method", "day", "horizon", "mean"},
				Order:        []string{"business_id", "kpi_id", "vintage", "day"},
				PreviousDays: publishedDays,
			},
		},
		Build: forecastKPIs,
		Due:   dueByEndedDays,
	}
}

// dueByEndedDays names the businesses of which a day ended: values of days that have not are not read.
func dueByEndedDays(ctx context.Context, in Tables, before, now time.Time, due map[string]bool) error {
	return endedDays(ctx, in, inputDaily, before, now, []time.Duration{0}, due)
}

func forecastKPIs(ctx context.Context, in Tables, p Params) (iter.Seq2[arrow.RecordBatch, error], error) {
	var totals totals
	history, err := readFamilies(ctx, in, p, &totals)
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	parents := totals.parents(history, p.Warn)
	if err := readKnown(ctx, in, p, history); err != nil {
		return nil, fmt.Errorf("read what is known of days: %w", err)
	}
	prior, err := readPrior(ctx, in, p, history)
	if err != nil {
		return nil, fmt.Errorf("read previous vintages: %w", err)
	}
	vintage, err := forecast.Forecast(ctx, history, forecast.Options{
		Horizon: horizonDays, Season: weekDays, History: historyDays, Workers: p.Threads, Vintage: dataset.ToDays(p.Window.Start), Prior: prior, ReselectAfterDays: reselectDays,
		KeepErrors: parents != nil,
	})
	if vintage == nil {
		return nil, err
	}
	warnEach(p, err)
	if parents != nil {
		if vintage, err = forecast.Reconcile(history, vintage, parents, forecast.MinTrace); err != nil {
			return nil, err
		}
	}
	return func(yield func(arrow.RecordBatch, error) bool) {
		for from := 0; from < history.Len(); from += emitSeries {
			to := min(from+emitSeries, history.Len())
			rows, err := forecastRows(history, vintage, from, to, dataset.ToDays(p.Window.Start))
			if !yield(rows, err) || err != nil {
				return
			}
		}
	}, nil
}

// readHistory lays every KPI's days on its calendar. Days that had not ended by the run's
// instant are left out: half a day is no value. A past day counts with the hours it has,
// since many KPIs have none at night.
func readHistory(ctx context.Context, in Tables, p Params) (*series.Batch, error) {
	return readFamilies(ctx, in, p, &totals{})
}

// readFamilies is readHistory that also notes which KPI is part of which.
func readFamilies(ctx context.Context, in Tables, p Params, t *totals) (*series.Batch, error) {
	var builder series.Builder
	// KPIs come first: they set the order of the series, and days may then come in any.
	batches, err := in.Scan(ctx, inputKPI)
	if err != nil {
		return nil, err
	}
	for batch, err := range batches {
		if err == nil {
			err = declare(&builder, batch, t, p.Warn)
		}
		if err != nil {
			return nil, err
		}
	}
	if batches, err = in.Scan(ctx, inputDaily); err != nil {
		return nil, err
	}
	for batch, err := range batches {
		if err == nil {
			err = appendDays(&builder, batch, p.AsOf)
		}
		if err != nil {
			return nil, err
		}
	}
	history, err := builder.Build()
	warnEach(p, err)
	return history, nil
}

func appendDays(builder *series.Builder, batch arrow.RecordBatch, asOf time.Time) error {
	businesses, err := texts(batch, 0)
	if err != nil {
		return err
	}
	kpis, err := texts(batch, 1)
	if err != nil {
		return err
	}
	dates, err := days(batch, 2)
	if err != nil {
		return err
	}
	values, err := floats(batch, 3)
	if err != nil {
		return err
	}
	starts, err := micros(batch, 4)
	if err != nil {
		return err
	}
	hours, err := integers(batch, 5)
	if err != nil {
		return err
	}
	kept := 0
	for i := range dates {
		end := time.UnixMicro(starts[i]).Add(time.Duration(hours[i]) * time.Hour)
		if end.After(asOf) {
			continue
		}
		businesses[kept], kpis[kept], dates[kept], values[kept] = businesses[i], kpis[i], dates[i], values[i]
		kept++
	}
	return builder.Append(businesses[:kept], kpis[:kept], dates[:kept], values[:kept])
}

// declare tells the builder which values each KPI can take, and totals what it is part of.
func declare(builder *series.Builder, batch arrow.RecordBatch, t *totals, warn func(error)) error {
	businesses, err := texts(batch, 0)
	if err != nil {
		return err
	}
	kpis, err := texts(batch, 1)
	if err != nil {
		return err
	}
	lowest, err := floats(batch, 2)
	if err != nil {
		return err
	}
	highest, err := floats(batch, 3)
	if err != nil {
		return err
	}
	whole, err := flags(batch, 4)
	if err != nil {
		return err
	}
	partOf, err := texts(batch, 5)
	if err != nil {
		return err
	}
	for i := range businesses {
		t.add(businesses[i], kpis[i], partOf[i])
		values := rangeOf(businesses[i], kpis[i], lowest[i], highest[i], whole[i], warn)
		builder.Declare(businesses[i], kpis[i], values)
	}
	return nil
}

// rangeOf returns which values a KPI can take; NaN is no end. Ends between which no value lies are reported and not heeded: the KPI
// is still forecast and judged.
func rangeOf(business, kpi string, lowest, highest float64, whole bool, warn func(error)) series.Range {
	r := series.Anything()
	if !math.IsNaN(lowest) {
		r.Lowest = lowest
	}
	if !math.IsNaN(highest) {
		r.Highest = highest
	}
	r.Integer = whole
	if err := r.Validate(); err != nil {
		warn(fmt.Errorf("declare series %s/%s: %w", business, kpi, err))
		return series.Anything()
	}
	return r
}
