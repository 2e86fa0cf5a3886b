package trend

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/signalcraft/signalcraft/models/series"
)

// Options say what to describe.
type Options struct {
	// Season is the season length in values. Zero means 7, the week of daily series; 1 means none.
	Season int
	// History is how many of the last days are searched for change points. Zero means 1,100.
	History int
	// Stretch is how many of the last days the trend statement speaks of. Zero means 90.
	Stretch int
	// Significance is the largest p-value of a trend. Zero means 0.05.
	Significance float64
	// Confidence is the smallest confidence of a change point. Zero means 0.99.
	Confidence float64
	// Workers is the number of goroutines. Zero means one for each processor.
	Workers int
}

// withDefaults returns the options with zero values filled in, or an error that names the field that is out of range.
func (o Options) withDefaults() (Options, error) {
	for _, field := range []struct {
		name      string
		value     *int
		zero, top int
	}{
		{"Season", &o.Season, 7, 10_000}, {"History", &o.History, 1100, 100_000}, {"Stretch", &o.Stretch, 90, 4000},
		{"Workers", &o.Workers, runtime.GOMAXPROCS(0), 1024},
	} {
		if *field.value == 0 {
			*field.value = field.zero
		}
		if *field.value < 1 || *field.value > field.top {
			return o, fmt.Errorf("trend options: %s is %d, want 1 to %d", field.name, *field.value, field.top)
		}
	}
	if o.Significance == 0 {
		o.Significance = 0.05
	}
	if o.Confidence == 0 {
		o.Confidence = 0.99
	}
	if !(o.Significance > 0 && o.Significance < 1) {
		return o, fmt.Errorf("trend options: Significance is %g, want more than 0 and less than 1", o.Significance)
	}
	if !(o.Confidence >= 0.5 && o.Confidence < 1) {
		return o, fmt.Errorf("trend options: Confidence is %g, want 0.5 to less than 1", o.Confidence)
	}
	return o, nil
}

// SeriesError says why one series got no statement: bad data, not a fault of the run.
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
	return fmt.Sprintf("describe series %s/%s: day %d: %s", e.BusinessID, e.KPIID, e.Day, e.Reason)
}

// Describe returns the statements of every series in the batch, which is only read.
//
// When series were refused, the error joins one SeriesError for each, in batch order, and the statements hold all the other
// series. On any other error (options out of range, a batch whose columns do not fit, ctx done) they are nil. No goroutine is
// left when it returns. Memory beside batch and statements is a fixed buffer for each worker.
func Describe(ctx context.Context, batch *series.Batch, opt Options) (*Statements, error) {
	if err := batch.Validate(); err != nil {
		return nil, fmt.Errorf("describe trends: %w", err)
	}
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	out := newStatements(batch.Len())
	refused, found := make([]error, batch.Len()), make([][]change, batch.Len())
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(opt.Workers, batch.Len()) {
		workers.Go(func() {
			d := describer{batch: batch, opt: opt, out: out}
			for i := int(next.Add(1)) - 1; i < batch.Len() && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				found[i], refused[i] = d.series(i)
			}
		})
	}
	workers.Wait()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("describe trends: %w", err)
	}
	out.collect(found)
	return out, errors.Join(refused...)
}

// describer describes one series after the other and owns the buffers for that.
type describer struct {
	batch    *series.Batch
	opt      Options
	out      *Statements
	adjusted adjusted
	finder   finder
	kendall  kendall
}

// series describes series i. The error is a SeriesError.
func (d *describer) series(i int) ([]change, error) {
	a := &d.adjusted
	if at := a.load(d.batch.Series(i), d.opt.History, d.opt.Season); at >= 0 {
		return nil, &SeriesError{d.batch.BusinessID[i], d.batch.KPIID[i], d.batch.FirstDay[i] + int32(at), "infinite value"}
	}
	if a.count == 0 {
		return nil, nil
	}
	changes := d.finder.find(a, d.opt.Season, d.opt.Confidence)
	first := d.batch.FirstDay[i] + int32(a.first)
	d.state(i, first, changes)
	for k := range changes {
		c := &changes[k]
		c.day = first + int32(c.at)
		c.size, c.before, c.after = a.restore(c.size), a.restore(c.before), a.restore(c.after)
	}
	return changes, nil
}

// state writes the trend statement of series i, whose first value read lies on day first.
func (d *describer) state(i int, first int32, changes []change) {
	a := &d.adjusted
	from := max(0, len(a.x)-d.opt.Stretch)
	for _, c := range changes {
		if c.kind == SlopeChange && len(a.x)-c.at >= leastStretch {
			from = max(from, c.at)
		}
	}
	d.kendall.load(a, from, changes)
	o := d.out
	o.FirstDay[i], o.LastDay[i] = first+int32(from), first+int32(len(a.x))-1
	o.Observed[i] = int32(len(d.kendall.v))
	o.Level[i] = a.restore(d.kendall.level())
	if len(d.kendall.v) < leastValues {
		return
	}
	t := d.kendall.test()
	o.Slope[i], o.SlopeLow[i], o.SlopeHigh[i] = a.restore(t.slope), a.restore(t.low), a.restore(t.high)
	o.PValue[i], o.Tau[i] = t.p, t.tau
	switch {
	case t.p > d.opt.Significance || t.slope == 0:
		o.Direction[i] = Steady
	case t.slope > 0:
		o.Direction[i] = Rising
	default:
		o.Direction[i] = Falling
	}
}
