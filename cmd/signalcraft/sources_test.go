package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

// sourcesRoom is an installation whose API is served, with a business of somebody who is signed in.
type sourcesRoom struct {
	*installation
	t        *testing.T
	base     string
	token    string
	business uuid.UUID
	log      *roomLog
}

// newSourcesRoom serves an installation to which the loopback network is open at ports; with none, nothing is but the public internet.
func newSourcesRoom(t *testing.T, ports ...uint16) *sourcesRoom {
	t.Helper()
	settings := testSettings(t.TempDir())
	settings.DatabaseURL = storetest.New(t).URL("")
	if len(ports) > 0 {
		settings.AllowNetworks, settings.AllowPorts = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, ports
	}
	return serveRoom(t, settings, nil)
}

func serveRoom(t *testing.T, settings *Settings, change func(*installation)) *sourcesRoom {
	t.Helper()
	r := &sourcesRoom{installation: opened(t, settings), t: t, business: uuid.New(), log: &roomLog{}}
	r.logger = slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if change != nil {
		change(r.installation)
	}
	hasher, err := auth.NewHasher(auth.HashConfig{MemoryKiB: 8, Passes: 1})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hasher.Hash(t.Context(), "the password of ada")
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.data.AddSetup(t.Context(), store.Setup{User: store.User{ID: uuid.New(), Email: "ada@example.com", Name: "Ada"}, PasswordHash: hash,
		Businesses: []store.Business{{ID: r.business, Name: "Cafe", TimeZone: "Europe/Berlin", Currency: "EUR", Country: "DE"}}})
	if err != nil {
		t.Fatal(err)
	}
	r.exec("update businesses set subscription_tier = 'pro' where id = $1", r.business) // beyond it a second factor is asked for
	r.settings.RateLimits = "account=0,work=0"                                          // campaigns ask more than people do
	if r.jobs, err = r.newAPIJobs(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	address, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- r.serve(ctx, io.Discard, "127.0.0.1:0", func(_ io.Writer, at string) error { address <- at; return nil })
	}()
	select {
	case at := <-address:
		r.base = "http://" + at
	case err := <-ended:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	r.call("POST", "/auth/login", map[string]string{"email": "ada@example.com", "password": "the password of ada"}, 200, &answer)
	r.token = answer.AccessToken
	return r
}

// call asks the API; a status other than want ends the test. Headers are pairs of name and value.
func (r *sourcesRoom) call(method, path string, body any, want int, answer any, headers ...string) {
	r.t.Helper()
	status, text := r.send(method, path, body, headers...)
	if status != want {
		r.t.Fatalf("%s %s: status %d, want %d: %s", method, path, status, want, text)
	}
	if answer != nil {
		if err := json.Unmarshal(text, answer); err != nil {
			r.t.Fatalf("%s %s: %v: %s", method, path, err, text)
		}
	}
}

func (r *sourcesRoom) send(method, path string, body any, headers ...string) (int, []byte) {
	r.t.Helper()
	text, ok := body.([]byte)
	if !ok && body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			r.t.Fatal(err)
		}
	}
	request, err := http.NewRequestWithContext(r.t.Context(), method, r.base+path, bytes.NewReader(text))
	if err != nil {
		r.t.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if r.token != "" {
		request.Header.Set("Authorization", "Bearer "+r.token)
	}
	for k := 0; k+1 < len(headers); k += 2 {
		request.Header.Set(headers[k], headers[k+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return response.StatusCode, answer
}

func (r *sourcesRoom) exec(statement string, args ...any) {
	r.t.Helper()
	db, err := store.OpenSQL(r.url(""), "")
	if err != nil {
		r.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(r.t.Context(), statement, args...); err != nil {
		r.t.Fatal(err)
	}
}

// shownSource is what the tests look at of a source.
type shownSource struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Schedule string     `json:"schedule"`
	NextDue  *time.Time `json:"next_due_at"`
	Request  *time.Time `json:"requested_at"`
	PushKey  string     `json:"push_key"`
	PushKeys []struct {
		ID        string     `json:"id"`
		ExpiresAt *time.Time `json:"expires_at"`
	} `json:"push_keys"`
	KPIs []struct {
		ID, Name, Unit, Currency string
		Active                   bool
	} `json:"kpis"`
	LastRun *struct{ Status, Problem string } `json:"last_run"`
}

type tried struct {
	OK       bool
	Problem  string
	Note     string
	Pages    int
	Rows     int
	Columns  []string
	First    [][]string `json:"first_rows"`
	Accepted int
	Rejected int
	Rejects  []struct {
		Line        int64
		Reason, Raw string
	}
}

type fields = map[string]any

// source is a body of createSource: kind and its part, the mapping of columns day and value, one KPI.
func (r *sourcesRoom) source(kind string, part fields, more ...fields) fields {
	body := fields{"business_id": r.business, "name": kind + " " + uuid.NewString(), "kind": kind, "kpis": []fields{{"name": "Revenue " + uuid.NewString(), "currency": "EUR"}}}
	if part != nil {
		body[kind] = part
	}
	if kind != "push" {
		body["mapping"] = fields{"time": []string{"day"}, "value": "value"}
	}
	for _, m := range more {
		for name, value := range m {
			body[name] = value
		}
	}
	return body
}

func (r *sourcesRoom) create(body fields) shownSource {
	r.t.Helper()
	var made shownSource
	r.call("POST", "/data/sources", body, 201, &made)
	return made
}

func (r *sourcesRoom) try(id string) tried {
	r.t.Helper()
	var answer tried
	r.call("POST", "/data/sources/"+id+"/test", nil, 200, &answer)
	return answer
}

// tryOnce makes a source, tries it and removes it, so that the subscription's limit is not reached.
func (r *sourcesRoom) tryOnce(body fields) tried {
	r.t.Helper()
	made := r.create(body)
	got := r.try(made.ID)
	r.call("DELETE", "/data/sources/"+made.ID, nil, 204, nil)
	return got
}

// list returns the sources by id.
func (r *sourcesRoom) list() map[string]shownSource {
	r.t.Helper()
	var answer struct{ Sources []shownSource }
	r.call("GET", "/data/sources/"+r.business.String()+"?limit=200", nil, 200, &answer)
	byID := map[string]shownSource{}
	for _, s := range answer.Sources {
		byID[s.ID] = s
	}
	return byID
}

// load runs the job that reads sources, as of now, and returns its error.
func (r *sourcesRoom) load() error {
	r.t.Helper()
	b, err := r.newBatch(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return b.byHand(r.t.Context(), "load_kpis", r.now().UTC().Truncate(time.Millisecond), newReport(io.Discard, r.now))
}

// run asks for a reading and waits for nothing: it runs the job itself.
func (r *sourcesRoom) run(id string) shownSource {
	r.t.Helper()
	r.call("POST", "/data/sources/"+id+"/run", nil, 202, nil)
	if err := r.load(); err != nil {
		r.t.Fatal(err)
	}
	return r.list()[id]
}

// landed returns the newest values of a source in the lake by KPI name and instant.
func (r *sourcesRoom) landed(source string) map[string]float64 {
	r.t.Helper()
	s := &scenario{installation: r.installation}
	var rows []struct {
		Name  string  `json:"name"`
		At    string  `json:"at"`
		Value float64 `json:"value"`
	}
	s.ask(r.t, &rows, fmt.Sprintf(`select k.name, strftime(p.at at time zone 'UTC', '%%Y-%%m-%%dT%%H:%%M:%%S') as at, arg_max(p.value, p.landed_at) as value
		from raw.kpi_points p join raw.kpis k on k.kpi_id = p.kpi_id where p.source_id = '%s' group by 1, 2`, source))
	values := map[string]float64{}
	for _, row := range rows {
		values[row.Name+" "+row.At] = row.Value
	}
	return values
}

// portOf returns the port of a server's address.
func portOf(t *testing.T, address string) uint16 {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return uint16(port)
}

// TestHTTPSourceToTheLake creates a source, tries it, reads it and looks for its values in the lake: once however often it is read.
func TestHTTPSourceToTheLake(t *testing.T) {
	asked := make(chan *http.Request, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		asked <- q
		if q.Header.Get("Authorization") != "Bearer 5up3r53cr3t" || q.URL.Query().Get("api_key") != "another 53cr3t" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("ETag", `"v1"`)
		if q.Header.Get("If-None-Match") == `"v1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		io.WriteString(w, `{"data":{"rows":[{"day":"2026-03-01","value":1200.5,"orders":"12"},{"day":"2026-03-02","value":null,"orders":13},
			{"day":"2026-03-03","value":-0.1e1,"orders":14},{"day":"yesterday","value":1,"orders":1}]}}`)
	}))
	t.Cleanup(server.Close)
	r := newSourcesRoom(t, portOf(t, server.URL))
	made := r.create(r.source("http", fields{"url": server.URL + "/orders?days=30", "format": "json", "rows": "$.data.rows",
		"headers": []fields{{"name": "authorization", "value": "Bearer 5up3r53cr3t"}}, "parameters": []fields{{"name": "api_key", "value": "another 53cr3t"}}},
		fields{"schedule": "0 6 * * *", "mapping": fields{"time": []string{"day"}}, "kpis": []fields{
			{"name": "Revenue", "currency": "EUR", "column": "value"}, {"name": "Orders", "unit": "orders", "column": "$.orders", "non_negative": true}}}))
	if made.NextDue == nil || made.NextDue.In(berlin(t)).Hour() != 6 || len(made.KPIs) != 2 || made.KPIs[1].Unit != "EUR" {
		t.Errorf("made %+v, want it due at six in Berlin, with Orders and Revenue in EUR", made)
	}
	got := r.try(made.ID)
	if !got.OK || got.Accepted != 5 || got.Rejected != 1 || got.Rows != 4 || got.Rejects[0].Line != 4 || strings.Join(got.Columns, " ") != "day orders value" {
		t.Errorf("tried: %+v, want 5 points of 4 rows and one reject in row 4", got)
	}
	if first := r.list()[made.ID]; first.LastRun != nil {
		t.Errorf("after a try: last run %+v, want none", first.LastRun)
	}
	read := r.run(made.ID)
	if read.LastRun == nil || read.LastRun.Status != "partial" || read.LastRun.Problem != "1 rows are in quarantine" || read.Request != nil {
		t.Errorf("after a reading: %+v, run %+v; want it partial", read, read.LastRun)
	}
	// Midnight in Berlin is 23:00 UTC.
	want := map[string]float64{"Revenue 2026-02-28T23:00:00": 1200.5, "Revenue 2026-03-02T23:00:00": -1,
		"Orders 2026-02-28T23:00:00": 12, "Orders 2026-03-01T23:00:00": 13, "Orders 2026-03-02T23:00:00": 14}
	if values := r.landed(made.ID); fmt.Sprint(values) != fmt.Sprint(want) {
		t.Errorf("landed %v, want %v", values, want)
	}
	s := &scenario{installation: r.installation}
	points, refused := s.count(t, "raw.kpi_points"), s.count(t, "raw.quarantine")
	r.run(made.ID)
	if p, q := s.count(t, "raw.kpi_points"), s.count(t, "raw.quarantine"); p != points || q != refused || p != 5 || q != 1 {
		t.Errorf("read again: %d points and %d rejects, before %d and %d; want 5 and 1", p, q, points, refused)
	}
	if text := r.log.String(); strings.Contains(text, "53cr3t") {
		t.Error("the log holds a secret")
	}
	_, listed := r.send("GET", "/data/sources/"+r.business.String(), nil)
	if strings.Contains(string(listed), "53cr3t") || !strings.Contains(string(listed), `"name":"Authorization","set":true`) {
		t.Errorf("listed %s: want secrets as set and nothing else of them", listed)
	}
	for len(asked) > 0 {
		if q := <-asked; q.Header.Get("If-None-Match") != "" {
			t.Error("asked whether anything has changed although not everything had landed")
		}
	}
}

func berlin(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// roomLog lets many goroutines write to one text.
type roomLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write appends.
func (l *roomLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns all that was written.
func (l *roomLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
