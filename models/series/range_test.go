package series_test

import (
	"math"
	"testing"

	"github.com/signalcraft/signalcraft/models/series"
)

func TestRange(t *testing.T) {
	clamp := func(r series.Range, v, want float64) {
		t.Helper()
		if err := r.Validate(); err != nil {
			t.Fatal(err)
		}
		if got := r.Clamp(v); got != want {
			t.Errorf("%+v.Clamp(%g) = %g, want %g", r, v, got, want)
		}
	}
	clamp(series.Anything(), -1e300, -1e300)
	clamp(series.NonNegative(), -0.25, 0)
	clamp(series.NonNegative(), 12.5, 12.5)
	clamp(series.Range{Lowest: 0, Highest: 1}, 1.5, 1)
	rooms := series.Range{Lowest: 0.5, Highest: 40.5, Integer: true}
	clamp(rooms, 0.2, 1)
	clamp(rooms, 12.5, 13)
	clamp(rooms, 99, 40)

	for _, r := range []series.Range{
		{Lowest: math.NaN(), Highest: 1}, {Lowest: 0, Highest: math.NaN()}, {Lowest: 2, Highest: 1},
		{Lowest: math.Inf(1), Highest: math.Inf(1)}, {Lowest: 0.2, Highest: 0.8, Integer: true},
	} {
		if err := r.Validate(); err == nil {
			t.Errorf("%+v passes, but holds no value", r)
		}
	}
}

func TestKnownValidates(t *testing.T) {
	column := func(name string, kind series.KnownKind, values ...float64) series.KnownColumn {
		return series.KnownColumn{Name: name, Kind: kind, Values: values}
	}
	good := series.Known{FirstDay: 3, Columns: []series.KnownColumn{column("holiday: New Year", series.Calendar, 1, 0), column("temperature_mean", series.Measured, 4.5, math.NaN())}}
	if err := good.Validate(); err != nil || good.Len() != 2 {
		t.Errorf("Validate() = %v, Len() = %d, want no error and 2", err, good.Len())
	}
	for _, columns := range [][]series.KnownColumn{
		{column("a", series.Calendar, 1, 0), column("b", series.Calendar, 1)},
		{column("a", series.Calendar, 1), column("a", series.Closed, 1)},
		{column("a", 0, 1)},
	} {
		k := series.Known{Columns: columns}
		if k.Validate() == nil {
			t.Errorf("%+v passes", columns)
		}
		b := series.Batch{BusinessID: []string{"b"}, KPIID: []string{"k"}, FirstDay: []int32{0}, Range: []series.Range{series.Anything()}, Offsets: []int{0, 0}, Known: []*series.Known{&k}}
		if b.Validate() == nil {
			t.Errorf("a batch with %+v passes", columns)
		}
	}
}
