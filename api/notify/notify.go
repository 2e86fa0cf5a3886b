// Package notify hands queued mail to a mail server, or, where there is none, to a folder.
//
// Mail waits in Postgres from the transaction that caused it. A [Sender] takes what is due, gives it to the transport
// and notes how that went: sent (the body, which may hold a secret, is removed), to be tried again later, or given
// up. Any number of processes may run one. A mail goes out at least once; a second time only if the process, its
// machine or the database died between the server's word and the note of it, and then under the same Message-ID.
package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"strings"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/signalcraft/signalcraft/api/store"
)

// The rules by which mails are tried.
const (
	// MaxAttempts is how often a mail is tried before it is given up, which takes about three hours.
	MaxAttempts = 10
	firstWait   = 30 * time.Second
	longestWait = time.Hour
	// batchSize mails are taken at once, for as long as lease. Handing one over takes at most twice sendTime.
	batchSize = 5
	sendTime  = 30 * time.Second
	lease     = 10 * time.Minute
)

// Config is what a Sender needs.
type Config struct {
	// Store works as store.RoleBatch. Required.
	Store *store.Store
	// Logger gets a line for each mail, without addresses and texts. Required.
	Logger *slog.Logger
	// Clock tells the time. Required.
	Clock func() time.Time
	// From is the sender, such as "SignalCraft <no-reply@example.com>". Empty means an address at localhost, which suits the
	// outbox only.
	From string
	// SMTP is the mail server. An empty host means that mails are written to Outbox.
	SMTP SMTPConfig
	// Outbox is the folder for mails when there is no mail server; it is made when it is needed. Required then.
	Outbox string
	// Poll is how long a mail may go unnoticed if Postgres's notification is lost, and how finely retries are timed. Zero means two
	// seconds.
	Poll time.Duration
}

// Sender sends queued mail.
type Sender struct {
	store  *store.Store
	logger *slog.Logger
	clock  func() time.Time
	from   *mail.Address
	poll   time.Duration
	open   func() transport
	// encoding is how texts are written. Files stay readable as they are.
	encoding gomail.Encoding
}

// transport hands mails over. One goroutine uses it.
type transport interface {
	// send hands one mail over. It returns errRefused when the same mail will never be taken and errAway when
	// nobody is there to take any mail; after other errors a later attempt may succeed.
	send(ctx context.Context, m *letter) error
	// close ends what send opened.
	close()
}

var (
	errRefused = errors.New("refused for good")
	errAway    = errors.New("mail server is away")
)

// New returns a Sender. It does not reach for anything.
func New(c Config) (*Sender, error) {
	if c.Store == nil || c.Logger == nil || c.Clock == nil {
		return nil, errors.New("notify config: Store, Logger and Clock are required")
	}
	if c.From == "" {
		c.From = "SignalCraft <signalcraft@localhost>"
	}
	from, err := mail.ParseAddress(c.From)
	if err != nil || strings.ContainsAny(c.From, "\r\n") {
		return nil, fmt.Errorf("notify config: From %q is no address", c.From)
	}
	if c.Poll == 0 {
		c.Poll = 2 * time.Second
	}
	s := &Sender{store: c.Store, logger: c.Logger, clock: c.Clock, from: from, poll: c.Poll, encoding: gomail.EncodingQP}
	if c.SMTP.Host == "" {
		if c.Outbox == "" {
			return nil, errors.New("notify config: Outbox is required without a mail server")
		}
		s.encoding = gomail.NoEncoding
		s.open = func() transport { return &outbox{dir: c.Outbox, logger: c.Logger} }
		return s, nil
	}
	if s.open, err = c.SMTP.transport(domain(from.Address)); err != nil {
		return nil, fmt.Errorf("notify config: %w", err)
	}
	return s, nil
}

// domain returns the part of an address behind the @.
func domain(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// Run sends mail until ctx ends, and then returns nil. What it meets on the way it logs, and goes on.
func (s *Sender) Run(ctx context.Context) error {
	wake := make(chan struct{}, 1)
	var listening sync.WaitGroup
	defer listening.Wait()
	listening.Go(func() { s.listen(ctx, wake) })
	for {
		if _, err := s.SendDue(ctx); err != nil && ctx.Err() == nil {
			s.logger.ErrorContext(ctx, "mail cannot be sent", slog.String("error", err.Error()))
		}
		if !wait(ctx, s.poll, wake) {
			return nil
		}
	}
}

// listen wakes Run when mail is queued.
func (s *Sender) listen(ctx context.Context, wake chan<- struct{}) {
	for {
		err := s.store.ListenMails(ctx, func() {
			select {
			case wake <- struct{}{}:
			default: // it is woken already
			}
		})
		if ctx.Err() == nil {
			s.logger.WarnContext(ctx, "listening for mail broke off", slog.String("error", err.Error()))
		}
		if !wait(ctx, s.poll, nil) {
			return
		}
	}
}

// wait returns true after a while or when it is woken, and false when ctx ends.
func wait(ctx context.Context, most time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-wake:
	case <-timer.C:
	}
	return ctx.Err() == nil
}

// SendDue tries every mail that is due now, and returns how many it handed over. An error is one of the store; what the
// mail server says is noted with the mail.
func (s *Sender) SendDue(ctx context.Context) (sent int, err error) {
	way := s.open()
	defer way.close()
	for ctx.Err() == nil {
		taken := s.clock().UTC()
		mails, err := s.store.TakeMails(ctx, taken, lease, batchSize)
		if err != nil || len(mails) == 0 {
			return sent, err
		}
		handed, err := s.batch(ctx, way, mails)
		sent += handed
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// batch tries some mails. When nobody takes any, the rest is not tried but waits as well.
func (s *Sender) batch(ctx context.Context, way transport, mails []store.Outgoing) (sent int, err error) {
	var away error
	var errs []error
	for _, m := range mails {
		problem := away
		if problem == nil {
			problem = s.hand(ctx, way, m)
		}
		if errors.Is(problem, errAway) {
			away = problem
		}
		if problem == nil {
			sent++
		}
		// What happened is noted also when the process is to end just now.
		noting, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		errs = append(errs, s.note(noting, m, problem))
		cancel()
	}
	return sent, errors.Join(errs...)
}

// hand gives one mail to the transport.
func (s *Sender) hand(ctx context.Context, way transport, m store.Outgoing) error {
	if m.Attempts > MaxAttempts { // each ended with the process
		return fmt.Errorf("%w: tried %d times", errRefused, m.Attempts-1)
	}
	composed, err := s.compose(m)
	if err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	return way.send(ctx, composed)
}

// note keeps how an attempt ended.
func (s *Sender) note(ctx context.Context, m store.Outgoing, problem error) error {
	now := s.clock().UTC()
	attrs := []any{slog.String("mail", m.ID.String()), slog.String("kind", m.Kind), slog.Int("attempt", m.Attempts)}
	switch {
	case problem == nil:
		s.logger.InfoContext(ctx, "mail sent", attrs...)
		return s.store.MailSent(ctx, m.ID, now)
	case errors.Is(problem, errRefused) || m.Attempts >= MaxAttempts:
		s.logger.ErrorContext(ctx, "mail given up: its problem is in table mails", attrs...)
		return s.store.MailGivenUp(ctx, m.ID, now, text(problem))
	}
	next := now.Add(backOff(m.Attempts))
	s.logger.WarnContext(ctx, "mail delayed: its problem is in table mails", append(attrs, slog.Time("next", next))...)
	return s.store.MailDelayed(ctx, m.ID, next, text(problem))
}

// backOff doubles with each attempt, from half a minute to an hour.
func backOff(attempts int) time.Duration {
	return min(firstWait<<min(max(attempts-1, 0), 20), longestWait)
}

// text is what is kept of a problem.
func text(problem error) string {
	const most = 500
	runes := []rune(strings.ToValidUTF8(strings.ReplaceAll(problem.Error(), "\x00", ""), ""))
	return string(runes[:min(len(runes), most)])
}
