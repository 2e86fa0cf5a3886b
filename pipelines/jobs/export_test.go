package jobs

import (
	"context"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// ErrLockLost is the cause of an execution's end when its lock is gone.
var ErrLockLost = errLockLost

// DeathsMax is after how many deaths a job is given up.
const DeathsMax = deathsMax

// Tick looks at the schedules once, at the instant now.
func (r *Runner) Tick(ctx context.Context, now time.Time) error {
	_, err := r.tick(ctx, now)
	return err
}

// Rescue looks for abandoned executions once.
func (r *Runner) Rescue(ctx context.Context) error { return r.rescue(ctx) }

// Work executes the job whose row has the id, as River asks for it.
func (r *Runner) Work(ctx context.Context, id int64, name string, due time.Time) error {
	row := &rivertype.JobRow{ID: id, State: rivertype.JobStateRunning, Attempt: 1, MaxAttempts: 2}
	return (&worker{runner: r}).Work(ctx, &river.Job[args]{JobRow: row, Args: args{Job: name, Due: due}})
}

// Events tells how executions end, until the Runner ends.
func (r *Runner) Events() <-chan *river.Event {
	events, _ := r.client.Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed, river.EventKindJobSnoozed,
		river.EventKindJobInterrupted, river.EventKindJobCancelled)
	return events
}
