package main

import (
	"context"
	"errors"
	"time"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/pipelines/jobs"
)

// apiJobs shows the API the batch's jobs and queues them for it. The workers may be in another process.
type apiJobs struct {
	runner *jobs.Runner
	now    func() time.Time
}

var _ api.Jobs = apiJobs{}

// newAPIJobs returns the jobs of the installation. It starts nothing.
func (i *installation) newAPIJobs() (apiJobs, error) {
	b, err := i.newBatch(nil)
	if err != nil {
		return apiJobs{}, err
	}
	runner, err := jobs.New(jobs.Config{Pool: i.pool, Jobs: b.jobs(), Workers: i.settings.Workers, Logger: i.logger, Now: i.now})
	return apiJobs{runner: runner, now: i.now}, err
}

// List returns every job by name.
func (a apiJobs) List(ctx context.Context) ([]api.JobState, error) {
	states, err := a.runner.States(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]api.JobState, len(states))
	for i, s := range states {
		list[i] = api.JobState(s)
	}
	return list, nil
}

// Enqueue queues a job as of now, to the second, so that two requests at once queue it once.
func (a apiJobs) Enqueue(ctx context.Context, name string) error {
	err := a.runner.Queue(ctx, name, a.now().UTC().Truncate(time.Second))
	if errors.Is(err, jobs.ErrNoJob) {
		return api.ErrNoJob
	}
	return err
}
