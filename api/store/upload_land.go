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

// The methods of this file are for RoleBatch: they follow an upload from its commit to its landing.

// MaxUploadRejects is how many refused rows of an upload are kept beside the lake's quarantine, which has all.
const MaxUploadRejects = 10_000

// WaitingUpload is an upload that was committed and has not landed.
type WaitingUpload struct {
	BusinessID, ID, SourceID uuid.UUID
	Name                     string
	SizeBytes                int64
	Spec                     json.RawMessage
}

// WaitingUploads returns the committed uploads of every business that have not landed, oldest first.
func (s *Store) WaitingUploads(ctx context.Context) ([]WaitingUpload, error) {
	rows, err := query.New(s.pool).WaitingUploads(ctx)
	if err != nil {
		return nil, fmt.Errorf("list waiting uploads: %w", Classify(err))
	}
	waiting := make([]WaitingUpload, len(rows))
	for i, r := range rows {
		waiting[i] = WaitingUpload{BusinessID: r.BusinessID, ID: r.ID, SourceID: *r.SourceID, Name: r.Name, SizeBytes: r.SizeBytes, Spec: r.Spec}
	}
	return waiting, nil
}

// FailSourceless ends the uploads of every business whose source is gone before they landed, and returns how many.
func (s *Store) FailSourceless(ctx context.Context, at time.Time) (failed int, err error) {
	err = s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, _ pgx.Tx) error {
		rows, err := q.FailSourcelessUploads(ctx, query.FailSourcelessUploadsParams{Problem: sourceGone, At: at})
		failed = len(rows)
		for _, r := range rows {
			if err := addEvent(ctx, q, &r.BusinessID, progress(r.ID, UploadFailed, nil)); err != nil {
				return err
			}
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("end uploads without a source: %w", err)
	}
	return failed, nil
}

// UploadState is a step of an upload's landing.
type UploadState struct {
	BusinessID, ID, RunID uuid.UUID
	AsOf                  time.Time
	BytesRead             int64
	// Counts is nil unless it landed; Problem is empty unless it failed.
	Counts  *UploadCounts
	Problem string
	// Rejects are the first refused rows, at most MaxUploadRejects.
	Rejects []UploadReject
	At      time.Time
}

// StartUpload notes that an upload begins to land, once more perhaps, and reports whether it still waits for that.
func (s *Store) StartUpload(ctx context.Context, u UploadState) (waits bool, err error) {
	err = s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, _ pgx.Tx) error {
		n, err := q.StartUpload(ctx, query.StartUploadParams{BusinessID: u.BusinessID, ID: u.ID, RunID: u.RunID, AsOf: u.AsOf})
		if err != nil || n == 0 {
			return err
		}
		waits = true
		return addEvent(ctx, q, &u.BusinessID, progress(u.ID, UploadLanding, nil))
	})
	return waits, about("upload", u.ID, err)
}

// ProgressUpload notes how far an upload has been read.
func (s *Store) ProgressUpload(ctx context.Context, u UploadState) error {
	return about("upload", u.ID, s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, _ pgx.Tx) error {
		if err := q.ProgressUpload(ctx, query.ProgressUploadParams{BusinessID: u.BusinessID, ID: u.ID, BytesRead: u.BytesRead}); err != nil {
			return err
		}
		return addEvent(ctx, q, &u.BusinessID, progress(u.ID, UploadLanding, map[string]any{"bytes_read": u.BytesRead}))
	}))
}

// FinishUpload notes how an upload's landing ended, with its first rejects, in one transaction. It returns ErrNotFound when the
// upload was not landing.
func (s *Store) FinishUpload(ctx context.Context, u UploadState) error {
	return about("upload", u.ID, s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, _ pgx.Tx) error {
		if err := q.RemoveUploadRejects(ctx, query.RemoveUploadRejectsParams{BusinessID: u.BusinessID, UploadID: u.ID}); err != nil {
			return err
		}
		if err := addRejects(ctx, q, u); err != nil {
			return err
		}
		p := query.FinishUploadParams{BusinessID: u.BusinessID, ID: u.ID, Status: UploadFailed, Problem: optional(u.Problem), BytesRead: u.BytesRead, FinishedAt: u.At}
		more := map[string]any{}
		if c := u.Counts; c != nil {
			p.Status = UploadLanded
			p.RowsSent, p.RowsLanded, p.RowsUnchanged, p.RowsRejected, p.RowsRepeated, p.RowsLeftOut =
				&c.Sent, &c.Landed, &c.Unchanged, &c.Rejected, &c.Repeated, &c.LeftOut
			more["rows_landed"], more["rows_rejected"] = c.Landed, c.Rejected
		}
		n, err := q.FinishUpload(ctx, p)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		return addEvent(ctx, q, &u.BusinessID, progress(u.ID, p.Status, more))
	}))
}

// rejectsAtOnce bounds one statement: a raw text has up to 4 KiB.
const rejectsAtOnce = 500

func addRejects(ctx context.Context, q *query.Queries, u UploadState) error {
	rejects := u.Rejects[:min(len(u.Rejects), MaxUploadRejects)]
	for from := 0; from < len(rejects); from += rejectsAtOnce {
		some := rejects[from:min(from+rejectsAtOnce, len(rejects))]
		p := query.AddUploadRejectsParams{BusinessID: u.BusinessID, UploadID: u.ID, First: int64(from + 1)}
		for _, r := range some {
			p.Lines, p.Reasons, p.Raws = append(p.Lines, r.Line), append(p.Reasons, r.Reason), append(p.Raws, r.Raw)
		}
		if err := q.AddUploadRejects(ctx, p); err != nil {
			return fmt.Errorf("add rejects: %w", err)
		}
	}
	return nil
}

// ExpireUploads removes uploads that were received before an instant and never committed, or failed before it and were not
// committed again, and returns the ids of all uploads whose files are still needed.
func (s *Store) ExpireUploads(ctx context.Context, before time.Time) (needed map[uuid.UUID]bool, err error) {
	err = s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, _ pgx.Tx) error {
		if _, err := q.ExpireUploads(ctx, before); err != nil {
			return err
		}
		ids, err := q.UploadIDs(ctx)
		needed = make(map[uuid.UUID]bool, len(ids))
		for _, id := range ids {
			needed[id] = true
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("expire uploads: %w", err)
	}
	return needed, nil
}
