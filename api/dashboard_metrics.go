package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// metricsWindow is the window of daily points when none is asked for.
const metricsWindow = 90 * oneDay

// What metrics may include.
const (
	withForecast  = "forecast"
	withAnomalies = "anomalies"
	withHolidays  = "holidays"
)

type metricsInput struct {
	WindowInput
	Grain   string   `query:"grain" doc:"What one point stands for" enum:"hour,day,week,month" default:"day" example:"day"`
	KPIs    []string `query:"kpi" doc:"Only these KPIs, by id with commas between them; of ids that the business has not there is nothing" maxItems:"100" example:"0192f0c1-aaaa-7000-8000-000000000002"`
	Include []string `query:"include" doc:"What else the chart shows, with commas between them; forecasts with grain day only, the others with grain hour too" enum:"forecast,anomalies,holidays" maxItems:"3" example:"forecast,anomalies,holidays"`
	Limit   int      `query:"limit" doc:"Points on one page" minimum:"1" maximum:"5000" default:"1000" example:"1000"`
}

type metricsBodyInput struct {
	Body struct {
		BusinessID string   `json:"business_id" doc:"Id of the business" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
		KPIs       []string `json:"kpis,omitempty" nullable:"false" doc:"Only these KPIs, by id; all when absent or empty. Of ids that the business has not there is nothing" maxItems:"1000" example:"[\"0192f0c1-aaaa-7000-8000-000000000002\"]"`
		From       string   `json:"from,omitempty" doc:"First local day of the window" format:"date" example:"2026-01-01"`
		To         string   `json:"to,omitempty" doc:"Local day before which the window ends" format:"date" example:"2026-04-01"`
		Grain      string   `json:"grain,omitempty" doc:"What one point stands for" enum:"hour,day,week,month" default:"day" example:"day"`
		Include    []string `json:"include,omitempty" nullable:"false" doc:"What else the chart shows; forecasts with grain day only, the others with grain hour too" enum:"forecast,anomalies,holidays" maxItems:"3" example:"[\"forecast\"]"`
		Limit      int      `json:"limit,omitempty" doc:"Points on one page" minimum:"1" maximum:"5000" default:"1000" example:"1000"`
		Cursor     string   `json:"cursor,omitempty" doc:"next_cursor of the page before" maxLength:"4096" example:"eyJrIjoi"`
	}
}

func (s *service) registerMetrics() {
	text := "Points of every KPI as series ready to draw. Without from and to: the last 90 days, 52 weeks, 24 months or, of hours, 7 days. A week begins on Monday, and " +
		"belongs to the window when its first day does; so does a month.\n\n" +
		"A series has every day, week or month from its first point of the window to its last: where nothing was measured, value is null. " +
		"limit counts these gaps too. With include, one answer draws one chart: each series carries its newest forecast with bands and its anomalies, on the " +
		"page on which it begins, and the answer the public holidays, all on the same axis of local days. Without to, the forecast, and with it the holidays, reach to its own end; " +
		"with to, to that day.\n\n" +
		"Hours are those of the business's clock: the day on which clocks go forward has 23, the one on which they go back 25. KPIs whose raw values stand for days have " +
		fmt.Sprintf("none, and are named in daily_kpis. Hours are kept for %d days, up to the day of the run that published them, and at most %d days are answered at once.", hoursKept, hoursMost)
	registerPublished[metricsAnswer](s, huma.Operation{
		OperationID: "getDashboardMetrics", Method: http.MethodGet, Path: "/dashboard/metrics/{id}", Tags: []string{"dashboard"},
		Summary: "Metrics of a business", Description: text,
	}, func(ctx context.Context, in *metricsInput) (question, error) {
		business, err := pathID(ctx, in.ID)
		if err != nil {
			return question{}, err
		}
		return s.metrics(ctx, metricsAsk{in: "query", business: business, match: in.Match,
			From: in.From, To: in.To, Grain: in.Grain, Include: in.Include, Limit: in.Limit, Cursor: in.Cursor}, in.KPIs)
	})
	registerPublished[metricsAnswer](s, huma.Operation{
		OperationID: "queryDashboardMetrics", Method: http.MethodPost, Path: "/dashboard/metrics", Tags: []string{"dashboard"},
		Summary: "Metrics of a business, asked in a body", Description: "The answer of GET /dashboard/metrics/{id}, for more KPIs than an address holds. It changes nothing.\n\n" + text,
		MaxBodyBytes: 64 << 10,
	}, func(ctx context.Context, in *metricsBodyInput) (question, error) {
		b := in.Body
		business, err := uuid.Parse(b.BusinessID)
		if err != nil {
			return question{}, invalid(ctx, "body", "business_id", "not an id")
		}
		return s.metrics(ctx, metricsAsk{in: "body", business: business,
			From: b.From, To: b.To, Grain: b.Grain, Include: b.Include, Limit: b.Limit, Cursor: b.Cursor}, b.KPIs)
	})
}

// metricsAsk is what is asked of metrics, by either operation.
type metricsAsk struct {
	in       string
	business uuid.UUID
	match    string

	From, To, Grain, Cursor string
	KPIs                    []uuid.UUID
	Include                 []string
	Limit                   int
}

// metricTables names the published table of each grain.
func metricTables() map[string]string {
	return map[string]string{"hour": "kpi_hourly", "day": "kpi_data", "week": "kpi_weekly", "month": "kpi_monthly"}
}

func (s *service) metrics(ctx context.Context, ask metricsAsk, kpis []string) (question, error) {
	read := pointQuery
	if ask.Grain == "hour" {
		read = hourQuery
	}
	points, err := read(ctx, ask.in, ask.Cursor, kpis, ask.Limit)
	if err != nil {
		return question{}, err
	}
	ask.KPIs = points.KPIs
	slices.Sort(ask.Include)
	ask.Include = slices.Compact(ask.Include)
	if err := ask.mayInclude(ctx); err != nil {
		return question{}, err
	}
	tables := []string{metricTables()[ask.Grain]}
	if ask.Grain == "hour" {
		tables = append(tables, "market_data") // whose rates convert hours
	}
	for _, include := range ask.Include {
		tables = append(tables, map[string]string{withForecast: "forecasts", withAnomalies: "kpi_anomalies", withHolidays: "calendar_holidays"}[include])
	}
	return question{business: ask.business, tables: tables, asked: ask, match: ask.match,
		answer: func(ctx context.Context, t *store.MemberTx, state store.DashboardState) (any, error) {
			w, err := ask.window(ctx, state.Publication(tables[0]).LocalDay)
			if err != nil {
				return nil, err
			}
			points.From, points.To = w.from, w.to
			answer := &metricsAnswer{PublishedAnswer: s.published(state, w, tables...), Grain: ask.Grain}
			return answer, s.series(ctx, t, ask, points, w, answer)
		}}, nil
}

// mayInclude refuses what a grain has nothing of.
func (ask metricsAsk) mayInclude(ctx context.Context) error {
	switch {
	case len(ask.Include) == 0 || ask.Grain == "day":
		return nil
	case ask.Grain != "hour":
		return invalid(ctx, ask.in, "include", "only days and hours have anomalies and holidays, and only days forecasts")
	case slices.Contains(ask.Include, withForecast):
		return invalid(ctx, ask.in, "include", "only days have forecasts")
	}
	return nil
}

// series reads one page of points, and what is to be included, into the answer.
func (s *service) series(ctx context.Context, t *store.MemberTx, ask metricsAsk, points store.PointQuery, w window, answer *metricsAnswer) error {
	on := axis{grain: store.Grain(ask.Grain)}
	if on.grain == store.Hour {
		var err error
		if on.zone, err = time.LoadLocation(answer.TimeZone); err != nil {
			return fmt.Errorf("show hours: %w", err)
		}
	}
	read, err := t.KPIPoints(ctx, on.grain, points)
	if err != nil {
		return err
	}
	page, err := filled(read, on, points, ask.Limit)
	if err != nil {
		return err
	}
	answer.Series, answer.NextCursor = page.series, page.next
	if on.grain == store.Hour && ask.Cursor == "" {
		if answer.DailyKPIs, err = dailyKPIs(ctx, t, points.KPIs); err != nil {
			return err
		}
	}
	return s.include(ctx, t, ask, on, w, points.AfterKPI, answer)
}

// window returns the days asked for; a default one begins with a whole week or month.
func (ask metricsAsk) window(ctx context.Context, last time.Time) (window, error) {
	if ask.Grain == "hour" {
		return ask.hours(ctx, last)
	}
	length := metricsWindow
	if ask.Grain == "week" {
		length = 52 * 7 * oneDay
	}
	if ask.Grain == "month" {
		length = 2 * 366 * oneDay
	}
	w, err := windowOf(ctx, ask.in, ask.From, ask.To, last.AddDate(0, 0, 1), length)
	if err != nil || ask.From != "" {
		return w, err
	}
	switch ask.Grain {
	case "week":
		w.from = w.from.AddDate(0, 0, -int(w.from.Weekday()+6)%7)
	case "month":
		w.from = time.Date(w.to.Year()-2, w.to.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	return w, nil
}
