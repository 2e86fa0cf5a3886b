package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/pipelines/demo"
	"github.com/signalcraft/signalcraft/pipelines/jobs"
	"github.com/signalcraft/signalcraft/pipelines/replay"
	"github.com/signalcraft/signalcraft/testdata"
)

// TestUpRunsAJobToItsPublication starts scheduler, workers and API as one process does,
// queues one landing, and waits until what it set off is published and served.
func TestUpRunsAJobToItsPublication(t *testing.T) {
	handler, err := replay.Open(testdata.Upstream())
	if err != nil {
		t.Fatal(err)
	}
	upstream := httptest.NewServer(handler)
	t.Cleanup(upstream.Close)
	settings := testSettings(t.TempDir())
	settings.DatabaseURL = storetest.New(t).URL("")
	for _, address := range []*string{&settings.GdeltURL, &settings.GdeltFilesURL, &settings.OpenMeteoURL, &settings.OpenMeteoArchive, &settings.GeonamesURL, &settings.RatesURL} {
		host, err := hostOf(*address)
		if err != nil {
			t.Fatal(err)
		}
		*address = replay.BaseURL(upstream.URL, host)
	}
	i := opened(t, settings)
	if err := i.setUpDemo(t.Context()); err != nil {
		t.Fatal(err)
	}

	ctx, stop := context.WithCancel(t.Context())
	out, printed := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- settings.service(ctx, streams{out: printed, err: io.Discard}, true, true)
		printed.Close()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("read what up prints: %v, it ended with %v", err, <-ended)
	}
	b, err := i.newBatch(nil)
	if err != nil {
		t.Fatal(err)
	}
	queue, err := jobs.New(jobs.Config{Pool: i.pool, Jobs: b.jobs(), Workers: 1, Logger: i.logger, Now: i.now})
	if err != nil {
		t.Fatal(err)
	}
	if err := queue.Queue(t.Context(), "load_kpis", demo.AsOf()); err != nil {
		t.Fatal(err)
	}
	waitForRun(t, i.data, "publish")
	publications, err := i.data.Publications(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int64{}
	for _, p := range publications {
		rows[p.Table] = p.Rows
	}
	if rows["kpi_data"] == 0 || rows["kpi_trends"] == 0 {
		t.Errorf("publications hold %v rows, want some of kpi_data and kpi_trends", rows)
	}
	address := line[strings.Index(line, "http://"):strings.Index(line, ",")]
	answer, err := http.Get(address + "/health/ready")
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("GET %s/health/ready = %v, %v; want 200", address, answer, err)
	}
	answer.Body.Close()
	stop()
	if err := <-ended; err != nil {
		t.Errorf("up ended with %v, want nothing", err)
	}
}

// waitForRun returns once a run of the job has succeeded; it looks twenty times a second.
func waitForRun(t *testing.T, data *store.Store, job string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		runs, err := data.Runs(ctx, job, 1)
		if err != nil {
			t.Fatalf("wait for a run of %s: %v", job, err)
		}
		if len(runs) == 1 && runs[0].Status == store.Succeeded {
			return
		}
		select {
		case <-ctx.Done():
			all, err := data.Runs(t.Context(), "", 20)
			t.Fatalf("no run of %s has succeeded; runs are %+v, %v", job, all, err)
		case <-ticker.C:
		}
	}
}
