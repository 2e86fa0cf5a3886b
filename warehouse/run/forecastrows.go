package run

import (
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/models/backtest"
	"github.com/signalcraft/signalcraft/models/forecast"
	"github.com/signalcraft/signalcraft/models/series"
)

// forecastSchema has the columns of dataset.ForecastRow.
func forecastSchema() *arrow.Schema {
	text, date, number, whole := arrow.BinaryTypes.String, arrow.FixedWidthTypes.Date32, arrow.PrimitiveTypes.Float64, arrow.PrimitiveTypes.Int32
	return arrow.NewSchema([]arrow.Field{
		{Name: "business_id", Type: text}, {Name: "kpi_id", Type: text}, {Name: "vintage", Type: date}, {Name: "day", Type: date}, {Name: "horizon", Type: whole},
		{Name: "mean", Type: number}, {Name: "lower_80", Type: number}, {Name: "upper_80", Type: number}, {Name: "lower_95", Type: number}, {Name: "upper_95", Type: number},
		{Name: "method", Type: text}, {Name: "selected_on", Type: date}, {Name: "mase", Type: number, Nullable: true},
		{Name: "trend", Type: number, Nullable: true}, {Name: "seasonal", Type: number, Nullable: true}, {Name: "long_seasonal", Type: number, Nullable: true},
		{Name: "calendar", Type: number, Nullable: true}, {Name: "measured", Type: number, Nullable: true},
		{Name: "scale", Type: number, Nullable: true}, {Name: "explanation", Type: text, Nullable: true},
	}, nil)
}

// forecastRows returns the rows of series from to to (exclusive) as columns of dataset.ForecastRow.
func forecastRows(history *series.Batch, v *forecast.Vintage, from, to int, vintage dataset.Days) (arrow.RecordBatch, error) {
	b := array.NewRecordBuilder(memory.DefaultAllocator, forecastSchema())
	defer b.Release()
	text := func(field int) *array.StringBuilder { return b.Field(field).(*array.StringBuilder) }
	date := func(field int) *array.Date32Builder { return b.Field(field).(*array.Date32Builder) }
	number := func(field int) *array.Float64Builder { return b.Field(field).(*array.Float64Builder) }
	for i := from; i < to; i++ {
		lo, hi := v.Rows(i)
		if lo == hi {
			continue
		}
		why, err := explain(history, v, i)
		if err != nil {
			return nil, err
		}
		for row := lo; row < hi; row++ {
			text(0).Append(history.BusinessID[i])
			text(1).Append(history.KPIID[i])
			date(2).Append(arrow.Date32(vintage))
			date(3).Append(arrow.Date32(v.Day[row]))
			text(10).Append(v.Method[i])
			date(11).Append(arrow.Date32(v.SelectedOn[i]))
			appendKnown(number(12), v.MASE[i])
		}
		b.Field(4).(*array.Int32Builder).AppendValues(v.Horizon[lo:hi], nil)
		for field, values := range [][]float64{v.Mean, v.Lower80, v.Upper80, v.Lower95, v.Upper95} {
			number(5+field).AppendValues(values[lo:hi], nil)
		}
		for field, values := range [][]float64{v.Trend, v.Seasonal, v.LongSeasonal, v.Calendar, v.Measured} {
			number(13+field).AppendValues(values[lo:hi], nil)
		}
		appendKnown(number(18), scaleOf(history.Series(i)))
		text(19).Append(why)
		number(18).AppendNulls(hi - lo - 1)
		text(19).AppendNulls(hi - lo - 1)
	}
	return b.NewRecordBatch(), nil
}

// scaleOf returns what errors of the forecast will be divided by: the mean absolute difference of values a week apart in the
// history that the forecast read, or of neighbouring ones when that is zero or there are none; NaN when that is so too.
func scaleOf(values []float64) float64 {
	from, to := read(values)
	for _, lag := range [...]int{weekDays, 1} {
		if scale := backtest.Scale(values[from:to], lag); scale > 0 {
			return scale
		}
	}
	return math.NaN()
}

func appendKnown(to *array.Float64Builder, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		to.AppendNull()
		return
	}
	to.Append(v)
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
