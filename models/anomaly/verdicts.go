package anomaly

import "slices"

// Verdicts are the judged days of a batch, in columns. The first group has one entry for each series, the second one for each row,
// a judged day of a series; rows stand in the order of series and day. No row holds a NaN or an infinity, and always Lower <=
// Expected <= Upper.
//
// The days that have no row are: those before the first values from which something could be learned, those before Options.From,
// those of known incidents and the days after them.
type Verdicts struct {
	// Threshold is the score from which on the last row of each series would have been an alarm; 1 for a series without rows.
	Threshold []float64

	// Series is the number in the batch of each row's series.
	Series []int32
	// Day is the day judged, in days since 1970-01-01.
	Day []int32
	// Score is how far out of the ordinary the day is, in [0,1]: 1 - p^(1/10), where p is the chance of such a day in this series;
	// p = 0.001 is a score of 0.5, p = 0.00001 one of 0.68. Scores of different KPIs may be compared.
	Score []float64
	// Kind is what the day is; of a day without an alarm, what it comes nearest to.
	Kind []Kind
	// Severity is Harmless for rows that are neither Alarm nor Ongoing.
	Severity []Severity
	// Expected is the value that was expected before the day was seen, of a day that is told as a level shift what was usual for
	// long; between Lower and Upper the distance from it by itself raises no alarm. All three keep to the KPI's range, and to zero and above until the KPI has been below zero.
	Expected, Lower, Upper []float64
	// Alarm is set on the day with which an anomaly begins. Options.ExpectedAlarms counts these.
	Alarm []bool
	// Ongoing is set on later days of an anomaly, until the KPI has been ordinary for some days: to be shown, but not told again.
	Ongoing []bool
	// Method is what the expectation rests on, such as "seasonal level, known days".
	Method []string

	first []int // first row of each series, and the end
}

// Len returns the number of rows.
func (v *Verdicts) Len() int { return len(v.Series) }

// Rows returns the rows of series i of the batch as a half-open range.
func (v *Verdicts) Rows(i int) (lo, hi int) { return v.first[i], v.first[i+1] }

// join puts the rows of all series together.
func join(parts []Verdicts) *Verdicts {
	out, rows := &Verdicts{}, 0
	for i := range parts {
		rows += parts[i].Len()
	}
	out.grow(len(parts), rows)
	for i := range parts {
		out.add(&parts[i])
		parts[i] = Verdicts{}
	}
	out.first = append(out.first, out.Len())
	return out
}

// add appends the rows of one series.
func (v *Verdicts) add(part *Verdicts) {
	v.first = append(v.first, v.Len())
	v.Threshold = append(v.Threshold, part.Threshold...)
	v.Series = append(v.Series, part.Series...)
	v.Day = append(v.Day, part.Day...)
	v.Score = append(v.Score, part.Score...)
	v.Kind = append(v.Kind, part.Kind...)
	v.Severity = append(v.Severity, part.Severity...)
	v.Expected = append(v.Expected, part.Expected...)
	v.Lower = append(v.Lower, part.Lower...)
	v.Upper = append(v.Upper, part.Upper...)
	v.Alarm = append(v.Alarm, part.Alarm...)
	v.Ongoing = append(v.Ongoing, part.Ongoing...)
	v.Method = append(v.Method, part.Method...)
}

// grow makes room for rows more rows.
func (v *Verdicts) grow(series, rows int) {
	v.first, v.Threshold = slices.Grow(v.first, series+1), slices.Grow(v.Threshold, series)
	v.Series, v.Day, v.Score = slices.Grow(v.Series, rows), slices.Grow(v.Day, rows), slices.Grow(v.Score, rows)
	v.Kind, v.Severity = slices.Grow(v.Kind, rows), slices.Grow(v.Severity, rows)
	v.Expected, v.Lower, v.Upper = slices.Grow(v.Expected, rows), slices.Grow(v.Lower, rows), slices.Grow(v.Upper, rows)
	v.Alarm, v.Ongoing, v.Method = slices.Grow(v.Alarm, rows), slices.Grow(v.Ongoing, rows), slices.Grow(v.Method, rows)
}
