package trend

import (
	"math"
	"math/bits"
	"slices"
)

// median returns the median of v, which it reorders; NaN of none.
func median(v []float64) float64 {
	n := len(v)
	if n == 0 {
		return math.NaN()
	}
	upper := nth(v, n/2)
	if n%2 == 1 {
		return upper
	}
	return slices.Max(v[:n/2])/2 + upper/2
}

// nth returns the value that would stand at place k if v were sorted. It reorders v so that no value before that place is larger
// and none behind it smaller (Hoare 1961, FIND). Where its middle of three values cuts badly again and again, v is sorted.
func nth(v []float64, k int) float64 {
	lo, hi := 0, len(v)-1
	for budget := 2 * bits.Len(uint(len(v))); hi-lo > 12; budget-- {
		if budget == 0 {
			break
		}
		a, b, c := v[lo], v[(lo+hi)/2], v[hi]
		pivot := max(min(a, b), min(max(a, b), c))
		i, j := lo, hi
		for i <= j {
			for v[i] < pivot {
				i++
			}
			for v[j] > pivot {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return v[k]
		}
	}
	slices.Sort(v[lo : hi+1])
	return v[k]
}

// rolling is a window over neighbouring values, kept sorted.
type rolling struct{ sorted []float64 }

func (r *rolling) add(v float64) {
	at := len(r.sorted)
	r.sorted = append(r.sorted, v)
	for ; at > 0 && r.sorted[at-1] > v; at-- {
		r.sorted[at] = r.sorted[at-1]
	}
	r.sorted[at] = v
}

func (r *rolling) remove(v float64) {
	if at := slices.Index(r.sorted, v); at >= 0 {
		r.sorted = slices.Delete(r.sorted, at, at+1)
	}
}

func (r *rolling) median() float64 {
	n := len(r.sorted)
	if n%2 == 1 {
		return r.sorted[n/2]
	}
	return r.sorted[n/2-1]/2 + r.sorted[n/2]/2
}
