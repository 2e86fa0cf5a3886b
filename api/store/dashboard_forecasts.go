package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// ForecastPart is what one point of a forecast is made of: the parts sum to its mean before that was brought into the KPI's range.
// Those of a vintage from before parts were kept are nil.
type ForecastPart struct {
	KPIID                                             uuid.UUID
	Day                                               time.Time
	Trend, Seasonal, LongSeasonal, Calendar, Measured *float64
}

// ForecastParts returns the parts of the points that ForecastPoints returns to the same question, in the same order.
func (tx *MemberTx) ForecastParts(ctx context.Context, until time.Time, q PointQuery) ([]ForecastPart, error) {
	rows, err := tx.q.ForecastParts(ctx, query.ForecastPartsParams{Until: until, FromDay: q.From, ToDay: q.To, Kpis: q.kpis(),
		AfterKPI: q.AfterKPI, AfterDay: q.After, Most: int32(q.Most)})
	if err != nil {
		return nil, fmt.Errorf("read parts of forecasts: %w", Classify(err))
	}
	parts := make([]ForecastPart, len(rows))
	for i, r := range rows {
		parts[i] = ForecastPart(r)
	}
	return parts, nil
}

// ForecastExplanations returns, for each of the KPIs that has one, why its newest vintage of those made by the day until is as
// it is: JSON as the batch wrote it.
func (tx *MemberTx) ForecastExplanations(ctx context.Context, until time.Time, kpis []uuid.UUID) (map[uuid.UUID]string, error) {
	rows, err := tx.q.ForecastExplanations(ctx, query.ForecastExplanationsParams{Until: until, Kpis: kpis})
	if err != nil {
		return nil, fmt.Errorf("read explanations of forecasts: %w", Classify(err))
	}
	explanations := make(map[uuid.UUID]string, len(rows))
	for _, r := range rows {
		explanations[r.KPIID] = r.Explanation
	}
	return explanations, nil
}

// ForecastAccuracy says how far past forecasts of a KPI were from what came, for one band of horizons.
type ForecastAccuracy struct {
	KPIID uuid.UUID
	// From and To are the first and the last day of the band, counted from the last observed day.
	From, To int32
	// Vintages and Days are how many forecasts and days came.
	Vintages, Days int64
	// MAE and Bias are in the KPI's unit, SMAPE in percent. MASE is NaN where there is no scale.
	MAE, MASE, SMAPE, Bias float64
	// Coverage80 and Coverage95 are shares of the days.
	Coverage80, Coverage95 float64
	// Relative is the error as a multiple of that of the seasonal naive forecast of the same days; NaN where there is none.
	Relative float64
}

// ForecastAccuracy returns the figures of the vintages after one day up to another, by KPI and band.
func (tx *MemberTx) ForecastAccuracy(ctx context.Context, after, until time.Time, kpis []uuid.UUID) ([]ForecastAccuracy, error) {
	rows, err := tx.q.ForecastAccuracy(ctx, query.ForecastAccuracyParams{Kpis: kpis, AfterVintage: after, Until: until})
	if err != nil {
		return nil, fmt.Errorf("read accuracy of forecasts: %w", Classify(err))
	}
	figures := make([]ForecastAccuracy, len(rows))
	for i, r := range rows {
		figures[i] = ForecastAccuracy{KPIID: r.KPIID, From: r.HorizonFrom, To: r.HorizonTo, Vintages: r.Vintages, Days: r.Days, MAE: r.Mae, MASE: r.Mase,
			SMAPE: r.Smape, Bias: r.Bias, Coverage80: r.Coverage80, Coverage95: r.Coverage95, Relative: r.Relative}
	}
	return figures, nil
}
