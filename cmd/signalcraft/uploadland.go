package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
	"github.com/signalcraft/signalcraft/warehouse/run"
)

// landUploadsJob lands what was committed, refreshJob brings it to the dashboard.
const (
	landUploadsJob = "land_uploads"
	refreshJob     = "refresh"
)

const (
	// uploadPoints and uploadRejects bound one file. Its points are held in memory, 16 bytes each.
	uploadPoints  = 12_000_000
	uploadRejects = 100_000
	// uploadExpiry is how long a file waits to be committed.
	uploadExpiry = 7 * 24 * time.Hour
	// strayAge is how old a file without an upload is when it is removed: younger ones may be on their way, for the quarter of
	// an hour that sending one may take.
	strayAge = time.Hour
)

// landUploads lands every upload that was committed, the oldest first. One that cannot be read fails and stops no other.
func (b *batch) landUploads(ctx context.Context, e *execution) (total step, err error) {
	err = b.alone(ctx, "land uploads", func(ctx context.Context) error {
		if _, err := b.data.FailSourceless(ctx, b.now()); err != nil {
			return err
		}
		waiting, err := b.data.WaitingUploads(ctx)
		if err != nil {
			return err
		}
		if len(waiting) == 0 {
			total.Note = run.UpToDate
			return nil
		}
		// The run may have read the control plane before these were committed: without their KPIs, their values would show nowhere.
		if _, err := b.landControl(ctx, e); err != nil {
			return err
		}
		var failed []error
		for _, w := range waiting {
			done, err := b.landUpload(ctx, e, w)
			total.RowsIn += done.RowsIn
			total.RowsOut += done.RowsOut
			total.Quarantined += done.Quarantined
			if err != nil {
				failed = append(failed, fmt.Errorf("upload %s: %w", w.ID, err))
			}
			if ctx.Err() != nil {
				break
			}
		}
		return errors.Join(failed...)
	})
	return total, err
}

// landing is one upload on its way into the lake.
type landingUpload struct {
	store.WaitingUpload
	state  store.UploadState
	counts kpi.Counts
	err    error // why the file cannot be read
}

// landUpload lands one file. A fault of the file is noted with it; only what may go better another time is an error.
func (b *batch) landUpload(ctx context.Context, e *execution, w store.WaitingUpload) (step, error) {
	l := &landingUpload{WaitingUpload: w, state: store.UploadState{BusinessID: w.BusinessID, ID: w.ID, RunID: e.id, AsOf: e.asOf}}
	waits, err := b.data.StartUpload(ctx, l.state)
	if err != nil || !waits {
		return step{}, err
	}
	source, err := b.uploadSource(ctx, l)
	if err != nil {
		return step{}, b.failUpload(ctx, l, err)
	}
	// What lands now is newer than whatever landed before, also of the same run.
	fresh := *e
	fresh.asOf = b.now().UTC().Truncate(time.Microsecond)
	done, err := b.land(ctx, &fresh, source, pipelines.Input{})
	var lost *pipelines.LandError
	switch {
	case ctx.Err() != nil, errors.As(err, &lost):
		return done, err
	case l.err != nil:
		return done, b.failUpload(ctx, l, l.err)
	case err != nil:
		return done, err
	case done.outdated > 0:
		return done, fmt.Errorf("%d values stand in the lake as of a later instant: is a clock wrong?", done.outdated)
	}
	return done, b.finishUpload(ctx, l, done)
}

// uploadSource describes the file to the reader.
func (b *batch) uploadSource(ctx context.Context, l *landingUpload) (pipelines.Source, error) {
	spec, err := kpi.ParseSpec(l.Spec)
	if err != nil {
		return nil, err
	}
	dir, err := b.uploadFolder()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, l.ID.String())
	reader, err := kpi.New(kpi.Config{MaxPoints: uploadPoints, MaxRejects: uploadRejects, Files: []kpi.File{{
		BusinessID: l.BusinessID.String(), SourceID: l.SourceID.String(), Name: l.Name + " (" + l.ID.String() + ")", Spec: spec,
		Open: func(context.Context) (io.ReadCloser, error) {
			file, err := os.Open(path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil, errors.New("the file is no longer here: send it again")
			}
			if err != nil {
				return nil, err
			}
			return &watched{File: file, tell: func(read int64) { b.tellProgress(ctx, l, read) }, every: max(l.SizeBytes/10, 4<<20)}, nil
		},
		Counted: func(c kpi.Counts) { l.counts = c },
		Done:    func(_ int, err error) { l.err = err },
	}}})
	if err != nil {
		return nil, err
	}
	return &uploadReader{Source: reader, upload: l}, nil
}

// tellProgress notes how far a file has been read. That this fails holds nothing up.
func (b *batch) tellProgress(ctx context.Context, l *landingUpload, read int64) {
	state := l.state
	state.BytesRead = read
	if err := b.data.ProgressUpload(ctx, state); err != nil {
		b.logger.WarnContext(ctx, "progress not noted", "upload", l.ID, "err", err)
	}
}

// uploadReader keeps the first rejects for the sender.
type uploadReader struct {
	*kpi.Source
	upload *landingUpload
}

// Read hands out what the reader reads.
func (r *uploadReader) Read(ctx context.Context, in pipelines.Input, out func(pipelines.Batch) error) error {
	return r.Source.Read(ctx, in, func(batch pipelines.Batch) error {
		kept := &r.upload.state.Rejects
		for _, reject := range batch.Rejects[:min(len(batch.Rejects), store.MaxUploadRejects-len(*kept))] {
			row := store.UploadReject{Reason: pipelines.CutRaw(reject.Reason), Raw: reject.Raw}
			if reject.Line != nil {
				row.Line = *reject.Line
			}
			*kept = append(*kept, row)
		}
		return out(batch)
	})
}

// watched is a file that tells how far it has been read.
type watched struct {
	*os.File
	tell              func(read int64)
	read, told, every int64
}

// Read reads.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.File.Read(p)
	if w.read += int64(n); w.read-w.told >= w.every {
		w.told = w.read
		w.tell(w.read)
	}
	return n, err
}

// finishUpload notes what landed, and removes the file.
func (b *batch) finishUpload(ctx context.Context, l *landingUpload, done step) error {
	c := l.counts
	l.state.At, l.state.BytesRead = b.now(), l.SizeBytes
	l.state.Counts = &store.UploadCounts{Sent: int64(c.Sent()), Landed: int64(c.Points), Unchanged: int64(c.Points) - done.RowsOut,
		Rejected: int64(c.Rejects), Repeated: int64(c.Repeats), LeftOut: int64(c.LeftOut)}
	if err := b.data.FinishUpload(ctx, l.state); err != nil {
		return b.overtaken(ctx, l, err)
	}
	outcome := store.SourceRun{BusinessID: l.BusinessID, SourceID: l.SourceID, At: l.state.At, Status: store.Succeeded}
	if c.Rejects > 0 {
		outcome.Status, outcome.Problem = store.Partial, fmt.Sprintf("%d lines are in quarantine", c.Rejects)
	}
	dir, err := b.uploadFolder()
	if err != nil {
		return err
	}
	return errors.Join(b.data.RecordSourceRun(ctx, outcome), absent(os.Remove(filepath.Join(dir, l.ID.String()))))
}

// failUpload notes why a file cannot land, and keeps it.
func (b *batch) failUpload(ctx context.Context, l *landingUpload, cause error) error {
	l.state.At, l.state.Problem, l.state.Rejects = b.now(), publicProblem(cause), nil
	b.logger.WarnContext(ctx, "upload failed", "upload", l.ID, "err", cause)
	outcome := store.SourceRun{BusinessID: l.BusinessID, SourceID: l.SourceID, At: l.state.At, Status: store.Failed, Problem: l.state.Problem}
	if err := b.data.FinishUpload(ctx, l.state); err != nil {
		return b.overtaken(ctx, l, err)
	}
	return b.data.RecordSourceRun(ctx, outcome)
}

// overtaken returns err, unless the upload's source or business was deleted while it landed: then there is nothing to note, and
// what landed is erased.
func (b *batch) overtaken(ctx context.Context, l *landingUpload, err error) error {
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	b.logger.InfoContext(ctx, "upload overtaken by the end of its source", "upload", l.ID.String())
	return nil
}

// publicProblem is what the sender may read: no path of this machine.
func publicProblem(err error) string {
	var machine *fs.PathError
	if errors.As(err, &machine) {
		return "the file cannot be read"
	}
	var file *kpi.FileError
	if errors.As(err, &file) {
		err = file.Err
	}
	return strings.ToValidUTF8(err.Error(), "\uFFFD")
}

// dropUploads removes uploads that nobody committed for long, and files that belong to none.
func (b *batch) dropUploads(ctx context.Context, _ *execution) (step, error) {
	needed, err := b.data.ExpireUploads(ctx, b.now().Add(-uploadExpiry))
	if err != nil {
		return step{}, err
	}
	dir, err := b.uploadFolder()
	if err != nil {
		return step{}, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return step{}, fmt.Errorf("list uploads: %w", err)
	}
	var failed []error
	done := step{Note: run.UpToDate}
	for _, entry := range entries {
		id, err := uuid.Parse(strings.TrimSuffix(entry.Name(), ".part"))
		info, statErr := entry.Info()
		if err != nil || statErr != nil || needed[id] || b.now().Sub(info.ModTime()) < strayAge {
			continue // not ours, just removed, or in use
		}
		failed = append(failed, absent(os.Remove(filepath.Join(dir, entry.Name()))))
		done.RowsOut++
		done.Note = ""
	}
	return done, errors.Join(failed...)
}
