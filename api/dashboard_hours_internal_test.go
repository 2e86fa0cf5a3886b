package api

import (
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/store"
)

// TestAxisHasTheHoursOfTheLake walks each zone's year and compares with what marts.kpi_hourly makes of every minute: the instant
// less what has passed of its local hour. It is an inside test, since no more than weeks can be asked for.
func TestAxisHasTheHoursOfTheLake(t *testing.T) {
	t.Parallel()
	cases := []struct {
		zone       string
		begin      time.Time
		odd, least int // days that have not 24 hours, and the length of the shortest
		most       int
	}{
		{"UTC", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 0, 24, 24},
		{"Europe/Berlin", time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), 2, 23, 25},
		{"America/St_Johns", time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), 2, 23, 25},
		{"Australia/Adelaide", time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), 2, 23, 25},
		{"Asia/Kathmandu", time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), 0, 24, 24},
		{"Africa/Cairo", time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), 2, 23, 25},     // at midnight
		{"America/Havana", time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), 2, 23, 25},   // at midnight, and at one back to it
		{"America/Santiago", time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), 2, 23, 25}, // at midnight
		{"Antarctica/Troll", time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), 2, 22, 26}, // by two hours
		{"Australia/Lord_Howe", time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), 1, 24, 25},
	}
	for _, c := range cases {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		on := axis{grain: store.Hour, zone: zone}
		begin := on.first(c.begin)
		end := on.first(c.begin.AddDate(1, 0, 0))
		days := map[string]int{}
		seen := begin
		for at := begin; at.Before(end); at = at.Add(time.Minute) {
			local := at.In(zone)
			hour := local.Add(-time.Duration(local.Minute()) * time.Minute)
			if hour.Equal(seen) && at != begin {
				continue
			}
			if at != begin && !on.next(seen).Equal(hour) {
				t.Fatalf("%s: after %s comes %s, want %s", c.zone, on.name(seen), on.name(on.next(seen)), on.name(hour))
			}
			seen = hour
			days[local.Format(time.DateOnly)]++
		}
		odd, least, most := 0, 24, 24
		for _, n := range days {
			least, most = min(least, n), max(most, n)
			if n != 24 {
				odd++
			}
		}
		if len(days) != 365 || odd != c.odd || least != c.least || most != c.most {
			t.Errorf("%s: %d days, %d of them odd with %d to %d hours; want 365, %d, %d to %d", c.zone, len(days), odd, least, most, c.odd, c.least, c.most)
		}
	}
}
