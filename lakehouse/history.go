package lakehouse

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"golang.org/x/sync/errgroup"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// Snapshot is one version of a table.
type Snapshot struct {
	ID     int64
	Parent int64 // 0 for the first
	// At is when it was committed, in UTC with milliseconds.
	At time.Time
	// RunID, Unit, Content and AsOf are those of the Commit that made it.
	RunID   string
	Unit    string
	Content string
	AsOf    time.Time
	// Operation is append, overwrite, delete or replace, as Iceberg names them.
	Operation string
	// Rows is how many rows the table then held; Added and Removed are this snapshot's.
	Rows    int64
	Added   int64
	Removed int64
}

// Change is what happened to a table between two snapshots.
type Change struct {
	From, To int64
	// None is true when nothing changed.
	None bool
	// All is true when anything may have changed.
	All bool
	// Window holds the time of every row of every file that was added or removed; set when neither None nor All is.
	Window dataset.Window
}

// Heads returns the newest snapshot of every table by table name, 0 for a table that
// never had any rows. Metadata that has not changed since the last call is not read again.
func (l *Lake) Heads(ctx context.Context) (map[string]int64, error) {
	found, err := locations(ctx, l.db)
	if err != nil {
		return nil, fmt.Errorf("read heads: %w", err)
	}
	heads := make(map[string]int64, len(found))
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4 * runtime.GOMAXPROCS(0)) // in a bucket reading is waiting
	for name, location := range found {
		group.Go(func() error {
			t, err := l.at(ctx, name, location, nil)
			if err != nil {
				return fmt.Errorf("read heads: %w", err)
			}
			mu.Lock()
			defer mu.Unlock()
			heads[name] = head(t)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return heads, nil
}

func head(t *table.Table) int64 {
	if s := t.CurrentSnapshot(); s != nil {
		return s.SnapshotID
	}
	return 0
}

// Snapshots returns the versions that a table still holds, oldest first.
func (l *Lake) Snapshots(ctx context.Context, name string) ([]Snapshot, error) {
	t, err := l.open(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("list snapshots of %s: %w", name, err)
	}
	kept := slices.Clone(t.Metadata().Snapshots())
	slices.SortFunc(kept, func(a, b table.Snapshot) int { return cmp.Compare(a.SequenceNumber, b.SequenceNumber) })
	snapshots := make([]Snapshot, len(kept))
	for i, s := range kept {
		snapshots[i] = describe(s)
	}
	return snapshots, nil
}

func describe(s table.Snapshot) Snapshot {
	d := Snapshot{ID: s.SnapshotID, At: time.UnixMilli(s.TimestampMs).UTC()}
	if s.ParentSnapshotID != nil {
		d.Parent = *s.ParentSnapshotID
	}
	if s.Summary == nil {
		return d
	}
	count := func(key string) int64 {
		n, err := strconv.ParseInt(s.Summary.Properties[key], 10, 64)
		if err != nil {
			return 0 // Iceberg leaves out what is zero
		}
		return n
	}
	d.Operation = string(s.Summary.Operation)
	d.RunID, d.Unit, d.Content = s.Summary.Properties[summaryRun], s.Summary.Properties[summaryUnit], s.Summary.Properties[summaryContent]
	d.Rows, d.Added, d.Removed = count("total-records"), count("added-records"), count("deleted-records")
	if at, err := time.Parse(time.RFC3339Nano, s.Summary.Properties[summaryAsOf]); err == nil {
		d.AsOf = at.UTC()
	}
	return d
}

// Changes returns what changed in a table from snapshot since to now. All is set when
// since is 0 or no longer known, and when a table without a time column changed. What RemoveRows took out is no change. The window is exact:
// from the earliest time in the files added or removed to just after the latest.
func (l *Lake) Changes(ctx context.Context, name string, since int64) (Change, error) {
	t, err := l.open(ctx, name)
	if err != nil {
		return Change{}, fmt.Errorf("compare snapshots of %s: %w", name, err)
	}
	change := Change{From: since, To: head(t)}
	since = present(t.Metadata(), since)
	before := t.SnapshotByID(since)
	switch {
	case change.To == since:
		change.None = true
		return change, nil
	case since == 0 || before == nil:
		change.All = true
		return change, nil
	}
	d, err := datasetOf(name, t.Metadata())
	if err != nil {
		return Change{}, fmt.Errorf("compare snapshots of %s: %w", name, err)
	}
	removed, added, err := l.differentFiles(before, t.CurrentSnapshot())
	if err != nil {
		return Change{}, fmt.Errorf("compare snapshots of %s: %w", name, err)
	}
	change.None = len(removed)+len(added) == 0
	for _, f := range slices.Concat(removed, added) {
		w, ok := extent(d, f)
		if !ok {
			return Change{From: change.From, To: change.To, All: true}, nil
		}
		if change.Window.IsZero() {
			change.Window = w
		}
		change.Window = change.Window.Union(w)
	}
	return change, nil
}

// extent returns the window that the rows of a data file of d lie in: by the bounds of
// the time column, or else the whole partition.
func extent(d dataset.Dataset, f iceberg.DataFile) (dataset.Window, bool) {
	column, ok := d.Column(d.Time)
	if !ok || f.NullValueCounts()[column.ID] > 0 {
		return dataset.Window{}, false
	}
	first, err1 := instant(column.Type, f.LowerBoundValues()[column.ID])
	last, err2 := instant(column.Type, f.UpperBoundValues()[column.ID])
	if err1 == nil && err2 == nil {
		step := time.Microsecond
		if column.Type == dataset.Date {
			step = 24 * time.Hour
		}
		return dataset.Window{Start: first, End: last.Add(step)}, true
	}
	start, err := partitionStart(d.Partition.Transform, f)
	if err != nil {
		return dataset.Window{}, false
	}
	return dataset.Window{Start: start, End: d.Partition.Transform.Next(start)}, true
}
