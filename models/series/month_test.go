package series_test

import (
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/models/series"
)

func TestMonthDays(t *testing.T) {
	// From 30 January of a leap year on.
	first := time.Date(2024, time.January, 30, 0, 0, 0, 0, time.UTC)
	columns := series.MonthDays(int32(first.Unix()/86400), 40)
	k := series.Known{Columns: columns}
	if err := k.Validate(); err != nil || k.Len() != 40 {
		t.Fatalf("error %v, %d days", err, k.Len())
	}
	want := map[string]string{
		"2024-01-30": "month: second last day", "2024-01-31": "month: last day", "2024-02-01": "month: first day", "2024-02-02": "month: second day",
		"2024-02-03": "month: third day", "2024-02-15": "month: fifteenth day", "2024-02-27": "month: third last day", "2024-02-28": "month: second last day",
		"2024-02-29": "month: last day", "2024-03-01": "month: first day", "2024-03-02": "month: second day", "2024-03-03": "month: third day",
	}
	for i := range 40 {
		date, found := first.AddDate(0, 0, i).Format(time.DateOnly), ""
		for _, c := range columns {
			if c.Values[i] == 1 {
				found += c.Name
			}
		}
		if found != want[date] {
			t.Errorf("%s is %q, want %q", date, found, want[date])
		}
	}
}
