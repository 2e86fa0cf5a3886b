package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// Publication says which state of a published table a transaction sees, for its business.
type Publication struct {
	BusinessID uuid.UUID
	// Name, TimeZone (IANA) and Currency (ISO 4217) are the business's.
	Name     string
	TimeZone string
	Currency string
	// RunID and AsOf are those of the run that published the table; nil when none has.
	RunID       *uuid.UUID
	AsOf        *time.Time
	PublishedAt *time.Time
	// LocalDay is the business's local day of AsOf, or of now when nothing was published, as midnight UTC.
	LocalDay time.Time
}

// PointQuery asks for one page of a list of points, ordered by KPI and day.
type PointQuery struct {
	// From and To bound the local days, half-open. Required.
	From, To time.Time
	// OnlyKPI is the only KPI asked for; nil means all.
	OnlyKPI *uuid.UUID
	// AfterKPI and AfterDay name the point after which the page begins; their zero values mean the first page.
	AfterKPI uuid.UUID
	AfterDay time.Time
	// Most is the largest number of points to return. Required.
	Most int
}

// KPIPoint is one day of one KPI.
type KPIPoint struct {
	KPIID      uuid.UUID
	Name, Unit string
	// Day is a local day of the business, as midnight UTC.
	Day time.Time
	// Value is in the KPI's unit; nil where the day is known to have none. Currency is nil when it is no money.
	Value    *float64
	Currency *string
	// ValueConverted is in ConvertedCurrency at that day's rate; nil when it is no money or the rate is unknown.
	ValueConverted    *float64
	ConvertedCurrency *string
	// Points is the number of raw points behind the value, Complete whether they cover the whole day.
	Points   int64
	Complete bool
}

// ForecastPoint is one day of the newest forecast of one KPI.
type ForecastPoint struct {
	KPIID      uuid.UUID
	Name, Unit string
	// Vintage is the day as of which the forecast was made, Method how, and MASE the method's error when it was
	// chosen; nil when that could not be measured.
	Vintage time.Time
	Method  string
	MASE    *float64
	// Day is the local day that is forecast.
	Day                                      time.Time
	Mean, Lower80, Upper80, Lower95, Upper95 float64
}

// ArticleQuery asks for one page of articles, newest first.
type ArticleQuery struct {
	// From and To bound the local days of the business, half-open. Required.
	From, To time.Time
	// AfterSeen and AfterURL name the article after which the page begins; nil means the first page.
	AfterSeen *time.Time
	AfterURL  string
	// Most is the largest number of articles to return. Required.
	Most int
}

// Article is one news article.
type Article struct {
	URL string
	// Title is nil when the article has none.
	Title                           *string
	Domain, Language, SourceCountry *string
	SeenAt                          time.Time
	// IsCopy is true when the same title was seen earlier that day.
	IsCopy bool
	// Score is its tone from -1 to 1; nil when the language is not supported.
	Score *float64
}

// NewsDay sums the news of one local day up.
type NewsDay struct {
	Day time.Time
	// Articles counts all, Stories those with different titles, Scored the stories that have a tone; MeanScore
	// and ShareNegative (0 to 1) are of the latter.
	Articles, Stories, Scored int64
	MeanScore, ShareNegative  *float64
}

// Publication returns the state of a published table, named without its schema.
func (tx *MemberTx) Publication(ctx context.Context, table string, now time.Time) (Publication, error) {
	row, err := tx.q.Publication(ctx, query.PublicationParams{TableName: table, Now: now})
	if err != nil {
		return Publication{}, fmt.Errorf("read publication of %s: %w", table, Classify(err))
	}
	return Publication{BusinessID: row.ID, Name: row.Name, TimeZone: row.TimeZone, Currency: row.Currency,
		RunID: row.RunID, AsOf: row.AsOf, PublishedAt: row.PublishedAt, LocalDay: row.LocalDay}, nil
}

// KPIPoints returns the daily points of the business's KPIs.
func (tx *MemberTx) KPIPoints(ctx context.Context, q PointQuery) ([]KPIPoint, error) {
	rows, err := tx.q.KPIPoints(ctx, query.KPIPointsParams{FromDay: q.From, ToDay: q.To, OnlyKPI: q.OnlyKPI,
		AfterKPI: q.AfterKPI, AfterDay: q.AfterDay, Most: int32(q.Most)})
	if err != nil {
		return nil, fmt.Errorf("read KPI points: %w", Classify(err))
	}
	points := make([]KPIPoint, len(rows))
	for i, r := range rows {
		points[i] = KPIPoint(r)
	}
	return points, nil
}

// ForecastPoints returns the newest forecast of each of the business's KPIs.
func (tx *MemberTx) ForecastPoints(ctx context.Context, q PointQuery) ([]ForecastPoint, error) {
	rows, err := tx.q.ForecastPoints(ctx, query.ForecastPointsParams{FromDay: q.From, ToDay: q.To, OnlyKPI: q.OnlyKPI,
		AfterKPI: q.AfterKPI, AfterDay: q.AfterDay, Most: int32(q.Most)})
	if err != nil {
		return nil, fmt.Errorf("read forecasts: %w", Classify(err))
	}
	points := make([]ForecastPoint, len(rows))
	for i, r := range rows {
		points[i] = ForecastPoint{KPIID: r.KPIID, Name: r.Name, Unit: r.Unit, Vintage: r.Vintage, Method: r.Method, MASE: r.Mase,
			Day: r.Day, Mean: r.Mean, Lower80: r.Lower80, Upper80: r.Upper80, Lower95: r.Lower95, Upper95: r.Upper95}
	}
	return points, nil
}

// Articles returns the business's news, newest first.
func (tx *MemberTx) Articles(ctx context.Context, q ArticleQuery) ([]Article, error) {
	rows, err := tx.q.NewsArticles(ctx, query.NewsArticlesParams{FromDay: q.From, ToDay: q.To,
		AfterSeen: q.AfterSeen, AfterURL: q.AfterURL, Most: int32(q.Most)})
	if err != nil {
		return nil, fmt.Errorf("read news: %w", Classify(err))
	}
	articles := make([]Article, len(rows))
	for i, r := range rows {
		articles[i] = Article(r)
	}
	return articles, nil
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
