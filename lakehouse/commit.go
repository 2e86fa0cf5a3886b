package lakehouse

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// Keys of a snapshot's summary.
const (
	summaryRun     = "signalcraft.run"
	summaryUnit    = "signalcraft.unit"
	summaryContent = "signalcraft.content"
	summaryAsOf    = "signalcraft.as-of"
)

// Commit says what a snapshot is made for; it is kept in the snapshot's summary.
type Commit struct {
	// RunID is the run that commits.
	RunID string
	// Unit names what is landed, among everything landed in this table: "gdelt/paris", "kpi_daily/2024-05".
	Unit string
	// Content is a digest of the rows. When the unit's latest commit in the table has the same content,
	// the commit does nothing. Empty means that the commit is always made.
	Content string
	// AsOf is the run's as-of instant; zero is not recorded.
	AsOf time.Time
}

// Result is what a commit did.
type Result struct {
	// Snapshot is the table's snapshot after the commit; 0 when the table has none.
	Snapshot int64
	// Rows and Files count what was added.
	Rows  int64
	Files int
	// NoOp is true when the unit had already landed this content, or there was nothing to do.
	NoOp bool
}

func (c Commit) summary() iceberg.Properties {
	summary := iceberg.Properties{summaryRun: c.RunID, summaryUnit: c.Unit, summaryContent: c.Content}
	if !c.AsOf.IsZero() {
		summary[summaryAsOf] = c.AsOf.UTC().Format(time.RFC3339Nano)
	}
	return summary
}

// landed reports whether the latest commit of c's unit that led to the current snapshot
// has c's content. Content "" has never landed.
func (c Commit) landed(metadata table.Metadata) bool {
	if c.Content == "" {
		return false
	}
	for s := metadata.CurrentSnapshot(); s != nil; {
		if s.Summary != nil && s.Summary.Properties[summaryUnit] == c.Unit {
			return s.Summary.Properties[summaryContent] == c.Content
		}
		if s.ParentSnapshotID == nil {
			return false
		}
		s = metadata.SnapshotByID(*s.ParentSnapshotID)
	}
	return false
}

// unchanged is the result of a commit that did nothing.
func unchanged(metadata table.Metadata) Result {
	if s := metadata.CurrentSnapshot(); s != nil {
		return Result{Snapshot: s.SnapshotID, NoOp: true}
	}
	return Result{NoOp: true}
}

// removal chooses the live data files that a commit takes out of the table; nil takes none.
type removal func(iceberg.DataFile) (bool, error)

// commit adds published files to table name and removes those that out chooses, in one snapshot.
func (l *Lake) commit(ctx context.Context, name string, c Commit, files []*stagedFile, out removal) (Result, error) {
	var result Result
	err := l.write(ctx, name, func(s *session) error {
		if c.landed(s.table.Metadata()) {
			result = unchanged(s.table.Metadata())
			return nil
		}
		added, removed := make([]iceberg.DataFile, len(files)), []iceberg.DataFile(nil)
		for i, f := range files {
			added[i] = f.data
			result.Rows += f.data.Count()
		}
		result.Files = len(files)
		if out != nil {
			var err error
			if removed, err = chosen(l, s.table, out); err != nil {
				return err
			}
		}
		if len(added) == 0 && len(removed) == 0 && c.Content == "" {
			result = unchanged(s.table.Metadata())
			return nil
		}
		tx := s.table.NewTransaction()
		if err := change(ctx, tx, added, removed, c.summary()); err != nil {
			return fmt.Errorf("prepare snapshot: %w", err)
		}
		t, err := tx.Commit(ctx)
		if err != nil {
			return err
		}
		result.Snapshot = t.CurrentSnapshot().SnapshotID
		return nil
	})
	if err != nil {
		return Result{}, err
	}
	l.logger.Info("commit", "dataset", name, "run", c.RunID, "unit", c.Unit, "rows", result.Rows, "files", result.Files,
		"snapshot", strconv.FormatInt(result.Snapshot, 10), "noop", result.NoOp)
	return result, nil
}

// change puts one snapshot into tx. With nothing to add or remove it is an empty one,
// which still records that the unit landed this content.
func change(ctx context.Context, tx *table.Transaction, added, removed []iceberg.DataFile, summary iceberg.Properties) error {
	switch {
	case len(removed) > 0:
		return tx.ReplaceDataFilesWithDataFiles(ctx, removed, added, summary)
	case len(added) > 0:
		return tx.AddDataFiles(ctx, added, summary, table.WithoutDuplicateCheck()) // file names are random
	}
	return tx.AddFiles(ctx, nil, summary, true)
}

// chosen returns the live data files of t that out chooses.
func chosen(l *Lake, t *table.Table, out removal) ([]iceberg.DataFile, error) {
	snapshot := t.CurrentSnapshot()
	if snapshot == nil {
		return nil, nil
	}
	var files []iceberg.DataFile
	manifests, err := snapshot.Manifests(l.storage.files)
	if err != nil {
		return nil, fmt.Errorf("read manifests: %w", err)
	}
	for _, m := range manifests {
		for entry, err := range m.Entries(l.storage.files, true) {
			if err != nil {
				return nil, fmt.Errorf("read manifest %s: %w", m.FilePath(), err)
			}
			take, err := out(entry.DataFile())
			if err != nil {
				return nil, err
			}
			if take {
				files = append(files, entry.DataFile())
			}
		}
	}
	return files, nil
}

// within returns the removal of every file whose partition lies in windows, nil for the
// whole table, after checking that windows are whole partitions and that files lie in them.
func within(d dataset.Dataset, windows []dataset.Window, files []*stagedFile) (removal, error) {
	if windows == nil {
		return func(iceberg.DataFile) (bool, error) { return true, nil }, nil
	}
	if len(windows) == 0 {
		return nil, errors.New("no windows; nil stands for the whole table")
	}
	transform := d.Partition.Transform
	inside := func(start time.Time) bool {
		for _, w := range windows {
			if w.Contains(start) {
				return true
			}
		}
		return false
	}
	for _, w := range windows {
		if w.IsZero() {
			continue
		}
		if transform == dataset.None {
			return nil, fmt.Errorf("window %s: the table is not partitioned and can only be replaced whole", w)
		}
		if aligned := w.Align(transform); !aligned.Start.Equal(w.Start) || !aligned.End.Equal(w.End) || !w.Start.Before(w.End) {
			return nil, fmt.Errorf("window %s: want whole partitions of %s", w, partitioning(d))
		}
	}
	for _, f := range files {
		if !inside(f.partition) {
			return nil, fmt.Errorf("file %s: its partition %s lies outside the windows", f.local, partitionName(transform, f.partition))
		}
	}
	return func(data iceberg.DataFile) (bool, error) {
		if transform == dataset.None {
			return true, nil
		}
		start, err := partitionStart(transform, data)
		return err == nil && inside(start), err
	}, nil
}
