package lakehouse_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/lakehouse/laketest"
)

func TestChangesAreExact(t *testing.T) {
	t.Parallel()
	l := laketest.New(t)
	ensure(t, l, dataset.KPIPoints())
	check := func(table string, since int64, want lakehouse.Change) {
		t.Helper()
		got, err := l.Changes(t.Context(), table, since)
		want.From = since
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("Changes of %s since %d: %v (-want +got):\n%s", table, since, err, diff)
		}
	}
	const table = "raw.kpi_points"
	check(table, 0, lakehouse.Change{None: true})
	may, june := time.Date(2024, 5, 7, 11, 12, 13, 141_516_000, time.UTC), day(t, "2024-06-30")
	first := land(t, l, lakehouse.Commit{}, point(may, 1)).Snapshot
	check(table, 0, lakehouse.Change{To: first, All: true})
	check(table, 42, lakehouse.Change{To: first, All: true})
	check(table, first, lakehouse.Change{To: first, None: true})
	second := land(t, l, lakehouse.Commit{}, point(may, 2), point(june, 3)).Snapshot
	span := dataset.Window{Start: may, End: june.Add(time.Microsecond)}
	check(table, first, lakehouse.Change{To: second, Window: span})
	empty := land(t, l, lakehouse.Commit{Unit: "u", Content: "none"}).Snapshot
	check(table, second, lakehouse.Change{To: empty, None: true})
	result, err := stage(t, l).Replace(t.Context(), lakehouse.Commit{}, []dataset.Window{month(t, "2024-06")})
	if err != nil {
		t.Fatal(err)
	}
	check(table, second, lakehouse.Change{To: result.Snapshot, Window: dataset.Window{Start: june, End: june.Add(time.Microsecond)}})
	check(table, first, lakehouse.Change{To: result.Snapshot, Window: dataset.Window{Start: may, End: may.Add(time.Microsecond)}})

	ensure(t, l, dataset.Rates())
	rates := func(days ...dataset.Days) int64 {
		var rows []dataset.RateRow
		for _, d := range days {
			rows = append(rows, dataset.RateRow{Day: d, Base: "EUR", Quote: "USD", LandedAt: may})
		}
		result, err := lakehouse.Append(t.Context(), l, dataset.Rates(), lakehouse.Commit{}, rows)
		if err != nil {
			t.Fatal(err)
		}
		return result.Snapshot
	}
	since := rates(1)
	check("raw.fx_rates", since, lakehouse.Change{To: since, None: true})
	to := rates(-400, 400)
	check("raw.fx_rates", since, lakehouse.Change{To: to, Window: dataset.Window{Start: dataset.FromDays(-400), End: dataset.FromDays(401)}})

	ensure(t, l, dataset.Businesses())
	var heads []int64
	for range 2 {
		result, err := lakehouse.ReplaceAll(t.Context(), l, dataset.Businesses(), lakehouse.Commit{}, []dataset.BusinessRow{{BusinessID: "b"}})
		if err != nil {
			t.Fatal(err)
		}
		heads = append(heads, result.Snapshot)
	}
	check("raw.businesses", heads[0], lakehouse.Change{To: heads[1], All: true})
	got, err := l.Heads(t.Context())
	if diff := cmp.Diff(map[string]int64{table: result.Snapshot, "raw.fx_rates": to, "raw.businesses": heads[1]}, got); err != nil || diff != "" {
		t.Errorf("Heads: %v (-want +got):\n%s", err, diff)
	}
}
