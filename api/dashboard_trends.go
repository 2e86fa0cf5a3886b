package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalcraft/signalcraft/api/store"
)

type trendsInput struct {
	WindowInput
	KPIs  []string `query:"kpi" doc:"Only these KPIs, with commas between them" maxItems:"100" example:"0192f0c1-aaaa-7000-8000-000000000002"`
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
}

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
			"their hours are left out: they would read as a fall. Without from and to: the last 90 days.",
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
	return question{business: business, tables: []string{"kpi_trends"}, asked: []any{ask, in.From, in.To}, match: in.Match,
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
			return trendsAnswer{s.published(state, w, "kpi_trends"), trendsSeries(page), next}, err
		}}, nil
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
