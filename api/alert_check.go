package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

const (
	// maxAlerts bounds the alerts of a business: every publication judges all of them.
	maxAlerts = 500
	// forecastDays is how far forecasts reach.
	forecastDays = 30
)

// alert checks the rule for itself and returns it without an id.
func (r *AlertRule) alert(ctx context.Context) (store.Alert, error) {
	a := store.Alert{Name: strings.TrimSpace(r.Name), Condition: r.Condition, Threshold: r.Threshold, WindowDays: r.WindowDays,
		Severity: r.Severity, Channels: r.Channels, Active: r.Active == nil || *r.Active}
	if a.Name == "" || strings.ContainsFunc(a.Name, unicode.IsControl) {
		return a, invalid(ctx, "body", "name", "expected text without control characters")
	}
	if len(a.Channels) == 0 {
		a.Channels = []string{"in_app"}
	}
	if r.KPIID != nil {
		id, err := uuid.Parse(*r.KPIID)
		if err != nil {
			return a, invalid(ctx, "body", "kpi_id", "not an id")
		}
		a.KPIID = &id
	}
	return a, r.compares(ctx)
}

// compares checks that threshold and window suit the condition.
func (r *AlertRule) compares(ctx context.Context) error {
	switch r.Condition {
	case "anomaly", "missing":
		if r.Threshold != nil {
			return invalid(ctx, "body", "threshold", "leave it out: the condition "+r.Condition+" compares with nothing")
		}
		return nil
	}
	if r.Threshold == nil {
		return invalid(ctx, "body", "threshold", "needed: the condition "+r.Condition+" compares with it")
	}
	switch r.Condition {
	case "change_above", "change_below":
		if *r.Threshold < -1 || *r.Threshold > 1000 {
			return invalid(ctx, "body", "threshold", "expected a fraction from -1 to 1000: 0.2 is a rise by 20 %, -0.2 a fall")
		}
	case "forecast_above", "forecast_below":
		if r.WindowDays > forecastDays {
			return invalid(ctx, "body", "window_days", "forecasts reach 30 days ahead")
		}
	}
	return nil
}

// watches checks that the alert's KPI belongs to the business.
func watches(ctx context.Context, t *store.MemberTx, a store.Alert) error {
	if a.KPIID == nil {
		return nil
	}
	found, err := t.HasKPI(ctx, *a.KPIID)
	if err == nil && !found {
		return invalid(ctx, "body", "kpi_id", "not a KPI of this business")
	}
	return err
}

// changed says of a conflict that what was to be changed was changed meanwhile.
func changed(ctx context.Context, err error) error {
	if errors.Is(err, store.ErrConflict) {
		return problem(ctx, http.StatusConflict, codeChanged, "It was changed meanwhile. Read it again and repeat your change.")
	}
	return err
}
