package apitest

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
)

// User is one person of the world.
type User struct {
	ID       uuid.UUID
	Email    string
	Name     string
	Password string
}

// Business is one business of the world.
type Business struct {
	ID   uuid.UUID
	Name string
	KPIs []uuid.UUID
}

// What the world holds for each business.
const (
	KPIs          = 3   // of which the last has no points, and the second has hours
	MetricDays    = 100 // before the as-of day, for each KPI that has points
	HourDays      = 10  // of hours, up to LastDay; in Berlin clocks go forward on the day before that
	ForecastDays  = 30  // in the newest vintage
	Articles      = 25  // five at a time seen at the same instant
	GapDay        = "2026-03-10"
	LastDay       = "2026-03-30"
	NewestVintage = "2026-03-30"
	Holiday       = "2026-03-20" // Spring Day, a day with points
	HolidayAhead  = "2026-04-06" // Sowing Day, which forecasts reach
	Anomalies     = 12           // days, for each KPI that has points: the day before LastDay and each seventh before it; as many hours
	WeatherDays   = 40           // measured, up to LastDay
	WeatherAhead  = 16           // forecast, from the day after
)

// World is what the database of a scenario holds.
type World struct {
	// Cafe lies in Berlin; Ada owns it, Vic views it. Hotel lies in Kolkata and is Bob's. Nobody
	// belongs to neither, Gone owns the cafe too but is switched off.
	Cafe, Hotel                 Business
	Ada, Vic, Bob, Nobody, Gone User
	// RunID is the run that published everything, as of AsOf.
	RunID uuid.UUID
	AsOf  time.Time
}

// seed fills an empty database as its owner.
func seed(t testing.TB, ownerURL string, accounts *auth.Service) World {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	db, err := store.OpenSQL(ownerURL, "")
	if err != nil {
		t.Fatalf("seed: %v", err)
	}
	defer db.Close()
	s := &seeder{t: t, ctx: ctx, db: db, accounts: accounts}
	w := World{RunID: uuid.MustParse("0192f0c1-4b5a-7000-8000-000000000001"), AsOf: time.Date(2026, 3, 31, 2, 0, 0, 0, time.UTC)}
	w.Ada, w.Vic, w.Bob = s.user("ada", true), s.user("vic", true), s.user("bob", true)
	w.Nobody, w.Gone = s.user("nobody", true), s.user("gone", false)
	w.Cafe = s.business("Harbour Cafe", "Europe/Berlin", "EUR", "DE")
	w.Hotel = s.business("Hill Hotel", "Asia/Kolkata", "INR", "IN")
	s.exec(`insert into serving.calendar_holidays (country, day, name) values ('DE', $1, 'Spring Day'), ('DE', $1, 'Spring Day (observed)'), ('DE', $2, 'Sowing Day'), ('IN', $1, 'Holi')`,
		Holiday, HolidayAhead)
	s.member(w.Cafe, w.Ada, "owner")
	s.member(w.Cafe, w.Gone, "owner")
	s.member(w.Cafe, w.Vic, "viewer")
	s.member(w.Hotel, w.Bob, "owner")
	s.exec(`insert into serving.market_data (currency, day, rate, rate_day, provider)
		select currency, $1::date - n, rate, $1::date - n, 'test' from (values ('EUR', 1), ('INR', 1), ('USD', 0.5)) as r (currency, rate), generate_series(0, $2 - 1) as n`,
		LastDay, MetricDays)
	for _, table := range Tables() {
		s.exec(`insert into serving.publications (table_name, dataset, snapshot, run_id, as_of, rows, published_at)
			values ($1, 'marts.' || $1, 1, $2, $3, 0, $3::timestamptz + interval '3 minutes')`, table, w.RunID, w.AsOf)
	}
	return w
}

// Tables lists the published tables.
func Tables() []string {
	return []string{"kpi_data", "kpi_hourly", "kpi_weekly", "kpi_monthly", "kpi_trends", "kpi_anomalies", "kpi_anomaly_context", "kpi_trend_statements", "forecasts", "forecast_accuracy",
		"news_articles", "news_daily", "weather_data", "market_data", "calendar_holidays", "business_days"}
}

type seeder struct {
	t        testing.TB
	ctx      context.Context
	db       *sql.DB
	accounts *auth.Service
	count    int
}

func (s *seeder) exec(statement string, args ...any) {
	s.t.Helper()
	if _, err := s.db.ExecContext(s.ctx, statement, args...); err != nil {
		s.t.Fatalf("seed: %v\n%s", err, statement)
	}
}

// id returns ids that are the same in every scenario.
func (s *seeder) id() uuid.UUID {
	s.count++
	return uuid.MustParse(fmt.Sprintf("0192f0c1-0000-7000-8000-%012x", s.count))
}

func (s *seeder) user(name string, active bool) User {
	s.t.Helper()
	u := User{ID: s.id(), Email: name + "@example.com", Name: name, Password: "the password of " + name}
	hash, err := s.accounts.HashPassword(s.ctx, u.Password)
	if err != nil {
		s.t.Fatalf("seed: %v", err)
	}
	s.exec(`insert into users (id, email, password_hash, full_name, is_active, email_verified_at) values ($1, $2, $3, $4, $5, now())`, u.ID, u.Email, hash, u.Name, active)
	return u
}

func (s *seeder) member(b Business, u User, role string) {
	s.t.Helper()
	s.exec(`insert into memberships (business_id, user_id, role) values ($1, $2, $3)`, b.ID, u.ID, role)
}

func (s *seeder) business(name, zone, currency, country string) Business {
	s.t.Helper()
	b := Business{ID: s.id(), Name: name}
	s.exec(`insert into businesses (id, name, time_zone, currency, country) values ($1, $2, $3, $4, $5)`, b.ID, name, zone, currency, country)
	source := s.id()
	s.exec(`insert into kpi_sources (business_id, id, name, kind) values ($1, $2, 'till', 'file')`, b.ID, source)
	for i := range KPIs {
		kpi := s.id()
		b.KPIs = append(b.KPIs, kpi)
		s.exec(`insert into kpis (business_id, id, source_id, name, unit, currency) values ($1, $2, $3, $4, $5, $5)`,
			b.ID, kpi, source, fmt.Sprintf("%s KPI %d", name, i), currency)
		if i == KPIs-1 {
			break
		}
		// The value of day n before the last is 1000 i + n; the gap is known, so it has a row.
		s.exec(`insert into serving.kpi_data (business_id, kpi_id, day, starts_at, value, points, hours_expected, coverage, complete, currency, value_converted, converted_currency)
			select $1, $2, $3::date - n, ($3::date - n)::timestamp at time zone $8, case when $3::date - n <> $4::date then $5::float8 + n end, 24, 24, 1,
				true, 'USD', case when $3::date - n <> $4::date then 2 * ($5::float8 + n) end, $6
			from generate_series(0, $7 - 1) as n`, b.ID, kpi, LastDay, GapDay, 1000*i, currency, MetricDays, zone)
		for _, vintage := range []string{"2026-03-29", NewestVintage} {
			s.exec(`insert into serving.forecasts (business_id, kpi_id, vintage, day, horizon, mean, lower_80, upper_80, lower_95, upper_95, method, selected_on, mase)
				select $1, $2, $3::date, $3::date + h, h, $4::float8 + h, $4::float8 + h - 1, $4::float8 + h + 1, $4::float8 + h - 2, $4::float8 + h + 2, 'theta', $3::date, 0.8
				from generate_series(1, $5) as h`, b.ID, kpi, vintage, 1000*i, ForecastDays)
		}
		s.derived(b, kpi, zone, i)
		if i == 1 {
			s.hours(b, kpi, zone)
		}
	}
	s.exec(`insert into serving.news_articles (business_id, url, title, domain, language, source_country, seen_at, day, query, score)
		select $1::uuid, 'https://news.example/' || $1::uuid || '/' || n, $2::text || ' in the news ' || n, 'news.example', 'English', 'Germany',
			'2026-03-30T12:00:00Z'::timestamptz - (n / 5) * interval '1 day', '2026-03-30'::date - n / 5, 'q', (n - 12) / 12.0
		from generate_series(0, $3 - 1) as n`, b.ID, name, Articles)
	s.exec(`insert into serving.news_daily (business_id, day, articles, stories, scored, mean_score, share_negative)
		select $1, '2026-03-30'::date - n, 5, 5, 5, 0, 0.4 from generate_series(0, $2 / 5 - 1) as n`, b.ID, Articles)
	return b
}
