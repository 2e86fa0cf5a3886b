package shared_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signalcraft/signalcraft/testdata/shared"
)

// witness is a test that notes what it is told instead of failing.
type witness struct {
	testing.TB
	logged, fatal string
}

func (w *witness) Helper()                           {}
func (w *witness) Logf(format string, args ...any)   { w.logged = fmt.Sprintf(format, args...) }
func (w *witness) Fatalf(format string, args ...any) { w.fatal = fmt.Sprintf(format, args...) }

func TestDir(t *testing.T) {
	beside, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	deep := filepath.Join(beside, "tree", "a", "b")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(beside, "tree", "go.mod"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(deep)
	check := func(ci, wantDir, wantLog, wantFatal string) {
		t.Helper()
		t.Setenv("CI", ci)
		w := &witness{}
		dir, ok := shared.Dir(w)
		if ok != (wantDir != "") || dir != wantDir || !holds(w.logged, wantLog) || !holds(w.fatal, wantFatal) {
			t.Errorf("CI=%q: %q %t, logged %q, fatal %q; want %q, log with %q, fatal with %q", ci, dir, ok, w.logged, w.fatal, wantDir, wantLog, wantFatal)
		}
	}
	check("", "", "always in CI", "")
	check("true", "", "nothing was tested", "must lie beside the tree") // a real test ends at the first
	want := filepath.Join(beside, "shared")
	if err := os.Mkdir(want, 0o755); err != nil {
		t.Fatal(err)
	}
	check("", want, "", "")
	check("true", want, "", "")
}

// holds reports whether text holds part, and is empty where nothing is wanted.
func holds(text, part string) bool {
	return (text == "") == (part == "") && strings.Contains(text, part)
}
