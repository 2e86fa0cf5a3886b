package kpi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"runtime"
	"sync"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
)

// File is one file of one KPI source.
type File struct {
	// BusinessID and SourceID say whose points these are. The source id names the unit, so it is unique in a Source.
	BusinessID, SourceID string
	// Name stands in errors: the file's name or address, without secrets.
	Name string
	// Open returns the file's bytes, plain or gzip. It is called once a Read.
	Open func(ctx context.Context) (io.ReadCloser, error)
	// Spec says how to read it.
	Spec Spec
	// Records, unless nil, gives records in the place of Open's bytes, once a Read; Table says how to read them in the place of Spec.
	Records func(ctx context.Context) iter.Seq2[Record, error]
	Table   Table
	// Done is told how many lines were refused, or why the file could not be read, unless
	// Read ends before the file's turn. What was read has not landed yet. It may be nil.
	Done func(rejects int, err error)
	// Counted is told what the file held, before Done and only when all of it could be read. It may be nil.
	Counted func(Counts)
}

// FileError is returned for a file that cannot be read to its end; other files go on.
type FileError struct {
	Name, SourceID string
	Err            error
}

// Error names file and source.
func (e *FileError) Error() string {
	return fmt.Sprintf("read KPI file %s of source %s: %v", e.Name, e.SourceID, e.Err)
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// FromFS returns an Open that opens name in files.
func FromFS(files fs.FS, name string) func(context.Context) (io.ReadCloser, error) {
	return func(context.Context) (io.ReadCloser, error) { return files.Open(name) }
}

// Config is what New builds a Source from. Zero limits take the stated default.
type Config struct {
	// Files are read in this order.
	Files []File
	// MaxBytes bounds one unpacked file. Zero means 1 GiB.
	MaxBytes int64
	// MaxPoints bounds the points of one file, which are held in memory. Zero means 5 million.
	MaxPoints int
	// MaxBatch is how many points one batch holds; a row takes ten times what a point takes while it is read. Zero means 1 million.
	MaxBatch int
	// MaxRejects bounds the refused lines of one file; a file with more is refused whole. Zero means 100,000.
	MaxRejects int
}

// Source reads KPI points from files.
type Source struct {
	config Config
}

var _ pipelines.Source = (*Source)(nil)

// New returns a Source, or an error that names the file whose spec is wrong.
func New(c Config) (*Source, error) {
	seen := map[string]bool{}
	for _, f := range c.Files {
		if f.BusinessID == "" || f.SourceID == "" || f.Open == nil && f.Records == nil {
			return nil, fmt.Errorf("KPI file %s: business id, source id and Open or Records are required", f.Name)
		}
		if seen[f.SourceID] {
			return nil, fmt.Errorf("KPI file %s: source %s stands twice", f.Name, f.SourceID)
		}
		seen[f.SourceID] = true
		validate := f.Spec.Validate
		if f.Records != nil {
			validate = f.Table.Validate
		}
		if err := validate(); err != nil {
			return nil, fmt.Errorf("KPI file %s of source %s: %w", f.Name, f.SourceID, err)
		}
	}
	c.MaxBytes = cmp.Or(c.MaxBytes, 1<<30)
	c.MaxPoints = cmp.Or(c.MaxPoints, 5_000_000)
	c.MaxRejects = cmp.Or(c.MaxRejects, 100_000)
	c.MaxBatch = cmp.Or(c.MaxBatch, 1_000_000)
	return &Source{config: c}, nil
}

// Name returns "kpi".
func (s *Source) Name() string { return "kpi" }

// Read hands out the points of every file that lie in in.Window, ordered by KPI and time,
// and all its rejects. A file that cannot be read to its end gives nothing and an error that names it.
func (s *Source) Read(ctx context.Context, in pipelines.Input, out func(pipelines.Batch) error) error {
	ctx, cancel := context.WithCancel(ctx)
	reading, wait := s.readAhead(ctx, in.AsOf)
	defer func() { cancel(); wait() }()
	var failed []error
	for i, f := range s.config.Files {
		content, err := reading(i)
		if ctx.Err() != nil {
			return errors.Join(append(failed, ctx.Err())...)
		}
		if err != nil {
			err = &FileError{Name: f.Name, SourceID: f.SourceID, Err: err}
			failed = append(failed, err)
		}
		if f.Counted != nil && err == nil {
			f.Counted(content.counts)
		}
		if f.Done != nil {
			f.Done(len(content.rejects), err)
		}
		if err != nil {
			continue
		}
		if err := handOut(f, content, in, s.config.MaxBatch, out); err != nil {
			return errors.Join(append(failed, err)...)
		}
	}
	return errors.Join(failed...)
}

// readAhead reads files side by side. Those read but not yet asked for are never more
// than there are processors, and one. The first function waits for the file with an index
// and is to be called in order; the second waits until nothing runs any more, which is
// soon after ctx has ended.
func (s *Source) readAhead(ctx context.Context, asOf time.Time) (file func(int) (*reading, error), wait func()) {
	type result struct {
		content *reading
		err     error
	}
	results := make([]chan result, len(s.config.Files))
	for i := range results {
		results[i] = make(chan result, 1)
	}
	ahead := make(chan struct{}, runtime.GOMAXPROCS(0)+1)
	var running sync.WaitGroup
	running.Go(func() {
		for i, f := range s.config.Files {
			select {
			case ahead <- struct{}{}:
			case <-ctx.Done(): // the read below says so at once
			}
			running.Go(func() {
				content, err := s.readFile(ctx, f, asOf)
				results[i] <- result{content, err}
			})
		}
	})
	file = func(i int) (*reading, error) {
		r := <-results[i]
		select {
		case <-ahead:
		default: // ctx had ended before the file's turn
		}
		return r.content, r.err
	}
	return file, running.Wait
}

func (s *Source) readFile(ctx context.Context, f File, asOf time.Time) (*reading, error) {
	if err := ctx.Err(); err != nil {
		return &reading{}, err
	}
	bounds := limits{bytes: s.config.MaxBytes, points: s.config.MaxPoints, rejects: s.config.MaxRejects, rejectBytes: 64 << 20, latest: asOf}
	if f.Records != nil {
		return orEmpty(readRecords(ctx, f.Records(ctx), f.Table, bounds))
	}
	r, err := f.Open(ctx)
	if err != nil {
		return &reading{}, err
	}
	defer r.Close() // only read, nothing to lose
	return orEmpty(read(ctx, r, f.Spec, bounds))
}

// orEmpty returns what was read, or with an error nothing.
func orEmpty(content *reading, err error) (*reading, error) {
	if err != nil {
		return &reading{}, err
	}
	return content, nil
}

// handOut calls out with the content of f as one unit, or, of a file with many points, as several: "<source id>",
// "<source id>/2" and so on. The rejects are in the first.
func handOut(f File, content *reading, in pipelines.Input, maxBatch int, out func(pipelines.Batch) error) error {
	rejects := content.rejects
	for i := range rejects {
		rejects[i].BusinessID, rejects[i].Unit = &f.BusinessID, f.Name
	}
	unit, part := f.SourceID, 1
	rows := make([]dataset.KPIPointRow, 0, min(content.counts.Points, maxBatch))
	flush := func() error {
		err := out(pipelines.Batch{Unit: unit, RowsIn: len(rows) + len(rejects), KPIPoints: rows, Rejects: rejects})
		part++
		unit, rows, rejects = fmt.Sprintf("%s/%d", f.SourceID, part), nil, nil
		return err
	}
	for _, p := range content.order {
		for _, i := range p.sorted() {
			at := time.UnixMicro(p.micros[i]).UTC()
			if !in.Window.Contains(at) {
				continue
			}
			if len(rows) == maxBatch {
				if err := flush(); err != nil {
					return err
				}
			}
			rows = append(rows, dataset.KPIPointRow{BusinessID: f.BusinessID, KPIID: p.series.KPIID, At: at, Value: p.values[i], SourceID: f.SourceID, LandedAt: in.AsOf})
		}
	}
	if part > 1 && len(rows) == 0 {
		return nil
	}
	return flush()
}
