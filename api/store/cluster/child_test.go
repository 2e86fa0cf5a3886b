package cluster_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/store/cluster"
)

// childDir names the folder in which this test binary, run as a child, starts a cluster and waits to be killed.
const childDir = "CLUSTER_TEST_CHILD_DIR"

// runChild prints the cluster's address and the pid of its guard, and waits for the end of its input.
func runChild(dir string) {
	c, err := cluster.Start(context.Background(), cluster.Config{Dir: dir, Ephemeral: os.Getenv("EPHEMERAL") != ""})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid()))
	all, _ := filepath.Glob("/proc/self/task/*/children")
	for _, path := range all {
		more, _ := os.ReadFile(path)
		children = append(children, more...)
	}
	fmt.Println(c.URL(""))
	fmt.Println(strings.Fields(string(children))[0])
	select {} // until killed
}

// child is a process of its own that runs a cluster.
type child struct {
	cmd   *exec.Cmd
	url   string
	guard int
}

func startChild(t *testing.T, dir string, env ...string) child {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(append(os.Environ(), childDir+"="+dir), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	url := lines.Text()
	lines.Scan()
	guard, err := strconv.Atoi(lines.Text())
	if err != nil {
		t.Fatalf("child: got %q, %q, want an address and a pid", url, lines.Text())
	}
	return child{cmd, url, guard}
}

// kill ends the child at once, as kill -9 does.
func (c child) kill(t *testing.T) {
	t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.cmd.Wait() // "signal: killed"
}

// waitEnd waits until there is no such process.
func waitEnd(t *testing.T, pid int) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(30 * time.Second)
	for syscall.Kill(pid, 0) == nil {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("process %d still runs", pid)
		}
	}
}
