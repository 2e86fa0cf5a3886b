package jobs_test

import (
	"errors"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/jobs"
)

func TestStates(t *testing.T) {
	w := setup(t)
	scheduled := job("b", nothing)
	scheduled.Schedule = "0 * * * *"
	r := w.runner(t, jobs.Config{Jobs: []jobs.Job{scheduled, job("a", nothing)}})
	for _, seen := range []bool{false, true} {
		if seen {
			if err := r.Tick(t.Context(), due); err != nil {
				t.Fatal(err)
			}
		}
		states, err := r.States(t.Context())
		if err != nil || len(states) != 2 || states[0].Name != "a" || states[1].Name != "b" || states[1].Schedule != "0 * * * *" || !states[1].Active {
			t.Fatalf("states: %+v, %v", states, err)
		}
		if next := states[1].NextDue; seen != (next != nil) || seen && !next.Equal(due.Add(time.Hour)) {
			t.Errorf("next due: %v after the schedules were seen: %v", next, seen)
		}
	}
	if _, err := w.pool.Exec(t.Context(), `update job_schedules set is_active = false`); err != nil {
		t.Fatal(err)
	}
	if states, err := r.States(t.Context()); err != nil || states[1].Active {
		t.Errorf("at rest: %+v, %v", states, err)
	}
	if err := r.Queue(t.Context(), "fly", due); !errors.Is(err, jobs.ErrNoJob) {
		t.Errorf("unknown job: %v, want ErrNoJob", err)
	}
}
