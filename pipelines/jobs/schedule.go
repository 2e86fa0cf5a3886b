package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/robfig/cron/v3"
)

// grace is how late a due time may be noticed and still not count as missed.
const grace = time.Minute

// plan decides, for a schedule whose next due time was stored, what to queue at now:
// due is the due time to queue, zero for none, and next the due time to store.
func plan(schedule cron.Schedule, policy CatchUp, stored, now time.Time) (due, next time.Time) {
	next = stored
	if lastYear := now.AddDate(-1, 0, 0); next.Before(lastYear) {
		next = schedule.Next(lastYear) // older due times are not worth the walk
	}
	for !next.After(now) {
		due, next = next, schedule.Next(next)
	}
	if policy == None && now.Sub(due) > grace {
		due = time.Time{}
	}
	return due, next
}

// tick queues every job that is due and returns the next instant at which one will be.
// Any number of processes may tick at once: each schedule's row is locked.
func (r *Runner) tick(ctx context.Context, now time.Time) (time.Time, error) {
	wake := now.Add(time.Hour)
	var failed []error
	for _, job := range r.config.Jobs {
		schedule, err := job.schedule()
		if err != nil || schedule == nil {
			failed = append(failed, err)
			continue
		}
		next, err := r.tickJob(ctx, job, schedule, now)
		if err != nil {
			failed = append(failed, fmt.Errorf("schedule %s: %w", job.Name, err))
			next = now.Add(10 * time.Second)
		}
		if next.Before(wake) {
			wake = next
		}
	}
	return wake, errors.Join(failed...)
}

func (r *Runner) tickJob(ctx context.Context, job Job, schedule cron.Schedule, now time.Time) (time.Time, error) {
	var next time.Time
	err := pgx.BeginFunc(ctx, r.config.Pool, func(tx pgx.Tx) error {
		stored, err := lockSchedule(ctx, tx, job, schedule.Next(now))
		if err != nil {
			return err
		}
		var due time.Time
		due, next = plan(schedule, job.catchUp(), stored, now)
		if !due.IsZero() {
			if err := r.insert(ctx, tx, Args{Job: job.Name, Due: due.UTC()}); err != nil {
				return err
			}
		}
		return moveSchedule(ctx, tx, job, due, next)
	})
	return next, err
}
