package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// maxSourceBytes bounds the description of a source: 500 KPIs and a query.
const maxSourceBytes = 1 << 20

type listSourcesInput struct {
	ID     string `path:"id" doc:"Id of the business" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	Limit  int    `query:"limit" doc:"Sources on a page" minimum:"1" maximum:"200" default:"50" example:"50"`
	Cursor string `query:"cursor" doc:"next_cursor of the page before" maxLength:"4096" example:"eyJuIjoi"`
}

type listSourcesOutput struct {
	Body listSourcesAnswer
}

type listSourcesAnswer struct {
	BusinessID string         `json:"business_id" doc:"Whose sources these are" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	Sources    []sourceAnswer `json:"sources" doc:"Sources, by name" nullable:"false"`
	NextCursor *string        `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJuIjoi"`
}

// sourceKey is the cursor of lists of sources.
type sourceKey struct {
	Name string `json:"n"`
}

type createSourceInput struct {
	Body struct {
		BusinessID string `json:"business_id" doc:"Whose source it becomes" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
		SourceBody
	}
}

type updateSourceInput struct {
	ID   string `path:"id" doc:"Id of the source" format:"uuid" example:"0192f0c1-5555-7000-8000-000000000005"`
	Body struct {
		SourceBody
	}
}

type sourceInput struct {
	ID string `path:"id" doc:"Id of the source" format:"uuid" example:"0192f0c1-5555-7000-8000-000000000005"`
}

type sourceOutput struct {
	Body sourceAnswer
}

func (s *service) registerSources() {
	tags := []string{"data"}
	register(s, huma.Operation{
		OperationID: "listSources", Method: http.MethodGet, Path: "/data/sources/{id}", Tags: tags, Summary: "List the sources of a business",
		Description: "Where the numbers of a business come from, how the last reading of each ended, and when it is read next. What admins configured is shown to admins; secrets are shown to nobody.",
	}, s.listSources)
	register(s, huma.Operation{
		OperationID: "createSource", Method: http.MethodPost, Path: "/data/sources", Tags: tags, Summary: "Add a source", DefaultStatus: http.StatusCreated,
		Description: "Adds a source and its KPIs: an address that answers with JSON or CSV, a published sheet, a query on Postgres, or a place to push points to. " +
			"Addresses must be public unless the operator allows others.\n\nOf kind push, the answer shows the key to sign with, once.",
		MaxBodyBytes: maxSourceBytes,
	}, s.createSource)
	register(s, huma.Operation{
		OperationID: "updateSource", Method: http.MethodPut, Path: "/data/sources/{id}", Tags: tags, Summary: "Change a source",
		Description:  "Replaces what was said of a source. Secrets that are left out stay as they are, unless the address that they go to changes.",
		MaxBodyBytes: maxSourceBytes, Responses: failing(http.StatusConflict),
	}, s.updateSource)
	register(s, huma.Operation{
		OperationID: "deleteSource", Method: http.MethodDelete, Path: "/data/sources/{id}", Tags: tags, Summary: "Remove a source", DefaultStatus: http.StatusNoContent,
		Description: "Removes a source with its KPIs, secrets, and points that wait to land. To stop reading and keep the KPIs, switch it off instead.",
	}, s.deleteSource)
}

func (s *service) listSources(ctx context.Context, in *listSourcesInput) (*listSourcesOutput, error) {
	business, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	after, err := decodeCursor[sourceKey](ctx, in.Cursor)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	if after == nil {
		after = &sourceKey{}
	}
	answer := listSourcesAnswer{BusinessID: business.String(), Sources: []sourceAnswer{}}
	err = s.readBusiness(ctx, business, func(t *store.MemberTx) error {
		records, err := t.ListSources(ctx, after.Name, in.Limit+1)
		if err != nil {
			return err
		}
		records, answer.NextCursor, err = cut(records, in.Limit, func(r store.SourceRecord) sourceKey { return sourceKey{r.Name} })
		if err != nil {
			return err
		}
		for _, record := range records {
			shown, err := showSource(record, business, t.Role, s.clock())
			if err != nil {
				return err
			}
			answer.Sources = append(answer.Sources, shown)
		}
		return nil
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return &listSourcesOutput{Body: answer}, nil
}

func (s *service) createSource(ctx context.Context, in *createSourceInput) (*sourceOutput, error) {
	business, err := uuid.Parse(in.Body.BusinessID)
	if err != nil {
		return nil, invalid(ctx, "body", "business_id", "not an id")
	}
	out := &sourceOutput{}
	err = s.inBusiness(ctx, business, func(t *store.MemberTx) error {
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		used, err := t.Usage(ctx, "", s.clock())
		if err != nil {
			return err
		}
		draft, err := s.draft(ctx, used, in.Body.SourceBody, store.SourceRecord{ID: id})
		if err != nil {
			return err
		}
		var key string
		if in.Body.Kind == kindPush {
			if key, err = s.newPushKey(draft); err != nil {
				return err
			}
		}
		if err := t.AddSource(ctx, *draft); err != nil {
			return err
		}
		noteNamed(ctx, id.String(), draft.Name, draftDetails(*draft))
		if out.Body, err = s.showStored(ctx, t, id); err != nil {
			return err
		}
		out.Body.PushKey = key
		return nil
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return out, nil
}

func (s *service) updateSource(ctx context.Context, in *updateSourceInput) (*sourceOutput, error) {
	business, id, err := s.home(ctx, store.HomeSources, in.ID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := &sourceOutput{}
	err = s.inBusiness(ctx, business, func(t *store.MemberTx) error {
		used, err := t.Usage(ctx, "", s.clock())
		if err != nil {
			return err
		}
		before, err := t.Source(ctx, id)
		if err != nil {
			return err
		}
		if before.Kind != in.Body.Kind {
			return invalid(ctx, "body", "kind", "the kind of a source never changes, and file and upload sources are not changed here")
		}
		draft, err := s.draft(ctx, used, in.Body.SourceBody, before)
		if err != nil {
			return err
		}
		if err := t.ChangeSource(ctx, *draft); err != nil {
			return err
		}
		noteNamed(ctx, id.String(), draft.Name, draftDetails(*draft))
		out.Body, err = s.showStored(ctx, t, id)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return out, nil
}

func (s *service) deleteSource(ctx context.Context, in *sourceInput) (*struct{}, error) {
	business, id, err := s.home(ctx, store.HomeSources, in.ID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	err = s.inBusiness(ctx, business, func(t *store.MemberTx) error {
		before, err := t.Source(ctx, id)
		if err != nil {
			return err
		}
		note(ctx, id.String(), map[string]any{"kind": before.Kind, "kpis": len(before.KPIs)}) // its name goes with it
		return t.RemoveSource(ctx, id, s.clock())
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return nil, nil
}

// showStored returns the source as its transaction sees it now.
func (s *service) showStored(ctx context.Context, t *store.MemberTx, id uuid.UUID) (sourceAnswer, error) {
	record, err := t.Source(ctx, id)
	if err != nil {
		return sourceAnswer{}, err
	}
	return showSource(record, t.BusinessID, t.Role, s.clock())
}

// draftDetails is what the audit entry tells of a change beside the name: counts, never values.
func draftDetails(d store.SourceChange) map[string]any {
	secrets := []string{}
	for name := range d.Sealed {
		secrets = append(secrets, name)
	}
	return map[string]any{"kind": d.Kind, "active": d.Active, "kpis": len(d.KPIs), "secrets_set": len(secrets)}
}

// withoutSources is the answer where the service was started without what reads sources, or without keys for their secrets.
func withoutSources(ctx context.Context) error {
	return unavailable(ctx, errors.New("api config: Sources and Secrets are not set"))
}
