package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/signalcraft/signalcraft/api/store/cluster"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		runChild(dir)
		return
	}
	dir, err := makeMaster()
	if err != nil {
		fmt.Println("make cluster to copy:", err)
		os.Exit(1)
	}
	master = dir
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Println(err)
			code = 1
		}
		os.Exit(code)
	}))
}

// master is a stopped cluster that holds one table, kept, and one row. Copying it is faster than creating another.
var master string

func makeMaster() (string, error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "cluster-test-master-")
	if err != nil {
		return "", err
	}
	c, err := cluster.Start(ctx, cluster.Config{Dir: dir})
	if err != nil {
		return "", err
	}
	conn, err := pgx.Connect(ctx, c.URL(""))
	if err != nil {
		return "", errors.Join(err, c.Close())
	}
	_, err = conn.Exec(ctx, "create table kept as select 7 as x")
	return dir, errors.Join(err, conn.Close(ctx), c.Close())
}

// newCluster returns the folder of a cluster that was created and stopped before.
func newCluster(t *testing.T) string {
	t.Helper()
	dir := newDir(t)
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", master, dir).CombinedOutput(); err != nil {
		t.Fatalf("copy cluster: %v: %s", err, out)
	}
	return dir
}

// newDir returns a folder, not yet made, whose parent the server's user can enter, unlike t.TempDir's.
func newDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cluster-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "postgres")
}

func start(t *testing.T, dir string) *cluster.Cluster {
	t.Helper()
	c, err := cluster.Start(t.Context(), cluster.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// execute runs a statement as the owner and returns the first value of its first row, if it has one.
func execute(t *testing.T, url, statement string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	results, err := conn.PgConn().Exec(t.Context(), statement).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	for _, r := range results {
		for _, row := range r.Rows {
			return string(row[0])
		}
	}
	return ""
}

func postmaster(t *testing.T, dir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "pgdata", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestDataOutlivesTheServer(t *testing.T) {
	t.Parallel()
	dir := newCluster(t)
	c := start(t, dir)
	execute(t, c.URL(""), "update kept set x = 8")
	pid := postmaster(t, dir)
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); err == nil {
		t.Errorf("after Close the server %d still runs", pid)
	}
	select {
	case <-c.Done():
	default:
		t.Error("after Close, Done is open")
	}
	again := start(t, dir)
	if got := execute(t, again.URL(""), "select x from kept"); got != "8" {
		t.Errorf("after a restart: got %q, want 8", got)
	}
}

func TestServerSettings(t *testing.T) {
	t.Parallel()
	c := start(t, newDir(t))
	for setting, want := range map[string]string{"listen_addresses": "", "fsync": "on", "data_checksums": "on", "server_encoding": "UTF8", "TimeZone": "UTC"} {
		if got := execute(t, c.URL(""), "show "+setting); got != want {
			t.Errorf("%s: got %q, want %q", setting, got, want)
		}
	}
	socketDir := execute(t, c.URL(""), "show unix_socket_directories")
	info, err := os.Stat(socketDir)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o700 {
		t.Errorf("mode of the socket's folder: got %o, want 700", got)
	}
}

func TestSecondInstanceIsRefused(t *testing.T) {
	t.Parallel()
	dir := newCluster(t)
	start(t, dir)
	_, err := cluster.Start(t.Context(), cluster.Config{Dir: dir})
	if !errors.Is(err, cluster.ErrInUse) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("second start: got %v, want ErrInUse with pid %d", err, os.Getpid())
	}
}

func TestAttachReachesARunningClusterOnly(t *testing.T) {
	t.Parallel()
	dir := newCluster(t)
	c := start(t, dir)
	url, err := cluster.Attach(dir)
	if err != nil || url("") != c.URL("") {
		t.Errorf("attach to the running cluster: got error %v, want the address %s", err, c.URL(""))
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := cluster.Attach(dir); err == nil {
		t.Error("attach to a stopped cluster: got no error")
	}
}

func TestServerEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	dir := newCluster(t)
	ch := startChild(t, dir)
	execute(t, ch.url, "update kept set x = 8")
	pid := postmaster(t, dir)
	ch.kill(t)
	waitEnd(t, pid)
	c := start(t, dir)
	if got := execute(t, c.URL(""), "select x from kept"); got != "8" {
		t.Errorf("after a kill: got %q, want 8", got)
	}
}

func TestOrphanIsStopped(t *testing.T) {
	t.Parallel()
	dir := newCluster(t)
	ch := startChild(t, dir)
	execute(t, ch.url, "update kept set x = 8")
	pid := postmaster(t, dir)
	if err := syscall.Kill(ch.guard, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	ch.kill(t)
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("without its guard the server %d should have outlived its process: %v", pid, err)
	}
	c := start(t, dir)
	if got := postmaster(t, dir); got == pid {
		t.Errorf("the orphan %d was adopted, want a new server", pid)
	}
	if got := execute(t, c.URL(""), "select x from kept"); got != "8" {
		t.Errorf("after an orphan: got %q, want 8", got)
	}
}

func TestCrashedServerRecovers(t *testing.T) {
	t.Parallel()
	dir := newCluster(t)
	ch := startChild(t, dir)
	execute(t, ch.url, "update kept set x = 8")
	for _, pid := range []int{postmaster(t, dir), ch.guard} {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	ch.kill(t)
	// The stale pid file now names a process that runs, but is no server.
	file := filepath.Join(dir, "pgdata", "postmaster.pid")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n")
	if err := os.WriteFile(file, []byte(strconv.Itoa(os.Getpid())+"\n"+rest), 0o600); err != nil {
		t.Fatal(err)
	}
	c := start(t, dir)
	if got := execute(t, c.URL(""), "select x from kept"); got != "8" {
		t.Errorf("after a crash: got %q, want 8", got)
	}
}

func TestUnfinishedCreationIsRepeated(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	part := filepath.Join(dir, "pgdata.part")
	if err := os.MkdirAll(part, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(part, "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := start(t, dir)
	if got := execute(t, c.URL(""), "select 7"); got != "7" {
		t.Errorf("got %q, want 7", got)
	}
	if _, err := os.Stat(part); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("unfinished data directory: got %v, want it gone", err)
	}
}

func TestFailureShowsTheLog(t *testing.T) {
	t.Parallel()
	dir := newCluster(t)
	c := start(t, dir)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "pgdata", "postgresql.conf")
	if err := os.WriteFile(config, []byte("no_such_setting = 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := cluster.Start(t.Context(), cluster.Config{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "no_such_setting") || !strings.Contains(err.Error(), c.LogFile()) {
		t.Errorf("start with a broken configuration: got %v, want the log's last lines and its path", err)
	}
	if err := os.WriteFile(config, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	start(t, dir)
}

func TestMissingProgramsAreNamed(t *testing.T) {
	t.Parallel()
	_, err := cluster.Start(t.Context(), cluster.Config{Dir: newDir(t), BinDir: t.TempDir()})
	if !errors.Is(err, cluster.ErrNoPostgres) || !strings.Contains(err.Error(), "apt-get install postgresql") {
		t.Errorf("got %v, want ErrNoPostgres that says what to install", err)
	}
}

func TestLongPathGetsAShortSocket(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(filepath.Dir(newDir(t)), strings.Repeat("deep/", 20), "postgres")
	c := start(t, dir)
	if got := execute(t, c.URL(""), "select 7"); got != "7" {
		t.Errorf("got %q, want 7", got)
	}
	socketDir := execute(t, c.URL(""), "show unix_socket_directories")
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(socketDir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close the socket's folder %s: got %v, want it gone", socketDir, err)
	}
}

// A folder that others cannot enter suits a server that runs as oneself; root's does not, and moves.
func TestClosedParent(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	if err := os.Chmod(filepath.Dir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	c := start(t, dir)
	execute(t, c.URL(""), "create table moved (x int)")
	place := filepath.Dir(c.LogFile())
	t.Cleanup(func() {
		if err := os.RemoveAll(place); err != nil {
			t.Error(err)
		}
	})
	if moved := place != dir; moved != (os.Geteuid() == 0) {
		t.Errorf("as uid %d the cluster of %s lies in %s", os.Geteuid(), dir, place)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	// A copied data folder must not write into the original's database; a moved one keeps it.
	moved := filepath.Join(filepath.Dir(dir), "moved")
	if err := os.CopyFS(moved, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if place != dir {
		if _, err := cluster.Start(t.Context(), cluster.Config{Dir: moved}); err == nil || !strings.Contains(err.Error(), "copy of "+dir) {
			t.Errorf("start in a copied folder: got %v, want it refused", err)
		}
	}
	if err := os.RemoveAll(moved); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	execute(t, start(t, moved).URL(""), "insert into moved values (7)")
}

func TestEphemeralLeavesNothing(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "cluster-test-")
	if err != nil {
		t.Fatal(err)
	}
	ch := startChild(t, dir, "EPHEMERAL=1")
	execute(t, ch.url, "select 7")
	ch.kill(t)
	waitEnd(t, ch.guard)
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		os.RemoveAll(dir)
		t.Errorf("after a kill the folder %s: got %v, want it gone", dir, err)
	}
}
