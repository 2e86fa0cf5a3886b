package api

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/store/storetest"
)

// TestFullServiceShedsAtOnce fills every slot: what is beyond gets 503 at once, health and metrics are still answered,
// and the service recovers by itself.
func TestFullServiceShedsAtOnce(t *testing.T) {
	t.Parallel()
	c := newCreator(t, storetest.New(t), nil)
	r := c.router
	r.slots = make(chan struct{}, 2)
	entered, leave := make(chan struct{}, 2), make(chan struct{})
	c.inside = func(context.Context, string) error {
		entered <- struct{}{}
		<-leave
		return nil
	}
	done := make(chan reply, 2)
	for range 2 {
		go func() {
			got, _ := c.send(context.WithoutCancel(t.Context()), "", "application/json", strings.NewReader(`{"name":"a"}`))
			done <- got
		}()
		<-entered
	}
	for range 5 {
		got := c.post(t, "", `{"name":"a"}`)
		if got.status != 503 || got.code != codeUnavailable || got.header.Get("Retry-After") != "1" {
			t.Errorf("beyond the slots: %+v, want 503 with Retry-After", got)
		}
	}
	for _, path := range []string{"/health/live", "/health/ready", "/metrics"} {
		answer, err := http.Get(c.url + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != 200 {
			t.Errorf("GET %s of a full service: %d, want 200", path, answer.StatusCode)
		}
	}
	close(leave)
	for range 2 {
		if got := <-done; got.status != 201 {
			t.Errorf("an accepted request: %+v, want 201", got)
		}
	}
	c.inside = nil
	if got := c.post(t, "", `{"name":"a"}`); got.status != 201 {
		t.Errorf("after that: %+v, want 201", got)
	}
}

// TestTimesOfOperations checks that each kind of operation has the time it needs, and that streams have no end of their own.
func TestTimesOfOperations(t *testing.T) {
	t.Parallel()
	s := &service{timeout: 15 * time.Second}
	for operation, want := range map[string]time.Duration{"getBusiness": 15 * time.Second, "createUpload": 16 * time.Minute, "exportUser": 5 * time.Minute, "streamEvents": 0} {
		if got := s.timeOf(operation); got != want {
			t.Errorf("%s may take %s, want %s", operation, got, want)
		}
	}
	staying, leave := context.WithCancel(t.Context())
	r := httptest.NewRequest(http.MethodGet, "/events", nil).WithContext(staying)
	ctx, cancel := route{stream: true}.bound(httptest.NewRecorder(), r)
	defer cancel()
	if _, bounded := ctx.Deadline(); bounded || ctx.Err() != nil {
		t.Error("a stream has an end of its own")
	}
	ctx, cancel = route{time: time.Minute}.bound(httptest.NewRecorder(), r)
	defer cancel()
	if _, bounded := ctx.Deadline(); !bounded || ctx.Err() != nil {
		t.Error("a request that is no stream has no time of its own")
	}
	leave()
	<-ctx.Done()
}

func TestSlowBodiesAndDoubledHeaders(t *testing.T) {
	t.Parallel()
	c := newCreator(t, storetest.New(t), nil)
	send := func(headers http.Header, body io.Reader) reply {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+"/test/create", body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = headers
		r.Header.Set("Authorization", "Bearer "+c.token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return reply{status: answer.StatusCode, text: string(text)}
	}
	twice := []string{"application/json", "application/json"}
	if got := send(http.Header{"Content-Type": twice}, strings.NewReader(`{"name":"a"}`)); got.status != 400 || !strings.Contains(got.text, "Content-Type") {
		t.Errorf("two content types: %+v, want 400", got)
	}
	if got := send(http.Header{"Content-Type": twice[:1], "Idempotency-Key": {"a", "b"}}, strings.NewReader(`{"name":"a"}`)); got.status != 400 || !strings.Contains(got.text, "Idempotency-Key") {
		t.Errorf("two keys: %+v, want 400", got)
	}
	for _, method := range []string{"DELETE", "PUT"} { // no header changes what a request is
		if got := send(http.Header{"Content-Type": twice[:1], "X-Http-Method-Override": {method}, "X-Method-Override": {method}}, strings.NewReader(`{"name":"a"}`)); got.status != 201 {
			t.Errorf("override to %s: %+v, want the POST that it is", method, got)
		}
	}
}
