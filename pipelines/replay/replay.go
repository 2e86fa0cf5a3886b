// Package replay answers HTTP requests from recorded files, so that tests and the
// demonstration read "upstreams" without a network. A Handler serves every recorded host
// below one address: what https://api.example.org/v1/x?q=1 answered is found at
// http://<replay server>/api.example.org/v1/x?q=1. An upstream's base URL is therefore
// <replay server>/<host>; see Handler.BaseURL.
package replay

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
)

// Manifest lists the recorded answers, as manifest.json in a fixture folder holds it.
type Manifest struct {
	Version   int        `json:"version"`
	Responses []Response `json:"responses"`
}

// Response is one recorded answer and the request it belongs to.
type Response struct {
	// File is the body's path below the fixture folder.
	File string `json:"file"`
	// Method is the request's method. Empty means GET.
	Method string `json:"method"`
	// URL is the request's address. Every query parameter in it must stand in a request
	// with the same value, further parameters of the request do not matter, and of several
	// matching answers the one with the most parameters is served. The value "*" matches any
	// value, a "*" in the path any text without a slash. An empty URL is never served.
	URL string `json:"url"`
	// Status is the HTTP status. Zero means 200.
	Status int `json:"status"`
	// ContentType is the answer's content type, left out when empty.
	ContentType string `json:"content_type"`
	// Header is sent as well.
	Header map[string]string `json:"headers,omitempty"`
}

// Handler serves a manifest's answers and remembers what it was asked. It may be used by
// many requests at once.
type Handler struct {
	files   fs.FS
	answers []answer

	mu       sync.Mutex
	requests []string
	faults   []*Fault
}

type answer struct {
	Response
	host  string
	path  string
	query url.Values
}

// ReadManifest reads manifest.json of files.
func ReadManifest(files fs.FS) (Manifest, error) {
	content, err := fs.ReadFile(files, "manifest.json")
	if err != nil {
		return Manifest{}, fmt.Errorf("read manifest: %w", err)
	}
	var m Manifest
	if err := json.Unmarshal(content, &m); err != nil {
		return Manifest{}, fmt.Errorf("decode manifest.json: %w", err)
	}
	if m.Version != 1 {
		return Manifest{}, fmt.Errorf("manifest.json has version %d, want 1", m.Version)
	}
	return m, nil
}

// Open returns a Handler for the folder files with its manifest.json.
func Open(files fs.FS) (*Handler, error) {
	m, err := ReadManifest(files)
	if err != nil {
		return nil, err
	}
	return New(files, m)
}

// New returns a Handler that serves the answers of m from files. Bodies are read when
// they are asked for.
func New(files fs.FS, m Manifest) (*Handler, error) {
	h := &Handler{files: files}
	for _, r := range m.Responses {
		if r.URL == "" {
			continue
		}
		host, path, query, err := split(r.URL)
		if err != nil {
			return nil, fmt.Errorf("answer %s: %w", r.File, err)
		}
		if r.Method == "" {
			r.Method = http.MethodGet
		}
		if r.Status == 0 {
			r.Status = http.StatusOK
		}
		h.answers = append(h.answers, answer{r, host, path, query})
	}
	return h, nil
}

// BaseURL returns the base URL under which a server at address ("http://127.0.0.1:8080")
// answers for host ("api.example.org").
func BaseURL(address, host string) string {
	return strings.TrimSuffix(address, "/") + "/" + host
}

// Requests returns what was asked so far, in order of arrival: "GET
// api.example.org/v1/x?a=1&b=2", the query sorted by name.
func (h *Handler) Requests() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.requests)
}

// ServeHTTP serves the best answer, a fault when one is due, or 404 with a text that names the request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	path = "/" + path
	query := parseQuery(r.URL.RawQuery)
	name := r.Method + " " + host + path
	if len(query) > 0 {
		name += "?" + query.Encode()
	}
	h.mu.Lock()
	h.requests = append(h.requests, name)
	fault := h.dueFault(host + path)
	h.mu.Unlock()

	found := h.find(r.Method, host, path, query)
	if fault != nil {
		h.serveFault(w, r, fault, found)
		return
	}
	if found == nil {
		http.Error(w, "replay: no recorded answer for "+name, http.StatusNotFound)
		return
	}
	body, err := fs.ReadFile(h.files, found.File)
	if err != nil {
		http.Error(w, "replay: read "+found.File+" for "+name+": "+err.Error(), http.StatusInternalServerError)
		return
	}
	found.writeHeader(w)
	w.Write(body) // a client that went away is its own business
}

// find returns the matching answer with the most query parameters; of equals one without
// a pattern in its path, then the first.
func (h *Handler) find(method, host, path string, query url.Values) *answer {
	var best *answer
	bestScore := -1
	for i := range h.answers {
		a := &h.answers[i]
		score := 2 * len(a.query)
		if a.path == path {
			score++
		}
		if a.Method == method && a.host == host && score > bestScore && matchPath(a.path, path) && a.matchQuery(query) {
			best, bestScore = a, score
		}
	}
	return best
}

func matchPath(pattern, asked string) bool {
	if pattern == asked {
		return true
	}
	if !strings.Contains(pattern, "*") {
		return false
	}
	matched, err := path.Match(pattern, asked)
	return err == nil && matched
}

func (a *answer) matchQuery(query url.Values) bool {
	for name, want := range a.query {
		got, ok := query[name]
		if !ok || (!slices.Equal(want, []string{"*"}) && !slices.Equal(want, got)) {
			return false
		}
	}
	return true
}

func (a *answer) writeHeader(w http.ResponseWriter) {
	if a.ContentType != "" {
		w.Header().Set("Content-Type", a.ContentType)
	}
	for name, value := range a.Header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.Status)
}

// split takes apart the address of a recorded request. Recorded addresses are written by
// people: unescaped blanks and brackets are taken as they stand.
func split(address string) (host, path string, query url.Values, err error) {
	_, rest, found := strings.Cut(address, "://")
	if !found {
		return "", "", nil, fmt.Errorf("url %q has no scheme", address)
	}
	rest, rawQuery, _ := strings.Cut(rest, "?")
	host, path, _ = strings.Cut(rest, "/")
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	return host, "/" + path, parseQuery(rawQuery), nil
}

// parseQuery is url.ParseQuery that keeps what it cannot unescape.
func parseQuery(raw string) url.Values {
	query := url.Values{}
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		query.Add(unescape(name), unescape(value))
	}
	return query
}

func unescape(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}
