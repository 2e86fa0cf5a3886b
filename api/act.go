package api

import (
	"context"
	"maps"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
)

// The functions of this file are the one way for a handler into Postgres. Each opens a transaction for the caller,
// checks the caller's role against the operation's row of accessOf, and, where it writes, adds the
// operation's audit entry to the same transaction.

// asUser runs fn for the caller on what is the caller's own, and audits it.
func (s *service) asUser(ctx context.Context, fn func(*store.UserTx) error) error {
	caller, err := principal(ctx)
	if err != nil {
		return err
	}
	return s.standing(ctx, func() (*store.Held, error) {
		return s.store.HoldAsUser(ctx, caller.UserID, func(t *store.UserTx) error {
			if err := fn(t); err != nil {
				return err
			}
			return s.audit(ctx, t, nil)
		})
	})
}

// readUser is asUser for reading; nothing is audited.
func (s *service) readUser(ctx context.Context, fn func(*store.UserTx) error) error {
	caller, err := principal(ctx)
	if err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	return s.store.AsUser(ctx, caller.UserID, fn)
}

// inBusiness runs fn for the caller in a business, and audits it. It returns store.ErrNotFound for a business that is
// absent or of which the caller is no member, and a 403 when the caller's role does not suffice.
func (s *service) inBusiness(ctx context.Context, business uuid.UUID, fn func(*store.MemberTx) error) error {
	return s.enter(ctx, business, s.standAsMember, func(t *store.MemberTx) error {
		if err := fn(t); err != nil {
			return err
		}
		return s.audit(ctx, &t.UserTx, &business)
	})
}

func (s *service) standAsMember(ctx context.Context, user, business uuid.UUID, fn func(*store.MemberTx) error) error {
	return s.standing(ctx, func() (*store.Held, error) { return s.store.HoldAsMember(ctx, user, business, fn) })
}

// readBusiness is inBusiness for reading: all queries of fn see one state; nothing is audited.
func (s *service) readBusiness(ctx context.Context, business uuid.UUID, fn func(*store.MemberTx) error) error {
	if err := s.settle(ctx); err != nil {
		return err
	}
	return s.enter(ctx, business, s.store.ReadAsMember, fn)
}

func (s *service) enter(ctx context.Context, business uuid.UUID,
	open func(context.Context, uuid.UUID, uuid.UUID, func(*store.MemberTx) error) error, fn func(*store.MemberTx) error) error {
	caller, err := callerIn(ctx, business)
	if err != nil {
		return err
	}
	return open(ctx, caller.UserID, business, func(t *store.MemberTx) error {
		exchangeFrom(ctx).business = &business
		if err := allowed(ctx, caller, t.Role, t.Tier); err != nil {
			return err
		}
		return fn(t)
	})
}

// callerIn returns the caller, unless they showed a key of another business.
func callerIn(ctx context.Context, business uuid.UUID) (auth.Principal, error) {
	caller, err := principal(ctx)
	if err == nil && caller.IsKey() && caller.KeyBusiness != business {
		err = store.ErrNotFound
	}
	return caller, err
}

// allowed returns nil when the operation's row of accessOf, and the policy of the business's tier, let a member with the role
// call it. Whoever decides on a member decides here.
func allowed(ctx context.Context, caller auth.Principal, role, tier string) error {
	rule := exchangeFrom(ctx).access
	if rule.who != member || !auth.Role(role).Covers(rule.role) {
		return forbidden(ctx, string(rule.role))
	}
	if needsSecondFactor(role, tier) && !caller.IsKey() && !caller.SecondFactor {
		return mfaRequired(ctx)
	}
	return nil
}

// home returns the business of the row that a path names by id alone. It returns store.ErrNotFound for rows that are
// absent or belong to a business of which the caller is no member.
func (s *service) home(ctx context.Context, table store.Home, text string) (business, id uuid.UUID, err error) {
	caller, err := principal(ctx)
	if err != nil {
		return business, id, err
	}
	if id, err = pathID(ctx, text); err != nil {
		return business, id, err
	}
	if err := s.settle(ctx); err != nil {
		return business, id, err
	}
	business, err = s.store.BusinessOf(ctx, caller.UserID, table, id)
	return business, id, err
}

// pathID reads the id in a path.
func pathID(ctx context.Context, text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, invalid(ctx, "path", "id", "not an id")
	}
	return id, nil
}

// note adds to the audit entry of the request what was changed. Details hold no secret, and nothing that a person wrote: they cannot be
// erased.
func note(ctx context.Context, subject string, details map[string]any) {
	e := exchangeFrom(ctx)
	e.subject, e.details = subject, details
}

// noteNamed is note for a subject that people gave a name, which can be erased.
func noteNamed(ctx context.Context, subject, name string, details map[string]any) {
	note(ctx, subject, details)
	exchangeFrom(ctx).called = name
}

// noteMore is noteNamed for a request that changes something in several steps: details of the same subject are kept.
func noteMore(ctx context.Context, subject, name string, details map[string]any) {
	e := exchangeFrom(ctx)
	if e.subject == subject {
		maps.Copy(details, e.details)
	}
	noteNamed(ctx, subject, name, details)
}

// noteBusiness adds to the audit entry of a user's request the business that it turned out to be about.
func noteBusiness(ctx context.Context, business uuid.UUID) { exchangeFrom(ctx).business = &business }

// audit adds the request's entry to the audit log in the transaction that changes something.
func (s *service) audit(ctx context.Context, t *store.UserTx, business *uuid.UUID) error {
	return t.Audit(ctx, exchangeFrom(ctx).entry(ctx, s.clock(), business, store.AuditDone))
}
