package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"
)

const (
	// lockedRetry is how long a job waits when another holds its lock.
	lockedRetry = 2 * time.Second
	// unknownFor is how long a queued job that this process does not know may wait for a
	// process that does: during an update, old and new ones run side by side.
	unknownFor = 24 * time.Hour
	// completeWithin bounds the commit of a success.
	completeWithin = 10 * time.Second
)

// worker executes queued jobs.
type worker struct {
	river.WorkerDefaults[args]
	runner *Runner
}

// Timeout returns the time limit of the job that is queued.
func (w *worker) Timeout(queued *river.Job[args]) time.Duration {
	return w.runner.byName[queued.Args.Job].Timeout
}

// Work executes the job alone under its locks, or puts it off while they are taken.
func (w *worker) Work(ctx context.Context, queued *river.Job[args]) error {
	r := w.runner
	logger := r.config.Logger.With("job", queued.Args.Job, "as_of", queued.Args.Due, "attempt", queued.Attempt)
	job, ok := r.byName[queued.Args.Job]
	if !ok {
		return r.unknown(queued)
	}
	held, err := hold(ctx, r.config.Pool, job.locks()...)
	if err != nil {
		logger.WarnContext(ctx, "job put off", "err", err)
		return river.JobSnooze(lockedRetry)
	}
	if held == nil {
		return river.JobSnooze(lockedRetry)
	}
	defer held.release(ctx)
	// While this process waited for the lock, frozen perhaps, others may have taken the job for abandoned.
	mine, err := isRunning(ctx, held.conn, queued.ID)
	if err != nil {
		logger.WarnContext(ctx, "job put off", "err", err)
		return river.JobSnooze(lockedRetry)
	}
	if !mine {
		return nil
	}
	return r.execute(ctx, held, job, queued, logger)
}

// unknown waits for a process that knows the job, and cancels it when none came.
func (r *Runner) unknown(queued *river.Job[args]) error {
	if r.config.Now().Sub(queued.CreatedAt) < unknownFor {
		return river.JobSnooze(time.Minute)
	}
	r.config.Logger.Error("job given up: no such job in this version", "job", queued.Args.Job, "as_of", queued.Args.Due)
	return river.JobCancel(fmt.Errorf("run job %q: no such job in this version", queued.Args.Job))
}

// execute runs the job and tells River how it ended: neither the loss of Postgres nor the
// stop of this process uses up an attempt.
func (r *Runner) execute(ctx context.Context, held *lock, job Job, queued *river.Job[args], logger *slog.Logger) error {
	started := r.config.Now()
	logger.InfoContext(ctx, "job started")
	err := held.guard(ctx, func(ctx context.Context) error { return job.Run(ctx, queued.Args.Due) })
	if err == nil {
		err = r.complete(ctx, held, job, queued)
	}
	logger = logger.With("took", r.config.Now().Sub(started))
	switch {
	case err == nil:
		logger.InfoContext(ctx, "job done")
		return nil
	case !held.alive(ctx):
		logger.WarnContext(ctx, "job lost its lock and will be executed again", "err", err)
		return river.JobSnooze(lockedRetry)
	case errors.Is(ctx.Err(), context.Canceled):
		logger.InfoContext(ctx, "job interrupted, it will be executed again", "err", err)
		return errors.Join(err, context.Canceled) // by which River tells an interruption from a failure
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("time limit of %s: %w", job.Timeout, err)
	}
	if queued.Attempt < queued.MaxAttempts {
		logger.ErrorContext(ctx, "job failed", "err", err)
	} else {
		logger.ErrorContext(ctx, "job given up", "err", err)
	}
	return errors.Join(err, r.follow(ctx, held, job, queued))
}

// follow queues the successors of an execution that failed: what it did before, or beside
// what failed, is theirs to go on with.
func (r *Runner) follow(ctx context.Context, held *lock, job Job, queued *river.Job[args]) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), completeWithin)
	defer cancel()
	err := pgx.BeginFunc(ctx, held.conn, func(tx pgx.Tx) error { return r.insertNext(ctx, tx, job, queued) })
	if err != nil {
		return fmt.Errorf("queue successors of %s: %w", job.Name, err)
	}
	return nil
}

// insertNext queues the job's successors: for the same due time after the first attempt,
// for now after a later one, since those of the first may have run already.
func (r *Runner) insertNext(ctx context.Context, tx pgx.Tx, job Job, queued *river.Job[args]) error {
	due := queued.Args.Due
	if queued.Attempt > 1 {
		due = r.config.Now().UTC().Truncate(time.Second)
	}
	for _, next := range job.Then {
		if err := r.insert(ctx, tx, next, due); err != nil {
			return err
		}
	}
	return nil
}

// complete commits the success of the execution and the queueing of its successors in
// one transaction, on the lock's own connection: it fails when the lock was lost. An end
// of ctx does not keep it from committing what was done in time.
func (r *Runner) complete(ctx context.Context, held *lock, job Job, queued *river.Job[args]) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), completeWithin)
	defer cancel()
	err := pgx.BeginFunc(ctx, held.conn, func(tx pgx.Tx) error {
		done, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, queued)
		if err != nil {
			return err
		}
		if done.State != rivertype.JobStateCompleted {
			return fmt.Errorf("it is %s, not running", done.State)
		}
		if err := r.insertNext(ctx, tx, job, queued); err != nil {
			return err
		}
		return recordRun(ctx, tx, job.Name, r.config.Now())
	})
	if err != nil {
		return fmt.Errorf("complete job %s: %w", job.Name, err)
	}
	return nil
}
