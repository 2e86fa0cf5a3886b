// Package jobs runs the batch's work as durable jobs in Postgres.
//
// A Job is a function with a name, a cron schedule, a time limit, a number of attempts
// and a lock. When a schedule comes due, the job is put into River's table and the
// schedule moves on in one transaction, so each (job, due time) is queued exactly once
// however many processes run, and a due time that passed while nothing ran is caught
// up by the job's policy. River hands queued jobs to workers and retries failed ones
// with back-off. An execution holds its job's lock on a Postgres connection of its own,
// and that connection also commits its success together with the queueing of its
// successors: who has lost the lock can record nothing. A job that stands as running
// while its lock is free was left by a process that died, and is queued again.
//
// Processes that run at the same time must have the same list of jobs.
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
	// Timeout ends an execution by ending its context; it must be positive.
	Timeout time.Duration
	// Attempts is the number of executions that may fail before the job is given up; it
	// must be positive. Executions that were interrupted do not count.
	Attempts int
	// Lock names what the job must have alone: two jobs with one lock never run at the
	// same time, in any process. Executions of the same job never do. Empty means the
	// job's own name.
	Lock string
	// Then names the jobs to queue after an execution has ended, also after one that
	// failed: what it did is theirs to go on with. They get the same due time; after a
	// retry, the time of its end. A job runs once for each due time, so when two jobs of
	// one due time name the same successor, it runs once.
	Then []string
	// Run does the work. asOf is the due time. It may be called again for the same asOf
	// after an error, a timeout or a crash, and must then finish what is missing. Its
	// context ends at the time limit, when the Runner stops, and when the lock is lost.
	Run func(ctx context.Context, asOf time.Time) error
}

// Validate returns an error that names each job and field at fault: empty or repeated
// names, schedules that do not parse or never come due, missing limits, and successors
// that do not exist.
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
	// Not in a zone with daylight saving: there the library skips the hour that does not
	// exist and doubles the one that comes twice.
	fields := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
	schedule, err := fields.Parse("CRON_TZ=UTC " + j.Schedule)
	if err != nil {
		return nil, fmt.Errorf("job %s: schedule %q: %w", j.Name, j.Schedule, err)
	}
	if schedule.Next(time.Unix(0, 0)).IsZero() {
		return nil, fmt.Errorf("job %s: schedule %q never comes due", j.Name, j.Schedule)
	}
	return schedule, nil
}

func (j Job) catchUp() CatchUp {
	if j.CatchUp == "" {
		return Latest
	}
	return j.CatchUp
}

// locks returns what an execution holds. The job's own name is always among it, because
// it stays the same from version to version: its lock tells whether the job is running.
func (j Job) locks() []string {
	if j.Lock == "" {
		return []string{j.Name}
	}
	return []string{j.Name, j.Lock}
}
