package kpi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FieldKind says how the text of a Field is to be read.
type FieldKind int

// The kinds of fields. FieldText is as people wrote it: the Spec's layouts and decimal mark apply. FieldNumber comes from an origin
// that knows numbers, where the mark is a point. FieldInstant is a time in an ISO form. FieldMissing is null or absent.
// FieldRefused is something that can be neither a time, nor a value, nor a key; its text says what.
const (
	FieldText FieldKind = iota
	FieldNumber
	FieldInstant
	FieldMissing
	FieldRefused
)

// Field is one field of a Record.
type Field struct {
	Kind FieldKind
	Text string
}

// Record is a row of an origin that gives fields by name, such as JSON or a database, or a line of delimited text.
type Record struct {
	// Line is the number of the row or line, from 1 on.
	Line int64
	// Fields are those of Table.Columns, in their order.
	Fields []Field
	// Problem is why the row has no fields; empty when it has.
	Problem string
	// Raw returns the row as text, for the quarantine.
	Raw func() string
}

// Table says how records become points: a Spec, and what delimited text cannot say.
type Table struct {
	Spec Spec
	// Values names the column of each KPI's value, by KPI id, when values stand side by side. Then the Spec's Value and Key are not used,
	// and a missing or empty value is none rather than a fault. Empty means one value on each record, in the Spec's Value.
	Values map[string]string
	// Epoch is the unit of times that are whole numbers since 1970: a second or a millisecond. Zero means that times are texts.
	Epoch time.Duration
}

// Validate returns an error that names the first field that is wrong.
func (t Table) Validate() error {
	if t.Epoch != 0 && t.Epoch != time.Second && t.Epoch != time.Millisecond {
		return errors.New("KPI table: times since 1970 count seconds or milliseconds")
	}
	if t.Epoch != 0 && len(t.Spec.Time) != 1 {
		return errors.New("KPI table: times since 1970 stand in one column")
	}
	if len(t.Values) == 0 {
		return t.Spec.Validate()
	}
	wide := t.Spec
	wide.Value = "-"
	if len(wide.Key) > 0 {
		return errors.New("KPI table: values stand side by side or are told apart by a key, not both")
	}
	seen := map[string]bool{}
	for i, series := range t.Spec.KPIs {
		if t.Values[series.KPIID] == "" || seen[series.KPIID] {
			return fmt.Errorf("KPI table: KPI %s has no column or stands twice", series.KPIID)
		}
		seen[series.KPIID] = true
		if len(series.Key) > 0 {
			return fmt.Errorf("KPI table: KPI %s has a key beside its column", series.KPIID)
		}
		if i == 0 {
			wide.KPIs = []Series{series} // without keys the Spec allows one
		}
	}
	return wide.Validate()
}

// Columns returns the columns that records must have: those of the time first, then of the key, then of the values. A column
// may stand several times.
func (t Table) Columns() []string {
	columns := slices.Concat(t.Spec.Time, t.Spec.Key)
	if len(t.Values) == 0 {
		return append(columns, t.Spec.Value)
	}
	for _, series := range t.Spec.KPIs {
		columns = append(columns, t.Values[series.KPIID])
	}
	return columns
}

// readRecords reads all of records.
func readRecords(ctx context.Context, records iter.Seq2[Record, error], t Table, l limits) (*reading, error) {
	clock, err := newClock(t.Spec.Zone, t.Spec.Layouts)
	if err != nil {
		return nil, err
	}
	iso, err := newClock(t.Spec.Zone, isoLayouts())
	if err != nil {
		return nil, err
	}
	f := &reading{spec: t.Spec, limits: l, clock: clock, iso: iso, marks: marks{comma: t.Spec.DecimalComma, thousands: t.Spec.Thousands}}
	r := &recordReading{reading: f, table: t, series: map[string]*points{}}
	for _, series := range t.Spec.KPIs {
		p := &points{series: series}
		r.series[joinKey(series.Key)] = p
		f.order = append(f.order, p)
	}
	for record, err := range records {
		if err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r.take(record)
		if f.counts.Points > l.points || len(f.rejects) > l.rejects || f.kept > l.rejectBytes {
			return nil, fmt.Errorf("row %d: more than %d points, or more than %d refused rows or %d bytes of them; first reason: %s",
				record.Line, l.points, l.rejects, l.rejectBytes, f.firstReason())
		}
	}
	return f, ctx.Err()
}

// recordReading is the state of reading records.
type recordReading struct {
	*reading
	table  Table
	series map[string]*points // by key
}

// take takes in one record.
func (r *recordReading) take(record Record) {
	refuse := func(reason string) {
		if reason != "" {
			r.reject(record.Line, reason, []byte(record.Raw()))
		}
	}
	if record.Problem != "" {
		refuse(record.Problem)
		return
	}
	times := len(r.spec.Time)
	var p *points
	if len(r.table.Values) == 0 {
		var reason string
		if p, reason = r.kpiOf(record.Fields[times : len(record.Fields)-1]); reason != "" {
			refuse(reason)
			return
		}
	}
	first, second, reason := r.instants(record.Fields[:times])
	if reason == "" && second.IsZero() && first.After(r.limits.latest) {
		reason = late
	}
	if reason != "" {
		refuse(reason) // once, not for each value
		return
	}
	if p != nil {
		refuse(r.point(p, first, second, record.Fields[len(record.Fields)-1]))
		return
	}
	empty := true
	for i, p := range r.order {
		value := record.Fields[times+i]
		if value.Kind == FieldMissing || value.Kind == FieldText && strings.TrimSpace(value.Text) == "" {
			if !second.IsZero() {
				p.choose(first, second) // its place is taken
			}
			continue
		}
		empty = false
		refuse(r.point(p, first, second, value))
	}
	if empty {
		refuse("the row holds no value")
	}
}

// kpiOf returns the KPI that a record's key names.
func (r *recordReading) kpiOf(key []Field) (*points, string) {
	texts := make([]string, len(key))
	for i, field := range key {
		if field.Kind == FieldRefused {
			return nil, "the key is " + field.Text
		}
		texts[i] = strings.TrimSpace(field.Text)
	}
	p := r.series[joinKey(texts)]
	if p == nil {
		return nil, fmt.Sprintf("unknown KPI %q", strings.Join(texts, ", "))
	}
	return p, ""
}

// late is without the instant itself: the quarantine keeps one note, not one of every run.
const late = "the time lies after the instant that the run is as of"

// point adds one point and returns the reason when it is refused.
func (r *recordReading) point(p *points, first, second time.Time, value Field) string {
	if !second.IsZero() {
		first = p.choose(first, second)
	}
	if first.After(r.limits.latest) {
		return late
	}
	if value.Kind == FieldRefused {
		return "the value is " + value.Text
	}
	var written marks
	if value.Kind == FieldText {
		written = r.marks
	}
	amount, reason := number(bytes.TrimSpace([]byte(value.Text)), written)
	if reason != "" {
		return reason
	}
	if p.series.NonNegative && amount < 0 {
		return fmt.Sprintf("value %v is negative", amount)
	}
	switch p.add(first.Truncate(time.Microsecond), amount) {
	case repeated:
		return "repeats an earlier row: same KPI, same time, same value"
	case contradicted:
		return "contradicts an earlier row: same KPI, same time, another value"
	}
	r.counts.Points++
	return ""
}

// instants returns what the fields of a time may mean, as clock.instants does.
func (r *recordReading) instants(when []Field) (first, second time.Time, reason string) {
	typed, texts := true, make([]string, len(when))
	for i, field := range when {
		if field.Kind == FieldRefused {
			return first, second, "the time is " + field.Text
		}
		typed = typed && field.Kind == FieldInstant
		texts[i] = strings.TrimSpace(field.Text)
	}
	text := strings.Join(texts, " ")
	if typed {
		return r.iso.instants(text)
	}
	if r.table.Epoch == 0 {
		return r.clock.instants(text)
	}
	count, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return first, second, fmt.Sprintf("time %q is not a whole number since 1970", text)
	}
	at := time.UnixMilli(count).UTC()
	if r.table.Epoch == time.Second {
		at = time.Unix(count, 0).UTC()
	}
	if at.Year() < firstYear || at.Year() > lastYear {
		return first, second, fmt.Sprintf("time %q: the year is not between %d and %d", text, firstYear, lastYear)
	}
	return at, second, ""
}
