package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// AnomalyContext is something that an anomalous day coincided with.
type AnomalyContext struct {
	KPIID    uuid.UUID
	StartsAt time.Time
	// Kind is part, weather, holiday, event, closed, news or exchange_rate; Subject the part's KPI, the measure, the name or the currencies.
	Kind, Subject string
	// OnDay is when it was, Strength from 0 to 1.
	OnDay    time.Time
	Strength float64
	// Value was, Usual is what was to be expected; nil for what has none.
	Value, Usual *float64
	// Text says it in one line.
	Text string
}

// AnomalyContext returns what the anomalies coincided with, in their order and the strongest first. Hours have none.
func (tx *MemberTx) AnomalyContext(ctx context.Context, anomalies []Anomaly) (map[AnomalyKey][]AnomalyContext, error) {
	ask, keys := query.AnomalyContextParams{Kpis: []uuid.UUID{}, Starts: []time.Time{}}, map[AnomalyContext]AnomalyKey{}
	for _, a := range anomalies {
		if a.Grain == "day" {
			ask.Kpis, ask.Starts = append(ask.Kpis, a.KPIID), append(ask.Starts, a.StartsAt)
			keys[AnomalyContext{KPIID: a.KPIID, StartsAt: a.StartsAt.UTC()}] = a.Key()
		}
	}
	if len(ask.Kpis) == 0 {
		return nil, nil
	}
	rows, err := tx.q.AnomalyContext(ctx, ask)
	if err != nil {
		return nil, fmt.Errorf("read context of anomalies: %w", Classify(err))
	}
	found := map[AnomalyKey][]AnomalyContext{}
	for _, r := range rows {
		key := keys[AnomalyContext{KPIID: r.KPIID, StartsAt: r.StartsAt.UTC()}]
		found[key] = append(found[key], AnomalyContext(r))
	}
	return found, nil
}

// TrendStatement says where a KPI goes. What cannot be said is nil.
type TrendStatement struct {
	KPIID      uuid.UUID
	Name, Unit string
	// Direction is unknown, steady, rising or falling.
	Direction string
	// Slope is in the KPI's unit a day, SlopeLow to SlopeHigh its 95 % interval, PValue the chance of as strong a trend where there is none,
	// Tau Kendall's rank correlation with time, Level the median without the season, and PercentPerMonth the slope as a share of it.
	Slope, SlopeLow, SlopeHigh, PValue, Tau, Level, PercentPerMonth *float64
	// FirstDay and LastDay bound the stretch that is spoken of, with so many values Observed.
	FirstDay, LastDay time.Time
	Observed          int32
	ChangePoints      []ChangePoint
}

// ChangePoint is a day on which the course of a KPI changed.
type ChangePoint struct {
	// Day is the first one of the new course, as YYYY-MM-DD.
	Day string `json:"day"`
	// Kind is level_shift or slope_change.
	Kind string `json:"kind"`
	// Size, Before and After are in the KPI's unit, of a slope change in that a day.
	Size   float64 `json:"size"`
	Before float64 `json:"before"`
	After  float64 `json:"after"`
	// Confidence is from 0 to 1.
	Confidence float64 `json:"confidence"`
}

// TrendStatements returns where the KPIs go; none asked for means all of the business.
func (tx *MemberTx) TrendStatements(ctx context.Context, kpis []uuid.UUID) (map[uuid.UUID]TrendStatement, error) {
	rows, err := tx.q.TrendStatements(ctx, append([]uuid.UUID{}, kpis...))
	if err != nil {
		return nil, fmt.Errorf("read trend statements: %w", Classify(err))
	}
	statements := make(map[uuid.UUID]TrendStatement, len(rows))
	for _, r := range rows {
		s := TrendStatement{KPIID: r.KPIID, Name: r.Name, Unit: r.Unit, Direction: r.Direction, Slope: r.Slope, SlopeLow: r.SlopeLow, SlopeHigh: r.SlopeHigh,
			PValue: r.PValue, Tau: r.Tau, Level: r.Level, PercentPerMonth: r.PercentPerMonth, FirstDay: r.FirstDay, LastDay: r.LastDay, Observed: r.Observed}
		if err := json.Unmarshal([]byte(r.ChangePoints), &s.ChangePoints); err != nil {
			return nil, fmt.Errorf("read change points of KPI %s: %w", r.KPIID, err)
		}
		statements[r.KPIID] = s
	}
	return statements, nil
}
