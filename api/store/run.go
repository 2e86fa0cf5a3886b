package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// Run is one execution of a job.
type Run struct {
	// ID is a version 7 UUID.
	ID  uuid.UUID
	Job string
	// AsOf is the instant, UTC, that the run takes for now.
	AsOf      time.Time
	Status    Status
	StartedAt time.Time
	// FinishedAt is nil while the run is running.
	FinishedAt *time.Time
}

// StartRun notes that a run of a job began, in status Running. The caller holds the job's lock, so
// other runs of the job that stand as running were cut off: they are marked as failed. For RoleBatch.
func (s *Store) StartRun(ctx context.Context, run Run) error {
	err := s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, _ pgx.Tx) error {
		if _, err := q.EndAbandonedRuns(ctx, query.EndAbandonedRunsParams{Job: run.Job, ExceptID: run.ID, At: run.StartedAt}); err != nil {
			return err
		}
		return q.StartRun(ctx, query.StartRunParams{ID: run.ID, Job: run.Job, AsOf: run.AsOf, StartedAt: run.StartedAt})
	})
	if err != nil {
		return fmt.Errorf("start run %s of %s: %w", run.ID, run.Job, err)
	}
	return nil
}

// FinishRun notes how a run ended: its problem, empty for none, and its counts, a value that
// marshals to a JSON object, or nil. It returns ErrNotFound when the run is not running. For RoleBatch.
func (s *Store) FinishRun(ctx context.Context, id uuid.UUID, at time.Time, status Status, problem string, counts any) error {
	text, err := json.Marshal(counts)
	if err != nil {
		return fmt.Errorf("finish run %s: %w", id, err)
	}
	if counts == nil {
		text = nil
	}
	changed, err := query.New(s.pool).FinishRun(ctx, query.FinishRunParams{
		ID: id, FinishedAt: at, Status: string(status), Error: optional(problem), Counts: object(text)})
	if err == nil && changed == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("finish run %s: %w", id, Classify(err))
	}
	return nil
}

// Runs returns at most most runs of a job, or of all when job is empty, newest first.
func (s *Store) Runs(ctx context.Context, job string, most int) ([]Run, error) {
	rows, err := query.New(s.pool).Runs(ctx, query.RunsParams{Job: optional(job), Most: int32(most)})
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", Classify(err))
	}
	runs := make([]Run, len(rows))
	for i, r := range rows {
		runs[i] = Run{ID: r.ID, Job: r.Job, AsOf: r.AsOf, Status: Status(r.Status), StartedAt: r.StartedAt, FinishedAt: r.FinishedAt}
	}
	return runs, nil
}

// Readings returns until when a source has been read for each of its subjects; one that is missing was
// never read whole. For RoleBatch.
func (s *Store) Readings(ctx context.Context, source string) (map[string]time.Time, error) {
	rows, err := query.New(s.pool).Readings(ctx, source)
	if err != nil {
		return nil, fmt.Errorf("list readings of %s: %w", source, Classify(err))
	}
	readings := make(map[string]time.Time, len(rows))
	for _, r := range rows {
		readings[r.Subject] = r.ReadUntil
	}
	return readings, nil
}

// RecordReadings notes that a run has read a source for subjects, none of them twice, until an instant and that
// all of it has landed. An earlier instant than is known changes nothing. For RoleBatch.
func (s *Store) RecordReadings(ctx context.Context, source string, subjects []string, until time.Time, run uuid.UUID) error {
	err := query.New(s.pool).RecordReadings(ctx, query.RecordReadingsParams{Source: source, Subjects: subjects, ReadUntil: until, RunID: run})
	if err != nil {
		return fmt.Errorf("record readings of %s: %w", source, Classify(err))
	}
	return nil
}

// Published is the state that one published table shows.
type Published struct {
	// Table is its name in schema serving, Dataset the lake table, Snapshot that table's snapshot.
	Table, Dataset string
	Snapshot       int64
	RunID          *uuid.UUID
	AsOf           *time.Time
	Rows           int64
	PublishedAt    *time.Time
}

// Publications returns what every table that was published shows, by name.
func (s *Store) Publications(ctx context.Context) ([]Published, error) {
	rows, err := query.New(s.pool).Publications(ctx)
	if err != nil {
		return nil, fmt.Errorf("list publications: %w", Classify(err))
	}
	published := make([]Published, len(rows))
	for i, r := range rows {
		published[i] = Published{Table: r.TableName, Dataset: r.Dataset, Snapshot: r.Snapshot, RunID: r.RunID, AsOf: r.AsOf, Rows: r.Rows, PublishedAt: r.PublishedAt}
	}
	return published, nil
}
