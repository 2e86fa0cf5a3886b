package lakehouse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

const (
	// removeAttempts is how often rows are removed anew because somebody replaced their files meanwhile.
	removeAttempts = 5
	// filterRows is how many rows are held while a file is rewritten.
	filterRows = 64 << 10
)

// errMoved is why a removal begins anew: a file that it read is no longer in the table.
var errMoved = errors.New("the table changed while its files were rewritten")

// Removed is what RemoveRows did.
type Removed struct {
	// Rows counts the rows taken out, Files the files that held some and were written anew or dropped.
	Rows  int64
	Files int
}

// RemoveRows takes out of a table the rows whose text column holds one of values, and leaves every other row as it is, in
// its file's order. Only files that hold such a row are written anew. Older snapshots still have the rows: see Expire. It may be
// called any number of times; without such rows it commits nothing.
//
// What Iceberg notes of files that a snapshot took out holds bounds of their values, so a second snapshot follows that
// no longer says so: once the older ones are expired, not even bounds are left.
func (l *Lake) RemoveRows(ctx context.Context, name string, c Commit, column string, values []string) (removed Removed, err error) {
	for range removeAttempts {
		if removed, err = l.removeRows(ctx, name, c, column, values); !errors.Is(err, errMoved) {
			break
		}
	}
	if err == nil {
		err = l.settle(ctx, name, column, values)
	}
	if err != nil {
		return Removed{}, fmt.Errorf("remove rows of %s: %w", name, err)
	}
	if removed.Files > 0 {
		l.logger.Info("rows removed", "dataset", name, "run", c.RunID, "rows", removed.Rows, "files", removed.Files)
	}
	return removed, nil
}

func (l *Lake) removeRows(ctx context.Context, name string, c Commit, column string, values []string) (Removed, error) {
	t, err := l.open(ctx, name)
	if err != nil {
		return Removed{}, err
	}
	s, err := l.searchFor(name, t.Metadata(), column, values)
	if err != nil {
		return Removed{}, err
	}
	var doomed []iceberg.DataFile
	if head := t.CurrentSnapshot(); head != nil {
		if doomed, err = s.holding(ctx, *head); err != nil {
			return Removed{}, err
		}
	}
	if len(doomed) == 0 {
		return Removed{}, nil
	}
	staging, err := l.Stage(ctx, s.dataset)
	if err != nil {
		return Removed{}, err
	}
	staging.order = commonOrder(doomed)
	removed := Removed{Files: len(doomed)}
	for _, f := range doomed {
		if err := staging.WriteArrow(ctx, s.others(ctx, f.FilePath(), &removed.Rows)); err != nil {
			return Removed{}, errors.Join(err, staging.Discard())
		}
	}
	return removed, staging.exchange(ctx, c, doomed)
}

// settle adds a snapshot with the same files when the current one names files that were taken out and that may have held such rows.
func (l *Lake) settle(ctx context.Context, name, column string, values []string) error {
	return l.write(ctx, name, func(held *session) error {
		s, err := l.searchFor(name, held.table.Metadata(), column, values)
		if err != nil {
			return err
		}
		current := held.table.CurrentSnapshot()
		if current == nil {
			return nil
		}
		if named, err := s.namedAsGone(*current); err != nil || !named {
			return err
		}
		tx := held.table.NewTransaction()
		_, err = tx.RewriteManifests(ctx,
			table.WithRewriteManifestPredicate(func(m iceberg.ManifestFile) bool { return m.DeletedDataFiles() > 0 }),
			table.WithRewriteManifestClusterBy(func(iceberg.DataFile) any { return 0 })) // else a manifest that stands alone is kept as it is
		if err == nil {
			err = standIn(tx, current, held.table.Properties())
		}
		if err != nil {
			return fmt.Errorf("prepare snapshot: %w", err)
		}
		_, err = tx.Commit(ctx)
		return err
	})
}

// commonOrder returns the sort order that all files keep, 0 when they differ.
func commonOrder(files []iceberg.DataFile) int {
	order := 0
	for i, f := range files {
		id := f.SortOrderID()
		if id == nil || i > 0 && *id != order {
			return 0
		}
		order = *id
	}
	return order
}

// exchange puts the staged files in the place of exactly those given. When one of these is no longer in the
// table, it changes nothing and returns errMoved.
func (s *Staging) exchange(ctx context.Context, c Commit, old []iceberg.DataFile) error {
	files, err := s.inspect(ctx)
	if err != nil {
		return errors.Join(err, s.Discard())
	}
	published, err := s.publish(files)
	if err == nil {
		err = s.lake.write(ctx, s.dataset.Name, func(held *session) error {
			paths := make(map[string]bool, len(old))
			for _, f := range old {
				paths[f.FilePath()] = true
			}
			live, err := chosen(s.lake, held.table, func(f iceberg.DataFile) (bool, error) { return paths[f.FilePath()], nil })
			if err != nil {
				return err
			}
			if len(live) != len(old) {
				return errMoved
			}
			added := make([]iceberg.DataFile, len(files))
			for i, f := range files {
				added[i] = f.data
			}
			tx := held.table.NewTransaction()
			if err := change(ctx, tx, added, live, c.summary()); err != nil {
				return fmt.Errorf("prepare snapshot: %w", err)
			}
			if err := standIn(tx, held.table.CurrentSnapshot(), held.table.Properties()); err != nil {
				return fmt.Errorf("prepare snapshot: %w", err)
			}
			_, err = tx.Commit(ctx)
			return err
		})
	}
	if err != nil && !errors.Is(err, ErrCommitUnknown) {
		for _, f := range published {
			err = errors.Join(err, s.lake.storage.files.Remove(f.location))
		}
	}
	return errors.Join(err, s.Discard())
}

// search looks for rows by the texts of one column.
type search struct {
	lake    *Lake
	dataset dataset.Dataset
	column  dataset.Column
	values  map[string]bool
	// files tells of every data file that was read whether it holds such a row, manifests of every manifest
	// which of its files do; neither ever changes.
	files     map[string]bool
	manifests map[string][]iceberg.DataFile
	// gone tells of every manifest whether it names files as taken out that may have held such a row.
	gone map[string]bool
}

func (l *Lake) searchFor(name string, metadata table.Metadata, column string, values []string) (*search, error) {
	d, err := datasetOf(name, metadata)
	if err != nil {
		return nil, err
	}
	c, ok := d.Column(column)
	if !ok || c.Type != dataset.String {
		return nil, fmt.Errorf("the table has no text column %q", column)
	}
	s := &search{lake: l, dataset: d, column: c, values: map[string]bool{}, files: map[string]bool{}, manifests: map[string][]iceberg.DataFile{}, gone: map[string]bool{}}
	for _, v := range values {
		s.values[v] = true
	}
	return s, nil
}

// holding returns the data files of a snapshot that hold a row that is looked for.
func (s *search) holding(ctx context.Context, snapshot table.Snapshot) ([]iceberg.DataFile, error) {
	manifests, err := snapshot.Manifests(s.lake.storage.files)
	if err != nil {
		return nil, fmt.Errorf("read manifests of snapshot %d: %w", snapshot.SnapshotID, err)
	}
	var found []iceberg.DataFile
	for _, m := range manifests {
		files, known := s.manifests[m.FilePath()]
		if !known {
			if files, err = s.listed(ctx, m); err != nil {
				return nil, err
			}
			s.manifests[m.FilePath()] = files
		}
		found = append(found, files...)
	}
	return found, nil
}

// namedAsGone reports whether a snapshot names files that it took out and that, by their bounds, may have held such a row.
func (s *search) namedAsGone(snapshot table.Snapshot) (bool, error) {
	manifests, err := snapshot.Manifests(s.lake.storage.files)
	if err != nil {
		return false, fmt.Errorf("read manifests of snapshot %d: %w", snapshot.SnapshotID, err)
	}
	for _, m := range manifests {
		if m.DeletedDataFiles() == 0 {
			continue
		}
		named, known := s.gone[m.FilePath()]
		if !known {
			for entry, err := range m.Entries(s.lake.storage.files, false) {
				if err != nil {
					return false, fmt.Errorf("read manifest %s: %w", m.FilePath(), err)
				}
				f := entry.DataFile()
				named = named || entry.Status() == iceberg.EntryStatusDELETED && s.within(f.LowerBoundValues()[s.column.ID], f.UpperBoundValues()[s.column.ID])
			}
			s.gone[m.FilePath()] = named
		}
		if named {
			return true, nil
		}
	}
	return false, nil
}

// listed returns the live data files of a manifest that hold a row that is looked for.
func (s *search) listed(ctx context.Context, m iceberg.ManifestFile) ([]iceberg.DataFile, error) {
	var found []iceberg.DataFile
	for entry, err := range m.Entries(s.lake.storage.files, true) {
		if err != nil {
			return nil, fmt.Errorf("read manifest %s: %w", m.FilePath(), err)
		}
		holds, err := s.holds(ctx, entry.DataFile())
		if err != nil {
			return nil, err
		}
		if holds {
			found = append(found, entry.DataFile())
		}
	}
	return found, nil
}

func (s *search) holds(ctx context.Context, f iceberg.DataFile) (bool, error) {
	path := f.FilePath()
	if found, known := s.files[path]; known {
		return found, nil
	}
	found := false
	if s.within(f.LowerBoundValues()[s.column.ID], f.UpperBoundValues()[s.column.ID]) {
		for batch, err := range s.scan(ctx, path, []string{s.column.Name}) {
			if err != nil {
				return false, err
			}
			values, err := textOf(batch.Column(0))
			for i := 0; err == nil && !found && i < values.Len(); i++ {
				found = !values.IsNull(i) && s.values[values.Value(i)]
			}
			batch.Release()
			if err != nil {
				return false, fmt.Errorf("file %s: %w", path, err)
			}
			if found {
				break
			}
		}
	}
	s.files[path] = found
	return found, nil
}

// within reports whether one of the values may lie between the bounds of a file, which may be cut off or absent.
func (s *search) within(lower, upper []byte) bool {
	for v := range s.values {
		fits := lower == nil || v >= string(lower)
		if upper != nil && bytes.Compare([]byte(v)[:min(len(v), len(upper))], upper) > 0 {
			fits = false
		}
		if fits {
			return true
		}
	}
	return false
}

// others yields the rows of a file that are not looked for, in order, and adds the number of those that are to removed.
func (s *search) others(ctx context.Context, path string, removed *int64) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for batch, err := range s.scan(ctx, path, nil) {
			if err != nil {
				yield(nil, err)
				return
			}
			kept, err := s.rest(ctx, batch)
			if err == nil {
				*removed += batch.NumRows() - kept.NumRows()
			}
			batch.Release()
			if !yield(kept, err) || err != nil {
				return
			}
			kept.Release()
		}
	}
}

// rest returns the rows of batch that are not looked for.
func (s *search) rest(ctx context.Context, batch arrow.RecordBatch) (arrow.RecordBatch, error) {
	at := batch.Schema().FieldIndices(s.column.Name)
	if len(at) == 0 {
		batch.Retain()
		return batch, nil
	}
	values, err := textOf(batch.Column(at[0]))
	if err != nil {
		return nil, err
	}
	var rows []int64
	for i := range values.Len() {
		if values.IsNull(i) || !s.values[values.Value(i)] {
			rows = append(rows, int64(i))
		}
	}
	return take(ctx, batch, rows)
}

// textOf returns an array as one of texts.
func textOf(a arrow.Array) (array.StringLike, error) {
	if values, ok := a.(array.StringLike); ok {
		return values, nil
	}
	return nil, fmt.Errorf("column is of type %s, not text", a.DataType())
}

// scan yields the rows of a data file as they lie there, only the given columns that it has, nil for all. The caller
// releases each batch.
func (s *search) scan(ctx context.Context, path string, columns []string) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		if err := s.readBatches(ctx, path, columns, yield); err != nil {
			yield(nil, fmt.Errorf("read file %s: %w", path, err))
		}
	}
}

func (s *search) readBatches(ctx context.Context, path string, columns []string, yield func(arrow.RecordBatch, error) bool) error {
	source, err := s.lake.storage.files.Open(path)
	if err != nil {
		return err
	}
	parquetFile, err := file.NewParquetReader(source)
	if err != nil {
		return errors.Join(err, source.Close())
	}
	defer parquetFile.Close() // only read; closes the source
	reader, err := pqarrow.NewFileReader(parquetFile, pqarrow.ArrowReadProperties{BatchSize: filterRows}, memory.DefaultAllocator)
	if err != nil {
		return err
	}
	var leaves []int
	for i := range parquetFile.MetaData().Schema.NumColumns() {
		if columns == nil || slices.Contains(columns, parquetFile.MetaData().Schema.Column(i).Name()) {
			leaves = append(leaves, i)
		}
	}
	if columns != nil && len(leaves) != len(columns) {
		return errors.New("column " + strconv.Quote(columns[0]) + " is not in the file")
	}
	records, err := reader.GetRecordReader(ctx, leaves, nil)
	if err != nil {
		return err
	}
	defer records.Release()
	for records.Next() {
		batch := records.RecordBatch()
		batch.Retain()
		if !yield(batch, nil) {
			return nil
		}
	}
	if err := records.Err(); err != nil {
		return err
	}
	return ctx.Err()
}
