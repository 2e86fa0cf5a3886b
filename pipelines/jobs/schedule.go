package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/robfig/cron/v3"
)

const (
	// grace is how late a due time may be noticed and still not count as missed.
	grace = time.Minute
	// skew is how far the clocks of processes may differ, and one may be set back,
	// without a schedule starting anew.
	skew = time.Hour
)

// plan decides, for a schedule whose next due time was stored, what to queue at now:
// due is the due time to queue, zero for none, and next the due time to store.
func plan(schedule cron.Schedule, policy CatchUp, stored, now time.Time) (due, next time.Time) {
	next = stored
	if lastYear := now.AddDate(-1, 0, 0); next.Before(lastYear) {
		next = schedule.Next(lastYear) // older due times are not worth the walk
	}
	if next.After(schedule.Next(now.Add(skew))) {
		next = schedule.Next(now) // stored by a clock that was wrong: do not wait until it is right
	}
	for !next.After(now) {
		due, next = next, schedule.Next(next)
	}
	if policy == None && now.Sub(due) > grace {
		due = time.Time{}
	}
	return due, next
}

// tick queues every job that is due and returns the next instant at which one will be,
// zero when no job has a schedule. Any number of processes may tick at once: each
// schedule's row is locked while it moves.
func (r *Runner) tick(ctx context.Context, now time.Time) (wake time.Time, _ error) {
	rows, err := readSchedules(ctx, r.config.Pool)
	if err != nil {
		return time.Time{}, err
	}
	var failed []error
	for _, job := range r.config.Jobs {
		schedule := r.schedules[job.Name]
		if schedule == nil {
			continue
		}
		row, ok := rows[job.Name]
		_, next := plan(schedule, job.catchUp(), row.next, now)
		if !ok || row.cron != job.Schedule || row.catchUp != job.catchUp() || !next.Equal(row.next) {
			if next, err = r.move(ctx, job, schedule, now); err != nil {
				failed = append(failed, fmt.Errorf("schedule %s: %w", job.Name, err))
				continue
			}
		}
		if wake.IsZero() || next.Before(wake) {
			wake = next
		}
	}
	return wake, errors.Join(failed...)
}

// move brings the job's schedule up to now: it queues what is due and stores what is
// next, both or neither. The schedule of a job that is not active moves on and queues nothing.
func (r *Runner) move(ctx context.Context, job Job, schedule cron.Schedule, now time.Time) (next time.Time, _ error) {
	err := pgx.BeginFunc(ctx, r.config.Pool, func(tx pgx.Tx) error {
		stored, active, err := lockSchedule(ctx, tx, job, schedule.Next(now))
		if err != nil {
			return err
		}
		var due time.Time
		due, next = plan(schedule, job.catchUp(), stored, now)
		if !active {
			due = time.Time{}
		}
		if !due.IsZero() {
			if err := r.insert(ctx, tx, job.Name, due); err != nil {
				return err
			}
		}
		return moveSchedule(ctx, tx, job, due, next)
	})
	return next, err
}
