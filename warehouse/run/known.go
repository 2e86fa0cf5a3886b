package run

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/models/series"
)

// Names of the known columns, as explanations show them. A holiday and an event stand under their own names, so that each
// has its own effect and a moving feast is found on every one of its days.
const (
	holidayPrefix = "holiday: "
	eventPrefix   = "event: "
	dayBefore     = "day before a holiday"
	dayAfter      = "day after a holiday"
	closedDays    = "closed"
)

// weatherMeasures are the columns of marts.weather_daily that may move a KPI. The lowest and the highest temperature say
// hardly more than the mean.
func weatherMeasures() []string {
	return []string{"temperature_mean", "precipitation_sum", "snowfall_sum", "wind_speed_max"}
}

// said are the calendar entries of a business, or of one of its KPIs when kpi is not "".
type said struct{ business, kpi string }

// entry is what was said of some days.
type daysEntry struct {
	kind, name  string
	first, last dataset.Days
}

// daysKnown gathers what is known of the days of one batch. All columns have the same days, so that KPIs share those of
// their business, and businesses those of their country.
type daysKnown struct {
	history  *series.Batch
	first    dataset.Days
	days     int
	entries  map[said][]daysEntry
	country  map[string]string                  // of each business
	month    []series.KnownColumn               // days of the month, of every business
	holidays map[string][]series.KnownColumn    // of each country
	weather  map[string][]series.KnownColumn    // of each business
	shared   map[string]*series.Known           // of each business: for KPIs of which nothing more is said
	named    map[string]map[dataset.Days]string // of each country, until the columns are made
}

// readKnown adds what is known of days to the batch and sets the values of incidents aside: they are missing.
func readKnown(ctx context.Context, in Tables, p Params, history *series.Batch) error {
	k := newDaysKnown(history, dataset.ToDays(p.Window.Start))
	for _, input := range []struct {
		number int
		take   func(arrow.RecordBatch) error
	}{{inputBusiness, k.takeBusinesses}, {inputHoliday, k.takeHolidays}, {inputEntry, k.takeEntries}, {inputWeather, k.takeWeather}} {
		if err := scanEach(ctx, in, input.number, input.take); err != nil {
			return fmt.Errorf("%s: %w", in.inputs[input.number].Relation, err)
		}
	}
	k.fill()
	return nil
}

// newDaysKnown spans the days from the first that a forecast may read, or that a KPI has, to the last that is forecast.
func newDaysKnown(history *series.Batch, vintage dataset.Days) *daysKnown {
	first, last := vintage, vintage
	for i := range history.Len() {
		if len(history.Series(i)) > 0 {
			first, last = min(first, history.FirstDay[i]), max(last, history.LastDay(i))
		}
	}
	// A KPI that ended long ago is forecast from there, without anything known of its earliest days.
	first = max(first, vintage-2*historyDays)
	return &daysKnown{history: history, first: first, days: int(last-first) + 1 + horizonDays,
		entries: map[said][]daysEntry{}, country: map[string]string{}, holidays: map[string][]series.KnownColumn{},
		weather: map[string][]series.KnownColumn{}, shared: map[string]*series.Known{}, named: map[string]map[dataset.Days]string{}}
}

// place returns where a day lies in the columns, and false when it does not.
func (k *daysKnown) place(day dataset.Days) (int, bool) {
	at := int64(day) - int64(k.first)
	return int(at), at >= 0 && at < int64(k.days)
}

func (k *daysKnown) takeBusinesses(batch arrow.RecordBatch) error {
	businesses, err := texts(batch, 0)
	if err != nil {
		return err
	}
	countries, err := texts(batch, 1)
	if err != nil {
		return err
	}
	for i, business := range businesses {
		k.country[strings.Clone(business)] = strings.Clone(countries[i])
	}
	return nil
}

func (k *daysKnown) takeHolidays(batch arrow.RecordBatch) error {
	countries, err := texts(batch, 0)
	if err != nil {
		return err
	}
	dates, err := days(batch, 1)
	if err != nil {
		return err
	}
	names, err := texts(batch, 2)
	if err != nil {
		return err
	}
	for i, country := range countries {
		of := k.named[country]
		if of == nil {
			of = map[dataset.Days]string{}
			k.named[strings.Clone(country)] = of
		}
		of[dates[i]] = strings.Clone(names[i])
	}
	return nil
}

func (k *daysKnown) takeEntries(batch arrow.RecordBatch) error {
	var columns [4][]string
	for c := range columns {
		var err error
		if columns[c], err = texts(batch, c); err != nil {
			return err
		}
	}
	first, err := days(batch, 4)
	if err != nil {
		return err
	}
	last, err := days(batch, 5)
	if err != nil {
		return err
	}
	for i := range first {
		of := said{strings.Clone(columns[0][i]), strings.Clone(columns[1][i])}
		k.entries[of] = append(k.entries[of], daysEntry{strings.Clone(columns[2][i]), strings.Clone(columns[3][i]), first[i], last[i]})
	}
	return nil
}

func (k *daysKnown) takeWeather(batch arrow.RecordBatch) error {
	businesses, err := texts(batch, 0)
	if err != nil {
		return err
	}
	dates, err := days(batch, 1)
	if err != nil {
		return err
	}
	for m, measure := range weatherMeasures() {
		values, err := floats(batch, 2+m)
		if err != nil {
			return err
		}
		for i, business := range businesses {
			columns := k.weather[business]
			if columns == nil {
				columns = make([]series.KnownColumn, len(weatherMeasures()))
				k.weather[strings.Clone(business)] = columns
			}
			if columns[m].Values == nil {
				columns[m] = k.column(measure, series.Measured, math.NaN())
			}
			if at, inside := k.place(dates[i]); inside {
				columns[m].Values[at] = values[i]
			}
		}
	}
	return nil
}

// column returns a column of one value.
func (k *daysKnown) column(name string, kind series.KnownKind, value float64) series.KnownColumn {
	values := make([]float64, k.days)
	for i := range values {
		values[i] = value
	}
	return series.KnownColumn{Name: name, Kind: kind, Values: values}
}

// fill gives each series what is known of its days, and takes the values of incidents out.
func (k *daysKnown) fill() {
	k.history.Known = make([]*series.Known, k.history.Len())
	for i := range k.history.Len() {
		business, kpi := k.history.BusinessID[i], k.history.KPIID[i]
		own := k.entries[said{business, kpi}]
		k.setAside(i, k.entries[said{business, ""}])
		k.setAside(i, own)
		if !slices.ContainsFunc(own, func(e daysEntry) bool { return e.kind != incident }) {
			if k.shared[business] == nil {
				k.shared[business] = k.of(business, nil)
			}
			k.history.Known[i] = k.shared[business]
			continue
		}
		k.history.Known[i] = k.of(business, own)
	}
}

// The kinds of calendar entries.
const (
	event    = "event"
	closed   = "closed"
	incident = "incident"
)

// setAside makes the values of incidents missing.
func (k *daysKnown) setAside(i int, entries []daysEntry) {
	values := k.history.Values[k.history.Offsets[i]:k.history.Offsets[i+1]]
	for _, e := range entries {
		if e.kind != incident {
			continue
		}
		from := max(0, int64(e.first)-int64(k.history.FirstDay[i]))
		to := min(int64(len(values)), int64(e.last)-int64(k.history.FirstDay[i])+1)
		for at := from; at < to; at++ {
			values[at] = math.NaN()
		}
	}
}

// of returns what is known of a business's days and, by own, of one of its KPIs.
func (k *daysKnown) of(business string, own []daysEntry) *series.Known {
	if k.month == nil {
		k.month = series.MonthDays(k.first, k.days)
	}
	known := &series.Known{FirstDay: k.first}
	known.Columns = append(known.Columns, k.month...)
	known.Columns = append(known.Columns, k.holidaysOf(k.country[business])...)
	// Models heed so many columns and no more: should a business name each of its days an event, weather goes first.
	known.Columns = append(known.Columns, k.weather[business]...)
	known.Columns = append(known.Columns, k.entered(slices.Concat(k.entries[said{business, ""}], own))...)
	return known
}

// entered returns the columns of calendar entries: one of all closed days, and one of each event by its name.
func (k *daysKnown) entered(entries []daysEntry) []series.KnownColumn {
	columns := map[string]series.KnownColumn{}
	for _, e := range entries {
		name, kind := closedDays, series.Closed
		switch e.kind {
		case event:
			name, kind = eventPrefix+e.name, series.Calendar
		case incident:
			continue
		}
		column, found := columns[name]
		if !found {
			column = k.column(name, kind, 0)
			columns[name] = column
		}
		for day := max(e.first, k.first); day <= e.last; day++ {
			at, inside := k.place(day)
			if !inside {
				break
			}
			column.Values[at] = 1
		}
	}
	return slices.SortedFunc(maps.Values(columns), func(a, b series.KnownColumn) int { return cmp.Compare(a.Name, b.Name) })
}

// holidaysOf returns the columns of a country's holidays: one of each name, and one each of the days before and after any.
// In years of which the country's holidays are not known they are not known either.
func (k *daysKnown) holidaysOf(country string) []series.KnownColumn {
	if columns, made := k.holidays[country]; made {
		return columns
	}
	named := k.named[country]
	columns := map[string]series.KnownColumn{}
	mark := func(name string, day dataset.Days) {
		at, inside := k.place(day)
		if !inside {
			return
		}
		if _, found := columns[name]; !found {
			columns[name] = k.column(name, series.Calendar, 0)
		}
		columns[name].Values[at] = 1
	}
	for _, day := range slices.Sorted(maps.Keys(named)) {
		mark(holidayPrefix+named[day], day)
		if named[day-1] == "" {
			mark(dayBefore, day-1)
		}
		if named[day+1] == "" {
			mark(dayAfter, day+1)
		}
	}
	all := slices.SortedFunc(maps.Values(columns), func(a, b series.KnownColumn) int { return cmp.Compare(a.Name, b.Name) })
	k.forget(all, named)
	k.holidays[country] = all
	return all
}

// forget makes the days of years without any named day unknown.
func (k *daysKnown) forget(columns []series.KnownColumn, named map[dataset.Days]string) {
	years := map[int]bool{}
	for day := range named {
		years[dataset.FromDays(day).Year()] = true
	}
	for at := range k.days {
		if years[dataset.FromDays(k.first+dataset.Days(at)).Year()] {
			continue
		}
		for _, c := range columns {
			c.Values[at] = math.NaN()
		}
	}
}
