package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// KPIFields are what people say of a KPI. It is exported because huma reads exported embedded structs only.
type KPIFields struct {
	Name           string   `json:"name" doc:"Name of the KPI; no other of the business has it" minLength:"1" maxLength:"200" example:"Revenue"`
	Description    string   `json:"description,omitempty" doc:"What it measures" maxLength:"2000" example:"Sales of both tills, without tips"`
	Unit           string   `json:"unit,omitempty" doc:"What one unit of its values is" maxLength:"50" example:"EUR"`
	Currency       *string  `json:"currency,omitempty" doc:"ISO 4217 currency when the values are money; they are converted to the business's" pattern:"^[A-Z]{3}$" example:"EUR"`
	Aggregation    string   `json:"aggregation" doc:"How the values of a day, week or month become one" enum:"sum,mean,last,min,max" example:"sum"`
	NonNegative    bool     `json:"non_negative" doc:"Whether forecasts never fall below zero" example:"true"`
	Lowest         *float64 `json:"lowest,omitempty" doc:"Least value that it can take: forecasts and their bounds stay above; null: no end" minimum:"-1e300" maximum:"1e300" example:"0"`
	Highest        *float64 `json:"highest,omitempty" doc:"Largest value that it can take, such as the number of rooms; null: no end" minimum:"-1e300" maximum:"1e300" example:"120"`
	Integer        bool     `json:"integer,omitempty" doc:"Whether its values, and so its forecasts, are whole numbers" example:"false"`
	PartOf         *string  `json:"part_of,omitempty" doc:"KPI that is the total of this one and its siblings, such as all locations: forecasts of the parts then add up to the total's, and anomalies of the total name the parts that moved it" format:"uuid" example:"0192f0c1-aaaa-7000-8000-000000000005"`
	LeastDeviation *float64 `json:"least_deviation,omitempty" doc:"Distance of a day's value from what was to be expected, in the KPI's unit, below which it is no anomaly; null: none" minimum:"0" maximum:"1e300" example:"25"`
	IsActive       bool     `json:"is_active" doc:"Whether it is measured; an inactive KPI does not count towards the subscription's limit" example:"true"`
}

type kpiDetailAnswer struct {
	ID string `json:"id" doc:"Id of the KPI" format:"uuid" example:"0192f0c1-aaaa-7000-8000-000000000002"`
	KPIFields
	Grain     string    `json:"grain" doc:"What its raw values stand for; given by its source" enum:"day,hour" example:"day"`
	Source    kpiSource `json:"source" doc:"Where its values come from"`
	LastDay   *string   `json:"last_day" doc:"Last local day with a published value; null when there is none" format:"date" example:"2026-03-30"`
	Version   int64     `json:"version" doc:"Grows with every change; send it back with yours" minimum:"1" example:"3"`
	CreatedAt time.Time `json:"created_at" doc:"When it was made" example:"2026-03-31T06:00:00Z"`
	UpdatedAt time.Time `json:"updated_at" doc:"When it was changed last" example:"2026-03-31T06:00:00Z"`
}

type kpiSource struct {
	ID   string `json:"id" doc:"Id of the source" format:"uuid" example:"0192f0c1-bbbb-7000-8000-000000000003"`
	Name string `json:"name" doc:"Name of the source" example:"till"`
	Kind string `json:"kind" doc:"What kind of source it is" enum:"upload,file,http,database,push" example:"upload"`
}

type listKPIsOutput struct {
	Body struct {
		KPIs       []kpiDetailAnswer `json:"kpis" nullable:"false" doc:"KPIs of the business by name, also inactive ones"`
		NextCursor *string           `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJuIjoi"`
	}
}

type updateKPIInput struct {
	BusinessInput
	KPIID string `path:"kpi_id" doc:"Id of the KPI" format:"uuid" example:"0192f0c1-aaaa-7000-8000-000000000002"`
	Body  struct {
		KPIFields
		Version int64 `json:"version" doc:"Version that this change was made to; any other is a conflict" minimum:"1" example:"3"`
	}
}

type kpiOutput struct {
	Body kpiDetailAnswer
}

func (s *service) registerKPIs() {
	tags := []string{"businesses"}
	register(s, huma.Operation{
		OperationID: "listKPIs", Method: http.MethodGet, Path: "/businesses/{id}/kpis", Tags: tags,
		Summary:     "KPIs of a business",
		Description: "Every KPI that the business measures, by name, with its unit, its currency and the source it comes from.",
	}, s.listKPIs)
	register(s, huma.Operation{
		OperationID: "updateKPI", Method: http.MethodPut, Path: "/businesses/{id}/kpis/{kpi_id}", Tags: tags,
		Summary: "Change a KPI",
		Description: "Replaces every field; what is left out becomes empty. Numbers that are published follow with the next run.\n\n" +
			"Send the version that you changed: when somebody else was faster, the answer is 409 with the code " + codeChanged + ".",
		Responses: failing(http.StatusConflict),
	}, s.updateKPI)
}

func (s *service) listKPIs(ctx context.Context, in *listMembersInput) (*listKPIsOutput, error) {
	id, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	after, err := decodeCursor[nameKey](ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	if after == nil {
		after = &nameKey{}
	}
	var found []store.KPIDetail
	err = s.readBusiness(ctx, id, func(t *store.MemberTx) error {
		found, err = t.ListKPIs(ctx, after.Name, after.ID, in.Limit+1)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page, next, err := cut(found, in.Limit, func(k store.KPIDetail) nameKey { return nameKey{k.Name, k.ID} })
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := &listKPIsOutput{}
	out.Body.NextCursor, out.Body.KPIs = next, make([]kpiDetailAnswer, len(page))
	for i, k := range page {
		out.Body.KPIs[i] = aboutKPI(k)
	}
	return out, nil
}

func (s *service) updateKPI(ctx context.Context, in *updateKPIInput) (*kpiOutput, error) {
	business, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	id, err := uuid.Parse(in.KPIID)
	if err != nil {
		return nil, invalid(ctx, "path", "kpi_id", "not an id")
	}
	wanted, err := in.Body.kpi(ctx)
	if err != nil {
		return nil, err
	}
	wanted.ID = id
	out := &kpiOutput{}
	err = s.inBusiness(ctx, business, func(t *store.MemberTx) error {
		used, err := t.Usage(ctx, "", s.clock())
		if err != nil {
			return err
		}
		now, err := t.KPIDetail(ctx, id)
		if err != nil {
			return err
		}
		if in.Body.IsActive && !now.Active {
			if err := room(ctx, used, more{KPIs: 1}); err != nil {
				return err
			}
		}
		note(ctx, id.String(), map[string]any{"is_active": in.Body.IsActive})
		if err := t.ChangeKPI(ctx, wanted, in.Body.IsActive, in.Body.Version, s.clock().UTC()); err != nil {
			return err
		}
		now, err = t.KPIDetail(ctx, id)
		out.Body = aboutKPI(now)
		return err
	})
	if errors.Is(err, store.ErrConflict) {
		return nil, problem(ctx, http.StatusConflict, codeConflict, "Another KPI of the business has that name.")
	}
	if errors.Is(err, store.ErrInvalid) {
		return nil, invalid(ctx, "body", "part_of", "not another KPI of the business, or itself a part of this one")
	}
	if err != nil {
		return nil, s.fail(ctx, versionChanged(ctx, err))
	}
	return out, nil
}

// kpi checks the fields and returns the KPI that they tell of, without ids.
func (f KPIFields) kpi(ctx context.Context) (store.KPI, error) {
	k := store.KPI{Name: strings.TrimSpace(f.Name), Description: strings.TrimSpace(f.Description), Unit: strings.TrimSpace(f.Unit),
		Currency: f.Currency, Aggregation: f.Aggregation, NonNegative: f.NonNegative, Lowest: f.Lowest, Highest: f.Highest, Integer: f.Integer,
		LeastDeviation: f.LeastDeviation}
	if f.PartOf != nil {
		id, err := uuid.Parse(*f.PartOf)
		if err != nil {
			return k, invalid(ctx, "body", "part_of", "not an id")
		}
		k.PartOf = &id
	}
	switch {
	case k.Lowest != nil && k.Highest != nil && *k.Lowest >= *k.Highest:
		return k, invalid(ctx, "body", "highest", "must be above lowest")
	case k.NonNegative && k.Highest != nil && *k.Highest <= 0:
		return k, invalid(ctx, "body", "highest", "must be above zero, since the KPI is non-negative")
	case k.Name == "":
		return k, invalid(ctx, "body", "name", "must not be blank")
	case !isOneLine(k.Name):
		return k, invalid(ctx, "body", "name", "no line breaks or control characters")
	case !isOneLine(k.Unit):
		return k, invalid(ctx, "body", "unit", "no line breaks or control characters")
	case strings.ContainsRune(k.Description, 0):
		return k, invalid(ctx, "body", "description", "no zero bytes")
	case k.Currency != nil && !isCode(currencies, *k.Currency):
		return k, invalid(ctx, "body", "currency", "not an ISO 4217 currency in use")
	}
	return k, nil
}

func aboutKPI(k store.KPIDetail) kpiDetailAnswer {
	a := kpiDetailAnswer{ID: k.ID.String(), Grain: k.Grain, Source: kpiSource{ID: k.SourceID.String(), Name: k.SourceName, Kind: k.SourceKind},
		Version: k.Version, CreatedAt: k.CreatedAt.UTC(), UpdatedAt: k.UpdatedAt.UTC(),
		KPIFields: KPIFields{Name: k.Name, Description: k.Description, Unit: k.Unit, Currency: k.Currency,
			Aggregation: k.Aggregation, NonNegative: k.NonNegative, Lowest: k.Lowest, Highest: k.Highest, Integer: k.Integer, LeastDeviation: k.LeastDeviation,
			IsActive: k.Active}}
	if k.PartOf != nil {
		id := k.PartOf.String()
		a.PartOf = &id
	}
	if k.LastDay != "" {
		a.LastDay = &k.LastDay
	}
	return a
}
