package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/signalcraft/signalcraft/api/store"
)

// limits are what a business may have in a tier; 0 means without limit.
type limits struct {
	Sources, KPIs, Members int
	RetentionDays          int  // of uploads kept as files and of exported history
	RequireMFA             bool // for owners and admins
}

// limitsOf returns the limits of a subscription tier.
func limitsOf(tier string) limits {
	switch tier {
	case "enterprise":
		return limits{RequireMFA: true}
	case "pro":
		return limits{Sources: 50, KPIs: 500, Members: 50, RetentionDays: 1830}
	}
	return limits{Sources: 3, KPIs: 25, Members: 5, RetentionDays: 730}
}

// more is what a request adds to a business.
type more struct{ Sources, KPIs, Members int }

// room returns nil when the subscription of a business that has what used counts allows so much more, else the answer that names
// the limit. Whatever adds to what a subscription limits asks here, and has called Usage before it read anything else that it
// decides by: from then on until its transaction ends, others that add to the business wait.
func room(ctx context.Context, used store.Usage, m more) error {
	most := limitsOf(used.Tier)
	for _, l := range []struct {
		name             string
		adds, have, most int
	}{
		{"sources", m.Sources, used.Sources, most.Sources},
		{"kpis", m.KPIs, used.KPIs, most.KPIs},
		{"members", m.Members, used.Members + used.Invitations, most.Members},
	} {
		if l.adds <= 0 {
			continue
		}
		if err := within(ctx, l.name, l.have+l.adds-1, l.most); err != nil {
			return err
		}
	}
	return nil
}

// within returns nil when a business of which count things exist may have one more, else the answer that names the limit.
func within(ctx context.Context, limit string, count, most int) error {
	if most == 0 || count < most {
		return nil
	}
	e := problem(ctx, http.StatusForbidden, codeLimit, "The subscription's limit of "+strconv.Itoa(most)+" "+limit+" is reached. Upgrade or remove some.")
	e.Problem.Details.Limit, e.Problem.Details.Maximum = limit, most
	return e
}
