package jobs

import (
	"testing"
	"time"
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
}
