package pipelines

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// RunnerConfig is what NewRunner builds a Runner from.
type RunnerConfig struct {
	// Lake is where batches land. Required.
	Lake *lakehouse.Lake
	// Now is the clock that Report.Took is measured by. Required.
	Now func() time.Time
	// Logger gets one line when a source starts and one when it ends. Nil means none.
	Logger *slog.Logger
}

// Runner lands what sources read. One Runner may run several sources at once.
type Runner struct {
	config RunnerConfig
}

// Report counts one run of one source. RowsIn = RowsOut + Quarantined + Unchanged.
type Report struct {
	Source string
	// Units is how many units were read whole and landed or found unchanged.
	Units int
	// RowsIn is how many rows the upstream gave, bad ones included.
	RowsIn int
	// RowsOut is how many rows were added to the lake.
	RowsOut int
	// Quarantined is how many refused rows were added to the quarantine.
	Quarantined int
	// Unchanged is how many rows, good or refused, added nothing: the lake held them, or a later row of the run has their key.
	Unchanged int
	// Outdated is how many of those differ from what the lake holds as of the same or a
	// later instant: a run as of now may still land them.
	Outdated int
	// Took is the wall time.
	Took time.Duration
}

// LandError is returned when what was read did not land.
type LandError struct {
	Source string
	Err    error
}

// Error names the source.
func (e *LandError) Error() string { return fmt.Sprintf("land %s: %v", e.Source, e.Err) }

// Unwrap returns the cause.
func (e *LandError) Unwrap() error { return e.Err }

// NewRunner returns a Runner.
func NewRunner(c RunnerConfig) (*Runner, error) {
	if c.Lake == nil || c.Now == nil {
		return nil, errors.New("runner: Lake and Now are required")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Runner{config: c}, nil
}

// flushRows is how many rows are held until they land together: few large files serve
// readers better than many small ones. A held row takes about 150 bytes.
const flushRows = 2_000_000

// Run reads src for in and lands what it gives, many units in one commit for each
// dataset. A crash loses nothing: what had not landed lands in the next run, and what
// the lake already holds is known by its values and left alone, so a unit that has grown
// or was corrected adds only the rows that are new. The error joins those of the units
// that failed; the others have landed and are in the Report. An error of the lake ends
// the run.
func (r *Runner) Run(ctx context.Context, src Source, in Input, runID string) (Report, error) {
	in.AsOf = in.AsOf.UTC().Truncate(time.Microsecond)
	logger := r.config.Logger.With("run", runID, "source", src.Name())
	logger.InfoContext(ctx, "source started", "window", in.Window.String(), "as_of", in.AsOf)
	start := r.config.Now()
	l := &landing{lake: r.config.Lake, source: src.Name(), runID: runID, asOf: in.AsOf}
	l.report.Source = src.Name()
	broken := false
	flush := func() error {
		if err := l.flush(ctx); err != nil {
			broken = true
			return &LandError{Source: src.Name(), Err: err}
		}
		l.report.Took = r.config.Now().Sub(start)
		return nil
	}
	err := src.Read(ctx, in, func(b Batch) error {
		if err := l.take(b); err != nil {
			return fmt.Errorf("take unit %s/%s: %w", src.Name(), b.Unit, err)
		}
		if l.held < flushRows {
			return nil
		}
		return flush()
	})
	if ctx.Err() == nil && !broken {
		err = errors.Join(err, flush())
	}
	l.report.Took = r.config.Now().Sub(start)
	logger.InfoContext(ctx, "source ended", "units", l.report.Units, "rows_in", l.report.RowsIn, "rows", l.report.RowsOut,
		"quarantined", l.report.Quarantined, "unchanged", l.report.Unchanged, "took", l.report.Took, "complete", err == nil)
	if err != nil {
		return l.report, fmt.Errorf("read source %s: %w", src.Name(), err)
	}
	return l.report, nil
}

// landing is the state of one Run.
type landing struct {
	lake   *lakehouse.Lake
	source string
	runID  string
	asOf   time.Time

	units  []Batch // taken since the last flush
	held   int     // their rows
	report Report
}

// take checks a unit and holds it for the next flush.
func (l *landing) take(b Batch) error {
	if b.Unit == "" {
		return errors.New("the unit has no name")
	}
	if b.RowsIn != b.Rows()+len(b.Rejects) {
		return fmt.Errorf("%d rows were read, but %d were accepted and %d refused", b.RowsIn, b.Rows(), len(b.Rejects))
	}
	for i := range b.Rejects {
		l.complete(&b.Rejects[i], b.Unit)
	}
	l.units = append(l.units, b)
	l.held += b.RowsIn
	return nil
}

// flush lands what is held.
func (l *landing) flush(ctx context.Context) error {
	if len(l.units) == 0 {
		return nil
	}
	units, rowsIn := l.units, 0
	for _, b := range units {
		rowsIn += b.RowsIn
	}
	l.units, l.held = nil, 0
	// The quarantine comes first: once good rows are visible, so are the refused ones beside them.
	quarantined, err := land(ctx, l, dataset.Rejects(), each(units, func(b *Batch) []dataset.RejectRow { return b.Rejects }))
	if err != nil {
		return err
	}
	added, err := l.landRows(ctx, units)
	if err != nil {
		return err
	}
	l.report.Units += len(units)
	l.report.RowsIn += rowsIn
	l.report.RowsOut += added
	l.report.Quarantined += quarantined
	l.report.Unchanged += rowsIn - added - quarantined
	return nil
}

// landRows lands the accepted rows of units and returns how many were new to the lake.
func (l *landing) landRows(ctx context.Context, units []Batch) (int, error) {
	total := 0
	for _, step := range []func() (int, error){
		func() (int, error) {
			return land(ctx, l, dataset.KPIPoints(), each(units, func(b *Batch) []dataset.KPIPointRow { return b.KPIPoints }))
		},
		func() (int, error) {
			return land(ctx, l, dataset.Articles(), each(units, func(b *Batch) []dataset.ArticleRow { return b.Articles }))
		},
		func() (int, error) {
			return land(ctx, l, dataset.Tones(), each(units, func(b *Batch) []dataset.ToneRow { return b.Tones }))
		},
		func() (int, error) {
			return land(ctx, l, dataset.WeatherDays(), each(units, func(b *Batch) []dataset.WeatherDayRow { return b.WeatherDays }))
		},
		func() (int, error) {
			return land(ctx, l, dataset.WeatherHours(), each(units, func(b *Batch) []dataset.WeatherHourRow { return b.WeatherHours }))
		},
		func() (int, error) {
			return land(ctx, l, dataset.Places(), each(units, func(b *Batch) []dataset.PlaceRow { return b.Places }))
		},
		func() (int, error) {
			return land(ctx, l, dataset.Rates(), each(units, func(b *Batch) []dataset.RateRow { return b.Rates }))
		},
		func() (int, error) {
			return replace(ctx, l, dataset.Holidays(), gather(units, func(b *Batch) []dataset.HolidayRow { return b.Holidays }))
		},
		func() (int, error) {
			return replace(ctx, l, dataset.Businesses(), gather(units, func(b *Batch) []dataset.BusinessRow { return b.Businesses }))
		},
		func() (int, error) {
			return replace(ctx, l, dataset.KPIs(), gather(units, func(b *Batch) []dataset.KPIRow { return b.KPIs }))
		},
		func() (int, error) {
			return replace(ctx, l, dataset.CalendarEntries(), gather(units, func(b *Batch) []dataset.CalendarEntryRow { return b.Calendar }))
		},
	} {
		added, err := step()
		if err != nil {
			return 0, err
		}
		total += added
	}
	return total, nil
}

// complete fills in what a source leaves to the Runner.
func (l *landing) complete(row *dataset.RejectRow, unit string) {
	if row.Source == "" {
		row.Source = l.source
	}
	if row.Unit == "" {
		row.Unit = unit
	}
	if row.LandedAt.IsZero() {
		row.LandedAt = l.asOf
	}
	row.Reason, row.Raw = CutRaw(row.Reason), CutRaw(row.Raw)
}

// land adds the rows of d that the lake does not hold and returns their number. Without
// any there is no commit.
func land[T any](ctx context.Context, l *landing, d dataset.Dataset, parts [][]T) (int, error) {
	rows := 0
	for _, part := range parts {
		rows += len(part)
	}
	if rows == 0 {
		return 0, nil
	}
	return write(ctx, l, d, rows, func() (lakehouse.Result, error) {
		unheld, outdated, err := fresh(ctx, l.lake, d, parts)
		l.report.Outdated += outdated
		if err != nil || len(unheld) == 0 {
			return lakehouse.Result{}, err
		}
		return lakehouse.Append(ctx, l.lake, d, lakehouse.Commit{RunID: l.runID, Unit: l.source, AsOf: l.asOf}, unheld)
	})
}

// replace puts rows in the place of all that d holds, unless they are the same, and returns their number.
func replace[T any](ctx context.Context, l *landing, d dataset.Dataset, rows []T) (int, error) {
	if rows == nil {
		return 0, nil
	}
	return write(ctx, l, d, len(rows), func() (lakehouse.Result, error) {
		return lakehouse.ReplaceAll(ctx, l.lake, d, lakehouse.Commit{RunID: l.runID, Unit: l.source, Content: digest(rows), AsOf: l.asOf}, rows)
	})
}

// write makes the table of d, calls commit and returns how many rows were added.
func write(ctx context.Context, l *landing, d dataset.Dataset, rows int, commit func() (lakehouse.Result, error)) (int, error) {
	if err := l.lake.Ensure(ctx, d); err != nil {
		return 0, fmt.Errorf("make table %s: %w", d.Name, err)
	}
	result, err := commit()
	if err != nil {
		return 0, fmt.Errorf("write %d rows to %s: %w", rows, d.Name, err)
	}
	if result.NoOp {
		return 0, nil
	}
	return int(result.Rows), nil
}
