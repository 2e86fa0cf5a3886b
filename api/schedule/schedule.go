// Package schedule says when a cron expression in a time zone comes due, also where clocks change.
//
// Expressions have five fields: minute, hour, day of month, month, day of week. One whose hour is a star, alone or with a step,
// goes by elapsed time: it comes due in both of the hours that clocks show twice and in none of those that they skip. One that names hours goes by
// the local clock: a time that clocks skip comes due at the end of the gap, one that they show twice at its first showing. So
// nothing that is due once a day is skipped or doubled.
package schedule

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// MinInterval is the shortest time between two due times.
const MinInterval = 15 * time.Minute

// Schedule is a parsed expression in a zone. It may be used from many goroutines.
type Schedule struct {
	fields *cron.SpecSchedule
	zone   *time.Location
	// elapsed is true when the hour is a star.
	elapsed bool
}

// Parse reads an expression; zone is an IANA name. The error's text is for whoever wrote the expression.
func Parse(expression, zone string) (Schedule, error) {
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" || zone == "" {
		return Schedule{}, fmt.Errorf("time zone %q is not known", zone)
	}
	parts := strings.Fields(expression)
	if len(parts) != 5 || len(expression) > 100 || strings.Contains(expression, "=") {
		return Schedule{}, errors.New("want five fields: minute, hour, day of month, month, day of week")
	}
	parsed, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(strings.Join(parts, " "))
	if err != nil {
		return Schedule{}, errors.New("not a cron expression such as 0 6 * * *")
	}
	fields, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return Schedule{}, errors.New("not a cron expression such as 0 6 * * *")
	}
	s := Schedule{fields: fields, zone: location, elapsed: strings.HasPrefix(parts[1], "*")}
	fields.Location = time.UTC // wall clocks are counted as if they were UTC
	if s.fields.Next(time.Unix(0, 0).UTC()).IsZero() {
		return Schedule{}, errors.New("never comes due")
	}
	if s.interval() < MinInterval {
		return Schedule{}, fmt.Errorf("comes due more often than every %d minutes", int(MinInterval.Minutes()))
	}
	return s, nil
}

// interval is the shortest distance of two due times on one day or on days that follow each other.
func (s Schedule) interval() time.Duration {
	const day = 24 * 60
	first, last, shortest := -1, -1, day
	for hour := range 24 {
		if s.fields.Hour&(1<<uint(hour)) == 0 {
			continue
		}
		for minutes := s.fields.Minute &^ (1 << 63); minutes != 0; minutes &= minutes - 1 {
			at := hour*60 + bits.TrailingZeros64(minutes)
			if last >= 0 {
				shortest = min(shortest, at-last)
			} else {
				first = at
			}
			last = at
		}
	}
	return time.Duration(min(shortest, first+day-last)) * time.Minute
}

// Next returns the first due time after an instant, in UTC; the zero time when there is none within five years.
func (s Schedule) Next(after time.Time) time.Time {
	if s.elapsed {
		fields := *s.fields
		fields.Location = s.zone
		return fields.Next(after.In(s.zone)).UTC()
	}
	wall := wallOf(after.In(s.zone))
	for {
		wall = s.fields.Next(wall)
		if wall.IsZero() {
			return time.Time{}
		}
		// After clocks went back, times of the hour before show again: their first showing is over.
		if due := s.instant(wall); due.After(after) {
			return due
		}
	}
}

// wallOf is what t's clock shows, as if that were UTC.
func wallOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// instant is when the zone's clocks first show wall, or the end of the gap in which they skip it.
func (s Schedule) instant(wall time.Time) time.Time {
	at := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, s.zone)
	start, _ := at.ZoneBounds()
	if !wallOf(at).Equal(wall) { // skipped: Date chose an instant on either side of the change
		if wallOf(at).After(wall) {
			return start.UTC()
		}
		_, end := at.ZoneBounds()
		return end.UTC()
	}
	if !start.IsZero() {
		// The same wall clock in the stretch before, when that has not ended by then.
		_, offset := at.Zone()
		_, before := start.Add(-time.Second).Zone()
		if earlier := at.Add(time.Duration(offset-before) * time.Second); earlier.Before(start) {
			return earlier.UTC()
		}
	}
	return at.UTC()
}
