package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

type uploadIDInput struct {
	ID string `path:"id" doc:"Id of the upload" format:"uuid" example:"0192f0c1-5555-7000-8000-000000000005"`
}

type uploadRejectsInput struct {
	ID     string `path:"id" doc:"Id of the upload" format:"uuid" example:"0192f0c1-5555-7000-8000-000000000005"`
	Limit  int    `query:"limit" doc:"Most rows in the answer" minimum:"1" maximum:"1000" default:"100" example:"100"`
	Cursor string `query:"cursor" doc:"next_cursor of the page before" maxLength:"4096" example:"eyJuIjox"`
}

// UploadState is what lists tell of an upload. It is exported because huma reads exported embedded structs only.
type UploadState struct {
	ID          string        `json:"id" doc:"Id of the upload" format:"uuid" example:"0192f0c1-5555-7000-8000-000000000005"`
	BusinessID  string        `json:"business_id" doc:"Business whose file it is" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	Name        string        `json:"name" doc:"What its sender calls it" example:"till-march.csv"`
	Bytes       int64         `json:"bytes" doc:"Size of the file" example:"20465"`
	SHA256      string        `json:"sha256" doc:"SHA-256 of its bytes; the same bytes are the same upload" example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Status      string        `json:"status" doc:"How far it has come" enum:"previewed,queued,landing,landed,failed" example:"landed"`
	Progress    float64       `json:"progress" doc:"Share of the file that has been read while it lands" minimum:"0" maximum:"1" example:"1"`
	Problem     string        `json:"problem" doc:"Why it failed; empty otherwise" example:""`
	Rows        *uploadCounts `json:"rows" doc:"What it held; null until it has landed"`
	InMetrics   bool          `json:"in_metrics" doc:"Whether its values are in the published metrics" example:"true"`
	InForecasts bool          `json:"in_forecasts" doc:"Whether the published forecasts know its values" example:"true"`
	SourceID    *string       `json:"source_id" doc:"Source that its values belong to; null before it is committed" format:"uuid" example:"0192f0c1-6666-7000-8000-000000000006"`
	RunID       *string       `json:"run_id" doc:"Run that landed it; null before" format:"uuid" example:"0192f0c1-4b5a-7000-8000-000000000001"`
	CreatedAt   time.Time     `json:"created_at" doc:"When it was received" example:"2026-03-31T06:00:00Z"`
	CommittedAt *time.Time    `json:"committed_at" doc:"When it was committed; null before" example:"2026-03-31T06:01:00Z"`
	FinishedAt  *time.Time    `json:"finished_at" doc:"When it had landed or failed; null before" example:"2026-03-31T06:01:02Z"`
}

type uploadAnswer struct {
	UploadState
	Preview UploadPreview `json:"preview" doc:"What was understood of it, with the choices made so far"`
}

type uploadCounts struct {
	Sent      int64 `json:"sent" doc:"Values in the file: landed + rejected + left_out. A row counts once for each value, and once when it is refused whole" example:"731"`
	Landed    int64 `json:"landed" doc:"Good values; all of them are in the lake" example:"729"`
	Unchanged int64 `json:"unchanged" doc:"Of these, how many were there before with the same value" example:"0"`
	Rejected  int64 `json:"rejected" doc:"Refused values; all of them are in quarantine with their reason" example:"2"`
	Repeated  int64 `json:"repeated" doc:"Of these, how many say again what an earlier row of the file said" example:"1"`
	LeftOut   int64 `json:"left_out" doc:"Values of KPIs that were left out" example:"0"`
}

type uploadRejectsOutput struct {
	Body uploadRejectsAnswer
}

type uploadRejectsAnswer struct {
	UploadID   string         `json:"upload_id" doc:"Id of the upload" format:"uuid" example:"0192f0c1-5555-7000-8000-000000000005"`
	Total      int64          `json:"total" doc:"How many rows were refused; the list ends after 10,000" example:"2"`
	Rejects    []uploadReject `json:"rejects" nullable:"false" doc:"Refused rows in the order of the file"`
	NextCursor *string        `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJuIjoxMDB9"`
}

type uploadReject struct {
	Line   *int64 `json:"line" doc:"Line or row of the file, from 1; null when it has none" example:"17"`
	Reason string `json:"reason" doc:"Why it was refused" example:"value \"x\" is not a number"`
	Raw    string `json:"raw" doc:"Its text, at most 4 KiB" example:"2026-03-01,x"`
}

// rejectKey is the cursor of the list of rejects.
type rejectKey struct {
	Number int64 `json:"n"`
}

func (s *service) registerUploadStatus() {
	s.registerUploadList()
	register(s, huma.Operation{
		OperationID: "getUpload", Method: http.MethodGet, Path: "/data/uploads/{id}", Tags: []string{"data"},
		Summary:     "How far an upload has come",
		Description: "After a commit the status goes from queued over landing to landed or failed; the event upload.progress tells of each step. in_metrics and in_forecasts say when the numbers are published.",
	}, s.getUpload)
	register(s, huma.Operation{
		OperationID: "listUploadRejects", Method: http.MethodGet, Path: "/data/uploads/{id}/rejects", Tags: []string{"data"},
		Summary: "Refused rows of an upload", Description: "The rows that did not land, with line, reason and text, in the order of the file.",
	}, s.listUploadRejects)
	register(s, huma.Operation{
		OperationID: "deleteUpload", Method: http.MethodDelete, Path: "/data/uploads/{id}", Tags: []string{"data"},
		Summary:       "Drop a file that was sent",
		Description:   "Removes an upload that was not committed, or that failed. What has been committed lands and stays.",
		DefaultStatus: http.StatusNoContent,
		Responses:     map[string]*huma.Response{"409": {Ref: "#/components/responses/Error409"}},
	}, s.deleteUpload)
}

func (s *service) getUpload(ctx context.Context, in *uploadIDInput) (*uploadOneOutput, error) {
	business, id, err := s.home(ctx, store.HomeUploads, in.ID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	answer, err := s.uploadAnswer(ctx, business, id)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return &uploadOneOutput{answer}, nil
}

// uploadAnswer reads an upload as a client sees it.
func (s *service) uploadAnswer(ctx context.Context, business, id uuid.UUID) (a uploadAnswer, err error) {
	err = s.readBusiness(ctx, business, func(t *store.MemberTx) error {
		u, err := t.Upload(ctx, id)
		if err != nil {
			return err
		}
		a, err = newUploadAnswer(business, u)
		return err
	})
	return a, err
}

func newUploadAnswer(business uuid.UUID, u store.Upload) (uploadAnswer, error) {
	a := uploadAnswer{UploadState: uploadState(business, u)}
	if err := json.Unmarshal(u.Preview, &a.Preview); err != nil {
		return a, fmt.Errorf("read preview of upload %s: %w", u.ID, err)
	}
	return a, nil
}

func uploadState(business uuid.UUID, u store.Upload) UploadState {
	a := UploadState{ID: u.ID.String(), BusinessID: business.String(), Name: u.Name, Bytes: u.SizeBytes, SHA256: u.Content, Status: u.Status,
		Problem: u.Problem, InMetrics: u.InMetrics, InForecasts: u.InForecasts, SourceID: idText(u.SourceID), RunID: idText(u.RunID),
		CreatedAt: u.CreatedAt, CommittedAt: u.CommittedAt, FinishedAt: u.FinishedAt}
	if u.SizeBytes > 0 {
		a.Progress = min(float64(u.BytesRead)/float64(u.SizeBytes), 1)
	}
	if c := u.Counts; c != nil {
		a.Rows = &uploadCounts{Sent: c.Sent, Landed: c.Landed, Unchanged: c.Unchanged, Rejected: c.Rejected, Repeated: c.Repeated, LeftOut: c.LeftOut}
	}
	return a
}

func (s *service) listUploadRejects(ctx context.Context, in *uploadRejectsInput) (*uploadRejectsOutput, error) {
	after, err := decodeCursor[rejectKey](ctx, in.Cursor)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	if after == nil {
		after = &rejectKey{}
	}
	business, id, err := s.home(ctx, store.HomeUploads, in.ID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	answer := uploadRejectsAnswer{UploadID: id.String(), Rejects: []uploadReject{}}
	err = s.readBusiness(ctx, business, func(t *store.MemberTx) error {
		u, err := t.Upload(ctx, id)
		if err != nil {
			return err
		}
		if u.Counts != nil {
			answer.Total = u.Counts.Rejected
		}
		rows, err := t.UploadRejects(ctx, id, after.Number, in.Limit+1)
		if err != nil {
			return err
		}
		rows, answer.NextCursor, err = cut(rows, in.Limit, func(r store.UploadReject) rejectKey { return rejectKey{r.Number} })
		for _, r := range rows {
			reject := uploadReject{Reason: r.Reason, Raw: r.Raw}
			if r.Line > 0 {
				reject.Line = &r.Line
			}
			answer.Rejects = append(answer.Rejects, reject)
		}
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return &uploadRejectsOutput{answer}, nil
}

func (s *service) deleteUpload(ctx context.Context, in *uploadIDInput) (*struct{}, error) {
	business, id, err := s.home(ctx, store.HomeUploads, in.ID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	err = s.inBusiness(ctx, business, func(t *store.MemberTx) error {
		status, err := t.LockUpload(ctx, id)
		if err != nil {
			return err
		}
		if !mayCommit(status) {
			return problem(ctx, http.StatusConflict, codeUploadState, "The upload was committed; what it brings stays.")
		}
		note(ctx, id.String(), nil)
		return t.DeleteUpload(ctx, id)
	})
	if err == nil && s.uploads != nil {
		err = s.uploads.Discard(ctx, id)
	}
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return nil, nil
}
