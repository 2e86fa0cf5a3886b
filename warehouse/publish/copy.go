package publish

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// column is one column to copy: its name and the Postgres type it is written as.
type column struct {
	name string
	oid  uint32
}

// Postgres counts days and microseconds from 2000-01-01, Arrow from 1970-01-01.
const (
	daysToPostgres   = 10957
	microsToPostgres = daysToPostgres * 86_400_000_000
)

// copyBatches writes batches in Postgres' binary COPY format into table and returns the
// rows written. Memory holds one encoded batch. The format is described in the
// Postgres manual under COPY, "Binary Format".
func copyBatches(ctx context.Context, conn *pgconn.PgConn, table pgx.Identifier, columns []column, batches iter.Seq2[arrow.RecordBatch, error]) (int64, error) {
	reader, writer := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		writer.CloseWithError(encodeAll(writer, columns, batches))
	}()
	tag, err := conn.CopyFrom(ctx, reader, copyStatement(table, columns))
	reader.Close()
	<-done
	return tag.RowsAffected(), err
}

// encodeAll writes header, rows and trailer; its error ends the COPY.
func encodeAll(w io.Writer, columns []column, batches iter.Seq2[arrow.RecordBatch, error]) error {
	buffer := append([]byte(nil), "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	for batch, err := range batches {
		if err != nil {
			return err
		}
		buffer, err = appendBatch(buffer, columns, batch)
		if err != nil {
			return err
		}
		if _, err := w.Write(buffer); err != nil {
			return err
		}
		buffer = buffer[:0]
	}
	_, err := w.Write(append(buffer, 0xff, 0xff))
	return err
}

// appender appends row i of one column as length and bytes.
type appender func(buffer []byte, i int) ([]byte, error)

func appendBatch(buffer []byte, columns []column, batch arrow.RecordBatch) ([]byte, error) {
	appenders := make([]appender, len(columns))
	for k, c := range columns {
		indices := batch.Schema().FieldIndices(c.name)
		if len(indices) != 1 {
			return nil, fmt.Errorf("column %s: the lake's batch has it %d times, want once", c.name, len(indices))
		}
		appendValue, err := appenderFor(c, batch.Column(indices[0]))
		if err != nil {
			return nil, err
		}
		appenders[k] = appendValue
	}
	var err error
	for i := range int(batch.NumRows()) {
		buffer = binary.BigEndian.AppendUint16(buffer, uint16(len(columns)))
		for _, appendValue := range appenders {
			if buffer, err = appendValue(buffer, i); err != nil {
				return nil, err
			}
		}
	}
	return buffer, nil
}

// appenderFor pairs an Arrow column with the Postgres type it is written as.
func appenderFor(c column, values arrow.Array) (appender, error) {
	var write appender
	switch a := values.(type) {
	case *array.String:
		write = textAppender(c, a.Value)
	case *array.LargeString:
		write = textAppender(c, a.Value)
	case *array.Float64:
		if c.oid == pgtype.Float8OID {
			write = func(b []byte, i int) ([]byte, error) { return append8(b, math.Float64bits(a.Value(i))), nil }
		}
	case *array.Int64:
		write = integerAppender(c, a.Value)
	case *array.Int32:
		write = integerAppender(c, func(i int) int64 { return int64(a.Value(i)) })
	case *array.Boolean:
		if c.oid == pgtype.BoolOID {
			write = func(b []byte, i int) ([]byte, error) { return append(append4(b, 1), boolByte(a.Value(i))), nil }
		}
	case *array.Date32:
		if c.oid == pgtype.DateOID {
			write = func(b []byte, i int) ([]byte, error) {
				return append4(append4(b, 4), uint32(int32(a.Value(i))-daysToPostgres)), nil
			}
		}
	case *array.Timestamp:
		unit := a.DataType().(*arrow.TimestampType).Unit
		if c.oid == pgtype.TimestamptzOID && unit == arrow.Microsecond {
			write = func(b []byte, i int) ([]byte, error) {
				return append8(b, uint64(int64(a.Value(i))-microsToPostgres)), nil
			}
		}
	}
	if write == nil {
		return nil, fmt.Errorf("column %s: the lake's type %s does not fit Postgres type oid %d", c.name, values.DataType(), c.oid)
	}
	return func(b []byte, i int) ([]byte, error) {
		if values.IsNull(i) {
			return append4(b, math.MaxUint32), nil
		}
		return write(b, i)
	}, nil
}

func textAppender(c column, value func(int) string) appender {
	switch c.oid {
	case pgtype.UUIDOID:
		return func(b []byte, i int) ([]byte, error) {
			id, err := uuid.Parse(value(i))
			if err != nil {
				return nil, fmt.Errorf("column %s: value %q: %w", c.name, value(i), err)
			}
			return append(append4(b, 16), id[:]...), nil
		}
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.BPCharOID:
		return func(b []byte, i int) ([]byte, error) {
			v := value(i)
			return append(append4(b, uint32(len(v))), v...), nil
		}
	}
	return nil
}

func integerAppender(c column, value func(int) int64) appender {
	switch c.oid {
	case pgtype.Int8OID:
		return func(b []byte, i int) ([]byte, error) { return append8(b, uint64(value(i))), nil }
	case pgtype.Int4OID:
		return func(b []byte, i int) ([]byte, error) {
			v := value(i)
			if v != int64(int32(v)) {
				return nil, fmt.Errorf("column %s: %d does not fit a Postgres integer", c.name, v)
			}
			return append4(append4(b, 4), uint32(int32(v))), nil
		}
	}
	return nil
}

func append4(b []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(b, v) }

// append8 appends the length 8 and the value.
func append8(b []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(append4(b, 8), v) }

func boolByte(v bool) byte {
	if v {
		return 1
	}
	return 0
}
