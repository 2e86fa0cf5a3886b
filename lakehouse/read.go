package lakehouse

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// ReadOptions narrows what is read.
type ReadOptions struct {
	// Window cuts on the table's time column. Zero means all; a table without a time column is always read whole.
	Window dataset.Window
	// Snapshot is the version to read; 0 means the newest.
	Snapshot int64
	// AsOf reads the version that was the newest at this instant, and nothing when the table was empty
	// then. Zero means now; Snapshot goes first.
	AsOf time.Time
}

// Files is a table, or a window of it, as a list of Parquet files.
type Files struct {
	// Snapshot is the version that was read; 0 when the table was empty.
	Snapshot int64
	// Dataset describes the table as it is now, with field ids. Columns that a file lacks read as null.
	Dataset dataset.Dataset
	// Paths are local files, or s3:// URLs, in ascending order of their names.
	Paths []string
	// Rows and Bytes are those of the files, which may hold rows outside the window.
	Rows  int64
	Bytes int64
}

// Files returns the files that hold every row of table in o's window, left out are those
// whose partition or bounds show that they hold none. It returns ErrNoTable or ErrNoSnapshot when
// there is no such thing.
func (l *Lake) Files(ctx context.Context, name string, o ReadOptions) (Files, error) {
	p, err := l.plan(ctx, name, o)
	if err != nil {
		return Files{}, fmt.Errorf("plan files of %s: %w", name, err)
	}
	files := Files{Snapshot: p.snapshot, Dataset: p.dataset}
	known := map[string]bool{} // a large file is planned as several tasks
	for _, task := range p.tasks {
		path, err := l.storage.path(task.File.FilePath())
		if err != nil {
			return Files{}, fmt.Errorf("plan files of %s: %w", name, err)
		}
		if known[path] {
			continue
		}
		known[path] = true
		files.Paths = append(files.Paths, path)
		files.Rows += task.File.Count()
		files.Bytes += task.File.FileSizeBytes()
	}
	slices.Sort(files.Paths)
	return files, nil
}

// Scan streams the rows of table in o's window, only the given columns in the given
// order, nil for all in the table's order. Columns younger than the version read are null. Rows come in no
// promised order across files. The caller releases each batch.
func (l *Lake) Scan(ctx context.Context, name string, columns []string, o ReadOptions) (iter.Seq2[arrow.RecordBatch, error], error) {
	p, err := l.plan(ctx, name, o)
	if err != nil {
		return nil, fmt.Errorf("scan %s: %w", name, err)
	}
	if columns == nil {
		for _, c := range p.dataset.Columns {
			columns = append(columns, c.Name)
		}
	}
	wanted := make([]dataset.Column, len(columns))
	for i, column := range columns {
		c, ok := p.dataset.Column(column)
		if !ok {
			return nil, fmt.Errorf("scan %s: the table has no column %q", name, column)
		}
		wanted[i] = c
	}
	if len(p.tasks) == 0 {
		return func(func(arrow.RecordBatch, error) bool) {}, nil
	}
	_, batches, err := p.table.Scan(table.WithRowFilter(p.filter), table.WithSelectedFields(columns...)).ReadTasks(ctx, p.tasks)
	if err != nil {
		return nil, fmt.Errorf("scan %s: %w", name, err)
	}
	schema := arrowSchema(wanted)
	return func(yield func(arrow.RecordBatch, error) bool) {
		for batch, err := range batches {
			if err != nil {
				yield(nil, fmt.Errorf("scan %s: %w", name, err))
				return
			}
			ordered, err := arrange(ctx, schema, batch)
			if !yield(ordered, wrap(err, "scan %s", name)) || err != nil {
				return
			}
		}
	}, nil
}

// arrange returns batch with the columns of schema, in that order and layout, and releases batch.
func arrange(ctx context.Context, schema *arrow.Schema, batch arrow.RecordBatch) (arrow.RecordBatch, error) {
	defer batch.Release()
	columns := make([]arrow.Array, schema.NumFields())
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i, f := range schema.Fields() {
		column, err := convert(ctx, batch.Column(batch.Schema().FieldIndices(f.Name)[0]), f.Type)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", f.Name, err)
		}
		columns[i] = column
	}
	return array.NewRecordBatch(schema, columns, batch.NumRows()), nil
}

// plan is what has to be read for one question.
type plan struct {
	table    *table.Table
	dataset  dataset.Dataset
	snapshot int64
	filter   iceberg.BooleanExpression
	tasks    []table.FileScanTask
}

func (l *Lake) plan(ctx context.Context, name string, o ReadOptions) (plan, error) {
	t, err := l.open(ctx, name)
	if err != nil {
		return plan{}, err
	}
	d, err := datasetOf(name, t.Metadata())
	if err != nil {
		return plan{}, err
	}
	p := plan{table: t, dataset: d, filter: filterOf(d, o.Window)}
	snapshot := t.CurrentSnapshot()
	if o.Snapshot != 0 {
		if snapshot = t.SnapshotByID(o.Snapshot); snapshot == nil {
			return plan{}, fmt.Errorf("snapshot %d: %w", o.Snapshot, ErrNoSnapshot)
		}
	} else if !o.AsOf.IsZero() {
		snapshot = t.SnapshotAsOf(o.AsOf.UnixMilli(), true)
	}
	if snapshot == nil {
		return p, nil
	}
	p.snapshot = snapshot.SnapshotID
	p.tasks, err = t.Scan(table.WithSnapshotID(p.snapshot), table.WithRowFilter(p.filter)).PlanFiles(ctx)
	if err != nil {
		return plan{}, err
	}
	for _, task := range p.tasks {
		if len(task.DeleteFiles)+len(task.EqualityDeleteFiles)+len(task.DeletionVectorFiles) > 0 {
			return plan{}, fmt.Errorf("file %s has delete files, which this lake's tables never carry; another engine wrote them: rewrite the table copy-on-write", task.File.FilePath())
		}
	}
	return p, nil
}

// filterOf returns the condition that a row of d lies in w.
func filterOf(d dataset.Dataset, w dataset.Window) iceberg.BooleanExpression {
	column, ok := d.Column(d.Time)
	if !ok || w.IsZero() {
		return iceberg.AlwaysTrue{}
	}
	at := iceberg.Reference(column.Name)
	if column.Type == dataset.Date {
		return iceberg.NewAnd(
			iceberg.GreaterThanEqual(at, iceberg.Date(firstDay(w.Start))),
			iceberg.LessThan(at, iceberg.Date(firstDay(w.End))))
	}
	return iceberg.NewAnd(
		iceberg.GreaterThanEqual(at, iceberg.Timestamp(firstMicro(w.Start))),
		iceberg.LessThan(at, iceberg.Timestamp(firstMicro(w.End))))
}

// firstDay returns the first day whose midnight UTC is not before at.
func firstDay(at time.Time) dataset.Days {
	day := dataset.ToDays(at.UTC())
	if dataset.FromDays(day).Before(at) {
		day++
	}
	return day
}

// firstMicro returns the first microsecond that is not before at.
func firstMicro(at time.Time) int64 {
	micro := at.UnixMicro()
	if time.UnixMicro(micro).Before(at) {
		micro++
	}
	return micro
}
