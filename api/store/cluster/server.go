package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// guard runs its arguments as a child and stops it when standard input closes. File descriptor 3
// is left to the child alone, so it closes when the last process of the server is gone. With
// --remove and two folders before them, it deletes those at the end.
const guard = `trap '' HUP INT TERM
doomed=""
if [ "$1" = --remove ]; then doomed=$2; socket=$3; shift 3; fi
"$@" </dev/null &
server=$!
exec 3>&-
read -r _
kill -INT "$server" 2>/dev/null
wait "$server"
if [ -n "$doomed" ]; then rm -rf "$doomed" "$socket" 2>/dev/null; fi
`

// maxLogSize is the size in bytes from which the log starts anew with the server.
const maxLogSize = 16 << 20

// server is the running server with its guard.
type server struct {
	pidFile string
	pid     int // of the postmaster, once it answers
	guard   *exec.Cmd
	release io.Closer     // closing it tells the guard to stop the server
	gone    chan struct{} // closed when no process of the server is left
}

// launch starts the server without waiting for it.
func (c *Cluster) launch(ctx context.Context) (*server, error) {
	logFile, err := c.openLog()
	if err != nil {
		return nil, err
	}
	defer logFile.Close()
	aliveRead, aliveWrite, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	defer aliveWrite.Close()
	args := []string{"-c", guard, "signalcraft-guard"}
	if c.cfg.Ephemeral {
		args = append(args, "--remove", c.place.dir, c.place.socketDir)
	}
	args = append(append(args, c.bin.path("postgres")), c.settings()...)
	cmd := c.place.as.command(context.WithoutCancel(ctx), "/bin/sh", args...) // it outlives the start
	cmd.Stdout, cmd.Stderr = logFile, logFile
	cmd.ExtraFiles = []*os.File{aliveWrite}
	release, err := cmd.StdinPipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make pipe: %w", err), aliveRead.Close())
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("run server: %w", err), aliveRead.Close())
	}
	s := &server{pidFile: c.place.pidFile(), guard: cmd, release: release, gone: make(chan struct{})}
	go func() {
		defer close(s.gone)
		defer aliveRead.Close()
		_, _ = aliveRead.Read(make([]byte, 1)) // nobody writes: it returns when the last holder of the other end is gone
	}()
	return s, nil
}

// settings are the server's arguments. They stand on the command line and not in
// postgresql.conf, so that a newer binary of ours applies its own to an older data folder.
func (c *Cluster) settings() []string {
	settings := []string{
		"listen_addresses=", "port=" + port, "unix_socket_directories=" + c.place.socketDir, "unix_socket_permissions=0700",
		"max_connections=" + strconv.Itoa(c.cfg.MaxConnections), "password_encryption=scram-sha-256",
		"timezone=UTC", "log_timezone=UTC", "log_checkpoints=off", "log_line_prefix=%m [%p] %q%u@%d ",
		"shared_buffers=128MB", "max_wal_size=2GB", "wal_compression=on", "random_page_cost=1.1",
	}
	if c.cfg.Ephemeral {
		settings = append(settings, "shared_buffers=32MB", "fsync=off", "synchronous_commit=off", "full_page_writes=off",
			"autovacuum=off", "max_wal_senders=0", "wal_level=minimal")
	}
	args := []string{"-D", c.place.data()}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	return args
}

func (c *Cluster) openLog() (*os.File, error) {
	path := c.place.logFile()
	if info, err := os.Stat(path); err == nil && info.Size() > maxLogSize {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, fmt.Errorf("rotate server log: %w", err)
		}
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open server log: %w", err)
	}
	return file, nil
}

// waitReady returns when the server answers and the database exists.
func (c *Cluster) waitReady(ctx context.Context) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	c.server.pid = pidIn(c.place.pidFile())
	_, err = conn.Exec(ctx, "create database "+database).ReadAll()
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "42P04" { // duplicate_database
		return nil
	}
	if err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	return nil
}

// connect tries until the server answers, with growing pauses; it stops when the server ends.
func (c *Cluster) connect(ctx context.Context) (*pgconn.PgConn, error) {
	pause := 5 * time.Millisecond
	for {
		conn, err := pgconn.Connect(ctx, c.DatabaseURL("postgres", ""))
		if err == nil {
			return conn, nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-c.server.gone:
			timer.Stop()
			return nil, fmt.Errorf("server ended at once; the end of %s:\n%s", c.place.logFile(), c.logTail())
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("wait for server: %w: %w; the end of %s:\n%s", context.Cause(ctx), err, c.place.logFile(), c.logTail())
		case <-timer.C:
		}
		pause = min(2*pause, 200*time.Millisecond)
	}
}

func (c *Cluster) logTail() string {
	text, err := os.ReadFile(c.place.logFile())
	if err != nil {
		return err.Error()
	}
	return lastLines(text, 12)
}

// halt stops the server and returns when none of its processes is left. Each step gets the timeout.
func (s *server) halt(timeout time.Duration) error {
	pid := pidIn(s.pidFile)
	err := s.release.Close()
	// The guard may have been killed, so it is not relied upon; a second interrupt changes nothing.
	steps := []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT}
	for _, step := range steps {
		if pid > 0 && !s.isGone() {
			_ = syscall.Kill(pid, step) // it may have ended meanwhile
		}
		if s.waitGone(timeout) {
			break
		}
	}
	if !s.isGone() {
		return errors.Join(err, fmt.Errorf("processes of the server (pid %d) do not end", pid))
	}
	_ = s.guard.Wait() // its status is that of a shell that was told to end
	return err
}

func (s *server) isGone() bool {
	select {
	case <-s.gone:
		return true
	default:
		return false
	}
}

func (s *server) waitGone(timeout time.Duration) bool {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-s.gone:
		return true
	case <-timer.C:
		return false
	}
}

// pidIn returns the pid in the first line of one of Postgres's lock files, or 0.
func pidIn(file string) int {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return 0
	}
	return pid
}

// lastLines returns the last n lines of text.
func lastLines(text []byte, n int) string {
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
