package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// AnomalyQuery asks for one page of anomalies, newest first.
type AnomalyQuery struct {
	// From and To bound the local days of the business, half-open. Required.
	From, To time.Time
	// KPIs and Severities are the only ones asked for; none means all.
	KPIs       []uuid.UUID
	Severities []string
	// Grain (day or hour) and Direction (above or below) are the only ones asked for; empty means both. An empty Kind means all.
	Grain, Direction, Kind string
	// After is the anomaly after which the page begins; nil means the first page.
	After *AnomalyKey
	// Most is the largest number of anomalies to return. Required.
	Most int
}

// AnomalyKey names an anomaly in the order of the list.
type AnomalyKey struct {
	Day, StartsAt time.Time
	KPIID         uuid.UUID
	Grain         string
}

// Anomaly is a day or hour whose value is far from what was to be expected.
type Anomaly struct {
	KPIID      uuid.UUID
	Name, Unit string
	// Grain is day or hour; Hour is nil for days.
	Grain    string
	StartsAt time.Time
	Day      time.Time
	Hour     *int32
	// Value, nil when it is missing, was judged against Expected; what is ordinary lies from Lower to Upper. Score is from 0 to 1, RobustScore
	// Deviation in robust standard deviations, nil where that was not measured.
	Value, Expected, Lower, Upper, Deviation, Score, RobustScore *float64
	// Kind is spike, dip, level_shift, flat_line, missing or volatility, Direction above or below, Severity minor, major or critical.
	Kind, Direction, Severity string
	// Ongoing is true on later days of an anomaly.
	Ongoing bool
	// Method is how it was judged, PastValues by how many values.
	Method     string
	PastValues int64
}

// Key names the anomaly in the order of the list.
func (a Anomaly) Key() AnomalyKey { return AnomalyKey{a.Day, a.StartsAt, a.KPIID, a.Grain} }

// Anomalies returns the business's anomalies, newest first.
func (tx *MemberTx) Anomalies(ctx context.Context, q AnomalyQuery) ([]Anomaly, error) {
	ask := query.AnomaliesParams{FromDay: q.From, ToDay: q.To, Kpis: append([]uuid.UUID{}, q.KPIs...), Severities: append([]string{}, q.Severities...),
		OnlyGrain: q.Grain, OnlyDirection: q.Direction, OnlyKind: q.Kind, Most: int32(q.Most)}
	if a := q.After; a != nil {
		ask.AfterDay, ask.AfterStart, ask.AfterKPI, ask.AfterGrain = &a.Day, a.StartsAt, a.KPIID, a.Grain
	}
	rows, err := tx.q.Anomalies(ctx, ask)
	if err != nil {
		return nil, fmt.Errorf("read anomalies: %w", Classify(err))
	}
	anomalies := make([]Anomaly, len(rows))
	for i, r := range rows {
		anomalies[i] = Anomaly(r)
	}
	return anomalies, nil
}

// ArticleQuery asks for one page of articles, newest first.
type ArticleQuery struct {
	// From and To bound the local days of the business, half-open. Required.
	From, To time.Time
	// After is the article after which the page begins; nil means the first page.
	After *ArticleKey
	// Most is the largest number of articles to return. Required.
	Most int
}

// ArticleKey names an article in the order of the list.
type ArticleKey struct {
	Day, SeenAt time.Time
	URL         string
}

// Article is one news article.
type Article struct {
	URL string
	// Title is nil when the article has none.
	Title                           *string
	Domain, Language, SourceCountry *string
	SeenAt                          time.Time
	// Day is the local day on which it was first seen.
	Day time.Time
	// IsCopy is true when the same title was seen earlier that day.
	IsCopy bool
	// Score is its tone from -1 to 1; nil when it has none.
	Score *float64
	// ScoreMethod is "model" or "gdelt"; nil without a score.
	ScoreMethod *string
}

// Key names the article in the order of the list.
func (a Article) Key() ArticleKey { return ArticleKey{a.Day, a.SeenAt, a.URL} }

// Articles returns the business's news, newest first.
func (tx *MemberTx) Articles(ctx context.Context, q ArticleQuery) ([]Article, error) {
	ask := query.NewsArticlesParams{FromDay: q.From, ToDay: q.To, Most: int32(q.Most)}
	if a := q.After; a != nil {
		ask.AfterDay, ask.AfterSeen, ask.AfterURL = &a.Day, a.SeenAt, a.URL
	}
	rows, err := tx.q.NewsArticles(ctx, ask)
	if err != nil {
		return nil, fmt.Errorf("read news: %w", Classify(err))
	}
	articles := make([]Article, len(rows))
	for i, r := range rows {
		articles[i] = Article(r)
	}
	return articles, nil
}

// NewsDay sums the news of one local day up.
type NewsDay struct {
	Day time.Time
	// Articles counts all, Stories those with different titles, Scored the stories that have a tone; MeanScore
	// and ShareNegative (0 to 1) are of the latter.
	Articles, Stories, Scored int64
	MeanScore, ShareNegative  *float64
}

// NewsDays returns the business's news of each local day in [from, to), by day; days without are not in it.
func (tx *MemberTx) NewsDays(ctx context.Context, from, to time.Time) ([]NewsDay, error) {
	rows, err := tx.q.NewsDays(ctx, query.NewsDaysParams{FromDay: from, ToDay: to})
	if err != nil {
		return nil, fmt.Errorf("read news by day: %w", Classify(err))
	}
	days := make([]NewsDay, len(rows))
	for i, r := range rows {
		days[i] = NewsDay(r)
	}
	return days, nil
}

// WeatherQuery asks for one page of weather by day.
type WeatherQuery struct {
	// From and To bound the local days, half-open. Required.
	From, To time.Time
	// Kind is archive or forecast; empty means both.
	Kind string
	// After is the day after which the page begins; its zero value means the first page.
	After time.Time
	// Most is the largest number of days to return. Required.
	Most int
}

// WeatherDay is the weather of one local day at the business's location. What is not known is nil.
type WeatherDay struct {
	Day        time.Time
	LocationID string
	// Kind is archive (measured) or forecast.
	Kind string
	// Temperatures are in °C, precipitation in mm, snowfall in cm, wind in km/h; WeatherCode is of WMO 4677.
	TemperatureMin, TemperatureMax, TemperatureMean *float64
	PrecipitationSum, SnowfallSum, WindSpeedMax     *float64
	WeatherCode                                     *int32
}

// Weather returns the weather where the business lies, by day.
func (tx *MemberTx) Weather(ctx context.Context, q WeatherQuery) ([]WeatherDay, error) {
	rows, err := tx.q.WeatherDays(ctx, query.WeatherDaysParams{FromDay: q.From, ToDay: q.To, AfterDay: q.After, OnlyKind: q.Kind, Most: int32(q.Most)})
	if err != nil {
		return nil, fmt.Errorf("read weather: %w", Classify(err))
	}
	days := make([]WeatherDay, len(rows))
	for i, r := range rows {
		days[i] = WeatherDay(r)
	}
	return days, nil
}

// Place is where a business lies; coordinates are nil when unknown.
type Place struct {
	Name, Country       string
	Latitude, Longitude *float64
}

// Place returns where the business lies.
func (tx *MemberTx) Place(ctx context.Context) (Place, error) {
	row, err := tx.q.Place(ctx)
	if err != nil {
		return Place{}, fmt.Errorf("read place: %w", Classify(err))
	}
	return Place{Name: row.Place, Country: row.Country, Latitude: row.Latitude, Longitude: row.Longitude}, nil
}

// Holiday is a public holiday of the business's country.
type Holiday struct {
	Day  time.Time
	Name string
}

// Holidays returns the holidays in [from, to), by day, as far as they are known: two years ahead.
func (tx *MemberTx) Holidays(ctx context.Context, from, to time.Time) ([]Holiday, error) {
	rows, err := tx.q.Holidays(ctx, query.HolidaysParams{FromDay: from, ToDay: to})
	if err != nil {
		return nil, fmt.Errorf("read holidays: %w", Classify(err))
	}
	days := make([]Holiday, len(rows))
	for i, r := range rows {
		days[i] = Holiday(r)
	}
	return days, nil
}
