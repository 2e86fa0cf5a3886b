package run

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/models/series"
)

// What is known of days is tested from inside: through a lake a column could be seen in an effect only.

// at returns the day of a date.
func at(date string) dataset.Days {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		panic(err)
	}
	return dataset.ToDays(t)
}

// twoBusinesses returns a batch of two KPIs of business cafe and one of shop, each with ten days from 2024-12-20, all 1.
func twoBusinesses(t *testing.T) *series.Batch {
	t.Helper()
	var b series.Builder
	for _, kpi := range [][2]string{{"cafe", "sales"}, {"cafe", "guests"}, {"shop", "sales"}} {
		for d := range dataset.Days(10) {
			if err := b.Append([]string{kpi[0]}, []string{kpi[1]}, []int32{at("2024-12-20") + d}, []float64{1}); err != nil {
				t.Fatal(err)
			}
		}
	}
	batch, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

// ones returns the dates on which a column is 1.
func ones(known *series.Known, name string) []string {
	var dates []string
	for _, c := range known.Columns {
		for i, v := range c.Values {
			if c.Name == name && v == 1 {
				dates = append(dates, dateOf(known.FirstDay+int32(i)))
			}
		}
	}
	return dates
}

func wantOnes(t *testing.T, known *series.Known, name string, want ...string) {
	t.Helper()
	if got := ones(known, name); !slices.Equal(got, want) {
		t.Errorf("column %q is 1 on %v, want %v", name, got, want)
	}
}

// wantKinds reports columns of other kinds than the given one, which stands before a colon in their names.
func wantKinds(t *testing.T, known *series.Known, kind string) {
	t.Helper()
	for _, c := range known.Columns {
		if !strings.HasPrefix(c.Name, kind+": ") {
			t.Errorf("column %q is known, want only those of the %s", c.Name, kind)
		}
	}
	if len(known.Columns) == 0 {
		t.Errorf("nothing is known, want the %s", kind)
	}
}

func TestKnownSpansHistoryAndForecast(t *testing.T) {
	k := newDaysKnown(twoBusinesses(t), at("2024-12-30"))
	if k.first != at("2024-12-20") || k.first+int32(k.days) != at("2024-12-30")+horizonDays+1 {
		t.Errorf("known days are %s and %d more, want from 2024-12-20 to thirty days after 2024-12-30", dateOf(k.first), k.days)
	}
	if k := newDaysKnown(twoBusinesses(t), at("2034-12-30")); k.first != at("2034-12-30")-2*historyDays {
		t.Errorf("known days begin on %s with a KPI that ended ten years ago", dateOf(k.first))
	}
}

func TestHolidaysAreKnownByNameWithTheDaysAround(t *testing.T) {
	k := newDaysKnown(twoBusinesses(t), at("2024-12-30"))
	k.country = map[string]string{"cafe": "FR", "shop": "XX"}
	k.named = map[string]map[dataset.Days]string{"FR": {at("2023-12-25"): "Noël", at("2024-12-25"): "Noël", at("2024-12-26"): "Saint Étienne", at("2025-01-01"): "Jour de l'an"}}
	k.fill()
	cafe := k.history.Known[0]
	wantOnes(t, cafe, "holiday: Noël", "2024-12-25")
	wantOnes(t, cafe, "holiday: Jour de l'an", "2025-01-01")
	wantOnes(t, cafe, dayBefore, "2024-12-24", "2024-12-31")
	wantOnes(t, cafe, dayAfter, "2024-12-27", "2025-01-02")
	if k.history.Known[1] != cafe {
		t.Error("two KPIs of one business do not share what is known of it")
	}
	wantKinds(t, k.history.Known[2], "month")
	if err := k.history.Validate(); err != nil {
		t.Error(err)
	}
}

func TestHolidaysOfYearsWithoutAnyAreUnknown(t *testing.T) {
	k := newDaysKnown(twoBusinesses(t), at("2024-12-30"))
	k.country = map[string]string{"cafe": "FR"}
	k.named = map[string]map[dataset.Days]string{"FR": {at("2024-12-25"): "Noël"}}
	k.fill()
	for _, c := range k.history.Known[0].Columns {
		for i, v := range c.Values {
			if strings.HasPrefix(c.Name, "month: ") {
				continue
			}
			if unknown := k.first+int32(i) >= at("2025-01-01"); math.IsNaN(v) != unknown {
				t.Fatalf("column %q is %g on %s", c.Name, v, dateOf(k.first+int32(i)))
			}
		}
	}
}

func TestEntriesAreEventsClosedDaysAndIncidents(t *testing.T) {
	k := newDaysKnown(twoBusinesses(t), at("2024-12-30"))
	k.entries = map[said][]daysEntry{
		{"cafe", ""}: {
			{event, "Fair", at("2024-12-21"), at("2024-12-22")}, {event, "Fair", at("2025-01-10"), at("2025-01-10")},
			{closed, "Stocktaking", at("2024-12-23"), at("2024-12-23")}, {closed, "Holidays", at("2025-01-20"), at("2026-01-01")},
			{incident, "Till broken", at("2024-12-19"), at("2024-12-20")},
		},
		{"cafe", "guests"}: {{event, "Free coffee", at("2024-12-24"), at("2024-12-24")}, {incident, "Counter broken", at("2024-12-29"), at("2025-02-01")}},
		{"cafe", "sales"}:  {{incident, "Typing error", at("2024-12-25"), at("2024-12-25")}},
		{"gone", ""}:       {{event, "Fair", at("2024-12-21"), at("2024-12-22")}},
	}
	k.fill()
	sales, guests := k.history.Known[0], k.history.Known[1]
	wantOnes(t, sales, "event: Fair", "2024-12-21", "2024-12-22", "2025-01-10")
	wantOnes(t, guests, "event: Fair", "2024-12-21", "2024-12-22", "2025-01-10")
	wantOnes(t, sales, "event: Free coffee")
	wantOnes(t, guests, "event: Free coffee", "2024-12-24")
	if got := ones(sales, closedDays); len(got) != 1+10 || got[0] != "2024-12-23" || got[1] != "2025-01-20" {
		t.Errorf("closed on %v, want 2024-12-23 and from 2025-01-20 to the last day", got)
	}
	for i, want := range [][]string{{"2024-12-20", "2024-12-25"}, {"2024-12-20", "2024-12-29"}, nil} {
		var missing []string
		for d, v := range k.history.Series(i) {
			if math.IsNaN(v) {
				missing = append(missing, dateOf(k.history.FirstDay[i]+int32(d)))
			}
		}
		if !slices.Equal(missing, want) {
			t.Errorf("series %s/%s misses %v, want %v", k.history.BusinessID[i], k.history.KPIID[i], missing, want)
		}
	}
	wantKinds(t, k.history.Known[2], "month") // one business knows nothing of another's days
	if err := k.history.Validate(); err != nil {
		t.Error(err)
	}
}
