package main

import (
	"context"
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
	// postgres is that of the installation's Postgres processes together, sampled four times a second:
	// each one's own memory, and the largest mapping of what they share.
	postgres int64
}

// watchMemory watches this process and the children of postmaster, "" for none, until the returned function is called, which
// returns the peak. Where the system has no /proc, both are zero.
func watchMemory(ctx context.Context, postmaster string) func() peak {
	// Writing 5 resets the peak that VmHWM reports; see proc(5).
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
	ctx, cancel := context.WithCancel(ctx)
	sampled := make(chan int64)
	go func() {
		var most int64
		ticker := time.NewTicker(250 * time.Millisecond)
		defer ticker.Stop()
		for {
			most = max(most, postgresBytes(postmaster))
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

// postgresBytes is the memory of the children that a postmaster now has. The kernel's
// proportional count would be exact, but reading it costs more than what is measured.
func postgresBytes(postmaster string) int64 {
	children, err := os.ReadFile(filepath.Join("/proc", postmaster, "task", postmaster, "children"))
	if err != nil || postmaster == "" {
		return 0
	}
	var own, shared int64
	for _, child := range strings.Fields(string(children)) {
		status := filepath.Join("/proc", child, "status")
		own += field(status, "RssAnon:")
		shared = max(shared, field(status, "RssShmem:"))
	}
	return own + shared
}

// field returns a line's value of a /proc file, which is in kB, in bytes; 0 when there is none.
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
