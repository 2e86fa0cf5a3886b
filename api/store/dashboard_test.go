package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

// TestDashboardStateIsForMembers asks on one connection only: nothing of one question is left to the next.
func TestDashboardStateIsForMembers(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	w := newWorld(t, db.URL(""))
	narrow, err := store.Open(t.Context(), store.Config{URL: db.URL(store.RoleAPI), Role: store.RoleAPI, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(narrow.Close)
	now := time.Date(2026, 3, 31, 22, 30, 0, 0, time.UTC)
	ask := func(user, business uuid.UUID) (store.DashboardState, error) {
		return narrow.DashboardState(t.Context(), user, business, []string{"kpi_data", "forecasts"}, now)
	}
	state, err := ask(w.ann.ID, w.cafe)
	if err != nil || state.BusinessID != w.cafe || state.Role != "owner" || state.TimeZone != "Europe/Paris" || state.Today.Format(time.DateOnly) != "2026-04-01" {
		t.Errorf("state of the own business: %+v, %v", state, err)
	}
	if p := state.Publication("kpi_data"); p.AsOf != nil || p.RunID != nil || !p.LocalDay.Equal(state.Today) {
		t.Errorf("a table that was never published: %+v", p)
	}
	for what, business := range map[string]uuid.UUID{"another's business": w.shop, "an absent business": uuid.New()} {
		if state, err := ask(w.ann.ID, business); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %+v, %v; want ErrNotFound", what, state, err)
		}
	}
	if _, err := ask(w.ann.ID, w.cafe); err != nil {
		t.Error(err)
	}
	var user, business string
	if err := narrow.Pool().QueryRow(t.Context(), "select coalesce(current_setting('app.user_id', true), ''), coalesce(current_setting('app.business_id', true), '')").Scan(&user, &business); err != nil || user+business != "" {
		t.Errorf("after a question the connection acts for %q in %q, %v; want nobody", user, business, err)
	}
}

// TestRevisionGrowsWithEachChange makes changes as the roles that make them.
func TestRevisionGrowsWithEachChange(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	w := newWorld(t, db.URL(""))
	revisions := func() (cafe, shop int64) {
		t.Helper()
		for _, c := range []struct {
			user, business uuid.UUID
			into           *int64
		}{{w.ann.ID, w.cafe, &cafe}, {w.bob.ID, w.shop, &shop}} {
			state, err := w.api.DashboardState(t.Context(), c.user, c.business, nil, time.Unix(0, 0))
			if err != nil {
				t.Fatal(err)
			}
			*c.into = state.Revision
		}
		return cafe, shop
	}
	member := func(statement string, args ...any) func() error {
		return func() error {
			return pgx.BeginFunc(t.Context(), w.api.Pool(), func(tx pgx.Tx) error {
				if _, err := tx.Exec(t.Context(), `select set_config('app.user_id', $1, true), set_config('app.business_id', $2, true)`, w.ann.ID.String(), w.cafe.String()); err != nil {
					return err
				}
				_, err := tx.Exec(t.Context(), statement, args...)
				return err
			})
		}
	}
	for what, change := range map[string]func() error{
		"a name of a KPI":        member(`update kpis set name = 'sales' where id = $1`, w.kpi[w.cafe]),
		"a name of the business": member(`update businesses set name = 'new name' where id = $1`, w.cafe),
		"a new KPI":              member(`insert into kpis (business_id, id, source_id, name) values ($1, gen_random_uuid(), $2, 'more')`, w.cafe, w.source[w.cafe]),
		"a KPI of the batch's": func() error {
			_, err := w.batch.Pool().Exec(t.Context(), `update kpis set description = 'seen' where id = $1`, w.kpi[w.cafe])
			return err
		},
	} {
		cafe, shop := revisions()
		if err := change(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if after, other := revisions(); after <= cafe || other != shop {
			t.Errorf("after %s: revision %d of %d, other's %d of %d; want more, and the same", what, after, cafe, other, shop)
		}
	}
	cafe, _ := revisions()
	if err := member(`delete from kpis`)(); err != nil {
		t.Fatal(err)
	}
	if after, _ := revisions(); after <= cafe {
		t.Errorf("after KPIs were removed: revision %d of %d", after, cafe)
	}
	if err := member(`delete from businesses where id = $1`, w.cafe)(); err != nil {
		t.Errorf("remove a business: %v", err)
	}
}
