package notify_test

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/signalcraft/signalcraft/api/notify"
)

func reply(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 0, 0}, Message: text}
}

// What a server puts off is tried again, at growing intervals, under the same id.
func TestPutOffThenTaken(t *testing.T) {
	t.Parallel()
	for name, hook := range map[string]func(*mailServer){
		"mailbox busy":    func(m *mailServer) { m.onRcpt = twice(reply(450, "try later")) },
		"sender refused":  func(m *mailServer) { m.onMail = twice(reply(530, "not now")) },
		"text put off":    func(m *mailServer) { m.onData = twice(reply(451, "greylisted")) },
		"connection cut":  func(m *mailServer) { m.onData = twice(errCut) },
		"service closing": func(m *mailServer) { m.onMail = twice(reply(421, "going away")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, m := setup(t), serveMail(t, notify.TLSStart, false)
			m.set(func() { hook(m) })
			b.queue(t, letter(1))
			s := b.to(t, m)
			due(t, s, 0)
			b.wantState(t, "ada1@example.com", "waiting whole 1 *")
			due(t, s, 0) // not due yet
			b.advance(30 * time.Second)
			due(t, s, 0)
			b.wantState(t, "ada1@example.com", "waiting whole 2 *")
			b.advance(59 * time.Second)
			due(t, s, 0)
			b.advance(time.Second)
			due(t, s, 1)
			b.wantState(t, "ada1@example.com", "sent empty 3")
			m.next(t)
		})
	}
}

// twice fails the first two times.
func twice(err error) func(int, string) error {
	return func(count int, _ string) error {
		if count < 2 {
			return err
		}
		return nil
	}
}

// What a server refuses for good is given up at once, and keeps no other mail waiting.
func TestRefusedForGood(t *testing.T) {
	t.Parallel()
	b, m := setup(t), serveMail(t, notify.TLSStart, false)
	m.set(func() {
		m.onRcpt = func(_ int, to string) error {
			if to == "ada1@example.com" {
				return reply(550, "no such user")
			}
			return nil
		}
		m.onData = func(_ int, text string) error {
			if strings.Contains(text, "ada2@example.com") {
				return reply(554, "looks like spam")
			}
			return nil
		}
	})
	b.queue(t, letter(1), letter(2), letter(3))
	due(t, b.to(t, m), 1)
	b.wantState(t, "ada1@example.com", "given up empty 1 refused for good: *")
	b.wantState(t, "ada2@example.com", "given up empty 1 refused for good: *")
	b.wantState(t, "ada3@example.com", "sent empty 1")
	if got := b.state(t, "ada1@example.com"); !strings.Contains(got, "550") || !strings.Contains(got, "no such user") {
		t.Errorf("problem %q does not say what the server said", got)
	}
	if len(m.peers) != 1 {
		t.Errorf("%d connections for three mails, want 1", len(m.peers))
	}
}

// A server that takes a mail and breaks off afterwards has taken it.
func TestBrokenAfterTaking(t *testing.T) {
	t.Parallel()
	b, m := setup(t), serveMail(t, notify.TLSStart, false)
	m.set(func() { m.afterData = func(c net.Conn) { _ = c.Close() } })
	b.queue(t, letter(1), letter(2))
	due(t, b.to(t, m), 2)
	b.wantState(t, "ada1@example.com", "sent empty 1")
	b.wantState(t, "ada2@example.com", "sent empty 1")
	if len(m.peers) != 2 || len(m.got) != 2 {
		t.Errorf("%d mails over %d connections, want 2 over 2", len(m.got), len(m.peers))
	}
}

func TestGivenUpAfterTenAttempts(t *testing.T) {
	t.Parallel()
	b, m := setup(t), serveMail(t, notify.TLSStart, false)
	m.set(func() { m.onMail = func(int, string) error { return reply(451, "never today") } })
	b.queue(t, letter(1))
	s := b.to(t, m)
	for attempt := 1; attempt <= notify.MaxAttempts; attempt++ {
		if attempt > 1 {
			b.wantState(t, "ada1@example.com", fmt.Sprintf("waiting whole %d *", attempt-1))
		}
		due(t, s, 0)
		b.advance(time.Hour)
	}
	b.wantState(t, "ada1@example.com", "given up empty 10 *")
	due(t, s, 0)
	if m.counts["mail"] != 10 {
		t.Errorf("tried %d times, want 10", m.counts["mail"])
	}
	if problem := b.state(t, "ada1@example.com"); !strings.Contains(problem, "never today") {
		t.Errorf("problem %q is not the last one", problem)
	}
}

// Senders at once, as in several processes, send each mail once.
func TestTwoSendersSendEachMailOnce(t *testing.T) {
	t.Parallel()
	b, m := setup(t), serveMail(t, notify.TLSStart, false)
	const mails, senders = 60, 3
	for n := range mails {
		b.queue(t, letter(n))
	}
	var wait sync.WaitGroup
	sent := make([]int, senders)
	errs := make([]error, senders)
	for i := range senders {
		s := b.to(t, m)
		wait.Go(func() { sent[i], errs[i] = s.SendDue(t.Context()) })
	}
	wait.Wait()
	total := 0
	for i := range senders {
		if errs[i] != nil {
			t.Error(errs[i])
		}
		total += sent[i]
	}
	seen := map[string]bool{}
	for range len(m.got) {
		r := m.next(t)
		if seen[r.to[0]] {
			t.Errorf("%s got two mails", r.to[0])
		}
		seen[r.to[0]] = true
	}
	if total != mails || len(seen) != mails {
		t.Errorf("%d sent to %d recipients, want %d; by sender: %v", total, len(seen), mails, sent)
	}
}

// A mail that a dead process took is another's when the lease has ended; one that kills each process is given up.
func TestDeadSendersMailGoesOn(t *testing.T) {
	t.Parallel()
	b, m := setup(t), serveMail(t, notify.TLSStart, false)
	b.queue(t, letter(1), letter(2))
	for range notify.MaxAttempts {
		if got, err := b.batch.TakeMails(t.Context(), b.clock(), time.Minute, 1); err != nil || len(got) != 1 {
			t.Fatalf("took %v, %v", got, err)
		}
		due(t, b.to(t, m), map[bool]int{true: 1, false: 0}[len(m.got) == 0]) // the other goes out
		b.advance(time.Minute)
	}
	due(t, b.to(t, m), 0)
	b.wantState(t, "ada1@example.com", "given up empty 11 *")
	b.wantState(t, "ada2@example.com", "sent empty 1")
}
