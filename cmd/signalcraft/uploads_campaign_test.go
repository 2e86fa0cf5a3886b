package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/kpi"
	"github.com/signalcraft/signalcraft/pipelines/kpi/kpitest"
)

// TestUploadsAreHonest sends random damaged files of every format to the service, has them landed, and compares the lake row by
// row, both ways, with what must have landed. SIGNALCRAFT_CAMPAIGN=long sends 400.
func TestUploadsAreHonest(t *testing.T) {
	files := 16
	if os.Getenv("SIGNALCRAFT_CAMPAIGN") == "long" {
		files = 400
	}
	const seed = 20260401
	s := newSender(t, false, func(settings *Settings) { settings.RateLimits = "work=0/1m,account=0/1m" })
	// Without limits on sources and KPIs; the owner of such a business would need a second factor, an analyst does not.
	for _, change := range []string{
		`insert into users (id, email, password_hash, full_name, email_verified_at) values (gen_random_uuid(), 'owner@example.com', 'x', 'Owner', now())`,
		`insert into memberships (business_id, user_id, role) select b.id, u.id, 'owner' from businesses b, users u where u.email = 'owner@example.com'`,
		`update businesses set subscription_tier = 'enterprise'`, `update memberships set role = 'analyst' where user_id <> (select id from users where email = 'owner@example.com')`,
	} {
		if _, err := s.pool.Exec(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	b, err := s.newBatch(nil)
	if err != nil {
		t.Fatal(err)
	}
	sent := map[string]*kpitest.File{}
	for n := range files {
		if time.Since(s.signedIn) > 5*time.Minute {
			s.signIn(t)
		}
		file, err := kpitest.New(rand.New(rand.NewPCG(seed, uint64(n))), fmt.Sprintf("file %d", n))
		if err != nil {
			t.Fatalf("seed %d, file %d: %v", seed, n, err)
		}
		if id := s.sendFile(t, n, file); id != "" {
			sent[id] = file
		}
		if n%10 == 9 || n == files-1 {
			if err := b.byHand(t.Context(), landUploadsJob, s.now(), newReport(io.Discard, s.now)); err != nil {
				t.Errorf("seed %d, up to file %d: %v", seed, n, err)
			}
		}
	}
	s.signIn(t)
	s.compareLanded(t, seed, sent)
	// Landed once more, nothing changes: a run that was cut off after it wrote has landed.
	before := s.scenarioOf().count(t, "raw.kpi_points") + s.scenarioOf().count(t, "raw.quarantine")
	if err := b.byHand(t.Context(), landUploadsJob, s.now(), newReport(io.Discard, s.now)); err != nil {
		t.Error(err)
	}
	if after := s.scenarioOf().count(t, "raw.kpi_points") + s.scenarioOf().count(t, "raw.quarantine"); after != before {
		t.Errorf("landing again: %d rows in the lake, %d before", after, before)
	}
}

func (s *sender) scenarioOf() *scenario { return &scenario{installation: s.installation} }

// marksOf names a mark as the API does.
func marksOf(mark string) string {
	if mark == "" {
		return "none"
	}
	return word(mark)
}

// sendFile sends a file with everything said about it, commits it and returns its id; none for what was refused at once.
func (s *sender) sendFile(t *testing.T, n int, file *kpitest.File) string {
	t.Helper()
	options := map[string]any{"time_columns": file.Spec.Time, "time_forms": []string{file.Form}, "time_zone": file.Spec.Zone, "format": file.Spec.Format,
		"source": fmt.Sprint("source ", n)}
	if file.Spec.Value != "" {
		options["shape"], options["value_column"], options["key_columns"] = "long", file.Spec.Value, file.Spec.Key
	} else {
		options["shape"], options["key_columns"] = "wide", []string{}
	}
	if file.Spec.Format == kpi.Delimited {
		options["delimiter"], options["thousands_mark"], options["decimal_mark"] = word(file.Spec.Delimiter), marksOf(file.Spec.Thousands), "point"
		if file.Spec.DecimalComma {
			options["decimal_mark"] = "comma"
		}
	}
	if file.Spec.Encoding != "" {
		options["encoding"] = file.Spec.Encoding
	}
	if file.Spec.Value == "" {
		var kpis []map[string]any
		for _, k := range file.Spec.KPIs {
			kpis = append(kpis, map[string]any{"column": k.Column})
		}
		options["kpis"] = kpis
	}
	text, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	kind, body := form(t, "file", file.Bytes, "business_id", s.business, "options", string(text), "commit", "auto")
	status, answer := s.try(t, http.MethodPost, "/data/upload", kind, body)
	if file.Unreadable && status == http.StatusBadRequest {
		return ""
	}
	var u upload
	if err := json.Unmarshal(answer, &u); status != http.StatusCreated || err != nil || u.Status != "queued" {
		t.Errorf("file %d (%s): %d %.1500s", n, file.Name, status, answer)
		return ""
	}
	return u.ID
}

// landedKPI is what an upload says of a KPI.
type landedKPI struct {
	ID   string `json:"kpi_id"`
	Name string
}

// compareLanded compares what the uploads say, and what the lake holds, with what was sent.
func (s *sender) compareLanded(t *testing.T, seed int, sent map[string]*kpitest.File) {
	t.Helper()
	names, want := map[string]string{}, map[kpitest.Point]float64{}
	var total, rejected int64
	mismatches := 0
	fail := func(format string, args ...any) {
		mismatches++
		if mismatches < 10 {
			t.Errorf("seed %d: "+format, append([]any{seed}, args...)...)
		}
	}
	for id, file := range sent {
		var u struct {
			upload
			Preview struct{ KPIs []landedKPI }
		}
		s.call(t, http.MethodGet, "/data/uploads/"+id, "", nil, 200, &u)
		if file.Unreadable {
			if u.Status != "failed" {
				fail("%s: status %s, want failed", file.Name, u.Status)
			}
			continue
		}
		if u.Rows == nil || u.Rows.Sent != int64(file.Sent()) || u.Rows.Landed != int64(len(file.Want)) || u.Rows.Rejected != int64(file.Rejects) || u.Rows.Repeated != int64(file.Repeats) {
			fail("%s: %s %s %+v, want %d landed, %d rejected, %d repeated", file.Name, u.Status, u.Problem, u.Rows, len(file.Want), file.Rejects, file.Repeats)
			continue
		}
		for _, k := range u.Preview.KPIs {
			names[k.ID] = k.Name
		}
		for p, value := range file.Want {
			want[p] = value
		}
		total, rejected = total+u.Rows.Sent, rejected+u.Rows.Rejected
	}
	var rows []struct {
		KPI    string  `json:"kpi_id"`
		Micros int64   `json:"micros"`
		Value  float64 `json:"value"`
	}
	s.scenarioOf().ask(t, &rows, `select kpi_id, epoch_us("at") as micros, value from raw.kpi_points`)
	for _, r := range rows {
		p := kpitest.Point{KPI: names[r.KPI], Micros: r.Micros}
		value, wanted := want[p]
		if !wanted || value != r.Value {
			fail("the lake holds %s at %d with %v, want %v (%t)", p.KPI, p.Micros, r.Value, value, wanted)
		}
		delete(want, p)
	}
	if len(want) > 0 {
		fail("%d values are not in the lake", len(want))
	}
	if n := s.scenarioOf().count(t, "raw.quarantine"); int64(n) != rejected {
		fail("%d rows in quarantine, want %d", n, rejected)
	}
	t.Logf("campaign uploads, service: seed %d, %d files, %d values sent, %d in the lake, %d refused; %d mismatches", seed, len(sent), total, len(rows), rejected, mismatches)
}
