package run

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/models/series"
	"github.com/signalcraft/signalcraft/models/trend"
)

// kpiTrendStatements says of every KPI where it goes and when its course changed. It reads history as forecasts do.
func kpiTrendStatements() Node {
	inputs := kpiForecasts().Inputs
	return Node{
		Output:  dataset.TrendStatements(),
		Version: "kpi_trend_statements/2",
		Span:    Whole,
		Inputs:  []Input{inputDaily: inputs[inputDaily], inputKPI: inputs[inputKPI], inputEntry: inputs[inputEntry]},
		Build:   stateTrends,
		Due:     dueByEndedDays,
	}
}

func stateTrends(ctx context.Context, in Tables, p Params) (iter.Seq2[arrow.RecordBatch, error], error) {
	history, err := readHistory(ctx, in, p)
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	known := newDaysKnown(history, dataset.ToDays(p.AsOf))
	if err := scanEach(ctx, in, inputEntry, known.takeEntries); err != nil {
		return nil, fmt.Errorf("read calendar entries: %w", err)
	}
	known.fill()
	statements, err := trend.Describe(ctx, history, trend.Options{Season: weekDays, History: historyDays, Workers: p.Threads})
	if statements == nil {
		return nil, err
	}
	warnEach(p, err)
	return func(yield func(arrow.RecordBatch, error) bool) {
		for from := 0; from < history.Len(); from += emitSeries {
			rows, err := trendRows(history, statements, from, min(from+emitSeries, history.Len()))
			if !yield(rows, err) || err != nil {
				return
			}
		}
	}, nil
}

// changePoint is an element of TrendStatementRow.ChangePoints.
type changePoint struct {
	Day        string  `json:"day"`
	Kind       string  `json:"kind"`
	Size       float64 `json:"size"`
	Before     float64 `json:"before"`
	After      float64 `json:"after"`
	Confidence float64 `json:"confidence"`
}

// changePoints returns the change points of series i as JSON.
func changePoints(s *trend.Statements, i int) (string, error) {
	lo, hi := s.Changes(i)
	points := make([]changePoint, 0, hi-lo)
	for k := lo; k < hi; k++ {
		points = append(points, changePoint{dataset.FromDays(s.Day[k]).Format(time.DateOnly), s.Kind[k].String(), s.Size[k], s.Before[k], s.After[k], s.Confidence[k]})
	}
	text, err := json.Marshal(points)
	return string(text), err
}

// trendRows returns the statements of series from to to (exclusive) as columns of TrendStatementRow. Series without any value have none.
func trendRows(history *series.Batch, s *trend.Statements, from, to int) (arrow.RecordBatch, error) {
	text, date, number := arrow.BinaryTypes.String, arrow.FixedWidthTypes.Date32, arrow.PrimitiveTypes.Float64
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "business_id", Type: text}, {Name: "kpi_id", Type: text}, {Name: "direction", Type: text},
		{Name: "slope", Type: number, Nullable: true}, {Name: "slope_low", Type: number, Nullable: true}, {Name: "slope_high", Type: number, Nullable: true},
		{Name: "p_value", Type: number, Nullable: true}, {Name: "tau", Type: number, Nullable: true}, {Name: "level", Type: number, Nullable: true},
		{Name: "percent_per_month", Type: number, Nullable: true},
		{Name: "first_day", Type: date}, {Name: "last_day", Type: date}, {Name: "observed", Type: arrow.PrimitiveTypes.Int32}, {Name: "change_points", Type: text},
	}, nil))
	defer b.Release()
	for i := from; i < to; i++ {
		if math.IsNaN(s.Level[i]) {
			continue
		}
		points, err := changePoints(s, i)
		if err != nil {
			return nil, fmt.Errorf("write change points of %s/%s: %w", history.BusinessID[i], history.KPIID[i], err)
		}
		b.Field(0).(*array.StringBuilder).Append(history.BusinessID[i])
		b.Field(1).(*array.StringBuilder).Append(history.KPIID[i])
		b.Field(2).(*array.StringBuilder).Append(s.Direction[i].String())
		for c, v := range []float64{s.Slope[i], s.SlopeLow[i], s.SlopeHigh[i], s.PValue[i], s.Tau[i], s.Level[i], s.PercentPerMonth(i)} {
			appendFinite(b.Field(3+c), v)
		}
		b.Field(10).(*array.Date32Builder).Append(arrow.Date32(s.FirstDay[i]))
		b.Field(11).(*array.Date32Builder).Append(arrow.Date32(s.LastDay[i]))
		b.Field(12).(*array.Int32Builder).Append(s.Observed[i])
		b.Field(13).(*array.StringBuilder).Append(points)
	}
	return b.NewRecordBatch(), nil
}
