package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/pipelines/fetch"
)

func resolverAt(address string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", address)
	}}
}

// loopNames are names that lead to this machine or into its network.
func loopNames() *nameServer {
	return &nameServer{turns: []string{"127.0.0.1", "0.0.0.0"}, names: map[string][]string{
		"loop.example.com": {"127.0.0.1"}, "six.example.com": {"::1"}, "mapped.example.com": {"::ffff:127.0.0.1"}, "zero.example.com": {"0.0.0.0", "::"},
		"private.example.com": {"10.0.0.1", "192.168.1.1"}, "many.example.com": {"127.0.0.1", "127.0.0.2", "::1", "127.0.0.3", "169.254.169.254"},
		"alias.example.com": {"localhost"}, "nat64.example.com": {"64:ff9b::7f00:1"}, "metadata.example.com": {"169.254.169.254"},
	}}
}

// TestAddressCampaign tries to reach a canary, which listens on every address of this machine, by named vectors: through createSource and
// testSource, through sources that were put into Postgres past every check and are read by the batch, and by dialing. None may reach it.
func TestAddressCampaign(t *testing.T) {
	watch := newCanary(t, ":0")
	t.Setenv("HTTP_PROXY", fmt.Sprintf("http://127.0.0.2:%d", watch.port))
	t.Setenv("HTTPS_PROXY", fmt.Sprintf("http://127.0.0.2:%d", watch.port))
	settings := testSettings(t.TempDir())
	settings.DatabaseURL = storetest.New(t).URL("")
	settings.AllowPorts = []uint16{watch.port} // so that the address decides
	names := loopNames()
	r := serveRoom(t, settings, func(i *installation) { i.resolver = names.resolver(t) })
	vectors := append(webVectors(watch.port), databaseVectors(watch.port)...)
	seen, refused, unreachable := map[string]bool{}, 0, 0
	for _, v := range vectors {
		if seen[v.name] {
			t.Fatalf("vector %s stands twice", v.name)
		}
		seen[v.name] = true
		status, answer := r.send("POST", "/data/sources", r.source(v.kind, v.part))
		switch status {
		case http.StatusBadRequest:
			refused++
			if !strings.Contains(string(answer), `"VALIDATION_ERROR"`) {
				t.Errorf("%s: %s", v.name, answer)
			}
		case http.StatusCreated:
			var made shownSource
			if err := json.Unmarshal(answer, &made); err != nil {
				t.Fatal(err)
			}
			if got := r.try(made.ID); got.OK || got.Problem == "" || strings.Contains(got.Problem, "127.0.0") {
				t.Errorf("%s: tried %+v, want a problem that names no address it resolved to", v.name, got)
			}
			r.call("DELETE", "/data/sources/"+made.ID, nil, 204, nil)
			unreachable++
		default:
			t.Errorf("%s: status %d: %s", v.name, status, answer)
		}
		if hits := watch.hits.Load(); hits > 0 {
			t.Fatalf("%s: the canary was reached through the API", v.name)
		}
	}
	if names.asked == 0 {
		t.Error("no name was resolved: the vectors with names show nothing")
	}
	read := r.plant(vectors)
	if hits := watch.hits.Load(); hits > 0 {
		t.Fatalf("the canary was reached %d times by the batch", hits)
	}
	seed, rounds := campaignSize(400, 50_000)
	dialed := dialForms(t, seed, rounds, watch)
	t.Logf("address campaign: %d named vectors, %d refused when made, %d when asked, %d more planted and read by the batch, %d random forms dialed (seed %d): %d reached",
		len(vectors), refused, unreachable, read, dialed, seed, watch.hits.Load())
	if len(vectors) < 80 {
		t.Errorf("%d vectors, want at least 80", len(vectors))
	}
}

// plant puts a source for each vector into Postgres as the operator would, has the batch read them, and returns how many it failed to read.
func (r *sourcesRoom) plant(vectors []vector) int {
	r.t.Helper()
	var setup store.Setup
	setup.User, setup.PasswordHash = store.User{ID: uuid.New(), Email: "ada@example.com"}, "x"
	planted := map[string]string{}
	for _, v := range vectors {
		part := fields{}
		for name, value := range v.part {
			if name != "password" {
				part[name] = value
			}
		}
		id, kpi := uuid.New(), uuid.New()
		config, err := json.Marshal(fields{v.kind: part, "mapping": fields{"time": []string{"day"}, "value": "value"}, "kpis": []fields{{"id": kpi, "name": "x"}}})
		if err != nil {
			r.t.Fatal(err)
		}
		if strings.Contains(string(config), `\u0000`) {
			continue // Postgres holds none
		}
		planted[id.String()] = v.name
		setup.Sources = append(setup.Sources, store.Source{BusinessID: r.business, ID: id, Name: "planted " + v.name, Kind: v.kind, Config: config})
		setup.KPIs = append(setup.KPIs, store.KPI{BusinessID: r.business, ID: kpi, SourceID: id, Name: "planted " + v.name, Aggregation: "sum", Grain: "day"})
	}
	if _, err := r.data.AddSetup(r.t.Context(), setup); err != nil {
		r.t.Fatal(err)
	}
	r.exec("update kpi_sources set requested_at = now() - interval '1 minute'")
	if err := r.load(); err != nil {
		r.t.Fatal(err)
	}
	listed, failed := map[string]shownSource{}, 0
	for after := ""; ; {
		var page struct {
			Sources    []shownSource
			NextCursor *string `json:"next_cursor"`
		}
		r.call("GET", "/data/sources/"+r.business.String()+"?limit=200"+after, nil, 200, &page)
		for _, s := range page.Sources {
			listed[s.ID] = s
		}
		if page.NextCursor == nil {
			break
		}
		after = "&cursor=" + *page.NextCursor
	}
	for id, name := range planted {
		if s := listed[id]; s.LastRun == nil || s.LastRun.Status != "failed" || s.LastRun.Problem == "" {
			r.t.Errorf("planted %s: %+v, want it read and failed", name, s.LastRun)
			continue
		}
		failed++
	}
	return failed
}

// campaignSize returns the seed and the rounds of a random campaign, short or long.
func campaignSize(short, long int) (seed uint64, rounds int) {
	if os.Getenv("SIGNALCRAFT_CAMPAIGN") == "long" {
		return uint64(time.Now().UnixNano()), long
	}
	return 1, short
}

// dialForms dials addresses of this machine and of special networks in random ways of writing them.
func dialForms(t *testing.T, seed uint64, rounds int, watch *canary) int {
	random := rand.New(rand.NewPCG(seed, 16))
	guard := fetch.Guard{Timeout: 2 * time.Second, Ports: []uint16{watch.port}}
	networks := []string{"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "0.0.0.0/8", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4", "192.0.0.0/24"}
	var dials errgroup.Group
	dials.SetLimit(32) // most forms are names to Go, so that each waits for the name server
	for range rounds {
		prefix := netip.MustParsePrefix(networks[random.IntN(len(networks))])
		ip := prefix.Addr().As4()
		host := random.Uint32() >> prefix.Bits()
		value := uint32(ip[0])<<24 | uint32(ip[1])<<16 | uint32(ip[2])<<8 | uint32(ip[3]) | host
		form := writeAddress(random, value)
		address := net.JoinHostPort(strings.Trim(form, "[]"), fmt.Sprint(watch.port))
		dials.Go(func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			if conn, err := guard.DialContext(ctx, "tcp", address); err == nil {
				t.Errorf("dial %s (seed %d): connected", address, seed)
				conn.Close()
			}
			return nil
		})
		u, err := guard.CheckURL("http://" + form + fmt.Sprintf(":%d/", watch.port))
		var why *fetch.GuardError
		if !errors.As(err, &why) {
			t.Errorf("check %s (seed %d): %v, %v; want it refused", form, seed, u, err)
		}
	}
	_ = dials.Wait() // none returns an error
	if watch.hits.Load() > 0 {
		t.Errorf("the canary was reached by dialing (seed %d)", seed)
	}
	return rounds
}

// writeAddress writes an IPv4 address in one of the ways that some program understands.
func writeAddress(random *rand.Rand, value uint32) string {
	octet := func(n uint32) string {
		return fmt.Sprintf([]string{"%d", "0%o", "0x%x", "00%o", "0X%X"}[random.IntN(5)], n)
	}
	a, b, c, d := value>>24, value>>16&255, value>>8&255, value&255
	switch random.IntN(9) {
	case 0:
		return octet(value)
	case 1:
		return octet(a) + "." + octet(value&0xffffff)
	case 2:
		return octet(a) + "." + octet(b) + "." + octet(value&0xffff)
	case 3:
		return octet(a) + "." + octet(b) + "." + octet(c) + "." + octet(d)
	case 4:
		return fmt.Sprintf("[::ffff:%d.%d.%d.%d]", a, b, c, d)
	case 5:
		return fmt.Sprintf("[64:ff9b::%x:%x]", value>>16, value&0xffff)
	case 6:
		return fmt.Sprintf("[2002:%x:%x::%x]", value>>16, value&0xffff, random.IntN(65536))
	case 7:
		return fmt.Sprintf("[::%x:%x]", value>>16, value&0xffff)
	}
	return fmt.Sprintf("%d.%d.%d.%d", a, b, c, d)
}

// TestRedirectCampaign opens one address, 127.0.0.1, and tries to get from there to a canary on another: by redirects, by next pages, by
// names that change what they resolve to, and by what stands in headers and in the settings of a database.
func TestRedirectCampaign(t *testing.T) {
	watch := newCanary(t, "127.0.0.2:0")
	inner := newCanary(t, fmt.Sprintf("[::1]:%d", watch.port))
	target := ""
	var seenHeaders []http.Header
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		seenHeaders = append(seenHeaders, q.Header.Clone())
		io.WriteString(w, `[{"day":"2026-03-01","value":1}]`)
	}))
	t.Cleanup(other.Close)
	mux := http.NewServeMux()
	mux.HandleFunc("/redirect/{status}", func(w http.ResponseWriter, q *http.Request) {
		var status int
		fmt.Sscan(q.PathValue("status"), &status)
		w.Header().Set("Location", target)
		w.WriteHeader(status)
	})
	mux.HandleFunc("/next", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(fields{"rows": []fields{{"day": "2026-03-01", "value": 1}}, "next": target})
	})
	mux.HandleFunc("/link", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "<"+target+`>; rel="next"`)
		io.WriteString(w, `[{"day":"2026-03-01","value":1}]`)
	})
	mux.HandleFunc("/good", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `[{"day":"2026-03-01","value":1}]`) })
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", watch.port))
	if err != nil {
		t.Fatal(err)
	}
	outside := &httptest.Server{Listener: listener, Config: &http.Server{Handler: mux}}
	outside.Start()
	t.Cleanup(outside.Close)
	settings := testSettings(t.TempDir())
	settings.DatabaseURL = storetest.New(t).URL("")
	settings.AllowNetworks, settings.AllowPorts = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, []uint16{watch.port, portOf(t, other.URL)}
	names := &nameServer{turns: []string{"127.0.0.1", "127.0.0.2"}, names: map[string][]string{
		"good.example.com": {"127.0.0.1"}, "both.example.com": {"127.0.0.2", "127.0.0.1", "::1"}, "canary.example.com": {"127.0.0.2"}, "alias.example.com": {"canary.example.com"}}}
	r := serveRoom(t, settings, func(i *installation) { i.resolver = names.resolver(t) })
	for name, value := range map[string]string{"PGHOST": "127.0.0.2", "PGPORT": fmt.Sprint(watch.port), "PGOPTIONS": "-c x", "PGSSLROOTCERT": "/etc/passwd", "PGPASSFILE": "/etc/passwd"} {
		t.Setenv(name, value)
	}
	port := fmt.Sprint(watch.port)
	tries := 0
	reached := func(name string) {
		t.Helper()
		tries++
		if watch.hits.Load()+inner.hits.Load() > 0 {
			t.Fatalf("%s: the canary was reached", name)
		}
	}
	http := func(path string, more fields) fields {
		part := fields{"url": outside.URL + path, "format": "json", "rows": "$"}
		for name, value := range more {
			part[name] = value
		}
		return part
	}
	for _, to := range []string{"http://127.0.0.2:" + port + "/", "//127.0.0.2:" + port + "/", "http://[::1]:" + port + "/", "http://[::ffff:127.0.0.2]:" + port + "/", "http://canary.example.com:" + port + "/",
		"http://alias.example.com:" + port + "/", "http://2130706434:" + port + "/", "http://user:pass@127.0.0.1:" + port + "/", "http://localhost:" + port + "/", "file:///etc/passwd", "gopher://127.0.0.2:" + port + "/",
		"https://127.0.0.2:" + port + "/", "http://127.0.0.1:22/", "/redirect/302", "http://127.0.0.1:" + port + "@127.0.0.2:" + port + "/", `http://127.0.0.1\@127.0.0.2:` + port + "/", "http://127.0.0.2:" + port + "/#@127.0.0.1"} {
		target = to
		for _, status := range []string{"301", "302", "303", "307", "308"} {
			if got := r.tryOnce(r.source("http", http("/redirect/"+status, nil))); got.Problem == "" {
				t.Errorf("redirect %s to %s: %+v, want a problem", status, to, got)
			}
			reached("redirect " + status + " to " + to)
		}
		if strings.HasPrefix(to, "/") {
			continue
		}
		for _, part := range []fields{http("/next", fields{"rows": "$.rows", "paging": fields{"kind": "next", "path": "$.next"}}), http("/link", fields{"paging": fields{"kind": "next"}})} {
			if got := r.tryOnce(r.source("http", part)); got.Problem == "" {
				t.Errorf("next page %s: %+v, want a problem", to, got)
			}
			reached("next page " + to)
		}
	}
	for range 20 { // a name that resolves to what is open and to the canary in turn
		r.tryOnce(r.source("http", fields{"url": "http://rebind.example.com:" + port + "/good", "format": "json"}))
		reached("rebind")
	}
	if names.rebind < 20 {
		t.Errorf("the rebinding name was resolved %d times, want each time", names.rebind)
	}
	if got := r.tryOnce(r.source("http", fields{"url": "http://both.example.com:" + port + "/good", "format": "json"})); !got.OK {
		t.Errorf("a name with one open address: %+v, want that one asked", got)
	}
	reached("several addresses")
	for name, headers := range map[string][]fields{
		"crlf": {{"name": "X-A", "value": "b\r\nHost: 127.0.0.2"}}, "lf": {{"name": "X-A", "value": "b\nX: y"}}, "nul": {{"name": "X-A", "value": "b\x00"}}, "name crlf": {{"name": "X-A\r\nX-B", "value": "b"}},
		"host": {{"name": "host", "value": "127.0.0.2"}}, "connection": {{"name": "Connection", "value": "upgrade"}}, "length": {{"name": "content-LENGTH", "value": "3"}}, "encoding": {{"name": "Transfer-Encoding", "value": "chunked"}},
		"proxy": {{"name": "Proxy-Authorization", "value": "x"}}, "space": {{"name": "X A", "value": "x"}}, "colon": {{"name": "X:A", "value": "x"}}, "twice": {{"name": "X-A", "value": "x"}, {"name": "x-a", "value": "y"}},
	} {
		if status, answer := r.send("POST", "/data/sources", r.source("http", http("/good", fields{"headers": headers}))); status != 400 {
			t.Errorf("header %s: status %d: %s, want 400", name, status, answer)
		}
		tries++
	}
	target = other.URL
	crossing := r.source("http", http("/redirect/302", fields{"headers": []fields{{"name": "Authorization", "value": "Bearer x"}, {"name": "X-Key", "value": "y"}}}))
	if got := r.tryOnce(crossing); !got.OK || len(seenHeaders) != 1 || seenHeaders[0].Get("Authorization")+seenHeaders[0].Get("X-Key")+seenHeaders[0].Get("Referer") != "" {
		t.Errorf("redirect to another host: %+v with headers %v, want none of ours", got, seenHeaders)
	}
	for _, part := range []fields{{"host": "rebind.example.com"}, {"host": "canary.example.com"}, {"database": "x host=127.0.0.2"}, {"database": "postgres://127.0.0.2/x"}, {"user": "x host=127.0.0.2"},
		{"password": "x' hostaddr='127.0.0.2"}, {"password": "", "user": "x"}, {"tls": "require"}, {"tls": "verify"}} {
		body := fields{"host": "good.example.com", "port": watch.port, "database": "x", "user": "x", "password": "x", "tls": "off", "query": "select 1 as value, now() as day"}
		for name, value := range part {
			body[name] = value
		}
		if got := r.tryOnce(r.source("database", body)); got.Problem == "" {
			t.Errorf("database %v: %+v, want a problem: a web server stands there", part, got)
		}
		reached(fmt.Sprint("database ", part))
	}
	t.Logf("redirect campaign: %d tries, %d reached", tries, watch.hits.Load()+inner.hits.Load())
}
