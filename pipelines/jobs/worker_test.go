package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/pipelines/jobs"
)

func TestJobsWithOneLockNeverOverlap(t *testing.T) {
	w := setup(t)
	started, finish := make(chan string, 9), make(chan struct{})
	var inside atomic.Int32
	hold := func(name string) jobs.Job {
		j := job(name, func(context.Context, time.Time) error {
			if inside.Add(1) != 1 {
				t.Errorf("%s runs beside the other", name)
			}
			defer inside.Add(-1)
			started <- name
			pass(t, finish)
			return nil
		})
		j.Lock = "shared"
		return j
	}
	list := jobs.Config{Jobs: []jobs.Job{hold("a"), hold("b")}, Workers: 1}
	one, two := w.runner(t, list), w.runner(t, list)
	queue(t, one, "a")
	queue(t, one, "b")
	events := make(chan *river.Event, 100)
	for _, r := range []*jobs.Runner{one, two} {
		from, _ := start(t, r)
		go func() {
			for e := range from {
				events <- e
			}
		}()
	}
	first := within(t, started, "the first start")
	// Both may be put off when they ask for the locks at one moment; one of them then runs, and the other is put off again.
	for jobOf(t, until(t, events, river.EventKindJobSnoozed)) == first {
		continue
	}
	freed := time.Now()
	finish <- struct{}{}
	second := within(t, started, "the second start")
	t.Logf("%s started %s after %s had ended", second, time.Since(freed), first)
	finish <- struct{}{}
	for range 2 {
		if e := until(t, events, river.EventKindJobCompleted); e.Job.Attempt != 1 {
			t.Errorf("%s completed at attempt %d, want 1: waiting is no attempt", jobOf(t, e), e.Job.Attempt)
		}
	}
}

func TestFailingJobIsRetriedWithBackOffAndGivenUp(t *testing.T) {
	w := setup(t)
	var log bytes.Buffer
	var runs atomic.Int32
	r := w.runner(t, jobs.Config{Logger: slog.New(slog.NewTextHandler(&log, nil)), Jobs: []jobs.Job{job("a", func(context.Context, time.Time) error {
		runs.Add(1)
		return errors.New("the upstream is broken")
	})}})
	queue(t, r, "a")
	events, stop := start(t, r)
	e := until(t, events, river.EventKindJobFailed)
	if e.Job.State == rivertype.JobStateDiscarded || e.Job.ScheduledAt.Sub(*e.Job.AttemptedAt) < 800*time.Millisecond {
		t.Errorf("after the first failure: %s, to run %s after its start, want a retry after a second", e.Job.State, e.Job.ScheduledAt.Sub(*e.Job.AttemptedAt))
	}
	if e = until(t, events, river.EventKindJobFailed); e.Job.State != rivertype.JobStateDiscarded {
		t.Errorf("after the last failure: %s, want discarded", e.Job.State)
	}
	queue(t, r, "a")
	stop()
	w.want(t, "given up, and not to be queued again", row{"a", due.Format(time.RFC3339), "discarded", 2})
	if got := runs.Load(); got != 2 {
		t.Errorf("%d executions, want 2", got)
	}
	for _, line := range []string{`msg="job failed" job=a as_of=2024-05-01T10:00:00.000Z attempt=1`, `msg="job given up" job=a as_of=2024-05-01T10:00:00.000Z attempt=2`, "the upstream is broken"} {
		if !strings.Contains(log.String(), line) {
			t.Errorf("the log does not say %s:\n%s", line, log.String())
		}
	}
}

func TestTimeoutEndsAnExecution(t *testing.T) {
	w := setup(t)
	slow := job("slow", func(ctx context.Context, _ time.Time) error {
		<-ctx.Done()
		return ctx.Err()
	})
	slow.Timeout, slow.Attempts = 50*time.Millisecond, 1
	r := w.runner(t, jobs.Config{Jobs: []jobs.Job{slow}})
	queue(t, r, "slow")
	events, _ := start(t, r)
	e := until(t, events, river.EventKindJobFailed)
	if e.Job.State != rivertype.JobStateDiscarded || !strings.Contains(e.Job.Errors[0].Error, "time limit of 50ms") {
		t.Errorf("%s with %+v, want discarded for its time limit", e.Job.State, e.Job.Errors)
	}
}

func TestPanicIsAFailureAndFreesTheLock(t *testing.T) {
	w := setup(t)
	var runs atomic.Int32
	r := w.runner(t, jobs.Config{Jobs: []jobs.Job{job("a", func(context.Context, time.Time) error {
		if runs.Add(1) == 1 {
			panic("a mistake")
		}
		return nil
	})}})
	queue(t, r, "a")
	events, _ := start(t, r)
	until(t, events, river.EventKindJobFailed)
	if held, err := jobs.Exclusive(t.Context(), w.pool, "a", func(context.Context) error { return nil }); err != nil || !held {
		t.Errorf("after the panic the lock is held: %t %v, want free", held, err)
	}
	until(t, events, river.EventKindJobCompleted)
}

// TestSuccessorsFollowEveryAttemptOnce fails a landing once: what it landed before is
// worked on at once, and what its retry lands after that.
func TestSuccessorsFollowEveryAttemptOnce(t *testing.T) {
	w := setup(t)
	later := due.Add(time.Minute)
	var mu sync.Mutex
	var ran []string
	record := func(name string, fail int) jobs.Job {
		return job(name, func(_ context.Context, asOf time.Time) error {
			mu.Lock()
			defer mu.Unlock()
			ran = append(ran, name+" "+asOf.Format(time.RFC3339))
			if fail--; fail >= 0 {
				return errors.New("not yet")
			}
			return nil
		})
	}
	land, model := record("land", 1), record("model", 0)
	land.Schedule, land.Then, model.Then = "0 10 * * *", []string{"model"}, []string{"publish"}
	r := w.runner(t, jobs.Config{Jobs: []jobs.Job{land, model, record("publish", 0)}, Now: func() time.Time { return later }})
	tick(t, r, due.Add(-time.Minute))
	tick(t, r, due)
	events, stop := start(t, r)
	for range 5 {
		until(t, events, river.EventKindJobCompleted)
	}
	queue(t, r, "model") // by hand, for a due time that is done
	stop()
	first, second := due.Format(time.RFC3339), later.Format(time.RFC3339)
	want := []string{"land " + first, "land " + first, "model " + first, "model " + second, "publish " + first, "publish " + second}
	if slices.Sort(ran); !slices.Equal(ran, want) {
		t.Errorf("executions %v, want %v", ran, want)
	}
	w.want(t, "each once", row{"land", first, "completed", 2}, row{"model", first, "completed", 1}, row{"model", second, "completed", 1},
		row{"publish", first, "completed", 1}, row{"publish", second, "completed", 1})
	var last time.Time
	if err := w.pool.QueryRow(t.Context(), `select last_run_at from job_schedules where job = 'land'`).Scan(&last); err != nil || !last.Equal(later) {
		t.Errorf("last run of land at %s (%v), want %s", last, err, later)
	}
}

func TestStoppedRunnerLeavesItsJobToTheNext(t *testing.T) {
	w := setup(t)
	started := make(chan struct{}, 2)
	var runs atomic.Int32
	list := []jobs.Job{job("a", func(ctx context.Context, _ time.Time) error {
		started <- struct{}{}
		if runs.Add(1) > 1 {
			return nil
		}
		<-ctx.Done()
		return errors.New("interrupted") // as libraries say it that hide the context's error
	})}
	r := w.runner(t, jobs.Config{Jobs: list, Grace: time.Millisecond})
	queue(t, r, "a")
	_, stop := start(t, r)
	within(t, started, "the start")
	stop()
	w.want(t, "after the stop", row{"a", due.Format(time.RFC3339), "available", 0})

	events, _ := start(t, w.runner(t, jobs.Config{Jobs: list}))
	if e := until(t, events, river.EventKindJobCompleted); e.Job.Attempt != 1 {
		t.Errorf("completed at attempt %d, want 1: a stop is no attempt", e.Job.Attempt)
	}
}

func TestRunnerLetsJobsFinishWithinTheGrace(t *testing.T) {
	w := setup(t)
	started, finish := make(chan struct{}), make(chan struct{})
	r := w.runner(t, jobs.Config{Jobs: []jobs.Job{job("a", func(ctx context.Context, _ time.Time) error {
		close(started)
		pass(t, finish)
		return ctx.Err()
	})}})
	queue(t, r, "a")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	within(t, started, "the start")
	cancel()
	close(finish)
	if err := within(t, ended, "the end of Run"); err != nil {
		t.Error(err)
	}
	w.want(t, "after the stop", row{"a", due.Format(time.RFC3339), "completed", 1})
}

func TestJobOfAnotherVersionWaitsForItThenIsCancelled(t *testing.T) {
	w := setup(t)
	queue(t, w.runner(t, jobs.Config{Jobs: []jobs.Job{job("new", nothing)}}), "new")
	old := []jobs.Job{job("old", nothing)}
	events, stop := start(t, w.runner(t, jobs.Config{Jobs: old}))
	if e := within(t, events, "the job to be put off"); e.Kind != river.EventKindJobSnoozed {
		t.Errorf("%s, want it to be put off", e.Kind)
	}
	stop()
	w.exec(t, `update river.river_job set state = 'available', scheduled_at = now()`)
	events, _ = start(t, w.runner(t, jobs.Config{Jobs: old, Now: func() time.Time { return time.Now().Add(25 * time.Hour) }}))
	if e := within(t, events, "the job to be cancelled"); e.Kind != river.EventKindJobCancelled {
		t.Errorf("%s after a day, want it to be cancelled", e.Kind)
	}
}

func TestExclusive(t *testing.T) {
	w := setup(t)
	other := open(t, w.db.URL(store.RoleBatch))
	failed := errors.New("failed")
	held, err := jobs.Exclusive(t.Context(), w.pool, "a", func(ctx context.Context) error {
		if held, err := jobs.Exclusive(ctx, other, "a", func(context.Context) error { t.Error("both run"); return nil }); held || err != nil {
			t.Errorf("the second holds the lock: %t, %v, want false", held, err)
		}
		if held, err := jobs.Exclusive(ctx, other, "b", func(context.Context) error { return nil }); !held || err != nil {
			t.Errorf("another lock: held %t, %v, want true", held, err)
		}
		return failed
	})
	if !held || !errors.Is(err, failed) {
		t.Errorf("held %t, error %v, want true and the work's error", held, err)
	}
	if held, err := jobs.Exclusive(t.Context(), other, "a", func(context.Context) error { return nil }); !held || err != nil {
		t.Errorf("after the first: held %t, %v, want true", held, err)
	}
}
