package jobs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
)

// deathsMax is how many executions of a queued job may end with the death of their
// process before the job is given up: it may be what kills them.
const deathsMax = 20

// execution identifies one attempt at a queued job.
type execution struct {
	id      int64
	attempt int
}

// rescue queues executions again that stand as running, but whose job's lock was free in
// this round and in the last: between two rounds a living execution has taken its lock
// or has ended. A round takes the locks itself while it looks, so that nothing starts
// meanwhile. What was queued again has a new id, so that the old execution, if it wakes
// up after all, can neither start nor report.
func (r *Runner) rescue(ctx context.Context) error {
	err := pgx.BeginFunc(ctx, r.config.Pool, func(tx pgx.Tx) error {
		left, err := unlocked(ctx, tx, slices.Collect(maps.Keys(r.byName)))
		if err != nil {
			return err
		}
		suspects := map[execution]bool{}
		for _, e := range left {
			if !r.suspects[e] {
				suspects[e] = true
				continue
			}
			a, err := requeue(ctx, tx, e.id, deathsMax)
			if errors.Is(err, pgx.ErrNoRows) {
				continue // it ended just now
			}
			if err != nil {
				return err
			}
			logger := r.config.Logger.With("job", a.Job, "as_of", a.Due, "deaths", a.deaths)
			if a.givenUp {
				logger.ErrorContext(ctx, "job given up: every process that executed it died")
				continue
			}
			logger.WarnContext(ctx, "job was left by a process that died, it will be executed again")
		}
		r.suspects = suspects
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for abandoned jobs: %w", err)
	}
	return nil
}
