package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/secret"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
)

// TestDueSources reads what is due and nothing else, tells each owner how it went, and moves each schedule on once.
func TestDueSources(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		asked.Add(1)
		if q.URL.Path == "/bad" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("ETag", `"1"`)
		if q.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		io.WriteString(w, "day,value\n2026-03-01,1\n2026-03-02,2\n")
	}))
	t.Cleanup(server.Close)
	r := newSourcesRoom(t, portOf(t, server.URL))
	make := func(path, schedule string, active bool) string {
		return r.create(r.source("http", fields{"url": server.URL + path, "format": "csv", "headers": []fields{{"name": "X-Key", "value": "k"}}},
			fields{"schedule": schedule, "active": active})).ID
	}
	good, bad, byHand, off := make("/good", "0 * * * *", true), make("/bad", "0 * * * *", true), make("/good", "", true), make("/good", "0 * * * *", false)
	if err := r.load(); err != nil || asked.Load() != 0 {
		t.Fatalf("before anything is due: asked %d times, %v", asked.Load(), err)
	}
	r.exec("update kpi_sources set next_due_at = now() - interval '3 days' where schedule is not null") // many due times were missed
	if err := r.load(); err != nil {
		t.Fatalf("one source that fails: %v, want the job done", err)
	}
	if asked.Load() != 2 {
		t.Errorf("asked %d times, want once for each that is due", asked.Load())
	}
	listed := r.list()
	for id, want := range map[string]string{good: "succeeded ", bad: "failed the server answered with status 404"} {
		s := listed[id]
		if s.LastRun == nil || s.LastRun.Status+" "+s.LastRun.Problem != want || s.NextDue == nil || !s.NextDue.After(time.Now()) || s.NextDue.After(time.Now().Add(time.Hour)) {
			t.Errorf("%s: %+v next %v, want %q and the next hour", s.Name, s.LastRun, s.NextDue, want)
		}
	}
	if listed[byHand].LastRun != nil || listed[off].LastRun != nil || listed[off].NextDue != nil {
		t.Errorf("by hand %+v, off %+v: want neither read", listed[byHand].LastRun, listed[off])
	}
	if err := r.load(); err != nil || asked.Load() != 2 {
		t.Errorf("again at once: asked %d times, %v; want no more", asked.Load(), err)
	}
	before := len(r.landed(good))
	r.exec("update kpi_sources set next_due_at = now() - interval '1 minute' where id = $1", good)
	if err := r.load(); err != nil || asked.Load() != 3 || len(r.landed(good)) != before || before != 2 {
		t.Errorf("unchanged: asked %d times, %v, %d points; want 2 and one question", asked.Load(), err, before)
	}

	// The key changes: what was sealed with the old one is sealed anew by the next run, and opens when the old one is gone.
	old, err := os.ReadFile(filepath.Join(r.settings.DataDir, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	fresh := "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
	r.settings.SecretKeys = fresh + "," + strings.TrimSpace(string(old))
	if err := r.load(); err != nil {
		t.Fatal(err)
	}
	box, err := secret.Parse(fresh)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := r.data.SealedSecrets(t.Context(), r.business, uuid.MustParse(good))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := box.Open("kpi_sources/"+good+"/header/X-Key", sealed["header/X-Key"])
	if err != nil || string(plain) != "k" {
		t.Errorf("with the new key alone: %q, %v; want k", plain, err)
	}
	r.settings.SecretKeys = "bm90IHRoZSBrZXkgdGhhdCBzZWFsZWQgdGhpcyAhISE="
	if s := r.run(good); s.LastRun.Status != "failed" || s.LastRun.Problem != "its secrets cannot be opened any more: give them again" {
		t.Errorf("with another key: %+v, want it to say so", s.LastRun)
	}
}

// TestKPIFilesStayInTheInbox shows that no path of a file source leads out of the inbox.
func TestKPIFilesStayInTheInbox(t *testing.T) {
	s := newScenario(t, nil)
	outside := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(outside, []byte("day,value\n2026-03-01,1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.put(t, "good.csv", "day,value", "2026-03-01,1")
	inbox, err := s.settings.in("inbox")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(inbox, "link.csv")); err != nil {
		t.Fatal(err)
	}
	b, err := s.newBatch(nil)
	if err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(inbox, outside)
	if err != nil {
		t.Fatal(err)
	}
	for path, opens := range map[string]bool{"good.csv": true, "./good.csv": true, outside: false, "link.csv": false, relative: false, "../postgres/pgdata/PG_VERSION": false, "a/../../x": false} {
		file, err := b.openKPIFile(path)
		if (err == nil) != opens {
			t.Errorf("open %s: %v, want it opened: %v", path, err, opens)
		}
		if err == nil {
			file.Close()
		}
	}
	s.settings.AllowFilePaths = true
	file, err := b.openKPIFile(outside)
	if err != nil {
		t.Fatalf("with absolute paths allowed: %v", err)
	}
	file.Close()
	if _, err := fileConfig("good.csv", kpi.Spec{}); err != nil {
		t.Fatal(err)
	}
}

// TestManySourcesAtOnce reads more sources than one group holds.
func TestManySourcesAtOnce(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		fmt.Fprintf(w, "day,value\n2026-03-01,%s\n", q.URL.Query().Get("v"))
	}))
	t.Cleanup(server.Close)
	r := newSourcesRoom(t, portOf(t, server.URL))
	const many = dueSources + 6
	for i := range many {
		if i%40 == 39 { // one business may have 50
			first := r.business
			r.business = uuid.New()
			r.exec(`insert into businesses (id, name, time_zone, currency, country, subscription_tier) select $1, 'Another', time_zone, currency, country, subscription_tier from businesses where id = $2`, r.business, first)
			r.exec(`insert into memberships (business_id, user_id, role) select $1, user_id, role from memberships where business_id = $2`, r.business, first)
		}
		r.create(r.source("http", fields{"url": fmt.Sprintf("%s/?v=%d", server.URL, i), "format": "csv"}))
	}
	r.exec("update kpi_sources set requested_at = now()")
	if err := r.load(); err != nil {
		t.Fatal(err)
	}
	s := &scenario{installation: r.installation}
	if points := s.count(t, "raw.kpi_points"); points != many {
		t.Errorf("%d points, want %d", points, many)
	}
}
