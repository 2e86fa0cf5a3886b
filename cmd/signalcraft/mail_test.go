package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/store/storetest"
)

// TestRegistrationReachesTheOutbox registers at a service without a mail server, as a newcomer does, and verifies with the token of
// the file that appears.
func TestRegistrationReachesTheOutbox(t *testing.T) {
	settings := testSettings(t.TempDir())
	settings.DatabaseURL = storetest.New(t).URL("")
	ctx, stop := context.WithCancel(t.Context())
	out, printed := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- settings.service(ctx, streams{out: printed, err: io.Discard}, true, false)
		printed.Close()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("read what serve prints: %v, it ended with %v", err, <-ended)
	}
	address := line[strings.Index(line, "http://"):strings.Index(line, ",")]
	post := func(path, body string, want int) {
		t.Helper()
		answer, err := http.Post(address+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if text, _ := io.ReadAll(answer.Body); answer.StatusCode != want {
			t.Fatalf("POST %s: %d %s, want %d", path, answer.StatusCode, text, want)
		}
	}
	post("/auth/register", `{"email":"new@example.com","password":"lantern orbit pickle Thursday","full_name":"Nina"}`, http.StatusCreated)
	mail := appearing(t, filepath.Join(settings.DataDir, "outbox", "*-verify_email-*.eml"))
	token := regexp.MustCompile(`(?m)^    ([A-Za-z0-9_-]{43})\r?$`).FindStringSubmatch(mail)
	if token == nil {
		t.Fatalf("no token in\n%s", mail)
	}
	post("/auth/verify-email", `{"token":"`+token[1]+`"}`, http.StatusOK)
	post("/auth/login", `{"email":"new@example.com","password":"lantern orbit pickle Thursday"}`, http.StatusOK)
	stop()
	if err := <-ended; err != nil {
		t.Errorf("serve ended with %v, want nothing", err)
	}
}

// appearing returns the text of the one file of a pattern once it is there; it looks twenty times a second.
func appearing(t *testing.T, pattern string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 1 {
			text, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		select {
		case <-ctx.Done():
			t.Fatalf("files %v of %s, want one", files, pattern)
		case <-ticker.C:
		}
	}
}

func TestSite(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]string{"127.0.0.1:8080": "http://127.0.0.1:8080", ":80": "http://127.0.0.1:80", "0.0.0.0:80": "http://127.0.0.1:80", "[::]:80": "http://127.0.0.1:80", "[::1]:80": "http://[::1]:80"} {
		if got := (&Settings{Listen: listen}).site().ServiceURL; got != want {
			t.Errorf("listening on %s: %s, want %s", listen, got, want)
		}
	}
}
