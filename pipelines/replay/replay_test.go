package replay_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/signalcraft/signalcraft/pipelines/replay"
	"github.com/signalcraft/signalcraft/testdata/shared"
)

// serve returns a client of a replay server for m; every body is its file's name.
func serve(t *testing.T, m replay.Manifest) (*replay.Handler, func(path string) (int, string, http.Header)) {
	t.Helper()
	files := fstest.MapFS{}
	for _, r := range m.Responses {
		files[r.File] = &fstest.MapFile{Data: []byte(r.File)}
	}
	handler, err := replay.New(files, m)
	if err != nil {
		t.Fatal(err)
	}
	network := replay.NewNetwork(handler)
	t.Cleanup(network.Close)
	client := &http.Client{Transport: network.Transport()}
	return handler, func(path string) (int, string, http.Header) {
		t.Helper()
		answer, err := client.Get(replay.Address + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(body), answer.Header
	}
}

func TestMatching(t *testing.T) {
	m := replay.Manifest{Version: 1, Responses: []replay.Response{
		{File: "plain", URL: "https://a.example/v1/x"},
		{File: "one", URL: "https://a.example/v1/x?q=1"},
		{File: "two", URL: "https://a.example/v1/x?q=1&r=2"},
		{File: "any", URL: "https://a.example/v1/x?q=*&s=3"},
		{File: "second", URL: "https://a.example/v1/x?q=1"},
		{File: "blank", URL: "https://a.example/v1/x?q=(flu OR \"a b\""},
		{File: "range", URL: "https://a.example/v1/*..*"},
		{File: "exact", URL: "https://a.example/v1/2024..2025"},
		{File: "never", URL: ""},
		{File: "error", URL: "http://b.example/v1/x", Status: 404, ContentType: "text/x", Header: map[string]string{"ETag": "e"}},
		{File: "post", URL: "https://a.example/v1/post", Method: "POST"},
	}}
	handler, get := serve(t, m)
	check := func(path, want string) {
		t.Helper()
		if _, got, _ := get(path); got != want {
			t.Errorf("GET %s: %q, want %q", path, got, want)
		}
	}
	check("/a.example/v1/x", "plain")
	check("/a.example/v1/x?other=1", "plain")
	check("/a.example/v1/x?r=2&q=1&z=9", "two")
	check("/a.example/v1/x?q=1", "one")
	check("/a.example/v1/x?q=7&s=3", "any")
	check("/a.example/v1/x?q=%28flu+OR+%22a%20b%22", "blank")
	check("/a.example/v1/2020..2021", "range")
	check("/a.example/v1/2024..2025", "exact")
	check("/a.example/v1/post", "replay: no recorded answer for GET a.example/v1/post\n")
	check("/c.example/v1/x?b=2&a=1", "replay: no recorded answer for GET c.example/v1/x?a=1&b=2\n")
	status, body, header := get("/b.example/v1/x")
	if status != 404 || body != "error" || header.Get("Content-Type") != "text/x" || header.Get("ETag") != "e" {
		t.Errorf("recorded error: %d %q %v", status, body, header)
	}
	requests := handler.Requests()
	if len(requests) != 11 || requests[2] != "GET a.example/v1/x?q=1&r=2&z=9" {
		t.Errorf("requests %v, want 11, the third with its query sorted", requests)
	}
}

func TestFaultsAreCounted(t *testing.T) {
	handler, get := serve(t, replay.Manifest{Version: 1, Responses: []replay.Response{{File: "x", URL: "https://a.example/x"}, {File: "y", URL: "https://b.example/y"}}})
	handler.Inject(replay.Fault{Kind: replay.ServerError, Prefix: "a.example", Skip: 1, Times: 2})
	var statuses []int
	for range 4 {
		status, _, _ := get("/a.example/x")
		statuses = append(statuses, status)
		if status, _, _ := get("/b.example/y"); status != 200 {
			t.Errorf("the other host answers %d", status)
		}
	}
	if !slices.Equal(statuses, []int{200, 500, 500, 200}) {
		t.Errorf("statuses %v, want 200, 500 twice, 200", statuses)
	}
	handler.Inject(replay.Fault{Kind: replay.TooMany})
	if status, _, header := get("/b.example/y"); status != 429 || header.Get("Retry-After") == "" {
		t.Errorf("too many: %d %v, want 429 with Retry-After", status, header)
	}
	handler.Heal()
	if status, _, _ := get("/b.example/y"); status != 200 {
		t.Errorf("healed: %d", status)
	}
}

// TestSharedManifest wants every recorded answer with an address to be served for that address.
func TestSharedManifest(t *testing.T) {
	dir, ok := shared.Dir(t)
	if !ok {
		return
	}
	folder := os.DirFS(filepath.Join(dir, "fixtures", "upstream"))
	handler, err := replay.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	network := replay.NewNetwork(handler)
	defer network.Close()
	client := &http.Client{Transport: network.Transport()}
	m, err := replay.ReadManifest(folder)
	if err != nil {
		t.Fatal(err)
	}
	served := 0
	for _, r := range m.Responses {
		if r.URL == "" || strings.ContainsAny(r.URL, "() ") {
			continue // a description, not an address
		}
		_, rest, _ := strings.Cut(r.URL, "://")
		answer, err := client.Get(replay.BaseURL(replay.Address, rest))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || strings.HasPrefix(string(body), "replay:") {
			t.Errorf("%s: %d %.100q, %v", r.URL, answer.StatusCode, body, err)
		}
		served++
	}
	if served < 90 {
		t.Errorf("%d recorded answers were asked for, want at least 90", served)
	}
}
