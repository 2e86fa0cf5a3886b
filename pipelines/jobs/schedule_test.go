package jobs_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"golang.org/x/sync/errgroup"

	"github.com/signalcraft/signalcraft/pipelines/jobs"
)

func scheduled(name, schedule string) jobs.Job {
	j := job(name, nothing)
	j.Schedule = schedule
	return j
}

func tick(t *testing.T, r *jobs.Runner, now time.Time) {
	t.Helper()
	if err := r.Tick(t.Context(), now); err != nil {
		t.Fatal(err)
	}
}

// next reads the stored next due time.
func (w world) next(t *testing.T, name string) string {
	t.Helper()
	var next time.Time
	if err := w.pool.QueryRow(t.Context(), `select next_due_at from job_schedules where job = $1`, name).Scan(&next); err != nil {
		t.Fatal(err)
	}
	return next.UTC().Format(time.RFC3339)
}

func clock(text string) time.Time {
	at, err := time.Parse(time.RFC3339, "2024-05-01T"+text+"Z")
	if err != nil {
		panic(err)
	}
	return at
}

// queued is the row of a job that waits for its first execution.
func queued(name, at string) row {
	return row{name, clock(at).Format(time.RFC3339), "available", 0}
}

// Three Runners, each with connections of its own as in three processes, look at the
// schedules at the same instants and then share the work.
func TestEachDueTimeRunsOnceInSeveralRunners(t *testing.T) {
	w := setup(t)
	var mu sync.Mutex
	ran := map[string]int{}
	var list []jobs.Job
	for i := range 8 {
		j := scheduled(fmt.Sprintf("job%d", i), fmt.Sprintf("%d * * * *", 5*i))
		j.Run = func(_ context.Context, due time.Time) error {
			mu.Lock()
			defer mu.Unlock()
			ran[j.Name+" "+due.Format(time.RFC3339)]++
			return nil
		}
		list = append(list, j)
	}
	now := clock("09:59:00")
	frozen := clock("12:59:00")
	var runners []*jobs.Runner
	for range 3 {
		runners = append(runners, w.runner(t, jobs.Config{Jobs: list, Now: func() time.Time { return frozen }}))
	}
	for ; !now.After(frozen); now = now.Add(5 * time.Minute) {
		var together errgroup.Group
		for _, r := range runners {
			together.Go(func() error { return r.Tick(t.Context(), now) })
		}
		if err := together.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(w.rows(t)); got != 24 {
		t.Fatalf("%d jobs queued, want 24: %v", got, w.rows(t))
	}

	completed := make(chan *river.Event)
	var stops []func()
	for _, r := range runners {
		events, stop := start(t, r)
		stops = append(stops, stop)
		go func() {
			for e := range events {
				if e.Kind == river.EventKindJobCompleted {
					completed <- e
				}
			}
		}()
	}
	for range 24 {
		within(t, completed, "24 executions")
	}
	for _, stop := range stops {
		stop()
	}
	for hour := 10; hour <= 12; hour++ {
		for i := range 8 {
			key := fmt.Sprintf("job%d 2024-05-01T%02d:%02d:00Z", i, hour, 5*i)
			if ran[key] != 1 {
				t.Errorf("%s ran %d times, want once", key, ran[key])
			}
		}
	}
	if len(ran) != 24 {
		t.Errorf("%d pairs of job and due time ran, want 24: %v", len(ran), ran)
	}
}

func TestMissedDueTimesAreCaughtUpByPolicy(t *testing.T) {
	w := setup(t)
	latest, none := scheduled("latest", "0 * * * *"), scheduled("none", "0 * * * *")
	none.CatchUp = jobs.None
	list := jobs.Config{Jobs: []jobs.Job{latest, none}}
	tick(t, w.runner(t, list), clock("09:30:00"))
	w.want(t, "a new schedule has missed nothing")

	restarted := w.runner(t, list)
	tick(t, restarted, clock("14:30:00"))
	w.want(t, "five due times missed", queued("latest", "14:00:00"))
	tick(t, restarted, clock("15:00:02"))
	w.want(t, "both go on", queued("latest", "14:00:00"), queued("latest", "15:00:00"), queued("none", "15:00:00"))
}

func TestChangedScheduleStartsAnew(t *testing.T) {
	w := setup(t)
	tick(t, w.runner(t, jobs.Config{Jobs: []jobs.Job{scheduled("a", "0 * * * *")}}), clock("09:30:00"))
	changed := w.runner(t, jobs.Config{Jobs: []jobs.Job{scheduled("a", "45 13 * * *")}})
	tick(t, changed, clock("11:30:00"))
	w.want(t, "the old schedule's 10:00 and 11:00 are no longer asked for")
	if got, want := w.next(t, "a"), "2024-05-01T13:45:00Z"; got != want {
		t.Errorf("next due time %s, want %s", got, want)
	}
	tick(t, changed, clock("13:45:00"))
	w.want(t, "the new schedule", queued("a", "13:45:00"))
}

func TestInactiveOrRemovedScheduleIsNotQueued(t *testing.T) {
	w := setup(t)
	r := w.runner(t, jobs.Config{Jobs: []jobs.Job{scheduled("a", "0 * * * *")}})
	tick(t, r, clock("09:30:00"))
	w.exec(t, `update job_schedules set is_active = false`)
	tick(t, r, clock("10:00:00"))
	w.want(t, "inactive")
	w.exec(t, `update job_schedules set is_active = true`)
	tick(t, r, clock("10:30:00"))
	w.want(t, "what came due while inactive was not missed")
	tick(t, r, clock("11:00:00"))
	w.want(t, "active again", queued("a", "11:00:00"))

	tick(t, w.runner(t, jobs.Config{Jobs: []jobs.Job{scheduled("b", "30 12 * * *")}}), clock("12:40:00"))
	w.want(t, "a is no more, b is new", queued("a", "11:00:00"))
}

func TestClockSetBack(t *testing.T) {
	w := setup(t)
	r := w.runner(t, jobs.Config{Jobs: []jobs.Job{scheduled("a", "0 * * * *")}})
	tick(t, r, clock("09:30:00"))
	tick(t, r, clock("10:00:01"))
	tick(t, r, clock("09:59:50"))
	tick(t, r, clock("10:00:00"))
	w.want(t, "by seconds: 10:00 once", queued("a", "10:00:00"))

	tick(t, r, clock("06:30:00"))
	for _, hour := range []string{"07:00:00", "08:00:00", "09:00:00", "10:00:00", "11:00:00"} {
		tick(t, r, clock(hour))
	}
	want := []row{queued("a", "07:00:00"), queued("a", "08:00:00"), queued("a", "09:00:00"), queued("a", "10:00:00"), queued("a", "11:00:00")}
	w.want(t, "by hours: 10:00 still once", want...)

	tick(t, r, clock("11:30:00").AddDate(3, 0, 0)) // a clock three years ahead
	tick(t, r, clock("11:30:00"))
	if got, want := w.next(t, "a"), "2024-05-01T12:00:00Z"; got != want {
		t.Errorf("after a clock three years ahead the next due time is %s, want %s", got, want)
	}
}
