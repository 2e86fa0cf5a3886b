package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stopOrphan stops a server that a process which died left running on the data directory, and
// clears the lock files of one that was killed.
//
// Processes are known by their working directory: Postgres sets it to the data directory in
// each. The pid file alone proves nothing, since its pid may by now be anybody's. Where there is
// no /proc, Postgres's own check of the pid file is what protects the data.
func (c *Cluster) stopOrphan(ctx context.Context) error {
	if _, err := os.Stat("/proc/self/cwd"); err != nil {
		return nil
	}
	pids := processesIn(c.place.data())
	if len(pids) > 0 {
		c.cfg.Logger.WarnContext(ctx, "stopping the server of a process that died", "dir", c.place.dir, "pids", pids)
	}
	// First as guard or Close would, then at once, then whatever is left of a server without its head.
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL} {
		for _, pid := range pids {
			if signal != syscall.SIGINT || pid == pidIn(c.place.pidFile()) {
				_ = syscall.Kill(pid, signal) // it may have ended meanwhile
			}
		}
		if pids = c.waitNoProcess(ctx, c.cfg.StopTimeout); len(pids) == 0 {
			break
		}
	}
	if len(pids) > 0 {
		return fmt.Errorf("stop orphaned server: processes %v do not end", pids)
	}
	return c.clearLocks()
}

// clearLocks removes the lock files of a server that was killed if Postgres would take them for those of a living one:
// their pid is by now another's, or nobody has reaped the dead. Else they stay, since Postgres
// learns from them what else to clean up.
func (c *Cluster) clearLocks() error {
	socket := filepath.Join(c.place.socketDir, ".s.PGSQL."+port)
	for _, lock := range []string{c.place.pidFile(), socket + ".lock"} {
		pid := pidIn(lock)
		if pid == 0 || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			continue
		}
		if err := os.Remove(lock); err != nil {
			return fmt.Errorf("remove what a dead server left: %w", err)
		}
	}
	return nil
}

// waitNoProcess waits until no process works in the data directory and returns those that still do at the timeout.
func (c *Cluster) waitNoProcess(ctx context.Context, timeout time.Duration) []int {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		pids := processesIn(c.place.data())
		if len(pids) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return pids
		case <-tick.C:
		}
	}
}

// processesIn returns the Postgres processes whose working directory is dir.
func processesIn(dir string) []int {
	want, err := os.Stat(dir)
	if err != nil {
		return nil
	}
	links, _ := filepath.Glob("/proc/[0-9]*/cwd") // the only error is a malformed pattern
	var pids []int
	for _, link := range links {
		// Stat follows the link; it fails for other users' processes and for those that just ended.
		info, err := os.Stat(link)
		if err != nil || !os.SameFile(info, want) {
			continue
		}
		process := filepath.Dir(link)
		// Somebody's shell may stand there too.
		if name, err := os.ReadFile(filepath.Join(process, "comm")); err != nil || strings.TrimSpace(string(name)) != "postgres" {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(process)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
