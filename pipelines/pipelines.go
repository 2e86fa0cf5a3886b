// Package pipelines brings the outside world into the lake: a Source reads one
// upstream and hands out batches, the Runner lands each batch and reports what
// went in, what was kept and what was quarantined.
//
// Words: a unit is the smallest thing that is read or fails as a whole (one request,
// one query, one file); a batch is what one unit gave; a reject is a row that was
// refused, kept with its reason and its raw text.
package pipelines

import (
	"context"
	"slices"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// Source reads one upstream. A Source may be used by one run at a time.
type Source interface {
	// Name is the source's fixed short name, lower case: "gdelt". It begins every unit in the lake.
	Name() string

	// Read reads the upstream for in and calls out once for every unit that was read
	// whole, in an order that depends on in alone. A unit that fails is never handed out
	// in part; its error, which names the unit, is joined into the returned one and the
	// other units go on. When out returns an error Read stops and returns it. When ctx
	// ends Read returns promptly with its error joined.
	//
	// The same in and the same answers give the same batches: instants come from in,
	// never from the clock, and every row's LandedAt is in.AsOf.
	Read(ctx context.Context, in Input, out func(Batch) error) error
}

// Input says what a run wants from its sources.
type Input struct {
	// Window is the span to read. The zero Window means everything the source has.
	Window dataset.Window
	// AsOf is the run's instant, UTC. Nothing later than it is known.
	AsOf time.Time
	// Businesses gives the locations, news queries, countries and currencies.
	Businesses []dataset.BusinessRow
	// Currencies are further ISO 4217 codes to have rates for: those that KPIs are kept in.
	Currencies []string
}

// Batch is what one unit gave: rows of one or several raw datasets and the rows that
// were refused. The receiver owns its slices.
type Batch struct {
	// Unit names the unit within its source, the same in every run: "2024-05/paris". It
	// says nothing of the run or the time of reading.
	Unit string
	// RowsIn is how many rows the upstream gave. It equals Rows() + len(Rejects).
	RowsIn int

	KPIPoints    []dataset.KPIPointRow
	Articles     []dataset.ArticleRow
	Tones        []dataset.ToneRow
	WeatherDays  []dataset.WeatherDayRow
	WeatherHours []dataset.WeatherHourRow
	Places       []dataset.PlaceRow
	Rates        []dataset.RateRow
	// Holidays, Businesses, KPIs and Calendar replace all of the lake's: at most one unit of one source
	// gives them. Nil leaves the lake's as they are, an empty slice removes them.
	Holidays   []dataset.HolidayRow
	Businesses []dataset.BusinessRow
	KPIs       []dataset.KPIRow
	Calendar   []dataset.CalendarEntryRow

	// Rejects are the refused rows. Source, Unit and LandedAt are filled in by the Runner
	// when empty, and Raw is cut to 4 KiB of valid UTF-8.
	Rejects []dataset.RejectRow
}

// Rows is the number of accepted rows over all datasets.
func (b Batch) Rows() int {
	return len(b.KPIPoints) + len(b.Articles) + len(b.Tones) + len(b.WeatherDays) + len(b.WeatherHours) + len(b.Places) + len(b.Rates) +
		len(b.Holidays) + len(b.Businesses) + len(b.KPIs) + len(b.Calendar)
}

// each returns the rows of every unit that has any.
func each[T any](units []Batch, rows func(*Batch) []T) [][]T {
	var parts [][]T
	for i := range units {
		if part := rows(&units[i]); len(part) > 0 {
			parts = append(parts, part)
		}
	}
	return parts
}

// gather returns the rows of all units. It keeps the difference between nil, not given, and empty.
func gather[T any](units []Batch, rows func(*Batch) []T) []T {
	parts, given := make([][]T, len(units)), false
	for i := range units {
		parts[i] = rows(&units[i])
		given = given || parts[i] != nil
	}
	all := slices.Concat(parts...)
	if all == nil && given {
		all = []T{}
	}
	return all
}
