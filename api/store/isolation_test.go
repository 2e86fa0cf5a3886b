package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

// request is a transaction as the API's role with the settings of a user in a business, whoever they are:
// what the database allows when the code above it is wrong.
func request(t *testing.T, pool *pgxpool.Pool, user, business string, fn func(pgx.Tx)) {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	for name, value := range map[string]string{"app.user_id": user, "app.business_id": business} {
		if _, err := tx.Exec(t.Context(), "select set_config($1, $2, true)", name, value); err != nil {
			t.Fatal(err)
		}
	}
	fn(tx)
}

// try runs a statement that may fail in a savepoint and returns the rows affected, or the error's code.
func try(t *testing.T, tx pgx.Tx, sql string, args ...any) string {
	t.Helper()
	save, err := tx.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer save.Rollback(t.Context())
	tag, err := save.Exec(t.Context(), sql, args...)
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Code
	}
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return fmt.Sprint(tag.RowsAffected(), " rows")
}

const denied = "42501" // insufficient_privilege: no grant, or a policy's check failed

func TestNoTenantReachesAnother(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	w := newWorld(t, db.URL(""))
	owner, api := db.Pool(t, ""), db.Pool(t, store.RoleAPI)
	seeded := map[string]bool{"public.kpi_sources": true, "public.kpis": true, "public.memberships": true}
	for table := range seeds {
		seeded[table] = true
	}
	for _, table := range column(t, owner, "select name from ("+tenantTables+") t order by 1") {
		t.Run(table, func(t *testing.T) {
			if !seeded[table] {
				t.Fatal("this tenant table has no row to look for: add one to seeds")
			}
			if got := column(t, owner, "select business_id::text from "+table); len(got) != 2 {
				t.Fatalf("rows in all: got %v, want one of either business", got)
			}
			for name, who := range map[string][2]string{"no settings": {"", ""}, "other's business": {w.ann.ID.String(), w.shop.String()},
				"absent business": {w.ann.ID.String(), uuid.NewString()}, "business without user": {"", w.shop.String()}, "other's user": {uuid.NewString(), w.shop.String()}} {
				request(t, api, who[0], who[1], func(tx pgx.Tx) {
					got := try(t, tx, "select 1 from "+table+" where business_id is distinct from $1", w.ownOf(who[0]))
					if got != "0 rows" && got != denied {
						t.Errorf("%s: reads %s, want none", name, got)
					}
				})
			}
			w.writeAcross(t, api, table)
		})
	}
}

// ownOf returns ann's business for ann, whose own membership she may always read, else nothing.
func (w *world) ownOf(user string) *uuid.UUID {
	if user == w.ann.ID.String() {
		return &w.cafe
	}
	return nil
}

// writeAcross tries what ann must not do to bob's rows of a table.
func (w *world) writeAcross(t *testing.T, api *pgxpool.Pool, table string) {
	t.Helper()
	request(t, api, w.ann.ID.String(), w.cafe.String(), func(tx pgx.Tx) {
		if got := try(t, tx, "select 1 from "+table); got != "1 rows" && table != "public.audit_log" {
			t.Errorf("own rows: got %s, want 1", got)
		}
		if got := try(t, tx, "update "+table+" set business_id = business_id where business_id = $1", w.shop); got != "0 rows" && got != denied {
			t.Errorf("update of other's rows: got %s, want none", got)
		}
		if got := try(t, tx, "update "+table+" set business_id = $1", w.shop); got != denied {
			t.Errorf("moving own rows to another business: got %s, want %s", got, denied)
		}
		if got := try(t, tx, "delete from "+table+" where business_id = $1", w.shop); got != "0 rows" && got != denied {
			t.Errorf("delete of other's rows: got %s, want none", got)
		}
		if seed, ok := seeds[table]; ok && table != "public.audit_log" {
			if got := try(t, tx, seed, w.shop, uuid.New(), w.ann.ID); got != denied {
				t.Errorf("insert for another business: got %s, want %s", got, denied)
			}
		}
		if got := try(t, tx, "truncate "+table); got != denied {
			t.Errorf("truncate: got %s, want %s", got, denied)
		}
	})
}

func TestNobodyTakesMembership(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	w := newWorld(t, db.URL(""))
	request(t, db.Pool(t, store.RoleAPI), w.ann.ID.String(), w.cafe.String(), func(tx pgx.Tx) {
		join := `insert into memberships (business_id, user_id, role) values ($1, $2, 'owner')`
		if got := try(t, tx, join, w.shop, w.ann.ID); got != denied {
			t.Errorf("joining another's business: got %s, want %s", got, denied)
		}
		own := uuid.New()
		found := `insert into businesses (id, name, time_zone, currency, country, created_by) values ($1, 'new', 'UTC', 'EUR', 'FR', $2)`
		if _, err := tx.Exec(t.Context(), found, own, w.ann.ID); err != nil {
			t.Fatalf("found a business: %v", err)
		}
		if got := try(t, tx, join, own, w.bob.ID); got != denied {
			t.Errorf("naming another the owner of a new business: got %s, want %s", got, denied)
		}
		if _, err := tx.Exec(t.Context(), join, own, w.ann.ID); err != nil {
			t.Errorf("owning a business that one founded: %v", err)
		}
		if got := try(t, tx, "insert into businesses (id, name, time_zone, currency, country, created_by) values (gen_random_uuid(), 'new', 'UTC', 'EUR', 'FR', $1)", w.bob.ID); got != denied {
			t.Errorf("founding a business in another's name: got %s, want %s", got, denied)
		}
	})
}

// Accounts and sessions belong to users and not to businesses.
func TestAccountsAreTheirUsersOwn(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	w := newWorld(t, db.URL(""))
	for _, user := range []store.User{w.ann, w.bob} {
		if err := startSession(t, w.api, user.ID); err != nil {
			t.Fatal(err)
		}
	}
	api := db.Pool(t, store.RoleAPI)
	for table, column := range map[string]string{"users": "updated_at", "user_sessions": "last_used_at", "businesses": "created_at"} {
		request(t, api, "", "", func(tx pgx.Tx) {
			if got := try(t, tx, "select 1 from "+table); got != "0 rows" {
				t.Errorf("%s without settings: got %s, want none", table, got)
			}
		})
		request(t, api, w.ann.ID.String(), w.cafe.String(), func(tx pgx.Tx) {
			if got := try(t, tx, "select 1 from "+table); got != "1 rows" {
				t.Errorf("%s as ann: got %s, want 1", table, got)
			}
			if got := try(t, tx, "update "+table+" set "+column+" = now()"); got != "1 rows" {
				t.Errorf("change of %s as ann: got %s, want 1", table, got)
			}
		})
	}
	if err := startSession(t, w.api, uuid.New()); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("session of nobody: got %v, want ErrInvalid", err)
	}
}

func startSession(t *testing.T, s *store.Store, user uuid.UUID) error {
	t.Helper()
	return s.AsUser(t.Context(), user, func(tx *store.UserTx) error {
		_, err := tx.StartSession(t.Context(), store.Session{ID: uuid.New(), StartedAt: day, ExpiresAt: day.AddDate(0, 0, 1), EndsAt: day.AddDate(0, 0, 1)}, 100)
		return err
	})
}

func TestColleaguesSeeEachOther(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	w := newWorld(t, db.URL(""))
	if _, err := db.Pool(t, store.RoleBatch).Exec(t.Context(), "insert into memberships (business_id, user_id, role) values ($1, $2, 'viewer')", w.cafe, w.bob.ID); err != nil {
		t.Fatal(err)
	}
	for business, want := range map[uuid.UUID]string{w.cafe: "2 rows", w.shop: "1 rows"} {
		request(t, db.Pool(t, store.RoleAPI), w.bob.ID.String(), business.String(), func(tx pgx.Tx) {
			if got := try(t, tx, "select 1 from users"); got != want {
				t.Errorf("users that bob sees: got %s, want %s", got, want)
			}
		})
	}
}

func TestSettingsEndWithTheTransaction(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	w := newWorld(t, db.URL(""))
	api, err := store.Open(t.Context(), store.Config{URL: db.URL(store.RoleAPI), Role: store.RoleAPI, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	count := func() (n int) {
		if err := api.Pool().QueryRow(t.Context(), "select count(*) from serving.kpi_data").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	failure := errors.New("stop")
	for name, end := range map[string]error{"commit": nil, "rollback": failure} {
		err := api.AsMember(t.Context(), w.ann.ID, w.cafe, func(*store.MemberTx) error { return end })
		if !errors.Is(err, end) {
			t.Fatal(err)
		}
		if got := count(); got != 0 {
			t.Errorf("on the same connection after a %s: %d rows, want none", name, got)
		}
	}
}

func TestAuditLogOnlyGrows(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	newWorld(t, db.URL(""))
	owner := db.Pool(t, "")
	for _, sql := range []string{"update audit_log set action = 'x'", "delete from audit_log", "truncate audit_log"} {
		_, err := owner.Exec(t.Context(), sql)
		if err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s as the owner: got %v, want it refused", sql, err)
		}
	}
}
