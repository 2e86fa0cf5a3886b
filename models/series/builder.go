package series

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// MaxSpan is the longest calendar, in days, that a Builder lays out for one series:
// a hundred years. A single row with a mistyped year would otherwise fill memory with
// missing days.
const MaxSpan = 36525

// Builder collects rows of daily values, in one or several chunks, and lays each
// series on its own regular calendar. Rows that come grouped by series cost the least,
// but any order gives the same Batch: series stand in the order in which they first
// appeared, days in calendar order, days without a row are NaN, and of two rows for
// one day of one series the later one counts, be it NaN. The zero value is ready to
// use. A Builder is not safe for concurrent use.
type Builder struct {
	index  map[key]int
	keys   []key
	ranges []Range
	runs   []run
	days   []int32
	values []float64
}

type key struct{ business, kpi string }

// run is a stretch of consecutive rows of one series.
type run struct{ series, start, end int }

// Append adds rows given in columns of equal length: the business and KPI of each row,
// its day in days since 1970-01-01, and its value (NaN when missing). It copies what it
// keeps, so the columns may be reused or freed afterwards. It returns an error, and adds
// nothing, when the columns differ in length.
func (b *Builder) Append(businessIDs, kpiIDs []string, days []int32, values []float64) error {
	n := len(days)
	if len(businessIDs) != n || len(kpiIDs) != n || len(values) != n {
		return fmt.Errorf("append series rows: %d businesses, %d KPIs, %d days, %d values: want equal lengths",
			len(businessIDs), len(kpiIDs), n, len(values))
	}
	base := len(b.days)
	for i := 0; i < n; {
		k := key{businessIDs[i], kpiIDs[i]}
		end := i + 1
		for end < n && kpiIDs[end] == k.kpi && businessIDs[end] == k.business {
			end++
		}
		b.runs = append(b.runs, run{b.seriesOf(k), base + i, base + end})
		i = end
	}
	b.days = append(b.days, days...)
	b.values = append(b.values, values...)
	return nil
}

// Declare sets the range of one series and adds the series, without values, when no row of it
// has come. It may be called before, between or after rows.
func (b *Builder) Declare(businessID, kpiID string, r Range) {
	b.ranges[b.seriesOf(key{businessID, kpiID})] = r
}

// seriesOf returns the number of a key's series and adds the series when it is new.
func (b *Builder) seriesOf(k key) int {
	if len(b.runs) > 0 {
		if last := b.runs[len(b.runs)-1].series; b.keys[last] == k {
			return last
		}
	}
	if b.index == nil {
		b.index = make(map[key]int)
	}
	s, ok := b.index[k]
	if !ok {
		// The caller's strings may lie in a buffer that it frees after Append.
		k = key{strings.Clone(k.business), strings.Clone(k.kpi)}
		s = len(b.keys)
		b.index[k] = s
		b.keys = append(b.keys, k)
		b.ranges = append(b.ranges, Anything())
	}
	return s
}

// Build lays the rows on their calendars and returns the batch. A series whose days lie
// more than MaxSpan apart is left out and named in the error; the batch is valid all
// the same and holds every other series. The Builder may be used on afterwards, and a
// later Build gives the rows of all calls.
func (b *Builder) Build() (*Batch, error) {
	first, last := b.calendars()
	place := make([]int, len(b.keys)) // number in the batch, -1 when left out
	out := &Batch{Offsets: []int{0}}
	var errs []error
	for s, k := range b.keys {
		span := int64(last[s]) - int64(first[s]) + 1
		if last[s] < first[s] {
			span, first[s] = 0, 0
		}
		if span > MaxSpan {
			errs = append(errs, fmt.Errorf("build series %s/%s: days %d to %d span more than %d days", k.business, k.kpi, first[s], last[s], MaxSpan))
			place[s] = -1
			continue
		}
		place[s] = out.Len()
		out.BusinessID = append(out.BusinessID, k.business)
		out.KPIID = append(out.KPIID, k.kpi)
		out.FirstDay = append(out.FirstDay, first[s])
		out.Range = append(out.Range, b.ranges[s])
		out.Offsets = append(out.Offsets, out.Offsets[place[s]]+int(span))
	}
	b.fill(out, place)
	return out, errors.Join(errs...)
}

// calendars returns each series' first and last day; a series without rows has its
// last day before its first.
func (b *Builder) calendars() (first, last []int32) {
	first, last = make([]int32, len(b.keys)), make([]int32, len(b.keys))
	for s := range b.keys {
		first[s], last[s] = math.MaxInt32, math.MinInt32
	}
	for _, r := range b.runs {
		lo, hi := first[r.series], last[r.series]
		for _, day := range b.days[r.start:r.end] {
			lo, hi = min(lo, day), max(hi, day)
		}
		first[r.series], last[r.series] = lo, hi
	}
	return first, last
}

// fill writes the values column: NaN everywhere, then the rows in the order they came.
func (b *Builder) fill(out *Batch, place []int) {
	out.Values = make([]float64, out.Offsets[out.Len()])
	for i := range out.Values {
		out.Values[i] = math.NaN()
	}
	for _, r := range b.runs {
		s := place[r.series]
		if s < 0 {
			continue
		}
		values := out.Series(s)
		for i := r.start; i < r.end; i++ {
			values[b.days[i]-out.FirstDay[s]] = b.values[i]
		}
	}
}
