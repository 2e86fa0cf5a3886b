package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalcraft/signalcraft/api/store"
)

// forecastWindow is the window when none is asked for: more than any vintage reaches.
const forecastWindow = 366 * oneDay

type forecastsInput struct {
	WindowInput
	KPIs    []string `query:"kpi" doc:"Only these KPIs, by id with commas between them; of ids that the business has not there is nothing" maxItems:"100" example:"0192f0c1-aaaa-7000-8000-000000000002"`
	Vintage string   `query:"vintage" doc:"The forecasts as they stood on this day, as far as they are still published; the newest when absent" format:"date" example:"2026-03-29"`
	Include []string `query:"include" doc:"What else is told, with commas between them: what each point is made of; why the forecast is as it is; how far the forecasts of the last 90 days were from what came" enum:"components,explanation,accuracy" maxItems:"3" example:"components,explanation,accuracy"`
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
	// The following are there when they are asked for.
	Explanation *forecastExplanation `json:"explanation,omitempty" doc:"With include=explanation: why the forecast is as it is; absent when its vintage is older than explanations"`
	Accuracy    *[]forecastAccuracy  `json:"accuracy,omitempty" nullable:"false" doc:"With include=accuracy: how far the KPI's forecasts of the last 90 days were from what came, by band of horizons; a band of which nothing came is absent" maxItems:"10"`
}

type forecastPoint struct {
	Day     string   `json:"day" doc:"Local day of the business" format:"date" example:"2026-04-01"`
	Mean    *float64 `json:"mean" doc:"Expected value in the KPI's unit" example:"1250"`
	Lower80 *float64 `json:"lower_80" doc:"Lower end of the 80 % interval" example:"1100"`
	Upper80 *float64 `json:"upper_80" doc:"Upper end of the 80 % interval" example:"1400"`
	Lower95 *float64 `json:"lower_95" doc:"Lower end of the 95 % interval" example:"1010"`
	Upper95 *float64 `json:"upper_95" doc:"Upper end of the 95 % interval" example:"1490"`

	Components *forecastComponents `json:"components,omitempty" doc:"With include=components of the forecasts: what the mean is made of. They sum to it, unless it was brought into the KPI's range; absent when the vintage is older than components"`
}

func (s *service) registerForecasts() {
	registerPublished[forecastsAnswer](s, huma.Operation{
		OperationID: "getDashboardForecasts", Method: http.MethodGet, Path: "/dashboard/forecasts/{id}", Tags: []string{"dashboard"},
		Summary: "Forecasts of a business",
		Description: "The newest forecast of every KPI with its 80 % and 95 % bands, as series ready to draw. " +
			"Without from and to: all days of the newest vintage. With include: what each point is made of, why the forecast is as it is, " +
			"and how those of the past did against what came and against repeating the last week.",
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
	include := slices.Compact(slices.Sorted(slices.Values(in.Include)))
	asked := []any{ask, in.From, in.To, until, include}
	tables := []string{"forecasts"}
	if slices.Contains(include, withAccuracy) {
		tables = append(tables, "forecast_accuracy")
	}
	return question{business: business, tables: tables, asked: asked, match: in.Match,
		answer: func(ctx context.Context, t *store.MemberTx, state store.DashboardState) (any, error) {
			// A series that ended long ago has a vintage of long ago; the window reaches back as far as ahead.
			published := state.Publication("forecasts").LocalDay
			w, err := in.window(ctx, published.Add(forecastWindow), 2*forecastWindow)
			if err != nil {
				return nil, err
			}
			ask.From, ask.To = w.from, w.to
			points, err := t.ForecastPoints(ctx, until, ask)
			if err != nil {
				return nil, err
			}
			page, next, err := cut(points, in.Limit, func(p store.ForecastPoint) kpiKey { return kpiKey{p.KPIID, day{p.Day}} })
			if err != nil {
				return nil, err
			}
			series := forecastsSeries(page, slices.Contains(include, withComponents))
			err = includeInForecasts(ctx, t, include, until, published, series)
			return forecastsAnswer{s.published(state, w, tables...), series, next}, err
		}}, nil
}

// forecastsSeries are the points as series, with what they are made of if that was asked for and is known.
func forecastsSeries(points []store.ForecastPoint, withParts bool) []forecastSeries {
	series := []forecastSeries{}
	for i, p := range points {
		if i == 0 || points[i-1].KPIID != p.KPIID {
			series = append(series, forecastSeries{KPI: kpiAnswer{p.KPIID.String(), p.Name, p.Unit},
				Vintage: p.Vintage.Format(time.DateOnly), Method: p.Method, MASE: finite(p.MASE)})
		}
		last := &series[len(series)-1]
		shown := forecastDay(p)
		if withParts && p.Parts != nil {
			parts := forecastComponents(*p.Parts)
			shown.Components = &parts
		}
		last.Points = append(last.Points, shown)
	}
	return series
}

func forecastDay(p store.ForecastPoint) forecastPoint {
	return forecastPoint{Day: p.Day.Format(time.DateOnly), Mean: number(p.Mean),
		Lower80: number(p.Lower80), Upper80: number(p.Upper80), Lower95: number(p.Lower95), Upper95: number(p.Upper95)}
}
