package api

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// Bounds of questions for hours, in days. Publication keeps a day more than hoursKept, since its days are those of UTC.
const (
	hoursAsked = 7  // when none are named
	hoursMost  = 31 // in one question
	hoursKept  = 90 // up to the day of the run that published them
)

// hourKey is the cursor of lists of hours: the last KPI of a page, and when its last hour begins.
type hourKey struct {
	KPI      uuid.UUID `json:"k"`
	StartsAt time.Time `json:"h"`
}

// hourQuery is pointQuery for hours.
func hourQuery(ctx context.Context, in, cursor string, kpis []string, limit int) (store.PointQuery, error) {
	q, err := pointQuery(ctx, in, "", kpis, limit)
	if err != nil {
		return q, err
	}
	after, err := decodeCursorOf[hourKey](ctx, in, cursor)
	if err != nil || after == nil {
		return q, err
	}
	if after.StartsAt.Year() < 1 || after.StartsAt.Year() > 9999 {
		return q, invalid(ctx, in, "cursor", "not a cursor of this list")
	}
	q.AfterKPI, q.After = after.KPI, after.StartsAt
	return q, nil
}

// hours returns the days whose hours are asked for, of which last is the last one that has any.
func (ask metricsAsk) hours(ctx context.Context, last time.Time) (window, error) {
	w, err := windowOf(ctx, ask.in, ask.From, ask.To, last.AddDate(0, 0, 1), hoursAsked*oneDay)
	if err != nil {
		return w, err
	}
	first, field := last.AddDate(0, 0, 1-hoursKept), "from"
	if ask.From == "" {
		field = "to"
		if w.from.Before(first) && first.Before(w.to) {
			w.from = first
		}
	}
	if w.from.Before(first) {
		return w, invalid(ctx, ask.in, field, fmt.Sprintf("hours are kept for %d days: the first day that has any is %s", hoursKept, first.Format(time.DateOnly)))
	}
	if w.to.Sub(w.from) > hoursMost*oneDay {
		return w, invalid(ctx, ask.in, field, fmt.Sprintf("the window is longer than %d days, the most for hours", hoursMost))
	}
	return w, nil
}

// nextHour returns when the local hour after the one that begins at t does. Where clocks change by whole hours that is an hour
// later; where they change by half an hour, hours are cut as the lake cuts them.
func nextHour(t time.Time) time.Time {
	t = t.Add(time.Hour)
	return t.Add(-time.Duration(t.Minute())*time.Minute - time.Duration(t.Second())*time.Second - time.Duration(t.Nanosecond()))
}

// dailyKPIs lists the KPIs of a question for hours that have none.
func dailyKPIs(ctx context.Context, t *store.MemberTx, kpis []uuid.UUID) ([]kpiAnswer, error) {
	daily, err := t.DailyKPIs(ctx, kpis)
	list := make([]kpiAnswer, len(daily))
	for i, k := range daily {
		list[i] = kpiAnswer{k.ID.String(), k.Name, k.Unit}
	}
	return list, err
}
