// Package recorded gives tests the recorded upstream answers that lie beside the tree,
// in ../shared/fixtures/upstream. They may not be copied into it.
package recorded

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Response is one entry of the recorded answers' manifest.
type Response struct {
	File        string `json:"file"` // below the fixtures folder
	Method      string `json:"method"`
	URL         string `json:"url"` // empty when it answers any request
	Status      int    `json:"status"`
	ContentType string `json:"content_type"`
	Provenance  string `json:"provenance"`
}

// Dir returns the folder of recorded answers. It fails the test when the folder is
// missing: it is found beside the folder that holds go.mod.
func Dir(t testing.TB) string {
	t.Helper()
	at, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(at)
		if up == at {
			t.Fatal("no go.mod above the test's folder")
		}
		at = up
	}
	dir := filepath.Join(filepath.Dir(at), "shared", "fixtures", "upstream")
	if _, err := os.Stat(filepath.Join(dir, "manifest.json")); err != nil {
		t.Fatalf("recorded upstream answers: %v (put the shared folder beside the tree)", err)
	}
	return dir
}

// Manifest returns the manifest's entries whose file lies under upstream, a folder name
// such as "gdelt", in the manifest's order.
func Manifest(t testing.TB, upstream string) []Response {
	t.Helper()
	var manifest struct {
		Responses []Response `json:"responses"`
	}
	if err := json.Unmarshal(Body(t, "manifest.json"), &manifest); err != nil {
		t.Fatalf("read manifest: %v", err)
	}
	var responses []Response
	for _, r := range manifest.Responses {
		if strings.HasPrefix(r.File, upstream+"/") {
			responses = append(responses, r)
		}
	}
	if len(responses) == 0 {
		t.Fatalf("manifest has no file under %s/", upstream)
	}
	return responses
}

// Body returns the bytes of one recorded answer.
func Body(t testing.TB, file string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(Dir(t), filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	return body
}
