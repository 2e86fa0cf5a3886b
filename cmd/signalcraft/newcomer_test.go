package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/store/storetest"
)

// TestNewcomer runs the README's commands as they stand, but for the port: a stranger registers, creates a business, uploads
// a file, waits for the run and reads metrics, forecasts and anomalies.
func TestNewcomer(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "**Newcomer.**")
	_, rest, opened := strings.Cut(rest, "```\n")
	commands, _, closed := strings.Cut(rest, "```\n")
	if !found || !opened || !closed {
		t.Fatal("the README has no commands for newcomers")
	}

	home := t.TempDir()
	settings := testSettings(filepath.Join(home, "data"))
	settings.DatabaseURL = storetest.New(t).URL("")
	ctx, stop := context.WithCancel(t.Context())
	out, printed := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- settings.service(ctx, streams{out: printed, err: io.Discard}, true, true)
		printed.Close()
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("up: %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("read what up prints: %v", err)
	}
	address := strings.TrimSuffix(strings.Fields(line)[2], ",")

	writeSales(t, filepath.Join(home, "sales.csv"))
	shell := exec.CommandContext(ctx, "bash", "-c", strings.Replace(commands, "http://localhost:8080", address, 1))
	shell.Dir = home
	answers, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, answers)
	}
	for _, want := range []string{`"status":"verified"`, `"value":2011`, `"lower_95"`, `"direction":"below"`} {
		if !strings.Contains(string(answers), want) {
			t.Errorf("the answers lack %s", want)
		}
	}
	if t.Failed() {
		t.Logf("%s", answers)
	}
}

// writeSales writes 200 days up to yesterday with a weekly pattern and one very bad day.
func writeSales(t *testing.T, path string) {
	t.Helper()
	var text strings.Builder
	text.WriteString("date,revenue\n")
	today := time.Now().UTC()
	for d := 200; d >= 1; d-- {
		value := 1000 + 200*(d%7) + d%13
		if d == 20 {
			value -= 900
		}
		fmt.Fprintf(&text, "%s,%d\n", today.AddDate(0, 0, -d).Format(time.DateOnly), value)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
