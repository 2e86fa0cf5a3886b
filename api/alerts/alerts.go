// Package alerts judges the alerts of all businesses by what was published, and tells their people.
//
// Everything happens in one transaction of Postgres: what fired is recorded together with the notifications, mails and events that tell
// of it, so a crash loses and doubles nothing, and judging the same numbers again changes nothing.
package alerts

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/notify/message"
	"github.com/signalcraft/signalcraft/api/store"
)

// Run names the batch whose publication is judged.
type Run struct {
	ID   uuid.UUID
	AsOf time.Time
	// At is when it is judged.
	At time.Time
	// ValuesCurrent is false when daily values could not be published: rules on missing values wait then.
	ValuesCurrent bool
	// Mails writes the mails.
	Mails message.Site
}

// Result counts what an evaluation did.
type Result struct {
	// Fired counts pairs of alert and KPI for which the alert began to hold, Resolved those for which it is over.
	Fired, Resolved int
	// Notifications are for all members of a business, Mails for one.
	Notifications int
	Mails         int64
	// Anomalies and Businesses count events: of anomalies not told before, and of businesses whose numbers changed.
	Anomalies, Businesses int64
}

// Evaluate judges every active alert by what the tables show, tells of what changed since the last evaluation, of new anomalies and
// of the run. The store works as the batch's role. It may be called again after any error, and at once from several processes.
func Evaluate(ctx context.Context, data *store.Store, run Run) (Result, error) {
	var r Result
	err := data.Alerting(ctx, func(tx *store.AlertingTx) (err error) {
		if r.Businesses, err = tx.TellRuns(ctx); err != nil {
			return err
		}
		if r.Anomalies, err = tx.TellAnomalies(ctx, run.AsOf, run.At); err != nil {
			return err
		}
		changes, err := tx.Changes(ctx, run.AsOf, run.ValuesCurrent)
		if err != nil || len(changes) == 0 {
			return err
		}
		if err := tx.Record(ctx, changes, run.ID, run.At); err != nil {
			return err
		}
		return tell(ctx, tx, changes, run, &r)
	})
	if err != nil {
		return Result{}, fmt.Errorf("evaluate alerts: %w", err)
	}
	return r, nil
}

// tell writes events, notifications and mails: one of each for an alert, whatever number of KPIs it is about.
func tell(ctx context.Context, tx *store.AlertingTx, changes []store.AlertChange, run Run, r *Result) error {
	var events []store.BusinessEvent
	var notices []store.Notice
	var mails []store.MemberMail
	for _, group := range grouped(changes) {
		a, data := group[0], payload(group, run)
		if !a.Fires {
			r.Resolved += len(group)
			events = append(events, store.BusinessEvent{BusinessID: a.BusinessID, Kind: "alert.resolved", Payload: data})
			continue
		}
		r.Fired += len(group)
		events = append(events, store.BusinessEvent{BusinessID: a.BusinessID, Kind: "alert.fired", Payload: data})
		if slices.Contains(a.Channels, "in_app") {
			notices = append(notices, store.Notice{BusinessID: a.BusinessID, AlertID: a.AlertID, Severity: a.Severity, Title: title(group), Body: lines(group), Data: data})
		}
		if slices.Contains(a.Channels, "email") {
			mails = append(mails, letter(group, run.Mails))
		}
	}
	ids, err := tx.Notify(ctx, notices, run.At)
	if err != nil {
		return err
	}
	for i, n := range notices {
		events = append(events, store.BusinessEvent{BusinessID: n.BusinessID, Kind: "notification.created",
			Payload: map[string]any{"id": ids[i], "kind": "alert", "severity": n.Severity, "title": n.Title, "alert_id": n.AlertID}})
	}
	r.Notifications = len(notices)
	if r.Mails, err = tx.Mail(ctx, mails); err != nil {
		return err
	}
	return tx.Tell(ctx, events)
}

// grouped cuts changes, which come by business and alert, into those of one alert that go the same way.
func grouped(changes []store.AlertChange) [][]store.AlertChange {
	type key struct {
		alert uuid.UUID
		fires bool
	}
	var groups [][]store.AlertChange
	at := map[key]int{}
	for _, c := range changes {
		k := key{c.AlertID, c.Fires}
		i, ok := at[k]
		if !ok {
			i = len(groups)
			at[k] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], c)
	}
	return groups
}
