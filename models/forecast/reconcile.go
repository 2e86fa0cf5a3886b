package forecast

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/signalcraft/signalcraft/models/series"
)

// Reconciliation is how forecasts of totals and their parts are brought to agree.
type Reconciliation int

// The ways. MinTrace changes all forecasts, the more the less sure each is, so that the sum of error variances is least
// (Wickramasuriya, Athanasopoulos and Hyndman 2019). BottomUp keeps the parts and sums them up.
const (
	MinTrace Reconciliation = iota
	BottomUp
)

// Reconcile returns the vintage with forecasts of totals and parts that agree: on every day for which a whole family has a
// row, each total is the sum of its parts, to rounding errors. Parents holds for each series of the batch the number of its
// total, or -1; a total may be part of another one. A family is a series without a total and all that is below it.
//
// Base forecasts y are those before they were brought into the KPIs' ranges. With a row of C for each total, 1 for itself and
// -1 for its parts, and W the covariance of errors one step ahead, the reconciled ones are
//
//	y - W*C'*(C*W*C')^-1 * C*y
//
// W is estimated from the rolling-origin errors that Options.KeepErrors keeps, shrunk towards its diagonal (Schaefer and
// Strimmer 2005); without them, or from fewer than leastErrorDays days that all have in common, it is the diagonal of
// variances that the bounds of the first day speak of; and so it is for a family of more than mostCorrelated. Parts are then
// brought into their ranges and summed up anew; those of whole numbers are rounded from the totals downwards, by largest
// remainders, so that the sums of whole numbers hold. Ranges of totals are kept in so far as the parts' are.
//
// Bounds move with their forecast. MinTrace leaves their distance from it: by W it could only shrink, but W is an estimate.
// BottomUp widens that of totals by the square root of the ratio of the variances of the parts' sum and of the total, by the
// same W, where that is above 1. Of the components, Trend takes up the change.
//
// A family is left as it is when its totals are no sums: when in the history, on the days that a total and all its parts were
// observed, they differ by more than additive of the mean size of the total, in the median, or when there are no such days.
// Parts without rows count as nothing. Reconcile returns an error when parents do not fit the batch, name a series of another
// business or go round in a circle.
func Reconcile(batch *series.Batch, v *Vintage, parents []int, how Reconciliation) (*Vintage, error) {
	children, err := familyTree(batch, v, parents)
	if err != nil {
		return nil, fmt.Errorf("reconcile forecasts: %w", err)
	}
	out := *v
	for _, column := range out.measures() {
		*column = slices.Clone(*column)
	}
	for i := range parents {
		if parents[i] < 0 && len(children[i]) > 0 {
			if f := newFamily(batch, v, i, children); f != nil && f.adds() {
				f.reconcile(&out, how)
			}
		}
	}
	return &out, nil
}

const (
	// additive is how far totals may be from the sums of their parts.
	additive = 0.005
	// leastErrorDays is how many common days a covariance needs, and mostCorrelated the largest family that gets one.
	leastErrorDays = 12
	mostCorrelated = 1500
)

// familyTree returns the parts of every total.
func familyTree(batch *series.Batch, v *Vintage, parents []int) ([][]int, error) {
	n := batch.Len()
	if len(parents) != n || len(v.Method) != n {
		return nil, fmt.Errorf("batch has %d series, the vintage %d, parents %d", n, len(v.Method), len(parents))
	}
	children := make([][]int, n)
	for i, p := range parents {
		if p < -1 || p >= n || p == i {
			return nil, fmt.Errorf("series %s/%s: total number %d does not exist", batch.BusinessID[i], batch.KPIID[i], p)
		}
		if p >= 0 {
			if batch.BusinessID[p] != batch.BusinessID[i] {
				return nil, fmt.Errorf("series %s/%s: its total is of business %s", batch.BusinessID[i], batch.KPIID[i], batch.BusinessID[p])
			}
			children[p] = append(children[p], i)
		}
	}
	for i := range parents {
		steps := 0
		for p := i; p >= 0; p = parents[p] {
			if steps++; steps > n {
				return nil, fmt.Errorf("series %s/%s: its totals go round in a circle", batch.BusinessID[i], batch.KPIID[i])
			}
		}
	}
	return children, nil
}

// family is a total and all that is below it. Members come before their parts.
type family struct {
	batch   *series.Batch
	base    *Vintage
	members []int   // series
	parts   [][]int // of each member, as places in members
}

// newFamily returns the family of a root; nil when it has no rows, or nothing below it has.
func newFamily(batch *series.Batch, v *Vintage, root int, children [][]int) *family {
	f := &family{batch: batch, base: v}
	if v.Method[root] == "" {
		return nil
	}
	f.members, f.parts = []int{root}, [][]int{nil}
	for at := 0; at < len(f.members); at++ {
		for _, c := range children[f.members[at]] {
			if v.Method[c] != "" {
				f.parts[at] = append(f.parts[at], len(f.members))
				f.members, f.parts = append(f.members, c), append(f.parts, nil)
			}
		}
	}
	if len(f.members) == 1 {
		return nil
	}
	return f
}

// adds reports whether the history's totals are the sums of their parts.
func (f *family) adds() bool {
	for total, parts := range f.parts {
		if len(parts) == 0 {
			continue
		}
		var differences []float64
		size := 0.0
		for t, v := range f.batch.Series(f.members[total]) {
			day := int64(f.batch.FirstDay[f.members[total]]) + int64(t)
			sum := 0.0
			for _, p := range parts {
				sum += f.observed(p, day)
			}
			if d := math.Abs(v - sum); !math.IsNaN(d) {
				differences = append(differences, d)
				size += math.Abs(v)
			}
		}
		if len(differences) == 0 {
			return false
		}
		slices.Sort(differences)
		if differences[len(differences)/2] > additive*size/float64(len(differences)) {
			return false
		}
	}
	return true
}

// observed returns the value of a member on a day, NaN when there is none.
func (f *family) observed(member int, day int64) float64 {
	i := f.members[member]
	values := f.batch.Series(i)
	if t := day - int64(f.batch.FirstDay[i]); t >= 0 && t < int64(len(values)) {
		return values[t]
	}
	return math.NaN()
}

// reconcile writes the family's rows.
func (f *family) reconcile(out *Vintage, how Reconciliation) {
	first, last := f.days()
	if first > last {
		return
	}
	n := len(f.members)
	scale := slices.Repeat([]float64{1}, n)
	var change *projection
	if how == BottomUp {
		f.widen(scale)
	} else {
		change = project(f.covariance(), f.constraints())
	}
	base, result, exponent := make([]float64, n), make([]float64, n), f.magnitude()
	for day := first; day <= last; day++ {
		for k := range f.members {
			base[k] = f.base.unbounded(f.row(k, day))
		}
		for k, v := range base {
			result[k] = ldexp(v, -exponent)
		}
		if change != nil {
			change.apply(result)
		}
		for k, v := range result {
			result[k] = finite(ldexp(v, exponent))
		}
		f.write(out, day, base, result, scale)
	}
}

// days returns the first and the last day on which all members have rows.
func (f *family) days() (first, last int32) {
	first, last = math.MinInt32, math.MaxInt32
	for _, i := range f.members {
		lo, hi := f.base.Rows(i)
		first, last = max(first, f.base.Day[lo]), min(last, f.base.Day[hi-1])
	}
	return first, last
}

// row returns the row of a member on a day.
func (f *family) row(member int, day int32) int {
	lo, _ := f.base.Rows(f.members[member])
	return lo + int(day-f.base.Day[lo])
}

// unbounded is the forecast of a row before it was brought into the range.
func (v *Vintage) unbounded(row int) float64 {
	return v.Trend[row] + v.Seasonal[row] + v.LongSeasonal[row] + v.Calendar[row] + v.Measured[row]
}

// write brings the parts into their ranges, sums them up and writes the rows of one day.
func (f *family) write(out *Vintage, day int32, base, result, scale []float64) {
	whole := true
	for k := len(f.members) - 1; k >= 0; k-- {
		if len(f.parts[k]) > 0 {
			result[k] = 0
			for _, p := range f.parts[k] {
				result[k] = finite(result[k] + result[p])
			}
			continue
		}
		within := f.batch.Range[f.members[k]]
		whole = whole && within.Integer
		result[k] = max(within.Lowest, min(result[k], within.Highest))
	}
	exact := slices.Clone(result)
	if whole {
		f.round(result)
	}
	for k, i := range f.members {
		row := f.row(k, day)
		out.Trend[row] += exact[k] - base[k]
		out.Mean[row] = result[k]
		within := f.batch.Range[i]
		moved := func(bound float64) float64 { return finite(exact[k] + scale[k]*(bound-base[k])) }
		b := f.base
		out.Lower80[row], out.Upper80[row] = inside(within, result[k], moved(b.Lower80[row]), moved(b.Upper80[row]))
		out.Lower95[row], out.Upper95[row] = inside(within, result[k], moved(b.Lower95[row]), moved(b.Upper95[row]))
		out.Lower95[row], out.Upper95[row] = min(out.Lower95[row], out.Lower80[row]), max(out.Upper95[row], out.Upper80[row])
	}
}

// finite bounds a sum to numbers.
func finite(v float64) float64 { return max(-math.MaxFloat64, min(v, math.MaxFloat64)) }

// round rounds the root to a whole number and divides it downwards: each part gets its whole share, and those with the
// largest remainders one more. What the parts' ranges do not allow is left out of the totals.
func (f *family) round(v []float64) {
	given := slices.Clone(v)
	given[0] = math.Round(v[0])
	for k, parts := range f.parts {
		if len(parts) == 0 {
			continue
		}
		left := given[k]
		for _, p := range parts {
			lowest, _ := f.ends(p)
			given[p] = max(math.Floor(v[p]), lowest)
			left -= given[p]
		}
		order := slices.Clone(parts)
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(v[b]-math.Floor(v[b]), v[a]-math.Floor(v[a])) })
		f.deal(order, given, left)
	}
	for k := len(f.parts) - 1; k >= 0; k-- {
		if len(f.parts[k]) > 0 {
			given[k] = 0
			for _, p := range f.parts[k] {
				given[k] += given[p]
			}
		}
	}
	copy(v, given)
}

// ends returns the lowest and highest whole number of a member's range.
func (f *family) ends(member int) (lowest, highest float64) {
	within := f.batch.Range[f.members[member]]
	return math.Ceil(within.Lowest), math.Floor(within.Highest)
}

// deal gives one more to each in the order, again and again, until nothing is left; when less than nothing is, it takes one
// from each from behind. It passes by those whose range does not allow it, and gives up when none does.
func (f *family) deal(order []int, given []float64, left float64) {
	step := 1.0
	if left < 0 {
		step, left = -1, -left
		order = slices.Clone(order)
		slices.Reverse(order)
	}
	for refused, at := 0, 0; left >= 1 && refused < len(order); at = (at + 1) % len(order) {
		p := order[at]
		if lowest, highest := f.ends(p); given[p]+step < lowest || given[p]+step > highest || given[p]+step == given[p] {
			refused++
			continue
		}
		given[p] += step
		left--
		refused = 0
	}
}
