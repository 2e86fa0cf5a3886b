package trend

import "math"

// Direction is where a series goes.
type Direction int8

// The directions. Unknown is that of a stretch with too few values; Steady that of one whose trend is not significant, be it
// that there is none or that noise hides it.
const (
	Unknown Direction = iota
	Steady
	Rising
	Falling
)

// String returns unknown, steady, rising or falling.
func (d Direction) String() string {
	return [...]string{Unknown: "unknown", Steady: "steady", Rising: "rising", Falling: "falling"}[d]
}

// Kind is how a course changes.
type Kind int8

// The kinds: the course jumps, or it bends.
const (
	LevelShift Kind = iota + 1
	SlopeChange
)

// String returns level_shift or slope_change.
func (k Kind) String() string {
	return [...]string{0: "", LevelShift: "level_shift", SlopeChange: "slope_change"}[k]
}

// Statements are the trends and change points of a batch, in columns. The first group has one entry for each series of the batch,
// the second one for each change point; those stand in the order of series and day.
type Statements struct {
	// Direction is where each series went in its stretch.
	Direction []Direction
	// Slope is the rate in the KPI's own unit per day (per value), by Sen's median of slopes, and SlopeLow to SlopeHigh its
	// 95 % interval; NaN when Direction is Unknown.
	Slope, SlopeLow, SlopeHigh []float64
	// PValue is the chance that a series without a trend would show one as strong, and Tau Kendall's rank correlation with
	// time; NaN when Direction is Unknown.
	PValue, Tau []float64
	// Level is the median of the stretch without its season, in the KPI's unit; NaN without an observed value.
	Level []float64
	// FirstDay and LastDay bound the stretch, in days since 1970-01-01.
	FirstDay, LastDay []int32
	// Observed counts the stretch's observed values.
	Observed []int32

	// Series is the number in the batch of each change point's series.
	Series []int32
	// Day is the first day of the new course, in days since 1970-01-01.
	Day []int32
	// Kind says whether the course jumps or bends.
	Kind []Kind
	// Size is by how much: of a level shift in the KPI's unit, of a slope change in that per day.
	Size []float64
	// Before and After are the level on the two sides of a level shift, the slope on those of a slope change.
	Before, After []float64
	// Confidence is one less the chance that the noise alone would show such a change anywhere in the history.
	Confidence []float64

	first []int // first change point of each series, and the end
}

func newStatements(count int) *Statements {
	s := &Statements{
		Direction: make([]Direction, count),
		FirstDay:  make([]int32, count), LastDay: make([]int32, count), Observed: make([]int32, count),
		first: make([]int, count+1),
	}
	for _, column := range [...]*[]float64{&s.Slope, &s.SlopeLow, &s.SlopeHigh, &s.PValue, &s.Tau, &s.Level} {
		*column = make([]float64, count)
		for i := range *column {
			(*column)[i] = math.NaN()
		}
	}
	return s
}

// Changes returns the change points of series i of the batch as a half-open range.
func (s *Statements) Changes(i int) (lo, hi int) { return s.first[i], s.first[i+1] }

// PercentPerMonth returns the slope of series i over 30 days as a percentage of its level; NaN when the level is not positive.
func (s *Statements) PercentPerMonth(i int) float64 {
	if !(s.Level[i] > 0) {
		return math.NaN()
	}
	return 100 * 30 * (s.Slope[i] / s.Level[i])
}

// collect writes the change points that were found in each series.
func (s *Statements) collect(found [][]change) {
	for i, changes := range found {
		for _, c := range changes {
			s.Series, s.Day, s.Kind = append(s.Series, int32(i)), append(s.Day, c.day), append(s.Kind, c.kind)
			s.Size, s.Confidence = append(s.Size, c.size), append(s.Confidence, c.confidence)
			s.Before, s.After = append(s.Before, c.before), append(s.After, c.after)
		}
		s.first[i+1] = len(s.Series)
	}
}
