package lakehouse_test

import (
	"testing"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/lakehouse/laketest"
)

// A difference names the files that came and those that went, and no other.
func TestDifferenceNamesBothSides(t *testing.T) {
	t.Parallel()
	l := laketest.New(t)
	ensure(t, l, dataset.KPIPoints())
	const table = "raw.kpi_points"
	check := func(from, to int64, removed, added int) {
		t.Helper()
		d, known, err := l.Difference(t.Context(), table, from, to)
		if err != nil || !known || len(d.Removed) != removed || len(d.Added) != added {
			t.Errorf("Difference from %d to %d = %d removed, %d added, %t, %v; want %d and %d", from, to, len(d.Removed), len(d.Added), known, err, removed, added)
		}
	}
	may, june := day(t, "2024-05-07"), day(t, "2024-06-30")
	first := land(t, l, lakehouse.Commit{}, point(may, 1), point(june, 2)).Snapshot
	check(0, first, 0, 2)
	check(first, first, 0, 0)
	second := land(t, l, lakehouse.Commit{}, point(may, 3)).Snapshot
	check(first, second, 0, 1)
	result, err := stage(t, l).Replace(t.Context(), lakehouse.Commit{}, []dataset.Window{month(t, "2024-05")})
	if err != nil {
		t.Fatal(err)
	}
	check(first, result.Snapshot, 1, 0)
	check(second, result.Snapshot, 2, 0)
	check(result.Snapshot, second, 0, 2)
	if _, known, err := l.Difference(t.Context(), table, 42, result.Snapshot); known || err != nil {
		t.Errorf("Difference from a snapshot that never was: known %t, %v", known, err)
	}
}
