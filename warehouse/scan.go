package warehouse

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// scanRows is how many rows one batch of a scan holds.
const scanRows = 65_536

// Selection says what of a relation is read.
type Selection struct {
	// Relation is schema and name of something mounted.
	Relation string
	// Columns are read in this order.
	Columns []string
	// Distinct leaves out repeated rows.
	Distinct bool
	// Order names the columns that rows are sorted by; empty for no promised order.
	Order []string
	// Window cuts on column Time; the zero window takes all.
	Window dataset.Window
	Time   string
	// Keys, unless empty, takes only the rows whose text column Key holds one of them, or with Except only the others. A relation without
	// that column is read whole.
	Key    string
	Keys   []string
	Except bool
}

// Scan streams the selection as Arrow batches of the lake's types. The error of a
// broken selection comes at once, that of a broken read as the last item. A batch is
// valid until the next one is asked for; retain it to keep it. The session must not be used for
// anything else until the sequence has ended or its loop was left.
func (s *Session) Scan(ctx context.Context, sel Selection) (iter.Seq2[arrow.RecordBatch, error], error) {
	all, err := s.Describe(ctx, selectAll(sel.Relation))
	if err != nil {
		return nil, fmt.Errorf("scan %s: %w", sel.Relation, err)
	}
	source := dataset.Dataset{Name: sel.Relation, Columns: all}
	columns := make([]dataset.Column, len(sel.Columns))
	for i, name := range sel.Columns {
		column, ok := source.Column(name)
		if !ok {
			return nil, fmt.Errorf("scan %s: no column %s", sel.Relation, name)
		}
		columns[i] = column
	}
	source.Time = sel.Time
	where := whereWindow(source, sel.Window)
	if _, has := source.Column(sel.Key); has && len(sel.Keys) > 0 {
		where = whereKey(where, sel.Key, sel.Keys, sel.Except)
	}
	query := selectColumns(sel, where)
	return func(yield func(arrow.RecordBatch, error) bool) {
		if err := s.scan(ctx, query, columns, yield); err != nil {
			yield(nil, fmt.Errorf("scan %s: %w", sel.Relation, err))
		}
	}, nil
}

// scan yields batches until there are no more rows or the loop is left.
func (s *Session) scan(ctx context.Context, query string, columns []dataset.Column, yield func(arrow.RecordBatch, error) bool) error {
	rows, err := s.conn.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	builder := array.NewRecordBuilder(memory.DefaultAllocator, arrowSchema(columns))
	defer builder.Release()
	values := make([]any, len(columns))
	targets := pointers(values)
	emit := func() bool {
		batch := builder.NewRecordBatch()
		defer batch.Release()
		return yield(batch, nil)
	}
	count := 0
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		for i, value := range values {
			if err := appendValue(builder.Field(i), value); err != nil {
				return fmt.Errorf("column %s: %w", columns[i].Name, err)
			}
		}
		if count++; count%scanRows == 0 && !emit() {
			return nil
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if count%scanRows != 0 {
		emit()
	}
	return nil
}

func arrowSchema(columns []dataset.Column) *arrow.Schema {
	types := map[dataset.Type]arrow.DataType{
		dataset.Bool: arrow.FixedWidthTypes.Boolean, dataset.Int32: arrow.PrimitiveTypes.Int32, dataset.Int64: arrow.PrimitiveTypes.Int64,
		dataset.Float64: arrow.PrimitiveTypes.Float64, dataset.String: arrow.BinaryTypes.String, dataset.Date: arrow.FixedWidthTypes.Date32,
		dataset.Timestamp: arrow.FixedWidthTypes.Timestamp_us,
	}
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: c.Name, Type: types[c.Type], Nullable: true}
	}
	return arrow.NewSchema(fields, nil)
}

// appendValue adds what DuckDB's driver gave for one cell.
func appendValue(to array.Builder, value any) error {
	if value == nil {
		to.AppendNull()
		return nil
	}
	switch b := to.(type) {
	case *array.StringBuilder:
		if v, ok := value.(string); ok {
			b.Append(v)
			return nil
		}
	case *array.Float64Builder:
		if v, ok := value.(float64); ok {
			b.Append(v)
			return nil
		}
	case *array.Int64Builder:
		if v, ok := value.(int64); ok {
			b.Append(v)
			return nil
		}
	case *array.Int32Builder:
		if v, ok := value.(int32); ok {
			b.Append(v)
			return nil
		}
	case *array.BooleanBuilder:
		if v, ok := value.(bool); ok {
			b.Append(v)
			return nil
		}
	case *array.Date32Builder:
		if v, ok := value.(time.Time); ok {
			b.Append(arrow.Date32(dataset.ToDays(v.UTC())))
			return nil
		}
	case *array.TimestampBuilder:
		if v, ok := value.(time.Time); ok {
			b.Append(arrow.Timestamp(v.UnixMicro()))
			return nil
		}
	}
	return fmt.Errorf("no place for a %T in %s", value, to.Type())
}
