package sourcetest

import (
	"os"
	"path/filepath"
	"testing"
)

// Shared returns the path of elem in the folder "shared" that lies beside the module: recorded
// answers and real data that are not part of the tree. The test fails when it is not there.
func Shared(t testing.TB, elem ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the working folder")
		}
		dir = parent
	}
	path := filepath.Join(append([]string{dir, "..", "shared"}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("shared data is missing: put the folder \"shared\" beside the checkout: %v", err)
	}
	return path
}
