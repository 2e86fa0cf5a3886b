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

// usedCPU reads the processor time; what the system does not tell is zero.
func (b *benchAPI) usedCPU() cpuTime {
	var used cpuTime
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) == nil {
		used.self = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	server := postmaster(b.settings.DataDir)
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || server == 0 {
		return used
	}
	for _, name := range names {
		used.postgres += childTime(name, strconv.FormatInt(server, 10))
	}
	return used
}

// childTime is the processor time of a process if postmaster is its parent (proc(5): fields 4, 14 and 15, in ticks of 1/100 s).
func childTime(stat, postmaster string) time.Duration {
	content, err := os.ReadFile(stat)
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(content[bytes.LastIndexByte(content, ')')+1:]))
	if len(fields) < 13 || fields[1] != postmaster {
		return 0
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// since returns what was used for each of some requests.
func (c cpuTime) since(before cpuTime, requests uint64) cpuTime {
	n := time.Duration(max(requests, 1))
	return cpuTime{(c.self - before.self) / n, (c.postgres - before.postgres) / n}
}
