package api_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/api/apitest"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

// dashboards are addresses of every operation that is answered from the cache; %s is the business.
func dashboards() []string {
	return []string{
		"/dashboard/metrics/%s", "/dashboard/metrics/%s?grain=week&limit=7", "/dashboard/metrics/%s?grain=hour&limit=30&include=anomalies", "/dashboard/metrics/%s?grain=month",
		"/dashboard/metrics/%s?include=forecast,anomalies,holidays&from=2026-02-01", "/dashboard/forecasts/%s", "/dashboard/trends/%s?limit=20",
		"/dashboard/anomalies/%s?severity=major", "/dashboard/news/%s", "/dashboard/weather/%s", "/dashboard/summary/%s",
	}
}

// startChangeable starts a service on a database that the test may change as its owner.
func startChangeable(t *testing.T, change func(*api.Config)) (*apitest.Service, *pgxpool.Pool) {
	t.Helper()
	db := storetest.New(t)
	return apitest.Start(t, apitest.Options{URL: db.URL, API: change}), db.Pool(t, "")
}

func execute(t *testing.T, pool *pgxpool.Pool, statement string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// TestCachedAnswersAreTheUncached compares whole bodies of a service that keeps answers and one that keeps none, cold and
// warm, packed and not, before and after each kind of change.
func TestCachedAnswersAreTheUncached(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	kept := apitest.Start(t, apitest.Options{URL: db.URL})
	plain := apitest.Join(t, apitest.Options{URL: db.URL, API: func(c *api.Config) { c.CacheBytes = -1 }}, kept)
	owner := db.Pool(t, "")
	token := kept.Login(t, kept.World.Ada)
	cafe := kept.World.Cafe
	changes := []struct {
		what string
		do   func()
	}{
		{"nothing", func() {}},
		{"a new run", func() { publishRun(t, owner, cafe, "0192f0c1-4b5a-7000-8000-000000000002", 5) }},
		{"a KPI's new name", func() { execute(t, owner, `update kpis set name = name || ' renamed' where id = $1`, cafe.KPIs[0]) }},
		{"another time zone", func() {
			execute(t, owner, `update businesses set time_zone = 'Pacific/Auckland' where id = $1`, cafe.ID)
		}},
		{"a new KPI", func() {
			execute(t, owner, `insert into kpis (business_id, id, source_id, name) select business_id, gen_random_uuid(), source_id, 'brand new' from kpis where id = $1`, cafe.KPIs[0])
		}},
		{"a KPI less", func() { execute(t, owner, `delete from kpis where id = $1`, cafe.KPIs[1]) }},
		{"age", func() { kept.Clock.Advance(40 * time.Hour) }},
	}
	for _, change := range changes {
		change.do()
		if change.what == "age" {
			token = kept.Login(t, kept.World.Ada) // tokens age too
		}
		for _, address := range dashboards() {
			path := fmt.Sprintf(address, cafe.ID)
			want := plain.Get(t, path, token)
			if want.Status != http.StatusOK || want.Header.Get("X-Cache") != "miss" {
				t.Fatalf("%s without a cache: %d %s", path, want.Status, want.Body)
			}
			for _, how := range []string{"miss", "hit", "hit"} {
				got := kept.Get(t, path, token)
				if string(got.Body) != string(want.Body) || got.Header.Get("ETag") != want.Header.Get("ETag") {
					t.Errorf("after %s, %s: %s\nwithout a cache: %s", change.what, path, got.Body, want.Body)
				}
				if x := got.Header.Get("X-Cache"); x != how {
					t.Errorf("after %s, %s: X-Cache %s, want %s", change.what, path, x, how)
				}
			}
		}
	}
}

// publishRun changes what one business has published, as a run does: in one transaction with its record.
func publishRun(t *testing.T, pool *pgxpool.Pool, b apitest.Business, run string, add float64) {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	for _, statement := range []string{
		fmt.Sprintf(`update serving.kpi_data set value = value + %v where business_id = '%s'`, add, b.ID),
		fmt.Sprintf(`update serving.publications set run_id = '%s', as_of = as_of + interval '1 second', published_at = published_at + interval '1 second', snapshot = snapshot + 1`, run),
	} {
		if _, err := tx.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestChangesShowAtOnce asks again after each change: the very next answer is right.
func TestChangesShowAtOnce(t *testing.T) {
	t.Parallel()
	s, owner := startChangeable(t, nil)
	cafe, token := s.World.Cafe, s.Login(t, s.World.Vic)
	path := "/dashboard/metrics/" + cafe.ID.String()
	read := func() metrics {
		t.Helper()
		var got metrics
		s.Get(t, path, token).Decode(t, http.StatusOK, &got)
		return got
	}
	first := read()
	const run = "0192f0c1-4b5a-7000-8000-000000000009"
	publishRun(t, owner, cafe, run, 7)
	if next := read(); next.RunID != run || *next.Series[0].Points[0].Value != *first.Series[0].Points[0].Value+7 {
		t.Errorf("after a new run: run %s, first value %v; want %s and 7 more than %v", next.RunID, *next.Series[0].Points[0].Value, run, *first.Series[0].Points[0].Value)
	}
	execute(t, owner, `update kpis set name = 'Takings' where id = $1`, cafe.KPIs[0])
	if next := read(); next.Series[0].KPI.Name != "Takings" {
		t.Errorf("after a new name: %q, want Takings", next.Series[0].KPI.Name)
	}
	execute(t, owner, `delete from kpis where id = $1`, cafe.KPIs[0])
	if next := read(); len(next.Series) != 1 {
		t.Errorf("after a KPI was removed: %d series, want 1", len(next.Series))
	}
	tag := s.Get(t, path, token).Header.Get("ETag")
	execute(t, owner, `delete from memberships where user_id = $1`, s.World.Vic.ID)
	s.Get(t, path, token).WantError(t, http.StatusNotFound, "NOT_FOUND")
	s.Request(t, http.MethodGet, path, nil, "Authorization", "Bearer "+token, "If-None-Match", tag).WantError(t, http.StatusNotFound, "NOT_FOUND")
	s.Request(t, http.MethodGet, path, nil, "Authorization", "Bearer "+token, "If-None-Match", "*").WantError(t, http.StatusNotFound, "NOT_FOUND")
}

func TestConditionalRequests(t *testing.T) {
	t.Parallel()
	s, owner := startChangeable(t, nil)
	cafe := s.World.Cafe
	ada, vic, bob := s.Login(t, s.World.Ada), s.Login(t, s.World.Vic), s.Login(t, s.World.Bob)
	for _, address := range dashboards() {
		path := fmt.Sprintf(address, cafe.ID)
		full := s.Get(t, path, ada)
		tag := full.Header.Get("ETag")
		if !strings.HasPrefix(tag, `"`) || full.Header.Get("Cache-Control") != "private, no-cache" || full.Header.Get("Vary") != "Accept-Encoding" {
			t.Fatalf("%s: headers %v, want a strong ETag, private, no-cache and Vary", path, full.Header)
		}
		ask := func(token, match string) apitest.Answer {
			return s.Request(t, http.MethodGet, path, nil, "Authorization", "Bearer "+token, "If-None-Match", match)
		}
		for _, match := range []string{tag, "W/" + tag, `"other", ` + tag, "*", strings.TrimSuffix(tag, `.gz"`) + `"`} {
			if got := ask(vic, match); got.Status != http.StatusNotModified || len(got.Body) != 0 || got.Header.Get("ETag") == "" {
				t.Errorf("%s with If-None-Match %s: %d %q, want 304 without a body", path, match, got.Status, got.Body)
			}
		}
		if got := ask(ada, `"other"`); got.Status != http.StatusOK || string(got.Body) != string(full.Body) {
			t.Errorf("%s with another tag: %d, want the whole answer", path, got.Status)
		}
		ask(bob, tag).WantError(t, http.StatusNotFound, "NOT_FOUND")
		other := s.Get(t, fmt.Sprintf(address, s.World.Hotel.ID), bob)
		if other.Header.Get("ETag") == tag || string(other.Body) == string(full.Body) {
			t.Errorf("%s: two businesses have one answer", path)
		}
	}
	path := "/dashboard/metrics/" + cafe.ID.String()
	tag := s.Get(t, path, ada).Header.Get("ETag")
	publishRun(t, owner, cafe, "0192f0c1-4b5a-7000-8000-000000000007", 1)
	if got := s.Request(t, http.MethodGet, path, nil, "Authorization", "Bearer "+ada, "If-None-Match", tag); got.Status != http.StatusOK || got.Header.Get("ETag") == tag {
		t.Errorf("after a new run: %d with tag %s, want 200 with another tag", got.Status, got.Header.Get("ETag"))
	}
}

func TestPackedAnswers(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	token, path := s.Login(t, s.World.Ada), "/dashboard/metrics/"+s.World.Cafe.ID.String()
	plain := s.Request(t, http.MethodGet, path, nil, "Authorization", "Bearer "+token, "Accept-Encoding", "identity")
	for accept, want := range map[string]bool{"gzip": true, "br, GZIP;q=0.5": true, "*": true, "deflate, *;q=0.1": true, "gzip;q=0": false, "gzip;q=0.000, *": false, "br": false, "identity": false} {
		got := s.Request(t, http.MethodGet, path, nil, "Authorization", "Bearer "+token, "Accept-Encoding", accept)
		packed := got.Header.Get("Content-Encoding") == "gzip"
		body := got.Body
		if packed {
			body = unpacked(t, body)
		}
		if packed != want || string(body) != string(plain.Body) || got.Header.Get("Content-Length") != fmt.Sprint(len(got.Body)) {
			t.Errorf("Accept-Encoding %s: %v, %d bytes; want packed %t and the same text", accept, got.Header, len(got.Body), want)
		}
		if (got.Header.Get("ETag") == plain.Header.Get("ETag")) == want {
			t.Errorf("Accept-Encoding %s: ETag %s, plain %s: other bytes need another strong tag", accept, got.Header.Get("ETag"), plain.Header.Get("ETag"))
		}
	}
}

// TestCacheIsBounded asks for more different answers than fit, from many goroutines at once.
func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	const room = 64 << 10
	s, _ := startChangeable(t, func(c *api.Config) { c.CacheBytes = room })
	token, id := s.Login(t, s.World.Ada), s.World.Cafe.ID.String()
	var wait sync.WaitGroup
	for worker := range 4 {
		wait.Go(func() {
			for n := range 60 {
				var got metrics
				from := time.Date(2026, 1, 1+(n+worker)%60, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
				s.Get(t, "/dashboard/metrics/"+id+"?from="+from, token).Decode(t, http.StatusOK, &got)
				if got.From != from {
					t.Errorf("asked from %s, got the answer from %s", from, got.From)
				}
			}
		})
	}
	wait.Wait()
	exposed := string(s.Get(t, "/metrics", "").Body)
	for _, name := range []string{"signalcraft_cache_bytes", "signalcraft_cache_dropped_total", `signalcraft_cache_answers_total{result="miss"}`, "signalcraft_cache_answers "} {
		if !strings.Contains(exposed, name) {
			t.Errorf("/metrics lacks %s", name)
		}
	}
	if bytes := measured(t, exposed, "signalcraft_cache_bytes"); bytes > room || bytes < room/2 {
		t.Errorf("%v bytes kept, want at most %d, and most of it", bytes, room)
	}
	if measured(t, exposed, "signalcraft_cache_dropped_total") == 0 {
		t.Error("nothing fell out, though not everything fits")
	}
}
