package jobs

import (
	"context"
	"time"

	"github.com/riverqueue/river"
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

// Events tells how executions end, until the Runner ends.
func (r *Runner) Events() <-chan *river.Event {
	events, _ := r.client.Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed, river.EventKindJobSnoozed,
		river.EventKindJobInterrupted, river.EventKindJobCancelled)
	return events
}
