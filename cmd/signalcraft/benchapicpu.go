package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cpuTime is processor time used so far: by this process, and by the Postgres processes that it started. On a machine that does
// other work too, it says what latencies cannot.
type cpuTime struct{ self, postgres time.Duration }

// total is the time of both.
func (c cpuTime) total() time.Duration { return c.self + c.postgres }

// usedCPU reads the processor time; what the system does not tell is zero.
func (i *installation) usedCPU() cpuTime {
	var used cpuTime
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) == nil {
		used.self = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	postmaster := i.postmaster()
	if postmaster == "" {
		return used
	}
	used.postgres = ticks(postmaster, 11, 15) // with that of its children that have ended
	children, err := os.ReadFile(filepath.Join("/proc", postmaster, "task", postmaster, "children"))
	if err != nil {
		return used
	}
	for _, child := range strings.Fields(string(children)) {
		used.postgres += ticks(child, 11, 13)
	}
	return used
}

// postmaster is the process id of the Postgres of its own that the installation keeps, or "".
func (i *installation) postmaster() string {
	pid, err := os.ReadFile(filepath.Join(i.settings.DataDir, "postgres", "pgdata", "postmaster.pid"))
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(pid), "\n")
	return first
}

// ticks sums up fields of what /proc says of a process behind its name, of those of processor time: 11 and 12 are its own, 13 and 14 that of its
// children (proc(5): fields 14 to 17 of stat, in ticks of 1/100 s).
func ticks(process string, from, to int) time.Duration {
	content, err := os.ReadFile(filepath.Join("/proc", process, "stat"))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(content[bytes.LastIndexByte(content, ')')+1:]))
	if len(fields) < to {
		return 0
	}
	var total int64
	for _, field := range fields[from:to] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0
		}
		total += n
	}
	return time.Duration(total) * 10 * time.Millisecond
}

// since returns what was used for each of some requests.
func (c cpuTime) since(before cpuTime, requests uint64) cpuTime {
	n := time.Duration(max(requests, 1))
	return cpuTime{(c.self - before.self) / n, (c.postgres - before.postgres) / n}
}
