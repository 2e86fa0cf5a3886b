package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// lockSchedule returns the stored next due time of the job's schedule and keeps other
// schedulers out until the transaction ends. A schedule that is new, or whose cron
// expression was changed, starts at first.
func lockSchedule(ctx context.Context, tx pgx.Tx, job Job, first time.Time) (time.Time, error) {
	const upsert = `insert into job_schedules (job, cron, time_zone, next_due_at, catch_up) values ($1, $2, 'UTC', $3, $4)
		on conflict (job) do update set
			cron = excluded.cron, catch_up = excluded.catch_up,
			next_due_at = case when job_schedules.cron = excluded.cron then job_schedules.next_due_at else excluded.next_due_at end
		returning next_due_at`
	var next time.Time
	if err := tx.QueryRow(ctx, upsert, job.Name, job.Schedule, first, string(job.catchUp())).Scan(&next); err != nil {
		return time.Time{}, fmt.Errorf("lock schedule: %w", err)
	}
	return next.UTC(), nil
}

// moveSchedule stores the next due time and, unless due is zero, the one just queued.
func moveSchedule(ctx context.Context, tx pgx.Tx, job Job, due, next time.Time) error {
	var last *time.Time
	if !due.IsZero() {
		last = &due
	}
	const update = `update job_schedules set next_due_at = $2, last_due_at = coalesce($3, last_due_at) where job = $1`
	if _, err := tx.Exec(ctx, update, job.Name, next, last); err != nil {
		return fmt.Errorf("move schedule: %w", err)
	}
	return nil
}

// recordRun notes when the job last succeeded.
func recordRun(ctx context.Context, pool *pgxpool.Pool, job string, at time.Time) error {
	if _, err := pool.Exec(ctx, `update job_schedules set last_run_at = $2 where job = $1`, job, at); err != nil {
		return fmt.Errorf("record run of %s: %w", job, err)
	}
	return nil
}

// Exclusive runs work while this process alone holds the named lock, and reports
// whether it did: false means that somebody else holds the lock and work was not
// called. The lock ends with its connection, so a dead process holds none.
func Exclusive(ctx context.Context, pool *pgxpool.Pool, name string, work func() error) (bool, error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return false, fmt.Errorf("lock %s: %w", name, err)
	}
	defer conn.Release()
	var held bool
	if err := conn.QueryRow(ctx, `select pg_try_advisory_lock(hashtextextended('signalcraft.job.' || $1, 0))`, name).Scan(&held); err != nil {
		return false, fmt.Errorf("lock %s: %w", name, err)
	}
	if !held {
		return false, nil
	}
	worked := work()
	// The lock must go even when ctx has ended; otherwise the connection is not reusable.
	release, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, err := conn.Exec(release, `select pg_advisory_unlock(hashtextextended('signalcraft.job.' || $1, 0))`, name); err != nil {
		conn.Conn().Close(release)
	}
	return true, worked
}
