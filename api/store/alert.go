package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// Alert is a rule that watches the KPIs of a business.
type Alert struct {
	ID uuid.UUID
	// KPIID is the KPI that it watches; nil means every KPI of the business.
	KPIID *uuid.UUID
	Name  string
	// Condition is one of the schema's; Threshold is in the KPI's unit, a fraction for changes, nil where unused.
	Condition  string
	Threshold  *float64
	WindowDays int
	Severity   string
	Channels   []string
	Active     bool
	// LastFiredAt is nil until it fires.
	LastFiredAt *time.Time
	// Version grows with every change.
	Version              int
	CreatedAt, UpdatedAt time.Time
}

// AlertQuery asks for one page of alerts, by id.
type AlertQuery struct {
	// AfterID is the alert after which the page begins; nil means the first page.
	AfterID *uuid.UUID
	// OnlyID is the one alert asked for, OnlyKPI the KPI that is watched; nil means all.
	OnlyID, OnlyKPI *uuid.UUID
	// Most is the largest number of alerts to return. Required.
	Most int
}

// OpenFiring is a KPI for which an alert holds now.
type OpenFiring struct {
	AlertID, KPIID uuid.UUID
	KPIName        string
	// Day is the local day that the rule was judged by when it fired; Value is nil where none was compared.
	Day     time.Time
	Value   *float64
	FiredAt time.Time
}

// Alerts returns the business's alerts.
func (tx *MemberTx) Alerts(ctx context.Context, q AlertQuery) ([]Alert, error) {
	rows, err := tx.q.Alerts(ctx, query.AlertsParams{AfterID: q.AfterID, OnlyID: q.OnlyID, OnlyKPI: q.OnlyKPI, Most: int32(q.Most)})
	if err != nil {
		return nil, fmt.Errorf("read alerts: %w", Classify(err))
	}
	alerts := make([]Alert, len(rows))
	for i, r := range rows {
		alerts[i] = Alert{ID: r.ID, KPIID: r.KPIID, Name: r.Name, Condition: r.Condition, Threshold: r.Threshold, WindowDays: int(r.WindowDays),
			Severity: r.Severity, Channels: r.Channels, Active: r.IsActive, LastFiredAt: r.LastFiredAt, Version: int(r.Version),
			CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt}
	}
	return alerts, nil
}

// Alert returns one alert of the business, or ErrNotFound.
func (tx *MemberTx) Alert(ctx context.Context, id uuid.UUID) (Alert, error) {
	found, err := tx.Alerts(ctx, AlertQuery{OnlyID: &id, Most: 1})
	if err != nil {
		return Alert{}, err
	}
	if len(found) == 0 {
		return Alert{}, fmt.Errorf("read alert %s: %w", id, ErrNotFound)
	}
	return found[0], nil
}

// OpenFirings returns where alerts of the business hold now, by alert and name of the KPI.
func (tx *MemberTx) OpenFirings(ctx context.Context, alerts []uuid.UUID) ([]OpenFiring, error) {
	rows, err := tx.q.OpenFirings(ctx, alerts)
	if err != nil {
		return nil, fmt.Errorf("read open firings: %w", Classify(err))
	}
	open := make([]OpenFiring, len(rows))
	for i, r := range rows {
		open[i] = OpenFiring{AlertID: r.AlertID, KPIID: r.KPIID, KPIName: r.KPIName, Day: r.Day, Value: r.Value, FiredAt: r.FiredAt}
	}
	return open, nil
}

// CountAlerts returns how many alerts the business has.
func (tx *MemberTx) CountAlerts(ctx context.Context) (int, error) {
	if err := tx.q.LockBusiness(ctx); err != nil {
		return 0, fmt.Errorf("lock business: %w", Classify(err))
	}
	count, err := tx.q.CountAlerts(ctx)
	if err != nil {
		return 0, fmt.Errorf("count alerts: %w", Classify(err))
	}
	return int(count), nil
}

// HasKPI tells whether a KPI belongs to the business.
func (tx *MemberTx) HasKPI(ctx context.Context, id uuid.UUID) (bool, error) {
	found, err := tx.q.HasKPI(ctx, id)
	if err != nil {
		return false, fmt.Errorf("look for KPI %s: %w", id, Classify(err))
	}
	return found, nil
}

// AddAlert adds an alert to the business, made by the transaction's user at an instant.
func (tx *MemberTx) AddAlert(ctx context.Context, a Alert, at time.Time) error {
	err := tx.q.AddAlert(ctx, query.AddAlertParams{BusinessID: tx.BusinessID, ID: a.ID, KPIID: a.KPIID, Name: a.Name, Condition: a.Condition,
		Threshold: a.Threshold, WindowDays: int32(a.WindowDays), Severity: a.Severity, Channels: a.Channels, IsActive: a.Active,
		CreatedBy: &tx.UserID, At: at})
	if err != nil {
		return fmt.Errorf("add alert: %w", Classify(err))
	}
	return nil
}

// ChangeAlert replaces the alert with a.ID. Where version is not nil and the alert has another one by now, it returns ErrConflict;
// for an alert that is not there, ErrNotFound.
func (tx *MemberTx) ChangeAlert(ctx context.Context, a Alert, version *int32, at time.Time) error {
	changed, err := tx.q.ChangeAlert(ctx, query.ChangeAlertParams{ID: a.ID, KPIID: a.KPIID, Name: a.Name, Condition: a.Condition,
		Threshold: a.Threshold, WindowDays: int32(a.WindowDays), Severity: a.Severity, Channels: a.Channels, IsActive: a.Active,
		At: at, Version: version})
	if err != nil {
		return fmt.Errorf("change alert %s: %w", a.ID, Classify(err))
	}
	if changed > 0 {
		return nil
	}
	if _, err := tx.Alert(ctx, a.ID); err != nil {
		return err
	}
	return fmt.Errorf("change alert %s: another version: %w", a.ID, ErrConflict)
}

// DeleteAlert removes an alert of the business, or returns ErrNotFound.
func (tx *MemberTx) DeleteAlert(ctx context.Context, id uuid.UUID) error {
	removed, err := tx.q.DeleteAlert(ctx, id)
	if err == nil && removed == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("delete alert %s: %w", id, Classify(err))
	}
	return nil
}
