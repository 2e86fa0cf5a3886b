package jobs_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"go.uber.org/goleak"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/pipelines/jobs"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(childURL); url != "" {
		runChild(url)
	}
	storetest.Main(m)
}

// patience is how long a test waits for what must happen.
const patience = 45 * time.Second

var due = time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC)

// world is a database with job tables, and a logger that tells the test's output.
type world struct {
	db     *storetest.DB
	pool   *pgxpool.Pool
	logger *slog.Logger
}

// setup makes a world, and makes the test fail when goroutines outlive it.
func setup(t *testing.T) world {
	t.Helper()
	already := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, already) })
	w := world{db: storetest.New(t), logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	w.pool = open(t, w.db.URL(store.RoleBatch))
	if err := jobs.Migrate(t.Context(), w.pool, w.logger); err != nil {
		t.Fatal(err)
	}
	return w
}

// open is a pool of the batch role, with room for the workers of a Runner.
func open(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	config, err := store.PoolConfig(url, store.RoleBatch)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 12
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// runner fills what config leaves open. Its pool is its own, as another process's would be.
func (w world) runner(t *testing.T, config jobs.Config) *jobs.Runner {
	t.Helper()
	if config.Pool == nil {
		config.Pool = open(t, w.db.URL(store.RoleBatch))
	}
	if config.Logger == nil {
		config.Logger = w.logger
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	r, err := jobs.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// start runs r until stop is called or the test ends; Run must return without an error.
func start(t *testing.T, r *jobs.Runner) (events <-chan *river.Event, stop func()) {
	t.Helper()
	events = r.Events()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := within(t, ended, "the end of Run"); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	return events, stop
}

// within receives from c, or fails the test when nothing comes.
func within[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("waited %s in vain for %s", patience, what)
		panic("unreachable")
	}
}

// pass waits in a job for c, or for the end of the test: a failed test must not hang.
func pass[T any](t *testing.T, c <-chan T) {
	select {
	case <-c:
	case <-t.Context().Done():
	}
}

// until receives events until one is of the kind, and returns that.
func until(t *testing.T, events <-chan *river.Event, kind river.EventKind) *river.Event {
	t.Helper()
	for {
		if e := within(t, events, string(kind)); e.Kind == kind {
			return e
		}
	}
}

func queue(t *testing.T, r *jobs.Runner, name string) {
	t.Helper()
	if err := r.Queue(t.Context(), name, due); err != nil {
		t.Fatal(err)
	}
}

// row is what River's table holds of a job.
type row struct {
	Job     string
	Due     string
	State   string
	Attempt int
}

// rows reads River's table by job and due time.
func (w world) rows(t *testing.T) []row {
	t.Helper()
	found, err := w.pool.Query(t.Context(), `select args ->> 'job', args ->> 'due', state::text, attempt from river.river_job order by 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(found, pgx.RowToStructByPos[row])
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (w world) want(t *testing.T, what string, want ...row) {
	t.Helper()
	if diff := cmp.Diff(want, w.rows(t), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: rows (-want +got):\n%s", what, diff)
	}
}

func (w world) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	if _, err := w.pool.Exec(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// job is one without a schedule.
func job(name string, run func(context.Context, time.Time) error) jobs.Job {
	return jobs.Job{Name: name, Timeout: time.Minute, Attempts: 2, Run: run}
}

func nothing(context.Context, time.Time) error { return nil }

// jobOf is the name of the job that an event is about.
func jobOf(t *testing.T, e *river.Event) string {
	t.Helper()
	var args struct{ Job string }
	if err := json.Unmarshal(e.Job.EncodedArgs, &args); err != nil {
		t.Fatal(err)
	}
	return args.Job
}
