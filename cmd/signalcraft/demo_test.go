package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/pipelines/demo"
)

// TestTheDemonstrationTakesUploads starts the demonstration and sends it a file, as somebody who tries it does.
func TestTheDemonstrationTakesUploads(t *testing.T) {
	settings := testSettings(t.TempDir())
	settings.DatabaseURL = storetest.New(t).URL("")
	ctx, stop := context.WithCancel(t.Context())
	out, printed := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- demoCommand{}.Run(ctx, settings, streams{out: printed, err: io.Discard})
		printed.Close()
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("demo ended with %v", err)
		}
	})
	lines := bufio.NewScanner(out)
	s := &sender{business: demo.Businesses()[0].Row.BusinessID, email: demo.Email, password: demo.Password}
	for s.address == "" && lines.Scan() {
		if rest, found := strings.CutPrefix(lines.Text(), "API"); found {
			s.address = strings.TrimSpace(rest)
		}
	}
	if s.address == "" {
		t.Fatal("demo did not say where it serves")
	}
	go io.Copy(io.Discard, out)
	s.signIn(t)
	s.installation = opened(t, settings) // for what await shows when it fails
	_, end := demo.History()
	u := s.send(t, http.StatusCreated, "till.csv", cafeSales(end), "commit", "auto")
	u = s.await(t, u.ID, func(u upload) bool { return u.Status == "failed" || u.InMetrics && u.InForecasts })
	if u.Rows == nil || u.Rows.Landed != 1460 {
		t.Errorf("landed %+v (%s), want 1460 values", u.Rows, u.Problem)
	}
	var list struct {
		Sources []struct{ Kind string } `json:"sources"`
	}
	s.call(t, http.MethodGet, "/data/sources/"+s.business, "", nil, 200, &list)
	kinds := map[string]int{}
	for _, source := range list.Sources {
		kinds[source.Kind]++
	}
	if kinds["upload"] != 1 || kinds["file"] == 0 {
		t.Errorf("sources by kind: %v, want the files and the upload", kinds)
	}
}
