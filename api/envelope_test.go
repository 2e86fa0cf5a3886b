package api_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/apitest"
)

func TestEveryErrorWearsTheEnvelope(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	id := s.World.Cafe.ID.String()
	check := func(method, path string, body any, status int, code string, headers ...string) apitest.Envelope {
		t.Helper()
		return s.Request(t, method, path, body, headers...).WantError(t, status, code)
	}
	for _, base := range []string{"", "/api/v1"} {
		check("GET", base+"/", nil, 404, "NOT_FOUND")
		check("GET", base+"/nothing", nil, 404, "NOT_FOUND")
		check("GET", base+"/dashboard/metrics/", nil, 404, "NOT_FOUND")
		check("GET", base+"/dashboard//metrics/"+id, nil, 404, "NOT_FOUND") // no redirect to the clean path
		check("GET", base+"/dashboard/../auth/login", nil, 404, "NOT_FOUND")
		check("GET", base+"/health/live/", nil, 404, "NOT_FOUND")
		check("GET", base+"/%2e%2e/%2e%2e/etc/passwd", nil, 404, "NOT_FOUND")
		check("OPTIONS", base+"/nothing", nil, 404, "NOT_FOUND")
		check("BREW", base+"/nothing", nil, 404, "NOT_FOUND")
		options := s.Request(t, "OPTIONS", base+"/dashboard/metrics/"+id, nil)
		if allow := options.Header.Get("Allow"); options.Status != 204 || allow != "GET, HEAD, OPTIONS" || len(options.Body) != 0 {
			t.Errorf("OPTIONS: status %d, Allow %q, body %q; want 204 with GET, HEAD, OPTIONS", options.Status, allow, options.Body)
		}
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} {
			answer := s.Request(t, method, base+"/dashboard/metrics/"+id, nil)
			answer.WantError(t, 405, "METHOD_NOT_ALLOWED")
			if allow := answer.Header.Get("Allow"); allow != "GET, HEAD" {
				t.Errorf("%s: Allow %q, want GET, HEAD", method, allow)
			}
		}
		check("GET", base+"/auth/login", nil, 405, "METHOD_NOT_ALLOWED")
		check("GET", base+"/dashboard/metrics/"+id, nil, 401, "AUTHENTICATION_REQUIRED")
	}
	login := "/auth/login"
	check("POST", login, nil, 400, "VALIDATION_ERROR")
	check("POST", login, "", 400, "VALIDATION_ERROR")
	check("POST", login, "{", 400, "VALIDATION_ERROR")
	check("POST", login, "null", 400, "VALIDATION_ERROR")
	check("POST", login, `[1]`, 400, "VALIDATION_ERROR")
	check("POST", login, `{"email":1,"password":{}}`, 400, "VALIDATION_ERROR")
	check("POST", login, `{"email":"a@b.example","password":"x","role":"owner"}`, 400, "VALIDATION_ERROR")
	check("POST", login, `{"email":"a@b.example","password":"`+strings.Repeat("x", 129)+`"}`, 400, "VALIDATION_ERROR")
	check("POST", login, strings.Repeat("[", 8000), 400, "VALIDATION_ERROR")
	check("POST", login, "email=a&password=b", 415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type", "application/x-www-form-urlencoded")
	check("POST", login, `{}`, 415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type", "text/plain")
	check("POST", login, `{}`, 415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type", ";;;+")
	check("POST", login, strings.Repeat(" ", 9000)+"{}", 413, "PAYLOAD_TOO_LARGE")

	e := check("POST", login, `{"email":"not an address","password":"hunter2secret"}`, 400, "VALIDATION_ERROR")
	if d := e.Error.Details; d.In != "body" || d.Field != "email" || d.Issue == "" {
		t.Errorf("details %+v, want body.email and its issue", d)
	}
	if text := fmt.Sprint(e, s.Log); strings.Contains(text, "hunter2secret") {
		t.Errorf("an answer or the log holds a refused password")
	}
}

func TestHeadAnswersLikeGet(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	for path, status := range map[string]int{"/health/live": 200, "/docs": 200, "/openapi.json": 200, "/nothing": 404, "/dashboard/news/" + s.World.Cafe.ID.String(): 401} {
		answer := s.Request(t, http.MethodHead, path, nil)
		if answer.Status != status || len(answer.Body) != 0 || answer.Header.Get("X-Request-Id") == "" || answer.Header.Get("Content-Type") == "" {
			t.Errorf("HEAD %s: status %d, body %q, headers %v; want %d, no body and the headers of GET", path, answer.Status, answer.Body, answer.Header, status)
		}
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	for _, path := range []string{"/health/live", "/nothing", "/docs", "/openapi.json", "/metrics", "/dashboard/metrics/7"} {
		h := s.Get(t, path, "").Header
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" || h.Get("Referrer-Policy") != "no-referrer" ||
			!strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'") || strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
			t.Errorf("GET %s: headers %v, want the security headers", path, h)
		}
	}
	kept := s.Request(t, "GET", "/health/live", nil, "X-Request-Id", "caller-7.x_Y")
	if got := kept.Header.Get("X-Request-Id"); got != "caller-7.x_Y" {
		t.Errorf("request id %q, want the caller's", got)
	}
	for _, bad := range []string{"a b", `x"y`, strings.Repeat("x", 65)} {
		if got := s.Request(t, "GET", "/health/live", nil, "X-Request-Id", bad).Header.Get("X-Request-Id"); got == bad || len(got) != 36 {
			t.Errorf("request id %q for %q, want one of our own", got, bad)
		}
	}
}

func TestBrokenBodyIsTheCallersFault(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	for what, raw := range map[string]string{
		"bad chunk":      "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
		"body too short": "Content-Length: 100\r\n\r\n{",
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s", raw)
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		var e apitest.Envelope
		if err := json.NewDecoder(response.Body).Decode(&e); err != nil || response.StatusCode != 400 || e.Error.Code != "VALIDATION_ERROR" {
			t.Errorf("%s: status %d, %+v, %v; want 400 in the envelope", what, response.StatusCode, e, err)
		}
		response.Body.Close()
	}
}

func TestAccessLogAndMetricsGoByRoute(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	id := s.World.Cafe.ID.String()
	s.Get(t, "/api/v1/dashboard/metrics/"+id+"?cursor=secretcursor", s.Login(t, s.World.Ada))
	s.Get(t, "/secretpath", "")
	text := s.Log.String()
	for _, want := range []string{`"route":"/dashboard/metrics/{id}"`, `"route":"unmatched"`, `"user":"` + s.World.Ada.ID.String() + `"`, `"status":404`, `"address":"127.0.0.1"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %s:\n%s", want, text)
		}
	}
	if strings.Contains(text, "secret") {
		t.Errorf("the log holds what a caller put into an address:\n%s", text)
	}
	exposed := string(s.Get(t, "/metrics", "").Body)
	for _, want := range []string{
		`signalcraft_http_requests_total{method="GET",route="/dashboard/metrics/{id}",status="400"} 1`,
		`signalcraft_http_requests_total{method="GET",route="unmatched",status="404"} 1`,
		`signalcraft_http_request_seconds_count{method="POST",route="/auth/login"} 1`,
		`signalcraft_http_requests_open 1`,
	} {
		if !strings.Contains(exposed, want) {
			t.Errorf("the metrics lack %s:\n%s", want, exposed)
		}
	}
}
