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
	"github.com/robfig/cron/v3"
)

// roundEvery is the time between two looks at schedules and abandoned executions; it
// bounds how late a changed clock or schedule is noticed.
const roundEvery = 5 * time.Second

// Config is what a Runner needs.
type Config struct {
	// Pool connects as the role that called Migrate. It needs at least four connections
	// more than there are workers, and more still if the jobs use it.
	Pool *pgxpool.Pool
	// Jobs is the list of all jobs of the installation.
	Jobs []Job
	// Workers bounds the jobs running at once in this process; 0 means 4.
	Workers int
	// Grace is how long running jobs may go on when Run is to end; 0 means 30 seconds.
	Grace time.Duration
	// Logger receives a line when a job starts, ends, fails and is given up.
	Logger *slog.Logger
	// Now is the clock that schedules follow.
	Now func() time.Time
}

// withDefaults returns a checked copy, or an error that names the field at fault.
func (c Config) withDefaults() (Config, error) {
	if c.Workers == 0 {
		c.Workers = 4
	}
	if c.Grace == 0 {
		c.Grace = 30 * time.Second
	}
	if c.Pool == nil || c.Logger == nil || c.Now == nil {
		return c, errors.New("job runner: pool, logger and now must be set")
	}
	if c.Workers < 0 || c.Grace < 0 {
		return c, fmt.Errorf("job runner: workers %d, grace %s: want more than 0", c.Workers, c.Grace)
	}
	// Each running job holds one for its lock; with none left, nothing could be finished.
	if have, want := int(c.Pool.Config().MaxConns), c.Workers+4; have < want {
		return c, fmt.Errorf("job runner: pool of %d connections for %d workers: want at least %d", have, c.Workers, want)
	}
	return c, Validate(c.Jobs)
}

// Runner queues and executes jobs.
type Runner struct {
	config    Config
	byName    map[string]Job
	schedules map[string]cron.Schedule
	client    *river.Client[pgx.Tx]
	// suspects are the executions that the last round found without a lock.
	suspects map[execution]bool
}

// New returns a Runner for config, or an error that names what is wrong with it. It starts nothing.
func New(config Config) (*Runner, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &Runner{config: config, byName: map[string]Job{}, schedules: map[string]cron.Schedule{}}
	for _, job := range config.Jobs {
		r.byName[job.Name] = job
		if r.schedules[job.Name], err = job.schedule(); err != nil {
			return nil, err
		}
	}
	if r.client, err = newClient(config, &worker{runner: r}); err != nil {
		return nil, fmt.Errorf("open job queue: %w", err)
	}
	return r, nil
}

// Run schedules and executes jobs until ctx ends, then lets running jobs finish for the
// configured grace and cancels the rest, which are executed again by the next Runner. It
// returns an error when Postgres does not answer at the start, or when a job does not
// end although it was cancelled. While it runs, it outlives restarts of Postgres. Call it once.
func (r *Runner) Run(ctx context.Context) error {
	if err := r.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start workers: %w", err)
	}
	for ctx.Err() == nil {
		r.wait(ctx, r.round(ctx))
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.config.Grace+10*time.Second)
	defer cancel()
	if err := r.client.Stop(stop); err != nil {
		return fmt.Errorf("stop workers: %w", err)
	}
	return nil
}

// round queues what is due and what was abandoned, and returns how long to wait for the
// next. Postgres being away is logged and tried again.
func (r *Runner) round(ctx context.Context) time.Duration {
	now := r.config.Now()
	wake, err := r.tick(ctx, now)
	err = errors.Join(err, r.rescue(ctx))
	if err != nil && ctx.Err() == nil {
		r.config.Logger.ErrorContext(ctx, "schedule jobs", "err", err)
	}
	if wait := wake.Sub(now); wait > 0 && wait < roundEvery {
		return wait
	}
	return roundEvery
}

func (r *Runner) wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// Queue queues one execution of the named job as of due, unless that pair was queued
// before, within the last week, however it ended.
func (r *Runner) Queue(ctx context.Context, name string, due time.Time) error {
	return pgx.BeginFunc(ctx, r.config.Pool, func(tx pgx.Tx) error { return r.insert(ctx, tx, name, due) })
}
