package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestSecondInstance holds one data folder open: a second service says so and exits, a
// tool works beside the first.
func TestSecondInstance(t *testing.T) {
	dir := t.TempDir()
	opened(t, testSettings(dir))
	command := func(args ...string) (status int, out, errOut string) {
		var stdout, stderr bytes.Buffer
		status = execute(t.Context(), append(args, "--data-dir", dir), strings.NewReader(""), &stdout, &stderr)
		return status, stdout.String(), stderr.String()
	}
	for _, name := range []string{"serve", "worker", "up", "demo"} {
		status, _, errOut := command(name, "--listen", "127.0.0.1:0")
		if status != exitFailed || !strings.Contains(errOut, "another signalcraft uses it") || !strings.Contains(errOut, "--data-dir") {
			t.Errorf("second %s on a folder: status %d, %q; want status 1 and what to do", name, status, errOut)
		}
	}
	if status, out, errOut := command("sql", "-f", "csv", "-c", "select 41 + 1 as answer"); status != exitDone || !strings.Contains(out, "42") {
		t.Errorf("sql beside a service: status %d, %q, %q; want 42", status, out, errOut)
	}
	if status, out, errOut := command("run", "publish"); status != exitDone || !strings.Contains(out, "publish") {
		t.Errorf("run beside a service: status %d, %q, %q; want it done", status, out, errOut)
	}
}
