package explain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// KPI is one KPI with its business.
type KPI struct {
	BusinessID, Business string
	ID, Name, Unit       string
}

// namesShown is how many names an error lists.
const namesShown = 20

// Find returns the KPI of an id or a name, in the business of an id or a name; an empty business means any. Case does not count
// in names. When there is no such KPI, or several, the error says which there are.
func Find(ctx context.Context, lake *lakehouse.Lake, business, kpi string) (KPI, error) {
	all, err := kpis(ctx, lake)
	if err != nil {
		return KPI{}, err
	}
	if len(all) == 0 {
		return KPI{}, errors.New("the lake holds no KPI yet: run the nightly batch first (signalcraft run nightly)")
	}
	within := slices.DeleteFunc(slices.Clone(all), func(k KPI) bool {
		return business != "" && k.BusinessID != business && !strings.EqualFold(k.Business, business)
	})
	if len(within) == 0 {
		return KPI{}, fmt.Errorf("no business %q; there are %s", business, names(all, func(k KPI) string { return k.Business }))
	}
	found := slices.DeleteFunc(slices.Clone(within), func(k KPI) bool { return k.ID != kpi && !strings.EqualFold(k.Name, kpi) })
	switch len(found) {
	case 0:
		return KPI{}, fmt.Errorf("no KPI %q; there are %s", kpi, names(within, func(k KPI) string { return k.Name }))
	case 1:
		return found[0], nil
	}
	if one := found[0].BusinessID; !slices.ContainsFunc(found, func(k KPI) bool { return k.BusinessID != one }) {
		return KPI{}, fmt.Errorf("%s has %d KPIs %q: name one by its id: %s", found[0].Business, len(found), kpi, names(found, func(k KPI) string { return k.ID }))
	}
	return KPI{}, fmt.Errorf("%d businesses have a KPI %q: name one with --business: %s", len(found), kpi, names(found, func(k KPI) string { return k.Business }))
}

// names lists what is different among the KPIs' names, in order.
func names(of []KPI, name func(KPI) string) string {
	var list []string
	for _, k := range of {
		list = append(list, name(k))
	}
	slices.Sort(list)
	list = slices.Compact(list)
	if more := len(list) - namesShown; more > 0 {
		list = append(list[:namesShown:namesShown], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(list, ", ")
}

// kpis returns every KPI, by business and name.
func kpis(ctx context.Context, lake *lakehouse.Lake) ([]KPI, error) {
	businesses := map[string]string{}
	err := scan(ctx, lake, dataset.Businesses().Name, []string{"business_id", "name"}, dataset.Window{}, func(b arrow.RecordBatch, row int) {
		businesses[word(b, 0, row)] = word(b, 1, row)
	})
	if err != nil {
		return nil, err
	}
	var all []KPI
	err = scan(ctx, lake, dataset.KPIs().Name, []string{"business_id", "kpi_id", "name", "unit"}, dataset.Window{}, func(b arrow.RecordBatch, row int) {
		id := word(b, 0, row)
		all = append(all, KPI{BusinessID: id, Business: businesses[id], ID: word(b, 1, row), Name: word(b, 2, row), Unit: word(b, 3, row)})
	})
	slices.SortFunc(all, func(a, b KPI) int {
		return cmp.Or(strings.Compare(a.Business, b.Business), strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	return all, err
}
