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
	KPIs      []string `query:"kpi" doc:"Only these KPIs, by id with commas between them; of ids that the business has not there is nothing" maxItems:"100" example:"0192f0c1-aaaa-7000-8000-000000000002"`
	Grain     string   `query:"grain" doc:"Only anomalous days, or only hours; both when absent" enum:"day,hour" example:"day"`
	Severity  string   `query:"severity" doc:"Least severity" enum:"minor,major,critical" default:"minor" example:"major"`
	Kind      string   `query:"kind" doc:"Only anomalies of this kind; all when absent" enum:"spike,dip,level_shift,flat_line,missing,volatility" example:"dip"`
	Include   []string `query:"include" doc:"context: what each anomalous day coincided with" enum:"context" maxItems:"1" example:"context"`
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
	Kind       string    `json:"kind" doc:"In which way it is out of the ordinary: spike and dip are one value, level_shift a run that keeps to another level, flat_line equal values for too long, missing a value that did not come, volatility values that vary much more or less than before" enum:"spike,dip,level_shift,flat_line,missing,volatility" example:"dip"`
	Value      *float64  `json:"value" doc:"Value that was judged; null when it is missing" example:"412"`
	Expected   *float64  `json:"expected" doc:"What was to be expected" example:"1180"`
	Lower      *float64  `json:"lower" doc:"Lower end of what is ordinary" example:"900"`
	Upper      *float64  `json:"upper" doc:"Upper end of what is ordinary" example:"1460"`
	Deviation  *float64  `json:"deviation" doc:"Value less expected; null when the value is missing" example:"-768"`
	Score      *float64  `json:"score" doc:"How far out of the ordinary it is, from 0 to 1: 1 - p^(1/10), where p is the chance of such a value; 0.5 is one in a thousand, 0.68 one in a hundred thousand" minimum:"0" maximum:"1" example:"0.61"`
	Robust     *float64  `json:"robust_score" doc:"Deviation in robust standard deviations from the same weekday or hour of the last thirteen weeks; null where that saw nothing" example:"-5.4"`
	Direction  string    `json:"direction" doc:"Where the value lies" enum:"above,below" example:"below"`
	Ongoing    bool      `json:"ongoing" doc:"Whether it is a later day of an anomaly that began before: nobody is told of it again" example:"false"`
	Severity   string    `json:"severity" doc:"How unlikely: minor as the alarms that are expected anyway, major ten times less, critical a hundred times less; of hours from 3.5, 5 and 8 robust standard deviations" enum:"minor,major,critical" example:"major"`
	Method     string    `json:"method" doc:"How it was judged" example:"seasonal"`
	PastValues int64     `json:"past_values" doc:"How many past values it was held against" minimum:"0" example:"13"`

	Context []anomalyContext `json:"context,omitempty" nullable:"false" doc:"With include=context: what the day coincided with, the strongest first. None of it is said to be a cause; hours have none" maxItems:"200"`
}

type anomalyContext struct {
	Kind     string   `json:"kind" doc:"What it is: part is a KPI that is a part of this one and moved with it" enum:"part,weather,holiday,event,closed,news,exchange_rate" example:"part"`
	Subject  string   `json:"subject" doc:"Id of the part's KPI, what was measured of the weather or news, name of the holiday or event, or the currencies" example:"0192f0c1-aaaa-7000-8000-000000000002"`
	Day      string   `json:"day" doc:"When it was: the anomalous day or one beside it" format:"date" example:"2026-03-29"`
	Strength *float64 `json:"strength" doc:"Of a part its share of the deviation, of anything else how rare and how near it was" minimum:"0" maximum:"1" example:"0.8"`
	Value    *float64 `json:"value" doc:"What was measured; null where nothing was" example:"20"`
	Usual    *float64 `json:"usual" doc:"What was to be expected or is usual" example:"170"`
	Text     string   `json:"text" doc:"One line for people" example:"Bar: 20.00 instead of 170.00 EUR, 75 % of the deviation"`
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
		Description: "Days and hours on which a KPI was out of the ordinary, newest first. Days are judged by two layers together: a model that expects each day " +
			"from the days before it, with its seasons and holidays, and the same weekday of the last thirteen weeks; hours by the latter alone. How much has to happen " +
			"is a preference of the business. Days of incidents that the calendar names are not judged. Without from and to: the last 90 days.",
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
	ask := store.AnomalyQuery{Grain: in.Grain, Direction: in.Direction, Kind: in.Kind, Severities: atLeast(in.Severity), Most: in.Limit + 1}
	tables := []string{"kpi_anomalies"}
	if len(in.Include) > 0 {
		tables = append(tables, "kpi_anomaly_context")
	}
	if after != nil {
		if !storable(after.Grain) || after.StartsAt.Year() < 1 || after.StartsAt.Year() > 9999 {
			return question{}, invalid(ctx, "query", "cursor", "not a cursor of this list")
		}
		ask.After = &store.AnomalyKey{Day: after.Day.Time, StartsAt: after.StartsAt, KPIID: after.KPI, Grain: after.Grain}
	}
	if ask.KPIs, err = kpiIDs(ctx, "query", in.KPIs); err != nil {
		return question{}, err
	}
	return question{business: business, tables: tables, asked: []any{ask, in.From, in.To}, match: in.Match,
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
			if err != nil {
				return nil, err
			}
			answer := anomaliesAnswer{s.published(state, w, tables...), anomalyList(page), next}
			if len(in.Include) > 0 {
				err = includeContext(ctx, t, page, answer.Anomalies)
			}
			return answer, err
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
			Score: finite(a.Score), Robust: finite(a.RobustScore), Kind: a.Kind, Ongoing: a.Ongoing, Direction: a.Direction, Severity: a.Severity, Method: a.Method,
			PastValues: a.PastValues}
	}
	return list
}

// includeContext adds what the days of a page coincided with to the answer's anomalies, which stand in the same order.
func includeContext(ctx context.Context, t *store.MemberTx, page []store.Anomaly, list []anomaly) error {
	found, err := t.AnomalyContext(ctx, page)
	if err != nil {
		return err
	}
	for i, a := range page {
		for _, c := range found[a.Key()] {
			list[i].Context = append(list[i].Context, anomalyContext{Kind: c.Kind, Subject: c.Subject, Day: c.OnDay.Format(time.DateOnly), Strength: number(c.Strength),
				Value: finite(c.Value), Usual: finite(c.Usual), Text: c.Text})
		}
	}
	return nil
}
