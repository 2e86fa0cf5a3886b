package jobs_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"go.uber.org/goleak"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/cluster"
	"github.com/signalcraft/signalcraft/pipelines/jobs"
)

// childURL names the database on which this test binary, run as a child, executes jobs until it is killed.
const childURL = "JOBS_TEST_CHILD_URL"

// runChild starts the job that is queued, says so, and never ends it.
func runChild(url string) {
	config, err := store.PoolConfig(url, store.RoleBatch)
	if err != nil {
		panic(err)
	}
	config.MaxConns = 12
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		panic(err)
	}
	r, err := jobs.New(jobs.Config{Pool: pool, Logger: slog.New(slog.DiscardHandler), Now: time.Now, Jobs: []jobs.Job{job("a", func(context.Context, time.Time) error {
		fmt.Println("started")
		select {}
	})}})
	if err != nil {
		panic(err)
	}
	panic(r.Run(context.Background()))
}

func (w world) rescue(t *testing.T, r *jobs.Runner, rounds int) {
	t.Helper()
	for range rounds {
		if err := r.Rescue(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestJobOfAFrozenProcessIsLeftAloneAndOfADeadOneExecutedAgain(t *testing.T) {
	w := setup(t)
	var runs atomic.Int32
	r := w.runner(t, jobs.Config{Jobs: []jobs.Job{job("a", func(context.Context, time.Time) error { runs.Add(1); return nil })}})
	queue(t, r, "a")
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childURL+"="+w.db.URL(store.RoleBatch))
	child.Stderr = t.Output()
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if lines := bufio.NewScanner(out); !lines.Scan() || lines.Text() != "started" {
		t.Fatalf("the child says %q, want started", lines.Text())
	}
	at := due.Format(time.RFC3339)
	if err := child.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	w.rescue(t, r, 3)
	w.want(t, "frozen", row{"a", at, "running", 1})

	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	killed := time.Now()
	events, _ := start(t, r)
	e := until(t, events, river.EventKindJobCompleted)
	if took := time.Since(killed); took > 30*time.Second {
		t.Errorf("executed again %s after the death, want at most 30s", took)
	}
	if e.Job.Attempt != 1 || runs.Load() != 1 {
		t.Errorf("completed at attempt %d after %d executions here, want 1 and 1: a death is no failure", e.Job.Attempt, runs.Load())
	}
}

func TestAbandonedExecution(t *testing.T) {
	w := setup(t)
	r := w.runner(t, jobs.Config{Jobs: []jobs.Job{job("a", nothing)}})
	queue(t, r, "a")
	at := due.Format(time.RFC3339)
	w.exec(t, `update river.river_job set state = 'running', attempt = 1, attempted_at = now()`)
	if _, err := jobs.Exclusive(t.Context(), w.pool, "a", func(context.Context) error { w.rescue(t, r, 3); return nil }); err != nil {
		t.Fatal(err)
	}
	w.want(t, "while its lock is held", row{"a", at, "running", 1})
	w.rescue(t, r, 1)
	w.want(t, "found once: it may be about to take its lock", row{"a", at, "running", 1})
	w.rescue(t, r, 1)
	w.want(t, "found twice", row{"a", at, "available", 0})

	w.exec(t, `update river.river_job set state = 'running', attempt = 1, metadata = jsonb_build_object('signalcraft_deaths', $1::int)`, jobs.DeathsMax-1)
	w.rescue(t, r, 2)
	w.want(t, "it dies every time", row{"a", at, "discarded", 0})
}

// cut ends the connection that holds a job's lock, as a restart of Postgres does.
func (w world) cut(t *testing.T) {
	t.Helper()
	var cut int
	owner := w.db.Pool(t, "")
	if err := owner.QueryRow(t.Context(), `select count(pg_terminate_backend(pid)) from pg_locks
		where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`).Scan(&cut); err != nil || cut != 1 {
		t.Fatalf("cut %d connections with a lock (%v), want 1", cut, err)
	}
}

func TestExecutionEndsWhenItsLockIsLostAndIsRepeated(t *testing.T) {
	w := setup(t)
	started, cause := make(chan struct{}, 2), make(chan error, 1)
	var runs atomic.Int32
	r := w.runner(t, jobs.Config{Jobs: []jobs.Job{job("a", func(ctx context.Context, _ time.Time) error {
		started <- struct{}{}
		if runs.Add(1) > 1 {
			return nil
		}
		<-ctx.Done()
		cause <- context.Cause(ctx)
		return ctx.Err()
	})}})
	queue(t, r, "a")
	events, _ := start(t, r)
	within(t, started, "the start")
	w.cut(t)
	if err := within(t, cause, "the end of the execution"); !errors.Is(err, jobs.ErrLockLost) {
		t.Errorf("the execution ended because of %v, want %v", err, jobs.ErrLockLost)
	}
	if e := until(t, events, river.EventKindJobCompleted); e.Job.Attempt != 1 || runs.Load() != 2 {
		t.Errorf("completed at attempt %d after %d executions, want 1 and 2: a lost lock is no failure", e.Job.Attempt, runs.Load())
	}
}

// A job that goes on without its lock, as a process may that was cut off and does not
// look at its context, has its work repeated elsewhere; its own end then counts for nothing.
func TestGhostCannotReport(t *testing.T) {
	w := setup(t)
	started, finish := make(chan string, 9), map[string]chan struct{}{"ghost": make(chan struct{}), "repetition": make(chan struct{})}
	list := func(who string) []jobs.Job {
		a := job("a", func(context.Context, time.Time) error {
			started <- who
			pass(t, finish[who])
			return nil
		})
		a.Then = []string{"b"}
		return []jobs.Job{a, job("b", nothing)}
	}
	one := w.runner(t, jobs.Config{Jobs: list("ghost"), Workers: 1})
	queue(t, one, "a")
	_, stop := start(t, one)
	within(t, started, "the start")
	w.cut(t)
	events, _ := start(t, w.runner(t, jobs.Config{Jobs: list("repetition")}))
	if who := within(t, started, "the repetition"); who != "repetition" {
		t.Fatalf("the %s starts twice", who)
	}
	close(finish["ghost"])
	stop() // the ghost has reported
	at := due.Format(time.RFC3339)
	w.want(t, "after the ghost", row{"a", at, "running", 1})
	close(finish["repetition"])
	for range 2 {
		until(t, events, river.EventKindJobCompleted)
	}
	w.want(t, "after both", row{"a", at, "completed", 1}, row{"b", at, "completed", 1})
}

// A process that was frozen before its execution took the lock finds the job taken away.
func TestExecutionThatWasTakenAwayDoesNotStart(t *testing.T) {
	w := setup(t)
	r := w.runner(t, jobs.Config{Jobs: []jobs.Job{job("a", func(context.Context, time.Time) error { t.Error("it starts"); return nil })}})
	queue(t, r, "a")
	var id int64
	if err := w.pool.QueryRow(t.Context(), `update river.river_job set state = 'running', attempt = 1, attempted_at = now() returning id`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	w.rescue(t, r, 2)
	if err := r.Work(t.Context(), id, "a", due); err != nil {
		t.Errorf("got %v, want nothing to report", err)
	}
	w.want(t, "after the old execution", row{"a", due.Format(time.RFC3339), "available", 0})
}

func TestRunnerOutlivesARestartOfPostgres(t *testing.T) {
	already := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, already) })
	w := world{logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	dir, err := os.MkdirTemp("", "jobs-test-") // which the server's user can enter, unlike t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	config := cluster.Config{Dir: dir}
	server, err := cluster.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := store.Migrate(t.Context(), server.URL(""), w.logger); err != nil {
		t.Fatal(err)
	}
	w.pool = open(t, server.URL(store.RoleBatch))
	if err := jobs.Migrate(t.Context(), w.pool, w.logger); err != nil {
		t.Fatal(err)
	}
	started, ended := make(chan struct{}, 2), make(chan struct{}, 1)
	var runs atomic.Int32
	r := w.runner(t, jobs.Config{Pool: w.pool, Jobs: []jobs.Job{job("a", func(ctx context.Context, _ time.Time) error {
		started <- struct{}{}
		if runs.Add(1) == 1 {
			<-ctx.Done()
			ended <- struct{}{}
		}
		return ctx.Err()
	}), job("b", nothing)}})
	queue(t, r, "a")
	events, _ := start(t, r)
	within(t, started, "the start")
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	within(t, ended, "the end of the execution")
	if server, err = cluster.Start(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	if e := until(t, events, river.EventKindJobCompleted); e.Job.Attempt != 1 || runs.Load() != 2 {
		t.Errorf("completed at attempt %d after %d executions, want 1 and 2", e.Job.Attempt, runs.Load())
	}
	queue(t, r, "b")
	if e := until(t, events, river.EventKindJobCompleted); jobOf(t, e) != "b" {
		t.Errorf("%s completed, want b", jobOf(t, e))
	}
}
