package main

import (
	"context"
	"errors"
	"time"

	"github.com/signalcraft/signalcraft/api/alerts"
)

// judgeAlerts judges every alert by what is published, and tells listeners of it, of new anomalies and of the run.
// It stands after a publication, also after one that failed in part: what was published is judged.
func (b *batch) judgeAlerts(ctx context.Context, e *execution) (step, error) {
	var done alerts.Result
	err := b.alone(ctx, warehouseLock, func(ctx context.Context) (err error) { // a publication writes what is told of here
		done, err = alerts.Evaluate(ctx, b.data, alerts.Run{ID: e.id, AsOf: e.asOf, At: b.now(), ValuesCurrent: e.published, Mails: b.settings.site()})
		return err
	})
	told := int64(done.Fired+done.Resolved) + done.Anomalies
	s := step{RowsIn: told, RowsOut: told}
	if told == 0 && err == nil {
		s.Note = "nothing to tell"
	}
	return s, err
}

// sessionsKept is how long a session that has ended is still shown to operators.
const sessionsKept = 90 * 24 * time.Hour

// forget removes what nobody asks for any more: accounts whose address was never verified, tokens of mails, ended
// sessions, events, notifications and resolved alerts.
func (b *batch) forget(ctx context.Context, _ *execution) (step, error) {
	now := b.now()
	swept, err := b.data.SweepAccounts(ctx, now)
	sessions, failed := b.data.ForgetSessions(ctx, now.Add(-sessionsKept))
	removed := swept.Accounts + swept.Tokens + swept.Mails + sessions
	return step{RowsIn: removed, RowsOut: removed}, errors.Join(err, failed, b.data.PruneLive(ctx), b.data.EraseAgain(ctx))
}
