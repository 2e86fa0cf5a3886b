package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalcraft/signalcraft/api/store"
)

// forecastWindow is the window when none is asked for: more than any vintage reaches.
const forecastWindow = 366 * oneDay

type forecastsInput struct {
	WindowInput
	KPIs    []string `query:"kpi" doc:"Only these KPIs, with commas between them" maxItems:"100" example:"0192f0c1-aaaa-7000-8000-000000000002"`
	Vintage string   `query:"vintage" doc:"The forecasts as they stood on this day, as far as they are still published; the newest when absent" format:"date" example:"2026-03-29"`
	Limit   int      `query:"limit" doc:"Points on one page" minimum:"1" maximum:"5000" default:"1000" example:"1000"`
}

type forecastsAnswer struct {
	PublishedAnswer
	Series     []forecastSeries `json:"series" nullable:"false" doc:"One for each KPI that has points on this page, by id of the KPI"`
	NextCursor *string          `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJrIjoi"`
}

type forecastSeries struct {
	KPI     kpiAnswer       `json:"kpi" doc:"What is forecast"`
	Vintage string          `json:"vintage" doc:"Day as of which the forecast was made; the KPI's newest" format:"date" example:"2026-03-30"`
	Method  string          `json:"method" doc:"Model that won on this KPI's past" example:"ets"`
	MASE    *float64        `json:"mase" doc:"Its error on the past, as a multiple of the seasonal naive forecast's; null when the past is too short" example:"0.82"`
	Points  []forecastPoint `json:"points" nullable:"false" doc:"Forecast by day"`
}

type forecastPoint struct {
	Day     string   `json:"day" doc:"Local day of the business" format:"date" example:"2026-04-01"`
	Mean    *float64 `json:"mean" doc:"Expected value in the KPI's unit" example:"1250"`
	Lower80 *float64 `json:"lower_80" doc:"Lower end of the 80 % interval" example:"1100"`
	Upper80 *float64 `json:"upper_80" doc:"Upper end of the 80 % interval" example:"1400"`
	Lower95 *float64 `json:"lower_95" doc:"Lower end of the 95 % interval" example:"1010"`
	Upper95 *float64 `json:"upper_95" doc:"Upper end of the 95 % interval" example:"1490"`
}

func (s *service) registerForecasts() {
	registerPublished[forecastsAnswer](s, huma.Operation{
		OperationID: "getDashboardForecasts", Method: http.MethodGet, Path: "/dashboard/forecasts/{id}", Tags: []string{"dashboard"},
		Summary: "Forecasts of a business",
		Description: "The newest forecast of every KPI with its 80 % and 95 % bands, as series ready to draw. " +
			"Without from and to: all days of the newest vintage.",
	}, s.forecasts)
}

func (s *service) forecasts(ctx context.Context, in *forecastsInput) (question, error) {
	business, err := pathID(ctx, in.ID)
	if err != nil {
		return question{}, err
	}
	ask, err := pointQuery(ctx, "query", in.Cursor, in.KPIs, in.Limit)
	if err != nil {
		return question{}, err
	}
	until := endOfDays()
	if in.Vintage != "" {
		if until, err = time.Parse(time.DateOnly, in.Vintage); err != nil {
			return question{}, invalid(ctx, "query", "vintage", "not a day as YYYY-MM-DD")
		}
	}
	asked := []any{ask, in.From, in.To, until}
	return question{business: business, tables: []string{"forecasts"}, asked: asked, match: in.Match,
		answer: func(ctx context.Context, t *store.MemberTx, state store.DashboardState) (any, error) {
			// A series that ended long ago has a vintage of long ago; the window reaches back as far as ahead.
			w, err := in.window(ctx, state.Publication("forecasts").LocalDay.Add(forecastWindow), 2*forecastWindow)
			if err != nil {
				return nil, err
			}
			ask.From, ask.To = w.from, w.to
			points, err := t.ForecastPoints(ctx, until, ask)
			if err != nil {
				return nil, err
			}
			page, next, err := cut(points, in.Limit, func(p store.ForecastPoint) kpiKey { return kpiKey{p.KPIID, day{p.Day}} })
			return forecastsAnswer{s.published(state, w, "forecasts"), forecastsSeries(page), next}, err
		}}, nil
}

func forecastsSeries(points []store.ForecastPoint) []forecastSeries {
	series := []forecastSeries{}
	for i, p := range points {
		if i == 0 || points[i-1].KPIID != p.KPIID {
			series = append(series, forecastSeries{KPI: kpiAnswer{p.KPIID.String(), p.Name, p.Unit},
				Vintage: p.Vintage.Format(time.DateOnly), Method: p.Method, MASE: finite(p.MASE)})
		}
		last := &series[len(series)-1]
		last.Points = append(last.Points, forecastDay(p))
	}
	return series
}

func forecastDay(p store.ForecastPoint) forecastPoint {
	return forecastPoint{Day: p.Day.Format(time.DateOnly), Mean: number(p.Mean),
		Lower80: number(p.Lower80), Upper80: number(p.Upper80), Lower95: number(p.Lower95), Upper95: number(p.Upper95)}
}
