package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// maxChoicesBytes is room for a thousand KPIs.
const maxChoicesBytes = 1 << 20

type uploadCommitInput struct {
	ID   string `path:"id" doc:"Id of the upload" format:"uuid" example:"0192f0c1-5555-7000-8000-000000000005"`
	Body UploadChoices
}

type uploadOneOutput struct {
	Body uploadAnswer
}

func (s *service) registerUploadCommit() {
	register(s, huma.Operation{
		OperationID: "commitUpload", Method: http.MethodPost, Path: "/data/uploads/{id}/commit", Tags: []string{"data"},
		Summary: "Land a file that was sent",
		Description: "Confirms how the file is read. What the preview lists as ambiguous must be answered here, or have been when the file was sent; everything else is taken from the preview " +
			"unless it is said otherwise. Adds the source and the KPIs that do not exist yet, and queues the landing; values, forecasts and anomalies follow by themselves.\n\n" +
			"Committing again what is queued, landing or landed changes nothing and answers its state. A failed upload may be committed again.",
		MaxBodyBytes: maxChoicesBytes,
	}, s.commitUpload)
}

func (s *service) commitUpload(ctx context.Context, in *uploadCommitInput) (*uploadOneOutput, error) {
	business, id, err := s.home(ctx, store.HomeUploads, in.ID)
	if err == nil {
		err = s.commit(ctx, business, id, in.Body)
	}
	if err != nil {
		return nil, s.fail(ctx, s.bodyFailed(ctx, err))
	}
	answer, err := s.uploadAnswer(ctx, business, id)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return &uploadOneOutput{answer}, nil
}

// commit confirms how an upload is read and queues it.
func (s *service) commit(ctx context.Context, business, id uuid.UUID, choices UploadChoices) error {
	if s.uploads == nil {
		return unavailable(ctx, errors.New("no place for uploads is configured"))
	}
	var u store.Upload
	var about UploadBusiness
	err := s.readBusiness(ctx, business, func(t *store.MemberTx) (err error) {
		if u, err = t.Upload(ctx, id); err != nil {
			return err
		}
		b, err := t.UploadBusiness(ctx)
		about = UploadBusiness{TimeZone: b.TimeZone, Currency: b.Currency}
		return err
	})
	if err != nil {
		return err
	}
	if u.Status == store.UploadQueued {
		return s.uploads.Land(ctx) // the first commit may not have come so far
	}
	if !mayCommit(u.Status) {
		return nil
	}
	if choices, err = choices.overStored(u); err != nil {
		return err
	}
	seen, err := s.uploads.Inspect(ctx, id, about, choices)
	if err != nil {
		return err
	}
	if err := unanswered(ctx, seen.Preview.Ambiguous); err != nil {
		return err
	}
	err = s.inBusiness(ctx, business, func(t *store.MemberTx) error { return s.addUploaded(ctx, t, u, seen, choices) })
	if err != nil {
		return err
	}
	return s.landSoon(ctx)
}

// landSoon makes what was committed stand and has it landed.
func (s *service) landSoon(ctx context.Context) error {
	if err := s.settle(ctx); err != nil {
		return err
	}
	return s.uploads.Land(ctx)
}

// overStored returns the choices over those made about an upload before.
func (c UploadChoices) overStored(u store.Upload) (UploadChoices, error) {
	var earlier UploadChoices
	if err := json.Unmarshal(u.Choices, &earlier); err != nil {
		return c, fmt.Errorf("read choices of upload %s: %w", u.ID, err)
	}
	return c.over(earlier), nil
}

// mayCommit reports whether an upload may be committed.
func mayCommit(status string) bool {
	return status == store.UploadPreviewed || status == store.UploadFailed
}

// unanswered returns an error that names the questions nobody has answered; nil when there are none.
func unanswered(ctx context.Context, questions []UploadQuestion) error {
	if len(questions) == 0 {
		return nil
	}
	e := invalid(ctx, "body", questions[0].Field, "this is ambiguous and must be said: "+questions[0].Why)
	for _, q := range questions[1:min(len(questions), maxOthers+1)] {
		e.Problem.Details.Others = append(e.Problem.Details.Others, errorField{q.Field, "body", "this is ambiguous and must be said: " + q.Why})
	}
	return e
}

// addUploaded adds what an upload brings and queues it, unless somebody else was faster.
func (s *service) addUploaded(ctx context.Context, t *store.MemberTx, u store.Upload, seen *UploadInspection, choices UploadChoices) error {
	commit := store.Uploaded{ID: u.ID, SourceName: choices.Source, At: s.clock()}
	if commit.SourceName == "" {
		commit.SourceName = u.Name
	}
	used, err := t.Usage(ctx, "", commit.At)
	if err != nil {
		return err
	}
	if status, err := t.LockUpload(ctx, u.ID); err != nil || !mayCommit(status) {
		return err
	}
	if err := uploadSource(ctx, t, &commit); err != nil {
		return err
	}
	ids, added, err := uploadKPIs(ctx, t, &seen.Preview)
	if err != nil {
		return err
	}
	commit.NewKPIs = added
	adds := more{KPIs: len(added)}
	if commit.AddSource {
		adds.Sources = 1
	}
	if err := room(ctx, used, adds); err != nil {
		return err
	}
	if commit.Spec, err = seen.Spec(ids); err != nil {
		return err
	}
	if commit.Choices, err = json.Marshal(choices); err != nil {
		return err
	}
	if commit.Preview, err = json.Marshal(seen.Preview); err != nil {
		return err
	}
	noteMore(ctx, u.ID.String(), u.Name, map[string]any{"source": commit.SourceID, "new_kpis": len(added)})
	return t.CommitUpload(ctx, commit)
}

// uploadSource finds the source with the name, or makes room for a new one.
func uploadSource(ctx context.Context, t *store.MemberTx, commit *store.Uploaded) error {
	id, kind, err := t.SourceNamed(ctx, commit.SourceName)
	switch {
	case errors.Is(err, store.ErrNotFound):
		commit.AddSource = true
		commit.SourceID, err = uuid.NewV7()
		return err
	case err != nil:
		return err
	case kind != "upload":
		return invalid(ctx, "body", "source", "a source of another kind has this name")
	}
	commit.SourceID = id
	return nil
}

// uploadKPIs returns the ids of the KPIs of a preview, in their order, and those of them that are new.
func uploadKPIs(ctx context.Context, t *store.MemberTx, p *UploadPreview) (ids []uuid.UUID, added []store.KPI, err error) {
	names, err := t.KPINames(ctx)
	if err != nil {
		return nil, nil, err
	}
	known := map[uuid.UUID]bool{}
	for _, id := range names {
		known[id] = true
	}
	ids = make([]uuid.UUID, len(p.KPIs))
	for i := range p.KPIs {
		k := &p.KPIs[i]
		if k.Skip {
			continue
		}
		if k.KPIID != nil {
			if ids[i], err = uuid.Parse(*k.KPIID); err != nil || !known[ids[i]] {
				return nil, nil, invalid(ctx, "body", "kpis", "there is no KPI "+*k.KPIID)
			}
			continue
		}
		id, exists := names[k.Name]
		if !exists {
			if id, err = uuid.NewV7(); err != nil {
				return nil, nil, fmt.Errorf("make KPI id: %w", err)
			}
			names[k.Name] = id
			added = append(added, newKPI(id, *k))
		}
		text := id.String()
		ids[i], k.KPIID = id, &text
	}
	return ids, added, nil
}

func newKPI(id uuid.UUID, k UploadKPI) store.KPI {
	added := store.KPI{ID: id, Name: k.Name, Unit: k.Unit, Aggregation: k.Aggregation, Grain: k.Grain, NonNegative: k.NonNegative}
	if k.Currency != "" {
		added.Currency = &k.Currency
	}
	return added
}

// over returns the choices of c, and where it says nothing, those of earlier.
func (c UploadChoices) over(earlier UploadChoices) UploadChoices {
	pick := func(to *string, from string) {
		if *to == "" {
			*to = from
		}
	}
	pick(&c.Format, earlier.Format)
	pick(&c.Encoding, earlier.Encoding)
	pick(&c.Delimiter, earlier.Delimiter)
	pick(&c.Sheet, earlier.Sheet)
	pick(&c.DateOrder, earlier.DateOrder)
	pick(&c.DecimalMark, earlier.DecimalMark)
	pick(&c.ThousandsMark, earlier.ThousandsMark)
	pick(&c.TimeZone, earlier.TimeZone)
	pick(&c.Shape, earlier.Shape)
	pick(&c.ValueColumn, earlier.ValueColumn)
	pick(&c.Others, earlier.Others)
	pick(&c.Source, earlier.Source)
	if c.HeaderRow == 0 {
		c.HeaderRow = earlier.HeaderRow
	}
	if len(c.TimeColumns) == 0 {
		c.TimeColumns = slices.Clone(earlier.TimeColumns)
	}
	if len(c.TimeForms) == 0 {
		c.TimeForms = slices.Clone(earlier.TimeForms)
	}
	if c.KeyColumns == nil {
		c.KeyColumns = earlier.KeyColumns
	}
	if len(c.KPIs) == 0 {
		c.KPIs = slices.Clone(earlier.KPIs)
	}
	return c
}
