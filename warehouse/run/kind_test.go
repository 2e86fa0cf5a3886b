package run

import (
	"testing"

	"github.com/signalcraft/signalcraft/models/anomaly"
)

// Which side an anomaly lies on is tested from inside: values that bring a kind's rare side about are dear to find.
func TestAnomaliesLieOnTheSideOfTheirKind(t *testing.T) {
	check := func(k anomaly.Kind, value float64, want string) {
		t.Helper()
		if got := kindName(k, value, 100); got != want {
			t.Errorf("%s of %g where 100 is expected is %s, want %s", k, value, got, want)
		}
	}
	check(anomaly.Spike, 120, "spike")
	check(anomaly.Spike, 80, "level_shift")
	check(anomaly.Spike, 100, "level_shift")
	check(anomaly.Dip, 80, "dip")
	check(anomaly.Dip, 120, "level_shift")
	check(anomaly.FlatLine, 120, "flat_line")
	check(anomaly.LevelShift, 80, "level_shift")
}
