package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// AlertRule is what an alert watches and whom it tells. It is exported because huma reads exported embedded structs only.
type AlertRule struct {
	KPIID      *string  `json:"kpi_id,omitempty" doc:"KPI that is watched; null or left out: every KPI of the business" format:"uuid" example:"0192f0c1-aaaa-7000-8000-000000000002"`
	Name       string   `json:"name" doc:"Name of the alert" minLength:"1" maxLength:"120" example:"Revenue is low"`
	Condition  string   `json:"condition" doc:"When it holds; see createAlert" enum:"above,below,change_above,change_below,anomaly,forecast_above,forecast_below,missing" example:"below"`
	Threshold  *float64 `json:"threshold,omitempty" doc:"What is compared with: in the KPI's unit, for changes a fraction such as -0.2; needed unless the condition is anomaly or missing" minimum:"-1e15" maximum:"1e15" example:"1000"`
	WindowDays int      `json:"window_days,omitempty" doc:"Days that are looked at" minimum:"1" maximum:"366" default:"1" example:"7"`
	Severity   string   `json:"severity,omitempty" doc:"How much it matters" enum:"info,warning,critical" default:"warning" example:"warning"`
	Channels   []string `json:"channels,omitempty" doc:"How members are told: in_app is GET /notifications; left out: in_app" enum:"in_app,email" minItems:"1" maxItems:"2" uniqueItems:"true" nullable:"false" example:"[\"in_app\"]"`
	Active     *bool    `json:"is_active,omitempty" doc:"Whether it watches; left out: true" nullable:"false" example:"true"`
}

type createAlertInput struct {
	Body struct {
		BusinessID string `json:"business_id" doc:"Id of the business" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
		AlertRule
	}
}

type updateAlertInput struct {
	ID   string `path:"id" doc:"Id of the alert" format:"uuid" example:"0192f0c1-bbbb-7000-8000-000000000009"`
	Body struct {
		AlertRule
		Version *int32 `json:"version,omitempty" doc:"Version that the change is based on; the answer is 409 when the alert has another by now. Left out: whatever it has" minimum:"1" nullable:"false" example:"3"`
	}
}

type deleteAlertInput struct {
	ID string `path:"id" doc:"Id of the alert" format:"uuid" example:"0192f0c1-bbbb-7000-8000-000000000009"`
}

type listAlertsInput struct {
	ID     string `path:"id" doc:"Id of the business" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	KPI    string `query:"kpi" doc:"Only alerts that watch this KPI, those on every KPI among them" format:"uuid" example:"0192f0c1-aaaa-7000-8000-000000000002"`
	Limit  int    `query:"limit" doc:"Alerts on one page" minimum:"1" maximum:"200" default:"50" example:"50"`
	Cursor string `query:"cursor" doc:"next_cursor of the page before" maxLength:"4096" example:"eyJpIjoi"`
}

type alertOutput struct {
	Body alertAnswer
}

type listAlertsOutput struct {
	Body struct {
		BusinessID string        `json:"business_id" doc:"Whose alerts these are" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
		Alerts     []alertAnswer `json:"alerts" nullable:"false" doc:"Alerts in the order in which they were made"`
		NextCursor *string       `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJpIjoi"`
	}
}

type alertAnswer struct {
	ID          string         `json:"id" doc:"Id of the alert" format:"uuid" example:"0192f0c1-bbbb-7000-8000-000000000009"`
	BusinessID  string         `json:"business_id" doc:"Business that it belongs to" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	KPIID       *string        `json:"kpi_id" doc:"KPI that is watched; null: every KPI of the business" format:"uuid" example:"0192f0c1-aaaa-7000-8000-000000000002"`
	Name        string         `json:"name" doc:"Name of the alert" example:"Revenue is low"`
	Condition   string         `json:"condition" doc:"When it holds; see createAlert" enum:"above,below,change_above,change_below,anomaly,forecast_above,forecast_below,missing" example:"below"`
	Threshold   *float64       `json:"threshold" doc:"What is compared with; null for anomaly and missing" example:"1000"`
	WindowDays  int            `json:"window_days" doc:"Days that are looked at" minimum:"1" example:"7"`
	Severity    string         `json:"severity" doc:"How much it matters" enum:"info,warning,critical" example:"warning"`
	Channels    []string       `json:"channels" nullable:"false" doc:"How members are told" enum:"in_app,email" example:"[\"in_app\"]"`
	Active      bool           `json:"is_active" doc:"Whether it watches" example:"true"`
	Version     int            `json:"version" doc:"Grows with every change" minimum:"1" example:"3"`
	LastFiredAt *time.Time     `json:"last_fired_at" doc:"When it fired last; null: never" example:"2026-03-31T02:03:11Z"`
	CreatedAt   time.Time      `json:"created_at" doc:"When it was made" example:"2026-01-10T09:00:00Z"`
	UpdatedAt   time.Time      `json:"updated_at" doc:"When it was changed last" example:"2026-01-10T09:00:00Z"`
	Firing      []firingAnswer `json:"firing" nullable:"false" doc:"KPIs for which it holds now, by name; the first hundred" maxItems:"100"`
}

type firingAnswer struct {
	KPI     string    `json:"kpi" doc:"Name of the KPI" example:"Revenue"`
	KPIID   string    `json:"kpi_id" doc:"Id of the KPI" format:"uuid" example:"0192f0c1-aaaa-7000-8000-000000000002"`
	Day     string    `json:"day" doc:"Local day that was judged when it fired" format:"date" example:"2026-03-30"`
	Value   *float64  `json:"value" doc:"What was compared with the threshold; null for missing" example:"812.5"`
	FiredAt time.Time `json:"fired_at" doc:"When it fired" example:"2026-03-31T02:03:11Z"`
}

// alertKey is the cursor of the list of alerts.
type alertKey struct {
	ID uuid.UUID `json:"i"`
}

// maxFiring is how many KPIs of one alert an answer names.
const maxFiring = 100

const aboutAlerts = `Each publication judges every alert by what it published:

- above, below: the mean of the KPI's daily values over the last window_days whole days against the threshold
- change_above, change_below: that mean's change against the window before, as a fraction: -0.2 is a fall by 20 %
- anomaly: an anomaly on one of the last window_days days or today
- forecast_above, forecast_below: a day of the newest forecast within the next window_days days, today first
- missing: no value for more than window_days days; a day counts from noon after its end

Half of a window's days suffice. An alert fires for a KPI when its condition begins to hold, tells every member once, stays open while it holds and is resolved when it no longer does; it fires at most once for a day, however often that day is corrected. Changing what it watches starts it anew.`

func (s *service) registerAlerts() {
	register(s, huma.Operation{
		OperationID: "listAlerts", Method: http.MethodGet, Path: "/dashboard/alerts/{id}", Tags: []string{"alerts"},
		Summary:     "Alerts of a business",
		Description: "All alerts, also those that do not watch, and where each holds now.",
	}, s.alerts)
	register(s, huma.Operation{
		OperationID: "createAlert", Method: http.MethodPost, Path: "/dashboard/alerts", Tags: []string{"alerts"}, DefaultStatus: http.StatusCreated,
		Summary: "Watch a KPI", Description: aboutAlerts,
	}, s.createAlert)
	register(s, huma.Operation{
		OperationID: "updateAlert", Method: http.MethodPut, Path: "/dashboard/alerts/{id}", Tags: []string{"alerts"},
		Summary:     "Replace an alert",
		Description: "What is left out gets its default. A change of kpi_id, condition, threshold or window_days makes it another rule, which fires anew.",
		Responses:   failing(http.StatusConflict),
	}, s.updateAlert)
	register(s, huma.Operation{
		OperationID: "deleteAlert", Method: http.MethodDelete, Path: "/dashboard/alerts/{id}", Tags: []string{"alerts"}, DefaultStatus: http.StatusNoContent,
		Summary: "Delete an alert", Description: "What it told stays among the notifications.",
	}, s.deleteAlert)
}

func (s *service) alerts(ctx context.Context, in *listAlertsInput) (*listAlertsOutput, error) {
	business, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	q := store.AlertQuery{Most: in.Limit + 1}
	after, err := decodeCursor[alertKey](ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	if after != nil {
		q.AfterID = &after.ID
	}
	if in.KPI != "" {
		id, err := uuid.Parse(in.KPI)
		if err != nil {
			return nil, invalid(ctx, "query", "kpi", "not an id")
		}
		q.OnlyKPI = &id
	}
	out := &listAlertsOutput{}
	out.Body.BusinessID = business.String()
	err = s.readBusiness(ctx, business, func(t *store.MemberTx) error {
		found, err := t.Alerts(ctx, q)
		if err != nil {
			return err
		}
		page, next, err := cut(found, in.Limit, func(a store.Alert) alertKey { return alertKey{a.ID} })
		if err != nil {
			return err
		}
		out.Body.NextCursor = next
		out.Body.Alerts, err = withFirings(ctx, t, page)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return out, nil
}

func (s *service) createAlert(ctx context.Context, in *createAlertInput) (*alertOutput, error) {
	business, err := uuid.Parse(in.Body.BusinessID)
	if err != nil {
		return nil, invalid(ctx, "body", "business_id", "not an id")
	}
	a, err := in.Body.alert(ctx)
	if err != nil {
		return nil, err
	}
	if a.ID, err = uuid.NewV7(); err != nil {
		return nil, s.fail(ctx, err)
	}
	out := &alertOutput{}
	err = s.inBusiness(ctx, business, func(t *store.MemberTx) error {
		count, err := t.CountAlerts(ctx)
		if err != nil {
			return err
		}
		if err := within(ctx, "alerts", count, maxAlerts); err != nil {
			return err
		}
		if err := watches(ctx, t, a); err != nil {
			return err
		}
		noteNamed(ctx, a.ID.String(), a.Name, map[string]any{"condition": a.Condition})
		if err := t.AddAlert(ctx, a, s.clock()); err != nil {
			return err
		}
		return out.read(ctx, t, a.ID)
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return out, nil
}

func (s *service) updateAlert(ctx context.Context, in *updateAlertInput) (*alertOutput, error) {
	business, id, err := s.home(ctx, store.HomeAlerts, in.ID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	a, err := in.Body.alert(ctx)
	if err != nil {
		return nil, err
	}
	a.ID = id
	out := &alertOutput{}
	err = s.inBusiness(ctx, business, func(t *store.MemberTx) error {
		if err := watches(ctx, t, a); err != nil {
			return err
		}
		noteNamed(ctx, id.String(), a.Name, map[string]any{"condition": a.Condition, "is_active": a.Active})
		if err := t.ChangeAlert(ctx, a, in.Body.Version, s.clock()); err != nil {
			return changed(ctx, err)
		}
		return out.read(ctx, t, id)
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return out, nil
}

func (s *service) deleteAlert(ctx context.Context, in *deleteAlertInput) (*struct{}, error) {
	business, id, err := s.home(ctx, store.HomeAlerts, in.ID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	err = s.inBusiness(ctx, business, func(t *store.MemberTx) error {
		note(ctx, id.String(), nil)
		return t.DeleteAlert(ctx, id)
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return nil, nil
}

// read fills the answer with an alert as it is now.
func (o *alertOutput) read(ctx context.Context, t *store.MemberTx, id uuid.UUID) error {
	a, err := t.Alert(ctx, id)
	if err != nil {
		return err
	}
	answers, err := withFirings(ctx, t, []store.Alert{a})
	if err == nil {
		o.Body = answers[0]
	}
	return err
}

// withFirings returns alerts as answers, each with the KPIs for which it holds.
func withFirings(ctx context.Context, t *store.MemberTx, alerts []store.Alert) ([]alertAnswer, error) {
	ids := make([]uuid.UUID, len(alerts))
	for i, a := range alerts {
		ids[i] = a.ID
	}
	open, err := t.OpenFirings(ctx, ids)
	if err != nil {
		return nil, err
	}
	firing := map[uuid.UUID][]firingAnswer{}
	for _, f := range open {
		if len(firing[f.AlertID]) < maxFiring {
			firing[f.AlertID] = append(firing[f.AlertID], firingAnswer{KPI: f.KPIName, KPIID: f.KPIID.String(), Day: f.Day.Format(time.DateOnly),
				Value: finite(f.Value), FiredAt: f.FiredAt})
		}
	}
	answers := make([]alertAnswer, len(alerts))
	for i, a := range alerts {
		answers[i] = alertAnswer{ID: a.ID.String(), BusinessID: t.BusinessID.String(), Name: a.Name, Condition: a.Condition, Threshold: a.Threshold,
			WindowDays: a.WindowDays, Severity: a.Severity, Channels: a.Channels, Active: a.Active, Version: a.Version,
			LastFiredAt: a.LastFiredAt, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt, Firing: append([]firingAnswer{}, firing[a.ID]...)}
		if a.KPIID != nil {
			id := a.KPIID.String()
			answers[i].KPIID = &id
		}
	}
	return answers, nil
}
