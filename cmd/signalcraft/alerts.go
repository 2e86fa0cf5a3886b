package main

import (
	"context"

	"github.com/signalcraft/signalcraft/api/alerts"
)

// judgeAlerts judges every alert by what is published, and tells listeners of it, of new anomalies and of the run.
// It stands after a publication, also after one that failed in part: what was published is judged.
func (b *batch) judgeAlerts(ctx context.Context, e *execution) (step, error) {
	done, err := alerts.Evaluate(ctx, b.data, alerts.Run{ID: e.id, AsOf: e.asOf, At: b.now(), ValuesCurrent: e.published})
	told := int64(done.Fired+done.Resolved) + done.Anomalies
	s := step{RowsIn: told, RowsOut: told}
	if told == 0 && err == nil {
		s.Note = "nothing to tell"
	}
	return s, err
}

// forgetEvents removes events, notifications and resolved alerts that nobody asks for any more.
func (b *batch) forgetEvents(ctx context.Context, _ *execution) (step, error) {
	return step{}, b.data.PruneLive(ctx)
}
