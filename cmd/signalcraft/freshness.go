package main

import (
	"context"
	"time"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse/publish"
	"github.com/signalcraft/signalcraft/warehouse/run"
)

// fresh are the parts of what is published that are computed apart: the mart that stands for each, and the table it is published to.
var fresh = [...]struct{ part, mart, table string }{
	{store.FreshMetrics, "marts.kpi_daily", "kpi_data"},
	{store.FreshForecasts, dataset.Forecasts().Name, "forecasts"},
}

// noteComputed notes, of the marts that a run brought up to date, that they hold what had landed when it began. Forecasts are made
// from metrics, so with those that the same run, or an earlier one, computed.
func (b *batch) noteComputed(ctx context.Context, done run.Report, began time.Time) error {
	current := func(relation string) bool {
		s, ran := done.Step(relation)
		return ran && s.Err == nil && (s.Skipped == "" || s.Skipped == run.UpToDate)
	}
	metrics := current(fresh[0].mart)
	for _, f := range fresh {
		if !current(f.mart) {
			continue
		}
		from := began
		if !metrics {
			computed, err := b.data.ComputedFrom(ctx)
			if err != nil {
				return err
			}
			if from = computed[store.FreshMetrics]; from.IsZero() {
				continue
			}
		}
		if err := b.data.NoteComputed(ctx, f.part, from); err != nil {
			return err
		}
	}
	return nil
}

// notePublished notes, of the tables that were published, up to when their marts held what had landed.
func (b *batch) notePublished(ctx context.Context, results []publish.Result) error {
	computed, err := b.data.ComputedFrom(ctx)
	if err != nil {
		return err
	}
	for _, f := range fresh {
		for _, r := range results {
			if from := computed[f.part]; r.Table == f.table && !from.IsZero() {
				if err := b.data.NotePublished(ctx, f.part, from); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
