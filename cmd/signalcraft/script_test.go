package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write the expected outputs of the command scripts again")

// TestScripts runs the scripts of testdata/script: command lines with their files and
// expected output.
func TestScripts(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Setup: func(env *testscript.Env) error {
			// The server of a private Postgres runs as another user when this is root: it must enter the folder.
			for dir := env.WorkDir; strings.HasPrefix(dir, os.TempDir()+string(os.PathSeparator)); dir = filepath.Dir(dir) {
				if err := os.Chmod(dir, 0o755); err != nil {
					return err
				}
			}
			bin := filepath.Join(env.WorkDir, ".bin")
			if err := os.Mkdir(bin, 0o755); err != nil {
				return err
			}
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv(commandVariable, "1")
			return os.Symlink(binary, filepath.Join(bin, "signalcraft"))
		},
	})
}
