package lakehouse

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// rowGroupRows is how many rows a row group holds; it is the number that DuckDB reads as one unit of work.
const rowGroupRows = 122_880

// arrowTypes pairs every dataset type with its Arrow type.
var arrowTypes = [...]arrow.DataType{
	dataset.Bool:      arrow.FixedWidthTypes.Boolean,
	dataset.Int32:     arrow.PrimitiveTypes.Int32,
	dataset.Int64:     arrow.PrimitiveTypes.Int64,
	dataset.Float64:   arrow.PrimitiveTypes.Float64,
	dataset.String:    arrow.BinaryTypes.String,
	dataset.Date:      arrow.FixedWidthTypes.Date32,
	dataset.Timestamp: arrow.FixedWidthTypes.Timestamp_us,
}

// arrowSchema returns the Arrow schema of columns, with Parquet field ids.
func arrowSchema(columns []dataset.Column) *arrow.Schema {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		id := arrow.NewMetadata([]string{"PARQUET:field_id"}, []string{strconv.Itoa(c.ID)})
		fields[i] = arrow.Field{Name: c.Name, Type: arrowTypes[c.Type], Nullable: !c.Required, Metadata: id}
	}
	return arrow.NewSchema(fields, nil)
}

// WriteArrow stages the rows of recs: one file for each partition they touch, columns
// found by name. A column may be absent when it is optional; text may come in any
// of Arrow's text layouts and timestamps in any unit. Rows keep their order, so a reader
// gains if they come in the dataset's sort order. WriteArrow stops at the first error that recs
// yields, and then the staging must be discarded. It releases no batch.
func (s *Staging) WriteArrow(ctx context.Context, recs iter.Seq2[arrow.RecordBatch, error]) (err error) {
	w := &arrowWriter{staging: s, schema: arrowSchema(s.dataset.Columns), files: map[time.Time]*pqarrow.FileWriter{}}
	defer func() {
		if closing := w.close(); err == nil {
			err = wrap(closing, "stage %s", s.dataset.Name)
		}
	}()
	for batch, err := range recs {
		if err != nil {
			return fmt.Errorf("stage %s: %w", s.dataset.Name, err)
		}
		if err := w.write(ctx, batch); err != nil {
			return fmt.Errorf("stage %s: %w", s.dataset.Name, err)
		}
	}
	return nil
}

// arrowWriter keeps one open Parquet file for each partition.
type arrowWriter struct {
	staging *Staging
	schema  *arrow.Schema
	files   map[time.Time]*pqarrow.FileWriter
}

func (w *arrowWriter) write(ctx context.Context, batch arrow.RecordBatch) error {
	if batch.NumRows() == 0 {
		return nil
	}
	fitted, err := fit(ctx, w.schema, batch)
	if err != nil {
		return err
	}
	defer fitted.Release()
	starts, rows, err := w.split(fitted)
	if err != nil {
		return err
	}
	for _, start := range starts {
		part := fitted
		if len(starts) > 1 {
			if part, err = take(ctx, fitted, rows[start]); err != nil {
				return err
			}
		}
		err := w.append(start, part)
		if part != fitted {
			part.Release()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// split returns the partitions that batch touches, in order, and the rows of each.
func (w *arrowWriter) split(batch arrow.RecordBatch) ([]time.Time, map[time.Time][]int64, error) {
	partition := w.staging.dataset.Partition
	if partition.Transform == dataset.None {
		return []time.Time{{}}, nil, nil
	}
	column := batch.Column(w.schema.FieldIndices(partition.Column)[0])
	if n := column.NullN(); n > 0 {
		return nil, nil, fmt.Errorf("column %s: %d nulls in the partition column", partition.Column, n)
	}
	var current dataset.Window
	var starts []time.Time
	rows := map[time.Time][]int64{}
	for i := range column.Len() {
		var at time.Time
		switch values := column.(type) {
		case *array.Date32:
			at = dataset.FromDays(int32(values.Value(i)))
		case *array.Timestamp:
			at = time.UnixMicro(int64(values.Value(i))).UTC()
		}
		if current.IsZero() || !current.Contains(at) {
			current = dataset.Window{Start: partition.Transform.Truncate(at), End: partition.Transform.Next(at)}
			if _, ok := rows[current.Start]; !ok {
				starts = append(starts, current.Start)
			}
		}
		rows[current.Start] = append(rows[current.Start], int64(i))
	}
	slices.SortFunc(starts, time.Time.Compare)
	return starts, rows, nil
}

func (w *arrowWriter) append(start time.Time, batch arrow.RecordBatch) error {
	writer, ok := w.files[start]
	if !ok {
		sink, err := os.Create(w.staging.NewFile())
		if err != nil {
			return err
		}
		properties := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithMaxRowGroupLength(rowGroupRows))
		if writer, err = pqarrow.NewFileWriter(w.schema, sink, properties, pqarrow.DefaultWriterProps()); err != nil {
			return errors.Join(err, sink.Close())
		}
		w.files[start] = writer
	}
	return writer.WriteBuffered(batch)
}

// close finishes every file; pqarrow closes the file below.
func (w *arrowWriter) close() error {
	var faults []error
	for _, writer := range w.files {
		faults = append(faults, writer.Close())
	}
	return errors.Join(faults...)
}

// fit returns batch with exactly the columns of schema.
func fit(ctx context.Context, schema *arrow.Schema, batch arrow.RecordBatch) (arrow.RecordBatch, error) {
	for _, f := range batch.Schema().Fields() {
		if !schema.HasField(f.Name) {
			return nil, fmt.Errorf("column %s: the table has no such column", f.Name)
		}
	}
	columns := make([]arrow.Array, schema.NumFields())
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i, f := range schema.Fields() {
		at := batch.Schema().FieldIndices(f.Name)
		switch {
		case len(at) > 1:
			return nil, fmt.Errorf("column %s: stands %d times in the batch", f.Name, len(at))
		case len(at) == 1:
			column, err := convert(ctx, batch.Column(at[0]), f.Type)
			if err != nil {
				return nil, fmt.Errorf("column %s: %w", f.Name, err)
			}
			columns[i] = column
		case f.Nullable:
			columns[i] = array.MakeArrayOfNull(memory.DefaultAllocator, f.Type, int(batch.NumRows()))
		default:
			return nil, fmt.Errorf("column %s: it is required, and absent from the batch", f.Name)
		}
		if !f.Nullable && columns[i].NullN() > 0 {
			return nil, fmt.Errorf("column %s: %d nulls in a required column", f.Name, columns[i].NullN())
		}
	}
	return array.NewRecordBatch(schema, columns, batch.NumRows()), nil
}

// convert returns values as type want, which may differ only in how text or instants are laid out.
func convert(ctx context.Context, values arrow.Array, want arrow.DataType) (arrow.Array, error) {
	have := values.DataType()
	if arrow.TypeEqual(have, want) {
		values.Retain()
		return values, nil
	}
	text := func(t arrow.DataType) bool {
		if d, ok := t.(*arrow.DictionaryType); ok {
			t = d.ValueType
		}
		return t.ID() == arrow.STRING || t.ID() == arrow.LARGE_STRING || t.ID() == arrow.STRING_VIEW
	}
	zoned, ok := have.(*arrow.TimestampType)
	if !(text(have) && text(want)) && !(ok && zoned.TimeZone != "" && want.ID() == arrow.TIMESTAMP) {
		return nil, fmt.Errorf("the batch has %s, the table wants %s", have, want)
	}
	return compute.CastArray(ctx, values, compute.SafeCastOptions(want))
}

// take returns the given rows of batch.
func take(ctx context.Context, batch arrow.RecordBatch, rows []int64) (arrow.RecordBatch, error) {
	builder := array.NewInt64Builder(memory.DefaultAllocator)
	defer builder.Release()
	builder.AppendValues(rows, nil)
	indices := builder.NewArray()
	defer indices.Release()
	columns := make([]arrow.Array, batch.NumCols())
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i := range columns {
		taken, err := compute.TakeArray(ctx, batch.Column(i), indices)
		if err != nil {
			return nil, fmt.Errorf("split batch: %w", err)
		}
		columns[i] = taken
	}
	return array.NewRecordBatch(batch.Schema(), columns, int64(len(rows))), nil
}
