package api_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/api/apitest"
	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/cluster"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

// TestPostgresStopsAndComesBack runs the service on a server of its own, so that it can be
// stopped and started under it.
func TestPostgresStopsAndComesBack(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "signalcraft-api-")
	if err == nil {
		err = os.Chmod(dir, 0o755) // the server's user must enter it
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	start := func() *cluster.Cluster {
		t.Helper()
		c, err := cluster.Start(context.WithoutCancel(t.Context()), cluster.Config{Dir: dir + "/pg"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() }) // a second time returns the same
		return c
	}
	c := start()
	if err := store.Migrate(t.Context(), c.URL(""), nil); err != nil {
		t.Fatal(err)
	}
	s := apitest.Start(t, apitest.Options{URL: c.URL})
	token, path := s.Login(t, s.World.Ada), "/dashboard/metrics/"+s.World.Cafe.ID.String()
	if ready := s.Get(t, "/health/ready", ""); ready.Status != http.StatusOK {
		t.Fatalf("ready before: %d", ready.Status)
	}

	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	wantUnavailable := func(what string, a apitest.Answer) {
		t.Helper()
		a.WantError(t, http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE")
		if a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: 503 without Retry-After", what)
		}
		if strings.Contains(string(a.Body), "PGSQL") || strings.Contains(string(a.Body), dir) {
			t.Errorf("%s: the answer tells of our insides: %s", what, a.Body)
		}
	}
	for range 3 { // broken connections first, refused ones then
		for _, list := range []string{"metrics", "news", "forecasts"} {
			wantUnavailable(list, s.Get(t, strings.Replace(path, "metrics", list, 1), token))
		}
		wantUnavailable("login", s.Request(t, http.MethodPost, "/auth/login", credentials(s.World.Ada.Email, s.World.Ada.Password)))
		wantUnavailable("ready", s.Get(t, "/health/ready", ""))
	}
	if live := s.Get(t, "/health/live", ""); live.Status != http.StatusOK {
		t.Errorf("live while Postgres is down: %d, want 200: a restart of the process would not help", live.Status)
	}
	s.Get(t, path, token+"x").WantError(t, http.StatusUnauthorized, "INVALID_TOKEN") // keys are known already

	start()
	if ready := s.Get(t, "/health/ready", ""); ready.Status != http.StatusOK {
		t.Errorf("ready after Postgres is back: %d %s", ready.Status, ready.Body)
	}
	if answer := s.Get(t, path, token); answer.Status != http.StatusOK {
		t.Errorf("metrics after Postgres is back: %d %s", answer.Status, answer.Body)
	}
}

// TestSlowAnswerIs503 holds a table that the answer needs.
func TestSlowAnswerIs503(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	patient := apitest.Start(t, apitest.Options{URL: db.URL})
	token, path := patient.Login(t, patient.World.Ada), "/dashboard/metrics/"+patient.World.Cafe.ID.String()
	// A second is short for a lock that does not end, and long for an answer on a busy machine.
	s := apitest.Join(t, apitest.Options{URL: db.URL, API: func(c *api.Config) { c.RequestTime = time.Second }}, patient)
	tx, err := db.Pool(t, "").Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `lock table serving.kpi_data in access exclusive mode`); err != nil {
		t.Fatal(err)
	}
	s.Get(t, path, token).WantError(t, http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE")
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if answer := s.Get(t, path, token); answer.Status != http.StatusOK {
		t.Errorf("after the lock is gone: %d %s", answer.Status, answer.Body)
	}
}

// TestBrokenStoreIs500 takes away what a query needs: a fault of ours, of which the caller
// learns no more than the request id.
func TestBrokenStoreIs500(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := apitest.Start(t, apitest.Options{URL: db.URL})
	token := s.Login(t, s.World.Ada)
	if _, err := db.Pool(t, "").Exec(t.Context(), `alter table serving.kpi_data rename to kpi_data_gone`); err != nil {
		t.Fatal(err)
	}
	e := s.Get(t, "/dashboard/metrics/"+s.World.Cafe.ID.String(), token).WantError(t, http.StatusInternalServerError, "INTERNAL_ERROR")
	if text := fmt.Sprint(e); strings.Contains(text, "kpi_data") {
		t.Errorf("the answer tells of our insides: %s", text)
	}
	log := s.Log.String()
	if !strings.Contains(log, "kpi_data") || !strings.Contains(log, e.Error.Details.RequestID) || !strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("the log lacks the cause with the request id:\n%s", log)
	}
}

func TestNewNeedsItsParts(t *testing.T) {
	t.Parallel()
	if _, err := api.New(api.Config{}); err == nil {
		t.Error("New without anything: no error")
	}
	if _, err := auth.New(auth.Config{}); err == nil {
		t.Error("auth.New without anything: no error")
	}
}
