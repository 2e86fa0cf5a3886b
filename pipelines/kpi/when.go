package kpi

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/kpi/sheet"
)

// Years outside this range are typing errors, not history.
const (
	firstYear = 1900
	lastYear  = 2199
)

// isoLayouts are what a Spec without layouts accepts.
func isoLayouts() []string {
	return []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339, "2006-01-02 15:04:05Z07:00"}
}

// layout is one form of a time and what it lacks.
type layout struct {
	form     string
	zoned    bool // carries its offset
	dateOnly bool // carries no time of day
	// parse replaces time.Parse for the special layouts.
	parse func(text string) (time.Time, error)
}

func newLayout(form string) layout {
	if parse := special(form); parse != nil {
		return layout{form: form, zoned: form == LayoutUnix || form == LayoutUnixMilli, parse: parse}
	}
	noon := time.Date(2001, 2, 3, 12, 34, 56, 0, time.UTC)
	other := noon.In(time.FixedZone("", 0)).Add(-5 * time.Hour)
	east := time.Date(2001, 2, 3, 12, 34, 56, 0, time.FixedZone("EAST", 3600))
	return layout{form: form, zoned: noon.Format(form) != east.Format(form), dateOnly: noon.Format(form) == other.Format(form)}
}

func (l layout) read(text string) (time.Time, error) {
	if l.parse != nil {
		return l.parse(text)
	}
	return time.Parse(l.form, text)
}

// isDate reports whether at, read with the layout, is a day and not an instant. Of day counts only the whole ones are.
func (l layout) isDate(at time.Time) bool {
	return l.dateOnly || l.parse != nil && at.Equal(at.Truncate(24*time.Hour))
}

// monthLayouts are the forms that may lack a day: such a time is its month's first.
func monthLayouts() []string {
	return []string{"2006-01", "01/2006", "1/2006", "01.2006", "01-2006", "Jan 2006", "Jan-2006", "January 2006", "2006/01", "200601"}
}

// special returns how a special layout is read, nil for one of package time.
func special(form string) func(string) (time.Time, error) {
	switch form {
	case LayoutUnix:
		return func(text string) (time.Time, error) { return epoch(text, 1e6) }
	case LayoutUnixMilli:
		return func(text string) (time.Time, error) { return epoch(text, 1e3) }
	case LayoutExcel:
		return func(text string) (time.Time, error) { return serial(text, false) }
	case LayoutExcel1904:
		return func(text string) (time.Time, error) { return serial(text, true) }
	}
	return nil
}

// epoch reads a count since 1970 whose unit has so many microseconds.
func epoch(text string, micros float64) (time.Time, error) {
	count, err := strconv.ParseFloat(text, 64)
	if err != nil || !(math.Abs(count*micros) < 1e16) {
		return time.Time{}, errNoTime
	}
	return time.UnixMicro(int64(math.Round(count * micros))).UTC(), nil
}

var errNoTime = errors.New("not a time")

func serial(text string, from1904 bool) (time.Time, error) {
	days, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return time.Time{}, errNoTime
	}
	at, ok := sheet.Day(days, from1904)
	if !ok {
		return time.Time{}, errNoTime
	}
	return at, nil
}

// checkLayout refuses forms that do not name a day, or name a zone by letters, which mean different
// zones in different countries.
func checkLayout(form string) error {
	if special(form) != nil {
		return nil
	}
	day := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	for _, other := range []time.Time{day.AddDate(1, 0, 0), day.AddDate(0, 1, 0), day.AddDate(0, 0, 1)} {
		if day.Format(form) == other.Format(form) && !slices.Contains(monthLayouts(), form) {
			return errors.New("it does not hold year, month and day")
		}
	}
	if strings.Contains(form, "MST") {
		return errors.New("zones named by letters are not understood; give the zone in the spec")
	}
	return nil
}

// clock turns texts into instants.
type clock struct {
	layouts []layout
	zone    *time.Location

	// Wall clock times, in seconds, in [low, high) lie in one stretch of the zone, far from its ends, with this offset.
	low, high, offset int64
}

func newClock(zoneName string, forms []string) (*clock, error) {
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		return nil, fmt.Errorf("load zone %q: %w", zoneName, err)
	}
	c := &clock{zone: zone}
	if len(forms) == 0 {
		forms = isoLayouts()
	}
	for _, form := range forms {
		c.layouts = append(c.layouts, newLayout(form))
	}
	return c, nil
}

// instants returns the instants that text may mean: one, or two in order of time when
// clocks went back over it. With none, reason says why.
func (c *clock) instants(text string) (first, second time.Time, reason string) {
	for i, l := range c.layouts {
		at, err := l.read(text)
		if err != nil {
			continue
		}
		if i > 0 {
			// The next line most likely has the same form.
			c.layouts[0], c.layouts[i] = c.layouts[i], c.layouts[0]
		}
		if at.Year() < firstYear || at.Year() > lastYear {
			return time.Time{}, time.Time{}, fmt.Sprintf("time %q: the year is not between %d and %d", text, firstYear, lastYear)
		}
		if l.zoned {
			return at.UTC(), time.Time{}, ""
		}
		return c.local(at, l.isDate(at), text)
	}
	if text == "" {
		return time.Time{}, time.Time{}, "the time is empty"
	}
	return time.Time{}, time.Time{}, fmt.Sprintf("time %q has none of the expected forms", text)
}

// local finds the instants at which the zone's clocks show wall, which is given as if it were UTC.
func (c *clock) local(wall time.Time, dateOnly bool, text string) (first, second time.Time, reason string) {
	seconds := wall.Unix()
	if seconds >= c.low && seconds < c.high {
		return time.Unix(seconds-c.offset, int64(wall.Nanosecond())).UTC(), time.Time{}, ""
	}
	y, m, d := wall.Date()
	at := time.Date(y, m, d, wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), c.zone)
	if at.Hour() != wall.Hour() || at.Minute() != wall.Minute() || at.Day() != d {
		if start, ok := startOfDay(wall, c.zone); ok && dateOnly {
			return start, time.Time{}, ""
		}
		return time.Time{}, time.Time{}, fmt.Sprintf("time %q never was in %s: clocks went forward over it", text, c.zone)
	}
	start, end := at.ZoneBounds()
	offset := zoneOffset(at)
	c.remember(start, end, offset)
	first = at.UTC()
	if !end.IsZero() {
		if other := at.Add(time.Duration(offset-zoneOffset(end)) * time.Second); !other.Before(end) {
			second = other.UTC()
		}
	}
	if !start.IsZero() {
		if other := at.Add(time.Duration(offset-zoneOffset(start.Add(-time.Second))) * time.Second); other.Before(start) {
			first, second = other.UTC(), at.UTC()
		}
	}
	if dateOnly {
		second = time.Time{}
	}
	return first, second, ""
}

// remember keeps the stretch [start, end) less 26 hours at either end: no clock was ever
// moved further.
func (c *clock) remember(start, end time.Time, offset int64) {
	const margin = 26 * 60 * 60
	c.low, c.high, c.offset = math.MinInt64, math.MaxInt64, offset
	if !start.IsZero() {
		c.low = start.Unix() + offset + margin
	}
	if !end.IsZero() {
		c.high = end.Unix() + offset - margin
	}
}

// startOfDay returns the first instant of wall's day where midnight was skipped, and false where the whole day was.
func startOfDay(wall time.Time, zone *time.Location) (time.Time, bool) {
	y, m, d := wall.Date()
	noon := time.Date(y, m, d, 12, 0, 0, 0, zone)
	start, _ := noon.ZoneBounds()
	return start.UTC(), noon.Day() == d && !start.IsZero() && start.In(zone).Day() == d
}

func zoneOffset(at time.Time) int64 {
	_, offset := at.Zone()
	return int64(offset)
}
