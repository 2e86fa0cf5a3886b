package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrNoJob is returned when a name is none of the Runner's jobs.
var ErrNoJob = errors.New("no such job")

// State is a job and where its schedule stands.
type State struct {
	Name, Schedule string
	// Active is false when an operator has put the schedule to rest.
	Active bool
	// LastDue is the last due time that was queued, LastRun when that was done, NextDue the next; nil when there is none.
	LastDue, LastRun, NextDue *time.Time
}

// States returns every job by name. A job whose schedule no process has seen yet has no times.
func (r *Runner) States(ctx context.Context) ([]State, error) {
	stored, err := readStates(ctx, r.config.Pool)
	if err != nil {
		return nil, fmt.Errorf("read jobs: %w", err)
	}
	states := make([]State, 0, len(r.byName))
	for name, job := range r.byName {
		s, known := stored[name]
		s.Name, s.Schedule, s.Active = name, job.Schedule, s.Active || !known
		states = append(states, s)
	}
	slices.SortFunc(states, func(a, b State) int { return strings.Compare(a.Name, b.Name) })
	return states, nil
}
