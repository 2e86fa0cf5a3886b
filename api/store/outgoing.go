package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// Outgoing is a queued mail that a sender took.
type Outgoing struct {
	ID                             uuid.UUID
	Recipient, Kind, Subject, Body string
	QueuedAt                       time.Time
	// Attempts counts this one too.
	Attempts int
}

// TakeMails takes up to most mails that are due now. Until the lease ends no other sender gets them; each must
// be ended by MailSent, MailDelayed or MailGivenUp before. For RoleBatch.
func (s *Store) TakeMails(ctx context.Context, now time.Time, lease time.Duration, most int) ([]Outgoing, error) {
	rows, err := query.New(s.pool).TakeMails(ctx, query.TakeMailsParams{At: now, LeaseUntil: now.Add(lease), Most: int32(most)})
	if err != nil {
		return nil, fmt.Errorf("take mails: %w", Classify(err))
	}
	mails := make([]Outgoing, len(rows))
	for i, r := range rows {
		mails[i] = Outgoing{ID: r.ID, Recipient: r.Recipient, Kind: r.Kind, Subject: r.Subject, Body: r.Body, QueuedAt: r.CreatedAt, Attempts: int(r.Attempts)}
	}
	return mails, nil
}

// MailSent notes that a mail was handed over and removes its body.
func (s *Store) MailSent(ctx context.Context, id uuid.UUID, at time.Time) error {
	_, err := query.New(s.pool).MailSent(ctx, query.MailSentParams{ID: id, At: at})
	return ended("sent", id, err)
}

// MailDelayed notes why a mail could not be handed over and when to try again.
func (s *Store) MailDelayed(ctx context.Context, id uuid.UUID, next time.Time, problem string) error {
	_, err := query.New(s.pool).MailDelayed(ctx, query.MailDelayedParams{ID: id, NextAt: next, Problem: problem})
	return ended("delayed", id, err)
}

// MailGivenUp notes why a mail will not be sent and removes its body.
func (s *Store) MailGivenUp(ctx context.Context, id uuid.UUID, at time.Time, problem string) error {
	_, err := query.New(s.pool).MailGivenUp(ctx, query.MailGivenUpParams{ID: id, At: at, Problem: problem})
	return ended("given up", id, err)
}

func ended(how string, id uuid.UUID, err error) error {
	if err != nil {
		return fmt.Errorf("note mail %s %s: %w", id, how, Classify(err))
	}
	return nil
}

// ListenMails calls heard whenever mail was queued, until ctx ends or the connection breaks, which it returns. It keeps a
// connection of the pool for itself. It calls heard once when it listens.
func (s *Store) ListenMails(ctx context.Context, heard func()) error {
	taken, err := s.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("listen for mail: %w", Classify(err))
	}
	conn := taken.Hijack() // a connection that listens does not go back
	defer conn.Close(context.WithoutCancel(ctx))
	if err := query.New(conn).ListenMails(ctx); err != nil {
		return fmt.Errorf("listen for mail: %w", Classify(err))
	}
	for {
		heard()
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return fmt.Errorf("listen for mail: %w", Classify(err))
		}
	}
}
