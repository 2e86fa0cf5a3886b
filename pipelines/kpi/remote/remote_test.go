package remote_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
	"github.com/signalcraft/signalcraft/pipelines/kpi/remote"
)

// asOf is the instant that every test reads as of.
var asOf = time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC)

// site is a server on this machine with a reader that may ask it.
type site struct {
	*httptest.Server
	reader *remote.Reader
	asked  atomic.Int64
}

func newSite(t *testing.T, handler http.HandlerFunc, change func(*remote.Config)) *site {
	t.Helper()
	s := &site{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		handler(w, r)
	}))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	c := remote.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Ports: []uint16{uint16(port)}, Pause: time.Millisecond}
	if change != nil {
		change(&c)
	}
	s.reader = remote.New(c)
	return s
}

// answering serves one body.
func answering(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		io.WriteString(w, body)
	}
}

// read reads a source as the batch does.
func (s *site) read(t *testing.T, q remote.Request) ([]dataset.KPIPointRow, []dataset.RejectRow, *remote.Result, error) {
	t.Helper()
	q.BusinessID, q.SourceID, q.Name = "b", "s", "source"
	if q.Zone == "" {
		q.Zone = "UTC"
	}
	file, result := s.reader.File(q)
	source, err := kpi.New(kpi.Config{Files: []kpi.File{file}})
	if err != nil {
		t.Fatal(err)
	}
	var batch pipelines.Batch
	err = source.Read(t.Context(), pipelines.Input{AsOf: asOf}, func(b pipelines.Batch) error { batch = b; return nil })
	return batch.KPIPoints, batch.Rejects, result, err
}

// http is a request for a site's JSON with columns day and value.
func (s *site) http(h remote.HTTP) remote.Request {
	if h.Format == "" {
		h.Format = "json"
	}
	if !strings.Contains(h.URL, "://") {
		h.URL = s.URL + h.URL
	}
	return remote.Request{Kind: remote.KindHTTP, Definition: remote.Definition{HTTP: &h,
		Mapping: remote.Mapping{Time: []string{"day"}, Value: "value"}, KPIs: []remote.KPI{{ID: "k", Name: "K"}}}}
}

func wantPoints(t *testing.T, name string, points []dataset.KPIPointRow, values ...float64) {
	t.Helper()
	got := make([]float64, len(points))
	for i, p := range points {
		got[i] = p.Value
	}
	if fmt.Sprint(got) != fmt.Sprint(values) {
		t.Errorf("%s: values %v, want %v", name, got, values)
	}
}

func row(day int, value any) map[string]any {
	return map[string]any{"day": fmt.Sprintf("2026-03-%02d", day), "value": value}
}

func TestJSONShapes(t *testing.T) {
	check := func(name, body string, change func(*remote.Request), rejects int, values ...float64) {
		t.Helper()
		s := newSite(t, answering("application/json", body), nil)
		q := s.http(remote.HTTP{URL: "/"})
		if change != nil {
			change(&q)
		}
		points, refused, _, err := s.read(t, q)
		if err != nil || len(refused) != rejects {
			t.Errorf("%s: %d rejects %v, %v; want %d", name, len(refused), refused, err, rejects)
		}
		wantPoints(t, name, points, values...)
	}
	rows := func(path string) func(*remote.Request) {
		return func(q *remote.Request) { q.Definition.HTTP.Rows = path }
	}
	check("list", `[{"day":"2026-03-01","value":1},{"day":"2026-03-02","value":2.5e1}]`, nil, 0, 1, 25)
	check("empty list", `[]`, nil, 0)
	check("byte order mark", "\xef\xbb\xbf[]", nil, 0)
	check("nested", `{"a":{"b":[{"day":"2026-03-01","value":1}]}}`, rows("$.a.b"), 0, 1)
	check("nested with star", `{"a":[{"b":{"day":"2026-03-01","value":1}},{"b":{"day":"2026-03-02","value":2}}]}`, rows("$.a[*].b"), 0, 1, 2)
	check("empty nested", `{"a":[]}`, rows("$.a[*]"), 0)
	check("texts with comma", `[{"day":"01.03.2026","value":"1,5"},{"day":"02.03.2026","value":2.5}]`, func(q *remote.Request) {
		q.Definition.Mapping.DecimalComma, q.Definition.Mapping.Layouts = true, []string{"02.01.2006"}
	}, 0, 1.5, 2.5)
	check("arrays", `[[1772323200,1],[1772409600000,2],["x",3],[1.5,4]]`, func(q *remote.Request) {
		q.Definition.Mapping = remote.Mapping{Time: []string{"$[0]"}, Value: "$[1]", Epoch: "seconds"}
	}, 3, 1)
	check("milliseconds", `[{"t":1772323200000,"value":1}]`, func(q *remote.Request) {
		q.Definition.Mapping = remote.Mapping{Time: []string{"t"}, Value: "value", Epoch: "milliseconds"}
	}, 0, 1)
	check("keys", `[{"m":"a","day":"2026-03-01","value":1},{"m":7,"day":"2026-03-01","value":2},{"m":"c","day":"2026-03-01","value":3},{"m":null,"day":"2026-03-01","value":3},{"m":{},"day":"2026-03-01","value":3}]`, func(q *remote.Request) {
		q.Definition.Mapping.Key = []string{"m"}
		q.Definition.KPIs = []remote.KPI{{ID: "k1", Key: []string{"a"}}, {ID: "k2", Key: []string{"7"}}}
	}, 3, 1, 2)
	check("values that are none", `[{"day":"2026-03-01","value":true},{"day":"2026-03-02","value":[1]},{"day":"2026-03-03","value":{}},{"day":"2026-03-04"},{"day":"2026-03-05","value":null},{"day":"2026-03-06","value":1e400},
		{"day":"2026-03-07","value":"1 000"},{"day":true,"value":1},{"day":null,"value":1},{"value":1},7,null,"x",{"day":"2026-04-01","value":1},{"day":"2026-03-08","value":-0}]`, nil, 14, 0)
	check("side by side", `[{"day":"2026-03-01","a":1,"b":2},{"day":"2026-03-02","a":null,"b":3},{"day":"2026-03-03","a":null},{"day":"x","a":1,"b":2},{"day":"2026-03-04","a":"n/a","b":4}]`, func(q *remote.Request) {
		q.Definition.Mapping.Value = ""
		q.Definition.KPIs = []remote.KPI{{ID: "ka", Column: "a"}, {ID: "kb", Column: "$.b"}}
	}, 3, 1, 2, 3, 4)
	// In Berlin, 02:30 happened twice on 2025-10-26: a missing value takes its place all the same.
	check("hour shown twice", `[{"day":"2025-10-26 02:30","a":null,"b":1},{"day":"2025-10-26 02:30","a":5,"b":2}]`, func(q *remote.Request) {
		q.Zone = "Europe/Berlin"
		q.Definition.Mapping.Value = ""
		q.Definition.KPIs = []remote.KPI{{ID: "ka", Column: "a"}, {ID: "kb", Column: "b"}}
	}, 0, 5, 1, 2)
}

func TestPaging(t *testing.T) {
	const pages = 3
	page := func(n int) []map[string]any {
		if n >= pages {
			return []map[string]any{}
		}
		return []map[string]any{row(2*n+1, 2*n+1), row(2*n+2, 2*n+2)}
	}
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		n, _ := strconv.Atoi(query.Get("p"))
		body := map[string]any{"rows": page(n)}
		switch r.URL.Path {
		case "/offset":
			body["rows"] = page(n / 2)
		case "/clamped":
			body["rows"] = page(min(n, pages-1))
		case "/cursor":
			if n+1 < pages {
				body["next"] = n + 1
			}
		case "/stuck":
			body["next"] = "1"
		case "/next":
			if n+1 < pages {
				body["next"] = fmt.Sprintf("?p=%d&key=%s", n+1, url.QueryEscape(query.Get("key")))
			}
		case "/circle":
			body["next"] = fmt.Sprintf("/circle?p=%d", 1-n)
		case "/link":
			if n+1 < pages {
				w.Header().Set("Link", fmt.Sprintf(`</link?p=%d>; rel="prev", </link?p=%d>; title="x"; rel=next`, n-1, n+1))
			}
		case "/csv":
			if n >= pages {
				io.WriteString(w, "day,value\n")
				return
			}
			fmt.Fprintf(w, "day,value\n2026-03-%02d,%d\n2026-03-%02d,%d\n", 2*n+1, 2*n+1, 2*n+2, 2*n+2)
			return
		}
		if key := query["key"]; r.URL.Path == "/next" && len(key) != 1 {
			w.WriteHeader(http.StatusUnauthorized)
		}
		json.NewEncoder(w).Encode(body)
	}, nil)
	check := func(path string, p remote.Paging, problem string, asked int64, change func(*remote.HTTP), values ...float64) {
		t.Helper()
		s.asked.Store(0)
		h := remote.HTTP{URL: path, Rows: "$.rows", Paging: &p}
		if change != nil {
			change(&h)
		}
		q := s.http(h)
		q.Secrets = remote.Secrets{"parameter/key": "a b"}
		points, refused, result, err := s.read(t, q)
		if problem == "" && err != nil || problem != "" && (err == nil || !strings.Contains(err.Error(), problem)) || len(refused) > 0 {
			t.Errorf("%s %+v: %v and rejects %v, want problem %q", path, p, err, refused, problem)
		}
		if s.asked.Load() != asked || problem == "" && int64(result.Pages) != asked {
			t.Errorf("%s %+v: asked %d times, want %d; %d pages", path, p, s.asked.Load(), asked, result.Pages)
		}
		wantPoints(t, path, points, values...)
	}
	all := []float64{1, 2, 3, 4, 5, 6}
	check("/page", remote.Paging{Kind: "page", Parameter: "p"}, "", 4, nil, all...)
	check("/page", remote.Paging{Kind: "page", Parameter: "p", First: 1}, "", 3, nil, 3, 4, 5, 6)
	check("/offset", remote.Paging{Kind: "page", Parameter: "p", Step: 2}, "", 4, nil, all...)
	check("/clamped", remote.Paging{Kind: "page", Parameter: "p"}, "", 4, nil, all...)
	check("/csv", remote.Paging{Kind: "page", Parameter: "p"}, "", 4, func(h *remote.HTTP) { h.Format, h.Rows = "csv", "" }, all...)
	check("/cursor", remote.Paging{Kind: "cursor", Parameter: "p", Path: "$.next"}, "", 3, nil, all...)
	check("/stuck", remote.Paging{Kind: "cursor", Parameter: "p", Path: "$.next"}, "same cursor", 2, nil)
	check("/next", remote.Paging{Kind: "next", Path: "$.next"}, "", 3, func(h *remote.HTTP) { h.Parameters = []string{"key"} }, all...)
	check("/circle", remote.Paging{Kind: "next", Path: "$.next"}, "in a circle", 3, nil)
	check("/link", remote.Paging{Kind: "next"}, "", 3, nil, all...)
	q := s.http(remote.HTTP{URL: "/page", Rows: "$.rows", Paging: &remote.Paging{Kind: "page", Parameter: "p", MaxPages: 2}})
	if _, _, result, err := s.read(t, q); err != nil || result.Pages != 2 || !strings.Contains(result.Note, "read 2 pages; the source has more") {
		t.Errorf("more pages than allowed: %+v, %v; want a note", result, err)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	html := "<!doctype html><title>Sign in</title>"
	check := func(name string, handler http.HandlerFunc, h remote.HTTP, asked int64, problem string) {
		t.Helper()
		s := newSite(t, handler, func(c *remote.Config) {
			c.MaxBytes, c.MaxPage, c.MaxRows, c.Timeout = 100_000, 50_000, 1000, 2*time.Second
		})
		points, _, _, err := s.read(t, s.http(h))
		var known *remote.Error
		if !errors.As(err, &known) || !strings.Contains(known.Error(), problem) || len(points) > 0 {
			t.Errorf("%s: %d points, %v; want problem %q", name, len(points), err, problem)
		}
		if s.asked.Load() != asked {
			t.Errorf("%s: asked %d times, want %d", name, s.asked.Load(), asked)
		}
	}
	status := func(n int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if len(header) > 0 {
				w.Header().Set(header[0], header[1])
			}
			w.WriteHeader(n)
		}
	}
	var packed bytes.Buffer
	packer := gzip.NewWriter(&packed)
	packer.Write(bytes.Repeat([]byte(" "), 50<<20))
	packer.Close()
	bomb := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(packed.Bytes())
	}
	endless := func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "day,value\n")
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat("2026-03-01,1\n", 100)); err != nil {
				return
			}
		}
	}
	silent := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	csv := remote.HTTP{URL: "/", Format: "csv"}
	check("page for people", answering("text/html", html), remote.HTTP{URL: "/"}, 1, "looks like a web page")
	check("page for people as CSV", answering("text/html", html), csv, 1, "a web page, not CSV")
	check("page for people as text", answering("text/plain", html), csv, 1, "looks like a web page")
	check("broken JSON", answering("application/json", `[{"day":`), remote.HTTP{URL: "/"}, 1, "not JSON")
	check("two documents", answering("application/json", `[] []`), remote.HTTP{URL: "/"}, 1, "more than one")
	check("empty", answering("application/json", ``), remote.HTTP{URL: "/"}, 1, "empty")
	check("empty CSV", answering("text/csv", ``), csv, 1, "empty")
	check("latin1", answering("application/json", "[\"\xe4\"]"), remote.HTTP{URL: "/"}, 1, "UTF-8")
	check("an object", answering("application/json", `{"error":"x"}`), remote.HTTP{URL: "/"}, 1, "not a list")
	check("nothing there", answering("application/json", `{"error":"x"}`), remote.HTTP{URL: "/", Rows: "$.data"}, 1, "nothing is at $.data")
	check("other header", answering("text/csv", "date,value\n"), csv, 1, `column "day" is not in the header`)
	check("utf16", answering("text/csv", "\xff\xfed\x00"), csv, 1, "UTF-16")
	check("deep", answering("application/json", strings.Repeat("[", 40_000)), remote.HTTP{URL: "/"}, 1, "not JSON")
	check("404", status(404), remote.HTTP{URL: "/"}, 1, "status 404")
	check("403", status(403), remote.HTTP{URL: "/"}, 1, "other credentials")
	check("204", status(204), remote.HTTP{URL: "/"}, 1, "status 204")
	check("304 unasked", status(304), remote.HTTP{URL: "/"}, 1, "status 304")
	check("500", status(500), remote.HTTP{URL: "/"}, 3, "status 500")
	check("429", status(429), remote.HTTP{URL: "/"}, 3, "status 429")
	check("429 for long", status(429, "Retry-After", "3600"), remote.HTTP{URL: "/"}, 1, "status 429")
	check("bomb", bomb, remote.HTTP{URL: "/"}, 1, "larger than 50000 bytes")
	check("bomb as CSV", bomb, csv, 1, "")
	check("endless", endless, csv, 1, "more")
	check("silent", silent, remote.HTTP{URL: "/"}, 1, "in time")
	check("many rows", answering("text/csv", "day,value\n"+strings.Repeat("x,1\n", 2000)), csv, 1, "more rows")
}

func TestTroubleThatPasses(t *testing.T) {
	var n atomic.Int64
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, `[{"day":"2026-03-01","value":1}]`)
	}, nil)
	points, _, _, err := s.read(t, s.http(remote.HTTP{URL: "/"}))
	if err != nil {
		t.Error(err)
	}
	wantPoints(t, "third attempt", points, 1)
}

func TestUnchangedContentIsNotReadAgain(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `W/"7"`)
		if r.Header.Get("If-None-Match") == `W/"7"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		io.WriteString(w, `[{"day":"2026-03-01","value":1}]`)
	}, nil)
	q := s.http(remote.HTTP{URL: "/"})
	points, _, result, err := s.read(t, q)
	if err != nil || result.Validator != `W/"7"` || result.Unchanged {
		t.Errorf("first: %+v, %v; want its ETag", result, err)
	}
	wantPoints(t, "first", points, 1)
	q.Validator = result.Validator
	points, _, result, err = s.read(t, q)
	if err != nil || !result.Unchanged || result.Validator != `W/"7"` {
		t.Errorf("second: %+v, %v; want it unchanged", result, err)
	}
	wantPoints(t, "second", points)
}

func TestPostAndSecrets(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || string(body) != `{"q":1}` || r.Header.Get("X-Key") != "k3y" || r.URL.RawQuery != "z=1&a=2&token=t%26x" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("asked %s %s with %v and %s", r.Method, r.URL, r.Header, body)
		}
		io.WriteString(w, `[{"day":"2026-03-01","value":1}]`)
	}, nil)
	q := s.http(remote.HTTP{URL: "/?z=1&a=2", Method: "POST", Body: `{"q":1}`, Headers: []string{"X-Key"}, Parameters: []string{"token"}})
	q.Secrets = remote.Secrets{"header/X-Key": "k3y", "parameter/token": "t&x"}
	points, _, _, err := s.read(t, q)
	if err != nil {
		t.Error(err)
	}
	wantPoints(t, "POST", points, 1)
}

func TestPublishedSheet(t *testing.T) {
	s := newSite(t, answering("text/csv", "Tag;Umsatz;Kunden\r\n01.03.2026;\"1200,50\";12\r\n02.03.2026;;13\r\n03.03.2026;\"x;14\r\n04.03.2026;5;6;7\r\n\r\n"), nil)
	q := remote.Request{BusinessID: "b", SourceID: "s", Name: "source", Zone: "UTC", Kind: remote.KindSheet, Definition: remote.Definition{Sheet: &remote.Sheet{URL: s.URL + "/pub"},
		Mapping: remote.Mapping{Time: []string{"Tag"}, Layouts: []string{"02.01.2006"}, DecimalComma: true}, KPIs: []remote.KPI{{ID: "u", Column: "Umsatz"}, {ID: "k", Column: "Kunden"}}}}
	points, refused, _, err := s.read(t, q)
	if err != nil || len(refused) != 2 || *refused[0].Line != 4 || *refused[1].Line != 5 || !strings.HasPrefix(refused[0].Raw, "03.03.2026") {
		t.Errorf("rejects %v, %v; want lines 4 and 5", refused, err)
	}
	wantPoints(t, "sheet", points, 1200.5, 12, 13)
	p, err := s.reader.Preview(t.Context(), q, asOf)
	if err != nil || p.Problem != nil || p.Accepted != 3 || p.Rejected != 2 || strings.Join(p.Columns, " ") != "Tag Umsatz Kunden" || p.First[0][1] != "1200,50" {
		t.Errorf("preview %+v, %v", p, err)
	}
}
