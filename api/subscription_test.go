package api_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/api/apitest"
	"github.com/signalcraft/signalcraft/api/billing"
)

// till is a payment provider that does what it is told next.
type till struct {
	mu    sync.Mutex
	next  []error
	asked []billing.Change
}

// Name returns "till".
func (*till) Name() string { return "till" }

// Agree returns the next error, or agrees when there is none.
func (p *till) Agree(_ context.Context, c billing.Change) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, c)
	if len(p.next) == 0 {
		return "receipt " + c.ID.String(), nil
	}
	err := p.next[0]
	p.next = p.next[1:]
	return "", err
}

type subscriptionBody struct {
	Tier   string
	Limits struct{ Sources, KPIs, Members int }
	Usage  struct {
		Sources, KPIs, Members int
		Invitations            *int
	}
	Tiers []struct{ Tier string }
}

func TestSubscription(t *testing.T) {
	t.Parallel()
	s := newScene(t, apitest.Options{})
	ada, vic, nobody := s.Login(t, s.World.Ada), s.Login(t, s.World.Vic), s.Login(t, s.World.Nobody)
	cafe := s.World.Cafe.ID.String()
	var got subscriptionBody
	s.want(200, ada, "GET", "/users/subscription", nil, &got)
	if got.Tier != "free" || got.Limits.Members != 5 || got.Usage.Sources != 0 || got.Usage.KPIs != 3 || got.Usage.Members != 3 || got.Usage.Invitations == nil || len(got.Tiers) != 3 {
		t.Errorf("subscription: %+v", got)
	}
	s.want(200, vic, "GET", "/users/subscription?business_id="+cafe, nil, &got)
	if got.Usage.Invitations != nil {
		t.Error("a viewer is told how many invitations there are")
	}
	s.as(nobody, "GET", "/users/subscription", nil).WantError(t, http.StatusNotFound, "NOT_FOUND")
	s.exec(`insert into memberships (business_id, user_id, role) values ($1, $2, 'viewer')`, s.World.Hotel.ID, s.World.Ada.ID)
	s.as(ada, "GET", "/users/subscription", nil).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")

	upgrade := func(token, tier string) apitest.Answer {
		return s.as(token, "POST", "/users/upgrade", map[string]string{"business_id": cafe, "tier": tier})
	}
	upgrade(vic, "pro").WantError(t, http.StatusForbidden, "FORBIDDEN")
	upgrade(ada, "gold").WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	upgrade(ada, "pro").Decode(t, 200, &got)
	if got.Tier != "pro" || got.Limits.Members != 50 {
		t.Errorf("after the upgrade: %+v", got)
	}
	upgrade(ada, "pro").Decode(t, 200, &got)
	if n := s.value(`select string_agg(from_tier || to_tier || status || provider, ' ') from subscription_changes`); n != "freeprodonemanual" {
		t.Errorf("changes: %s, want one", n)
	}
	if n := s.value(`select count(*) from audit_log where action = 'upgrade' and outcome = 'done'`); n != "2" {
		t.Errorf("%s audit entries, want one of each request", n)
	}
	if n := s.value(`select string_agg(recipient, ' ') from mails where kind = 'subscription_changed'`); n != s.World.Ada.Email {
		t.Errorf("mails to %s, want the owner who can sign in", n)
	}
}

func TestDowngradeNamesEachLimit(t *testing.T) {
	t.Parallel()
	s := newScene(t, apitest.Options{})
	ada := s.Login(t, s.World.Ada)
	s.exec(`update businesses set subscription_tier = 'pro'`)
	s.exec(`insert into kpi_sources (business_id, id, name, kind) select $1, gen_random_uuid(), 's' || n, 'push' from generate_series(1, 5) n`, s.World.Cafe.ID)
	s.exec(`insert into kpis (business_id, id, source_id, name) select s.business_id, gen_random_uuid(), s.id, s.name || ' ' || n from kpi_sources s, generate_series(1, 20) n where s.business_id = $1`, s.World.Cafe.ID)
	answer := s.as(ada, "POST", "/users/upgrade", map[string]string{"business_id": s.World.Cafe.ID.String(), "tier": "free"})
	answer.WantError(t, http.StatusConflict, "OVER_LIMITS")
	for _, want := range []string{`"limit":"sources"`, `"maximum":3`, "5 in use, 3 allowed", "123 in use, 25 allowed"} {
		if !strings.Contains(string(answer.Body), want) {
			t.Errorf("answer %s lacks %s", answer.Body, want)
		}
	}
	s.want(200, ada, "POST", "/users/upgrade", map[string]string{"business_id": s.World.Cafe.ID.String(), "tier": "pro"}, nil)
}

// A change that was interrupted goes on under the same id; one that was declined leaves everything as it was.
func TestPaymentsThatFail(t *testing.T) {
	t.Parallel()
	p := &till{next: []error{billing.ErrDeclined, errors.New("the line is dead")}}
	s := newScene(t, apitest.Options{API: func(c *api.Config) { c.Billing = p }})
	ada := s.Login(t, s.World.Ada)
	upgrade := func() apitest.Answer {
		return s.as(ada, "POST", "/users/upgrade", map[string]string{"business_id": s.World.Cafe.ID.String(), "tier": "pro"})
	}
	upgrade().WantError(t, http.StatusConflict, "PAYMENT_DECLINED")
	upgrade().WantError(t, http.StatusInternalServerError, "INTERNAL_ERROR")
	if got := s.value(`select subscription_tier from businesses where id = $1`, s.World.Cafe.ID); got != "free" {
		t.Fatalf("tier %s without payment", got)
	}
	var got subscriptionBody
	upgrade().Decode(t, 200, &got)
	if got.Tier != "pro" || len(p.asked) != 3 || p.asked[1].ID != p.asked[2].ID || p.asked[0].ID == p.asked[1].ID {
		t.Errorf("tier %s after %v", got.Tier, p.asked)
	}
	if got := s.value(`select string_agg(status, ' ' order by id) from subscription_changes`); got != "refused done" {
		t.Errorf("changes: %s", got)
	}
}
