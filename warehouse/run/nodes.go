package run

import (
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// Nodes returns the Go models of the graph.
func Nodes() []Node {
	return []Node{newsSentiment(), kpiForecasts(), kpiAnomalyScores(), kpiTrendStatements()}
}

// The functions below read one column of a batch; they fail on a column of another type
// rather than misread it.

// texts returns a text column. Null is "". The strings lie in the batch and live as long as it does.
func texts(batch arrow.RecordBatch, i int) ([]string, error) {
	column, ok := batch.Column(i).(*array.String)
	if !ok {
		return nil, wrongType(batch, i, "text")
	}
	out := make([]string, column.Len())
	for row := range out {
		if column.IsValid(row) {
			out[row] = column.Value(row)
		}
	}
	return out, nil
}

// floats returns a column of floats. Null is NaN.
func floats(batch arrow.RecordBatch, i int) ([]float64, error) {
	column, ok := batch.Column(i).(*array.Float64)
	if !ok {
		return nil, wrongType(batch, i, "double")
	}
	out := make([]float64, column.Len())
	for row := range out {
		out[row] = math.NaN()
		if column.IsValid(row) {
			out[row] = column.Value(row)
		}
	}
	return out, nil
}

// days returns a column of dates; null is an error.
func days(batch arrow.RecordBatch, i int) ([]dataset.Days, error) {
	column, ok := batch.Column(i).(*array.Date32)
	if !ok {
		return nil, wrongType(batch, i, "date")
	}
	if column.NullN() > 0 {
		return nil, fmt.Errorf("column %s holds null", batch.ColumnName(i))
	}
	out := make([]dataset.Days, column.Len())
	for row, value := range column.Date32Values() {
		out[row] = dataset.Days(value)
	}
	return out, nil
}

// integers returns a column of 32-bit integers, which must hold no null.
func integers(batch arrow.RecordBatch, i int) ([]int32, error) {
	column, ok := batch.Column(i).(*array.Int32)
	if !ok {
		return nil, wrongType(batch, i, "integer")
	}
	if column.NullN() > 0 {
		return nil, fmt.Errorf("column %s holds null", batch.ColumnName(i))
	}
	return column.Int32Values(), nil
}

// flags returns a column of booleans. Null is false.
func flags(batch arrow.RecordBatch, i int) ([]bool, error) {
	column, ok := batch.Column(i).(*array.Boolean)
	if !ok {
		return nil, wrongType(batch, i, "boolean")
	}
	out := make([]bool, column.Len())
	for row := range out {
		out[row] = column.IsValid(row) && column.Value(row)
	}
	return out, nil
}

// micros returns a column of instants in microseconds since 1970. Null is the least number.
func micros(batch arrow.RecordBatch, i int) ([]int64, error) {
	column, ok := batch.Column(i).(*array.Timestamp)
	if !ok {
		return nil, wrongType(batch, i, "timestamptz")
	}
	out := make([]int64, column.Len())
	for row, value := range column.TimestampValues() {
		out[row] = int64(value)
		if column.IsNull(row) {
			out[row] = math.MinInt64
		}
	}
	return out, nil
}

func wrongType(batch arrow.RecordBatch, i int, want string) error {
	return fmt.Errorf("column %s is %s, want %s", batch.ColumnName(i), batch.Column(i).DataType(), want)
}
