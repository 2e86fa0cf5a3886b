package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

type anomaliesInput struct {
	WindowInput
	KPIs      []string `query:"kpi" doc:"Only these KPIs, with commas between them" maxItems:"100" example:"0192f0c1-aaaa-7000-8000-000000000002"`
	Grain     string   `query:"grain" doc:"Only anomalous days, or only hours; both when absent" enum:"day,hour" example:"day"`
	Severity  string   `query:"severity" doc:"Least severity" enum:"minor,major,critical" default:"minor" example:"major"`
	Direction string   `query:"direction" doc:"Only values above, or only values below, what was to be expected; both when absent" enum:"above,below" example:"below"`
	Limit     int      `query:"limit" doc:"Anomalies on one page" minimum:"1" maximum:"1000" default:"100" example:"100"`
}

type anomaliesAnswer struct {
	PublishedAnswer
	Anomalies  []anomaly `json:"anomalies" nullable:"false" doc:"Anomalies, newest first"`
	NextCursor *string   `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJkIjoi"`
}

type anomaly struct {
	KPI        kpiAnswer `json:"kpi" doc:"Whose value it is"`
	Grain      string    `json:"grain" doc:"What was judged" enum:"day,hour" example:"day"`
	StartsAt   time.Time `json:"starts_at" doc:"When the day or hour begins" example:"2026-03-28T23:00:00Z"`
	Day        string    `json:"day" doc:"Local day of the business" format:"date" example:"2026-03-29"`
	Hour       *int32    `json:"hour" doc:"Local hour; null for days" minimum:"0" maximum:"23" example:"14"`
	Value      *float64  `json:"value" doc:"Value that was judged" example:"412"`
	Expected   *float64  `json:"expected" doc:"What was to be expected: the median of the past values it was held against" example:"1180"`
	Lower      *float64  `json:"lower" doc:"Lower end of what is ordinary" example:"900"`
	Upper      *float64  `json:"upper" doc:"Upper end of what is ordinary" example:"1460"`
	Deviation  *float64  `json:"deviation" doc:"Value less expected" example:"-768"`
	Score      *float64  `json:"score" doc:"Deviation in robust standard deviations" example:"-5.4"`
	Direction  string    `json:"direction" doc:"Where the value lies" enum:"above,below" example:"below"`
	Severity   string    `json:"severity" doc:"minor from 3.5 robust standard deviations on, major from 5, critical from 8" enum:"minor,major,critical" example:"major"`
	Method     string    `json:"method" doc:"How it was judged" example:"seasonal"`
	PastValues int64     `json:"past_values" doc:"How many past values it was held against" minimum:"0" example:"13"`
}

// anomalyKey is the cursor of the list of anomalies.
type anomalyKey struct {
	Day      day       `json:"d"`
	StartsAt time.Time `json:"s"`
	KPI      uuid.UUID `json:"k"`
	Grain    string    `json:"g"`
}

func (s *service) registerAnomalies() {
	registerPublished[anomaliesAnswer](s, huma.Operation{
		OperationID: "getDashboardAnomalies", Method: http.MethodGet, Path: "/dashboard/anomalies/{id}", Tags: []string{"dashboard"},
		Summary: "Anomalies of a business",
		Description: "Days and hours whose value is far from what the same weekday or hour of the last thirteen weeks leads to expect, newest first. " +
			"Without from and to: the last 90 days.",
	}, s.anomalies)
}

func (s *service) anomalies(ctx context.Context, in *anomaliesInput) (question, error) {
	business, err := pathID(ctx, in.ID)
	if err != nil {
		return question{}, err
	}
	after, err := decodeCursor[anomalyKey](ctx, in.Cursor)
	if err != nil {
		return question{}, err
	}
	ask := store.AnomalyQuery{Grain: in.Grain, Direction: in.Direction, Severities: atLeast(in.Severity), Most: in.Limit + 1}
	if after != nil {
		if !storable(after.Grain) || after.StartsAt.Year() < 1 || after.StartsAt.Year() > 9999 {
			return question{}, invalid(ctx, "query", "cursor", "not a cursor of this list")
		}
		ask.After = &store.AnomalyKey{Day: after.Day.Time, StartsAt: after.StartsAt, KPIID: after.KPI, Grain: after.Grain}
	}
	if ask.KPIs, err = kpiIDs(ctx, "query", in.KPIs); err != nil {
		return question{}, err
	}
	return question{business: business, tables: []string{"kpi_anomalies"}, asked: []any{ask, in.From, in.To}, match: in.Match,
		answer: func(ctx context.Context, t *store.MemberTx, state store.DashboardState) (any, error) {
			w, err := in.window(ctx, state.Publication("kpi_anomalies").LocalDay.AddDate(0, 0, 1), metricsWindow)
			if err != nil {
				return nil, err
			}
			ask.From, ask.To = w.from, w.to
			found, err := t.Anomalies(ctx, ask)
			if err != nil {
				return nil, err
			}
			page, next, err := cut(found, in.Limit, func(a store.Anomaly) anomalyKey {
				return anomalyKey{day{a.Day}, a.StartsAt, a.KPIID, a.Grain}
			})
			return anomaliesAnswer{s.published(state, w, "kpi_anomalies"), anomalyList(page), next}, err
		}}, nil
}

// atLeast lists the severities from least on; none when that is the lowest, which means all.
func atLeast(least string) []string {
	switch least {
	case "critical":
		return []string{"critical"}
	case "major":
		return []string{"major", "critical"}
	}
	return nil
}

func anomalyList(found []store.Anomaly) []anomaly {
	list := make([]anomaly, len(found))
	for i, a := range found {
		list[i] = anomaly{KPI: kpiAnswer{a.KPIID.String(), a.Name, a.Unit}, Grain: a.Grain, StartsAt: a.StartsAt, Day: a.Day.Format(time.DateOnly), Hour: a.Hour,
			Value: finite(a.Value), Expected: finite(a.Expected), Lower: finite(a.Lower), Upper: finite(a.Upper), Deviation: finite(a.Deviation),
			Score: finite(a.Score), Direction: a.Direction, Severity: a.Severity, Method: a.Method, PastValues: a.PastValues}
	}
	return list
}
