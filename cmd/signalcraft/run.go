package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/jobs"
)

// runCommand runs one job by hand.
type runCommand struct {
	Job  string    `arg:"" default:"nightly" help:"Job to run: nightly, load_kpis, land_uploads, refresh, scrape_news, fetch_weather, fetch_rates, run_models, run_forecasts, publish or upkeep."`
	AsOf time.Time `name:"as-of" help:"Instant to run as of, such as 2026-10-31T18:00:00Z. Default: now."`
}

// Help is shown by signalcraft run --help.
func (runCommand) Help() string {
	return `nightly does everything in order; the others are its parts, as the scheduler runs them.

Examples:

  signalcraft run                    the whole batch
  signalcraft run fetch_weather
  signalcraft run run_models --as-of 2026-10-31T18:00:00Z

What a run could not do is done by the next: running again is always safe.`
}

// Run runs the job, prints what each step did, and fails when a step did.
func (c runCommand) Run(ctx context.Context, settings *Settings, std streams) (err error) {
	i, err := settings.openBeside(ctx, settings.quietLogger(std))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.Close()) }()
	shown := newReport(std.out, i.now)
	b, err := i.newBatch(nil)
	if err != nil {
		return err
	}
	asOf := c.AsOf
	if asOf.IsZero() {
		asOf = i.now()
	}
	err = b.byHand(ctx, c.Job, asOf.UTC().Truncate(time.Second), shown)
	if len(shown.steps) > 0 {
		err = errors.Join(err, shown.print())
	}
	return err
}

// byHand runs the named job in this process, alone: while a worker runs it, it says so.
func (b *batch) byHand(ctx context.Context, name string, asOf time.Time, shown *report) error {
	all := b.jobs()
	at := slices.IndexFunc(all, func(j jobs.Job) bool { return j.Name == name })
	if at < 0 {
		names := make([]string, len(all))
		for i, j := range all {
			names[i] = j.Name
		}
		return fmt.Errorf("run %s: no such job; there are %s", name, strings.Join(names, ", "))
	}
	held, err := jobs.Exclusive(ctx, b.pool, name, func(ctx context.Context) error { return b.execute(ctx, name, asOf, shown) })
	if err == nil && !held {
		return fmt.Errorf("run %s: another process is running it: wait for that one", name)
	}
	return err
}
