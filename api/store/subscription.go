package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// The ways in which a change of subscription ends.
const (
	ChangeDone    = "done"
	ChangeRefused = "refused"
)

// SubscriptionChange is a move of a business from one tier to another.
type SubscriptionChange struct {
	ID       uuid.UUID
	From, To string
}

// AskChange notes that the business is to move to a tier by way of a payment provider, and returns the change. One that was
// asked for before and never ended is taken up again when it is the same, and ends as refused when it is another.
func (tx *MemberTx) AskChange(ctx context.Context, wanted SubscriptionChange, provider string, at time.Time) (SubscriptionChange, error) {
	pending, err := tx.q.PendingChange(ctx)
	switch {
	case err == nil && pending.FromTier == wanted.From && pending.ToTier == wanted.To:
		return SubscriptionChange{ID: pending.ID, From: pending.FromTier, To: pending.ToTier}, nil
	case err == nil:
		err = tx.EndChange(ctx, pending.ID, ChangeRefused, "", at)
	case errors.Is(Classify(err), ErrNotFound):
		err = nil
	}
	if err == nil {
		err = tx.q.AskChange(ctx, query.AskChangeParams{ID: wanted.ID, FromTier: wanted.From, ToTier: wanted.To, Provider: provider, At: at})
	}
	if err != nil {
		return SubscriptionChange{}, fmt.Errorf("ask for a change of subscription: %w", Classify(err))
	}
	return wanted, nil
}

// EndChange notes how a change ended, with the provider's reference. It returns ErrChanged when it had ended before.
func (tx *MemberTx) EndChange(ctx context.Context, id uuid.UUID, status, reference string, at time.Time) error {
	ended, err := tx.q.EndChange(ctx, query.EndChangeParams{ID: id, Status: status, Reference: reference, At: at})
	if err == nil && ended == 0 {
		err = ErrChanged
	}
	if err != nil {
		return fmt.Errorf("end change of subscription %s: %w", id, Classify(err))
	}
	return nil
}

// SetTier moves the business to a tier, and tells the members' listeners: tiers differ in who hears what.
func (tx *MemberTx) SetTier(ctx context.Context, tier string, at time.Time) error {
	changed, err := tx.q.SetTier(ctx, query.SetTierParams{Tier: tier, At: at})
	if err == nil && changed == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("set subscription to %s: %w", tier, Classify(err))
	}
	return tx.Tell(ctx, Event{Kind: "subscription.changed", Payload: map[string]any{"tier": tier}})
}
