package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// peak is the most memory seen, in bytes.
type peak struct {
	// process is this process's resident set, as the kernel keeps its peak.
	process int64
	// postgres is that of all Postgres processes together, sampled four times a second:
	// each one's own memory, and the largest mapping of what they share.
	postgres int64
}

// watchMemory watches this process and the private Postgres of a data folder (none when empty) until the returned function is
// called, which returns the peak.
// Where the system has no /proc, both are zero.
func watchMemory(ctx context.Context, dataDir string) func() peak {
	// Writing 5 resets the peak that VmHWM reports; see proc(5).
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
	ctx, cancel := context.WithCancel(ctx)
	sampled := make(chan int64)
	go func() {
		var most int64
		ticker := time.NewTicker(250 * time.Millisecond)
		defer ticker.Stop()
		for {
			most = max(most, postgresBytes(dataDir))
			select {
			case <-ctx.Done():
				sampled <- most
				return
			case <-ticker.C:
			}
		}
	}()
	return func() peak {
		cancel()
		return peak{process: field("/proc/self/status", "VmHWM:"), postgres: <-sampled}
	}
}

// postgresBytes is the memory of the private Postgres of a data folder. The kernel's
// proportional count would be exact, but reading it costs more than what is measured.
func postgresBytes(dataDir string) int64 {
	server := postmaster(dataDir)
	names, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil || server == 0 {
		return 0
	}
	var own, shared int64
	for _, name := range names {
		if name == fmt.Sprintf("/proc/%d/status", server) || field(name, "PPid:")>>10 == server {
			own += field(name, "RssAnon:")
			shared = max(shared, field(name, "RssShmem:"))
		}
	}
	return own + shared
}

// postmaster is the process number of the private Postgres of a data folder, 0 when none runs.
func postmaster(dataDir string) int64 {
	content, err := os.ReadFile(filepath.Join(dataDir, "postgres", "pgdata", "postmaster.pid"))
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(content), "\n")
	number, err := strconv.ParseInt(line, 10, 64)
	if err != nil {
		return 0
	}
	return number
}

// field returns a number of a /proc file, taken as kB, in bytes; 0 when there is none.
func field(path, name string) int64 {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(content)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err != nil {
				return 0
			}
			return kilobytes << 10
		}
	}
	return 0
}
