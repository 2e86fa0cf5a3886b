package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
	"github.com/signalcraft/signalcraft/pipelines/kpi/remote"
)

const (
	// dueSources is how many sources are asked for at once.
	dueSources = 96
	// sourceReaders is how many are read side by side. Each has a minute (remote.Config.Timeout), so those that keep a server waiting
	// delay the others only when as many of them come together.
	sourceReaders = 8
	// sourceBatch is how many points of a source are handed on together, which bounds what the readers hold.
	sourceBatch = 50_000
	// readLock is held by whoever reads sources: two would ask the same servers.
	readLock = "read sources"
)

// remoteReading is one source in one run.
type remoteReading struct {
	source  store.SourceToRead
	result  *remote.Result
	ahead   *pipelines.Ahead // nil when the source could not even be asked
	began   time.Time
	ended   bool // its turn came
	refused int
	err     error
}

// readSources lands what the sources give that are due. One that fails stops no other and fails no job: its owner is told. A
// failure of the lake leaves what was read due, for the next run.
func (b *batch) readSources(ctx context.Context, e *execution) (total step, err error) {
	if _, err := b.desk.reseal(ctx); err != nil {
		b.logger.WarnContext(ctx, "secrets are sealed with a key that is not there", "error", err)
	}
	err = b.alone(ctx, readLock, func(ctx context.Context) error {
		began := b.now()
		for ctx.Err() == nil {
			due, err := b.data.DueSources(ctx, began, dueSources, remote.KindHTTP, remote.KindSheet, remote.KindDatabase)
			if err != nil || len(due) == 0 {
				return err
			}
			done, err := b.readThese(ctx, e, due)
			total.RowsIn, total.RowsOut, total.Quarantined = total.RowsIn+done.RowsIn, total.RowsOut+done.RowsOut, total.Quarantined+done.Quarantined
			if err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	return total, err
}

// readThese reads sources side by side and lands what has been read while others are still being read: one that is slow delays
// neither them nor anybody else who wants to land.
func (b *batch) readThese(ctx context.Context, e *execution, due []store.SourceToRead) (total step, err error) {
	reading, cancel := context.WithCancel(ctx)
	finished := b.readAhead(reading, e, due)
	defer func() {
		cancel()
		for r := range finished { // until no reader is left
			err = errors.Join(err, r.close())
		}
	}()
	for first := range finished {
		these := append([]*remoteReading{first}, ready(finished)...)
		done, err := b.landThese(ctx, e, these)
		total.RowsIn, total.RowsOut, total.Quarantined = total.RowsIn+done.RowsIn, total.RowsOut+done.RowsOut, total.Quarantined+done.Quarantined
		if err != nil {
			return total, err
		}
	}
	return total, ctx.Err()
}

// ready returns the readings that have ended by now.
func ready(finished <-chan *remoteReading) (more []*remoteReading) {
	for {
		select {
		case r, open := <-finished:
			if !open {
				return more
			}
			more = append(more, r)
		default:
			return more
		}
	}
}

// readAhead reads each source, some at once, and gives the readings as they end. The channel is closed after the last.
func (b *batch) readAhead(ctx context.Context, e *execution, due []store.SourceToRead) <-chan *remoteReading {
	sources, finished := make(chan store.SourceToRead), make(chan *remoteReading, len(due))
	var readers sync.WaitGroup
	for range min(sourceReaders, len(due)) {
		readers.Go(func() {
			for source := range sources {
				finished <- b.readSource(ctx, e, source)
			}
		})
	}
	go func() {
		for _, source := range due {
			sources <- source // also when ctx has ended: then each is read in no time
		}
		close(sources)
		readers.Wait()
		close(finished)
	}()
	return finished
}

// readSource reads one source to its end, or to that of its time.
func (b *batch) readSource(ctx context.Context, e *execution, source store.SourceToRead) *remoteReading {
	r := &remoteReading{source: source, began: b.now(), result: &remote.Result{}}
	if r.err = ctx.Err(); r.err != nil {
		return r
	}
	q, err := b.desk.request(ctx, source)
	if err == nil {
		err = q.Definition.Table(q.Zone).Validate()
	}
	if err != nil {
		// What the machine failed at is no fault of the source.
		r.ended, r.err = !errors.Is(err, store.ErrUnavailable) && ctx.Err() == nil, err
		return r
	}
	file, result := b.desk.reader.File(q)
	r.result = result
	file.Done = func(refused int, err error) { r.ended, r.refused, r.err = true, refused, err }
	reader, err := kpi.New(kpi.Config{Files: []kpi.File{file}, MaxBatch: sourceBatch})
	if err != nil {
		r.ended, r.err = true, err
		return r
	}
	temp, err := b.temp()
	if err != nil {
		r.err = err
		return r
	}
	ahead, err := pipelines.ReadAhead(ctx, reader, pipelines.Input{AsOf: e.asOf}, temp)
	r.ahead = ahead
	if err != nil && r.err == nil { // read, but not kept
		r.ended, r.err = false, err
	}
	return r
}

func (r *remoteReading) close() error {
	if r.ahead == nil {
		return nil
	}
	return r.ahead.Close()
}

// landThese lands what was read of sources and notes how each ended.
func (b *batch) landThese(ctx context.Context, e *execution, these []*remoteReading) (done step, err error) {
	read := &readings{}
	for _, r := range these {
		defer func() { err = errors.Join(err, r.close()) }()
		if r.ended && r.ahead != nil {
			read.ahead = append(read.ahead, r.ahead)
		} else if !r.ended {
			err = errors.Join(err, r.err)
		}
	}
	if err != nil || ctx.Err() != nil {
		return done, errors.Join(err, ctx.Err())
	}
	if len(read.ahead) > 0 {
		if done, err = b.land(ctx, e, read, pipelines.Input{}); err != nil {
			return done, err
		}
	}
	for _, r := range these {
		if err := b.endReading(ctx, r, done.outdated); err != nil {
			return done, err
		}
	}
	return done, nil
}

// readings are KPI sources that have been read, as one.
type readings struct{ ahead []*pipelines.Ahead }

var _ pipelines.Source = (*readings)(nil)

// Name returns "kpi", as the readers say.
func (r *readings) Name() string { return "kpi" }

// Read hands out what each gave.
func (r *readings) Read(ctx context.Context, in pipelines.Input, out func(pipelines.Batch) error) error {
	for _, a := range r.ahead {
		if err := a.Read(ctx, in, out); err != nil {
			return err
		}
	}
	return nil
}
