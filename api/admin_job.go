package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// ErrNoJob is returned by Jobs.Enqueue when there is no job of that name.
var ErrNoJob = errors.New("no such job")

// JobState is what operators see of a job of the batch.
type JobState struct {
	// Name is unique and stable.
	Name string
	// Schedule is a cron expression in UTC; empty when the job runs only by hand or after another.
	Schedule string
	Active   bool
	// LastDue is the last due time that was queued, LastRun when it was done, NextDue the next one; nil when there is none.
	LastDue, LastRun, NextDue *time.Time
}

// Jobs is the batch as operators see it; cmd hands it in.
type Jobs interface {
	// List returns every job by name.
	List(ctx context.Context) ([]JobState, error)
	// Enqueue queues a job to be run as soon as may be, as of now; it does not wait for it. It returns ErrNoJob when there
	// is none of that name.
	Enqueue(ctx context.Context, name string) error
}

// noJobs is the batch of an installation that has none.
type noJobs struct{}

// List returns none.
func (noJobs) List(context.Context) ([]JobState, error) { return nil, nil }

// Enqueue returns ErrNoJob.
func (noJobs) Enqueue(context.Context, string) error { return ErrNoJob }

type jobAnswer struct {
	Name     string     `json:"name" doc:"Name of the job; the {id} to run it by" example:"nightly"`
	Schedule string     `json:"schedule" doc:"Cron expression in UTC; empty when it runs only by hand or after another" example:"15 2 * * *"`
	Active   bool       `json:"active" doc:"Whether the schedule is followed" example:"true"`
	LastDue  *time.Time `json:"last_due_at" doc:"Last due time that was queued; null when none was" example:"2026-03-31T02:15:00Z"`
	LastRun  *time.Time `json:"last_run_at" doc:"When that was done; null when nothing was" example:"2026-03-31T02:18:00Z"`
	NextDue  *time.Time `json:"next_due_at" doc:"Next due time; null when there is none" example:"2026-04-01T02:15:00Z"`
}

type listJobsOutput struct {
	Body struct {
		Jobs []jobAnswer `json:"jobs" nullable:"false" doc:"Every job of the batch by name"`
	}
}

type runJobInput struct {
	ID string `path:"id" doc:"Name of the job" minLength:"1" maxLength:"100" pattern:"^[a-z0-9_]+$" example:"nightly"`
}

type runJobOutput struct {
	Body struct {
		Job string `json:"job" doc:"Name of the job that was queued" example:"nightly"`
	}
}

type runAnswer struct {
	ID         string     `json:"id" doc:"Id of the run" format:"uuid" example:"0192f0c1-4b5a-7000-8000-000000000001"`
	Job        string     `json:"job" doc:"Name of the job" example:"nightly"`
	AsOf       time.Time  `json:"as_of" doc:"As-of instant" example:"2026-03-31T02:00:00Z"`
	Status     string     `json:"status" doc:"How it stands" enum:"running,succeeded,partial,failed,cancelled" example:"succeeded"`
	StartedAt  time.Time  `json:"started_at" doc:"When it began" example:"2026-03-31T02:00:01Z"`
	FinishedAt *time.Time `json:"finished_at" doc:"When it ended; null while it runs" example:"2026-03-31T02:03:11Z"`
}

type listRunsInput struct {
	PageInput
	Job    string `query:"job" doc:"Only this job's" maxLength:"100" pattern:"^[a-z0-9_]*$" example:"nightly"`
	Status string `query:"status" doc:"Only those that stand so" enum:"running,succeeded,partial,failed,cancelled" example:"failed"`
}

type listRunsOutput struct {
	Body struct {
		Runs       []runAnswer `json:"runs" nullable:"false" doc:"Runs, newest first"`
		NextCursor *string     `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJpIjoi"`
	}
}

func (s *service) registerAdminJobs() {
	tags := []string{"admin"}
	register(s, huma.Operation{
		OperationID: "adminListJobs", Method: http.MethodGet, Path: "/admin/jobs", Tags: tags, Summary: "Jobs of the batch",
		Description: "Every job with its schedule, when it last ran, and when it is due next.",
	}, s.adminListJobs)
	register(s, huma.Operation{
		OperationID: "adminRunJob", Method: http.MethodPost, Path: "/admin/jobs/{id}/run", Tags: tags, DefaultStatus: http.StatusAccepted,
		Summary: "Run a job now", Description: "Queues the job; GET /admin/runs shows how it went.",
	}, s.adminRunJob)
	register(s, huma.Operation{
		OperationID: "adminListRuns", Method: http.MethodGet, Path: "/admin/runs", Tags: tags, Summary: "Runs of the batch",
		Description: "What the batch has done, newest first: each run with its job, its status, its as-of instant, and when it began and ended.",
	}, s.adminListRuns)
}

func (s *service) adminListJobs(ctx context.Context, _ *struct{}) (*listJobsOutput, error) {
	var found []JobState
	err := s.readInstallation(ctx, func(*store.OperatorTx) (err error) {
		found, err = s.jobs.List(ctx)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := &listJobsOutput{}
	out.Body.Jobs = make([]jobAnswer, len(found))
	for i, j := range found {
		out.Body.Jobs[i] = jobAnswer(j)
	}
	return out, nil
}

func (s *service) adminRunJob(ctx context.Context, in *runJobInput) (*runJobOutput, error) {
	err := s.inInstallation(ctx, func(*store.OperatorTx) error {
		note(ctx, in.ID, nil)
		return s.jobs.Enqueue(ctx, in.ID)
	})
	if errors.Is(err, ErrNoJob) {
		return nil, notFound(ctx)
	}
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := &runJobOutput{}
	out.Body.Job = in.ID
	return out, nil
}

func (s *service) adminListRuns(ctx context.Context, in *listRunsInput) (*listRunsOutput, error) {
	after, err := decodeCursor[idKey](ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	var before *uuid.UUID
	if after != nil {
		before = &after.ID
	}
	var found []store.RunRecord
	err = s.readInstallation(ctx, func(t *store.OperatorTx) (err error) {
		found, err = t.Runs(ctx, in.Job, in.Status, before, in.Limit+1)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page, next, err := cut(found, in.Limit, func(r store.RunRecord) idKey { return idKey{r.ID} })
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := &listRunsOutput{}
	out.Body.NextCursor, out.Body.Runs = next, make([]runAnswer, len(page))
	for i, r := range page {
		out.Body.Runs[i] = runAnswer{ID: r.ID.String(), Job: r.Job, AsOf: r.AsOf.UTC(), Status: string(r.Status), StartedAt: r.StartedAt.UTC(), FinishedAt: r.FinishedAt}
	}
	return out, nil
}
