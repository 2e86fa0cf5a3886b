package anomaly

// Kind says in which way a day is out of the ordinary.
type Kind int8

// The kinds. Ordinary is the zero value.
const (
	// Ordinary is a day on which nothing stood out.
	Ordinary Kind = iota
	// Spike is a value above what was expected.
	Spike
	// Dip is a value below what was expected.
	Dip
	// LevelShift is a run of values that keeps to another level than before.
	LevelShift
	// FlatLine is a run of equal values that is too long for the series.
	FlatLine
	// Missing is a value that did not come although it should have.
	Missing
	// Volatility is a run of values that vary much more, or much less, than before.
	Volatility
)

// String returns the kind in words: "ordinary", "spike", "dip", "level shift", "flat line", "missing" or "volatility".
func (k Kind) String() string {
	switch k {
	case Ordinary:
		return "ordinary"
	case Spike:
		return "spike"
	case Dip:
		return "dip"
	case LevelShift:
		return "level shift"
	case FlatLine:
		return "flat line"
	case Missing:
		return "missing"
	case Volatility:
		return "volatility"
	}
	return "unknown"
}

// Severity says how far beyond the threshold an anomaly lies.
type Severity int8

// The severities. Harmless, the zero value, is that of every day without an alarm.
const (
	Harmless Severity = iota
	// Minor is an alarm whose tail probability is below the threshold's.
	Minor
	// Major is one that is ten times less likely than the threshold.
	Major
	// Critical is one that is a hundred times less likely than the threshold.
	Critical
)

// String returns the severity in words: "", "minor", "major" or "critical".
func (s Severity) String() string {
	switch s {
	case Minor:
		return "minor"
	case Major:
		return "major"
	case Critical:
		return "critical"
	}
	return ""
}
