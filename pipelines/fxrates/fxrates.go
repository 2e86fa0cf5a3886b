package fxrates

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
)

// unitMonths is the length of a unit: at most 62 days, while Frankfurter's older versions
// thin a series of more than 90.
const unitMonths = 2

// minDays is how far back a unit that has only begun is asked for: there is no run of
// days so long without a rate, and a span without any rate is answered with an error.
const minDays = 10

// defaultYears is how far back the zero window reaches.
const defaultYears = 5

// Config is what New builds a Source from.
type Config struct {
	// Providers are asked in this order; the next one is asked when one fails or lacks a currency. At least one.
	Providers []Provider
	// Base is the ISO 4217 code of the base. Empty means EUR.
	Base string
	// Logger gets a warning when a provider fails and the next is asked. Nil means none.
	Logger *slog.Logger
}

// Source reads the rates of the businesses' currencies and of Input.Currencies.
type Source struct {
	config Config
}

var _ pipelines.Source = (*Source)(nil)

// New returns a Source.
func New(c Config) (*Source, error) {
	if len(c.Providers) == 0 {
		return nil, errors.New("fxrates: no providers")
	}
	if c.Base == "" {
		c.Base = "EUR"
	}
	if !knownCode(c.Base) {
		return nil, fmt.Errorf("fxrates: base %q is not an ISO 4217 code", c.Base)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Source{config: c}, nil
}

// Name returns "fxrates".
func (s *Source) Name() string { return "fxrates" }

// Read hands out the units that overlap in.Window, oldest first; the zero window means the
// five years before in.AsOf. A code that is not ISO 4217, or that no provider has rates
// of, is a reject.
func (s *Source) Read(ctx context.Context, in pipelines.Input, out func(pipelines.Batch) error) error {
	wanted, unknown := s.wanted(in)
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(unknown) > 0 {
		if err := out(pipelines.Batch{Unit: s.config.Base + "/currencies", RowsIn: len(unknown), Rejects: unknown}); err != nil {
			return err
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	var failed []error
	for _, span := range spans(in) {
		batches, err := s.readSpan(ctx, in, span, wanted)
		if ctx.Err() != nil {
			return errors.Join(append(failed, ctx.Err())...)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("unit %s: %w", s.unit(span), err))
		}
		for _, b := range batches {
			if err := out(b); err != nil {
				return errors.Join(append(failed, err)...)
			}
		}
	}
	return errors.Join(failed...)
}

// wanted returns the currencies to read, sorted, without the base, and a reject for each
// code that is none.
func (s *Source) wanted(in pipelines.Input) ([]string, []dataset.RejectRow) {
	codes := map[string]bool{}
	var unknown []dataset.RejectRow
	add := func(code, of string, business *string) {
		if !knownCode(code) {
			reject := pipelines.Reject(dataset.Rates(), int64(len(unknown)+1), fmt.Sprintf("currency %q of %s is not an ISO 4217 code", code, of), code)
			reject.BusinessID = business
			unknown = append(unknown, reject)
			return
		}
		codes[code] = code != s.config.Base
	}
	for _, b := range in.Businesses {
		add(b.Currency, "business "+b.BusinessID, &b.BusinessID)
	}
	for _, code := range in.Currencies {
		add(code, "a KPI", nil)
	}
	maps.DeleteFunc(codes, func(_ string, want bool) bool { return !want })
	return slices.Sorted(maps.Keys(codes)), unknown
}

// Span is the days from First to Last, both included.
type Span struct {
	First, Last dataset.Days
	// Latest is true when Last is the run's own day, so that a provider without history may answer.
	Latest bool

	unit string
}

// String returns the days.
func (s Span) String() string {
	return dataset.FromDays(s.First).Format(time.DateOnly) + ".." + dataset.FromDays(s.Last).Format(time.DateOnly)
}

// spans returns the units of in.Window, the last of which ends on in.AsOf's day.
func spans(in pipelines.Input) []Span {
	today := dataset.ToDays(in.AsOf.UTC())
	window := in.Window
	if window.IsZero() {
		window = dataset.Window{Start: in.AsOf.AddDate(-defaultYears, 0, 0), End: in.AsOf.AddDate(0, 0, 1)}
	}
	first, last := dataset.ToDays(window.Start.UTC()), min(dataset.ToDays(window.End.UTC().Add(-1)), today)
	var units []Span
	y, m, _ := dataset.FromDays(first).Date()
	at := time.Date(y, m-(m-1)%unitMonths, 1, 0, 0, 0, 0, time.UTC)
	for dataset.ToDays(at) <= last {
		next := at.AddDate(0, unitMonths, 0)
		span := Span{First: dataset.ToDays(at), Last: min(dataset.ToDays(next)-1, today), unit: at.Format("2006-01")}
		if span.Latest = span.Last == today; span.Latest {
			span.First = min(span.First, today-minDays)
		}
		units = append(units, span)
		at = next
	}
	return units
}

func (s *Source) unit(span Span) string { return s.config.Base + "/" + span.unit }

// readSpan returns the batches of one unit: that of the first provider that answers, and
// one for each further provider that has currencies the earlier ones lack.
func (s *Source) readSpan(ctx context.Context, in pipelines.Input, span Span, wanted []string) ([]pipelines.Batch, error) {
	var batches []pipelines.Batch
	var failed []error
	missing := wanted
	for _, p := range s.config.Providers {
		sheet, err := s.ask(ctx, p, span)
		if errors.Is(err, errNotOffered) {
			continue
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			s.config.Logger.WarnContext(ctx, "provider failed", "source", "fxrates", "provider", p.Name(), "unit", s.unit(span), "error", err)
			failed = append(failed, fmt.Errorf("provider %s: %w", p.Name(), err))
			continue
		}
		b := batch(sheet, missing, p.Name(), in.AsOf)
		if b.Unit = s.unit(span); len(batches) > 0 {
			b.Unit += "/" + p.Name()
		}
		missing = without(missing, b.Rates)
		if len(batches) == 0 || len(b.Rates) > 0 {
			batches = append(batches, b)
		}
		if len(missing) == 0 {
			return batches, nil
		}
	}
	if len(batches) == 0 {
		return nil, errors.Join(append(failed, errors.New("no provider has rates"))...)
	}
	if len(failed) > 0 {
		// What is missing may be with the provider that failed: the next run asks it again.
		s.config.Logger.WarnContext(ctx, "currencies missing", "source", "fxrates", "unit", s.unit(span), "currencies", strings.Join(missing, " "))
		return batches, nil
	}
	for _, code := range missing {
		reason := fmt.Sprintf("no provider has a rate of %s in %s", code, span)
		batches[0].Rejects = append(batches[0].Rejects, pipelines.Reject(dataset.Rates(), 0, reason, code))
		batches[0].RowsIn++
	}
	return batches, nil
}

// ask returns p's checked answer.
func (s *Source) ask(ctx context.Context, p Provider, span Span) (Sheet, error) {
	sheet, err := p.Rates(ctx, s.config.Base, span)
	if err != nil {
		return Sheet{}, err
	}
	if sheet.Base != s.config.Base {
		return Sheet{}, fmt.Errorf("the answer is in %q, asked was %s", sheet.Base, s.config.Base)
	}
	return sheet, nil
}

// batch returns the rows of sheet for the wanted currencies and its rejects.
func batch(sheet Sheet, wanted []string, provider string, asOf time.Time) pipelines.Batch {
	var b pipelines.Batch
	latest := dataset.ToDays(asOf.UTC()) + 1 // east of Greenwich the next day may have begun
	for i, q := range sheet.Quotes {
		rate, reason := q.check(latest)
		switch {
		case reason != "":
			b.Rejects = append(b.Rejects, pipelines.Reject(dataset.Rates(), int64(i+1), reason, q.String()))
		case slices.Contains(wanted, q.Code):
			b.Rates = append(b.Rates, dataset.RateRow{Day: q.day, Base: sheet.Base, Quote: q.Code, Rate: rate, Provider: provider, LandedAt: asOf})
		}
	}
	b.RowsIn = len(b.Rates) + len(b.Rejects)
	return b
}

func without(codes []string, rates []dataset.RateRow) []string {
	return slices.DeleteFunc(slices.Clone(codes), func(code string) bool {
		return slices.ContainsFunc(rates, func(r dataset.RateRow) bool { return r.Quote == code })
	})
}
