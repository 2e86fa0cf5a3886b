package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// ForecastPoint is one day of a forecast of one KPI.
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
	// Parts is what the mean is made of; nil when the vintage is from before parts were kept.
	Parts *ForecastParts
}

// ForecastParts sum to a point's mean before that was brought into the KPI's range.
type ForecastParts struct {
	Trend, Seasonal, LongSeasonal, Calendar, Measured float64
}

// ForecastPoints returns each KPI's newest forecast of those made by the day until.
func (tx *MemberTx) ForecastPoints(ctx context.Context, until time.Time, q PointQuery) ([]ForecastPoint, error) {
	rows, err := tx.q.ForecastPoints(ctx, query.ForecastPointsParams{Until: until, FromDay: q.From, ToDay: q.To, Kpis: q.kpis(),
		AfterKPI: q.AfterKPI, AfterDay: q.After, Most: int32(q.Most)})
	if err != nil {
		return nil, fmt.Errorf("read forecasts: %w", Classify(err))
	}
	points := make([]ForecastPoint, len(rows))
	for i, r := range rows {
		points[i] = ForecastPoint{KPIID: r.KPIID, Name: r.Name, Unit: r.Unit, Vintage: r.Vintage, Method: r.Method, MASE: r.Mase,
			Day: r.Day, Mean: r.Mean, Lower80: r.Lower80, Upper80: r.Upper80, Lower95: r.Lower95, Upper95: r.Upper95}
		if r.Trend != nil && r.Seasonal != nil && r.LongSeasonal != nil && r.Calendar != nil && r.Measured != nil {
			points[i].Parts = &ForecastParts{*r.Trend, *r.Seasonal, *r.LongSeasonal, *r.Calendar, *r.Measured}
		}
	}
	return points, nil
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
