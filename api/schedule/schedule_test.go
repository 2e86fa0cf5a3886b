package schedule_test

import (
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/schedule"
)

func parse(t *testing.T, expression, zone string) schedule.Schedule {
	t.Helper()
	s, err := schedule.Parse(expression, zone)
	if err != nil {
		t.Fatalf("parse %q in %s: %v", expression, zone, err)
	}
	return s
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ expression, zone string }{
		{"", "UTC"}, {"* * * * *", "UTC"}, {"*/10 * * * *", "UTC"}, {"0,10 6 * * *", "UTC"}, {"55 23 * * *", "nowhere"}, {"0 6 * * *", ""}, {"0 6 * * *", "Local"},
		{"0 0 6 * * *", "UTC"}, {"@every 1s", "UTC"}, {"@daily", "UTC"}, {"CRON_TZ=UTC 0 6 * *", "UTC"}, {"TZ=UTC 0 6 * *", "UTC"},
		{"0 6 30 2 *", "UTC"}, {"61 6 * * *", "UTC"}, {"0 6 * * x", "UTC"}, {"0,55 0,23 * * *", "UTC"}, {"50 23,0 * * *; 1", "UTC"},
	} {
		if s, err := schedule.Parse(c.expression, c.zone); err == nil {
			t.Errorf("%q in %q: %+v, want it refused", c.expression, c.zone, s)
		}
	}
	for _, expression := range []string{"*/15 * * * *", "7 * * * *", "0 6 * * *", "30 2 1 * *", "0 0 29 2 *", "0,15,30,45 8-18 * * 1-5"} {
		parse(t, expression, "Europe/Berlin")
	}
}

func TestClockChanges(t *testing.T) {
	check := func(expression, zone, after string, want ...string) {
		t.Helper()
		s := parse(t, expression, zone)
		at, err := time.Parse(time.RFC3339, after)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			at = s.Next(at)
			if got := at.Format(time.RFC3339); got != w {
				t.Errorf("%q in %s after %s: %s, want %s", expression, zone, after, got, w)
			}
		}
	}
	// In Berlin clocks skip 02:00 to 03:00 on 2026-03-29 at 01:00Z and show it twice on 2026-10-25 up to 01:00Z.
	check("30 2 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z", "2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z")
	check("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z")
	check("30 2 * * *", "Europe/Berlin", "2026-10-25T01:15:00Z", "2026-10-26T01:30:00Z")
	check("30 * * * *", "Europe/Berlin", "2026-10-24T23:45:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z")
	check("30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z")
	check("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", "2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z") // half an hour is skipped
	check("0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z")    // midnight is skipped
}

// Over ten years in six zones, what is due once a day is due once on each local day.
func TestNoneSkippedNoneDoubled(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Santiago", "Pacific/Auckland"} {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for _, expression := range []string{"30 2 * * *", "0 0 * * *", "59 23 * * *", "15 1 * * *"} {
			s := parse(t, expression, zone)
			at := time.Date(2020, 1, 1, 0, 0, 0, 0, location).Add(-time.Minute)
			day := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
			for range 3653 {
				at = s.Next(at)
				local := at.In(location)
				if local.Year() != day.Year() || local.YearDay() != day.YearDay() {
					t.Fatalf("%q in %s: due at %s, want one due time on %s", expression, zone, local, day.Format(time.DateOnly))
				}
				day = day.AddDate(0, 0, 1)
			}
		}
	}
}
