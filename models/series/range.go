package series

import (
	"fmt"
	"math"
)

// Range says which values a series can take. Both ends are included; infinities mean no end. Make it with
// Anything or NonNegative, or fill the fields: the zero value allows nothing but 0.
type Range struct {
	Lowest, Highest float64
	// Integer says that the values are whole numbers.
	Integer bool
}

// Anything returns the range without ends.
func Anything() Range { return Range{Lowest: math.Inf(-1), Highest: math.Inf(1)} }

// NonNegative returns the range from zero on.
func NonNegative() Range { return Range{Lowest: 0, Highest: math.Inf(1)} }

// Validate returns an error when an end is NaN, or when no value lies between the ends.
func (r Range) Validate() error {
	if math.IsNaN(r.Lowest) || math.IsNaN(r.Highest) || r.Lowest > r.Highest || math.IsInf(r.Lowest, 1) || math.IsInf(r.Highest, -1) {
		return fmt.Errorf("range from %g to %g holds no value", r.Lowest, r.Highest)
	}
	if r.Integer && math.Ceil(r.Lowest) > math.Floor(r.Highest) {
		return fmt.Errorf("range from %g to %g holds no whole number", r.Lowest, r.Highest)
	}
	return nil
}

// Clamp returns the value of the range that is nearest to v; of whole numbers the one to which v rounds. NaN stays NaN.
func (r Range) Clamp(v float64) float64 {
	lowest, highest := r.Lowest, r.Highest
	if r.Integer {
		v, lowest, highest = math.Round(v), math.Ceil(lowest), math.Floor(highest)
	}
	return max(lowest, min(v, highest))
}
