package lakehouse

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// Difference is what two snapshots of a table do not share: a row that is in both may lie in files of both lists.
type Difference struct {
	// Dataset describes the table as it is now, with field ids.
	Dataset dataset.Dataset
	// Removed and Added are the data files of only the older and only the newer snapshot, by path.
	Removed, Added []string
}

// Difference returns the files in which two snapshots of a table differ, of which the older may be 0, that of a table without rows; false when
// one of them is not known any more. Like Changes, it
// calls what RemoveRows took out no difference.
func (l *Lake) Difference(ctx context.Context, name string, from, to int64) (Difference, bool, error) {
	t, err := l.open(ctx, name)
	if err != nil {
		return Difference{}, false, fmt.Errorf("compare snapshots of %s: %w", name, err)
	}
	d := Difference{}
	if d.Dataset, err = datasetOf(name, t.Metadata()); err != nil {
		return Difference{}, false, fmt.Errorf("compare snapshots of %s: %w", name, err)
	}
	before, after := t.SnapshotByID(present(t.Metadata(), from)), t.SnapshotByID(present(t.Metadata(), to))
	if (before == nil && from != 0) || after == nil {
		return Difference{}, false, nil
	}
	removed, added, err := l.differentFiles(before, after)
	if err == nil {
		d.Removed, err = l.pathsOf(removed)
	}
	if err == nil {
		d.Added, err = l.pathsOf(added)
	}
	if err != nil {
		return Difference{}, false, fmt.Errorf("compare snapshots of %s: %w", name, err)
	}
	return d, true, nil
}

func (l *Lake) pathsOf(files []iceberg.DataFile) ([]string, error) {
	paths := make([]string, len(files))
	for i, f := range files {
		var err error
		if paths[i], err = l.storage.path(f.FilePath()); err != nil {
			return nil, err
		}
	}
	slices.Sort(paths)
	return paths, nil
}

// differentFiles returns the data files that are live in only the first, nil for none, and in only the second of two snapshots. Manifests never change,
// so those that both name are not read.
func (l *Lake) differentFiles(a, b *table.Snapshot) (onlyA, onlyB []iceberg.DataFile, err error) {
	lists := [2][]iceberg.ManifestFile{}
	named := [2]map[string]bool{{}, {}}
	for i, s := range []*table.Snapshot{a, b} {
		if s == nil {
			continue
		}
		if lists[i], err = s.Manifests(l.storage.files); err != nil {
			return nil, nil, fmt.Errorf("read manifests of snapshot %d: %w", s.SnapshotID, err)
		}
		for _, m := range lists[i] {
			named[i][m.FilePath()] = true
		}
	}
	live := [2]map[string]iceberg.DataFile{{}, {}}
	for i, manifests := range lists {
		for _, m := range manifests {
			if named[1-i][m.FilePath()] {
				continue
			}
			for entry, err := range m.Entries(l.storage.files, true) {
				if err != nil {
					return nil, nil, fmt.Errorf("read manifest %s: %w", m.FilePath(), err)
				}
				live[i][entry.DataFile().FilePath()] = entry.DataFile()
			}
		}
	}
	return without(live[0], live[1]), without(live[1], live[0]), nil
}

// without returns the files of one map that another one lacks, by path.
func without(files, others map[string]iceberg.DataFile) []iceberg.DataFile {
	var left []iceberg.DataFile
	for path, f := range files {
		if _, both := others[path]; !both {
			left = append(left, f)
		}
	}
	slices.SortFunc(left, func(a, b iceberg.DataFile) int { return cmp.Compare(a.FilePath(), b.FilePath()) })
	return left
}
