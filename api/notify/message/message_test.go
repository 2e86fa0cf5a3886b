package message_test

import (
	"flag"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/notify/message"
	"github.com/signalcraft/signalcraft/api/store"
)

var update = flag.Bool("update", false, "rewrite testdata")

var (
	at   = time.Date(2026, 3, 31, 6, 0, 0, 0, time.UTC)
	ada  = store.User{ID: uuid.MustParse("0192f0c1-0000-7000-8000-000000000001"), Email: "ada@example.com", Name: "Ada Lovelace"}
	when = message.Occasion{At: at, Address: netip.MustParseAddr("192.0.2.7"), Agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
)

const token = "9JtZbJ3vO5mB2dXr7cQk1sTn6yLw8uHf0aEgVpRiMzI"

// all returns a mail of every occasion, by the name of its golden file.
func all(s message.Site) map[string]store.Mail {
	day := at.Add(24 * time.Hour)
	return map[string]store.Mail{
		"verify_email":           s.VerifyEmail(ada, token, day),
		"choose_password":        s.ChoosePassword(ada, token, at.Add(30*time.Minute)),
		"address_registered":     s.AddressRegistered(ada),
		"reset_password":         s.ResetPassword(ada, token, at.Add(30*time.Minute)),
		"password_changed":       s.PasswordChanged(ada, when),
		"change_email":           s.ChangeEmail(ada, token, day),
		"email_change_asked":     s.EmailChangeAsked(ada, when),
		"email_changed":          s.EmailChanged(ada, when),
		"account_deleted":        s.AccountDeleted(ada.Email, message.Occasion{At: at}),
		"new_device":             s.NewDevice(ada, when),
		"mfa_on":                 s.MFAChanged(ada, message.MFAOn, when),
		"mfa_off":                s.MFAChanged(ada, message.MFAOff, when),
		"mfa_recovery_codes":     s.MFAChanged(ada, message.RecoveryCodesReplaced, when),
		"mfa_failing":            s.MFAFailing(ada, 5, when),
		"recovery_code_used":     s.RecoveryCodeUsed(ada, 7, when),
		"recovery_code_last":     s.RecoveryCodeUsed(ada, 0, when),
		"api_key_created":        s.APIKeyCreated(ada, message.APIKey{Name: "till export", Business: "Harbour Cafe", Scopes: []string{"read", "write"}, ExpiresAt: day}, when),
		"sessions_ended":         s.SessionsEnded(ada, message.EndedByOwner, when),
		"sessions_ended_reuse":   s.SessionsEnded(ada, message.EndedByReuse, when),
		"sessions_ended_by_them": s.SessionsEnded(ada, message.EndedByOperator, when),
		"invitation": s.Invitation(message.Invite{Recipient: "vic@example.com", Inviter: "Ada Lovelace", Business: "Harbour Cafe", Role: "viewer", Token: token,
			Until: at.Add(7 * 24 * time.Hour)}),
		"business_deleted":     s.BusinessDeleted(ada, "Harbour Cafe", when),
		"subscription_changed": s.SubscriptionChanged(ada, "Harbour Cafe", "free", "pro", when),
		"alert_fired": s.AlertFired(message.Alert{Name: "Revenue below plan", Severity: "warning", Business: "Harbour Cafe", BusinessID: ada.ID, Count: 1,
			Found: []message.Found{{KPI: "Revenue", Amount: "812 EUR", Text: "812 EUR on 2026-03-30, below 1000 EUR."}}}),
		"alert_fired_often": s.AlertFired(message.Alert{Name: "Nothing came", Severity: "critical", Business: "Harbour Cafe", Count: 3,
			Found: []message.Found{{KPI: "Revenue", Text: "no value for more than 2 days up to 2026-03-30."}, {KPI: "Guests", Text: "no value for more than 2 days up to 2026-03-30."}}}),
	}
}

func TestMessagesAreGolden(t *testing.T) {
	t.Parallel()
	for site, s := range map[string]message.Site{"link": {PublicURL: "https://numbers.example.com/"}, "token": {}} {
		for name, m := range all(s) {
			var text strings.Builder
			fmt.Fprintf(&text, "To: %s\nKind: %s\nSubject: %s\n\n%s", m.Recipient, m.Kind, m.Subject, m.Body)
			file := filepath.Join("testdata", name+"."+site+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), text.String()); diff != "" {
				t.Errorf("%s; if that is meant, run this test with -update (-want +got):\n%s", file, diff)
			}
		}
	}
}

// Every kind of mail that there is renders: with a subject of one line, a greeting, a signature, and lines that every program shows.
func TestEveryKindRenders(t *testing.T) {
	t.Parallel()
	rendered := map[string]int{}
	for _, s := range []message.Site{{PublicURL: "https://numbers.example.com"}, {}} {
		for name, m := range all(s) {
			rendered[m.Kind]++
			if m.Subject == "" || strings.ContainsAny(m.Subject, "\r\n") || !strings.HasPrefix(m.Body, "Hello,\n\n") || !strings.HasSuffix(m.Body, "\n\nSignalCraft\n") {
				t.Errorf("%s: subject %q, body\n%s", name, m.Subject, m.Body)
			}
			for line := range strings.Lines(m.Body) {
				if len(line) > 200 || strings.Contains(line, "%!") {
					t.Errorf("%s: line %q", name, line)
				}
			}
		}
	}
	for _, kind := range message.Kinds() {
		if rendered[kind] == 0 {
			t.Errorf("no test renders mails of kind %s", kind)
		}
		delete(rendered, kind)
	}
	if len(rendered) > 0 {
		t.Errorf("kinds that Kinds does not list: %v", rendered)
	}
}

// No other package writes mails: they hand on what this one wrote.
func TestMailsAreWrittenHere(t *testing.T) {
	t.Parallel()
	err := filepath.WalkDir(filepath.Join("..", "..", ".."), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if folder := filepath.Base(filepath.Dir(path)); folder != "message" && regexp.MustCompile(`store\.Mail\{[^}]`).Match(text) {
			t.Errorf("%s writes a mail: its text belongs here", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What people wrote must not put links, lines or headers into a mail.
func TestStrangersWordsAreHarmless(t *testing.T) {
	t.Parallel()
	for _, evil := range []string{"Win at https://evil.example/x", "evil.example", "a\r\nBcc: eve@example.com\r\n\r\nhello", "<a href=\"//evil.example\">x</a>", "www.evil.example",
		"\u202egnp.exe", strings.Repeat("long ", 1000), "mailto:eve@evil.example", "javascript:alert(1)"} {
		user := store.User{Email: "vic@example.com", Name: evil}
		o := message.Occasion{At: at, Agent: evil}
		var s message.Site
		for _, m := range []store.Mail{
			s.Invitation(message.Invite{Recipient: user.Email, Inviter: evil, Business: evil, Role: "viewer", Token: token, Until: at}),
			s.AlertFired(message.Alert{Name: evil, Severity: "info", Business: evil, Count: 1, Found: []message.Found{{KPI: evil, Amount: "1 " + message.Plain(evil), Text: "1 " + message.Plain(evil)}}}),
			s.APIKeyCreated(user, message.APIKey{Name: evil, Business: evil}, o), s.VerifyEmail(user, token, at), s.PasswordChanged(user, o),
		} {
			text := m.Subject + m.Body
			for _, bad := range []string{"https://evil", "://evil", "eve@", "<a", "\r", "\u202e", "mailto:", "javascript:"} {
				if strings.Contains(text, bad) {
					t.Errorf("%s with %q holds %q:\n%s", m.Kind, evil, bad, text)
				}
			}
			if m.Kind == message.KindInvitation && (strings.Contains(text, "evil.example")) {
				t.Errorf("%s with %q has what becomes a link:\n%s", m.Kind, evil, text)
			}
			if strings.Contains(m.Subject, "\n") || len(m.Subject) > 300 || len(m.Body) > 4000 {
				t.Errorf("%s with %.20q: subject of %d and body of %d bytes", m.Kind, evil, len(m.Subject), len(m.Body))
			}
			if m.Kind == message.KindVerify && strings.Contains(text, "evil") {
				t.Errorf("a mail to an address that nobody proved holds a stranger's words:\n%s", text)
			}
		}
	}
}

func TestDevices(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                                  "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0":           "Edge on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1": "Safari on iPhone",
		"Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36":                  "Chrome on Android",
		"curl/8.14.1": "curl 8.14.1", "scenario/1": "scenario 1", "python-requests/2.32": "python-requests 2.32", "": "", "evil.example/now": "", "call +49 30 555": "call",
	} {
		m := message.Site{}.PasswordChanged(ada, message.Occasion{At: at, Agent: agent})
		_, got, _ := strings.Cut(m.Body, "With: ")
		got, _, _ = strings.Cut(got, "\n")
		if got != want {
			t.Errorf("%q: got %q, want %q", agent, got, want)
		}
	}
}

func ExampleSite_ResetPassword() {
	site := message.Site{PublicURL: "https://numbers.example.com"}
	m := site.ResetPassword(store.User{Email: "ada@example.com"}, token, at)
	fmt.Println(m.Recipient, m.Kind, m.Subject)
	// Output: ada@example.com reset_password Set a new password
}
