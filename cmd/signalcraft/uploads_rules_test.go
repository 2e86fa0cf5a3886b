package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store"
)

// daily is a sound file of one KPI that no other call gives.
func daily(seed int) []byte {
	var out strings.Builder
	out.WriteString("date,sales\n")
	for d := range 40 {
		fmt.Fprintf(&out, "%s,%d\n", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, d).Format(time.DateOnly), 1000*seed+d)
	}
	return []byte(out.String())
}

// byHand runs jobs in this process, as of an instant.
func (s *sender) byHand(t *testing.T, asOf time.Time, jobs ...string) {
	t.Helper()
	b, err := s.newBatch(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, job := range jobs {
		if err := b.byHand(t.Context(), job, asOf, newReport(io.Discard, s.now)); err != nil {
			t.Fatalf("%s: %v", job, err)
		}
	}
}

// audited returns the outcomes that the audit log has of an operation, in order.
func (s *sender) audited(t *testing.T, operation string) []string {
	t.Helper()
	owner, err := pgx.Connect(t.Context(), s.settings.DatabaseURL) // the batch role does not read the log
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close(t.Context())
	rows, err := owner.Query(t.Context(), `select outcome from audit_log where action = $1 order by id`, operation)
	if err != nil {
		t.Fatal(err)
	}
	outcomes, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return outcomes
}

// TestOneEntryForEachUpload commits at once, in vain and by itself: the audit log has one entry for each request.
func TestOneEntryForEachUpload(t *testing.T) {
	s := newSender(t, false)
	want := func(what string, operation string, outcomes ...string) {
		t.Helper()
		if got := s.audited(t, operation); strings.Join(got, " ") != strings.Join(outcomes, " ") {
			t.Errorf("%s: audited %q, want %q", what, got, outcomes)
		}
	}
	u := s.send(t, http.StatusCreated, "a.csv", daily(1), "commit", "auto")
	if u.Status != "queued" {
		t.Fatalf("status %s, want queued", u.Status)
	}
	want("committed at once", "createUpload", "done")
	s.send(t, http.StatusOK, "a.csv", daily(1), "commit", "auto")
	want("the same bytes again", "createUpload", "done", "done")
	// A free business has no room for so many sources; nothing of the attempt stays.
	for n := range 40 {
		if _, err := s.pool.Exec(t.Context(), `insert into kpi_sources (business_id, id, name, kind) values ($1, gen_random_uuid(), $2, 'file')`, s.business, fmt.Sprint("file ", n)); err != nil {
			t.Fatal(err)
		}
	}
	kind, body := form(t, "b.csv", daily(2), "business_id", s.business, "commit", "auto")
	status, text := s.try(t, http.MethodPost, "/data/upload", kind, body)
	if status != http.StatusForbidden || !strings.Contains(string(text), "LIMIT_REACHED") {
		t.Errorf("no room: %d %s, want 403", status, text)
	}
	want("no room", "createUpload", "done", "done", "denied")
	var kept int
	if err := s.pool.QueryRow(t.Context(), `select count(*) from uploads`).Scan(&kept); err != nil || kept != 1 {
		t.Errorf("%d uploads are kept, %v; want the first alone", kept, err)
	}
	files, err := os.ReadDir(filepath.Join(s.settings.DataDir, "uploads"))
	if err != nil || len(files) != 1 || files[0].Name() != u.ID {
		t.Errorf("files: %v, %v; want the first upload's alone", files, err)
	}
}

// TestNoMoreThanTwentyWait sends twice as many files at once.
func TestNoMoreThanTwentyWait(t *testing.T) {
	s := newSender(t, false)
	var wait sync.WaitGroup
	statuses := make([]int, 40)
	for n := range statuses {
		kind, body := form(t, "a.csv", daily(n), "business_id", s.business)
		wait.Go(func() { statuses[n], _ = s.try(t, http.MethodPost, "/data/upload", kind, body) })
	}
	wait.Wait()
	counts := map[int]int{}
	for _, status := range statuses {
		counts[status]++
	}
	if counts[http.StatusCreated] != 20 || counts[http.StatusConflict] != 20 {
		t.Errorf("answers %v, want 201 and 409 twenty times each", counts)
	}
	var kept []uuid.UUID
	rows, err := s.pool.Query(t.Context(), `update uploads set status = 'failed', spec = '{}', finished_at = now() returning id`)
	if err == nil {
		kept, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	}
	if err != nil || len(kept) != 20 {
		t.Fatalf("%d uploads are kept, %v; want 20", len(kept), err)
	}
	kind, body := form(t, "a.csv", daily(100), "business_id", s.business)
	if status, text := s.try(t, http.MethodPost, "/data/upload", kind, body); status != http.StatusConflict || !strings.Contains(string(text), "failed") {
		t.Errorf("beside twenty that failed: %d %s, want 409", status, text)
	}
	// What nobody commits again goes with its file.
	b, err := s.newBatch(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, later := range []struct {
		after time.Duration
		left  int
	}{{uploadExpiry - time.Hour, 20}, {uploadExpiry + time.Hour, 0}} {
		at := time.Now().Add(later.after)
		s.now = func() time.Time { return at }
		if _, err := b.dropUploads(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		files, err := os.ReadDir(filepath.Join(s.settings.DataDir, "uploads"))
		if err != nil || len(files) != later.left {
			t.Errorf("after %s %d files are left, %v; want %d", later.after, len(files), err, later.left)
		}
	}
}

// TestAFileThatWasLostIsSentAgain resends the bytes of uploads that can still be committed.
func TestAFileThatWasLostIsSentAgain(t *testing.T) {
	s := newSender(t, false)
	u := s.send(t, http.StatusCreated, "a.csv", daily(1))
	path := filepath.Join(s.settings.DataDir, "uploads", u.ID)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if status, text := s.try(t, http.MethodPost, "/data/uploads/"+u.ID+"/commit", "application/json", strings.NewReader(`{}`)); status != http.StatusBadRequest || !strings.Contains(string(text), "send it again") {
		t.Errorf("commit without its file: %d %s, want 400 that says what to do", status, text)
	}
	if again := s.send(t, http.StatusOK, "a.csv", daily(1)); again.ID != u.ID {
		t.Errorf("sent again it is upload %s, want %s", again.ID, u.ID)
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != string(daily(1)) {
		t.Errorf("its file: %v, want the bytes that came now", err)
	}
	s.call(t, http.MethodPost, "/data/uploads/"+u.ID+"/commit", "application/json", strings.NewReader(`{}`), 200, &u)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s.byHand(t, s.now(), landUploadsJob)
	s.call(t, http.MethodGet, "/data/uploads/"+u.ID, "", nil, 200, &u)
	if u.Status != "failed" {
		t.Fatalf("landed without its file it is %s, want failed", u.Status)
	}
	s.send(t, http.StatusOK, "a.csv", daily(1), "commit", "auto")
	s.byHand(t, s.now(), landUploadsJob)
	s.call(t, http.MethodGet, "/data/uploads/"+u.ID, "", nil, 200, &u)
	if u.Status != "landed" || u.Rows == nil || u.Rows.Landed != 40 {
		t.Errorf("sent and committed again it is %s with %+v, want 40 values landed", u.Status, u.Rows)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 0 {
		t.Errorf("files left: %v, %v; want none", files, err)
	}
}

// TestAnUploadIsInTheMetricsOnceItIs lands an upload by a job that was due before the last publication, and after a crash.
func TestAnUploadIsInTheMetricsOnceItIs(t *testing.T) {
	s := newSender(t, false)
	state := func(what, id string, metrics, forecasts bool) {
		t.Helper()
		var u upload
		s.call(t, http.MethodGet, "/data/uploads/"+id, "", nil, 200, &u)
		if u.Status != "landed" || u.InMetrics != metrics || u.InForecasts != forecasts {
			t.Errorf("%s: %s (%s), in metrics %t, in forecasts %t; want landed, %t, %t", what, u.Status, u.Problem, u.InMetrics, u.InForecasts, metrics, forecasts)
		}
	}
	now := time.Now().UTC()
	first := s.send(t, http.StatusCreated, "first.csv", daily(1), "commit", "auto")
	s.byHand(t, now, landUploadsJob, refreshJob)
	state("landed and refreshed", first.ID, true, true)
	second := s.send(t, http.StatusCreated, "second.csv", daily(2), "commit", "auto")
	s.byHand(t, now.Add(-2*time.Hour), landUploadsJob) // its job waited for two hours
	state("landed after the publication", second.ID, false, false)
	s.byHand(t, now, "run_models", "publish")
	state("computed and published", second.ID, true, false)
	s.byHand(t, now, "run_forecasts", "publish")
	state("forecast too", second.ID, true, true)
	// A crash after its rows had landed: landing them again finds nothing new.
	if _, err := s.pool.Exec(t.Context(), `update uploads set status = 'landing' where id = $1`, second.ID); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.settings.DataDir, "uploads", second.ID), daily(2), 0o600); err != nil {
		t.Fatal(err)
	}
	s.byHand(t, now.Add(-2*time.Hour), landUploadsJob)
	state("landed again after a crash", second.ID, false, false)
	s.byHand(t, now, refreshJob)
	state("refreshed after the crash", second.ID, true, true)
}

// TestALateCommitBringsItsKPIs commits an upload after the run that lands it has read the control plane.
func TestALateCommitBringsItsKPIs(t *testing.T) {
	s := newSender(t, false)
	b, err := s.newBatch(nil)
	if err != nil {
		t.Fatal(err)
	}
	e := &execution{id: uuid.New(), asOf: s.now().UTC(), shown: newReport(io.Discard, s.now)}
	if _, err := b.landControl(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	s.send(t, http.StatusCreated, "late.csv", daily(1), "commit", "auto")
	if _, err := b.landUploads(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	s.byHand(t, s.now(), "run_models", "publish")
	var days int
	if err := s.pool.QueryRow(t.Context(), `select count(*) from serving.kpi_data`).Scan(&days); err != nil || days != 40 {
		t.Errorf("%d days are published, %v; want 40", days, err)
	}
}

// TestAnUploadEndsWithItsSource deletes the source of an upload before it has landed, and while it lands.
func TestAnUploadEndsWithItsSource(t *testing.T) {
	s := newSender(t, false)
	u := s.send(t, http.StatusCreated, "a.csv", daily(1), "commit", "auto")
	var source string
	if err := s.pool.QueryRow(t.Context(), `select source_id from uploads where id = $1`, u.ID).Scan(&source); err != nil {
		t.Fatal(err)
	}
	s.call(t, http.MethodDelete, "/data/sources/"+source, "", nil, http.StatusNoContent, nil)
	s.call(t, http.MethodGet, "/data/uploads/"+u.ID, "", nil, 200, &u)
	if u.Status != "failed" || !strings.Contains(u.Problem, "source was deleted") {
		t.Errorf("the upload is %s (%s), want failed", u.Status, u.Problem)
	}
	s.call(t, http.MethodPost, "/data/uploads/"+u.ID+"/commit", "application/json", strings.NewReader(`{}`), 200, &u)
	s.byHand(t, s.now(), landUploadsJob)
	s.call(t, http.MethodGet, "/data/uploads/"+u.ID, "", nil, 200, &u)
	if u.Status != "landed" {
		t.Errorf("committed again the upload is %s (%s), want landed", u.Status, u.Problem)
	}
	// What ends while it lands is noted nowhere, and fails no job.
	b, err := s.newBatch(nil)
	if err != nil {
		t.Fatal(err)
	}
	l := &landingUpload{WaitingUpload: store.WaitingUpload{BusinessID: id("cafe"), ID: uuid.New()}, state: store.UploadState{BusinessID: id("cafe"), ID: uuid.New()}}
	if err := b.finishUpload(t.Context(), l, step{}); err != nil {
		t.Errorf("an upload that is gone: %v, want no error", err)
	}
}

// TestWhatTheSampleDoesNotShow sends files of which the sender knows more than the sample tells: columns whose values begin late, and bytes that no
// database keeps as text.
func TestWhatTheSampleDoesNotShow(t *testing.T) {
	s := newSender(t, false)
	land := func(file []byte, options string, landed, rejected int64) {
		t.Helper()
		u := s.send(t, http.StatusCreated, "a", file, "options", options, "commit", "auto")
		s.byHand(t, s.now(), landUploadsJob)
		s.call(t, http.MethodGet, "/data/uploads/"+u.ID, "", nil, 200, &u)
		if u.Status != "landed" || u.Rows == nil || u.Rows.Landed != landed || u.Rows.Rejected != rejected {
			t.Errorf("%.60s: %s (%s) %+v; want %d landed, %d rejected", file, u.Status, u.Problem, u.Rows, landed, rejected)
		}
	}
	var table, objects strings.Builder
	table.WriteString("date,a,b\n")
	for d := range 300 {
		day, late := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, d).Format(time.DateOnly), ""
		if d == 299 {
			late = "7"
		}
		fmt.Fprintf(&table, "%s,%d,%s\n", day, 100+d%50, late)
		if fmt.Fprintf(&objects, `{"date":%q,"c":%d`, day, 100+d%50); d > 290 {
			fmt.Fprintf(&objects, `,"d":%d`, d)
		}
		objects.WriteString("}\n")
	}
	land([]byte(table.String()), `{"kpis":[{"column":"a"},{"column":"b"}]}`, 301, 0)
	land([]byte(objects.String()), `{"kpis":[{"column":"c"},{"column":"d"}],"format":"jsonl"}`, 309, 0)
	land(bytes.Replace(daily(5), []byte("5003"), []byte("5\x0000"), 1), `{}`, 39, 1)
}
