package jobs_test

import (
	"context"
	"testing"

	"github.com/signalcraft/signalcraft/pipelines/jobs"
)

func TestALockIsSharedOrHeldAlone(t *testing.T) {
	pool := setup(t).pool
	ran := 0
	count := func(context.Context) error { ran++; return nil }
	check := func(what string, held bool, err error, want bool) {
		t.Helper()
		if err != nil || held != want {
			t.Errorf("%s: held %t, %v; want %t", what, held, err, want)
		}
	}
	held, err := jobs.ExclusiveSharing(t.Context(), pool, "a", "lake", func(ctx context.Context) error {
		held, err := jobs.ExclusiveSharing(ctx, pool, "b", "lake", count)
		check("another name beside", held, err, true)
		held, err = jobs.ExclusiveSharing(ctx, pool, "a", "lake", count)
		check("the same name beside", held, err, false)
		held, err = jobs.Exclusive(ctx, pool, "lake", count)
		check("alone while it is shared", held, err, false)
		return nil
	})
	check("first", held, err, true)
	held, err = jobs.Exclusive(t.Context(), pool, "lake", func(ctx context.Context) error {
		held, err := jobs.ExclusiveSharing(ctx, pool, "a", "lake", count)
		check("shared while one has it alone", held, err, false)
		held, err = jobs.Exclusive(ctx, pool, "a", count)
		check("the name, which the attempt must have given back", held, err, true)
		return nil
	})
	check("alone", held, err, true)
	if ran != 2 {
		t.Errorf("work ran %d times, want twice", ran)
	}
}
