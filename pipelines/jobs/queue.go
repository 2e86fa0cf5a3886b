package jobs

import (
	"context"
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

const (
	// schema is where River keeps its tables.
	schema = "river"
	// kind names the one kind of River job.
	kind = "signalcraft_job"
	// kept is how long a finished job stays in the table, and with it out of the queue.
	kept = 7 * 24 * time.Hour
	// never is longer than any job runs. River's own rescue goes by time alone: it would
	// let a job run beside an execution that was only frozen.
	never = 100 * 365 * 24 * time.Hour
)

// args is what a queued job is stored as. A pair of job and due time is queued once.
type args struct {
	Job string    `json:"job" river:"unique"`
	Due time.Time `json:"due" river:"unique"`
}

// Kind names the kind of River job.
func (args) Kind() string { return kind }

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

func newClient(config Config, w *worker) (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, w); err != nil {
		return nil, err
	}
	return river.NewClient(riverpgxv5.New(config.Pool), &river.Config{
		Schema:                      schema,
		Logger:                      quiet(config.Logger),
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: config.Workers}},
		Workers:                     workers,
		SoftStopTimeout:             config.Grace,
		RescueStuckJobsAfter:        never,
		CompletedJobRetentionPeriod: kept,
		CancelledJobRetentionPeriod: kept,
		DiscardedJobRetentionPeriod: kept,
	})
}

// insert queues the job within tx, unless the pair of job and due time is in the table in any state.
func (r *Runner) insert(ctx context.Context, tx pgx.Tx, name string, due time.Time) error {
	job, ok := r.byName[name]
	if !ok {
		return fmt.Errorf("queue job %q: %w", name, ErrNoJob)
	}
	everyState := append(rivertype.UniqueOptsByStateDefault(), rivertype.JobStateCancelled, rivertype.JobStateDiscarded)
	_, err := r.client.InsertTx(ctx, tx, args{Job: name, Due: due.UTC()}, &river.InsertOpts{
		MaxAttempts: job.Attempts,
		UniqueOpts:  river.UniqueOpts{ByArgs: true, ByState: everyState},
	})
	if err != nil {
		return fmt.Errorf("queue job %s: %w", name, err)
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

// WithAttrs returns a handler that keeps the limit.
func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attrs)}
}

// WithGroup returns a handler that keeps the limit.
func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }
