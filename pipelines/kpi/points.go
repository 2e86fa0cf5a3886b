package kpi

import (
	"cmp"
	"iter"
	"slices"
	"time"
)

// outcome is what became of a point that was added.
type outcome int

const (
	added outcome = iota
	repeated
	contradicted
)

// points are the points of one KPI, in columns, in file order.
type points struct {
	series Series
	micros []int64 // instants, microseconds since 1970
	values []float64

	// index finds points by instant; it is made when the file first goes back in time, which ordered files never do.
	index map[int64]int
	// twice counts how often a local time that happened twice has stood in the file.
	twice map[int64]int
}

// add appends a point unless its instant is taken.
func (p *points) add(at time.Time, value float64) outcome {
	micros := at.UnixMicro()
	if p.index == nil && (len(p.micros) == 0 || micros > p.micros[len(p.micros)-1]) {
		p.micros, p.values = append(p.micros, micros), append(p.values, value)
		return added
	}
	if p.index == nil {
		p.index = make(map[int64]int, 2*len(p.micros))
		for i, m := range p.micros {
			p.index[m] = i
		}
	}
	if i, taken := p.index[micros]; taken {
		if p.values[i] == value {
			return repeated
		}
		return contradicted
	}
	p.index[micros] = len(p.micros)
	p.micros, p.values = append(p.micros, micros), append(p.values, value)
	return added
}

// sorted yields the indexes of the points in order of time.
func (p *points) sorted() iter.Seq2[int, int] {
	if p.index == nil {
		return func(yield func(int, int) bool) {
			for i := range p.micros {
				if !yield(i, i) {
					return
				}
			}
		}
	}
	order := make([]int, len(p.micros))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(p.micros[a], p.micros[b]) })
	return slices.All(order)
}

// choose returns first for the first line with this local time and second for later ones.
func (p *points) choose(first, second time.Time) time.Time {
	if p.twice == nil {
		p.twice = map[int64]int{}
	}
	p.twice[first.UnixMicro()]++
	if p.twice[first.UnixMicro()] == 1 {
		return first
	}
	return second
}
