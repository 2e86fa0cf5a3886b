package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/fxrates"
	"github.com/signalcraft/signalcraft/pipelines/gdelt"
	"github.com/signalcraft/signalcraft/pipelines/openmeteo"
)

// reach is which span a source is read for, before and after an instant.
type reach struct {
	// history is read for subjects that were never read whole.
	history time.Duration
	// again is read for the others, before the instant until when they were read.
	again time.Duration
	// ahead is read of what lies after the as-of instant.
	ahead time.Duration
}

const (
	day        = 24 * time.Hour
	threeYears = 3 * 366 * day
)

// fetchWeather reads three years for places that are new and the last days for the others.
func (b *batch) fetchWeather(ctx context.Context, e *execution) (step, error) {
	source, err := openmeteo.New(openmeteo.Config{Client: b.client})
	if err != nil {
		return step{}, err
	}
	place := func(r dataset.BusinessRow) string {
		if r.LocationID == nil {
			return ""
		}
		return *r.LocationID
	}
	// The archive ends days before the as-of instant and the forecast reaches days beyond it.
	return b.readBusinesses(ctx, e, source, place, reach{history: threeYears, again: 10 * day, ahead: 17 * day})
}

// scrapeNews reads ninety days for businesses that are new and the last days for the others.
func (b *batch) scrapeNews(ctx context.Context, e *execution) (step, error) {
	source, err := gdelt.New(gdelt.Config{Client: b.client})
	if err != nil {
		return step{}, err
	}
	searched := func(r dataset.BusinessRow) string {
		if r.NewsQuery == "" {
			return ""
		}
		return r.BusinessID
	}
	return b.readEach(ctx, e, source, searched, reach{history: 90 * day, again: 3 * day})
}

// readTones reads the tone of the last days' articles that are not in English.
func (b *batch) readTones(ctx context.Context, e *execution) (step, error) {
	source, err := gdelt.NewTones(gdelt.TonesConfig{Client: b.client, Missing: gdelt.MissingIn(b.lake)})
	if err != nil {
		return step{}, err
	}
	return b.land(ctx, e, source, pipelines.Input{Businesses: e.control.businesses})
}

// fetchRates reads three years when a currency is new, else the last days.
func (b *batch) fetchRates(ctx context.Context, e *execution) (step, error) {
	source, err := fxrates.New(fxrates.Config{Providers: []fxrates.Provider{fxrates.Frankfurter(b.client)}, Logger: b.logger})
	if err != nil {
		return step{}, err
	}
	currencies := e.control.currencies()
	for _, r := range e.control.businesses {
		currencies = append(currencies, r.Currency)
	}
	until, err := b.data.Readings(ctx, source.Name())
	if err != nil {
		return step{}, err
	}
	return b.readOn(ctx, e, source, pipelines.Input{Businesses: e.control.businesses, Currencies: e.control.currencies()}, currencies, until,
		reach{history: threeYears, again: 10 * day})
}

// readEach is readBusinesses for one business after the other, for a source that asks for
// each by itself: one that fails holds back no other.
func (b *batch) readEach(ctx context.Context, e *execution, source pipelines.Source, subject func(dataset.BusinessRow) string, far reach) (step, error) {
	until, err := b.data.Readings(ctx, source.Name())
	if err != nil {
		return step{}, err
	}
	var total step
	var failed []error
	for _, r := range e.control.businesses {
		name := subject(r)
		if name == "" {
			continue
		}
		done, err := b.readOn(ctx, e, source, pipelines.Input{Businesses: []dataset.BusinessRow{r}}, []string{name}, until, far)
		total.RowsIn, total.RowsOut, total.Quarantined = total.RowsIn+done.RowsIn, total.RowsOut+done.RowsOut, total.Quarantined+done.Quarantined
		failed = append(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	return total, errors.Join(failed...)
}

// readBusinesses reads source for the businesses with a new subject and for the others, each with a window of its own.
// An empty subject is none: what the source says to such a business does not depend on the window.
func (b *batch) readBusinesses(ctx context.Context, e *execution, source pipelines.Source, subject func(dataset.BusinessRow) string, far reach) (step, error) {
	until, err := b.data.Readings(ctx, source.Name())
	if err != nil {
		return step{}, err
	}
	groups, subjects := map[bool][]dataset.BusinessRow{}, map[bool][]string{}
	for _, r := range e.control.businesses {
		name := subject(r)
		_, known := until[name]
		known = known || name == ""
		groups[known] = append(groups[known], r)
		if name != "" {
			subjects[known] = append(subjects[known], name)
		}
	}
	var total step
	var failed []error
	for _, known := range []bool{false, true} {
		if len(groups[known]) == 0 {
			continue
		}
		done, err := b.readOn(ctx, e, source, pipelines.Input{Businesses: groups[known]}, subjects[known], until, far)
		total.RowsIn, total.RowsOut, total.Quarantined = total.RowsIn+done.RowsIn, total.RowsOut+done.RowsOut, total.Quarantined+done.Quarantined
		failed = append(failed, err)
	}
	return total, errors.Join(failed...)
}

// readOn lands source for in from where its subjects were last read on, and notes that
// they were read when every unit has landed. After a failure or a crash the next run
// reads the same window again: what of it has landed is known by its content.
func (b *batch) readOn(ctx context.Context, e *execution, source pipelines.Source, in pipelines.Input, subjects []string, until map[string]time.Time, far reach) (step, error) {
	in.Window = dataset.Window{Start: e.asOf.Add(-far.again), End: e.asOf.Add(far.ahead)}
	once := map[string]bool{}
	for _, subject := range subjects {
		once[subject] = true
		start := e.asOf.Add(-far.history)
		if at, known := until[subject]; known {
			start = at.Add(-far.again)
		}
		if start.Before(in.Window.Start) {
			in.Window.Start = start
		}
	}
	done, err := b.land(ctx, e, source, in)
	if err == nil && len(once) > 0 {
		err = b.data.RecordReadings(ctx, source.Name(), slices.Sorted(maps.Keys(once)), e.asOf, e.id)
	}
	return done, err
}
