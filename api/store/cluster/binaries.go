package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// minMajor is the oldest Postgres that the migrations run on.
const minMajor = 15

// ErrNoPostgres is returned when the Postgres programs are missing or too old; its text says what to install.
var ErrNoPostgres = errors.New("no usable postgres programs")

// binaries is one installation of Postgres.
type binaries struct {
	dir   string
	major int
}

func (b binaries) path(name string) string { return filepath.Join(b.dir, name) }

// findBinaries returns the programs in dir, or the newest found when dir is empty. A major
// version above zero, that of existing data, must be met exactly.
func findBinaries(ctx context.Context, dir string, major int) (binaries, error) {
	dirs := []string{dir}
	if dir == "" {
		dirs = candidates()
	}
	var best binaries
	for _, d := range dirs {
		found, err := version(ctx, d)
		if err != nil || found < minMajor || (major > 0 && found != major) {
			continue
		}
		if found > best.major {
			best = binaries{dir: d, major: found}
		}
	}
	if best.dir != "" {
		return best, nil
	}
	if major > 0 {
		return binaries{}, fmt.Errorf("%w: the data was written by Postgres %d, which was not found in %v: apt-get install postgresql-%d, or name the folder of its programs", ErrNoPostgres, major, dirs, major)
	}
	return binaries{}, fmt.Errorf("%w: initdb, postgres and pg_ctl of Postgres %d or newer were not found in %v: apt-get install postgresql, or name the folder of its programs", ErrNoPostgres, minMajor, dirs)
}

// candidates lists the folders to search, without repeats.
func candidates() []string {
	var dirs []string
	if path, err := exec.LookPath("postgres"); err == nil {
		// The programs lie beside the file that a link in PATH points to.
		if real, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql@*/bin"} {
		found, _ := filepath.Glob(pattern) // the only error is a malformed pattern
		dirs = append(dirs, found...)
	}
	return dirs
}

var versionText = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// version returns the major version of the Postgres in dir.
func version(ctx context.Context, dir string) (int, error) {
	for _, name := range []string{"initdb", "pg_ctl"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return 0, err
		}
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return 0, err
	}
	m := versionText.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("unexpected version %q", out)
	}
	return strconv.Atoi(string(m[1]))
}
