package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/pipelines/replay"
)

// newVisitor is a sender in Berlin to an installation whose clock stands at now. Jobs are run by hand.
func newVisitor(t *testing.T, now time.Time) (*sender, *scenario) {
	t.Helper()
	handler, err := replay.New(fstest.MapFS{}, replay.Manifest{Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := serving(t, handler, storetest.New(t).URL(""))
	s.now = func() time.Time { return now }
	setup := store.Setup{User: store.User{ID: id("visitor"), Email: "visitor@example.org", Name: "Visitor"}, PasswordHash: senderHash(t),
		Businesses: []store.Business{{ID: id("museum"), Name: "Museum", TimeZone: "Europe/Berlin", Currency: "EUR", Country: "DE"}}}
	if _, err := s.data.AddSetup(t.Context(), setup); err != nil {
		t.Fatal(err)
	}
	if s.jobs, err = s.newAPIJobs(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	out, printed := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- s.serve(ctx, printed, "127.0.0.1:0", nil) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("serve ended with %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	visitor := &sender{installation: s.installation, business: id("museum").String(), email: "visitor@example.org", password: senderPassword,
		address: line[strings.Index(line, "http://"):strings.Index(line, ",")]}
	visitor.signIn(t)
	return visitor, s
}

// visits is a file of hourly visitors: each hour of the local days [first, last] with its number in the file, but for those left out.
func visits(zone *time.Location, first, last time.Time, without ...string) []byte {
	var out bytes.Buffer
	out.WriteString("time,visitors\n")
	n := 0
	for at := first; at.Before(last); at = at.Add(time.Hour) {
		text := at.In(zone).Format(time.RFC3339)
		if n++; !strings.Contains(strings.Join(without, " "), text) {
			fmt.Fprintf(&out, "%s,%d\n", text, n)
		}
	}
	return out.Bytes()
}

// TestUploadedHoursReachTheChart sends the hours of more than the kept days up to two days after clocks go back, and reads the day of 25
// hours: each is an instant of its own, holes are null, days and hours agree.
func TestUploadedHoursReachTheChart(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	v, s := newVisitor(t, time.Date(2025, 10, 28, 3, 0, 0, 0, time.UTC))
	file := visits(zone, time.Date(2025, 7, 1, 0, 0, 0, 0, zone), time.Date(2025, 10, 28, 0, 0, 0, 0, zone), "2025-10-26T02:00:00+01:00", "2025-10-26T07:00:00+01:00")
	u := v.send(t, http.StatusCreated, "visits.csv", file, "commit", "auto")
	if u.Status == "previewed" {
		t.Fatalf("the file waits for answers: %+v", u.Preview.Ambiguous)
	}
	s.run(t, landUploadsJob, refreshJob)
	s.run(t, refreshJob) // changes nothing
	chart := func(query string) (points []string) {
		t.Helper()
		var answer struct {
			AsOf   time.Time `json:"as_of"`
			Series []struct {
				Points []struct {
					Day      string
					StartsAt string `json:"starts_at"`
					Value    *float64
				}
			}
		}
		v.call(t, http.MethodGet, "/dashboard/metrics/"+v.business+"?"+query, "", nil, http.StatusOK, &answer)
		if len(answer.Series) != 1 || !answer.AsOf.Equal(v.now()) {
			t.Fatalf("%s: %d series as of %s, want one as of %s", query, len(answer.Series), answer.AsOf, v.now())
		}
		for _, p := range answer.Series[0].Points {
			value := "null"
			if p.Value != nil {
				value = fmt.Sprint(*p.Value)
			}
			points = append(points, strings.TrimSpace(p.Day+" "+strings.TrimPrefix(p.StartsAt, p.Day+"T"))+" "+value)
		}
		return points
	}
	// 117 days of 24 hours lie before.
	got := chart("grain=hour&from=2025-10-26&to=2025-10-27")
	want := make([]string, 0, 25)
	for n := range 25 {
		hour, offset := n, "+02:00"
		if n > 2 {
			hour, offset = n-1, "+01:00"
		}
		value := fmt.Sprint(117*24 + n + 1)
		if n == 3 || n == 8 {
			value = "null"
		}
		want = append(want, fmt.Sprintf("2025-10-26 %02d:00:00%s %s", hour, offset, value))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("2025-10-26:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if day := chart("from=2025-10-26&to=2025-10-27"); len(day) != 1 || day[0] != fmt.Sprintf("2025-10-26 %d", 23*117*24+25*26/2-4-9) {
		t.Errorf("the day %v is not the sum of its hours", day)
	}
	if week := chart("grain=hour"); len(week) != 24*6+1 || !strings.HasPrefix(week[0], "2025-10-22 00:00:00+02:00 ") {
		t.Errorf("without a window: %d hours from %s, want those of the six days before the run's", len(week), week[0])
	}
	// What is kept ends to the day, here and in Postgres.
	if first := chart("grain=hour&from=2025-07-31&to=2025-08-01"); len(first) != 24 {
		t.Errorf("the first day that is kept has %d hours, want 24", len(first))
	}
	status, text := v.try(t, http.MethodGet, "/dashboard/metrics/"+v.business+"?grain=hour&from=2025-07-30&to=2025-08-01", "", nil)
	if status != http.StatusBadRequest || !strings.Contains(string(text), "hours are kept for 90 days: the first day that has any is 2025-07-31") {
		t.Errorf("a day before: %d %s, want 400 that names the limit", status, text)
	}
	status, text = v.try(t, http.MethodGet, "/data/export/"+v.business+"?table=hours&format=jsonl", "", nil)
	var rows []map[string]any
	for line := range strings.Lines(string(text)) {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%d %s: %v", status, line, err)
		}
		rows = append(rows, row)
	}
	if len(rows) != 89*24+1-2 || rows[0]["starts_at"] != "2025-07-30T22:00:00Z" || rows[0]["day"] != "2025-07-31" || rows[0]["hour"] != 0.0 {
		t.Errorf("the export has %d hours, the first %v; want those of the 89 days before the run's", len(rows), rows[0])
	}
}
