// Package series holds daily series in columns: what the numeric models read.
//
// A Batch is many series in one values column with offsets, each on a regular daily
// calendar from its first day. A day is a count of days since 1970-01-01, always a
// local day of the business. A missing value is NaN and nothing else is: models never
// see a null. Rows become a Batch through a Builder, which lays them on the calendar.
package series

import (
	"fmt"
	"math"
)

// Batch is a set of daily series in columns. Columns of keys and flags have one entry
// per series; Values holds all series one after the other. A Batch is read only once
// built, and safe for concurrent readers. Build it with a Builder, or fill the fields
// and call Validate.
type Batch struct {
	// BusinessID is the business (tenant) of each series.
	BusinessID []string
	// KPIID is the KPI of each series. The pair of business and KPI is unique.
	KPIID []string
	// FirstDay is the day of each series' first value, in days since 1970-01-01.
	FirstDay []int32
	// Range says of each series which values it can take.
	Range []Range
	// Known holds what is known of each series' days besides its values; series of one business may share one. A
	// nil column, and a nil entry, mean that nothing is known.
	Known []*Known
	// Offsets has one entry more than there are series: series i is Values[Offsets[i]:Offsets[i+1]].
	Offsets []int
	// Values holds every series' daily values in day order; NaN is a missing day.
	Values []float64
}

// Len returns the number of series.
func (b *Batch) Len() int { return len(b.KPIID) }

// Series returns the values of series i without copying them. The caller must not
// write to the slice; its capacity ends with the series.
func (b *Batch) Series(i int) []float64 {
	return b.Values[b.Offsets[i]:b.Offsets[i+1]:b.Offsets[i+1]]
}

// LastDay returns the day of the last value of series i, in days since 1970-01-01.
// For a series without values that is the day before FirstDay.
func (b *Batch) LastDay(i int) int32 {
	return b.FirstDay[i] + int32(b.Offsets[i+1]-b.Offsets[i]) - 1
}

// Slice returns series lo to hi (exclusive) as a batch that shares every column of
// this one but the offsets. It panics when the bounds are not 0 <= lo <= hi <= Len.
func (b *Batch) Slice(lo, hi int) *Batch {
	start, end := b.Offsets[lo], b.Offsets[hi]
	offsets := make([]int, hi-lo+1)
	for i := range offsets {
		offsets[i] = b.Offsets[lo+i] - start
	}
	out := &Batch{
		BusinessID: b.BusinessID[lo:hi:hi],
		KPIID:      b.KPIID[lo:hi:hi],
		FirstDay:   b.FirstDay[lo:hi:hi],
		Range:      b.Range[lo:hi:hi],
		Offsets:    offsets,
		Values:     b.Values[start:end:end],
	}
	if b.Known != nil {
		out.Known = b.Known[lo:hi:hi]
	}
	return out
}

// Observed returns how many values of series i are not missing.
func (b *Batch) Observed(i int) int {
	count := 0
	for _, v := range b.Series(i) {
		if !math.IsNaN(v) {
			count++
		}
	}
	return count
}

// Validate returns an error when the columns do not fit together: unequal lengths, or
// offsets that do not rise from 0 to the number of values. It does not look at values.
func (b *Batch) Validate() error {
	n := len(b.KPIID)
	if len(b.BusinessID) != n || len(b.FirstDay) != n || len(b.Range) != n || (b.Known != nil && len(b.Known) != n) {
		return fmt.Errorf("validate series batch: %d KPIs, but %d businesses, %d first days, %d ranges and %d entries of what is known",
			n, len(b.BusinessID), len(b.FirstDay), len(b.Range), len(b.Known))
	}
	if n == 0 && len(b.Offsets) == 0 && len(b.Values) == 0 {
		return nil
	}
	if len(b.Offsets) != n+1 || b.Offsets[0] != 0 || b.Offsets[n] != len(b.Values) {
		return fmt.Errorf("validate series batch: %d offsets do not span %d values of %d series", len(b.Offsets), len(b.Values), n)
	}
	for i := range n {
		if b.Offsets[i+1] < b.Offsets[i] {
			return fmt.Errorf("validate series batch: series %s/%s ends before it begins", b.BusinessID[i], b.KPIID[i])
		}
		if err := b.Range[i].Validate(); err != nil {
			return fmt.Errorf("validate series batch: series %s/%s: %w", b.BusinessID[i], b.KPIID[i], err)
		}
		if b.Known != nil && b.Known[i] != nil && (i == 0 || b.Known[i] != b.Known[i-1]) {
			if err := b.Known[i].Validate(); err != nil {
				return fmt.Errorf("validate series batch: series %s/%s: %w", b.BusinessID[i], b.KPIID[i], err)
			}
		}
	}
	return nil
}
