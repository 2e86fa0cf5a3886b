package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// All SQL of the package. What River's table is asked beyond River's own interface is
// written against version 8 of its schema.

// stored is a row of job_schedules.
type stored struct {
	cron    string
	catchUp CatchUp
	next    time.Time // zero when there is none
}

// readSchedules returns the stored schedules by job, also of jobs that are no more.
func readSchedules(ctx context.Context, pool *pgxpool.Pool) (map[string]stored, error) {
	const query = `select job, cron, catch_up, next_due_at from job_schedules`
	rows, err := pool.Query(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("read schedules: %w", err)
	}
	found := map[string]stored{}
	var job string
	var row stored
	var next *time.Time
	_, err = pgx.ForEachRow(rows, []any{&job, &row.cron, &row.catchUp, &next}, func() error {
		row.next = time.Time{}
		if next != nil {
			row.next = *next
		}
		found[job] = row
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read schedules: %w", err)
	}
	return found, nil
}

// lockSchedule returns the stored next due time of the job's schedule, and whether it
// is active, and keeps other schedulers out until the transaction ends. A schedule that
// is new, or whose cron expression was changed, starts at first.
func lockSchedule(ctx context.Context, tx pgx.Tx, job Job, first time.Time) (next time.Time, active bool, _ error) {
	const upsert = `insert into job_schedules as s (job, cron, time_zone, next_due_at, catch_up) values ($1, $2, 'UTC', $3, $4)
		on conflict (job) do update set
			cron = excluded.cron, catch_up = excluded.catch_up, updated_at = now(),
			next_due_at = case when s.cron = excluded.cron then coalesce(s.next_due_at, excluded.next_due_at) else excluded.next_due_at end
		returning next_due_at, is_active`
	if err := tx.QueryRow(ctx, upsert, job.Name, job.Schedule, first, string(job.catchUp())).Scan(&next, &active); err != nil {
		return time.Time{}, false, fmt.Errorf("lock schedule: %w", err)
	}
	return next.UTC(), active, nil
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
func recordRun(ctx context.Context, tx pgx.Tx, job string, at time.Time) error {
	if _, err := tx.Exec(ctx, `update job_schedules set last_run_at = $2 where job = $1`, job, at); err != nil {
		return fmt.Errorf("record run of %s: %w", job, err)
	}
	return nil
}

// querier is a connection or a transaction.
type querier interface {
	Exec(ctx context.Context, sql string, arguments ...any) (pgconn.CommandTag, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// holdLock takes the named lock for the connection's session and reports whether it
// could. The machine at the other end of a connection may vanish without a word: the
// server finds out within 25 seconds instead of the two hours that are usual.
func holdLock(ctx context.Context, conn querier, name string) (held bool, err error) {
	const take = `select pg_try_advisory_lock(hashtextextended('signalcraft.job.' || $1, 0)),
		set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '5', false), set_config('tcp_keepalives_count', '3', false)`
	err = conn.QueryRow(ctx, take, name).Scan(&held, nil, nil, nil)
	return held, err
}

// releaseLocks gives every lock of the connection's session free.
func releaseLocks(ctx context.Context, conn querier) error {
	_, err := conn.Exec(ctx, `select pg_advisory_unlock_all()`)
	return err
}

// isRunning reports whether the queued job with the id still stands as running.
func isRunning(ctx context.Context, conn querier, id int64) (running bool, err error) {
	const query = `select exists (select from river.river_job where id = $1 and state = 'running')`
	err = conn.QueryRow(ctx, query, id).Scan(&running)
	return running, err
}

// unlocked returns the executions of the named jobs that stand as running although
// their job's lock was free, and keeps these locks until the transaction ends.
func unlocked(ctx context.Context, tx pgx.Tx, names []string) ([]execution, error) {
	const query = `select id, attempt, pg_try_advisory_xact_lock(hashtextextended('signalcraft.job.' || (args ->> 'job'), 0))
		from river.river_job where state = 'running' and kind = $1 and args ->> 'job' = any($2)`
	rows, err := tx.Query(ctx, query, kind, names)
	if err != nil {
		return nil, fmt.Errorf("read running jobs: %w", err)
	}
	var found []execution
	var e execution
	var free bool
	_, err = pgx.ForEachRow(rows, []any{&e.id, &e.attempt, &free}, func() error {
		if free {
			found = append(found, e)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read running jobs: %w", err)
	}
	return found, nil
}

// abandoned is a job whose executions ended with their processes.
type abandoned struct {
	args
	deaths  int
	givenUp bool
}

// requeue makes the running job with the id available again under a new id, at the
// first time at once and later each time, or discards it when it has died limit times.
// The execution does not count as an attempt. It returns pgx.ErrNoRows when the job has
// ceased to run.
func requeue(ctx context.Context, tx pgx.Tx, id int64, limit int) (abandoned, error) {
	const update = `with died as (
			select id, coalesce((metadata ->> 'signalcraft_deaths')::int, 0) + 1 as deaths from river.river_job
			where id = $1 and state = 'running' for update)
		update river.river_job as job set
			id = default,
			attempt = greatest(job.attempt - 1, 0),
			state = case when deaths < $2 then 'available' else 'discarded' end::river.river_job_state,
			finalized_at = case when deaths >= $2 then now() end,
			scheduled_at = now() + (deaths - 1) * interval '5 seconds',
			metadata = job.metadata || jsonb_build_object('signalcraft_deaths', deaths)
		from died where job.id = died.id
		returning job.args ->> 'job', (job.args ->> 'due')::timestamptz, deaths, deaths >= $2`
	var a abandoned
	if err := tx.QueryRow(ctx, update, id, limit).Scan(&a.Job, &a.Due, &a.deaths, &a.givenUp); err != nil {
		return abandoned{}, fmt.Errorf("queue abandoned job %d again: %w", id, err)
	}
	return a, nil
}

// readStates returns where the stored schedules stand, by job.
func readStates(ctx context.Context, pool *pgxpool.Pool) (map[string]State, error) {
	const query = `select job, is_active, last_due_at, last_run_at, next_due_at from job_schedules`
	rows, err := pool.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	found := map[string]State{}
	var s State
	_, err = pgx.ForEachRow(rows, []any{&s.Name, &s.Active, &s.LastDue, &s.LastRun, &s.NextDue}, func() error {
		found[s.Name] = s
		s = State{}
		return nil
	})
	return found, err
}
