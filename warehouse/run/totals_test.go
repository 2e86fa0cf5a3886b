package run

import (
	"slices"
	"strings"
	"testing"

	"github.com/signalcraft/signalcraft/models/series"
)

// Circles are tested from inside: the service refuses them before they reach a lake.

func TestTotalsOfTheBatch(t *testing.T) {
	var b series.Builder
	for _, kpi := range []string{"all", "north", "south", "a", "b", "self", "orphan"} {
		b.Declare("cafe", kpi, series.Anything())
	}
	b.Declare("shop", "north", series.Anything())
	batch, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	var families totals
	if families.parents(batch, nil) != nil {
		t.Error("a batch without parts has totals")
	}
	families.add("cafe", "all", "")
	families.add("cafe", "north", "all")
	families.add("cafe", "south", "all")
	families.add("cafe", "orphan", "gone")
	families.add("cafe", "a", "b")
	families.add("cafe", "b", "a")
	families.add("cafe", "self", "self")
	var warnings []string
	got := families.parents(batch, func(err error) { warnings = append(warnings, err.Error()) })
	if want := []int{-1, 0, 0, -1, -1, -1, -1, -1}; !slices.Equal(got, want) {
		t.Errorf("parents = %v, want %v", got, want)
	}
	if len(warnings) != 3 || !strings.Contains(warnings[0], "series cafe/a: its totals go round in a circle") {
		t.Errorf("warnings %q, want one of each of a, b and self", warnings)
	}
}
