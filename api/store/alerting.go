package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// AlertingTx is a transaction of the batch that judges the alerts of all businesses. Two of them wait for each other.
type AlertingTx struct{ q *query.Queries }

// AlertChange says that a rule begins to hold for a KPI, or that one that was open no longer does.
type AlertChange struct {
	// Fires is true where the rule begins to hold, false where it is over.
	Fires                        bool
	BusinessID, AlertID, KPIID   uuid.UUID
	BusinessName, Alert, KPIName string
	Unit                         string
	// Rule is the revision of what the alert watches.
	Rule int
	// Day is the local day of the business that was judged, Value what was found there; nil for missing values.
	Day   time.Time
	Value *float64
	// Condition and the rest are the alert's.
	Condition  string
	Threshold  *float64
	WindowDays int
	Severity   string
	Channels   []string
}

// Notice is a notification of an alert for every member of a business.
type Notice struct {
	BusinessID, AlertID   uuid.UUID
	Severity, Title, Body string
	// Data becomes a JSON object.
	Data map[string]any
}

// BusinessEvent is an event for every member of a business.
type BusinessEvent struct {
	BusinessID uuid.UUID
	Kind       string
	// Payload becomes a JSON object without secrets.
	Payload map[string]any
}

// MemberMail is a mail to every active member of a business.
type MemberMail struct {
	BusinessID uuid.UUID
	// Kind names the occasion. Body is plain text.
	Kind, Subject, Body string
}

// Alerting runs fn in a transaction that judges alerts, and commits unless fn returns an error, which it returns. For RoleBatch.
func (s *Store) Alerting(ctx context.Context, fn func(*AlertingTx) error) error {
	return s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, _ pgx.Tx) error {
		if err := q.LockAlerting(ctx); err != nil {
			return fmt.Errorf("wait for another evaluation: %w", err)
		}
		return fn(&AlertingTx{q})
	})
}

// Changes judges every active alert by what is published, as of an instant, and returns what changed since the last
// evaluation, by business, alert and KPI. Unless valuesCurrent is true, rules on missing values wait.
func (tx *AlertingTx) Changes(ctx context.Context, asOf time.Time, valuesCurrent bool) ([]AlertChange, error) {
	rows, err := tx.q.AlertChanges(ctx, query.AlertChangesParams{AsOf: asOf, ValuesCurrent: valuesCurrent})
	if err != nil {
		return nil, fmt.Errorf("judge alerts: %w", Classify(err))
	}
	changes := make([]AlertChange, len(rows))
	for i, r := range rows {
		changes[i] = AlertChange{Fires: r.Fires, BusinessID: r.BusinessID, AlertID: r.AlertID, KPIID: r.KPIID, BusinessName: r.BusinessName,
			Alert: r.Name, KPIName: r.KPIName, Unit: r.Unit, Rule: int(r.Rule), Day: r.Day, Condition: r.Condition, Threshold: r.Threshold,
			WindowDays: int(r.WindowDays), Severity: r.Severity, Channels: r.Channels}
		if !math.IsNaN(r.Value) {
			changes[i].Value = &r.Value
		}
	}
	return changes, nil
}

// Record notes what changed, so that it changes nothing when it is judged again.
func (tx *AlertingTx) Record(ctx context.Context, changes []AlertChange, run uuid.UUID, at time.Time) error {
	fired := query.AddFiringsParams{At: at, RunID: run}
	ended := query.ResolveFiringsParams{At: at}
	for _, c := range changes {
		if !c.Fires {
			ended.Businesses, ended.Alerts = append(ended.Businesses, c.BusinessID), append(ended.Alerts, c.AlertID)
			ended.Kpis, ended.Rules = append(ended.Kpis, c.KPIID), append(ended.Rules, int32(c.Rule))
			continue
		}
		value := math.NaN()
		if c.Value != nil {
			value = *c.Value
		}
		fired.Businesses, fired.Alerts, fired.Kpis = append(fired.Businesses, c.BusinessID), append(fired.Alerts, c.AlertID), append(fired.Kpis, c.KPIID)
		fired.Days, fired.Rules, fired.Found = append(fired.Days, c.Day), append(fired.Rules, int32(c.Rule)), append(fired.Found, value)
	}
	if err := tx.q.ResolveFirings(ctx, ended); err != nil {
		return fmt.Errorf("record what is over: %w", Classify(err))
	}
	if err := tx.q.AddFirings(ctx, fired); err != nil {
		return fmt.Errorf("record what fired: %w", Classify(err))
	}
	if err := tx.q.MarkFired(ctx, query.MarkFiredParams{At: at, Businesses: fired.Businesses, Alerts: fired.Alerts}); err != nil {
		return fmt.Errorf("record what fired: %w", Classify(err))
	}
	return nil
}

// Notify adds notifications and returns their ids in the same order.
func (tx *AlertingTx) Notify(ctx context.Context, notices []Notice, at time.Time) ([]uuid.UUID, error) {
	p := query.AddNoticesParams{At: at}
	for _, n := range notices {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("make notification id: %w", err)
		}
		data, err := jsonObject(n.Data)
		if err != nil {
			return nil, fmt.Errorf("add notification of alert %s: %w", n.AlertID, err)
		}
		p.Businesses, p.Ids, p.Alerts = append(p.Businesses, n.BusinessID), append(p.Ids, id), append(p.Alerts, n.AlertID)
		p.Severities, p.Titles, p.Bodies = append(p.Severities, n.Severity), append(p.Titles, n.Title), append(p.Bodies, n.Body)
		p.Data = append(p.Data, string(data))
	}
	if err := tx.q.AddNotices(ctx, p); err != nil {
		return nil, fmt.Errorf("add notifications: %w", Classify(err))
	}
	return p.Ids, nil
}

// Tell adds events. Listeners hear of them when the transaction commits.
func (tx *AlertingTx) Tell(ctx context.Context, events []BusinessEvent) error {
	var p query.AddBusinessEventsParams
	for _, e := range events {
		payload, err := json.Marshal(e.Payload)
		if err != nil {
			return fmt.Errorf("tell of %s: %w", e.Kind, err)
		}
		p.Businesses, p.Kinds, p.Payloads = append(p.Businesses, e.BusinessID), append(p.Kinds, e.Kind), append(p.Payloads, string(payload))
	}
	if err := tx.q.AddBusinessEvents(ctx, p); err != nil {
		return fmt.Errorf("tell of alerts: %w", Classify(err))
	}
	return nil
}

// Mail queues mails and returns how many.
func (tx *AlertingTx) Mail(ctx context.Context, mails []MemberMail) (int64, error) {
	var p query.AddMemberMailsParams
	for _, m := range mails {
		p.Businesses, p.Kinds = append(p.Businesses, m.BusinessID), append(p.Kinds, m.Kind)
		p.Subjects, p.Bodies = append(p.Subjects, m.Subject), append(p.Bodies, m.Body)
	}
	queued, err := tx.q.AddMemberMails(ctx, p)
	if err != nil {
		return 0, fmt.Errorf("queue mails of alerts: %w", Classify(err))
	}
	return queued, nil
}

// TellAnomalies adds an event for each anomaly of the week before asOf of which nobody was told, and returns how many.
func (tx *AlertingTx) TellAnomalies(ctx context.Context, asOf, at time.Time) (int64, error) {
	told, err := tx.q.TellAnomalies(ctx, query.TellAnomaliesParams{AsOf: asOf, At: at})
	if err != nil {
		return 0, fmt.Errorf("tell of anomalies: %w", Classify(err))
	}
	return told, nil
}

// TellRuns adds an event for each business whose published numbers changed since the last one, and returns how many.
func (tx *AlertingTx) TellRuns(ctx context.Context) (int64, error) {
	told, err := tx.q.TellRuns(ctx)
	if err != nil {
		return 0, fmt.Errorf("tell of runs: %w", Classify(err))
	}
	return told, nil
}

// PruneLive forgets events of more than a week ago, notifications of more than half a year ago, resolved
// firings of more than 400 days ago, and what only serves to tell of nothing twice. For RoleBatch.
func (s *Store) PruneLive(ctx context.Context) error {
	err := s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, _ pgx.Tx) error {
		for _, prune := range []func(context.Context) error{q.PruneEvents, q.PruneNotifications, q.PruneFirings, q.PruneAnomaliesTold} {
			if err := prune(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("prune events and notifications: %w", err)
	}
	return nil
}
