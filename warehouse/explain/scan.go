package explain

import (
	"context"
	"errors"
	"math"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// scan calls visit for each row of a lake table in a window. A table that nothing has made yet has no rows.
func scan(ctx context.Context, lake *lakehouse.Lake, table string, columns []string, w dataset.Window, visit func(batch arrow.RecordBatch, row int)) error {
	batches, err := lake.Scan(ctx, table, columns, lakehouse.ReadOptions{Window: w})
	if errors.Is(err, lakehouse.ErrNoTable) {
		return nil
	}
	if err != nil {
		return err
	}
	for batch, err := range batches {
		if err != nil {
			return err
		}
		for row := range int(batch.NumRows()) {
			visit(batch, row)
		}
		batch.Release()
	}
	return nil
}

// The functions below read a cell of a column that dataset or a model's header declares; another type is a programmer's mistake
// and panics.

// word returns a text that outlives its batch; null is "".
func word(b arrow.RecordBatch, column, row int) string {
	if b.Column(column).IsNull(row) {
		return ""
	}
	return strings.Clone(b.Column(column).(*array.String).Value(row))
}

// is reports whether a text is the given one, without keeping it.
func is(b arrow.RecordBatch, column, row int, want string) bool {
	return b.Column(column).IsValid(row) && b.Column(column).(*array.String).Value(row) == want
}

func day(b arrow.RecordBatch, column, row int) dataset.Days {
	return dataset.Days(b.Column(column).(*array.Date32).Value(row))
}

// number returns a float; null is NaN.
func number(b arrow.RecordBatch, column, row int) float64 {
	if b.Column(column).IsNull(row) {
		return math.NaN()
	}
	return b.Column(column).(*array.Float64).Value(row)
}

// integer returns a whole number of either size.
func integer(b arrow.RecordBatch, column, row int) int64 {
	if whole, ok := b.Column(column).(*array.Int32); ok {
		return int64(whole.Value(row))
	}
	return b.Column(column).(*array.Int64).Value(row)
}
