package notify_test

import (
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/notify"
	"github.com/signalcraft/signalcraft/api/store"
)

func TestOutbox(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dir := filepath.Join(t.TempDir(), "deep", "outbox")
	s := b.sender(t, func(c *notify.Config) { c.Outbox, c.From = dir, "" })
	for n := range 3 {
		b.queue(t, letter(n))
	}
	b.queue(t, store.Mail{Recipient: "eve@example.com", Kind: "../../etc/x\x7f", Subject: "x", Body: "x"})
	due(t, s, 4)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 4 {
		t.Fatalf("files %v, %v, want 4", files, err)
	}
	if hidden, _ := filepath.Glob(filepath.Join(dir, ".*")); len(hidden) != 0 {
		t.Errorf("left over: %v", hidden)
	}
	slices.Sort(files)
	for n, file := range files[:3] {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v, want 0600", file, info.Mode(), err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		msg, err := mail.ReadMessage(strings.NewReader(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		if want := letter(n); msg.Header.Get("To") != "<"+want.Recipient+">" || parts(t, msg)["text/plain"] != want.Body {
			t.Errorf("file %d by name is the mail to %s", n, msg.Header.Get("To"))
		}
		if !strings.Contains(filepath.Base(file), "-reset_password-") || filepath.Ext(file) != ".eml" {
			t.Errorf("name %s", file)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("outbox: mode %v, %v, want 0700", info.Mode(), err)
	}
	b.wantState(t, "ada0@example.com", "sent empty 1")
	if !strings.Contains(b.log.String(), dir) {
		t.Error("the log does not say where the mails are")
	}
}

// A mail that is written again, after its process died, is the same file.
func TestOutboxWritesTheSameFileAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dir := t.TempDir()
	s := b.sender(t, func(c *notify.Config) { c.Outbox = dir })
	b.queue(t, letter(1))
	due(t, s, 1)
	if _, err := b.db.Pool(t, "").Exec(t.Context(), `update mails set sent_at = null, body = $1, next_at = '-infinity'`, body(1)); err != nil {
		t.Fatal(err)
	}
	due(t, s, 1)
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("%d files, want 1", len(files))
	}
}

// An outbox that cannot be written to loses nothing.
func TestOutboxAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dir := filepath.Join(t.TempDir(), "taken")
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // a file stands where the folder should
		t.Fatal(err)
	}
	s := b.sender(t, func(c *notify.Config) { c.Outbox = dir })
	b.queue(t, letter(1), letter(2))
	due(t, s, 0)
	b.wantState(t, "ada1@example.com", "waiting whole 1 mail server is away*")
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	b.advance(time.Minute)
	due(t, s, 2)
}
