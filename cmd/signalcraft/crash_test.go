package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/demo"
	"github.com/signalcraft/signalcraft/pipelines/replay"
	"github.com/signalcraft/signalcraft/testdata"
)

// crashes is how many runs are killed. Each is killed in a folder of its own, so that
// none starts from what another left.
const crashes = 10

// TestKilledRunsLoseAndDoubleNothing kills the whole batch with SIGKILL at random
// moments, runs it again, and compares every table of lake and Postgres, row by row,
// with those of a batch that nobody disturbed. The private Postgres is orphaned with it.
func TestKilledRunsLoseAndDoubleNothing(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	upstream := serveUpstream(t)

	undisturbed := prepare(t)
	started := time.Now()
	if output, err := nightly(t, undisturbed, upstream).CombinedOutput(); err != nil {
		t.Fatalf("undisturbed run: %v\n%s", err, output)
	}
	took := time.Since(started)
	want := opened(t, testSettings(undisturbed)).dump(t)
	for _, name := range []string{"raw.kpi_points", "marts.kpi_daily", "marts.kpi_forecasts", "serving.kpi_data", "serving.forecasts", "raw.quarantine"} {
		if len(want[name]) == 0 {
			t.Errorf("undisturbed run left table %s empty", name)
		}
	}
	for k := range crashes {
		delay := time.Duration(random.Int64N(int64(took)))
		t.Run(fmt.Sprintf("%d after %s", k, delay.Round(time.Millisecond)), func(t *testing.T) {
			dir := prepare(t)
			killAfter(t, nightly(t, dir, upstream), delay)
			if output, err := nightly(t, dir, upstream).CombinedOutput(); err != nil {
				t.Fatalf("run after the kill: %v\n%s", err, output)
			}
			sameTables(t, "after the kill", want, opened(t, testSettings(dir)).dump(t))
		})
	}
}

// serveUpstream answers as the demonstration's upstreams do.
func serveUpstream(t *testing.T) string {
	t.Helper()
	handler, err := replay.Open(testdata.Upstream())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// prepare returns a data folder with the demonstration's businesses and files.
func prepare(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	i, err := testSettings(dir).open(t.Context(), testSettings(dir).logger(os.Stderr))
	if err != nil {
		t.Fatal(err)
	}
	if err := i.setUpDemo(t.Context()); err != nil {
		t.Error(err)
	}
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// nightly is the command that runs the whole batch in dir as a process of its own.
func nightly(t *testing.T, dir, upstream string) *exec.Cmd {
	t.Helper()
	command := exec.Command(os.Args[0], "run", "nightly", "--as-of", demo.AsOf().Format(time.RFC3339), "--data-dir", dir)
	command.Env = append(os.Environ(), commandVariable+"=1", "SIGNALCRAFT_GEONAMES_USER=demo", "SIGNALCRAFT_GDELT_INTERVAL=0s",
		"SIGNALCRAFT_GDELT_URL="+replay.BaseURL(upstream, "api.gdeltproject.org"),
		"SIGNALCRAFT_GDELT_FILES_URL="+replay.BaseURL(upstream, "data.gdeltproject.org"),
		"SIGNALCRAFT_OPEN_METEO_URL="+replay.BaseURL(upstream, "api.open-meteo.com"),
		"SIGNALCRAFT_OPEN_METEO_ARCHIVE_URL="+replay.BaseURL(upstream, "archive-api.open-meteo.com"),
		"SIGNALCRAFT_GEONAMES_URL="+replay.BaseURL(upstream, "secure.geonames.org"),
		"SIGNALCRAFT_RATES_URL="+replay.BaseURL(upstream, "api.frankfurter.dev"))
	return command
}

// killAfter starts the command and kills it, and it alone, after the delay.
func killAfter(t *testing.T, command *exec.Cmd, delay time.Duration) {
	t.Helper()
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatalf("run that was to be killed: %v\n%s", err, output.String())
		}
	case <-time.After(delay):
		if err := command.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-ended
	}
}
