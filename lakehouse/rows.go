package lakehouse

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
	"golang.org/x/sync/errgroup"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

const (
	// rowChunk is how many rows are handed to the Parquet writer at once.
	rowChunk = 4096
	// dictionaryBytes is how large a column's dictionary may grow before its values are written plainly.
	dictionaryBytes = 1 << 20
)

// Append lands rows, structs of package dataset, in the table of d: sorted by d.Sort and
// split into one file per partition. When it returns without an error the rows are durable
// and visible; when it fails none of them is. rows is neither changed nor kept.
func Append[T any](ctx context.Context, l *Lake, d dataset.Dataset, c Commit, rows []T) (Result, error) {
	return land(ctx, l, d, c, rows, (*Staging).Append)
}

// ReplaceAll is Append that puts rows in the place of all that the table holds.
func ReplaceAll[T any](ctx context.Context, l *Lake, d dataset.Dataset, c Commit, rows []T) (Result, error) {
	return land(ctx, l, d, c, rows, func(s *Staging, ctx context.Context, c Commit) (Result, error) {
		return s.Replace(ctx, c, nil)
	})
}

func land[T any](ctx context.Context, l *Lake, d dataset.Dataset, c Commit, rows []T, finish func(*Staging, context.Context, Commit) (Result, error)) (Result, error) {
	s, err := l.Stage(ctx, d)
	if err != nil {
		return Result{}, err
	}
	if c.landed(s.table.Metadata()) { // before anything is written; the commit looks again
		return unchanged(s.table.Metadata()), s.Discard()
	}
	if err := writeRows(ctx, s, rows); err != nil {
		return Result{}, errors.Join(fmt.Errorf("stage %s: %w", d.Name, err), s.Discard())
	}
	return finish(s, ctx, c)
}

// writeRows stages rows, partitions side by side.
func writeRows[T any](ctx context.Context, s *Staging, rows []T) error {
	if len(rows) >= math.MaxInt32 {
		return fmt.Errorf("%d rows are too many for one commit", len(rows))
	}
	fields, err := fieldsOf[T](s.dataset)
	if err != nil {
		return err
	}
	if err := checkText(fields, rows); err != nil {
		return err
	}
	keys := make([]sortKey, len(s.dataset.Sort))
	for i, name := range s.dataset.Sort {
		keys[i] = keyOf(rows, fields[name])
	}
	if len(keys) > 0 {
		s.order = s.table.SortOrder().OrderID()
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, part := range parts(s.dataset.Partition, rows, fields[s.dataset.Partition.Column]) {
		path := s.NewFile()
		group.Go(func() error {
			order(part, keys)
			return writeFile(ctx, path, rows, part)
		})
	}
	return group.Wait()
}

// fieldsOf returns the index of T's field for each column, after comparing T's Parquet schema with d.
func fieldsOf[T any](d dataset.Dataset) (map[string]int, error) {
	schema := parquet.SchemaOf(*new(T))
	row := reflect.TypeFor[T]()
	if row.Kind() != reflect.Struct || row.NumField() != len(schema.Fields()) {
		return nil, fmt.Errorf("row type %s is not a flat struct", row)
	}
	fields := map[string]int{}
	var faults []error
	for i := range row.NumField() {
		name, _, _ := strings.Cut(row.Field(i).Tag.Get("parquet"), ",")
		fields[name] = i
	}
	for _, f := range schema.Fields() {
		column, ok := d.Column(f.Name())
		if !ok || column.ID != f.ID() || column.Required != f.Required() {
			faults = append(faults, fmt.Errorf("row type %s, field %s: id %d and required=%t are not a column of the table", row, f.Name(), f.ID(), f.Required()))
		}
	}
	for _, c := range d.Columns {
		if _, ok := fields[c.Name]; !ok && c.Required {
			faults = append(faults, fmt.Errorf("row type %s: no field for required column %s", row, c.Name))
		}
	}
	return fields, errors.Join(faults...)
}

// checkText refuses text that is not UTF-8: DuckDB would refuse every query over the file.
func checkText[T any](fields map[string]int, rows []T) error {
	row := reflect.TypeFor[T]()
	for name, field := range fields {
		kind := row.Field(field).Type
		pointer := kind.Kind() == reflect.Pointer
		if pointer {
			kind = kind.Elem()
		}
		if kind.Kind() != reflect.String {
			continue
		}
		for i := range rows {
			v := reflect.ValueOf(&rows[i]).Elem().Field(field)
			if pointer {
				v = v.Elem()
			}
			if v.IsValid() && !utf8.ValidString(v.String()) {
				return fmt.Errorf("row %d, column %s: the text is not UTF-8", i, name)
			}
		}
	}
	return nil
}

// parts returns the row numbers of each partition, in the order of partitions.
func parts[T any](p dataset.Partition, rows []T, field int) [][]int32 {
	if len(rows) == 0 {
		return nil
	}
	found := map[time.Time][]int32{}
	var starts []time.Time
	var current dataset.Window
	for i := range rows {
		start := time.Time{}
		if p.Transform != dataset.None {
			at := timeOf(reflect.ValueOf(&rows[i]).Elem().Field(field))
			if current.IsZero() || !current.Contains(at) {
				current = dataset.Window{Start: p.Transform.Truncate(at), End: p.Transform.Next(at)}
			}
			start = current.Start
		}
		if _, ok := found[start]; !ok {
			starts = append(starts, start)
		}
		found[start] = append(found[start], int32(i))
	}
	slices.SortFunc(starts, time.Time.Compare)
	ordered := make([][]int32, len(starts))
	for i, start := range starts {
		ordered[i] = found[start]
	}
	return ordered
}

// timeOf returns the instant that a date or timestamp field holds.
func timeOf(v reflect.Value) time.Time {
	if days, ok := v.Interface().(dataset.Days); ok {
		return dataset.FromDays(days)
	}
	at, _ := v.Interface().(time.Time)
	return at
}

// writeFile writes the given rows, in that order, as one Parquet file.
func writeFile[T any](ctx context.Context, path string, rows []T, numbers []int32) (err error) {
	sink, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sink.Close()) }()
	w := parquet.NewGenericWriter[T](sink,
		parquet.Compression(&zstd.Codec{Level: zstd.DefaultLevel}),
		parquet.MaxRowsPerRowGroup(rowGroupRows),
		parquet.DefaultEncodingFor(parquet.ByteArray, &parquet.RLEDictionary),
		parquet.DictionaryMaxBytes(dictionaryBytes))
	buffer := make([]T, 0, min(rowChunk, len(numbers)))
	for chunk := range slices.Chunk(numbers, rowChunk) {
		if err := ctx.Err(); err != nil {
			return err
		}
		buffer = buffer[:0]
		for _, n := range chunk {
			buffer = append(buffer, rows[n])
		}
		if _, err := w.Write(buffer); err != nil {
			return fmt.Errorf("write Parquet: %w", err)
		}
	}
	return wrap(w.Close(), "write Parquet")
}
