package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

const (
	sparkDays   = 28 // of a card's small chart
	newsDaysSum = 7  // of the tone of the news
	aheadDays   = 7  // of the weather to come
)

type summaryInput struct {
	ID     string `path:"id" doc:"Id of the business" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	Cursor string `query:"cursor" doc:"next_cursor of the page before" maxLength:"4096" example:"eyJuIjoi"`
	Limit  int    `query:"limit" doc:"KPIs on one page" minimum:"1" maximum:"500" default:"50" example:"50"`
	Match  string `header:"If-None-Match" doc:"ETag of the answer that the caller has; while it is still right, the answer is 304 without a body" maxLength:"1000" example:"\"q3Jm0-8zO1Y\""`
}

type summaryAnswer struct {
	PublishedAnswer
	Name       string         `json:"name" doc:"Name of the business" example:"Harbour Cafe"`
	Currency   string         `json:"currency" doc:"ISO 4217 currency of the business" example:"EUR"`
	KPIs       []kpiCard      `json:"kpis" nullable:"false" doc:"Active KPIs, by name"`
	News       summaryNews    `json:"news" doc:"What is written about the business"`
	Weather    summaryWeather `json:"weather" doc:"Weather where the business lies"`
	NextCursor *string        `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJuIjoi"`
}

type kpiCard struct {
	KPI       kpiAnswer      `json:"kpi" doc:"What is measured"`
	Latest    *cardDay       `json:"latest" doc:"Latest whole day that has a value; null when there is none"`
	Sparkline []sparkPoint   `json:"sparkline" nullable:"false" doc:"The 28 days that end with it, gaps as null; empty when there is none" maxItems:"28"`
	Next      *forecastPoint `json:"next" doc:"First day after it that is forecast; null when none is"`
	Anomaly   *cardAnomaly   `json:"anomaly" doc:"Latest anomaly of the window; null when there is none"`
	Trend     *cardTrend     `json:"trend" doc:"Where the KPI goes; null when nothing is known of it"`
}

type cardTrend struct {
	Direction       string   `json:"direction" doc:"steady means that no trend is significant, unknown that there are too few values" enum:"unknown,steady,rising,falling" example:"rising"`
	PercentPerMonth *float64 `json:"percent_per_month" doc:"Rate, as per cent of the KPI's level in 30 days; null when unknown" example:"2.4"`
	PValue          *float64 `json:"p_value" doc:"Chance of as strong a trend where there is none (Mann and Kendall); null when unknown" minimum:"0" maximum:"1" example:"0.003"`
}

type cardDay struct {
	Day               string   `json:"day" doc:"Local day of the business" format:"date" example:"2026-03-30"`
	Value             *float64 `json:"value" doc:"Value in the KPI's unit" example:"1234.5"`
	Currency          *string  `json:"currency" doc:"ISO 4217 currency of the value; null when the KPI is no money" example:"GBP"`
	Converted         *float64 `json:"converted" doc:"Value in the converted currency; null when the KPI is no money or the rate is unknown" example:"1420.2"`
	ConvertedCurrency *string  `json:"converted_currency" doc:"ISO 4217 currency of the converted value; null when the KPI is no money" example:"EUR"`
	ChangeWeek        *float64 `json:"change_week" doc:"Change since 7 days before as a fraction: 0.1 is 10 % more; null when it cannot be said" example:"0.1"`
	ChangeMonth       *float64 `json:"change_month" doc:"Change since 28 days before" example:"0.04"`
	ChangeYear        *float64 `json:"change_year" doc:"Change since 364 days before" example:"-0.02"`
	Mean28            *float64 `json:"mean_28" doc:"Mean of the 28 days that end with it" example:"1164"`
}

type sparkPoint struct {
	Day   string   `json:"day" doc:"Local day of the business" format:"date" example:"2026-03-30"`
	Value *float64 `json:"value" doc:"Value of the day; null where there is none" example:"1234.5"`
}

type cardAnomaly struct {
	Grain     string    `json:"grain" doc:"What was judged" enum:"day,hour" example:"day"`
	StartsAt  time.Time `json:"starts_at" doc:"When the day or hour begins" example:"2026-03-28T23:00:00Z"`
	Day       string    `json:"day" doc:"Local day of the business" format:"date" example:"2026-03-29"`
	Hour      *int32    `json:"hour" doc:"Local hour; null for days" minimum:"0" maximum:"23" example:"14"`
	Value     *float64  `json:"value" doc:"Value that was judged" example:"412"`
	Expected  *float64  `json:"expected" doc:"What was to be expected" example:"1180"`
	Score     *float64  `json:"score" doc:"How far out of the ordinary, from 0 to 1" minimum:"0" maximum:"1" example:"0.61"`
	Kind      string    `json:"kind" doc:"In which way" enum:"spike,dip,level_shift,flat_line,missing,volatility" example:"dip"`
	Direction string    `json:"direction" doc:"Where the value lies" enum:"above,below" example:"below"`
	Severity  string    `json:"severity" doc:"How far" enum:"minor,major,critical" example:"major"`
}

type summaryNews struct {
	Now    newsTone `json:"now" doc:"The last 7 days"`
	Before newsTone `json:"before" doc:"The 7 days before them"`
}

type newsTone struct {
	From          string   `json:"from" doc:"First local day" format:"date" example:"2026-03-25"`
	To            string   `json:"to" doc:"Local day before which it ends" format:"date" example:"2026-04-01"`
	Articles      int64    `json:"articles" doc:"Articles seen" minimum:"0" example:"40"`
	Stories       int64    `json:"stories" doc:"Different titles of each day" minimum:"0" example:"31"`
	Scored        int64    `json:"scored" doc:"Stories that have a score" minimum:"0" example:"28"`
	MeanScore     *float64 `json:"mean_score" doc:"Mean tone of those, -1 to 1; null when there are none" example:"0.12"`
	ShareNegative *float64 `json:"share_negative" doc:"Share of those with a negative tone, 0 to 1" example:"0.3"`
}

type summaryWeather struct {
	Today *weatherDay  `json:"today" doc:"The local day of the weather's as-of instant; null when unknown"`
	Next  []weatherDay `json:"next" nullable:"false" doc:"Up to 7 days after it" maxItems:"7"`
}

// cardKey is the cursor of the list of cards.
type cardKey struct {
	Name string    `json:"n"`
	KPI  uuid.UUID `json:"k"`
}

func (s *service) registerSummary() {
	registerPublished[summaryAnswer](s, huma.Operation{
		OperationID: "getDashboardSummary", Method: http.MethodGet, Path: "/dashboard/summary/{id}", Tags: []string{"dashboard"},
		Summary: "A business at a glance",
		Description: "One card for each active KPI (latest value, changes, small chart, next forecast, latest anomaly, trend), the tone of the news, " +
			"the weather, and how fresh each published table is. The window is that of anomalies: 28 days.",
	}, s.summary)
}

func (s *service) summary(ctx context.Context, in *summaryInput) (question, error) {
	business, err := pathID(ctx, in.ID)
	if err != nil {
		return question{}, err
	}
	after, err := decodeCursor[cardKey](ctx, in.Cursor)
	if err != nil {
		return question{}, err
	}
	ask := store.CardQuery{Most: in.Limit + 1}
	if after != nil {
		if after.Name == "" || !storable(after.Name) {
			return question{}, invalid(ctx, "query", "cursor", "not a cursor of this list")
		}
		ask.AfterName, ask.AfterKPI = after.Name, after.KPI
	}
	tables := []string{"kpi_data", "kpi_trends", "forecasts", "kpi_anomalies", "news_daily", "weather_data", "kpi_trend_statements"}
	return question{business: business, tables: tables, asked: ask, match: in.Match,
		answer: func(ctx context.Context, t *store.MemberTx, state store.DashboardState) (any, error) {
			last := state.Publication("kpi_data").LocalDay
			ask.Until = last
			cards, err := t.Cards(ctx, ask)
			if err != nil {
				return nil, err
			}
			page, next, err := cut(cards, in.Limit, func(c store.Card) cardKey { return cardKey{c.Name, c.KPIID} })
			if err != nil {
				return nil, err
			}
			answer := summaryAnswer{PublishedAnswer: s.published(state, window{last.AddDate(0, 0, 1-sparkDays), last.AddDate(0, 0, 1)}, tables...),
				Name: state.Name, Currency: state.Currency, KPIs: kpiCards(page), NextCursor: next}
			if answer.News, err = summariseNews(ctx, t, state); err != nil {
				return nil, err
			}
			answer.Weather, err = summariseWeather(ctx, t, state)
			return answer, err
		}}, nil
}

func kpiCards(cards []store.Card) []kpiCard {
	list := make([]kpiCard, len(cards))
	for i, c := range cards {
		list[i] = kpiCard{KPI: kpiAnswer{c.KPIID.String(), c.Name, c.Unit}, Sparkline: sparkline(c)}
		if l := c.Latest; l != nil {
			list[i].Latest = &cardDay{Day: l.Day.Format(time.DateOnly), Value: finite(l.Value), Currency: l.Currency, Converted: finite(l.Converted),
				ConvertedCurrency: l.ConvertedCurrency, ChangeWeek: finite(l.ChangeWeek), ChangeMonth: finite(l.ChangeMonth), ChangeYear: finite(l.ChangeYear), Mean28: finite(l.Mean28)}
		}
		if c.Trend != "" {
			list[i].Trend = &cardTrend{c.Trend, finite(c.TrendPercentPerMonth), finite(c.TrendPValue)}
		}
		if c.Next != nil {
			next := forecastDay(*c.Next)
			list[i].Next = &next
		}
		if a := c.Anomaly; a != nil {
			list[i].Anomaly = &cardAnomaly{a.Grain, a.StartsAt, a.Day.Format(time.DateOnly), a.Hour, finite(a.Value), finite(a.Expected), finite(a.Score), a.Kind, a.Direction, a.Severity}
		}
	}
	return list
}

// sparkline has a point for each of the 28 days that end with the latest.
func sparkline(c store.Card) []sparkPoint {
	points := []sparkPoint{}
	if c.Latest == nil {
		return points
	}
	known := map[time.Time]float64{}
	for i, n := range c.SparkDays {
		known[dayOf(n)] = c.SparkValues[i]
	}
	for n := sparkDays - 1; n >= 0; n-- {
		at := c.Latest.Day.AddDate(0, 0, -n)
		point := sparkPoint{Day: at.Format(time.DateOnly)}
		if v, ok := known[at]; ok {
			point.Value = number(v)
		}
		points = append(points, point)
	}
	return points
}

func summariseNews(ctx context.Context, t *store.MemberTx, state store.DashboardState) (summaryNews, error) {
	end := state.Publication("news_daily").LocalDay.AddDate(0, 0, 1)
	var tones [2]newsTone
	for i := range tones {
		to := end.AddDate(0, 0, -i*newsDaysSum)
		from := to.AddDate(0, 0, -newsDaysSum)
		sum, err := t.NewsTone(ctx, from, to)
		if err != nil {
			return summaryNews{}, err
		}
		tones[i] = newsTone{from.Format(time.DateOnly), to.Format(time.DateOnly), sum.Articles, sum.Stories, sum.Scored, finite(sum.MeanScore), finite(sum.ShareNegative)}
	}
	return summaryNews{tones[0], tones[1]}, nil
}

func summariseWeather(ctx context.Context, t *store.MemberTx, state store.DashboardState) (summaryWeather, error) {
	today := state.Publication("weather_data").LocalDay
	days, err := t.Weather(ctx, store.WeatherQuery{From: today, To: today.AddDate(0, 0, 1+aheadDays), Most: 1 + aheadDays})
	if err != nil {
		return summaryWeather{}, err
	}
	list := weatherDays(days)
	if len(days) > 0 && days[0].Day.Equal(today) {
		return summaryWeather{&list[0], list[1:]}, nil
	}
	return summaryWeather{nil, list}, nil
}
