package alerts

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/api/notify/message"
	"github.com/signalcraft/signalcraft/api/store"
)

// most is how many KPIs of one alert a text or an event names.
const most = 20

// payload is what programs are told of the KPIs of one alert.
func payload(group []store.AlertChange, run Run) map[string]any {
	a := group[0]
	kpis := []map[string]any{}
	for _, c := range group[:min(most, len(group))] {
		kpis = append(kpis, map[string]any{"kpi_id": c.KPIID, "kpi": c.KPIName, "unit": c.Unit, "day": c.Day.Format(time.DateOnly), "value": c.Value})
	}
	return map[string]any{"alert_id": a.AlertID, "name": a.Alert, "condition": a.Condition, "threshold": a.Threshold, "window_days": a.WindowDays,
		"severity": a.Severity, "run_id": run.ID, "count": len(group), "kpis": kpis}
}

// title is one line on what fired.
func title(group []store.AlertChange) string {
	a := group[0]
	switch {
	case len(group) > 1:
		return fmt.Sprintf("%s: %d KPIs", a.Alert, len(group))
	case a.Value == nil:
		return fmt.Sprintf("%s: %s", a.Alert, a.KPIName)
	}
	return fmt.Sprintf("%s: %s %s", a.Alert, a.KPIName, amount(a, *a.Value))
}

// lines says of each KPI what was found.
func lines(group []store.AlertChange) string {
	var b strings.Builder
	for i, c := range group {
		if i == most {
			fmt.Fprintf(&b, "and %d more\n", len(group)-most)
			break
		}
		b.WriteString(c.KPIName + ": " + sentence(c) + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func sentence(c store.AlertChange) string {
	value, bound, span := "", "", "on "+c.Day.Format(time.DateOnly)
	if c.Value != nil {
		value = amount(c, *c.Value)
	}
	if c.Threshold != nil {
		bound = amount(c, *c.Threshold)
	}
	if c.WindowDays > 1 {
		span = fmt.Sprintf("on average over the %d days to %s", c.WindowDays, c.Day.Format(time.DateOnly))
	}
	switch c.Condition {
	case "above", "below":
		return fmt.Sprintf("%s %s, %s %s.", value, span, c.Condition, bound)
	case "change_above":
		return fmt.Sprintf("%s %s against as long before, above %s.", value, span, bound)
	case "change_below":
		return fmt.Sprintf("%s %s against as long before, below %s.", value, span, bound)
	case "anomaly":
		if c.Value == nil {
			return fmt.Sprintf("no value on %s, where one was to be expected.", c.Day.Format(time.DateOnly))
		}
		return fmt.Sprintf("%s on %s is out of the ordinary.", value, c.Day.Format(time.DateOnly))
	case "forecast_above":
		return fmt.Sprintf("%s is expected within %d days, above %s.", value, c.WindowDays, bound)
	case "forecast_below":
		return fmt.Sprintf("%s is expected within %d days, below %s.", value, c.WindowDays, bound)
	}
	return fmt.Sprintf("no value for more than %d days up to %s.", c.WindowDays, c.Day.Format(time.DateOnly))
}

// amount writes a number as the condition means it: a change as per cent, else with the KPI's unit.
func amount(c store.AlertChange, v float64) string {
	if strings.HasPrefix(c.Condition, "change_") {
		return strings.TrimSuffix(fmt.Sprintf("%+.1f", 100*v), ".0") + " %"
	}
	text := strconv.FormatFloat(v, 'g', 6, 64)
	if size := math.Abs(v); size < 1e15 && (size >= 0.01 || v == 0) {
		text = strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
	}
	return strings.TrimSpace(text + " " + c.Unit)
}

// letter is the mail on what fired, to every member of the business.
func letter(group []store.AlertChange, mails message.Site) store.MemberMail {
	a := group[0]
	alert := message.Alert{Name: a.Alert, Severity: a.Severity, Business: a.BusinessName, BusinessID: a.BusinessID, Count: len(group)}
	for _, c := range group[:min(most, len(group))] {
		c.Unit = message.Plain(c.Unit) // somebody chose it
		found := message.Found{KPI: c.KPIName, Text: sentence(c)}
		if c.Value != nil {
			found.Amount = amount(c, *c.Value)
		}
		alert.Found = append(alert.Found, found)
	}
	m := mails.AlertFired(alert)
	return store.MemberMail{BusinessID: a.BusinessID, Kind: m.Kind, Subject: m.Subject, Body: m.Body}
}
