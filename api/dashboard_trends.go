package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

type trendsInput struct {
	WindowInput
	KPIs  []string `query:"kpi" doc:"Only these KPIs, by id with commas between them; of ids that the business has not there is nothing" maxItems:"100" example:"0192f0c1-aaaa-7000-8000-000000000002"`
	Limit int      `query:"limit" doc:"Points on one page" minimum:"1" maximum:"5000" default:"1000" example:"1000"`
}

type trendsAnswer struct {
	PublishedAnswer
	Series     []trendSeries `json:"series" nullable:"false" doc:"One for each KPI that has points on this page, by id of the KPI"`
	NextCursor *string       `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJrIjoi"`
}

type trendSeries struct {
	KPI    kpiAnswer    `json:"kpi" doc:"What moves"`
	Points []trendPoint `json:"points" nullable:"false" doc:"Days that have a value and nine tenths of their hours, by day"`

	Statement    *trendStatement `json:"statement,omitempty" doc:"Where the KPI goes, as of its last day and whatever the window; on the page on which the series begins"`
	ChangePoints []changePoint   `json:"change_points,omitempty" nullable:"false" doc:"Days of the window on which its course changed, by day; on the page on which the series begins" maxItems:"24"`
}

type trendStatement struct {
	Direction       string   `json:"direction" doc:"steady means that no trend is significant, unknown that there are too few values" enum:"unknown,steady,rising,falling" example:"rising"`
	Slope           *float64 `json:"slope" doc:"Rate in the KPI's unit a day: the median of all slopes between two days (Sen); null when unknown" example:"1.2"`
	SlopeLow        *float64 `json:"slope_low" doc:"Lower end of its 95 % interval" example:"0.4"`
	SlopeHigh       *float64 `json:"slope_high" doc:"Upper end of its 95 % interval" example:"2.1"`
	PercentPerMonth *float64 `json:"percent_per_month" doc:"Rate as per cent of the level in 30 days; null when the level is not positive" example:"2.4"`
	PValue          *float64 `json:"p_value" doc:"Chance of as strong a trend where there is none (Mann and Kendall)" minimum:"0" maximum:"1" example:"0.003"`
	Tau             *float64 `json:"tau" doc:"Kendall's rank correlation with time" minimum:"-1" maximum:"1" example:"0.3"`
	Level           *float64 `json:"level" doc:"Median of the stretch without its season" example:"1164"`
	FirstDay        string   `json:"first_day" doc:"First day of the stretch that is spoken of: at most the last 90 days, and not before the last bend" format:"date" example:"2026-01-01"`
	LastDay         string   `json:"last_day" doc:"Last day of the stretch" format:"date" example:"2026-03-30"`
	Observed        int32    `json:"observed" doc:"Values in the stretch" minimum:"0" example:"88"`
}

type changePoint struct {
	Day        string   `json:"day" doc:"First day of the new course" format:"date" example:"2026-02-10"`
	Kind       string   `json:"kind" doc:"Whether the course jumps or bends" enum:"level_shift,slope_change" example:"level_shift"`
	Size       *float64 `json:"size" doc:"By how much: of a jump in the KPI's unit, of a bend in that a day" example:"-120"`
	Before     *float64 `json:"before" doc:"Level before a jump, slope before a bend" example:"1300"`
	After      *float64 `json:"after" doc:"Level after a jump, slope after a bend" example:"1180"`
	Confidence *float64 `json:"confidence" doc:"1 less the chance that noise alone would show such a change" minimum:"0" maximum:"1" example:"0.998"`
}

// trendTables are what the answer is made of.
func trendTables() []string { return []string{"kpi_trends", "kpi_trend_statements"} }

type trendPoint struct {
	Day          string   `json:"day" doc:"Local day of the business" format:"date" example:"2026-03-30"`
	Value        *float64 `json:"value" doc:"Value of the day" example:"1234.5"`
	Mean7        *float64 `json:"mean_7" doc:"Mean of the 7 days that end with it; null with fewer than 4 values" example:"1190"`
	Mean28       *float64 `json:"mean_28" doc:"Mean of the 28 days that end with it; null with fewer than 14 values" example:"1164"`
	ChangeWeek   *float64 `json:"change_week" doc:"Change since 7 days before as a fraction: 0.1 is 10 % more; null when that day has no value or 0" example:"0.1"`
	ChangeMonth  *float64 `json:"change_month" doc:"Change since 28 days before, the same weekday" example:"0.04"`
	ChangeYear   *float64 `json:"change_year" doc:"Change since 364 days before, the same weekday" example:"-0.02"`
	Slope28      *float64 `json:"slope_28" doc:"Least-squares slope of the last 28 days, in the KPI's unit a day" example:"3.2"`
	Volatility28 *float64 `json:"volatility_28" doc:"Standard deviation of change_week over the last 28 days" example:"0.08"`
}

func (s *service) registerTrends() {
	registerPublished[trendsAnswer](s, huma.Operation{
		OperationID: "getDashboardTrends", Method: http.MethodGet, Path: "/dashboard/trends/{id}", Tags: []string{"dashboard"},
		Summary: "How the KPIs of a business move",
		Description: "Moving averages, changes against week, month and year, slope and volatility of every KPI by day. Days that lack more than a tenth of " +
			"their hours are left out: they would read as a fall. Each series says where its KPI goes and how sure that is, and on which days of the window its " +
			"course changed. Without from and to: the last 90 days.",
	}, s.trends)
}

func (s *service) trends(ctx context.Context, in *trendsInput) (question, error) {
	business, err := pathID(ctx, in.ID)
	if err != nil {
		return question{}, err
	}
	ask, err := pointQuery(ctx, "query", in.Cursor, in.KPIs, in.Limit)
	if err != nil {
		return question{}, err
	}
	return question{business: business, tables: trendTables(), asked: []any{ask, in.From, in.To}, match: in.Match,
		answer: func(ctx context.Context, t *store.MemberTx, state store.DashboardState) (any, error) {
			w, err := in.window(ctx, state.Publication("kpi_trends").LocalDay.AddDate(0, 0, 1), metricsWindow)
			if err != nil {
				return nil, err
			}
			ask.From, ask.To = w.from, w.to
			points, err := t.TrendPoints(ctx, ask)
			if err != nil {
				return nil, err
			}
			page, next, err := cut(points, in.Limit, func(p store.TrendPoint) kpiKey { return kpiKey{p.KPIID, day{p.Day}} })
			if err != nil {
				return nil, err
			}
			answer := trendsAnswer{s.published(state, w, trendTables()...), trendsSeries(page), next}
			return answer, includeStatements(ctx, t, ask.AfterKPI, w, answer.Series)
		}}, nil
}

// includeStatements adds to the series that begin on this page, which is all but the continued one, where their KPIs go.
func includeStatements(ctx context.Context, t *store.MemberTx, continued uuid.UUID, w window, list []trendSeries) error {
	var kpis []uuid.UUID
	for _, series := range list {
		id, err := uuid.Parse(series.KPI.ID)
		if err != nil {
			return err
		}
		kpis = append(kpis, id)
	}
	if len(kpis) == 0 {
		return nil
	}
	statements, err := t.TrendStatements(ctx, kpis)
	if err != nil {
		return err
	}
	for i, id := range kpis {
		if s, ok := statements[id]; ok && id != continued {
			list[i].Statement = &trendStatement{Direction: s.Direction, Slope: finite(s.Slope), SlopeLow: finite(s.SlopeLow), SlopeHigh: finite(s.SlopeHigh),
				PercentPerMonth: finite(s.PercentPerMonth), PValue: finite(s.PValue), Tau: finite(s.Tau), Level: finite(s.Level),
				FirstDay: s.FirstDay.Format(time.DateOnly), LastDay: s.LastDay.Format(time.DateOnly), Observed: s.Observed}
			list[i].ChangePoints = changePoints(s.ChangePoints, w)
		}
	}
	return nil
}

// changePoints returns those of the window.
func changePoints(all []store.ChangePoint, w window) []changePoint {
	var list []changePoint
	for _, c := range all {
		if c.Day >= w.from.Format(time.DateOnly) && c.Day < w.to.Format(time.DateOnly) {
			list = append(list, changePoint{c.Day, c.Kind, number(c.Size), number(c.Before), number(c.After), number(c.Confidence)})
		}
	}
	return list
}

func trendsSeries(points []store.TrendPoint) []trendSeries {
	series := []trendSeries{}
	for i, p := range points {
		if i == 0 || points[i-1].KPIID != p.KPIID {
			series = append(series, trendSeries{KPI: kpiAnswer{p.KPIID.String(), p.Name, p.Unit}})
		}
		last := &series[len(series)-1]
		last.Points = append(last.Points, trendPoint{Day: p.Day.Format(time.DateOnly), Value: finite(p.Value), Mean7: finite(p.Mean7), Mean28: finite(p.Mean28),
			ChangeWeek: finite(p.ChangeWeek), ChangeMonth: finite(p.ChangeMonth), ChangeYear: finite(p.ChangeYear),
			Slope28: finite(p.Slope28), Volatility28: finite(p.Volatility28)})
	}
	return series
}
