package api_test

import (
	"bytes"
	"flag"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signalcraft/signalcraft/api/apitest"
)

// update rewrites the golden document: go test ./api -run TestContractIsGolden -update
var update = flag.Bool("update", false, "rewrite testdata/openapi.json")

const golden = "testdata/openapi.json"

func TestContractIsGolden(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	got := s.Get(t, "/openapi.json", "").Body
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the contract changed; if that is meant, run this test with -update (-want +got):\n%s", cmp.Diff(string(want), string(got)))
	}
	if base := s.Get(t, "/api/v1/openapi.json", "").Body; !bytes.Equal(base, got) {
		t.Error("the document below /api/v1 is another one")
	}
}

type document struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		OperationID string `json:"operationId"`
		Security    []map[string][]string
		Responses   map[string]any
		Parameters  []struct{ Name, In, Description string }
	}
	Components struct {
		Schemas map[string]struct {
			Properties map[string]struct {
				Ref          string `json:"$ref"`
				Description  string
				Examples     []any
				Items, AnyOf any
			}
		}
	}
}

// TestDocumentedOperationsAreServed asks every documented operation without a token and
// without input: it must exist, and do what the contract says of its security.
func TestDocumentedOperationsAreServed(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	var d document
	s.Get(t, "/openapi.json", "").Decode(t, http.StatusOK, &d)
	if !strings.HasPrefix(d.OpenAPI, "3.1.") || len(d.Paths) < 6 {
		t.Fatalf("OpenAPI %s with %d paths, want 3.1 and at least 6", d.OpenAPI, len(d.Paths))
	}
	seen := map[string]string{}
	for path, item := range d.Paths {
		for method, operation := range item {
			name := method + " " + path
			if other, twice := seen[operation.OperationID]; twice || operation.OperationID == "" {
				t.Errorf("%s: operation id %q, also of %s", name, operation.OperationID, other)
			}
			seen[operation.OperationID] = name
			for _, base := range []string{"", "/api/v1"} {
				answer := s.Request(t, strings.ToUpper(method), base+strings.ReplaceAll(path, "{id}", s.World.Cafe.ID.String()), nil)
				if _, ok := operation.Responses[strconv.Itoa(answer.Status)]; !ok {
					t.Errorf("%s%s answers %d, which its contract does not list", base, name, answer.Status)
				}
				if (len(operation.Security) > 0) != (answer.Status == http.StatusUnauthorized) {
					t.Errorf("%s%s answers %d without a token; security is %v", base, name, answer.Status, operation.Security)
				}
			}
			for _, p := range operation.Parameters {
				if p.Description == "" {
					t.Errorf("%s: parameter %s has no description", name, p.Name)
				}
			}
		}
	}
	for name, schema := range d.Components.Schemas {
		for field, p := range schema.Properties {
			if p.Description == "" || p.Ref == "" && p.Items == nil && p.AnyOf == nil && len(p.Examples) == 0 {
				t.Errorf("schema %s, field %s: description %q, examples %v; want both", name, field, p.Description, p.Examples)
			}
		}
	}
}

func TestDocsPageNeedsNobodyElse(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	for _, path := range []string{"/docs", "/api/v1/docs"} {
		answer := s.Get(t, path, "")
		page := string(answer.Body)
		if answer.Status != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") {
			t.Fatalf("GET %s: %d %s", path, answer.Status, answer.Header.Get("Content-Type"))
		}
		for _, foreign := range []string{"http://", "https://", "src=", "@import", "url("} {
			if strings.Contains(page, foreign) {
				t.Errorf("%s refers to something outside: it contains %q", path, foreign)
			}
		}
		if strings.Contains(page, " style=") || strings.Contains(page, " onclick=") {
			t.Errorf("%s has inline attributes that its own policy forbids", path)
		}
		if policy := answer.Header.Get("Content-Security-Policy"); strings.Count(policy, "'sha256-") != 2 {
			t.Errorf("policy %q, want the hashes of script and style", policy)
		}
	}
}
