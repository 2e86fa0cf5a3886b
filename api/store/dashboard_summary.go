package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// CardQuery asks for one page of KPI cards, by name.
type CardQuery struct {
	// Until is the last of the 28 days in which an anomaly is looked for. Required.
	Until time.Time
	// AfterName and AfterKPI name the card after which the page begins; their zero values mean the first page.
	AfterName string
	AfterKPI  uuid.UUID
	// Most is the largest number of cards to return. Required.
	Most int
}

// Card is a KPI at a glance.
type Card struct {
	KPIID      uuid.UUID
	Name, Unit string
	// Latest is the latest whole day that has a value; nil when there is none.
	Latest *CardDay
	// SparkDays (counted from 1970-01-01) and SparkValues (NaN for none) are of the 28 days that end with it; days without a row are not in them.
	SparkDays   []int32
	SparkValues []float64
	// Next is the first day after it that is forecast, Anomaly the latest; nil when there is none.
	Next    *ForecastPoint
	Anomaly *Anomaly
	// Trend is where the KPI goes: unknown, steady, rising or falling; empty when nothing is said of it.
	Trend string
	// TrendPercentPerMonth is how fast and TrendPValue how sure that is; nil when unknown.
	TrendPercentPerMonth, TrendPValue *float64
}

// CardDay is a day of a KPI and how it compares. What cannot be said is nil.
type CardDay struct {
	Day                         time.Time
	Value, Converted            *float64
	Currency, ConvertedCurrency *string
	// The changes are fractions, against 7, 28 and 364 days before; Mean28 is in the KPI's unit.
	ChangeWeek, ChangeMonth, ChangeYear, Mean28 *float64
}

// Cards returns the business's active KPIs at a glance, by name.
func (tx *MemberTx) Cards(ctx context.Context, q CardQuery) ([]Card, error) {
	rows, err := tx.q.SummaryCards(ctx, query.SummaryCardsParams{Until: q.Until, AfterName: q.AfterName, AfterKPI: q.AfterKPI, Most: int32(q.Most)})
	if err != nil {
		return nil, fmt.Errorf("read KPI cards: %w", Classify(err))
	}
	cards := make([]Card, len(rows))
	for i, r := range rows {
		cards[i] = card(r)
	}
	return cards, nil
}

func card(r query.SummaryCardsRow) Card {
	epoch := time.Unix(0, 0).UTC() // stands for no day
	c := Card{KPIID: r.KPIID, Name: r.Name, Unit: r.Unit, SparkDays: r.SparkDays, SparkValues: r.SparkValues,
		Trend: r.TrendDirection, TrendPercentPerMonth: r.TrendPercentPerMonth, TrendPValue: r.TrendPValue}
	if !r.Day.Equal(epoch) {
		c.Latest = &CardDay{Day: r.Day, Value: r.Value, Converted: r.ValueConverted, Currency: r.Currency, ConvertedCurrency: r.ConvertedCurrency,
			ChangeWeek: r.ChangeWeek, ChangeMonth: r.ChangeMonth, ChangeYear: r.ChangeYear, Mean28: r.Mean28}
	}
	if !r.ForecastDay.Equal(epoch) {
		c.Next = &ForecastPoint{Day: r.ForecastDay, Mean: r.ForecastMean, Lower80: r.ForecastLower80, Upper80: r.ForecastUpper80,
			Lower95: r.ForecastLower95, Upper95: r.ForecastUpper95}
	}
	if r.AnomalyGrain != "" {
		c.Anomaly = &Anomaly{Grain: r.AnomalyGrain, StartsAt: r.AnomalyStartsAt, Day: r.AnomalyDay, Hour: r.AnomalyHour, Value: r.AnomalyValue,
			Expected: r.AnomalyExpected, Score: r.AnomalyScore, Kind: r.AnomalyKind, Direction: r.AnomalyDirection, Severity: r.AnomalySeverity}
	}
	return c
}

// NewsTone sums the news of some days up.
type NewsTone struct {
	// Articles counts all, Stories those with different titles of a day, Scored the stories that have a tone.
	Articles, Stories, Scored int64
	// MeanScore (-1 to 1) and ShareNegative (0 to 1) are of the latter; nil when there are none.
	MeanScore, ShareNegative *float64
}

// NewsTone returns the tone of the news of the local days [from, to).
func (tx *MemberTx) NewsTone(ctx context.Context, from, to time.Time) (NewsTone, error) {
	row, err := tx.q.NewsTone(ctx, query.NewsToneParams{FromDay: from, ToDay: to})
	if err != nil {
		return NewsTone{}, fmt.Errorf("read tone of the news: %w", Classify(err))
	}
	tone := NewsTone{Articles: row.Articles, Stories: row.Stories, Scored: row.Scored}
	if row.Scored > 0 {
		mean, negative := row.TotalScore/float64(row.Scored), row.Negative/float64(row.Scored)
		tone.MeanScore, tone.ShareNegative = &mean, &negative
	}
	return tone, nil
}
