// Package shared finds the folder "shared" that lies beside the module's root. It holds
// recorded upstream answers and real data sets, which may not be copied into the tree.
package shared

import (
	"os"
	"path/filepath"
	"testing"
)

// Dir returns the folder's path. Without the folder it fails the test where the
// environment says CI=true; elsewhere it logs that the test runs where the folder is, and
// returns false: the caller then returns.
func Dir(t testing.TB) (dir string, ok bool) {
	t.Helper()
	at, err := os.Getwd()
	if err != nil {
		t.Fatalf("find the shared folder: %v", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(at)
		if up == at {
			t.Fatal("find the shared folder: no go.mod above the test's folder")
		}
		at = up
	}
	dir = filepath.Join(filepath.Dir(at), "shared")
	if _, err = os.Stat(dir); err == nil {
		return dir, true
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("the folder shared must lie beside the tree: %v", err)
	}
	t.Logf("nothing was tested: this test runs where the folder shared lies beside the tree, and always in CI: %v", err)
	return "", false
}
