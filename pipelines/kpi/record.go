package kpi

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// kind says what a cell of a typed format is. Its text is canonical then: the marks and layouts of the Spec are not for it.
type kind byte

const (
	textCell   kind = iota
	numberCell      // decimal point, no marks of thousands
	timeCell        // an ISO form
)

// Counts say what a file held. Sent = Points + Rejects + LeftOut: a row of a wide file counts once for each
// value in it, and once when it is refused whole.
type Counts struct {
	// Points is how many values are good.
	Points int
	// Rejects is how many were refused; Repeats of these say again what an earlier row said.
	Rejects, Repeats int
	// LeftOut is how many belong to KPIs that the Spec leaves out.
	LeftOut int
}

// Sent is how many values the file held, bad ones included.
func (c Counts) Sent() int { return c.Points + c.Rejects + c.LeftOut }

// record takes in the fields of one row and returns the reason when it is refused whole. Kinds is nil when all fields are
// text. Reasons why single values of a wide row are refused are left in f.pending.
func (f *reading) record(fields [][]byte, kinds []kind) string {
	g := f.group(fields)
	if g == nil {
		f.unknown()
		if f.spec.SkipOthers {
			f.counts.LeftOut++
			return ""
		}
		return fmt.Sprintf("unknown KPI %q", strings.ReplaceAll(string(f.keyText), "\n", ", "))
	}
	if !f.wide && g.series[0].series.Skip {
		f.counts.LeftOut++
		return ""
	}
	first, second, reason := f.instants(fields, kinds)
	if reason != "" {
		return reason
	}
	if !f.wide {
		return f.value(g.series[0], first, second, fields, kinds, 0)
	}
	return f.values(g, first, second, fields, kinds)
}

// values takes in the values of a row of a wide file.
func (f *reading) values(g *group, first, second time.Time, fields [][]byte, kinds []kind) string {
	held := false
	for i, p := range g.series {
		if p == nil {
			continue
		}
		column := f.header.values[i]
		empty := len(bytes.TrimSpace(fields[column])) == 0
		held = held || !empty
		switch {
		case empty:
			if !second.IsZero() && !p.series.Skip {
				p.choose(first, second) // an empty cell still takes its place
			}
		case p.series.Skip:
			f.counts.LeftOut++
		default:
			if reason := f.value(p, first, second, fields, kinds, i); reason != "" {
				f.pending = append(f.pending, fmt.Sprintf("column %q: %s", p.series.Column, reason))
			}
		}
	}
	if !held {
		return "the row holds no value"
	}
	return ""
}

// value takes in the value of p in the i-th column of values and returns the reason when it is refused.
func (f *reading) value(p *points, first, second time.Time, fields [][]byte, kinds []kind, i int) string {
	if !second.IsZero() {
		first = p.choose(first, second) // before the value is looked at: a bad value still took its place
	}
	if first.After(f.limits.latest) {
		return "the time lies after the instant that the run is as of" // without that instant: the quarantine keeps one note, not one of every run
	}
	column := f.header.values[i]
	m := f.marks
	if kinds != nil && kinds[column] == numberCell {
		m = marks{}
	}
	value, reason := number(bytes.TrimSpace(fields[column]), m)
	if reason != "" {
		return reason
	}
	if p.series.NonNegative && value < 0 {
		return fmt.Sprintf("value %v is negative", value)
	}
	if glance := f.limits.glance; glance != nil {
		if glance.Point != nil {
			glance.Point(f.number, p.series, first.Truncate(time.Microsecond), value)
		}
		if glance.Forget {
			f.counts.Points++
			return ""
		}
	}
	switch p.add(first.Truncate(time.Microsecond), value) {
	case repeated:
		f.counts.Repeats++
		return "repeats an earlier line: same KPI, same time, same value"
	case contradicted:
		return "contradicts an earlier line: same KPI, same time, another value"
	}
	f.counts.Points++
	return ""
}

// group returns the KPIs that a row belongs to; nil when there are none.
func (f *reading) group(fields [][]byte) *group {
	f.keyText = f.keyText[:0]
	for i, column := range f.header.key {
		if i > 0 {
			f.keyText = append(f.keyText, '\n')
		}
		f.keyText = append(f.keyText, bytes.TrimSpace(fields[column])...)
	}
	return f.byKey[string(f.keyText)]
}

// instants returns the instants that the time of a row may mean, as clock.instants does.
func (f *reading) instants(fields [][]byte, kinds []kind) (first, second time.Time, reason string) {
	column := f.header.time[0]
	if kinds != nil && len(f.header.time) == 1 && kinds[column] == timeCell {
		return f.iso.instants(string(fields[column]))
	}
	text := string(bytes.TrimSpace(fields[column]))
	for _, column := range f.header.time[1:] {
		text += " " + string(bytes.TrimSpace(fields[column]))
	}
	return f.clock.instants(text)
}
