package series

import "fmt"

// Known is what is known of the days of a business besides its values: holidays, events, closed days, weather. Every column
// has one value for each day from FirstDay on, of the past and of the days to be forecast alike.
type Known struct {
	// FirstDay is the day of every column's first value, in days since 1970-01-01.
	FirstDay int32
	// Columns are in an order that does not change from run to run.
	Columns []KnownColumn
}

// KnownColumn is one thing that is known of days.
type KnownColumn struct {
	// Name tells what it is, such as "holiday: Christmas Day" or "temperature_mean"; unique in its Known.
	Name string
	Kind KnownKind
	// Values has one value a day: of Calendar and Closed 0 or 1 (or a share), of Measured its unit; NaN where it is not known.
	Values []float64
}

// KnownKind is how far ahead a column is known, and what it does.
type KnownKind int

// The kinds.
const (
	// Calendar is known for every day: a holiday, the day before it, an event of the business.
	Calendar KnownKind = iota + 1
	// Closed is known for every day: 1 where the business is closed.
	Closed
	// Measured is known for the past, and ahead only as far as its own forecast reaches: weather. Beyond that it is NaN.
	Measured
)

// Len returns the number of days.
func (k *Known) Len() int {
	if len(k.Columns) == 0 {
		return 0
	}
	return len(k.Columns[0].Values)
}

// Validate returns an error when columns differ in length, have no kind, or share a name.
func (k *Known) Validate() error {
	names := make(map[string]bool, len(k.Columns))
	for _, c := range k.Columns {
		switch {
		case c.Kind < Calendar || c.Kind > Measured:
			return fmt.Errorf("known column %q has no kind", c.Name)
		case names[c.Name]:
			return fmt.Errorf("known column %q stands twice", c.Name)
		case len(c.Values) != k.Len():
			return fmt.Errorf("known column %q has %d days, want %d like the first", c.Name, len(c.Values), k.Len())
		}
		names[c.Name] = true
	}
	return nil
}
