package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

type auditAnswer struct {
	ID         int64           `json:"id" doc:"Number of the entry; later ones have greater numbers" minimum:"1" example:"42"`
	At         time.Time       `json:"at" doc:"When it happened" example:"2026-03-31T06:00:00Z"`
	BusinessID *string         `json:"business_id" doc:"Business that it was about; null when it was about none" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	UserID     *string         `json:"user_id" doc:"Who did it; null when nobody was signed in. The account may have been erased since" format:"uuid" example:"0192f0c1-2a6b-7c3d-9e8f-5a4b3c2d1e0f"`
	SessionID  *string         `json:"session_id" doc:"In which session; null for API keys" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	Action     string          `json:"action" doc:"Operation of this API, or what else was done" example:"changeMember"`
	Subject    string          `json:"subject" doc:"Id of what it was done to; may be empty" example:"0192f0c1-2a6b-7c3d-9e8f-5a4b3c2d1e0f"`
	Name       string          `json:"subject_name" doc:"What people called that; empty when it has no name, and when the name was erased with it, with its business or with who acted" example:"march.csv"`
	Outcome    string          `json:"outcome" doc:"How it ended" enum:"done,denied,failed" example:"done"`
	Address    *string         `json:"address" doc:"Network address of the caller; null when it is unknown or was erased with the account" example:"192.0.2.7"`
	UserAgent  string          `json:"user_agent" doc:"What the caller's program said it is; may be empty" example:"Mozilla/5.0"`
	RequestID  string          `json:"request_id" doc:"Id of the request" example:"0192f0c1-2a6b-7c3d-9e8f-5a4b3c2d1e0f"`
	Details    json.RawMessage `json:"details" doc:"What else there is to know; an object" example:"{\"from\":\"viewer\",\"to\":\"admin\"}"`
}

// AuditInput selects entries of an audit log. It is exported because huma reads exported embedded structs only.
type AuditInput struct {
	PageInput
	UserID  string    `query:"user_id" doc:"Only what this user did" format:"uuid" example:"0192f0c1-2a6b-7c3d-9e8f-5a4b3c2d1e0f"`
	Action  string    `query:"action" doc:"Only this action" maxLength:"100" example:"changeMember"`
	Outcome string    `query:"outcome" doc:"Only this outcome" enum:"done,denied,failed" example:"denied"`
	From    time.Time `query:"from" doc:"Only from this instant on" example:"2026-03-01T00:00:00Z"`
	To      time.Time `query:"to" doc:"Only before this instant" example:"2026-04-01T00:00:00Z"`
}

type businessAuditInput struct {
	BusinessInput
	AuditInput
}

type adminAuditInput struct {
	AuditInput
	BusinessID string `query:"business_id" doc:"Only what this business was about" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
}

type auditOutput struct {
	Body struct {
		Entries    []auditAnswer `json:"entries" nullable:"false" doc:"Entries, newest first"`
		NextCursor *string       `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJiIjoi"`
	}
}

// entryKey is the cursor of lists of audit entries.
type entryKey struct {
	Before int64 `json:"b"`
}

func (s *service) registerAudit() {
	register(s, huma.Operation{
		OperationID: "listBusinessAudit", Method: http.MethodGet, Path: "/businesses/{id}/audit", Tags: []string{"businesses"},
		Summary: "Audit log of a business", Description: "Who changed what, and who was denied, newest first.",
	}, s.listBusinessAudit)
	register(s, huma.Operation{
		OperationID: "adminListAudit", Method: http.MethodGet, Path: "/admin/audit", Tags: []string{"admin"},
		Summary: "Audit log of the installation", Description: "Every entry of every business, newest first.",
	}, s.adminListAudit)
}

func (s *service) listBusinessAudit(ctx context.Context, in *businessAuditInput) (*auditOutput, error) {
	business, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	q, err := in.query(ctx)
	if err != nil {
		return nil, err
	}
	q.BusinessID = &business // the policies let callers see their own entries elsewhere too
	var found []store.AuditRecord
	err = s.readBusiness(ctx, business, func(t *store.MemberTx) (err error) {
		found, err = t.AuditEntries(ctx, q)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return s.auditPage(ctx, found, in.Limit)
}

func (s *service) adminListAudit(ctx context.Context, in *adminAuditInput) (*auditOutput, error) {
	q, err := in.query(ctx)
	if err != nil {
		return nil, err
	}
	if q.BusinessID, err = queryID(ctx, "business_id", in.BusinessID); err != nil {
		return nil, err
	}
	var found []store.AuditRecord
	err = s.readInstallation(ctx, func(t *store.OperatorTx) (err error) {
		found, err = t.AuditEntries(ctx, q)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return s.auditPage(ctx, found, in.Limit)
}

func (in *AuditInput) query(ctx context.Context) (store.AuditQuery, error) {
	q := store.AuditQuery{Action: in.Action, Outcome: in.Outcome, Most: in.Limit + 1}
	after, err := decodeCursor[entryKey](ctx, in.Cursor)
	if err != nil {
		return q, err
	}
	if after != nil {
		if q.Before = after.Before; q.Before < 1 {
			return q, invalid(ctx, "query", "cursor", "not a cursor of this list")
		}
	}
	if !isOneLine(in.Action) {
		return q, invalid(ctx, "query", "action", "no control characters")
	}
	if !in.From.IsZero() {
		q.From = &in.From
	}
	if !in.To.IsZero() {
		q.To = &in.To
	}
	q.UserID, err = queryID(ctx, "user_id", in.UserID)
	return q, err
}

// queryID reads an id that may be left out.
func queryID(ctx context.Context, field, text string) (*uuid.UUID, error) {
	if text == "" {
		return nil, nil
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return nil, invalid(ctx, "query", field, "not an id")
	}
	return &id, nil
}

func (s *service) auditPage(ctx context.Context, found []store.AuditRecord, limit int) (*auditOutput, error) {
	page, next, err := cut(found, limit, func(r store.AuditRecord) entryKey { return entryKey{r.ID} })
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := &auditOutput{}
	out.Body.NextCursor, out.Body.Entries = next, make([]auditAnswer, len(page))
	for i, r := range page {
		out.Body.Entries[i] = aboutEntry(r)
	}
	return out, nil
}

func aboutEntry(r store.AuditRecord) auditAnswer {
	return auditAnswer{ID: r.ID, At: r.At.UTC(), BusinessID: idText(r.BusinessID), UserID: idText(r.UserID), SessionID: idText(r.SessionID),
		Action: r.Action, Subject: r.Subject, Name: r.SubjectName, Outcome: r.Outcome, Address: addressText(&r.Address), UserAgent: r.UserAgent,
		RequestID: r.RequestID, Details: r.Details}
}

func idText(id *uuid.UUID) *string {
	if id == nil {
		return nil
	}
	text := id.String()
	return &text
}
