package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/calendar"
	"github.com/signalcraft/signalcraft/pipelines/fxrates"
	"github.com/signalcraft/signalcraft/pipelines/gdelt"
	"github.com/signalcraft/signalcraft/pipelines/geonames"
	"github.com/signalcraft/signalcraft/pipelines/openmeteo"
	"github.com/signalcraft/signalcraft/warehouse/publish"
	"github.com/signalcraft/signalcraft/warehouse/run"
)

// What a business that is new to the lake is read back for, and what is read again for one that is not.
const (
	newsHistory, newsAgain       = 90 * 24 * time.Hour, 3 * 24 * time.Hour
	weatherHistory, weatherAgain = 3 * 366 * 24 * time.Hour, 10 * 24 * time.Hour
	ratesHistory, ratesAgain     = 3 * 366 * 24 * time.Hour, 10 * 24 * time.Hour
	// The archive ends days before the as-of instant and the forecast reaches days beyond it.
	weatherAhead = 17 * 24 * time.Hour
)

// landControl lands businesses and KPIs as the control plane knows them now.
func (b *batch) landControl(ctx context.Context, e *execution) (step, error) {
	var err error
	if e.control, err = readControl(ctx, b.data); err != nil {
		return step{}, err
	}
	return b.land(ctx, e, e.control, pipelines.Input{})
}

// findPlaces looks up the places that have no coordinates yet.
func (b *batch) findPlaces(ctx context.Context, e *execution) (step, error) {
	missing := e.control.withoutPlace()
	if len(missing) == 0 {
		return step{Note: run.UpToDate}, nil
	}
	if b.settings.GeonamesUser == "" {
		return step{}, fmt.Errorf("%d places have no coordinates: set --geonames-user to look them up (https://www.geonames.org/login)", len(missing))
	}
	source, err := geonames.New(geonames.Config{Client: b.client, Username: b.settings.GeonamesUser})
	if err != nil {
		return step{}, err
	}
	found := &watched{Source: source}
	done, err := b.land(ctx, e, found, pipelines.Input{Businesses: missing})
	return done, errors.Join(err, placed(ctx, b.data, missing, found.places))
}

// watched is a source whose places are kept as they pass.
type watched struct {
	pipelines.Source
	places []dataset.PlaceRow
}

// Read reads the source and keeps the places of every batch that was accepted.
func (w *watched) Read(ctx context.Context, in pipelines.Input, out func(pipelines.Batch) error) error {
	return w.Source.Read(ctx, in, func(batch pipelines.Batch) error {
		if err := out(batch); err != nil {
			return err
		}
		w.places = append(w.places, batch.Places...)
		return nil
	})
}

// fetchWeather reads three years for places that are new to the lake and the last days for the others.
func (b *batch) fetchWeather(ctx context.Context, e *execution) (step, error) {
	source, err := openmeteo.New(openmeteo.Config{Client: b.client})
	if err != nil {
		return step{}, err
	}
	known, err := b.known(ctx, dataset.WeatherDays(), "location_id")
	if err != nil {
		return step{}, err
	}
	isKnown := func(r dataset.BusinessRow) bool { return r.LocationID != nil && known[*r.LocationID] }
	return b.landTwice(ctx, e, source, isKnown, span(e.asOf, weatherHistory, weatherAhead), span(e.asOf, weatherAgain, weatherAhead))
}

// scrapeNews reads ninety days for businesses that are new to the lake and the last days for the others.
func (b *batch) scrapeNews(ctx context.Context, e *execution) (step, error) {
	source, err := gdelt.New(gdelt.Config{Client: b.client})
	if err != nil {
		return step{}, err
	}
	known, err := b.known(ctx, dataset.Articles(), "business_id")
	if err != nil {
		return step{}, err
	}
	isKnown := func(r dataset.BusinessRow) bool { return known[r.BusinessID] }
	return b.landTwice(ctx, e, source, isKnown, span(e.asOf, newsHistory, 0), span(e.asOf, newsAgain, 0))
}

// fetchRates reads three years when a currency is new to the lake, else the last days.
func (b *batch) fetchRates(ctx context.Context, e *execution) (step, error) {
	source, err := fxrates.New(fxrates.Config{Providers: []fxrates.Provider{fxrates.Frankfurter(b.client)}, Logger: b.logger})
	if err != nil {
		return step{}, err
	}
	known, err := b.known(ctx, dataset.Rates(), "quote")
	if err != nil {
		return step{}, err
	}
	currencies := e.control.currencies()
	for _, r := range e.control.businesses {
		currencies = append(currencies, r.Currency)
	}
	window := span(e.asOf, ratesAgain, 0)
	if slices.ContainsFunc(currencies, func(code string) bool { return code != "EUR" && !known[code] }) {
		window = span(e.asOf, ratesHistory, 0)
	}
	return b.land(ctx, e, source, pipelines.Input{Window: window, Businesses: e.control.businesses, Currencies: e.control.currencies()})
}

// landHolidays computes the public holidays of the businesses' countries.
func (b *batch) landHolidays(ctx context.Context, e *execution) (step, error) {
	return b.land(ctx, e, calendar.New(b.logger), pipelines.Input{Businesses: e.control.businesses})
}

func span(asOf time.Time, before, after time.Duration) dataset.Window {
	return dataset.Window{Start: asOf.Add(-before), End: asOf.Add(after)}
}

// landTwice lands source for the businesses that are new with one window and for the known ones with another.
func (b *batch) landTwice(ctx context.Context, e *execution, source pipelines.Source, isKnown func(dataset.BusinessRow) bool, history, again dataset.Window) (step, error) {
	var fresh, known []dataset.BusinessRow
	for _, r := range e.control.businesses {
		if isKnown(r) {
			known = append(known, r)
		} else {
			fresh = append(fresh, r)
		}
	}
	var total step
	var failed []error
	for _, in := range []pipelines.Input{{Window: history, Businesses: fresh}, {Window: again, Businesses: known}} {
		if len(in.Businesses) == 0 {
			continue
		}
		done, err := b.land(ctx, e, source, in)
		total.RowsIn, total.RowsOut, total.Quarantined = total.RowsIn+done.RowsIn, total.RowsOut+done.RowsOut, total.Quarantined+done.Quarantined
		failed = append(failed, err)
	}
	return total, errors.Join(failed...)
}

// known returns the values that a text column has in the lake.
func (b *batch) known(ctx context.Context, d dataset.Dataset, column string) (map[string]bool, error) {
	values := map[string]bool{}
	batches, err := b.lake.Scan(ctx, d.Name, []string{column}, lakehouse.ReadOptions{})
	if errors.Is(err, lakehouse.ErrNoTable) {
		return values, nil
	}
	if err != nil {
		return nil, err
	}
	for batch, err := range batches {
		if err != nil {
			return nil, err
		}
		for i := range int(batch.NumRows()) {
			values[batch.Column(0).ValueStr(i)] = true
		}
	}
	return values, nil
}

// runModels computes every SQL model and the sentiment; forecasts have a job of their own.
func (b *batch) runModels(ctx context.Context, e *execution) (step, error) {
	return b.compute(ctx, e, run.Request{Except: []string{dataset.Forecasts().Name}})
}

// runForecasts makes the vintage of the as-of day.
func (b *batch) runForecasts(ctx context.Context, e *execution) (step, error) {
	return b.compute(ctx, e, run.Request{Only: []string{dataset.Forecasts().Name}})
}

func (b *batch) compute(ctx context.Context, e *execution, request run.Request) (step, error) {
	request.RunID, request.AsOf = e.id.String(), e.asOf
	done, err := b.runner.Run(ctx, request)
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
func (b *batch) publish(ctx context.Context, e *execution) (step, error) {
	blocked, err := b.runner.Blocked(ctx)
	if err != nil {
		return step{}, err
	}
	publisher := publish.Publisher{Lake: b.lake, Pool: b.pool, Logger: b.logger, Now: b.now}
	results, err := publisher.Publish(ctx, publish.Run{ID: e.id.String(), AsOf: e.asOf}, publish.Tables(), blocked)
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
