package lakehouse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// Tables returns every table of the lake as it is now, with field ids, by name.
func (l *Lake) Tables(ctx context.Context) ([]dataset.Dataset, error) {
	found, err := locations(ctx, l.db)
	if err != nil {
		return nil, fmt.Errorf("describe tables: %w", err)
	}
	tables := make([]dataset.Dataset, 0, len(found))
	for name, location := range found {
		t, err := l.at(ctx, name, location, nil)
		if err != nil {
			return nil, fmt.Errorf("describe tables: %w", err)
		}
		d, err := datasetOf(name, t.Metadata())
		if err != nil {
			return nil, fmt.Errorf("describe tables: %w", err)
		}
		tables = append(tables, d)
	}
	slices.SortFunc(tables, func(a, b dataset.Dataset) int { return strings.Compare(a.Name, b.Name) })
	return tables, nil
}

// Holding returns the snapshots of a table, the current one among them, that hold a row whose text column has one of values, or may
// name what a file held that they took out.
func (l *Lake) Holding(ctx context.Context, name, column string, values []string) (map[int64]bool, error) {
	t, err := l.open(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("search %s: %w", name, err)
	}
	s, err := l.searchFor(name, t.Metadata(), column, values)
	if err != nil {
		return nil, fmt.Errorf("search %s: %w", name, err)
	}
	holding := map[int64]bool{}
	for _, snapshot := range t.Metadata().Snapshots() {
		files, err := s.holding(ctx, snapshot)
		if err != nil {
			return nil, fmt.Errorf("search %s: %w", name, err)
		}
		named, err := s.namedAsGone(snapshot)
		if err != nil {
			return nil, fmt.Errorf("search %s: %w", name, err)
		}
		if len(files) > 0 || named {
			holding[snapshot.SnapshotID] = true
		}
	}
	return holding, nil
}

// Expire removes from a table the snapshots that out chooses, never the current one, and returns how many that were. Nobody can
// read them any more; the files that only they name are then orphans.
func (l *Lake) Expire(ctx context.Context, name string, out func(Snapshot) bool) (expired int, err error) {
	choose := func(t *table.Table) (ids []int64) {
		current := head(t)
		for _, s := range t.Metadata().Snapshots() {
			if s.SnapshotID != current && out(describe(s)) {
				ids = append(ids, s.SnapshotID)
			}
		}
		return ids
	}
	t, err := l.open(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("expire snapshots of %s: %w", name, err)
	}
	if len(choose(t)) == 0 {
		return 0, nil
	}
	err = l.write(ctx, name, func(s *session) error {
		ids := choose(s.table)
		if expired = len(ids); expired == 0 {
			return nil
		}
		_, _, err := s.CommitTable(ctx, identifier(name), nil, []table.Update{table.NewRemoveSnapshotsUpdate(ids, false)})
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("expire snapshots of %s: %w", name, err)
	}
	if expired > 0 {
		l.logger.Info("snapshots expired", "dataset", name, "snapshots", expired)
	}
	return expired, nil
}

// Orphans is what RemoveOrphans removed.
type Orphans struct {
	Files int
	Bytes int64
}

// RemoveOrphans removes the files below a table's location that no snapshot names and that were written before an instant, or
// whenever when that is zero: what crashes, refused commits and expired snapshots left. A file is an orphan also from its writing to its
// commit, so unless nobody writes to the table meanwhile, the instant must lie further back than that takes.
func (l *Lake) RemoveOrphans(ctx context.Context, name string, before time.Time) (removed Orphans, err error) {
	t, err := l.open(ctx, name)
	if err != nil {
		return Orphans{}, fmt.Errorf("remove orphans of %s: %w", name, err)
	}
	plan, err := t.PlanOrphanFiles(ctx, table.WithFilesOlderThan(0))
	if err != nil {
		return Orphans{}, fmt.Errorf("find orphans of %s: %w", name, err)
	}
	for _, orphan := range plan.OrphanFiles() {
		old, err := l.writtenBefore(orphan.Path, before)
		if err == nil && old {
			err = l.storage.files.Remove(orphan.Path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue // somebody else was faster
		}
		if err != nil {
			return removed, fmt.Errorf("remove orphans of %s: %w", name, err)
		}
		if old {
			removed.Files, removed.Bytes = removed.Files+1, removed.Bytes+orphan.SizeBytes
		}
	}
	if removed.Files > 0 {
		l.logger.Info("orphans removed", "dataset", name, "files", removed.Files, "bytes", removed.Bytes)
	}
	return removed, wrap(l.removeStagings(t.Location(), before), "remove orphans of %s", name)
}

// writtenBefore reports whether the file at path was last written before an instant; every one was when that is zero.
func (l *Lake) writtenBefore(path string, before time.Time) (bool, error) {
	if before.IsZero() {
		return true, nil
	}
	f, err := l.storage.files.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close() // only looked at
	info, err := f.Stat()
	return err == nil && info.ModTime().Before(before), err
}

// removeStagings removes the empty folders of stagings that were never ended.
func (l *Lake) removeStagings(location string, before time.Time) error {
	if !l.storage.local() {
		return nil
	}
	root, err := l.storage.path(location)
	if err != nil {
		return err
	}
	dir := filepath.Join(root, "staging")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return absent(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !e.IsDir() || !before.IsZero() && !info.ModTime().Before(before) {
			continue // just removed, or in use
		}
		left, err := os.ReadDir(filepath.Join(dir, e.Name()))
		if err == nil && len(left) == 0 {
			err = os.Remove(filepath.Join(dir, e.Name()))
		}
		if absent(err) != nil {
			return err
		}
	}
	return nil
}

// absent returns err unless it says that a file does not exist.
func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
