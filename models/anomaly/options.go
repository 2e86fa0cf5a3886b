package anomaly

import (
	"fmt"
	"math"
	"runtime"

	"github.com/signalcraft/signalcraft/models/series"
)

// daysPerMonth is the mean length of a month.
const daysPerMonth = 30.436875

// Options say how loud Judge may be, and of which days it knows more than their values.
type Options struct {
	// ExpectedAlarms is how many alarms one KPI may raise in a month in which nothing happens: the setting that decides how quiet
	// Judge is. Zero means 0.5. Allowed are 0.001 to 10.
	ExpectedAlarms float64
	// MinAbsolute is the least distance from the expected value, in the KPI's unit, that raises an alarm. Zero asks for none. It
	// does not hold back missing days and flat lines, which have no distance.
	MinAbsolute []float64
	// MinRelative is the least distance from the expected value as a share of its size (0.1 is ten percent). Zero asks for none.
	MinRelative float64
	// Season is the season length in days. Zero means 7, the week; 1 means none. The month's days and the year's
	// known days are learned besides.
	Season int
	// Workers is the number of goroutines. Zero means one for each processor.
	Workers int
	// From is the first day that gets a row, in days since 1970-01-01; earlier days are only learned from. Zero means all.
	From int32
	// Through is the last day that should have a value by now: when a series ended earlier, the days in between are judged as missing.
	// Zero means each series' own last day.
	Through int32
	// Incidents are, for each series of the batch, ranges of days that people know to have been out of the ordinary. They are not
	// judged and not learned from. A nil column, and a nil entry, mean none.
	Incidents [][]DayRange
	// AfterIncident is how many days after an incident are not judged either, while the KPI comes back. Zero means 1; negative none.
	AfterIncident int
}

// DayRange is a range of days, both included, in days since 1970-01-01.
type DayRange struct{ First, Last int32 }

// withDefaults returns the options with zero values filled in, or an error that names the field that is out of range.
func (o Options) withDefaults(b *series.Batch) (Options, error) {
	if o.ExpectedAlarms == 0 {
		o.ExpectedAlarms = 0.5
	}
	if o.Season == 0 {
		o.Season = 7
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.AfterIncident == 0 {
		o.AfterIncident = 1
	}
	n := b.Len()
	switch {
	case !(o.ExpectedAlarms >= 0.001 && o.ExpectedAlarms <= 10):
		return o, fmt.Errorf("anomaly options: ExpectedAlarms is %g, want 0.001 to 10", o.ExpectedAlarms)
	case !(o.MinRelative >= 0) || math.IsInf(o.MinRelative, 0):
		return o, fmt.Errorf("anomaly options: MinRelative is %g, want 0 or more", o.MinRelative)
	case o.Season < 1 || o.Season > 400:
		return o, fmt.Errorf("anomaly options: Season is %d, want 1 to 400", o.Season)
	case o.Workers < 1 || o.Workers > 1024:
		return o, fmt.Errorf("anomaly options: Workers is %d, want 1 to 1024", o.Workers)
	case o.MinAbsolute != nil && len(o.MinAbsolute) != n:
		return o, fmt.Errorf("anomaly options: MinAbsolute has %d entries, want one for each of %d series", len(o.MinAbsolute), n)
	case o.Incidents != nil && len(o.Incidents) != n:
		return o, fmt.Errorf("anomaly options: Incidents has %d entries, want one for each of %d series", len(o.Incidents), n)
	}
	for i, least := range o.MinAbsolute {
		if !(least >= 0) || math.IsInf(least, 0) {
			return o, fmt.Errorf("anomaly options: MinAbsolute of series %d is %g, want 0 or more", i, least)
		}
	}
	return o, nil
}
