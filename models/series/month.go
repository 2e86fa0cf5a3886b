package series

import "time"

// MonthDays returns, for a number of days from the first on, the days of the month on which business often differs: its
// first three, its fifteenth and its last three, one calendar column each, 1 on such days and else 0. They are named alike,
// so that a model keeps or refuses them together. The calendar is the Gregorian one, leap years included; of no days the
// columns are empty.
func MonthDays(firstDay int32, days int) []KnownColumn {
	names := []string{
		"month: first day", "month: second day", "month: third day", "month: fifteenth day",
		"month: third last day", "month: second last day", "month: last day",
	}
	columns := make([]KnownColumn, len(names))
	for k, name := range names {
		columns[k] = KnownColumn{Name: name, Kind: Calendar, Values: make([]float64, days)}
	}
	start := time.Unix(int64(firstDay)*24*60*60, 0).UTC()
	for i := range days {
		at := start.AddDate(0, 0, i)
		left := at.AddDate(0, 1, 1-at.Day()).AddDate(0, 0, -1).Day() - at.Day() // days until the month's last
		switch day := at.Day(); {
		case day <= 3:
			columns[day-1].Values[i] = 1
		case day == 15:
			columns[3].Values[i] = 1
		case left <= 2:
			columns[6-left].Values[i] = 1
		}
	}
	return columns
}
