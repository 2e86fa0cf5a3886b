package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalcraft/signalcraft/api/store"
)

// The window of weather when none is asked for: what was measured lately, and all that is forecast.
const (
	weatherBack  = 30 * oneDay
	weatherAhead = 17 * oneDay
)

type weatherInput struct {
	WindowInput
	Kind  string `query:"kind" doc:"Only measured days (archive), or only forecast ones; both when absent" enum:"archive,forecast" example:"forecast"`
	Limit int    `query:"limit" doc:"Days on one page" minimum:"1" maximum:"3660" default:"400" example:"400"`
}

type weatherAnswer struct {
	PublishedAnswer
	Location   weatherLocation `json:"location" doc:"Where the weather is of"`
	Days       []weatherDay    `json:"days" nullable:"false" doc:"Days that are known, by day"`
	NextCursor *string         `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJkIjoi"`
}

type weatherLocation struct {
	Place     string   `json:"place" doc:"As the business's people wrote it; may be empty" example:"Hamburg"`
	Country   string   `json:"country" doc:"ISO 3166-1 country" example:"DE"`
	Latitude  *float64 `json:"latitude" doc:"Degrees north; null when unknown" minimum:"-90" maximum:"90" example:"53.55"`
	Longitude *float64 `json:"longitude" doc:"Degrees east; null when unknown" minimum:"-180" maximum:"180" example:"9.99"`
}

type weatherDay struct {
	Day              string   `json:"day" doc:"Local day at the location" format:"date" example:"2026-03-30"`
	Kind             string   `json:"kind" doc:"archive: measured; forecast: expected" enum:"archive,forecast" example:"archive"`
	TemperatureMin   *float64 `json:"temperature_min" doc:"Lowest temperature, °C" example:"2.1"`
	TemperatureMax   *float64 `json:"temperature_max" doc:"Highest temperature, °C" example:"9.8"`
	TemperatureMean  *float64 `json:"temperature_mean" doc:"Mean temperature, °C" example:"6.0"`
	PrecipitationSum *float64 `json:"precipitation_sum" doc:"Rain and snow as water, mm" minimum:"0" example:"3.4"`
	SnowfallSum      *float64 `json:"snowfall_sum" doc:"Fresh snow, cm" minimum:"0" example:"0"`
	WindSpeedMax     *float64 `json:"wind_speed_max" doc:"Strongest wind, km/h" minimum:"0" example:"31.7"`
	WeatherCode      *int32   `json:"weather_code" doc:"Most severe weather of the day, by WMO table 4677" minimum:"0" maximum:"99" example:"61"`
}

// dayKey is the cursor of lists that have one row a day.
type dayKey struct {
	Day day `json:"d"`
}

func (s *service) registerWeather() {
	registerPublished[weatherAnswer](s, huma.Operation{
		OperationID: "getDashboardWeather", Method: http.MethodGet, Path: "/dashboard/weather/{id}", Tags: []string{"dashboard"},
		Summary: "Weather where a business lies",
		Description: "Measured and forecast weather by local day. Without from and to: 30 days back and all that is forecast. " +
			"A day that is not known is not in the list.",
	}, s.weather)
}

func (s *service) weather(ctx context.Context, in *weatherInput) (question, error) {
	business, err := pathID(ctx, in.ID)
	if err != nil {
		return question{}, err
	}
	after, err := decodeCursor[dayKey](ctx, in.Cursor)
	if err != nil {
		return question{}, err
	}
	ask := store.WeatherQuery{Kind: in.Kind, Most: in.Limit + 1}
	if after != nil {
		ask.After = after.Day.Time
	}
	return question{business: business, tables: []string{"weather_data"}, asked: []any{ask, in.From, in.To}, match: in.Match,
		answer: func(ctx context.Context, t *store.MemberTx, state store.DashboardState) (any, error) {
			w, err := in.window(ctx, state.Publication("weather_data").LocalDay.Add(weatherAhead), weatherBack+weatherAhead)
			if err != nil {
				return nil, err
			}
			ask.From, ask.To = w.from, w.to
			days, err := t.Weather(ctx, ask)
			if err != nil {
				return nil, err
			}
			place, err := t.Place(ctx)
			if err != nil {
				return nil, err
			}
			page, next, err := cut(days, in.Limit, func(d store.WeatherDay) dayKey { return dayKey{day{d.Day}} })
			return weatherAnswer{s.published(state, w, "weather_data"), weatherLocation{place.Name, place.Country, finite(place.Latitude), finite(place.Longitude)},
				weatherDays(page), next}, err
		}}, nil
}

func weatherDays(days []store.WeatherDay) []weatherDay {
	list := make([]weatherDay, len(days))
	for i, d := range days {
		list[i] = weatherDay{Day: d.Day.Format(time.DateOnly), Kind: d.Kind, TemperatureMin: finite(d.TemperatureMin), TemperatureMax: finite(d.TemperatureMax),
			TemperatureMean: finite(d.TemperatureMean), PrecipitationSum: finite(d.PrecipitationSum), SnowfallSum: finite(d.SnowfallSum),
			WindSpeedMax: finite(d.WindSpeedMax), WeatherCode: d.WeatherCode}
	}
	return list
}
