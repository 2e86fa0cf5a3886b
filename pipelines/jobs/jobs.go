// Package jobs runs the batch's work as durable jobs in Postgres.
//
// A Job is a function with a name, a cron schedule, a time limit, a number of attempts
// and a lock. When a schedule comes due, the job is put into River's table and the
// schedule moves on in one transaction, so each (job, due time) is queued exactly once
// however many processes run, and a due time that passed while nothing ran is caught
// up by the job's policy. River hands queued jobs to workers, retries failed ones with
// back-off and rescues those whose process died. A job that names others in Then
// queues them when it has succeeded.
//
// Vocabulary: the due time is the instant a schedule names; it is also the as-of
// instant of the execution, so that a retry computes the same bytes.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/robfig/cron/v3"
)

// CatchUp says what happens to due times that passed while no process ran.
type CatchUp string

// The catch-up policies. Latest queues the most recent missed due time, None queues
// none of them and waits for the next.
const (
	Latest CatchUp = "last"
	None   CatchUp = "none"
)

// Job is one kind of work.
type Job struct {
	// Name is unique and stable: it is stored with queued work.
	Name string
	// Schedule is a five-field cron expression in UTC; empty means only by hand or through Then.
	Schedule string
	// CatchUp is the policy for missed due times; empty means Latest.
	CatchUp CatchUp
	// Timeout ends an execution; it must be positive.
	Timeout time.Duration
	// Attempts is the number of executions before the job is given up; it must be positive.
	Attempts int
	// Lock names what the job must have alone: two jobs with one lock never run at the
	// same time, in any process. Empty means the job's own name.
	Lock string
	// Then names the jobs to queue after success.
	Then []string
	// Run does the work. asOf is the due time. It may be called again for the same asOf
	// after an error, a timeout or a crash, and must then finish what is missing.
	Run func(ctx context.Context, asOf time.Time) error
}

// Validate returns an error that names each job and field at fault: empty or repeated
// names, schedules that do not parse, missing limits, and successors that do not exist.
func Validate(list []Job) error {
	var faults []error
	names := map[string]bool{}
	for _, job := range list {
		if job.Name == "" || names[job.Name] {
			faults = append(faults, fmt.Errorf("job %q: the name is empty or stands twice", job.Name))
		}
		names[job.Name] = true
	}
	for _, job := range list {
		if job.Timeout <= 0 || job.Attempts <= 0 || job.Run == nil {
			faults = append(faults, fmt.Errorf("job %s: timeout, attempts and run must be set", job.Name))
		}
		if _, err := job.schedule(); err != nil {
			faults = append(faults, err)
		}
		if !slices.Contains([]CatchUp{"", Latest, None}, job.CatchUp) {
			faults = append(faults, fmt.Errorf("job %s: catch-up policy %q: want last or none", job.Name, job.CatchUp))
		}
		for _, next := range job.Then {
			if !names[next] {
				faults = append(faults, fmt.Errorf("job %s: its successor %q does not exist", job.Name, next))
			}
		}
	}
	return errors.Join(faults...)
}

// schedule returns nil when the job has none.
func (j Job) schedule() (cron.Schedule, error) {
	if j.Schedule == "" {
		return nil, nil
	}
	schedule, err := cron.ParseStandard("CRON_TZ=UTC " + j.Schedule)
	if err != nil {
		return nil, fmt.Errorf("job %s: schedule %q: %w", j.Name, j.Schedule, err)
	}
	return schedule, nil
}

func (j Job) catchUp() CatchUp {
	if j.CatchUp == "" {
		return Latest
	}
	return j.CatchUp
}

func (j Job) lock() string {
	if j.Lock == "" {
		return j.Name
	}
	return j.Lock
}
