package run

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/models/series"
)

// readJudged reads the history of every KPI up to the window's end, what is known of its days, and how loud its business wants to hear of it.
// A nil only reads all KPIs.
func readJudged(ctx context.Context, in Tables, p Params, only *onlyKPI) (*judged, error) {
	s := &judged{p: p, only: only, settings: map[string]loudness{}, zones: map[string]*time.Location{}, starts: map[string]map[dataset.Days]time.Time{}}
	if err := scanEach(ctx, in, judgedBusiness, s.takeBusinesses); err != nil {
		return nil, fmt.Errorf("read businesses: %w", err)
	}
	d := &dayReader{p: p, settings: s.settings, zones: s.zones, hourly: map[said]map[dataset.Days]float64{}}
	if err := scanEach(ctx, in, judgedKPI, func(batch arrow.RecordBatch) error { return d.takeKPIs(batch, s) }); err != nil {
		return nil, fmt.Errorf("read KPIs: %w", err)
	}
	if err := scanEach(ctx, in, judgedDaily, d.takeDays); err != nil {
		return nil, fmt.Errorf("read days: %w", err)
	}
	d.appendUnsettled()
	var err error
	s.history, err = d.builder.Build()
	warnEach(p, err)
	if s.history.Len() < len(s.least) { // a series was refused: the others keep their settings by name
		s.realign(d.places)
	}
	s.entries, err = s.readDaysKnown(ctx, in)
	return s, err
}

// scanEach hands every batch of an input to take.
func scanEach(ctx context.Context, in Tables, input int, take func(arrow.RecordBatch) error) error {
	batches, err := in.Scan(ctx, input)
	if err != nil {
		return err
	}
	for batch, err := range batches {
		if err == nil {
			err = take(batch)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// takeBusinesses reads how loud each business wants to hear of anomalies. A zone that this machine does not know is an error: without it no day can be
// told to be over.
func (s *judged) takeBusinesses(batch arrow.RecordBatch) error {
	ids, err := texts(batch, 0)
	if err != nil {
		return err
	}
	zones, err := texts(batch, 2)
	if err != nil {
		return err
	}
	expected, err := floats(batch, 3)
	if err != nil {
		return err
	}
	share, err := floats(batch, 4)
	if err != nil {
		return err
	}
	for i, id := range ids {
		zone := strings.Clone(zones[i])
		if s.zones[zone] == nil {
			location, err := time.LoadLocation(zone)
			if err != nil {
				return fmt.Errorf("business %s: %w", id, err)
			}
			s.zones[zone] = location
		}
		settled := min(settledOn(s.p.AsOf, s.zones[zone]), dataset.ToDays(s.p.Window.End)-1)
		if s.only != nil {
			if id != s.only.of.business {
				continue
			}
			expected[i] = s.only.expected
		}
		s.settings[strings.Clone(id)] = loudness{zone, expected[i], share[i], dataset.ToDays(s.p.Window.Start), settled}
		s.last = max(s.last, settled)
	}
	return nil
}

// readDaysKnown adds what is known of days to the history and returns what businesses said of theirs. Values of incidents are set aside.
func (s *judged) readDaysKnown(ctx context.Context, in Tables) (map[said][]daysEntry, error) {
	k, last := newDaysKnown(s.history, s.last), s.last
	for i := range s.history.Len() {
		if len(s.history.Series(i)) > 0 { // of all days: rows must not depend on the run that makes them
			k.first, last = min(k.first, s.history.FirstDay[i]), max(last, s.history.LastDay(i))
		}
	}
	k.days = int(last-k.first) + 1
	for _, input := range []struct {
		number int
		take   func(arrow.RecordBatch) error
	}{{judgedBusiness, k.takeBusinesses}, {judgedHoliday, k.takeHolidays}, {judgedEntry, k.takeEntries}} {
		if err := scanEach(ctx, in, input.number, input.take); err != nil {
			return nil, fmt.Errorf("read what is known of days: %w", err)
		}
	}
	k.fill()
	return k.entries, nil
}

// realign moves what is known of series by place to where they stand after some were refused.
func (s *judged) realign(places map[said]int) {
	least := make([]float64, s.history.Len())
	for i := range least {
		if at, ok := places[said{s.history.BusinessID[i], s.history.KPIID[i]}]; ok {
			least[i] = s.least[at]
		}
	}
	s.least = least
}

// dayReader puts the days that may be judged into a builder.
type dayReader struct {
	p         Params
	settings  map[string]loudness
	zones     map[string]*time.Location
	builder   series.Builder
	places    map[said]int
	hourly    map[said]map[dataset.Days]float64 // coverage of days that lack hours
	unsettled []pendingDay
}

// pendingDay is a day that has ended and lacks hours which may still come.
type pendingDay struct {
	of              said
	day             dataset.Days
	value, coverage float64
}

// takeKPIs declares every KPI of a business that is known, in order.
func (d *dayReader) takeKPIs(batch arrow.RecordBatch, s *judged) error {
	businesses, err := texts(batch, 0)
	if err != nil {
		return err
	}
	kpis, err := texts(batch, 1)
	if err != nil {
		return err
	}
	integer, err := flags(batch, 4)
	if err != nil {
		return err
	}
	totals, err := texts(batch, 6)
	if err != nil {
		return err
	}
	var numbers [3][]float64
	for c, column := range []int{2, 3, 5} {
		if numbers[c], err = floats(batch, column); err != nil {
			return err
		}
	}
	if d.places == nil {
		d.places = map[said]int{}
	}
	for i, business := range businesses {
		if _, known := d.settings[business]; !known || (s.only != nil && kpis[i] != s.only.of.kpi && totals[i] != s.only.of.kpi) {
			continue
		}
		d.builder.Declare(business, kpis[i], rangeOf(business, kpis[i], numbers[0][i], numbers[1][i], integer[i], d.p.Warn))
		d.places[said{strings.Clone(business), strings.Clone(kpis[i])}] = len(s.least)
		s.least = append(s.least, numbers[2][i])
	}
	return nil
}

// takeDays appends the days of a batch that had ended by the run's instant and lie before the window's end. A day that has just ended and lacks hours
// waits: it may only be late.
func (d *dayReader) takeDays(batch arrow.RecordBatch) error {
	c, err := dayColumns(batch)
	if err != nil {
		return err
	}
	end, kept := dataset.ToDays(d.p.Window.End), 0
	for i := range c.days {
		over := time.UnixMicro(c.starts[i]).Add(time.Duration(c.hours[i]) * time.Hour)
		key := said{c.businesses[i], c.kpis[i]}
		if _, known := d.places[key]; !known || c.days[i] >= end || over.After(d.p.AsOf) {
			continue
		}
		if c.coverage[i] < wholeShare {
			key = said{strings.Clone(key.business), strings.Clone(key.kpi)}
			if over.Add(settleHours * time.Hour).After(d.p.AsOf) {
				d.unsettled = append(d.unsettled, pendingDay{key, c.days[i], c.values[i], c.coverage[i]})
				continue
			}
			if over.AddDate(0, 0, 9).After(d.p.AsOf) {
				d.note(key, c.days[i], c.coverage[i])
			}
		}
		c.businesses[kept], c.kpis[kept], c.days[kept], c.values[kept] = c.businesses[i], c.kpis[i], c.days[i], c.values[i]
		kept++
	}
	return d.builder.Append(c.businesses[:kept], c.kpis[:kept], c.days[:kept], c.values[:kept])
}

func (d *dayReader) note(key said, day dataset.Days, coverage float64) {
	if d.hourly[key] == nil {
		d.hourly[key] = map[dataset.Days]float64{}
	}
	d.hourly[key][day] = coverage
}

// appendUnsettled appends the waiting days that have as many hours as the same weekday before.
func (d *dayReader) appendUnsettled() {
	for _, u := range d.unsettled {
		if before, lacks := d.hourly[u.of][u.day-weekDays]; lacks && u.coverage >= wholeShare*before {
			// Columns of one row are of equal length.
			_ = d.builder.Append([]string{u.of.business}, []string{u.of.kpi}, []dataset.Days{u.day}, []float64{u.value})
		}
	}
}

// judgedDays are the columns of a batch of days.
type judgedDays struct {
	businesses, kpis []string
	days             []dataset.Days
	values, coverage []float64
	starts           []int64
	hours            []int32
}

func dayColumns(batch arrow.RecordBatch) (c judgedDays, err error) {
	if c.businesses, err = texts(batch, 0); err != nil {
		return c, err
	}
	if c.kpis, err = texts(batch, 1); err != nil {
		return c, err
	}
	if c.days, err = days(batch, 2); err != nil {
		return c, err
	}
	if c.values, err = floats(batch, 3); err != nil {
		return c, err
	}
	if c.starts, err = micros(batch, 4); err != nil {
		return c, err
	}
	if c.hours, err = integers(batch, 5); err != nil {
		return c, err
	}
	c.coverage, err = floats(batch, 6)
	return c, err
}

// dueToBeJudged names the businesses of which a day ended or settled, and those in whose zone a day that has no value should have come.
func dueToBeJudged(ctx context.Context, in Tables, before, now time.Time, due map[string]bool) error {
	if err := endedDays(ctx, in, judgedDaily, before, now, []time.Duration{0, settleHours * time.Hour}, due); err != nil {
		return err
	}
	then, s := &judged{p: Params{AsOf: before}}, &judged{p: Params{AsOf: now}}
	for _, j := range []*judged{then, s} {
		j.p.Window.End = now.AddDate(1, 0, 0)
		j.settings, j.zones = map[string]loudness{}, map[string]*time.Location{}
		if err := scanEach(ctx, in, judgedBusiness, j.takeBusinesses); err != nil {
			return err
		}
	}
	for business, setting := range s.settings {
		if then.settings[business].settled != setting.settled {
			due[business] = true
		}
	}
	return nil
}
