// Package recorded gives tests the recorded upstream answers that lie beside the tree,
// in ../shared/fixtures/upstream. They may not be copied into it.
package recorded

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signalcraft/signalcraft/testdata/shared"
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

// Manifest returns the manifest's entries whose file lies under upstream, a folder name
// such as "gdelt", in the manifest's order; false is that of shared.Dir.
func Manifest(t testing.TB, upstream string) ([]Response, bool) {
	t.Helper()
	content, ok := Body(t, "manifest.json")
	if !ok {
		return nil, false
	}
	var manifest struct {
		Responses []Response `json:"responses"`
	}
	if err := json.Unmarshal(content, &manifest); err != nil {
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
	return responses, true
}

// Body returns the bytes of one recorded answer; false is that of shared.Dir.
func Body(t testing.TB, file string) ([]byte, bool) {
	t.Helper()
	folder, ok := shared.Dir(t)
	if !ok {
		return nil, false
	}
	body, err := os.ReadFile(filepath.Join(folder, "fixtures", "upstream", filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	return body, true
}
