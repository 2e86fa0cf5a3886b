package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// socketLine is the line of postmaster.pid, from 0, that names the socket's folder; see
// "miscadmin.h", LOCK_FILE_LINE_SOCKET_DIR, in Postgres' source.
const socketLine = 4

// Attach returns the address, for a role, of the cluster in dir that another process
// runs, for tools that work beside it. The caller starts and stops nothing: when that
// process ends, so does the server. It returns an error when no server runs there.
func Attach(dir string) (url func(role string) string, err error) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, fmt.Errorf("attach to cluster: %w", err)
	}
	p := place{dir: real}
	if text, err := os.ReadFile(filepath.Join(real, "place")); err == nil {
		p.dir = strings.TrimSpace(string(text))
	}
	text, err := os.ReadFile(p.pidFile())
	if err != nil {
		return nil, fmt.Errorf("attach to cluster: no server runs in %s: %w", dir, err)
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) <= socketLine || lines[socketLine] == "" {
		return nil, fmt.Errorf("attach to cluster: the server in %s is still starting: try again", dir)
	}
	p.socketDir = lines[socketLine]
	return (&Cluster{place: p}).URL, nil
}
