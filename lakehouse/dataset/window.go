package dataset

import (
	"fmt"
	"time"
)

// Window is a half-open span of time [Start, End). The zero Window means all of time.
type Window struct {
	Start time.Time
	End   time.Time
}

// IsZero reports whether w is the zero window, which stands for all of time.
func (w Window) IsZero() bool { return w.Start.IsZero() && w.End.IsZero() }

// Contains reports whether t lies in w.
func (w Window) Contains(t time.Time) bool {
	return w.IsZero() || (!t.Before(w.Start) && t.Before(w.End))
}

// Overlaps reports whether w and other share an instant.
func (w Window) Overlaps(other Window) bool {
	if w.IsZero() || other.IsZero() {
		return true
	}
	return w.Start.Before(other.End) && other.Start.Before(w.End)
}

// Union returns the smallest window that holds both; all of time when either is zero.
func (w Window) Union(other Window) Window {
	if w.IsZero() || other.IsZero() {
		return Window{}
	}
	if other.Start.Before(w.Start) {
		w.Start = other.Start
	}
	if other.End.After(w.End) {
		w.End = other.End
	}
	return w
}

// Align returns w widened to whole partitions of t in UTC. The zero window and None stay as they are.
func (w Window) Align(t Transform) Window {
	if w.IsZero() || t == None {
		return w
	}
	start, end := t.Truncate(w.Start), t.Truncate(w.End)
	if end.Before(w.End) {
		end = t.Next(end)
	}
	return Window{Start: start, End: end}
}

// Split cuts w, which must not be zero, into one window for each partition of t that it touches, in order.
func (w Window) Split(t Transform) []Window {
	aligned := w.Align(t)
	if t == None || aligned.IsZero() {
		return []Window{aligned}
	}
	var parts []Window
	for at := aligned.Start; at.Before(aligned.End); at = t.Next(at) {
		parts = append(parts, Window{Start: at, End: t.Next(at)})
	}
	return parts
}

// String returns the bounds as dates, or instants where they are not midnight UTC.
func (w Window) String() string {
	if w.IsZero() {
		return "all of time"
	}
	layout := time.RFC3339
	if Day.Truncate(w.Start).Equal(w.Start) && Day.Truncate(w.End).Equal(w.End) {
		layout = time.DateOnly
	}
	return fmt.Sprintf("[%s, %s)", w.Start.UTC().Format(layout), w.End.UTC().Format(layout))
}

// Truncate returns the start, in UTC, of the partition that holds at.
func (t Transform) Truncate(at time.Time) time.Time {
	y, m, d := at.UTC().Date()
	switch t {
	case Day:
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	case Month:
		return time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
	case Year:
		return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return at.UTC()
}

// Next returns the start of the partition after the one that holds at.
func (t Transform) Next(at time.Time) time.Time {
	start := t.Truncate(at)
	switch t {
	case Day:
		return start.AddDate(0, 0, 1)
	case Month:
		return start.AddDate(0, 1, 0)
	case Year:
		return start.AddDate(1, 0, 0)
	}
	return start
}
