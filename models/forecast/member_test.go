package forecast_test

import (
	"math"
	"slices"
	"testing"

	"github.com/signalcraft/signalcraft/models/forecast"
)

func TestMembers(t *testing.T) {
	check := func(method string, want ...forecast.Member) {
		t.Helper()
		got := forecast.Members(method)
		same := slices.EqualFunc(got, want, func(a, b forecast.Member) bool {
			return a.Method == b.Method && (a.Weight == b.Weight || math.IsNaN(a.Weight) && math.IsNaN(b.Weight))
		})
		if !same {
			t.Errorf("Members(%q) = %v, want %v", method, got, want)
		}
	}
	check("")
	check("theta", forecast.Member{Method: "theta", Weight: 1})
	check("60 % theta + 40 % ar", forecast.Member{Method: "theta", Weight: 0.6}, forecast.Member{Method: "ar", Weight: 0.4})
	check("trimmed mean of theta + drift", forecast.Member{Method: "theta", Weight: math.NaN()}, forecast.Member{Method: "drift", Weight: math.NaN()})
	check("many % of them", forecast.Member{Method: "many % of them", Weight: math.NaN()})
}
