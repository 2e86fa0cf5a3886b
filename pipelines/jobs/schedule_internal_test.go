package jobs

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"
)

// The plan is tested from inside: it is the rule that the schedule's table keeps.
func TestPlan(t *testing.T) {
	at := func(text string) time.Time {
		instant, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return instant
	}
	hourly, err := Job{Name: "x", Schedule: "0 * * * *"}.schedule()
	if err != nil {
		t.Fatal(err)
	}
	check := func(name string, policy CatchUp, stored, now, wantDue, wantNext string) {
		t.Helper()
		due, next := plan(hourly, policy, at(stored), at(now))
		got := ""
		if !due.IsZero() {
			got = due.UTC().Format(time.RFC3339)
		}
		if got != wantDue || !next.Equal(at(wantNext)) {
			t.Errorf("%s: due %q next %s, want due %q next %s", name, got, next.UTC().Format(time.RFC3339), wantDue, wantNext)
		}
	}
	check("not yet due", Latest, "2024-05-01T10:00:00Z", "2024-05-01T09:59:59Z", "", "2024-05-01T10:00:00Z")
	check("due now", Latest, "2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z", "2024-05-01T11:00:00Z")
	check("hours missed, the latest counts", Latest, "2024-05-01T10:00:00Z", "2024-05-01T14:30:00Z", "2024-05-01T14:00:00Z", "2024-05-01T15:00:00Z")
	check("hours missed, none counts", None, "2024-05-01T10:00:00Z", "2024-05-01T14:30:00Z", "", "2024-05-01T15:00:00Z")
	check("noticed within the grace", None, "2024-05-01T10:00:00Z", "2024-05-01T10:00:30Z", "2024-05-01T10:00:00Z", "2024-05-01T11:00:00Z")
	check("a century missed", Latest, "1924-05-01T10:00:00Z", "2024-05-01T14:30:00Z", "2024-05-01T14:00:00Z", "2024-05-01T15:00:00Z")
	check("another process's clock is ahead", Latest, "2024-05-01T11:00:00Z", "2024-05-01T09:59:58Z", "", "2024-05-01T11:00:00Z")
	check("stored by a clock that was a year ahead", Latest, "2025-05-01T11:00:00Z", "2024-05-01T09:59:58Z", "", "2024-05-01T10:00:00Z")
}

// Ten years of looking at a schedule at random instants, each time by one of six
// machines in six zones whose clocks change, one by half an hour, and of which one lost
// a day: every due time is met once. What is wanted comes from arithmetic, not from the library.
func TestTenYears(t *testing.T) {
	const seed = 20080101
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var zones []*time.Location
	for _, name := range []string{"America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		zones = append(zones, zone)
	}
	start := time.Date(2008, 1, 1, 0, 0, 0, 0, time.UTC)
	end := start.AddDate(10, 0, 0)
	every := func(first, step time.Duration) (all []time.Time) {
		for at := start.Add(first); !at.After(end); at = at.Add(step) {
			all = append(all, at)
		}
		return all
	}
	const day = 24 * time.Hour
	for schedule, want := range map[string][]time.Time{
		"15 * * * *":   every(15*time.Minute, time.Hour),
		"20 */6 * * *": every(20*time.Minute, 6*time.Hour),
		"0 2 * * *":    every(2*time.Hour, day),
		"30 1 * * 0":   every(5*day+90*time.Minute, 7*day), // 2008 began on a Tuesday
		"0 0 29 2 *":   {start.AddDate(0, 1, 28), start.AddDate(4, 1, 28), start.AddDate(8, 1, 28)},
	} {
		parsed, err := Job{Name: "x", Schedule: schedule}.schedule()
		if err != nil {
			t.Fatal(err)
		}
		pause := min(int64(want[1].Sub(want[0]))*9/10, int64(300*day))
		var got []time.Time
		look := func(stored, now time.Time) time.Time {
			due, next := plan(parsed, Latest, stored, now.In(zones[random.IntN(len(zones))]))
			if !due.IsZero() {
				got = append(got, due)
			}
			return next.UTC()
		}
		next := look(parsed.Next(start), start)
		for now := start; now.Before(end); now = now.Add(time.Duration(random.Int64N(pause) + 1)) {
			next = look(next, now)
		}
		look(next, end)
		if !slices.EqualFunc(got, want, time.Time.Equal) {
			t.Errorf("%q: %d due times, want %d; they differ from %v on", schedule, len(got), len(want), firstDifference(got, want))
		}
	}
}

func firstDifference(got, want []time.Time) time.Time {
	for i := range want {
		if i >= len(got) || !got[i].Equal(want[i]) {
			return want[i]
		}
	}
	return got[len(want)]
}
