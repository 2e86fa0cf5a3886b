package lakehouse_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/lakehouse/laketest"
)

func TestConcurrentLandingsLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	db, dir := newPlace(t)
	lakes := []*lakehouse.Lake{laketest.Open(t, db, dir), laketest.Open(t, db, dir)}
	ensure(t, lakes[0], dataset.KPIPoints())
	may := day(t, "2024-05-01")
	const each = 8
	var want []float64
	var group sync.WaitGroup
	for writer := range 4 {
		for i := range each {
			want = append(want, float64(writer*each+i))
		}
		group.Go(func() {
			for i := range each {
				value := float64(writer*each + i)
				// Both lakes land it; whoever comes second must find it landed.
				for turn := range lakes {
					c := lakehouse.Commit{Unit: fmt.Sprint(writer), Content: fmt.Sprint(i)}
					got, err := lakehouse.Append(t.Context(), lakes[(writer+turn)%2], dataset.KPIPoints(), c, []dataset.KPIPointRow{point(may, value)})
					if err != nil || got.NoOp != (turn == 1) {
						t.Errorf("writer %d, value %v, turn %d: Append = %+v, %v", writer, value, turn, got, err)
					}
				}
			}
		})
	}
	group.Wait()
	for i, l := range lakes {
		if got := values(t, l, lakehouse.ReadOptions{}); !slices.Equal(got, want) {
			t.Errorf("lake %d reads %v, want every value once", i, got)
		}
	}
}

func TestReadersSeeReplacementsWhole(t *testing.T) {
	t.Parallel()
	db, dir := newPlace(t)
	writer, reader := laketest.Open(t, db, dir), laketest.Open(t, db, dir)
	ensure(t, writer, dataset.KPIPoints())
	months := []string{"2024-05-01", "2024-06-01", "2024-07-01"}
	replace := func(value float64) {
		rows := make([]dataset.KPIPointRow, len(months))
		for i, m := range months {
			rows[i] = point(day(t, m), value)
		}
		if _, err := lakehouse.ReplaceAll(t.Context(), writer, dataset.KPIPoints(), lakehouse.Commit{}, rows); err != nil {
			t.Error(err)
		}
	}
	replace(0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 15 {
			replace(float64(i))
		}
	}()
	for reads := 0; ; reads++ {
		select {
		case <-done:
			if reads == 0 {
				t.Error("nothing was read while the writer worked")
			}
			return
		default:
		}
		got := values(t, reader, lakehouse.ReadOptions{})
		if len(got) != 3 || got[0] != got[1] || got[1] != got[2] {
			t.Fatalf("read %v, want three equal values", got)
		}
	}
}
