package forecast

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/signalcraft/signalcraft/models/series"
)

// Options say what to forecast and how much work to spend.
type Options struct {
	// Horizon is how many days to forecast after each series' last day. Zero means 30.
	Horizon int
	// Season is the season length in values. Zero means 7, the week of daily series; 1 means none.
	Season int
	// History is how many of the last days are fitted and compared on. Zero means 1,100: three
	// years show a year's season. Older days differ too much from the coming month to earn their time.
	History int
	// Workers is the number of goroutines. Zero means one for each processor.
	Workers int
	// Vintage is the day the forecast is made as of, in days since 1970-01-01. It dates
	// selections and decides how old those of Prior are.
	Vintage int32
	// Prior holds the methods chosen in former vintages; nil chooses anew for every series.
	Prior *Prior
	// Method, if not empty, is the only method or combination to forecast by, named as Vintage.Method names it or
	// Methods lists it; nothing is compared, and Prior is not looked at. A series that it does not apply to gets no rows,
	// a constant or very short one its defined answer.
	Method string
	// ReselectAfterDays is the age at which a method of Prior is no longer kept. Zero
	// means 7; a negative value never keeps one.
	ReselectAfterDays int32
	// KeepErrors keeps in the vintage, for Reconcile, the errors one step ahead of each series in the window: at most 120
	// numbers for each.
	KeepErrors bool
}

// withDefaults returns the options with zero values filled in, or an error that names
// the field that is out of range.
func (o Options) withDefaults(b *series.Batch) (Options, error) {
	set := func(field *int, zero int) {
		if *field == 0 {
			*field = zero
		}
	}
	set(&o.Horizon, 30)
	set(&o.Season, 7)
	set(&o.History, 1100)
	set(&o.Workers, runtime.GOMAXPROCS(0))
	if o.ReselectAfterDays == 0 {
		o.ReselectAfterDays = 7
	}
	for _, field := range []struct {
		name       string
		value, top int
	}{{"Horizon", o.Horizon, 10_000}, {"Season", o.Season, 10_000}, {"History", o.History, 1 << 24}, {"Workers", o.Workers, 1024}} {
		if field.value < 1 || field.value > field.top {
			return o, fmt.Errorf("forecast options: %s is %d, want 1 to %d", field.name, field.value, field.top)
		}
	}
	if o.Prior != nil && len(o.Prior.method) != b.Len() {
		return o, fmt.Errorf("forecast options: Prior is of a batch of %d series, want %d", len(o.Prior.method), b.Len())
	}
	if o.Method != "" && !isMethod(o.Method, o.Season) {
		return o, fmt.Errorf("forecast options: Method is %q, which is none of %q", o.Method, Methods(o.Season))
	}
	return o, nil
}

// SeriesError says why one series got no forecast: bad data, not a fault of the run.
type SeriesError struct {
	// BusinessID and KPIID name the series.
	BusinessID, KPIID string
	// Day is the offending day, in days since 1970-01-01.
	Day int32
	// Reason is what is wrong with that day's value.
	Reason string
}

// Error returns the series, the day and the reason.
func (e *SeriesError) Error() string {
	return fmt.Sprintf("forecast series %s/%s: day %d: %s", e.BusinessID, e.KPIID, e.Day, e.Reason)
}

// Forecast returns the forecasts of every series in the batch. The batch is only read.
//
// When series were refused, the error joins one SeriesError for each, in batch order, and
// the vintage holds all the other series. On any other error (options out of range, a
// batch whose columns do not fit, ctx done) the vintage is nil. No goroutine is left
// when it returns. Memory beside batch and vintage is a fixed buffer for each worker.
func Forecast(ctx context.Context, batch *series.Batch, opt Options) (*Vintage, error) {
	if err := batch.Validate(); err != nil {
		return nil, fmt.Errorf("forecast: %w", err)
	}
	opt, err := opt.withDefaults(batch)
	if err != nil {
		return nil, err
	}
	out := newVintage(batch.Len(), opt.Horizon)
	if opt.KeepErrors {
		out.errors = make([]windowErrors, batch.Len())
	}
	refused := make([]error, batch.Len())
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(opt.Workers, batch.Len()) {
		workers.Go(func() {
			f := newFitter(batch, opt, out)
			for i := int(next.Add(1)) - 1; i < batch.Len() && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				refused[i] = f.series(i)
			}
		})
	}
	workers.Wait()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("forecast: %w", err)
	}
	out.compact()
	return out, errors.Join(refused...)
}
