package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// Grain is what one point of a KPI stands for.
type Grain string

// The grains that are published.
const (
	Hour  Grain = "hour"
	Day   Grain = "day"
	Week  Grain = "week"
	Month Grain = "month"
)

// PointQuery asks for one page of a list of points, ordered by KPI and when they begin.
type PointQuery struct {
	// From and To bound the first local days of the points, half-open. Required.
	From, To time.Time
	// KPIs are the only ones asked for; none means all.
	KPIs []uuid.UUID
	// AfterKPI and After name the point after which the page begins; their zero values mean the first page. After is midnight UTC of
	// the first local day of a point, or the instant at which an hour begins.
	AfterKPI uuid.UUID
	After    time.Time
	// Most is the largest number of points to return. Required.
	Most int
}

// kpis returns the KPIs as Postgres must see them: null is no empty list.
func (q PointQuery) kpis() []uuid.UUID { return append([]uuid.UUID{}, q.KPIs...) }

// KPISeries is a run of points of one KPI, in columns of one length, in the order in which they begin.
type KPISeries struct {
	KPIID      uuid.UUID
	Name, Unit string
	// Currency and ConvertedCurrency are empty when the KPI is no money.
	Currency, ConvertedCurrency string
	// Starts are the points' first local days, counted from 1970-01-01; of hours the minutes from then to when they begin.
	Starts []int32
	// Values are in the KPI's unit, Converted in ConvertedCurrency at each day's rate; NaN where there is none.
	Values, Converted []float64
	// Raw counts the raw points behind a value, WithValue the days that have one; Complete tells whether they cover the whole time.
	Raw, WithValue []int64
	Complete       []bool
}

// KPIPoints returns the points of the business's KPIs at a grain, by KPI. Most bounds the points of all series together.
func (tx *MemberTx) KPIPoints(ctx context.Context, grain Grain, q PointQuery) ([]KPISeries, error) {
	ask := query.DayPointsParams{FromDay: q.From, ToDay: q.To, Kpis: q.kpis(), AfterKPI: q.AfterKPI, AfterDay: q.After, Most: int32(q.Most)}
	var series []KPISeries
	var err error
	switch grain {
	case Hour:
		var rows []query.HourPointsRow
		rows, err = tx.q.HourPoints(ctx, query.HourPointsParams{FromDay: q.From, ToDay: q.To, Kpis: q.kpis(), AfterKPI: q.AfterKPI, AfterStart: q.After, Most: int32(q.Most)})
		for _, r := range rows {
			series = append(series, KPISeries(r))
		}
	case Day:
		var rows []query.DayPointsRow
		rows, err = tx.q.DayPoints(ctx, ask)
		for _, r := range rows {
			series = append(series, KPISeries(r))
		}
	case Week:
		var rows []query.WeekPointsRow
		rows, err = tx.q.WeekPoints(ctx, query.WeekPointsParams(ask))
		for _, r := range rows {
			series = append(series, KPISeries(r))
		}
	case Month:
		var rows []query.MonthPointsRow
		rows, err = tx.q.MonthPoints(ctx, query.MonthPointsParams(ask))
		for _, r := range rows {
			series = append(series, KPISeries(r))
		}
	default:
		err = fmt.Errorf("grain %q is not published", grain)
	}
	if err != nil {
		return nil, fmt.Errorf("read KPI points: %w", Classify(err))
	}
	for i := range series {
		series[i].sort()
	}
	return series, nil
}

// sort brings the columns into their order. Postgres nearly always returns them so; asking it to would sort each column.
func (s *KPISeries) sort() {
	if slices.IsSorted(s.Starts) {
		return
	}
	order := make([]int, len(s.Starts))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(s.Starts[a], s.Starts[b]) })
	s.Starts, s.Values, s.Converted = picked(s.Starts, order), picked(s.Values, order), picked(s.Converted, order)
	s.Raw, s.WithValue, s.Complete = picked(s.Raw, order), picked(s.WithValue, order), picked(s.Complete, order)
}

func picked[T any](column []T, order []int) []T {
	sorted := make([]T, len(column))
	for i, at := range order {
		sorted[i] = column[at]
	}
	return sorted
}

// TrendPoint says how a KPI moved up to one day. What cannot be said is nil.
type TrendPoint struct {
	KPIID      uuid.UUID
	Name, Unit string
	Day        time.Time
	Value      *float64
	// Mean7 and Mean28 are means of that many days with this one.
	Mean7, Mean28 *float64
	// ChangeWeek, ChangeMonth and ChangeYear are fractions, against 7, 28 and 364 days before.
	ChangeWeek, ChangeMonth, ChangeYear *float64
	// Slope28 is in the KPI's unit a day, Volatility28 the deviation of ChangeWeek.
	Slope28, Volatility28 *float64
}

// TrendPoints returns how the business's KPIs moved.
func (tx *MemberTx) TrendPoints(ctx context.Context, q PointQuery) ([]TrendPoint, error) {
	rows, err := tx.q.TrendPoints(ctx, query.TrendPointsParams{FromDay: q.From, ToDay: q.To, Kpis: q.kpis(),
		AfterKPI: q.AfterKPI, AfterDay: q.After, Most: int32(q.Most)})
	if err != nil {
		return nil, fmt.Errorf("read trends: %w", Classify(err))
	}
	points := make([]TrendPoint, len(rows))
	for i, r := range rows {
		points[i] = TrendPoint(r)
	}
	return points, nil
}
