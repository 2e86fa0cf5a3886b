package main

import (
	"context"
	"errors"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/calendar"
	"github.com/signalcraft/signalcraft/warehouse/publish"
	"github.com/signalcraft/signalcraft/warehouse/run"
)

// landControl lands businesses and KPIs as the control plane knows them now.
func (b *batch) landControl(ctx context.Context, e *execution) (step, error) {
	var err error
	if e.control, err = readControl(ctx, b.data); err != nil {
		return step{}, err
	}
	return b.land(ctx, e, e.control, pipelines.Input{})
}

// landHolidays computes the public holidays of the businesses' countries.
func (b *batch) landHolidays(ctx context.Context, e *execution) (step, error) {
	return b.land(ctx, e, calendar.New(b.logger), pipelines.Input{Businesses: e.control.businesses})
}

// warehouseLock is held by whoever computes or publishes: what is published is what the
// checks have seen.
const warehouseLock = "warehouse"

// runModels computes every SQL model and the sentiment; forecasts have a job of their own.
func (b *batch) runModels(ctx context.Context, e *execution) (done step, err error) {
	err = b.inLake(ctx, warehouseLock, func(ctx context.Context) error {
		done, err = b.compute(ctx, e, run.Request{Except: []string{dataset.Forecasts().Name}})
		return err
	})
	return done, err
}

// forecastAccuracy is the mart that holds past vintages against what came. It reads them, so it comes with them.
const forecastAccuracy = "marts.forecast_accuracy"

// runForecasts makes the vintage of the as-of day and looks how those before did.
func (b *batch) runForecasts(ctx context.Context, e *execution) (done step, err error) {
	err = b.inLake(ctx, warehouseLock, func(ctx context.Context) error {
		done, err = b.compute(ctx, e, run.Request{Only: []string{dataset.Forecasts().Name, forecastAccuracy}})
		return err
	})
	return done, err
}

func (b *batch) compute(ctx context.Context, e *execution, request run.Request) (step, error) {
	request.RunID, request.AsOf = e.id.String(), e.asOf
	began := b.now()
	done, err := b.runner.Run(ctx, request)
	err = errors.Join(err, b.noteComputed(ctx, done, began))
	var total step
	computed := 0
	for _, s := range done.Steps {
		total.RowsIn += s.RowsIn
		total.RowsOut += s.RowsOut
		if s.Skipped == "" {
			computed++
			total.parts = append(total.parts, step{Name: indent + s.Name, RowsIn: s.RowsIn, RowsOut: s.RowsOut, Took: s.Took})
		}
	}
	if computed == 0 && err == nil {
		total.Note = run.UpToDate
	}
	return total, err
}

// publish brings the serving tables up to the marts.
func (b *batch) publish(ctx context.Context, e *execution) (done step, err error) {
	err = b.inLake(ctx, warehouseLock, func(ctx context.Context) error {
		done, err = b.publishMarts(ctx, e)
		e.published = err == nil
		return err
	})
	return done, err
}

func (b *batch) publishMarts(ctx context.Context, e *execution) (step, error) {
	blocked, err := b.runner.Blocked(ctx)
	if err != nil {
		return step{}, err
	}
	publisher := publish.Publisher{Lake: b.lake, Pool: b.pool, Logger: b.logger, Now: b.now}
	results, err := publisher.Publish(ctx, publish.Run{ID: e.id.String(), AsOf: e.asOf}, publish.Tables(), blocked)
	err = errors.Join(err, b.notePublished(ctx, results))
	var total step
	current := true
	for _, r := range results {
		total.RowsIn += r.Read
		total.RowsOut += r.Changed()
		if !r.Current {
			total.parts = append(total.parts, step{Name: indent + "serving." + r.Table, RowsIn: r.Read, RowsOut: r.Changed(), Took: r.Took})
		}
		current = current && r.Current
	}
	if current && err == nil {
		total.Note = run.UpToDate
	}
	return total, err
}
