package forecast

import (
	"fmt"
	"math"
	"strings"

	"github.com/signalcraft/signalcraft/models/series"
)

// place is a day counted from the first one of the history that is fitted: places below n are past, those from n on ahead.

// column is one thing known of days, laid on the places of a series.
type column struct {
	name     string
	kind     series.KnownKind
	x        []float64 // by place; 0 is nothing out of the ordinary
	reach    int       // how many places ahead are known; of the calendar all are
	unit     float64   // what a difference of 1 in x is, in the column's own unit
	sums     []float64 // running sums of x up to what is known
	oneStep  []float64 // what the smoother leaves of x, one step ahead; one of left
	left     map[parameters][]float64
	manyStep []float64 // and many steps, by origin and step
}

// unit is what is kept or refused together: the calendar columns of a kind, or a single measured one.
type unit struct {
	columns  []int
	calendar bool
	ridge    float64 // noise variance divided by that of the effects
	evidence float64
}

const (
	mostColumns = 64
	// climateLeast is how many days show a climate: the year's mean course of a measured column.
	climateLeast = 548
	year         = 365.25
	// lately is over how many known days the mean is taken, in place of what is not known.
	lately = 28
	// groupMark ends the part of a calendar column's name that says of what kind it is.
	groupMark = ": "
)

// knownDays is what is known of the days of one series.
type knownDays struct {
	columns []column
	units   []unit
	n       int
	loaded  loaded
}

// loaded says what was loaded last: series of one business mostly share it.
type loaded struct {
	known                     *series.Known
	day                       int32
	n, ahead, horizon, season int
}

// load lays the calendar and the measured columns on n past places and the ones ahead; day is that of place 0.
func (d *knownDays) load(k *series.Known, day int32, n, ahead, horizon, season int) {
	if now := (loaded{k, day, n, ahead, horizon, season}); now != d.loaded || k == nil {
		d.columns, d.units, d.n, d.loaded = nil, nil, n, now
		d.lay(k, day, n, ahead, horizon, season)
	}
}

// lay is load for another series than the last.
func (d *knownDays) lay(k *series.Known, day int32, n, ahead, horizon, season int) {
	if k == nil {
		return
	}
	groups := map[string]int{}
	for _, c := range k.Columns {
		at := valueAt(k, c, day)
		switch c.Kind {
		case series.Calendar:
			d.calendar(c.Name, at, n+ahead, groups)
		case series.Measured:
			d.measured(c.Name, at, ahead, horizon, season)
		}
	}
}

// valueAt returns what a column says of a place, NaN where it says nothing; day is that of place 0.
func valueAt(k *series.Known, c series.KnownColumn, day int32) func(place int) float64 {
	return func(place int) float64 {
		if j := int64(day) + int64(place) - int64(k.FirstDay); j >= 0 && j < int64(len(c.Values)) {
			return c.Values[j]
		}
		return math.NaN()
	}
}

// calendar adds a column unless it is 0 throughout. What is not known, or no number, is 0.
func (d *knownDays) calendar(name string, at func(int) float64, places int, groups map[string]int) {
	x, any := make([]float64, places), false
	for place := range x {
		if v := at(place); !math.IsNaN(v) && !math.IsInf(v, 0) && v != 0 {
			x[place], any = v, true
		}
	}
	if !any || len(d.columns) == mostColumns {
		return
	}
	group := name
	if kind, _, found := strings.Cut(name, groupMark); found {
		group = kind + groupMark
	}
	at64, known := groups[group]
	if !known {
		at64 = len(d.units)
		groups[group] = at64
		d.units = append(d.units, unit{calendar: true})
	}
	d.units[at64].columns = append(d.units[at64].columns, len(d.columns))
	d.columns = append(d.columns, column{name: name, kind: series.Calendar, x: x, reach: places - d.n, unit: 1})
}

// measured adds a column as its difference from its climate, or from its mean where the history is too short to show one, in
// standard deviations; and, where it is not known over the whole horizon, also its values of the day and of the season
// before. A column with fewer than 30 past values, or of one value only, is left out.
func (d *knownDays) measured(name string, at func(int) float64, ahead, horizon, season int) {
	values := make([]float64, d.n+ahead)
	for place := range values {
		if values[place] = at(place); math.IsInf(values[place], 0) {
			values[place] = math.NaN()
		}
	}
	deviation := anomalies(values, d.n)
	if !(deviation > 0) {
		return
	}
	reach := 0
	for reach < ahead && !math.IsNaN(values[d.n+reach]) {
		reach++
	}
	lags := []int{0}
	if reach < ahead && reach < horizon {
		lags = append(lags, 1)
		if season > 1 {
			lags = append(lags, season)
		}
	}
	for _, lag := range lags {
		if len(d.columns) == mostColumns {
			return
		}
		c := column{name: name, kind: series.Measured, reach: min(ahead, reach+lag), unit: deviation}
		if lag > 0 {
			c.name = fmt.Sprintf("%s (%d days before)", name, lag)
		}
		c.x = make([]float64, len(values))
		for place := range c.x {
			if from := place - lag; from >= 0 && !math.IsNaN(values[from]) {
				c.x[place] = values[from]
			}
		}
		c.forget(d.n)
		d.units = append(d.units, unit{columns: []int{len(d.columns)}})
		d.columns = append(d.columns, c)
	}
}

// anomalies turns values into differences from their climate in standard deviations, and returns the deviation; 0 when there
// is nothing to learn from. The climate is, by least squares over the n past values, a constant and two harmonics of the
// year, of which the history shows climateLeast days or more, else the constant.
func anomalies(values []float64, n int) (deviation float64) {
	seen := 0
	for _, v := range values[:n] {
		if !math.IsNaN(v) {
			seen++
		}
	}
	if seen < 30 {
		return 0
	}
	terms := 1
	if seen >= climateLeast {
		terms = 5
	}
	basis := func(place int) [5]float64 {
		s, c := math.Sincos(2 * math.Pi * float64(place) / year)
		return [5]float64{1, s, c, 2 * s * c, c*c - s*s}
	}
	var solver regression
	solver.begin(terms)
	for place, v := range values[:n] {
		if row := basis(place); !math.IsNaN(v) {
			solver.add(row[:terms], v, 1)
		}
	}
	solver.factorise()
	coef := solver.solve(terms)
	squares := 0.0
	for place := range values {
		b, climate := basis(place), 0.0
		for k := range terms {
			climate += coef[k] * b[k]
		}
		values[place] -= climate
		if place < n && !math.IsNaN(values[place]) {
			squares += values[place] * values[place]
		}
	}
	deviation = math.Sqrt(squares / float64(seen))
	if !(deviation > 1e-9*math.Abs(coef[0])) || math.IsInf(deviation, 0) {
		return 0
	}
	for place := range values {
		values[place] /= deviation
	}
	return deviation
}

// forget replaces what is not known ahead by the mean of what was known lately.
func (c *column) forget(n int) {
	c.sums = append(c.sums[:0], 0)
	for _, v := range c.x[:n+c.reach] {
		c.sums = append(c.sums, c.sums[len(c.sums)-1]+v)
	}
	for place := n + c.reach; place < len(c.x); place++ {
		c.x[place] = c.expected(n)
	}
}

// expected returns what stands for the unknown when seen from an origin: the mean of what was known lately.
func (c *column) expected(origin int) float64 {
	end := min(origin+c.reach, len(c.sums)-1)
	begin := max(0, end-lately)
	if end == begin {
		return 0
	}
	return (c.sums[end] - c.sums[begin]) / float64(end-begin)
}

// seen returns the column at a place as it is known from an origin.
func (c *column) seen(origin, place int) float64 {
	if c.kind == series.Calendar || place < origin+c.reach {
		return c.x[place]
	}
	return c.expected(origin)
}
