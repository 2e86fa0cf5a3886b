package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalcraft/signalcraft/api/store"
)

// metricsWindow is the window when none is asked for.
const metricsWindow = 90 * 24 * time.Hour

type metricsInput struct {
	WindowInput
	KPI   string `query:"kpi" doc:"Only this KPI" format:"uuid" example:"0192f0c1-aaaa-7000-8000-000000000002"`
	Limit int    `query:"limit" doc:"Points on one page" minimum:"1" maximum:"5000" default:"1000" example:"1000"`
}

type metricsOutput struct {
	Body metricsAnswer
}

type metricsAnswer struct {
	PublishedAnswer
	Grain      string         `json:"grain" doc:"What one point stands for" enum:"day" example:"day"`
	Series     []metricSeries `json:"series" nullable:"false" doc:"One for each KPI that has points on this page, by id of the KPI"`
	NextCursor *string        `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJrIjoi"`
}

type metricSeries struct {
	KPI               kpiAnswer     `json:"kpi" doc:"What is measured"`
	Currency          *string       `json:"currency" doc:"ISO 4217 currency of the values; null when the KPI is no money" example:"GBP"`
	ConvertedCurrency *string       `json:"converted_currency" doc:"ISO 4217 currency of the converted values, which is the business's; null when the KPI is no money" example:"EUR"`
	Points            []metricPoint `json:"points" nullable:"false" doc:"Points by day"`
}

type metricPoint struct {
	Day       string   `json:"day" doc:"Local day of the business" format:"date" example:"2026-03-30"`
	Value     *float64 `json:"value" doc:"Value of the day in the KPI's unit; null where the day is known to have none" example:"1234.5"`
	Converted *float64 `json:"converted" doc:"Value in the converted currency at that day's rate; null when the KPI is no money or the rate is unknown" example:"1420.2"`
	Points    int64    `json:"points" doc:"Raw points that the value was made of" minimum:"0" example:"24"`
	Complete  bool     `json:"complete" doc:"Whether they cover the whole day" example:"true"`
}

func (s *service) registerMetrics() {
	register(s, huma.Operation{
		OperationID: "getDashboardMetrics", Method: http.MethodGet, Path: "/dashboard/metrics/{id}", Tags: []string{"dashboard"},
		Summary: "Metrics of a business",
		Description: "Daily points of every KPI as series ready to draw. Without from and to: the last 90 days.\n\n" +
			"A day that has no point is not in the series; a point whose value is null is a known gap.",
	}, s.metrics)
}

func (s *service) metrics(ctx context.Context, in *metricsInput) (*metricsOutput, error) {
	ask, err := pointQuery(ctx, in.Cursor, in.KPI, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &metricsOutput{}
	var points []store.KPIPoint
	err = s.read(ctx, &in.WindowInput, "kpi_data", func(ctx context.Context, q *store.MemberTx, p store.Publication) error {
		w, err := in.window(ctx, p.LocalDay.AddDate(0, 0, 1), metricsWindow)
		if err != nil {
			return err
		}
		out.Body.PublishedAnswer = s.published(p, w)
		ask.From, ask.To = w.from, w.to
		points, err = q.KPIPoints(ctx, ask)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out.Body.Grain = "day"
	page, next, err := cut(points, in.Limit, func(p store.KPIPoint) kpiKey { return kpiKey{p.KPIID, day{p.Day}} })
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out.Body.NextCursor, out.Body.Series = next, metricsSeries(page)
	return out, nil
}

func metricsSeries(points []store.KPIPoint) []metricSeries {
	series := []metricSeries{}
	for i, p := range points {
		if i == 0 || points[i-1].KPIID != p.KPIID {
			series = append(series, metricSeries{KPI: kpiAnswer{p.KPIID.String(), p.Name, p.Unit}})
		}
		last := &series[len(series)-1]
		if last.Currency == nil {
			last.Currency = p.Currency
		}
		if last.ConvertedCurrency == nil {
			last.ConvertedCurrency = p.ConvertedCurrency
		}
		last.Points = append(last.Points, metricPoint{
			Day: p.Day.Format(time.DateOnly), Value: finite(p.Value), Converted: finite(p.ValueConverted), Points: p.Points, Complete: p.Complete})
	}
	return series
}
