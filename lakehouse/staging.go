package lakehouse

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/apache/iceberg-go/table"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// Staging is a set of Parquet files on their way into one table. Nobody sees them until
// Append or Replace commits them all in one snapshot. A staging is used for one commit:
// Append, Replace and Discard end it. Its methods may be called from several
// goroutines, but not while a commit runs.
type Staging struct {
	lake    *Lake
	table   *table.Table
	dataset dataset.Dataset // with the table's field ids
	dir     string
	order   int // sort order that the files keep; 0 is none

	mu    sync.Mutex
	files []string
	ended bool
}

// Stage begins a staging for the table of d, which Ensure has made. The caller ends it.
func (l *Lake) Stage(ctx context.Context, d dataset.Dataset) (*Staging, error) {
	t, err := l.open(ctx, d.Name)
	if err != nil {
		return nil, fmt.Errorf("stage %s: %w", d.Name, err)
	}
	have, err := datasetOf(d.Name, t.Metadata())
	if err != nil {
		return nil, fmt.Errorf("stage %s: %w", d.Name, err)
	}
	resolved, missing, err := resolve(have, d)
	for _, c := range missing {
		err = errors.Join(err, fmt.Errorf("table %s, column %s: declared, but the table has no such column; Ensure adds it", d.Name, c.Name))
	}
	if err != nil {
		return nil, fmt.Errorf("stage %s: %w", d.Name, err)
	}
	dir, err := l.storage.stage(t.Location())
	if err != nil {
		return nil, fmt.Errorf("stage %s: %w", d.Name, err)
	}
	return &Staging{lake: l, table: t, dataset: resolved, dir: dir}, nil
}

// Dataset returns the dataset with the table's field ids, for writers that name them.
func (s *Staging) Dataset() dataset.Dataset {
	d := s.dataset
	d.Columns = slices.Clone(d.Columns)
	return d
}

// NewFile returns the local path of a file that the caller is to write: Parquet, with
// the dataset's columns, types and field ids, and rows of one partition only. A file
// without rows is ignored; a file that is never written fails the commit.
func (s *Staging) NewFile() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := filepath.Join(s.dir, fmt.Sprintf("%04d.parquet", len(s.files)))
	s.files = append(s.files, path)
	return path
}

// Append adds the staged rows to the table.
func (s *Staging) Append(ctx context.Context, c Commit) (Result, error) {
	result, err := s.commit(ctx, c, func([]*stagedFile) (removal, error) { return nil, nil })
	return result, wrap(err, "append to %s", s.dataset.Name)
}

// Replace puts the staged rows in the place of everything that lies in windows, which
// must be whole partitions; nil stands for the whole table. Other partitions' files are not
// touched. Staged rows outside the windows are an error; no staged rows empty the windows.
func (s *Staging) Replace(ctx context.Context, c Commit, windows []dataset.Window) (Result, error) {
	result, err := s.commit(ctx, c, func(files []*stagedFile) (removal, error) { return within(s.dataset, windows, files) })
	return result, wrap(err, "replace in %s", s.dataset.Name)
}

// Discard removes the staged files, unless the staging has ended. It may be called any number of times.
func (s *Staging) Discard() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil
	}
	s.ended = true
	return wrap(os.RemoveAll(s.dir), "discard staging of %s", s.dataset.Name)
}

// commit publishes the staged files and commits them. Unless the commit is known to
// have been made, or its outcome is unknown, the published files are removed again.
func (s *Staging) commit(ctx context.Context, c Commit, choose func([]*stagedFile) (removal, error)) (Result, error) {
	if s.ended {
		return Result{}, errors.New("the staging has ended")
	}
	files, err := s.inspect(ctx)
	if err != nil {
		return Result{}, errors.Join(err, s.Discard())
	}
	out, err := choose(files)
	if err != nil {
		return Result{}, errors.Join(err, s.Discard())
	}
	var result Result
	published, err := s.publish(files)
	if err == nil {
		result, err = s.lake.commit(ctx, s.dataset.Name, c, files, out)
	}
	if result.NoOp || (err != nil && !errors.Is(err, ErrCommitUnknown)) {
		for _, f := range published {
			err = errors.Join(err, s.lake.storage.files.Remove(f.location))
		}
	}
	return result, errors.Join(err, s.Discard())
}

// inspect checks every staged file against the table and drops those without rows.
func (s *Staging) inspect(ctx context.Context) ([]*stagedFile, error) {
	shape := shape{dataset: s.dataset, table: s.table, order: s.order}
	var files []*stagedFile
	var faults []error
	for _, path := range s.files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f, err := shape.inspect(path)
		if err != nil {
			faults = append(faults, fmt.Errorf("file %s: %w", path, err))
			continue
		}
		if f != nil {
			files = append(files, f)
		}
	}
	return files, errors.Join(faults...)
}

// publish moves files to where they will lie in the table, durably, and returns those it moved.
func (s *Staging) publish(files []*stagedFile) ([]*stagedFile, error) {
	for i, f := range files {
		if err := s.lake.storage.publish(f.local, f.location); err != nil {
			return files[:i], fmt.Errorf("publish %s: %w", f.location, err)
		}
	}
	return files, nil
}
