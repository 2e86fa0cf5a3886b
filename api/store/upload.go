package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// The states of an upload, in order; a failed one may be committed again.
const (
	UploadPreviewed = "previewed"
	UploadQueued    = "queued"
	UploadLanding   = "landing"
	UploadLanded    = "landed"
	UploadFailed    = "failed"
)

// NewUpload is a file that was received.
type NewUpload struct {
	ID uuid.UUID
	// Name is what its sender calls it, Content the SHA-256 of its bytes in hexadecimal digits.
	Name, Content string
	SizeBytes     int64
	// Choices are what the sender has decided about it, Preview what was understood of it so: JSON objects.
	Choices, Preview json.RawMessage
}

// Upload is a file and what became of it.
type Upload struct {
	ID            uuid.UUID
	CreatedBy     *uuid.UUID
	Name, Content string
	SizeBytes     int64
	Status        string
	// Choices and Preview are as in NewUpload.
	Choices, Preview json.RawMessage
	SourceID         *uuid.UUID
	// BytesRead is how far it has been read while it lands.
	BytesRead int64
	// Counts is nil until it has landed.
	Counts *UploadCounts
	// Problem says why it failed.
	Problem     string
	RunID       *uuid.UUID
	AsOf        *time.Time
	CreatedAt   time.Time
	CommittedAt *time.Time
	FinishedAt  *time.Time
	// InMetrics and InForecasts tell whether what landed is published.
	InMetrics, InForecasts bool
}

// UploadCounts say what a file held. Sent = Landed + Rejected + LeftOut.
type UploadCounts struct {
	Sent int64
	// Landed is how many good values are in the lake; Unchanged of them were there before.
	Landed, Unchanged int64
	// Rejected is how many are in quarantine; Repeated of them say again what an earlier row said.
	Rejected, Repeated int64
	// LeftOut is how many belong to KPIs that the sender left out.
	LeftOut int64
}

// UploadReject is one refused row. Number counts them from 1; Line is 0 when the row has none.
type UploadReject struct {
	Number, Line int64
	Reason, Raw  string
}

// AddUpload adds an upload, unless the business has sent the same bytes before: then it returns that one's id and
// false. One that has landed but whose source is gone is replaced.
func (tx *MemberTx) AddUpload(ctx context.Context, u NewUpload) (id uuid.UUID, added bool, err error) {
	for range 2 {
		n, err := tx.q.AddUpload(ctx, query.AddUploadParams{BusinessID: tx.BusinessID, ID: u.ID, CreatedBy: tx.UserID, Name: u.Name,
			Content: u.Content, SizeBytes: u.SizeBytes, Choices: object(u.Choices), Preview: object(u.Preview)})
		if err != nil {
			return uuid.Nil, false, fmt.Errorf("add upload: %w", Classify(err))
		}
		if n > 0 {
			return u.ID, true, nil
		}
		known, err := tx.q.UploadByContent(ctx, query.UploadByContentParams{BusinessID: tx.BusinessID, Content: u.Content})
		if err != nil {
			return uuid.Nil, false, fmt.Errorf("find upload by content: %w", Classify(err))
		}
		if known.SourceID != nil || known.Status != UploadLanded {
			return known.ID, false, nil
		}
		if err := tx.DeleteUpload(ctx, known.ID); err != nil {
			return uuid.Nil, false, err
		}
	}
	return uuid.Nil, false, fmt.Errorf("add upload: %w", ErrConflict)
}

// KnownUpload returns the id, status and choices of the business's upload of the same bytes, or ErrNotFound.
func (tx *MemberTx) KnownUpload(ctx context.Context, content string) (Upload, error) {
	r, err := tx.q.KnownUpload(ctx, query.KnownUploadParams{BusinessID: tx.BusinessID, Content: content})
	if err != nil {
		return Upload{}, fmt.Errorf("find upload by content: %w", Classify(err))
	}
	return Upload{ID: r.ID, Status: r.Status, Choices: r.Choices, Content: content}, nil
}

// PendingUploads counts the business's uploads that wait to be committed, or to be committed again since they failed.
func (tx *MemberTx) PendingUploads(ctx context.Context) (int, error) {
	n, err := tx.q.PendingUploads(ctx, tx.BusinessID)
	if err != nil {
		return 0, fmt.Errorf("count uploads: %w", Classify(err))
	}
	return int(n), nil
}

// Upload returns an upload of the business, or ErrNotFound.
func (tx *MemberTx) Upload(ctx context.Context, id uuid.UUID) (Upload, error) {
	found, err := tx.readUploads(ctx, query.UploadsParams{OnlyID: &id, Most: 1})
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Upload{}, fmt.Errorf("read upload %s: %w", id, err)
	}
	return found[0], nil
}

// UploadQuery asks for one page of uploads.
type UploadQuery struct {
	// Before is the last upload of the page before; nil means the first page.
	Before *uuid.UUID
	// Status is the only one asked for; empty means all.
	Status string
	Most   int
}

// Uploads returns the business's uploads without their previews, the newest first.
func (tx *MemberTx) Uploads(ctx context.Context, q UploadQuery) ([]Upload, error) {
	found, err := tx.readUploads(ctx, query.UploadsParams{BeforeID: q.Before, OnlyStatus: q.Status, Most: int32(q.Most)})
	if err != nil {
		return nil, fmt.Errorf("list uploads: %w", err)
	}
	return found, nil
}

func (tx *MemberTx) readUploads(ctx context.Context, p query.UploadsParams) ([]Upload, error) {
	p.BusinessID = tx.BusinessID
	rows, err := tx.q.Uploads(ctx, p)
	if err != nil {
		return nil, Classify(err)
	}
	published, err := tx.q.PublishedFrom(ctx)
	if err != nil {
		return nil, fmt.Errorf("read freshness: %w", Classify(err))
	}
	uploads := make([]Upload, len(rows))
	for i, r := range rows {
		uploads[i] = uploadOf(r, published)
	}
	return uploads, nil
}

// uploadOf is a row, with whether what it landed was there when the parts were published.
func uploadOf(r query.UploadsRow, published []query.PublishedFromRow) Upload {
	u := Upload{ID: r.ID, CreatedBy: r.CreatedBy, Name: r.Name, Content: r.Content, SizeBytes: r.SizeBytes, Status: r.Status, Choices: r.Choices, Preview: r.Preview,
		SourceID: r.SourceID, BytesRead: r.BytesRead, RunID: r.RunID, AsOf: r.AsOf, CreatedAt: r.CreatedAt, CommittedAt: r.CommittedAt, FinishedAt: r.FinishedAt}
	if r.Problem != nil {
		u.Problem = *r.Problem
	}
	if u.Status != UploadLanded || r.RowsSent == nil {
		return u
	}
	u.Counts = &UploadCounts{Sent: *r.RowsSent, Landed: *r.RowsLanded, Unchanged: *r.RowsUnchanged, Rejected: *r.RowsRejected, Repeated: *r.RowsRepeated, LeftOut: *r.RowsLeftOut}
	for _, p := range published {
		current := u.FinishedAt != nil && !p.PublishedFrom.Before(*u.FinishedAt)
		u.InMetrics = u.InMetrics || p.Part == FreshMetrics && current
		u.InForecasts = u.InForecasts || p.Part == FreshForecasts && current
	}
	return u
}

// DeleteUpload removes an upload, or returns ErrNotFound.
func (tx *MemberTx) DeleteUpload(ctx context.Context, id uuid.UUID) error {
	n, err := tx.q.DeleteUpload(ctx, query.DeleteUploadParams{BusinessID: tx.BusinessID, ID: id})
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("delete upload %s: %w", id, Classify(err))
	}
	return nil
}

// LockUpload returns an upload's status, which stands until the transaction ends.
func (tx *MemberTx) LockUpload(ctx context.Context, id uuid.UUID) (status string, err error) {
	status, err = tx.q.LockUpload(ctx, query.LockUploadParams{BusinessID: tx.BusinessID, ID: id})
	if err != nil {
		return "", fmt.Errorf("lock upload %s: %w", id, Classify(err))
	}
	return status, nil
}

// UploadRejects returns at most most refused rows of an upload after the one with a number.
func (tx *MemberTx) UploadRejects(ctx context.Context, id uuid.UUID, after int64, most int) ([]UploadReject, error) {
	rows, err := tx.q.UploadRejects(ctx, query.UploadRejectsParams{BusinessID: tx.BusinessID, UploadID: id, After: after, Most: int32(most)})
	if err != nil {
		return nil, fmt.Errorf("list rejects of upload %s: %w", id, Classify(err))
	}
	rejects := make([]UploadReject, len(rows))
	for i, r := range rows {
		rejects[i] = UploadReject{Number: r.Number, Reason: r.Reason, Raw: r.Raw}
		if r.Line != nil {
			rejects[i].Line = *r.Line
		}
	}
	return rejects, nil
}

// Uploaded is what a commit adds: the source with a name, which may exist, and the KPIs that are new.
type Uploaded struct {
	ID uuid.UUID
	// SourceID is what the source is called, when it must be added.
	SourceID   uuid.UUID
	SourceName string
	// AddSource is true when the source does not exist yet.
	AddSource bool
	NewKPIs   []KPI
	// Choices, Preview and Spec say how the file is read.
	Choices, Preview, Spec json.RawMessage
	At                     time.Time
}

// CommitUpload adds source and KPIs and queues the upload. It returns ErrConflict when one of the names is taken.
func (tx *MemberTx) CommitUpload(ctx context.Context, u Uploaded) error {
	if u.AddSource {
		if err := tx.q.AddUploadSource(ctx, query.AddUploadSourceParams{BusinessID: tx.BusinessID, ID: u.SourceID, Name: u.SourceName}); err != nil {
			return fmt.Errorf("add source %q: %w", u.SourceName, Classify(err))
		}
	}
	for _, k := range u.NewKPIs {
		if err := tx.q.AddUploadKPI(ctx, query.AddUploadKPIParams{BusinessID: tx.BusinessID, ID: k.ID, SourceID: u.SourceID, Name: k.Name, Unit: k.Unit,
			Currency: k.Currency, Aggregation: k.Aggregation, Grain: k.Grain, NonNegative: k.NonNegative}); err != nil {
			return fmt.Errorf("add KPI %q: %w", k.Name, Classify(err))
		}
	}
	if err := tx.q.CommitUpload(ctx, query.CommitUploadParams{BusinessID: tx.BusinessID, ID: u.ID, Choices: object(u.Choices), Preview: object(u.Preview), Spec: u.Spec,
		SourceID: u.SourceID, CommittedAt: u.At}); err != nil {
		return fmt.Errorf("commit upload %s: %w", u.ID, Classify(err))
	}
	return tx.Tell(ctx, progress(u.ID, UploadQueued, nil))
}

// PreviewUpload notes what was understood of an upload that is not committed yet.
func (tx *MemberTx) PreviewUpload(ctx context.Context, id uuid.UUID, choices, preview json.RawMessage) error {
	if err := tx.q.PreviewUpload(ctx, query.PreviewUploadParams{BusinessID: tx.BusinessID, ID: id, Choices: object(choices), Preview: object(preview)}); err != nil {
		return fmt.Errorf("preview upload %s: %w", id, Classify(err))
	}
	return nil
}

// UploadBusiness is what a business says of itself that matters to its uploads.
type UploadBusiness struct{ TimeZone, Currency, Tier string }

// UploadBusiness returns that of the transaction's business.
func (tx *MemberTx) UploadBusiness(ctx context.Context) (UploadBusiness, error) {
	r, err := tx.q.UploadBusiness(ctx, tx.BusinessID)
	if err != nil {
		return UploadBusiness{}, fmt.Errorf("read business: %w", Classify(err))
	}
	return UploadBusiness{TimeZone: r.TimeZone, Currency: r.Currency, Tier: r.SubscriptionTier}, nil
}

// progress is the event by which listeners follow an upload.
func progress(id uuid.UUID, status string, more map[string]any) Event {
	payload := map[string]any{"upload_id": id, "status": status}
	for k, v := range more {
		payload[k] = v
	}
	return Event{Kind: "upload.progress", Payload: payload}
}

// SourceNamed returns the id and kind of the business's source with a name, or ErrNotFound.
func (tx *MemberTx) SourceNamed(ctx context.Context, name string) (id uuid.UUID, kind string, err error) {
	r, err := tx.q.UploadSource(ctx, query.UploadSourceParams{BusinessID: tx.BusinessID, Name: name})
	if err != nil {
		return uuid.Nil, "", fmt.Errorf("find source %q: %w", name, Classify(err))
	}
	return r.ID, r.Kind, nil
}

// KPINames returns the ids of the business's KPIs by their names.
func (tx *MemberTx) KPINames(ctx context.Context) (map[string]uuid.UUID, error) {
	rows, err := tx.q.UploadKPIs(ctx, tx.BusinessID)
	if err != nil {
		return nil, fmt.Errorf("list KPIs: %w", Classify(err))
	}
	ids := make(map[string]uuid.UUID, len(rows))
	for _, r := range rows {
		ids[r.Name] = r.ID
	}
	return ids, nil
}
