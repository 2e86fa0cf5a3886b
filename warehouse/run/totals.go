package run

import (
	"fmt"
	"strings"

	"github.com/signalcraft/signalcraft/models/series"
)

// totals gathers which KPI is part of which, such as that of a location of that of all locations.
type totals struct {
	of map[said]said // the total of each part
}

// add notes that a KPI is part of another one of its business; "" is none.
func (t *totals) add(business, kpi, partOf string) {
	if partOf == "" {
		return
	}
	if t.of == nil {
		t.of = map[said]said{}
	}
	business = strings.Clone(business)
	t.of[said{business, strings.Clone(kpi)}] = said{business, strings.Clone(partOf)}
}

// parents returns the number in the batch of each series' total, -1 for none; nil when no series has one. A KPI whose totals go round in
// a circle has none, which is reported.
func (t *totals) parents(history *series.Batch, warn func(error)) []int {
	if len(t.of) == 0 {
		return nil
	}
	number := make(map[said]int, history.Len())
	for i := range history.Len() {
		number[said{history.BusinessID[i], history.KPIID[i]}] = i
	}
	parents, some := make([]int, history.Len()), false
	for i := range parents {
		parents[i] = -1
		of := said{history.BusinessID[i], history.KPIID[i]}
		total, isPart := t.of[of]
		at, known := number[total]
		if !isPart || !known {
			continue
		}
		if t.circular(of) {
			warn(fmt.Errorf("series %s/%s: its totals go round in a circle: it is forecast without them", of.business, of.kpi))
			continue
		}
		parents[i], some = at, true
	}
	if !some {
		return nil
	}
	return parents
}

// circular reports whether the way from a KPI over its totals comes to no end.
func (t *totals) circular(from said) bool {
	at := from
	for range len(t.of) + 1 {
		next, more := t.of[at]
		if !more {
			return false
		}
		at = next
	}
	return true
}
