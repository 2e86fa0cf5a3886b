package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
)

// schema is where River keeps its tables.
const schema = "river"

// lockedRetry is how long a job waits when another holds its lock.
const lockedRetry = 5 * time.Second

// Config is what a Runner needs.
type Config struct {
	// Pool connects as a role that may create tables in schema river.
	Pool *pgxpool.Pool
	// Jobs is the list of all jobs of the installation.
	Jobs []Job
	// Workers bounds the jobs running at once in this process; 0 means 4.
	Workers int
	// Logger receives one line when a job starts, ends and fails.
	Logger *slog.Logger
	// Now is the clock.
	Now func() time.Time
}

// Args is what a queued job is stored as. A pair of job and due time is queued once.
type Args struct {
	Job string    `json:"job" river:"unique"`
	Due time.Time `json:"due" river:"unique"`
}

// Kind names the one kind of River job.
func (Args) Kind() string { return "signalcraft_job" }

// Runner queues and executes jobs.
type Runner struct {
	config Config
	byName map[string]Job
	client *river.Client[pgx.Tx]
}

// Migrate brings River's own tables up to date.
func Migrate(ctx context.Context, pool *pgxpool.Pool, logger *slog.Logger) error {
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: schema, Logger: quiet(logger)})
	if err != nil {
		return fmt.Errorf("migrate job tables: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate job tables: %w", err)
	}
	return nil
}

// quiet keeps River's own chatter out of the log: only warnings and errors pass.
func quiet(logger *slog.Logger) *slog.Logger { return slog.New(warnings{logger.Handler()}) }

type warnings struct{ slog.Handler }

// Enabled reports whether level is a warning or worse.
func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

// New returns a Runner for config, or an error that names what is wrong with its jobs. It starts nothing.
func New(config Config) (*Runner, error) {
	if err := Validate(config.Jobs); err != nil {
		return nil, err
	}
	if config.Workers == 0 {
		config.Workers = 4
	}
	r := &Runner{config: config, byName: map[string]Job{}}
	for _, job := range config.Jobs {
		r.byName[job.Name] = job
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{runner: r})
	client, err := river.NewClient(riverpgxv5.New(config.Pool), &river.Config{
		Schema:  schema,
		Logger:  quiet(config.Logger),
		Queues:  map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: config.Workers}},
		Workers: workers,
		// A process that died leaves its jobs marked running; they are rescued after the longest time limit.
		RescueStuckJobsAfter: r.longest() + time.Minute,
	})
	if err != nil {
		return nil, fmt.Errorf("open job queue: %w", err)
	}
	r.client = client
	return r, nil
}

func (r *Runner) longest() time.Duration {
	var longest time.Duration
	for _, job := range r.config.Jobs {
		longest = max(longest, job.Timeout)
	}
	return longest
}

// Run schedules and executes jobs until ctx ends, then lets running jobs finish for up
// to thirty seconds and cancels the rest.
func (r *Runner) Run(ctx context.Context) error {
	if err := r.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start workers: %w", err)
	}
	r.schedule(ctx)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	if err := r.client.Stop(stop); err != nil {
		last, done := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer done()
		if err := r.client.StopAndCancel(last); err != nil {
			return fmt.Errorf("stop workers: %w", err)
		}
	}
	return nil
}

// schedule ticks until ctx ends. Postgres being away is logged and tried again.
func (r *Runner) schedule(ctx context.Context) {
	for {
		now := r.config.Now()
		wake, err := r.tick(ctx, now)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			r.config.Logger.Error("schedule jobs", "err", err)
		}
		timer := time.NewTimer(max(wake.Sub(now), time.Second))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// Queue queues one execution of the named job as of due, unless it is queued already.
func (r *Runner) Queue(ctx context.Context, name string, due time.Time) error {
	return pgx.BeginFunc(ctx, r.config.Pool, func(tx pgx.Tx) error {
		return r.insert(ctx, tx, Args{Job: name, Due: due.UTC()})
	})
}

func (r *Runner) insert(ctx context.Context, tx pgx.Tx, args Args) error {
	job, ok := r.byName[args.Job]
	if !ok {
		return fmt.Errorf("queue job %q: no such job", args.Job)
	}
	everyState := append(rivertype.UniqueOptsByStateDefault(), rivertype.JobStateCancelled, rivertype.JobStateDiscarded)
	_, err := r.client.InsertTx(ctx, tx, args, &river.InsertOpts{
		MaxAttempts: job.Attempts,
		UniqueOpts:  river.UniqueOpts{ByArgs: true, ByState: everyState},
	})
	if err != nil {
		return fmt.Errorf("queue job %s: %w", args.Job, err)
	}
	return nil
}

// worker executes queued jobs.
type worker struct {
	river.WorkerDefaults[Args]
	runner *Runner
}

// Timeout returns the time limit of the job that is queued.
func (w *worker) Timeout(queued *river.Job[Args]) time.Duration {
	return w.runner.byName[queued.Args.Job].Timeout
}

// Work runs the job alone under its lock and queues its successors.
func (w *worker) Work(ctx context.Context, queued *river.Job[Args]) error {
	r, due := w.runner, queued.Args.Due
	job, ok := r.byName[queued.Args.Job]
	if !ok {
		return river.JobCancel(fmt.Errorf("run job %q: no such job in this version", queued.Args.Job))
	}
	logger := r.config.Logger.With("job", job.Name, "as_of", due, "attempt", queued.Attempt)
	held, err := Exclusive(ctx, r.config.Pool, job.lock(), func() error {
		started := r.config.Now()
		logger.Info("job started")
		if err := job.Run(ctx, due); err != nil {
			logger.Error("job failed", "took", r.config.Now().Sub(started), "err", err)
			return err
		}
		logger.Info("job done", "took", r.config.Now().Sub(started))
		var failed []error
		for _, next := range job.Then {
			failed = append(failed, r.Queue(ctx, next, due))
		}
		failed = append(failed, recordRun(ctx, r.config.Pool, job.Name, r.config.Now()))
		return errors.Join(failed...)
	})
	if err == nil && !held {
		return river.JobSnooze(lockedRetry)
	}
	return err
}
