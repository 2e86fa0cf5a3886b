package store_test

import (
	"cmp"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store"
)

// world is a database with two users, each the owner of one business, and a row of either in every tenant table.
type world struct {
	api, batch *store.Store
	ann, bob   store.User
	cafe, shop uuid.UUID // ann's, bob's
	kpi        map[uuid.UUID]uuid.UUID
	source     map[uuid.UUID]uuid.UUID
}

var day = time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC)

func open(t *testing.T, url, role string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: url, Role: role, MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func newWorld(t *testing.T, url string) *world {
	t.Helper()
	w := &world{
		api: open(t, url, store.RoleAPI), batch: open(t, url, store.RoleBatch),
		ann:  store.User{ID: uuid.New(), Email: "Ann@example.org", Name: "Ann"},
		bob:  store.User{ID: uuid.New(), Email: "bob@example.org", Name: "Bob"},
		cafe: uuid.New(), shop: uuid.New(), kpi: map[uuid.UUID]uuid.UUID{}, source: map[uuid.UUID]uuid.UUID{},
	}
	for user, business := range map[store.User]uuid.UUID{w.ann: w.cafe, w.bob: w.shop} {
		w.kpi[business], w.source[business] = uuid.New(), uuid.New()
		if _, err := w.batch.AddSetup(t.Context(), w.setup(user, business)); err != nil {
			t.Fatal(err)
		}
		for _, table := range slices.SortedFunc(maps.Keys(seeds), func(a, b string) int { return cmp.Compare(needs[a], needs[b]) }) {
			sql := seeds[table]
			err := w.as(t, table, user.ID, business, func(tx pgx.Tx) error {
				_, err := tx.Exec(t.Context(), sql, business, w.kpi[business], user.ID)
				return err
			})
			if err != nil {
				t.Fatalf("fill %s: %v", table, err)
			}
		}
	}
	return w
}

func (w *world) setup(user store.User, business uuid.UUID) store.Setup {
	return store.Setup{User: user, PasswordHash: "hash of " + user.Name,
		Businesses: []store.Business{{ID: business, Name: user.Name + "'s", TimeZone: "Europe/Paris", Currency: "EUR", Country: "FR", Place: "Lyon"}},
		Sources:    []store.Source{{BusinessID: business, ID: w.source[business], Name: "till", Kind: "upload"}},
		KPIs: []store.KPI{{BusinessID: business, ID: w.kpi[business], SourceID: w.source[business], Name: "revenue", Unit: "EUR",
			Aggregation: "sum", Grain: "day", NonNegative: true}},
	}
}

// seeds adds one row of a business to each tenant table that AddSetup does not fill; $1 is the business, $2 its KPI, $3 the user.
var seeds = map[string]string{
	"public.alert_firings":      `insert into alert_firings (business_id, alert_id, kpi_id, day, rule, fired_at, run_id) select $1, (select id from alerts where business_id = $1), $2, '2026-03-29', 1, now(), $1 where $3::uuid is not null`,
	"public.anomalies_told":     `insert into anomalies_told (business_id, kpi_id, grain, starts_at, told_at) select $1, $2, 'day', '2026-03-29', now() where $3::uuid is not null`,
	"public.notification_reads": `insert into notification_reads (business_id, notification_id, user_id, read_at) select $1, coalesce((select id from notifications where business_id = $1), $2), $3, now()`,
	"serving.changes":           `insert into serving.changes (business_id, table_name, run_id, as_of) select $1, 'kpi_data', $2, '2026-03-29' where $3::uuid is not null`,
	"public.calendar_entries":   `insert into calendar_entries (business_id, id, kpi_id, kind, name, first_day, last_day) select $1, gen_random_uuid(), $2, 'event', 'Fair', '2026-03-29', '2026-03-30' where $3::uuid is not null`,
	"public.alerts":             `insert into alerts (business_id, id, kpi_id, name, condition) values ($1, gen_random_uuid(), $2, coalesce($3::uuid::text, 'x'), 'anomaly')`,
	"public.notifications":      `insert into notifications (business_id, id, user_id, kind, title) select $1, gen_random_uuid(), $3, 'alert', 'title' where $2::uuid is not null`,
	"public.invitations": `insert into invitations (business_id, id, email, role, token_hash, invited_by, created_at, expires_at)
		select $1, gen_random_uuid(), 'new@example.org', 'viewer', 'x', $3, now(), now() + interval '1 day' where $2::uuid is not null`,
	"public.subscription_changes": `insert into subscription_changes (business_id, id, from_tier, to_tier, provider, requested_by, requested_at)
		select $1, gen_random_uuid(), 'free', 'pro', 'manual', $3, now() where $2::uuid is not null`,
	"public.audit_log":      `insert into audit_log (business_id, user_id, action) select $1, $3, 'test' where $2::uuid is not null`,
	"public.events":         `insert into events (business_id, user_id, kind) select $1, $3, 'test' where $2::uuid is not null`,
	"public.source_secrets": `insert into source_secrets (business_id, source_id, name, sealed) select $1, coalesce((select id from kpi_sources where business_id = $1), gen_random_uuid()), 'password', 'x' where $2::uuid is not null and $3::uuid is not null`,
	"public.pushed_batches": `insert into pushed_batches (business_id, id, source_id, digest, received_at, ready_at, points, rejects) select $1, gen_random_uuid(), coalesce((select id from kpi_sources where business_id = $1), gen_random_uuid()), 'x', now(), now(), '[]', '[]' where $2::uuid is not null and $3::uuid is not null`,
	"public.api_keys":       `insert into api_keys (business_id, id, user_id, name, secret_hash, scopes, expires_at) select $1, gen_random_uuid(), $3, 'k', 'h', '{read}', now() where $2::uuid is not null`,
	"public.uploads":        `insert into uploads (business_id, id, name, content, size_bytes) select $1, $2, 'till.csv', repeat('0', 64), 1 where $3::uuid is not null on conflict do nothing`,
	"public.upload_rejects": `with u as (insert into uploads (business_id, id, name, content, size_bytes) values ($1, $2, 'till.csv', repeat('0', 64), 1) on conflict do nothing)
		insert into upload_rejects (business_id, upload_id, number, reason, raw) select $1, $2, 1, 'bad', 'x' where $3::uuid is not null`,
	"serving.kpi_data":             `insert into serving.kpi_data (business_id, kpi_id, day, starts_at, value, points, hours_expected, complete) select $1, $2, '2026-03-29', '2026-03-28T23:00Z', 1, 1, 23, true where $3::uuid is not null`,
	"serving.kpi_hourly":           `insert into serving.kpi_hourly (business_id, kpi_id, starts_at, day, hour, value, points) select $1, $2, '2026-03-29T10:00Z', '2026-03-29', 12, 1, 1 where $3::uuid is not null`,
	"serving.kpi_weekly":           `insert into serving.kpi_weekly (business_id, kpi_id, week_start, week_end, iso_year, iso_week, days, points, complete) select $1, $2, '2026-03-23', '2026-03-29', 2026, 13, 7, 7, true where $3::uuid is not null`,
	"serving.kpi_monthly":          `insert into serving.kpi_monthly (business_id, kpi_id, month, days, days_expected, points, complete) select $1, $2, '2026-03-01', 31, 31, 31, true where $3::uuid is not null`,
	"serving.kpi_trends":           `insert into serving.kpi_trends (business_id, kpi_id, day) select $1, $2, '2026-03-29' where $3::uuid is not null`,
	"serving.kpi_anomalies":        `insert into serving.kpi_anomalies (business_id, kpi_id, grain, starts_at, day) select $1, $2, 'day', '2026-03-29', '2026-03-29' where $3::uuid is not null`,
	"serving.kpi_anomaly_context":  `insert into serving.kpi_anomaly_context values ($1, $2, '2026-03-29', '2026-03-29', 'holiday', 'Fair', '2026-03-29', 1, null, null, coalesce($3::uuid::text, 'x'))`,
	"serving.kpi_trend_statements": `insert into serving.kpi_trend_statements (business_id, kpi_id, direction, first_day, last_day, observed, change_points) select $1, $2, 'steady', '2026-03-01', '2026-03-29', 29, '[]' where $3::uuid is not null`,
	"serving.forecasts":            `insert into serving.forecasts select $1, $2, '2026-03-29', '2026-03-30', 1, 5, 4, 6, 3, 7, 'theta', '2026-03-29' where $3::uuid is not null`,
	"serving.news_articles":        `insert into serving.news_articles (business_id, url, seen_at, day) select $1, 'https://example.org', '2026-03-29', '2026-03-29' where $2::uuid is not null and $3::uuid is not null`,
	"serving.news_daily":           `insert into serving.news_daily (business_id, day, articles, stories, scored) select $1, '2026-03-29', 1, 1, 0 where $2::uuid is not null and $3::uuid is not null`,
	"serving.weather_data":         `insert into serving.weather_data (business_id, day, location_id, kind) select $1, '2026-03-29', '1,2', 'archive' where $2::uuid is not null and $3::uuid is not null`,
	"serving.business_days":        `insert into serving.business_days (business_id, kpi_id, day, weekday) select $1, $2, '2026-03-29', 7 where $3::uuid is not null`,

	"serving.forecast_accuracy": `insert into serving.forecast_accuracy (business_id, kpi_id, vintage, horizon_from, horizon_to, method, days, mae, smape, bias, coverage_80, coverage_95, naive_days) select $1, $2, '2026-03-29', 1, 7, 'theta', 1, 1, 1, 1, 1, 1, 0 where $3::uuid is not null`,
}

// needs orders tables whose rows need those of other tables after these.
var needs = map[string]int{"public.alert_firings": 1, "public.notification_reads": 1}

// as runs fn as whoever adds rows to a table: the batch publishes and logs, members write the rest.
func (w *world) as(t *testing.T, table string, user, business uuid.UUID, fn func(pgx.Tx) error) error {
	t.Helper()
	if !slices.Contains([]string{"public.alerts", "public.calendar_entries", "public.invitations", "public.subscription_changes", "public.api_keys"}, table) {
		return pgx.BeginFunc(t.Context(), w.batch.Pool(), fn)
	}
	return pgx.BeginFunc(t.Context(), w.api.Pool(), func(tx pgx.Tx) error {
		settings := `select set_config('app.user_id', $1, true), set_config('app.business_id', $2, true)`
		if _, err := tx.Exec(t.Context(), settings, user.String(), business.String()); err != nil {
			return err
		}
		return fn(tx)
	})
}
