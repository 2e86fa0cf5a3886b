package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/jobs"
)

// TestASlowSourceDelaysNobody keeps as many readers waiting as there may be but one, and wants the other sources landed and the way to the
// lake free meanwhile.
func TestASlowSourceDelaysNobody(t *testing.T) {
	release, asked := make(chan struct{}), make(chan struct{}, sourceReaders)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if strings.HasPrefix(q.URL.Path, "/slow") {
			asked <- struct{}{}
			select {
			case <-release:
			case <-q.Context().Done():
				return
			}
		}
		io.WriteString(w, "day,value\n2026-03-01,1\n2026-03-02,2\n")
	}))
	t.Cleanup(server.Close)
	r := newSourcesRoom(t, portOf(t, server.URL))
	r.exec(`update businesses set subscription_tier = 'pro'`)
	create := func(path string) string {
		return r.create(r.source("http", fields{"url": server.URL + path, "format": "csv"}, fields{"schedule": "0 * * * *", "active": true})).ID
	}
	var slow, quick []string
	for n := range sourceReaders - 1 {
		slow = append(slow, create(fmt.Sprint("/slow", n)))
	}
	for n := range 12 {
		quick = append(quick, create(fmt.Sprint("/quick", n)))
	}
	r.exec("update kpi_sources set next_due_at = now() - interval '1 hour'")
	r.exec("update kpi_sources set next_due_at = now() - interval '3 hours' where id = any($1)", slow) // those come first
	ended := make(chan error, 1)
	go func() { ended <- r.load() }()
	for range slow {
		<-asked
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for landed := 0; landed < 2*len(quick); {
		select {
		case <-ticker.C:
		case err := <-ended:
			t.Fatalf("the job ended before the slow sources did: %v", err)
		case <-ctx.Done():
			t.Fatalf("%d points have landed, want those of every quick source while slow ones are being read", landed)
		}
		landed = 0
		for _, id := range quick {
			landed += len(r.landed(id))
		}
	}
	held, err := jobs.Exclusive(t.Context(), r.pool, "land kpi", func(context.Context) error { return nil })
	if err != nil || !held {
		t.Errorf("landing while slow sources are being read: %t, %v; want it free", held, err)
	}
	close(release)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	for _, id := range slow {
		if n := len(r.landed(id)); n != 2 {
			t.Errorf("a slow source has %d points in the lake, want 2", n)
		}
	}
}
