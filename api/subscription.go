package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/billing"
	"github.com/signalcraft/signalcraft/api/notify/message"
	"github.com/signalcraft/signalcraft/api/store"
)

// The codes of changes of subscription that are not made.
const (
	codeOverLimits = "OVER_LIMITS"
	codeDeclined   = "PAYMENT_DECLINED"
)

type tierAnswer struct {
	Tier          string `json:"tier" doc:"Subscription" enum:"free,pro,enterprise" example:"pro"`
	Sources       int    `json:"sources" doc:"Sources that it allows; 0 means without limit" minimum:"0" example:"50"`
	KPIs          int    `json:"kpis" doc:"Active KPIs that it allows; 0 means without limit" minimum:"0" example:"500"`
	Members       int    `json:"members" doc:"Members and open invitations that it allows; 0 means without limit" minimum:"0" example:"50"`
	RetentionDays int    `json:"retention_days" doc:"Days for which uploaded files and exported history go back; 0 means without limit" minimum:"0" example:"1830"`
	RequireMFA    bool   `json:"require_mfa" doc:"Whether owners and admins need a second factor" example:"false"`
}

type usageAnswer struct {
	Sources int `json:"sources" doc:"Sources there are; the operator's files are none" minimum:"0" example:"2"`
	KPIs    int `json:"kpis" doc:"Active KPIs there are" minimum:"0" example:"12"`
	Members int `json:"members" doc:"Members there are" minimum:"0" example:"3"`
	// Invitations is null for those who may not see any.
	Invitations *int `json:"invitations" doc:"Open invitations there are; null unless you are an admin" minimum:"0" example:"1"`
}

type subscriptionAnswer struct {
	BusinessID string       `json:"business_id" doc:"Whose subscription this is" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	Tier       string       `json:"tier" doc:"Subscription of the business" enum:"free,pro,enterprise" example:"free"`
	Limits     tierAnswer   `json:"limits" doc:"What it allows"`
	Usage      usageAnswer  `json:"usage" doc:"What the business has"`
	Tiers      []tierAnswer `json:"tiers" nullable:"false" doc:"What every subscription allows, from the smallest on"`
}

type subscriptionInput struct {
	BusinessID string `query:"business_id" doc:"Id of the business; may be left out by members of exactly one" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
}

type subscriptionOutput struct {
	Body subscriptionAnswer
}

type upgradeInput struct {
	Body struct {
		BusinessID string `json:"business_id" doc:"Id of the business" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
		Tier       string `json:"tier" doc:"Subscription to change to, up or down" enum:"free,pro,enterprise" example:"pro"`
	}
}

func (s *service) registerSubscription() {
	tags := []string{"users"}
	register(s, huma.Operation{
		OperationID: "getSubscription", Method: http.MethodGet, Path: "/users/subscription", Tags: tags,
		Summary:     "Subscription of a business, its limits and what is used of them",
		Description: "The tier, its limits, and how much of each is used now. A request beyond a limit is answered 403 LIMIT_REACHED.",
		Responses:   failing(http.StatusNotFound),
	}, s.getSubscription)
	register(s, huma.Operation{
		OperationID: "upgrade", Method: http.MethodPost, Path: "/users/upgrade", Tags: tags,
		Summary: "Change the subscription of a business",
		Description: "Up or down. A smaller subscription is refused while the business has more than it allows: 409 with the code " + codeOverLimits +
			" and each limit in details. A payment that is refused is 409 with the code " + codeDeclined + ". The owners get a mail. " +
			"Asking again for what is done changes nothing.",
		Responses: failing(http.StatusConflict),
	}, s.upgrade)
}

func (s *service) getSubscription(ctx context.Context, in *subscriptionInput) (*subscriptionOutput, error) {
	id, err := s.subscribed(ctx, in.BusinessID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := &subscriptionOutput{}
	err = s.readBusiness(ctx, id, func(t *store.MemberTx) error {
		used, err := t.CountUsage(ctx, "", s.clock())
		out.Body = aboutSubscription(id, used, t.Role == "owner" || t.Role == "admin")
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return out, nil
}

// subscribed returns the business that is asked for, or the only one that the caller belongs to.
func (s *service) subscribed(ctx context.Context, asked string) (uuid.UUID, error) {
	if asked != "" {
		id, err := uuid.Parse(asked)
		if err != nil {
			return id, invalid(ctx, "query", "business_id", "not an id")
		}
		return id, nil
	}
	var found []store.BusinessDetail
	err := s.readUser(ctx, func(t *store.UserTx) (err error) {
		found, err = t.ListBusinesses(ctx, "", uuid.Nil, 2)
		return err
	})
	switch {
	case err != nil:
		return uuid.Nil, err
	case len(found) == 0:
		return uuid.Nil, store.ErrNotFound
	case len(found) > 1:
		return uuid.Nil, invalid(ctx, "query", "business_id", "you belong to several businesses: name one")
	}
	return found[0].ID, nil
}

// upgrade asks in one transaction and completes in another, so that none is open while a payment provider thinks.
func (s *service) upgrade(ctx context.Context, in *upgradeInput) (*subscriptionOutput, error) {
	id, err := uuid.Parse(in.Body.BusinessID)
	if err != nil {
		return nil, invalid(ctx, "body", "business_id", "not an id")
	}
	change, err := s.askUpgrade(ctx, id, in.Body.Tier)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	if change.From == change.To {
		return s.getSubscription(ctx, &subscriptionInput{BusinessID: id.String()})
	}
	reference, err := s.billing.Agree(ctx, change)
	if errors.Is(err, billing.ErrDeclined) {
		return nil, s.fail(ctx, s.declined(ctx, change))
	}
	if err != nil {
		return nil, s.fail(ctx, fmt.Errorf("ask %s for change %s: %w", s.billing.Name(), change.ID, err))
	}
	out := &subscriptionOutput{}
	err = s.inBusiness(ctx, id, func(t *store.MemberTx) error {
		note(ctx, change.ID.String(), map[string]any{"from": change.From, "to": change.To, "provider": s.billing.Name()})
		return s.complete(ctx, t, change, reference, &out.Body)
	})
	if err != nil {
		return nil, s.fail(ctx, versionChanged(ctx, err))
	}
	return out, nil
}

// askUpgrade stores that the change is wanted. It is not audited: nothing has changed yet.
func (s *service) askUpgrade(ctx context.Context, business uuid.UUID, tier string) (billing.Change, error) {
	var change billing.Change
	id, err := uuid.NewV7()
	if err != nil {
		return change, fmt.Errorf("make change id: %w", err)
	}
	err = s.enter(ctx, business, s.store.AsMember, func(t *store.MemberTx) error {
		used, err := t.Usage(ctx, "", s.clock())
		if err != nil {
			return err
		}
		change = billing.Change{ID: id, BusinessID: business, UserID: t.UserID, From: used.Tier, To: tier}
		if used.Tier == tier {
			return nil
		}
		if err := fits(ctx, used, tier); err != nil {
			return err
		}
		asked, err := t.AskChange(ctx, store.SubscriptionChange{ID: id, From: used.Tier, To: tier}, s.billing.Name(), s.clock().UTC())
		change.ID = asked.ID
		return err
	})
	return change, err
}

// complete moves the business to the tier that is agreed to.
func (s *service) complete(ctx context.Context, t *store.MemberTx, c billing.Change, reference string, answer *subscriptionAnswer) error {
	now := s.clock().UTC()
	used, err := t.Usage(ctx, "", now)
	if err != nil {
		return err
	}
	if err := fits(ctx, used, c.To); err != nil {
		return err
	}
	if err := t.EndChange(ctx, c.ID, store.ChangeDone, reference, now); err != nil {
		return err
	}
	if err := t.SetTier(ctx, c.To, now); err != nil {
		return err
	}
	business, err := t.Detail(ctx)
	if err != nil {
		return err
	}
	owners, err := t.OwnersToTell(ctx)
	if err != nil {
		return err
	}
	used.Tier = c.To
	*answer = aboutSubscription(c.BusinessID, used, true)
	return tellOwners(ctx, &t.UserTx, owners, func(to store.User) store.Mail {
		return s.mails.SubscriptionChanged(to, business.Name, c.From, c.To, message.Occasion{At: s.clock().UTC()})
	})
}

// declined notes that the payment was refused.
func (s *service) declined(ctx context.Context, c billing.Change) error {
	err := s.enter(ctx, c.BusinessID, s.store.AsMember, func(t *store.MemberTx) error {
		return t.EndChange(ctx, c.ID, store.ChangeRefused, "", s.clock().UTC())
	})
	if err != nil {
		return err
	}
	return problem(ctx, http.StatusConflict, codeDeclined, "The payment was declined. The subscription stays as it is.")
}

// fits returns nil when a tier allows what the business has, else the answer that names each limit that it breaks.
func fits(ctx context.Context, used store.Usage, tier string) error {
	most := limitsOf(tier)
	e := problem(ctx, http.StatusConflict, codeOverLimits, "The business has more than that subscription allows.")
	d := &e.Problem.Details
	for _, l := range []struct {
		name       string
		have, most int
	}{{"sources", used.Sources, most.Sources}, {"kpis", used.KPIs, most.KPIs}, {"members", used.Members + used.Invitations, most.Members}} {
		if l.most == 0 || l.have <= l.most {
			continue
		}
		if d.Limit == "" {
			d.Limit, d.Maximum = l.name, l.most
		}
		d.Others = append(d.Others, errorField{Field: l.name, In: "subscription", Issue: fmt.Sprintf("%d in use, %d allowed", l.have, l.most)})
	}
	if d.Limit == "" {
		return nil
	}
	return e
}

func aboutSubscription(business uuid.UUID, used store.Usage, admin bool) subscriptionAnswer {
	a := subscriptionAnswer{BusinessID: business.String(), Tier: used.Tier, Limits: aboutTier(used.Tier),
		Usage: usageAnswer{Sources: used.Sources, KPIs: used.KPIs, Members: used.Members}}
	if admin {
		a.Usage.Invitations = &used.Invitations
	}
	for tier := range strings.FieldsSeq("free pro enterprise") {
		a.Tiers = append(a.Tiers, aboutTier(tier))
	}
	return a
}

func aboutTier(tier string) tierAnswer {
	l := limitsOf(tier)
	return tierAnswer{Tier: tier, Sources: l.Sources, KPIs: l.KPIs, Members: l.Members, RetentionDays: l.RetentionDays, RequireMFA: l.RequireMFA}
}

// tellOwners queues a mail to each owner.
func tellOwners(ctx context.Context, t *store.UserTx, owners []store.User, mail func(to store.User) store.Mail) error {
	for _, o := range owners {
		if err := t.QueueMail(ctx, mail(o)); err != nil {
			return err
		}
	}
	return nil
}
