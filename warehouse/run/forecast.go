package run

import (
	"context"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/models/forecast"
	"github.com/signalcraft/signalcraft/models/series"
)

const (
	// horizonDays is how far ahead forecasts reach.
	horizonDays = 30
	// reselectDays is how long a method that was chosen for a KPI is kept without comparing methods again.
	reselectDays = 7
	// emitSeries is how many series one output batch holds.
	emitSeries = 1024
)

// The forecast node's inputs.
const (
	inputDaily = iota
	inputKPI
	inputPrevious
)

// kpiForecasts makes one vintage of forecasts for every KPI.
func kpiForecasts() Node {
	return Node{
		Output:  dataset.Forecasts(),
		Version: "kpi_forecasts/2",
		Span:    Vintage,
		Inputs: []Input{
			inputDaily: {
				Relation: "marts.kpi_daily",
				Columns:  []string{"business_id", "kpi_id", "day", "value", "starts_at", "hours_expected"},
			},
			inputKPI: {
				Relation: "staging.kpi",
				Columns:  []string{"business_id", "kpi_id", "non_negative"},
				Order:    []string{"business_id", "kpi_id"},
			},
			inputPrevious: {
				Relation:     "marts.kpi_forecasts",
				Columns:      []string{"business_id", "kpi_id", "method", "mase", "selected_on"},
				Order:        []string{"business_id", "kpi_id", "selected_on", "method", "mase"},
				Distinct:     true,
				PreviousDays: reselectDays,
			},
		},
		Build: forecastKPIs,
	}
}

func forecastKPIs(ctx context.Context, in Tables, p Params) (iter.Seq2[arrow.RecordBatch, error], error) {
	history, err := readHistory(ctx, in, p)
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	prior, err := readPrior(ctx, in, history)
	if err != nil {
		return nil, fmt.Errorf("read previous vintages: %w", err)
	}
	vintage, err := forecast.Forecast(ctx, history, forecast.Options{
		Horizon: horizonDays, Workers: p.Threads, Vintage: dataset.ToDays(p.Window.Start), Prior: prior, ReselectAfterDays: reselectDays,
	})
	if vintage == nil {
		return nil, err
	}
	warnEach(p, err)
	return func(yield func(arrow.RecordBatch, error) bool) {
		for from := 0; from < history.Len(); from += emitSeries {
			to := min(from+emitSeries, history.Len())
			if !yield(forecastRows(history, vintage, from, to, dataset.ToDays(p.Window.Start)), nil) {
				return
			}
		}
	}, nil
}

// readHistory lays every KPI's days on its calendar. Days that had not ended by the run's
// instant are left out: half a day is no value. A past day counts with the hours it has,
// since many KPIs have none at night.
func readHistory(ctx context.Context, in Tables, p Params) (*series.Batch, error) {
	var builder series.Builder
	// KPIs come first: they set the order of the series, and days may then come in any.
	batches, err := in.Scan(ctx, inputKPI)
	if err != nil {
		return nil, err
	}
	for batch, err := range batches {
		if err == nil {
			err = declare(&builder, batch)
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

func declare(builder *series.Builder, batch arrow.RecordBatch) error {
	businesses, err := texts(batch, 0)
	if err != nil {
		return err
	}
	kpis, err := texts(batch, 1)
	if err != nil {
		return err
	}
	nonNegative, err := flags(batch, 2)
	if err != nil {
		return err
	}
	for i := range businesses {
		values := series.Anything()
		if nonNegative[i] {
			values = series.NonNegative()
		}
		builder.Declare(businesses[i], kpis[i], values)
	}
	return nil
}

// readPrior returns the methods chosen in the vintages of the last days.
func readPrior(ctx context.Context, in Tables, history *series.Batch) (*forecast.Prior, error) {
	prior := forecast.NewPrior(history)
	batches, err := in.Scan(ctx, inputPrevious)
	if err != nil {
		return nil, err
	}
	for batch, err := range batches {
		if err == nil {
			err = recall(prior, batch)
		}
		if err != nil {
			return nil, err
		}
	}
	return prior, nil
}

func recall(prior *forecast.Prior, batch arrow.RecordBatch) error {
	businesses, err := texts(batch, 0)
	if err != nil {
		return err
	}
	kpis, err := texts(batch, 1)
	if err != nil {
		return err
	}
	methods, err := texts(batch, 2)
	if err != nil {
		return err
	}
	errors, err := floats(batch, 3)
	if err != nil {
		return err
	}
	chosen, err := days(batch, 4)
	if err != nil {
		return err
	}
	for i := range businesses {
		prior.Set(businesses[i], kpis[i], methods[i], errors[i], chosen[i])
	}
	return nil
}

// warnEach reports each error that err joins as an item left out.
func warnEach(p Params, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, part := range joined.Unwrap() {
			p.Warn(part)
		}
		return
	}
	if err != nil {
		p.Warn(err)
	}
}

// forecastRows returns the rows of series from to to (exclusive) as columns of ForecastRow.
func forecastRows(history *series.Batch, v *forecast.Vintage, from, to int, vintage dataset.Days) arrow.RecordBatch {
	text, date, number, whole := arrow.BinaryTypes.String, arrow.FixedWidthTypes.Date32, arrow.PrimitiveTypes.Float64, arrow.PrimitiveTypes.Int32
	builder := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "business_id", Type: text}, {Name: "kpi_id", Type: text}, {Name: "vintage", Type: date}, {Name: "day", Type: date}, {Name: "horizon", Type: whole},
		{Name: "mean", Type: number}, {Name: "lower_80", Type: number}, {Name: "upper_80", Type: number}, {Name: "lower_95", Type: number}, {Name: "upper_95", Type: number},
		{Name: "method", Type: text}, {Name: "selected_on", Type: date}, {Name: "mase", Type: number, Nullable: true},
	}, nil))
	defer builder.Release()
	for i := from; i < to; i++ {
		lo, hi := v.Rows(i)
		for row := lo; row < hi; row++ {
			builder.Field(0).(*array.StringBuilder).Append(history.BusinessID[i])
			builder.Field(1).(*array.StringBuilder).Append(history.KPIID[i])
			builder.Field(2).(*array.Date32Builder).Append(arrow.Date32(vintage))
			builder.Field(10).(*array.StringBuilder).Append(v.Method[i])
			builder.Field(11).(*array.Date32Builder).Append(arrow.Date32(v.SelectedOn[i]))
			if mase := builder.Field(12).(*array.Float64Builder); math.IsNaN(v.MASE[i]) {
				mase.AppendNull()
			} else {
				mase.Append(v.MASE[i])
			}
		}
		for _, day := range v.Day[lo:hi] {
			builder.Field(3).(*array.Date32Builder).Append(arrow.Date32(day))
		}
		builder.Field(4).(*array.Int32Builder).AppendValues(v.Horizon[lo:hi], nil)
		for field, values := range [][]float64{v.Mean, v.Lower80, v.Upper80, v.Lower95, v.Upper95} {
			builder.Field(5+field).(*array.Float64Builder).AppendValues(values[lo:hi], nil)
		}
	}
	return builder.NewRecordBatch()
}
