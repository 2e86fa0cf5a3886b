package sniff

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/kpi"
)

// enough is the share of a column's texts that must be times, or numbers, for the column to be one of them: a damaged row
// must not hide what a column is.
const enough = 0.9

// mostly reports whether so many texts of a total are enough; of few, one may always be damaged.
func mostly(n, total int) bool {
	return n > 0 && float64(n) >= enough*float64(total) || n >= 3 && total-n <= 1
}

// reading is how the texts of a time column can be read in one order.
type reading struct {
	order    string
	patterns []string // as found
	read     int      // texts
}

// timeColumn is a column that may be the time.
type timeColumn struct {
	index    int
	total    int
	moments  int // cells that are times by their type
	zoned    bool
	readings []reading // by order, best first
	counted  string    // the special layout, when the times are counts
	clock    bool      // some have a time of day
	hint     bool      // the name says that it is a time
}

// maxTexts bounds the texts of a column that are looked at.
const maxTexts = 3000

// parser remembers the layout of each pattern.
type parser struct{ layouts map[string]string }

func newParser() *parser { return &parser{layouts: map[string]string{}} }

func (p *parser) fits(pattern, value string) bool {
	layout, known := p.layouts[pattern]
	if !known {
		layout, _ = Layout(pattern) // ours are sound
		p.layouts[pattern] = layout
	}
	at, err := time.Parse(layout, value)
	return err == nil && at.Year() >= 1900 && at.Year() <= 2199
}

// pattern returns a pattern of an order that fits value; first those that did before.
func (p *parser) pattern(r *reading, value string) string {
	for _, known := range r.patterns {
		if p.fits(known, value) {
			return known
		}
	}
	for _, date := range dates(r.order) {
		for _, clock := range clocks() {
			if p.fits(date+clock, value) {
				return date + clock
			}
		}
	}
	return ""
}

// timeText is what a text looks like that may be a time: it spares the others the trial of every pattern.
var timeText = regexp.MustCompile(`(?i)^(\d{8}|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T,].*)?|\d{4}[-/]\d{2}|\d{2}[-/.]\d{4}|\d{8}[ T].*|.*\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b.*)$`)

// isTime reports whether a text is a time in any order.
func isTime(value string) bool {
	if len(value) < 6 || len(value) > 40 || !timeText.MatchString(value) {
		return false
	}
	p := newParser()
	for _, order := range orders() {
		if pattern := p.pattern(&reading{order: order}, value); pattern != "" && pattern != "YYYYMMDD" {
			return true
		}
	}
	return false
}

// timeColumn looks at a column as a time; nil when it is none.
func (l *look) timeColumn(index int) *timeColumn {
	c := &timeColumn{index: index, hint: timeName.MatchString(l.table.columns[index]), zoned: l.table.zoned[index]}
	for _, order := range orders() {
		c.readings = append(c.readings, reading{order: order})
	}
	p := newParser()
	numbers := counts{}
	l.table.values(index, func(value string, kind cellKind) {
		if c.total++; c.total > maxTexts {
			return
		}
		if kind == moment {
			c.moments++
			c.clock = c.clock || len(value) > len(time.DateOnly)
			return
		}
		if n, err := strconv.ParseFloat(value, 64); err == nil {
			numbers.add(n)
		}
		if len(value) < 6 || len(value) > 40 || !timeText.MatchString(value) || c.total > 50 && c.best() < c.total/4 {
			return
		}
		for i := range c.readings {
			r := &c.readings[i]
			if r.read == 0 && c.total > 40 {
				continue // what cannot read the first forty will not read the rest
			}
			pattern := p.pattern(r, value)
			if pattern == "" {
				continue
			}
			r.read++
			if !slices.Contains(r.patterns, pattern) {
				r.patterns = append(r.patterns, pattern)
			}
		}
	})
	c.total = min(c.total, maxTexts)
	if c.total == 0 {
		return nil
	}
	return c.settle(numbers)
}

func (c *timeColumn) best() int {
	most := c.moments
	for _, r := range c.readings {
		most = max(most, c.moments+r.read)
	}
	return most
}

// settle decides whether the column is a time.
func (c *timeColumn) settle(numbers counts) *timeColumn {
	slices.SortStableFunc(c.readings, func(a, b reading) int { return b.read - a.read })
	for _, r := range c.readings[:1] {
		for _, pattern := range r.patterns {
			c.clock = c.clock || strings.Contains(pattern, "h")
			c.zoned = c.zoned || strings.Contains(pattern, "Z")
		}
	}
	compact := len(c.readings[0].patterns) == 1 && c.readings[0].patterns[0] == "YYYYMMDD"
	if mostly(c.best(), c.total) && (!compact || c.hint || c.total >= 10) {
		return c
	}
	if !mostly(numbers.n, c.total) || !c.hint {
		return nil
	}
	switch {
	case numbers.within(3e8, 4.2e9) && numbers.whole:
		c.counted, c.clock, c.zoned = kpi.LayoutUnix, true, true
	case numbers.within(3e11, 4.2e12) && numbers.whole:
		c.counted, c.clock, c.zoned = kpi.LayoutUnixMilli, true, true
	case numbers.within(15_000, 90_000):
		c.counted, c.clock = kpi.LayoutExcel, !numbers.whole
	default:
		return nil
	}
	return c
}

// counts are what is known of a column's numbers.
type counts struct {
	n         int
	low, high float64
	whole     bool
}

func (c *counts) add(v float64) {
	if c.n == 0 {
		c.low, c.high, c.whole = v, v, true
	}
	c.n++
	c.low, c.high, c.whole = min(c.low, v), max(c.high, v), c.whole && v == float64(int64(v))
}

func (c *counts) within(low, high float64) bool { return c.n > 0 && c.low >= low && c.high <= high }

// timeName is how columns of times are called, in English and a few other languages.
var timeName = regexp.MustCompile(`(?i)(^|[^a-z])(date|day|time|timestamp|datetime|ts|ds|dt|period|month|week|epoch|datum|tag|zeit|zeitpunkt|monat|fecha|hora|jour|mois|heure|giorno|data|dzien)([^a-z]|$)|date$|time$|^date|_at$|^at$`)

// hourName is how columns of hours are called.
var hourName = regexp.MustCompile(`(?i)^(hr|hrs|hour|hours|stunde|heure|hora|ora|h)$`)

// clockText is a time of day.
var clockText = regexp.MustCompile(`^\d{1,2}:\d{2}(:\d{2})?$`)

// times finds the columns of the time and how they are written.
func (l *look) times() error {
	f := l.found
	if f.Zone = l.choices.Zone; f.Zone == "" {
		f.Zone = l.options.Zone
	}
	var found []*timeColumn
	for i := range l.table.columns {
		if len(l.choices.Time) > 0 && !slices.Contains(l.choices.Time, l.table.columns[i]) {
			continue
		}
		if c := l.timeColumn(i); c != nil {
			found = append(found, c)
		}
	}
	if err := l.exist(FieldTime, l.choices.Time...); err != nil {
		return err
	}
	if len(found) == 0 {
		l.withoutTime()
		return nil
	}
	// Names that say so come first; among equals the order in the file decides.
	slices.SortStableFunc(found, func(a, b *timeColumn) int { return rank(b) - rank(a) })
	c := found[0]
	if len(found) > 1 && len(l.choices.Time) == 0 && rank(found[1]) == rank(c) {
		var choices []Choice
		for _, other := range found {
			choices = append(choices, Choice{l.table.columns[other.index], "the time is " + l.table.columns[other.index]})
		}
		f.ask(FieldTime, "several columns hold times", choices...)
	}
	f.Time = []string{l.table.columns[c.index]}
	if len(l.choices.Time) > 0 {
		f.Time = l.choices.Time
	}
	clock := ""
	if len(l.choices.Time) == 0 && !c.clock || len(l.choices.Time) > 1 {
		clock = l.clockColumn(c)
	}
	f.Zoned = c.zoned
	return l.forms(c, clock)
}

func rank(c *timeColumn) int {
	if c.hint {
		return 1
	}
	return 0
}

// withoutTime asks for the time where no column looks like one.
func (l *look) withoutTime() {
	f := l.found
	if f.Time = l.choices.Time; len(f.Time) == 0 {
		var choices []Choice
		for _, name := range l.table.columns[:min(len(l.table.columns), 50)] {
			choices = append(choices, Choice{name, "the time is " + name})
		}
		f.ask(FieldTime, "no column looks like a time", choices...)
	}
	if f.Forms = l.choices.Forms; len(f.Forms) == 0 {
		f.ask(FieldForms, "it is not known how the time is written",
			Choice{"YYYY-MM-DD", "as 2026-03-31"}, Choice{"DD/MM/YYYY", "as 31/03/2026"}, Choice{"MM/DD/YYYY", "as 03/31/2026"}, Choice{kpi.LayoutUnix, "seconds since 1970"})
	}
}

// clockColumn finds a column with the time of day beside one of days, adds it to the time and returns its pattern.
func (l *look) clockColumn(days *timeColumn) string {
	for i, name := range l.table.columns {
		if i == days.index || len(l.choices.Time) > 1 && !slices.Contains(l.choices.Time, name) {
			continue
		}
		total, clocks, hours, seconds := 0, 0, 0, 0
		l.table.values(i, func(value string, _ cellKind) {
			total++
			if clockText.MatchString(value) {
				clocks++
				seconds += strings.Count(value, ":") - 1
			}
			if n, err := strconv.Atoi(value); err == nil && n >= 0 && n < 24 {
				hours++
			}
		})
		pattern := ""
		switch {
		case total == 0:
		case float64(clocks) >= enough*float64(total) && seconds > 0:
			pattern = " hh:mm:ss"
		case float64(clocks) >= enough*float64(total):
			pattern = " hh:mm"
		case float64(hours) >= enough*float64(total) && hourName.MatchString(name):
			pattern = " hh"
		}
		if pattern != "" {
			if len(l.choices.Time) == 0 {
				l.found.Time = append(l.found.Time, name)
			}
			return pattern
		}
	}
	return ""
}

// forms decides how the time is written.
func (l *look) forms(c *timeColumn, clock string) error {
	f := l.found
	if f.Forms = l.choices.Forms; len(f.Forms) > 0 {
		for _, form := range f.Forms {
			if _, err := Layout(form); err != nil {
				return &Fault{FieldForms, err.Error()}
			}
		}
		return nil
	}
	if c.counted != "" {
		f.Forms = []string{c.counted}
		if c.counted == kpi.LayoutExcel {
			f.ask(FieldForms, "the times are plain numbers", Choice{kpi.LayoutExcel, "days as Excel counts them, from 1900"},
				Choice{kpi.LayoutExcel1904, "days as Excel counts them in workbooks of the 1904 date system"})
		}
		return nil
	}
	if c.moments == c.total && clock == "" {
		return nil
	}
	best := l.order(c)
	for _, pattern := range best.patterns {
		f.Forms = append(f.Forms, pattern+clock)
	}
	if len(f.Forms) == 0 { // days by their type beside a column of hours
		f.Forms = []string{"YYYY-MM-DD" + clock}
	}
	return nil
}

// order decides between the orders in which the texts can be read.
func (l *look) order(c *timeColumn) reading {
	f := l.found
	best, second := c.readings[0], c.readings[1]
	if l.choices.DateOrder != "" {
		f.DateOrder = l.choices.DateOrder
		for _, r := range c.readings {
			if r.order == l.choices.DateOrder {
				return r
			}
		}
		return best
	}
	if slices.Equal(best.patterns, second.patterns) {
		return best // the month's name, or its place beside the year alone, says it
	}
	f.DateOrder = best.order
	// A text that only one order can read settles it, unless others speak for the other.
	only, other := c.total-c.moments-second.read, c.total-c.moments-best.read
	if second.read > 0 && (only == 0 || other*20 > only) {
		var choices []Choice
		for _, r := range c.readings {
			if float64(r.read) >= enough*float64(best.read) && r.read > 0 {
				choices = append(choices, Choice{r.order, l.meaning(c, r)})
			}
		}
		if len(choices) > 1 {
			f.ask(FieldDateOrder, "no date in the sample says which number is the day", choices...)
		}
	}
	return best
}

// meaning shows what an order makes of the first text.
func (l *look) meaning(c *timeColumn, r reading) string {
	shown := ""
	p := newParser()
	l.table.values(c.index, func(value string, kind cellKind) {
		if shown != "" || kind != text {
			return
		}
		if pattern := p.pattern(&r, value); pattern != "" {
			at, _ := time.Parse(p.layouts[pattern], value) // it has just been read
			shown = fmt.Sprintf("%s is %s", value, at.Format("2 January 2006"))
		}
	})
	return shown
}
