package kpi

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/signalcraft/signalcraft/pipelines/kpi/columnar"
)

// readParquet reads the columns that the Spec names.
func (f *reading) readParquet(ctx context.Context, r io.Reader) error {
	reader, size, err := anywhere(r)
	if err != nil {
		return err
	}
	file, err := columnar.Open(reader, size)
	if err != nil {
		return err
	}
	columns := f.spec.columns()
	if f.header, err = locate(columns, f.spec); err != nil {
		return err
	}
	f.fields, f.kinds = make([][]byte, len(columns)), make([]kind, len(columns))
	return file.Read(columns, func(number int64, values []columnar.Value, problem string) error {
		if number%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		f.number = number
		reason := problem
		if problem == "" {
			reason = f.columnValues(values)
		}
		var raw []byte
		if reason != "" || len(f.pending) > 0 {
			raw = rawValues(columns, values)
		}
		return f.take(number, reason, raw)
	})
}

func (f *reading) columnValues(values []columnar.Value) string {
	for i, v := range values {
		f.fields[i], f.kinds[i] = append(f.fields[i][:0], v.Text...), textCell
		switch v.Kind {
		case columnar.Number:
			f.kinds[i] = numberCell
		case columnar.Time:
			f.kinds[i] = timeCell
		}
	}
	return f.record(f.fields, f.kinds)
}

// rawValues writes what was read of a row as name=value, by column.
func rawValues(columns []string, values []columnar.Value) []byte {
	parts := make([]string, len(columns))
	for i, name := range columns {
		parts[i] = name + "=" + quoted(values[i].Text)
	}
	slices.Sort(parts)
	return []byte(strings.Join(parts, ","))
}
