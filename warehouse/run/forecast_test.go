package run

import (
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/models/series"
)

// The history's rule is tested from inside: through a lake it would take a business in each zone.

func TestHistoryLeavesOutDaysThatHaveNotEnded(t *testing.T) {
	asOf := time.Date(2024, 6, 10, 2, 0, 0, 0, time.UTC)
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "business_id", Type: arrow.BinaryTypes.String}, {Name: "kpi_id", Type: arrow.BinaryTypes.String}, {Name: "day", Type: arrow.FixedWidthTypes.Date32},
		{Name: "value", Type: arrow.PrimitiveTypes.Float64, Nullable: true}, {Name: "starts_at", Type: arrow.FixedWidthTypes.Timestamp_us}, {Name: "hours_expected", Type: arrow.PrimitiveTypes.Int32},
	}, nil))
	defer b.Release()
	add := func(day int) {
		starts := time.Date(2024, 6, day, 0, 0, 0, 0, time.UTC)
		b.Field(0).(*array.StringBuilder).Append("b")
		b.Field(1).(*array.StringBuilder).Append("k")
		b.Field(2).(*array.Date32Builder).Append(arrow.Date32(dataset.ToDays(starts)))
		b.Field(3).(*array.Float64Builder).Append(float64(day))
		b.Field(4).(*array.TimestampBuilder).Append(arrow.Timestamp(starts.UnixMicro()))
		b.Field(5).(*array.Int32Builder).Append(24)
	}
	add(7)
	add(8)
	add(9)  // just over
	add(10) // two hours old: a total so far
	add(11) // not begun
	batch := b.NewRecordBatch()
	defer batch.Release()
	var builder series.Builder
	if err := appendDays(&builder, batch, asOf); err != nil {
		t.Fatal(err)
	}
	history, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	if history.Len() != 1 || history.LastDay(0) != dataset.ToDays(asOf)-1 || len(history.Series(0)) != 3 {
		t.Errorf("history = %v up to day %d, want three days up to %d", history.Values, history.LastDay(0), dataset.ToDays(asOf)-1)
	}
}
