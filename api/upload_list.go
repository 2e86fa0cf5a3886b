package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

type listUploadsInput struct {
	BusinessID string `query:"business_id" required:"true" doc:"Id of the business" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	Status     string `query:"status" doc:"Only those that have come so far; previewed ones wait to be committed" enum:"previewed,queued,landing,landed,failed" example:"previewed"`
	PageInput
}

type listUploadsOutput struct {
	Body struct {
		BusinessID string        `json:"business_id" doc:"Business whose files they are" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
		Uploads    []UploadState `json:"uploads" nullable:"false" doc:"Uploads, the newest first, without what was understood of them"`
		NextCursor *string       `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJ1Ijoi"`
	}
}

// uploadKey is the cursor of the list of uploads.
type uploadKey struct {
	ID uuid.UUID `json:"u"`
}

func (s *service) registerUploadList() {
	register(s, huma.Operation{
		OperationID: "listUploads", Method: http.MethodGet, Path: "/data/uploads", Tags: []string{"data"},
		Summary:     "Uploads of a business",
		Description: "The files that were sent and what became of them, the newest first. One that nobody commits is dropped after a week.",
	}, s.listUploads)
}

func (s *service) listUploads(ctx context.Context, in *listUploadsInput) (*listUploadsOutput, error) {
	business, err := uuid.Parse(in.BusinessID)
	if err != nil {
		return nil, invalid(ctx, "query", "business_id", "not an id")
	}
	q := store.UploadQuery{Status: in.Status, Most: in.Limit + 1}
	after, err := decodeCursor[uploadKey](ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	if after != nil {
		q.Before = &after.ID
	}
	var found []store.Upload
	err = s.readBusiness(ctx, business, func(t *store.MemberTx) (err error) {
		found, err = t.Uploads(ctx, q)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page, next, err := cut(found, in.Limit, func(u store.Upload) uploadKey { return uploadKey{u.ID} })
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := &listUploadsOutput{}
	out.Body.BusinessID, out.Body.NextCursor, out.Body.Uploads = business.String(), next, make([]UploadState, len(page))
	for i, u := range page {
		out.Body.Uploads[i] = uploadState(business, u)
	}
	return out, nil
}
