package run

import (
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/signalcraft/signalcraft/models/anomaly"
	"github.com/signalcraft/signalcraft/models/series"
)

// scoreSchema is AnomalyScoreRow's columns.
func scoreSchema() *arrow.Schema {
	text, number, flag := arrow.BinaryTypes.String, arrow.PrimitiveTypes.Float64, arrow.FixedWidthTypes.Boolean
	return arrow.NewSchema([]arrow.Field{
		{Name: "business_id", Type: text}, {Name: "kpi_id", Type: text}, {Name: "day", Type: arrow.FixedWidthTypes.Date32},
		{Name: "starts_at", Type: arrow.FixedWidthTypes.Timestamp_us}, {Name: "value", Type: number, Nullable: true}, {Name: "expected", Type: number},
		{Name: "lower", Type: number}, {Name: "upper", Type: number}, {Name: "score", Type: number}, {Name: "threshold", Type: number},
		{Name: "kind", Type: text}, {Name: "severity", Type: text, Nullable: true}, {Name: "alarm", Type: flag}, {Name: "ongoing", Type: flag},
		{Name: "large", Type: flag}, {Name: "method", Type: text}, {Name: "past_values", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
}

// scoreRow is one row of the verdicts with its series' values at hand.
type scoreRow struct {
	series   int
	day      int32
	value    float64 // NaN when missing
	past     int64
	tellable bool
}

// rows returns the verdicts as columns of AnomalyScoreRow, those of days left out that are not to be told of: after the business's last
// settled day, and after mostMissing days without a value. The bounds stay in the KPI's range.
func (s *judged) rows(part *series.Batch, least []float64, setting loudness, v *anomaly.Verdicts) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, scoreSchema())
	defer b.Release()
	threshold := setting.threshold()
	for i := range part.Len() {
		lo, hi := v.Rows(i)
		walk := newDayWalk(part, i)
		for k := lo; k < hi; k++ {
			row := walk.to(v.Day[k])
			if !row.tellable || (math.IsNaN(row.value) && row.day > setting.settled) {
				continue
			}
			b.Field(0).(*array.StringBuilder).Append(part.BusinessID[i])
			b.Field(1).(*array.StringBuilder).Append(part.KPIID[i])
			b.Field(2).(*array.Date32Builder).Append(arrow.Date32(row.day))
			b.Field(3).(*array.TimestampBuilder).Append(arrow.Timestamp(s.startOf(setting.zone, row.day).UnixMicro()))
			appendFinite(b.Field(4), row.value)
			r := part.Range[i]
			for c, value := range []float64{v.Expected[k], v.Lower[k], v.Upper[k]} {
				b.Field(5 + c).(*array.Float64Builder).Append(max(r.Lowest, min(value, r.Highest)))
			}
			b.Field(8).(*array.Float64Builder).Append(v.Score[k])
			b.Field(9).(*array.Float64Builder).Append(threshold)
			b.Field(10).(*array.StringBuilder).Append(kindName(v.Kind[k], row.value, max(r.Lowest, min(v.Expected[k], r.Highest))))
			if told := v.Severity[k].String(); told == "" {
				b.Field(11).AppendNull()
			} else {
				b.Field(11).(*array.StringBuilder).Append(told)
			}
			b.Field(12).(*array.BooleanBuilder).Append(v.Alarm[k])
			b.Field(13).(*array.BooleanBuilder).Append(v.Ongoing[k])
			b.Field(14).(*array.BooleanBuilder).Append(large(row.value, v.Expected[k], setting.leastShare, least[i], v.Kind[k]))
			b.Field(15).(*array.StringBuilder).Append(v.Method[k])
			b.Field(16).(*array.Int64Builder).Append(row.past)
		}
	}
	return b.NewRecordBatch()
}

// appendFinite appends a number, or null for one that is none.
func appendFinite(b array.Builder, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		b.AppendNull()
		return
	}
	b.(*array.Float64Builder).Append(v)
}

// dayWalk goes through the days of a series and counts its values.
type dayWalk struct {
	values  []float64
	first   int32
	series  int
	at      int32 // the next day to count
	past    int64
	missing int
}

func newDayWalk(part *series.Batch, i int) *dayWalk {
	return &dayWalk{values: part.Series(i), first: part.FirstDay[i], series: i, at: part.FirstDay[i]}
}

// value returns the value of a day; NaN beyond the last one.
func (w *dayWalk) value(day int32) float64 {
	if at := int(day - w.first); at >= 0 && at < len(w.values) {
		return w.values[at]
	}
	return math.NaN()
}

// to counts the days before day, which must not lie before the last one asked for, and returns what is known of it.
func (w *dayWalk) to(day int32) scoreRow {
	for ; w.at < day; w.at++ {
		if math.IsNaN(w.value(w.at)) {
			w.missing++
			continue
		}
		w.past++
		w.missing = 0
	}
	return scoreRow{w.series, day, w.value(day), w.past, w.missing < mostMissing}
}
