// Package calendar gives the public holidays of the businesses' countries, computed
// from the rules in rickar/cal: nothing is asked over the network.
package calendar

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"

	"github.com/rickar/cal/v2"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
)

// Holidays are given from firstYear, before which the rules are not kept with care, to
// lastYears after the run's own year, so that forecasts find them.
const (
	firstYear = 2000
	lastYears = 2
)

// Source is the calendar.
type Source struct {
	logger *slog.Logger
}

var _ pipelines.Source = (*Source)(nil)

// New returns a Source. Logger gets a warning for each country without rules; nil means none.
func New(logger *slog.Logger) *Source {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Source{logger: logger}
}

// Countries lists the ISO 3166-1 codes of the countries with rules, sorted.
func Countries() []string { return slices.Sorted(maps.Keys(countries())) }

// Name returns "calendar".
func (s *Source) Name() string { return "calendar" }

// Read hands out one unit with every holiday of every country of in.Businesses, whatever
// in.Window is: holidays replace those of the lake whole. A country without rules has none, which
// is logged. A holiday that is kept on another day than its own has a row for both, the second with
// " (observed)" after its name.
func (s *Source) Read(ctx context.Context, in pipelines.Input, out func(pipelines.Batch) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	rules := countries()
	wanted := map[string]bool{}
	for _, b := range in.Businesses {
		wanted[b.Country] = true
	}
	b := pipelines.Batch{Unit: "holidays"}
	for _, country := range slices.Sorted(maps.Keys(wanted)) {
		if rules[country] == nil {
			s.logger.WarnContext(ctx, "no holiday rules for country", "source", "calendar", "country", country)
			continue
		}
		b.Holidays = append(b.Holidays, holidays(country, rules[country], in.AsOf.UTC().Year()+lastYears)...)
	}
	if len(b.Holidays) == 0 {
		return nil
	}
	b.RowsIn = len(b.Holidays)
	return out(b)
}

// holidays returns the rows of one country in order of day and name, each once.
func holidays(country string, rules []*cal.Holiday, lastYear int) []dataset.HolidayRow {
	var rows []dataset.HolidayRow
	for _, rule := range rules {
		if rule.Type == cal.ObservanceOther || rule.Type == cal.ObservanceReligious {
			continue // Ireland's rules carry no type at all and are public holidays
		}
		for year := firstYear; year <= lastYear; year++ {
			actual, observed := rule.Calc(year)
			if actual.IsZero() {
				continue
			}
			rows = append(rows, dataset.HolidayRow{Country: country, Day: dataset.ToDays(actual), Name: rule.Name})
			if !observed.Equal(actual) {
				rows = append(rows, dataset.HolidayRow{Country: country, Day: dataset.ToDays(observed), Name: rule.Name + " (observed)"})
			}
		}
	}
	slices.SortFunc(rows, func(a, b dataset.HolidayRow) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Name, b.Name))
	})
	return slices.Compact(rows)
}
