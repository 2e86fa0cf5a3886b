package store_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

// column returns the first column of a query's rows.
func column(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) []string {
	t.Helper()
	rows, err := pool.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	values, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return values
}

// tables selects our tables; what goose keeps is its own.
const tables = `select c.oid, n.nspname || '.' || c.relname as name, c.relrowsecurity, c.relforcerowsecurity, c.relacl from pg_class c join pg_namespace n on n.oid = c.relnamespace
	where n.nspname in ('public', 'serving') and c.relkind in ('r', 'p') and c.relname <> 'goose_db_version'`

const tenantTables = `select * from (` + tables + `) t
	where exists (select 1 from pg_attribute a where a.attrelid = t.oid and a.attname = 'business_id')`

func TestEveryTableIsProtected(t *testing.T) {
	t.Parallel()
	pool := storetest.New(t).Pool(t, "")
	none := func(what, sql string) {
		t.Helper()
		if got := column(t, pool, sql); len(got) > 0 {
			t.Errorf("%s: %v", what, got)
		}
	}
	if got := column(t, pool, `select name from (`+tenantTables+`) t`); len(got) < 15 {
		t.Fatalf("tenant tables: got %d, want at least 15: %v", len(got), got)
	}
	none("without forced row-level security", `select name from (`+tables+`) t where not (relrowsecurity and relforcerowsecurity)`)
	none("tenant tables without a policy of the API's", `select name from (`+tenantTables+`) t where not exists
		(select 1 from pg_policy p where p.polrelid = t.oid and 'signalcraft_api'::regrole = any (p.polroles))`)
	none("tenant tables without a policy of the batch's", `select name from (`+tenantTables+`) t where not exists
		(select 1 from pg_policy p where p.polrelid = t.oid and 'signalcraft_batch'::regrole = any (p.polroles))`)
	none("policies for everybody", `select polrelid::regclass::text from pg_policy where 0 = any (polroles)`)
	none("API policies on tenant tables that do not look at the request", `select name || ' ' || p.polname from (`+tenantTables+`) t
		join pg_policy p on p.polrelid = t.oid and 'signalcraft_api'::regrole = any (p.polroles)
		where coalesce(pg_get_expr(polqual, polrelid), '') || coalesce(pg_get_expr(polwithcheck, polrelid), '') !~ 'request_(business|user|may|operator)'
		and t.name <> 'public.audit_log'`)
	none("keys that tell one tenant about another's rows", `select name || ' ' || x.indexrelid::regclass from (`+tenantTables+`) t
		join pg_index x on x.indrelid = t.oid and x.indisunique
		join pg_attribute a on a.attrelid = t.oid and a.attnum = x.indkey[0]
		where a.attname <> 'business_id' and t.name not in ('public.audit_log', 'public.events')`) // numbered by the server, not by a tenant
	none("tenant tables without an index on the tenant", `select name from (`+tenantTables+`) t where not exists
		(select 1 from pg_index x join pg_attribute a on a.attrelid = t.oid and a.attnum = x.indkey[0]
		where x.indrelid = t.oid and a.attname = 'business_id')`)
	none("foreign keys without an index", `select c.conrelid::regclass || ' ' || c.conname from pg_constraint c where contype = 'f' and not exists
		(select 1 from pg_index x where x.indrelid = c.conrelid and (x.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey)`)
	none("grants to everybody", `select name from (`+tables+`) t, aclexplode(t.relacl) g where g.grantee = 0`)
	none("functions that everybody may call", `select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace
		where n.nspname in ('public', 'serving') and p.prorettype <> 'trigger'::regtype
		and (p.proacl is null or exists (select 1 from aclexplode(p.proacl) g where g.grantee = 0))`)
	none("functions with the owner's rights and the caller's search path", `select p.oid::regprocedure::text from pg_proc p
		where p.pronamespace = 'public'::regnamespace and p.prosecdef and not exists (select 1 from unnest(p.proconfig) c where c like 'search_path=%')`)
	none("views, which need security_invoker", `select c.relname from pg_class c where c.relnamespace in ('public'::regnamespace, 'serving'::regnamespace)
		and c.relkind in ('v', 'm') and not coalesce(c.reloptions, '{}') @> '{security_invoker=true}'`)
	none("roles with more than their grants", `select rolname from pg_roles where rolname like 'signalcraft\_%'
		and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)`)
	none("what the roles own", `select c.oid::regclass::text from pg_class c where c.relowner in ('signalcraft_api'::regrole, 'signalcraft_batch'::regrole)`)
}

// What the API may do to tables of which it could do harm beyond the request.
func TestGrantsOfTheAPI(t *testing.T) {
	t.Parallel()
	pool := storetest.New(t).Pool(t, "")
	for table, want := range map[string]string{
		"audit_log": "INSERT SELECT", "erasures": "", "runs": "", "intervals": "", "readings": "", "job_schedules": "", "signing_keys": "INSERT SELECT UPDATE",
		"account_tokens": "INSERT SELECT UPDATE", "mails": "INSERT",
		"serving.kpi_data": "SELECT", "serving.publications": "SELECT", "serving.market_data": "SELECT", "freshness": "SELECT",
	} {
		got := strings.Join(column(t, pool, `select g.privilege_type from pg_class c, aclexplode(c.relacl) g
			where c.oid = $1::regclass and g.grantee = 'signalcraft_api'::regrole order by 1`, table), " ")
		if got != want {
			t.Errorf("%s: got %q, want %q", table, got, want)
		}
	}
	got := column(t, pool, `select table_name || '.' || column_name from information_schema.column_privileges
		where grantee = 'signalcraft_batch' and table_name = 'users' and privilege_type = 'SELECT' order by 1`)
	if diff := cmp.Diff([]string{"users.email", "users.full_name", "users.id", "users.is_active"}, got); diff != "" {
		t.Errorf("columns of users that the batch reads (-want +got):\n%s", diff)
	}
}

// The tables and columns that the product's design names.
func TestDesignedTablesExist(t *testing.T) {
	t.Parallel()
	pool := storetest.New(t).Pool(t, "")
	for _, table := range []string{"users", "businesses", "user_sessions", "memberships", "kpi_sources", "kpis", "serving.kpi_data",
		"serving.forecasts", "serving.news_articles", "serving.weather_data", "serving.market_data", "alerts", "notifications",
		"account_tokens", "mails", "audit_log", "runs", "intervals", "readings", "job_schedules", "signing_keys", "serving.publications"} {
		if got := column(t, pool, `select to_regclass($1)::text`, table); len(got) != 1 {
			t.Errorf("table %s: not found", table)
		}
	}
}

func TestMigrationsAtOnce(t *testing.T) {
	t.Parallel()
	one, other := storetest.NewEmpty(t), storetest.NewEmpty(t)
	var wait sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		db := []*storetest.DB{one, other}[i%2]
		wait.Go(func() { errs[i] = store.Migrate(t.Context(), db.URL(""), nil) })
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	schema := `select table_schema || '.' || table_name || '.' || column_name || ' ' || data_type from information_schema.columns
		where table_schema in ('public', 'serving') order by 1`
	if diff := cmp.Diff(column(t, one.Pool(t, ""), schema), column(t, other.Pool(t, ""), schema)); diff != "" {
		t.Errorf("schemas differ:\n%s", diff)
	}
}

// On a hosted Postgres the owner is no superuser, and forced row-level security binds it too.
func TestOwnerWithoutSuperuser(t *testing.T) {
	t.Parallel()
	storetest.New(t) // the roles exist from the server's first migration on
	db := storetest.NewEmpty(t)
	pool := db.Pool(t, "")
	name := column(t, pool, "select current_database()")[0]
	owner := "owner_of_" + name
	for _, sql := range []string{"create role " + owner + " login createrole", "grant signalcraft_api, signalcraft_batch to " + owner,
		"alter database " + name + " owner to " + owner} {
		if _, err := pool.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	t.Cleanup(func() {
		for _, sql := range []string{"reassign owned by " + owner + " to current_user", "drop owned by " + owner, "drop role " + owner} {
			if _, err := pool.Exec(context.WithoutCancel(t.Context()), sql); err != nil {
				t.Errorf("%s: %v", sql, err)
			}
		}
	})
	if err := store.Migrate(t.Context(), db.URL(owner), nil); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, db.URL(owner))
	err := w.api.AsMember(t.Context(), w.ann.ID, w.cafe, func(tx *store.MemberTx) error {
		memberships, err := tx.Memberships(t.Context())
		if len(memberships) != 1 {
			t.Errorf("memberships: got %v, want one", memberships)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// The functions with the owner's rights see what they need.
	w.registerAndSweep(t)
	// What runs with the owner's rights sees and changes what it must.
	before, err := w.api.DashboardState(t.Context(), w.ann.ID, w.cafe, []string{"kpi_data"}, day)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.batch.Pool().Exec(t.Context(), "update kpis set description = 'seen' where business_id = $1", w.cafe); err != nil {
		t.Fatal(err)
	}
	if after, err := w.api.DashboardState(t.Context(), w.ann.ID, w.cafe, []string{"kpi_data"}, day); err != nil || after.Revision <= before.Revision {
		t.Errorf("after a change of KPIs: %+v, %v; want a revision above %d", after, err, before.Revision)
	}
	w.tenancyWorks(t)
}

func TestMigrateUnreachable(t *testing.T) {
	t.Parallel()
	err := store.Migrate(t.Context(), "postgres://nobody@/none?host="+t.TempDir(), nil)
	if !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}
