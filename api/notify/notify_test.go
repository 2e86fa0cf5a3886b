package notify_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/notify"
	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// bench is a queue of mails and a clock that stands still.
type bench struct {
	db         *storetest.DB
	api, batch *store.Store
	mu         sync.Mutex
	now        time.Time
	log        bytes.Buffer
	logger     *slog.Logger
}

func setup(t *testing.T) *bench {
	t.Helper()
	b := &bench{db: storetest.New(t), now: time.Date(2026, 3, 31, 6, 0, 0, 0, time.UTC)}
	b.logger = slog.New(slog.NewJSONHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for role, s := range map[string]**store.Store{store.RoleAPI: &b.api, store.RoleBatch: &b.batch} {
		opened, err := store.Open(t.Context(), store.Config{URL: b.db.URL(role), Role: role, MaxConns: 4})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(opened.Close)
		*s = opened
	}
	return b
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

// sender returns a sender; change may be nil.
func (b *bench) sender(t *testing.T, change func(*notify.Config)) *notify.Sender {
	t.Helper()
	c := notify.Config{Store: b.batch, Logger: b.logger, Clock: b.clock, From: "SignalCraft <no-reply@numbers.example.com>", Outbox: t.TempDir()}
	if change != nil {
		change(&c)
	}
	s, err := notify.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// to returns a sender to a mail server.
func (b *bench) to(t *testing.T, m *mailServer) *notify.Sender {
	return b.sender(t, func(c *notify.Config) { c.SMTP = m.config })
}

const secret = "9JtZbJ3vO5mB2dXr7cQk1sTn6yLw8uHf0aEgVpRiMzI"

func body(n int) string {
	return fmt.Sprintf("Hello,\n\nThis is number %d, with ünïcode & <tags>.\n\n    https://numbers.example.com/reset#token=%s\n\n.\n\n    curl -d '{\"a\":\"<b>\"}'\n\nSignalCraft\n", n, secret)
}

// queue queues a mail in a transaction of the service.
func (b *bench) queue(t *testing.T, mails ...store.Mail) {
	t.Helper()
	err := b.api.AsUser(t.Context(), uuid.New(), func(tx *store.UserTx) error {
		for _, m := range mails {
			if err := tx.QueueMail(t.Context(), m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func letter(n int) store.Mail {
	return store.Mail{Recipient: fmt.Sprintf("ada%d@example.com", n), Kind: "reset_password", Subject: fmt.Sprintf("Nümber %d", n), Body: body(n)}
}

// due sends what is due and checks how many that were.
func due(t *testing.T, s *notify.Sender, want int) {
	t.Helper()
	if got, err := s.SendDue(t.Context()); err != nil || got != want {
		t.Fatalf("sent %d, %v, want %d", got, err, want)
	}
}

// state tells how the mail to an address stands.
func (b *bench) state(t *testing.T, recipient string) string {
	t.Helper()
	var text string
	err := b.db.Pool(t, "").QueryRow(t.Context(), `select case when sent_at is not null then 'sent' when failed_at is not null then 'given up' else 'waiting' end
		|| case when body = '' then ' empty' else ' whole' end || ' ' || attempts || coalesce(' ' || problem, '') from mails where recipient = $1`, recipient).Scan(&text)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (b *bench) wantState(t *testing.T, recipient, want string) {
	t.Helper()
	if got := b.state(t, recipient); got != want && !(strings.HasSuffix(want, "*") && strings.HasPrefix(got, strings.TrimSuffix(want, "*"))) {
		t.Errorf("mail to %s: %q, want %q", recipient, got, want)
	}
}

// parts returns the bodies of a multipart mail by type.
func parts(t *testing.T, msg *mail.Message) map[string]string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("content type %q, %v, want multipart/alternative", msg.Header.Get("Content-Type"), err)
	}
	found := map[string]string{}
	reader := multipart.NewReader(msg.Body, params["boundary"])
	for {
		part, err := reader.NextRawPart()
		if err == io.EOF {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		reader := io.Reader(part)
		if part.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
			reader = quotedprintable.NewReader(part)
		}
		text, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		found[kind] = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
}

func TestSendsByEveryKindOfTLS(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{notify.TLSStart, notify.TLSImplicit, notify.TLSNone} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			b, m := setup(t), serveMail(t, mode, mode != notify.TLSNone)
			b.queue(t, letter(1))
			due(t, b.to(t, m), 1)
			r := m.next(t)
			if r.from != "no-reply@numbers.example.com" || len(r.to) != 1 || r.to[0] != "ada1@example.com" || r.tls != (mode != notify.TLSNone) || r.user != m.config.User {
				t.Errorf("envelope %s to %v, TLS %t, user %q", r.from, r.to, r.tls, r.user)
			}
			h := r.msg.Header
			subject, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
			if err != nil || subject != "Nümber 1" || h.Get("From") != `"SignalCraft" <no-reply@numbers.example.com>` || h.Get("To") != "<ada1@example.com>" ||
				!strings.HasSuffix(h.Get("Message-Id"), "@numbers.example.com>") || h.Get("Auto-Submitted") != "auto-generated" || h.Get("Date") != "Tue, 31 Mar 2026 06:00:00 +0000" {
				t.Errorf("headers %v", h)
			}
			if h.Get("User-Agent") != "" || h.Get("X-Mailer") != "" {
				t.Errorf("headers tell what we are made of: %v", h)
			}
			p := parts(t, r.msg)
			if p["text/plain"] != body(1) {
				t.Errorf("text %q, want %q", p["text/plain"], body(1))
			}
			for _, want := range []string{`<a href="https://numbers.example.com/reset#token=` + secret + `">`, "with ünïcode &amp; &lt;tags&gt;.", "{&#34;a&#34;:&#34;&lt;b&gt;&#34;}"} {
				if !strings.Contains(p["text/html"], want) {
					t.Errorf("html does not hold %q:\n%s", want, p["text/html"])
				}
			}
			b.wantState(t, "ada1@example.com", "sent empty 1")
			due(t, b.to(t, m), 0)
			if log := b.log.String(); strings.Contains(log, secret) || strings.Contains(log, "ada1@") || strings.Contains(log, smtpPassword) {
				t.Errorf("the log holds a secret or an address:\n%s", log)
			}
		})
	}
}

// Nothing, and no password least of all, goes over a connection that is not protected as it must be.
func TestRefusesUnprotectedServers(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*notify.SMTPConfig, *mailServer){
		"no STARTTLS":          nil, // the server below offers none
		"unknown authority":    func(c *notify.SMTPConfig, _ *mailServer) { c.RootCAs = nil },
		"another name":         func(c *notify.SMTPConfig, _ *mailServer) { c.Host = "127.0.0.1" },
		"wrong password":       func(c *notify.SMTPConfig, _ *mailServer) { c.Password = "guess" },
		"clear text, password": func(c *notify.SMTPConfig, _ *mailServer) { c.TLS = notify.TLSNone },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mode := notify.TLSStart
			if change == nil {
				mode = notify.TLSNone
			}
			b, m := setup(t), serveMail(t, mode, true)
			config := m.config
			config.TLS = notify.TLSStart
			if change != nil {
				change(&config, m)
			}
			b.queue(t, letter(1), letter(2))
			due(t, b.sender(t, func(c *notify.Config) { c.SMTP = config }), 0)
			for _, recipient := range []string{"ada1@example.com", "ada2@example.com"} {
				b.wantState(t, recipient, "waiting whole 1 mail server is away*")
			}
			if problem := b.state(t, "ada1@example.com"); strings.Contains(problem, smtpPassword) {
				t.Errorf("problem %q holds the password", problem)
			}
			m.set(func() {
				if m.counts["mail"] != 0 || len(m.peers) > 1 {
					t.Errorf("the server saw %d mails over %d connections", m.counts["mail"], len(m.peers))
				}
			})
		})
	}
}

func TestRunWakesWhenMailIsQueued(t *testing.T) {
	t.Parallel()
	b, m := setup(t), serveMail(t, notify.TLSStart, false)
	b.queue(t, letter(0)) // before the start
	s := b.sender(t, func(c *notify.Config) { c.SMTP, c.Poll = m.config, 24*time.Hour })
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	for n := range 3 {
		if n > 0 {
			b.queue(t, letter(n))
		}
		select {
		case r := <-m.got:
			if want := letter(n).Recipient; r.to[0] != want {
				t.Errorf("mail to %s, want %s", r.to[0], want)
			}
		case <-t.Context().Done():
			t.Fatal("no mail")
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("Run: %v, want nil when it is told to stop", err)
	}
	b.wantState(t, "ada2@example.com", "sent empty 1") // noted although the process was to end
}

// Whatever is queued, no line of a mail becomes a header that was not meant, and no other recipient gets it.
func TestHeadersCannotBeInjected(t *testing.T) {
	t.Parallel()
	b, m := setup(t), serveMail(t, notify.TLSStart, false)
	evil := letter(1)
	evil.Subject = "Hello\r\nBcc: eve@example.com\r\n\r\n<script>\u2028X: y"
	evil.Body = "Hello,\r\n.\r\nMAIL FROM:<eve@example.com>\r\n\n    https://x.example/\"><script>alert(1)</script>\n"
	b.queue(t, evil)
	for _, recipient := range []string{"ada@example.com\r\nRCPT TO:<eve@example.com>", "ada@example.com, eve@example.com", "Eve <eve@example.com>, x@example.com", "not an address"} {
		b.queue(t, store.Mail{Recipient: recipient, Kind: "x", Subject: "x", Body: secret})
	}
	due(t, b.to(t, m), 1)
	r := m.next(t)
	if len(r.to) != 1 || r.msg.Header.Get("Bcc") != "" || r.msg.Header.Get("X") != "" {
		t.Errorf("to %v with headers %v", r.to, r.msg.Header)
	}
	if p := parts(t, r.msg); strings.Contains(p["text/html"], "<script>") || !strings.Contains(p["text/plain"], "MAIL FROM") {
		t.Errorf("parts %v", p)
	}
	var failed int
	if err := b.db.Pool(t, "").QueryRow(t.Context(), `select count(*) from mails where failed_at is not null and body = ''`).Scan(&failed); err != nil || failed != 4 {
		t.Errorf("%d given up, %v, want 4", failed, err)
	}
}

func TestInternationalRecipient(t *testing.T) {
	t.Parallel()
	b, m := setup(t), serveMail(t, notify.TLSStart, false)
	l := letter(1)
	l.Recipient = "kim@münchen.example"
	b.queue(t, l)
	due(t, b.to(t, m), 1)
	if r := m.next(t); r.to[0] != "kim@xn--mnchen-3ya.example" {
		t.Errorf("to %v", r.to)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, change := range map[string]func(*notify.Config){
		"no store":         func(c *notify.Config) { c.Store = nil },
		"no outbox":        func(c *notify.Config) { c.Outbox = "" },
		"sender":           func(c *notify.Config) { c.From = "nobody" },
		"sender of two":    func(c *notify.Config) { c.From = "a@b.example\r\nBcc: c@d.example" },
		"unknown TLS mode": func(c *notify.Config) { c.SMTP = notify.SMTPConfig{Host: "localhost", TLS: "maybe"} },
		"host":             func(c *notify.Config) { c.SMTP = notify.SMTPConfig{Host: "smtp://localhost"} },
		"port":             func(c *notify.Config) { c.SMTP = notify.SMTPConfig{Host: "localhost", Port: 70000} },
	} {
		c := notify.Config{Store: b.batch, Logger: b.logger, Clock: b.clock, Outbox: "x"}
		change(&c)
		if _, err := notify.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
