package alerts_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/api/alerts"
	"github.com/signalcraft/signalcraft/api/apitest"
	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// world is the world of apitest with the batch at work in it. The value of its KPI i on day n before March 30 is 1000 i + n.
type world struct {
	*apitest.Service
	t     *testing.T
	owner *pgxpool.Pool
	batch *store.Store
}

func start(t *testing.T) *world {
	t.Helper()
	db := storetest.New(t)
	w := &world{t: t, Service: apitest.Start(t, apitest.Options{URL: db.URL}), owner: db.Pool(t, "")}
	w.exec(`delete from serving.kpi_anomalies`) // each test has its own
	var err error
	if w.batch, err = store.Open(t.Context(), store.Config{URL: db.URL(store.RoleBatch), Role: store.RoleBatch, MaxConns: 4}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.batch.Close)
	return w
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	if _, err := w.owner.Exec(w.t.Context(), sql, args...); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
}

// lines returns the first column of a query's rows.
func (w *world) lines(sql string, args ...any) []string {
	w.t.Helper()
	rows, err := w.owner.Query(w.t.Context(), sql, args...)
	if err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
	return found
}

// alert adds an alert of the cafe on its first KPI.
func (w *world) alert(name, condition string, threshold any, window int, more ...string) {
	w.t.Helper()
	channels := "{in_app}"
	if len(more) > 0 {
		channels = more[0]
	}
	w.exec(`insert into alerts (business_id, id, kpi_id, name, condition, threshold, window_days, channels) values ($1, gen_random_uuid(), $2, $3, $4, $5, $6, $7::text[])`,
		w.World.Cafe.ID, w.World.Cafe.KPIs[0], name, condition, threshold, window, channels)
}

// evaluate judges as of an hour of March 31, the first as of 04:00 in Berlin.
func (w *world) evaluate(after time.Duration) alerts.Result {
	w.t.Helper()
	r, err := w.judge(w.t.Context(), after)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) judge(ctx context.Context, after time.Duration) (alerts.Result, error) {
	asOf := w.World.AsOf.Add(after)
	return alerts.Evaluate(ctx, w.batch, alerts.Run{ID: w.World.RunID, AsOf: asOf, At: asOf.Add(time.Minute), ValuesCurrent: true})
}

const firings = `select a.name || ' ' || f.day || ' ' || coalesce(round(f.value::numeric, 3)::float8::text, 'nothing') || case when f.resolved_at is null then '' else ' over' end
	from alert_firings f join alerts a on a.business_id = f.business_id and a.id = f.alert_id order by a.name, f.day, f.rule`

func (w *world) want(what, sql string, want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), append([]string{}, w.lines(sql)...)); diff != "" {
		w.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	w := start(t)
	// On March 30 the value is 0, the week's mean is 3, that of the week before 10; the forecast begins on March 31 with 1.
	w.alert("above no", "above", 0, 1)
	w.alert("above week", "above", 2.9, 7)
	w.alert("above week no", "above", 3, 7)
	w.alert("below", "below", 0.5, 1)
	w.alert("below no", "below", 0, 1)
	w.alert("change above no", "change_above", -0.7, 7)
	w.alert("change below", "change_below", -0.69, 7)
	w.alert("change below no", "change_below", -0.71, 7)
	w.alert("change to nothing", "change_below", -0.99, 1)
	w.alert("forecast above", "forecast_above", 6, 7) // the seventh day is 7
	w.alert("forecast above no", "forecast_above", 7, 7)
	w.alert("forecast below", "forecast_below", 1.5, 1)
	w.alert("forecast below no", "forecast_below", 1, 30)
	w.alert("anomaly", "anomaly", nil, 3)
	w.alert("anomaly no", "anomaly", nil, 2)
	w.alert("missing no", "missing", nil, 1)
	w.exec(`insert into serving.kpi_anomalies (business_id, kpi_id, grain, starts_at, day, value, score) values ($1, $2, 'day', '2026-03-27T22:00Z', '2026-03-28', 2, 9)`,
		w.World.Cafe.ID, w.World.Cafe.KPIs[0])
	r := w.evaluate(0)
	w.want("fired", firings, "above week 2026-03-30 3", "anomaly 2026-03-28 2", "below 2026-03-30 0", "change below 2026-03-30 -0.7",
		"change to nothing 2026-03-30 -1", "forecast above 2026-03-30 7", "forecast below 2026-03-30 1")
	if want := (alerts.Result{Fired: 7, Notifications: 7, Anomalies: 1}); r != want {
		t.Errorf("got %+v, want %+v", r, want)
	}
	if r := w.evaluate(time.Hour); r != (alerts.Result{}) {
		t.Errorf("judged again: %+v, want nothing", r)
	}
	w.want("fired_at", `select name from alerts where last_fired_at is not null order by name`, "above week", "anomaly", "below", "change below", "change to nothing", "forecast above", "forecast below")
	w.want("texts", `select title || ' | ' || body from notifications where title like 'above%' or title like 'change b%' or title like 'fore%b%w:%' order by title`,
		"above week: Harbour Cafe KPI 0 3 EUR | Harbour Cafe KPI 0: 3 EUR on average over the 7 days to 2026-03-30, above 2.9 EUR.",
		"change below: Harbour Cafe KPI 0 -70 % | Harbour Cafe KPI 0: -70 % on average over the 7 days to 2026-03-30 against as long before, below -69 %.",
		"forecast below: Harbour Cafe KPI 0 1 EUR | Harbour Cafe KPI 0: 1 EUR is expected within 1 days, below 1.5 EUR.")
}

// A firing stays open while the rule holds, is over when it does not, and comes once for a day.
func TestFiresOnceForADay(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.alert("low", "below", 0.5, 1)
	value := func(day string, v float64) {
		w.exec(`insert into serving.kpi_data (business_id, kpi_id, day, starts_at, value, points, hours_expected, coverage, complete)
			values ($1, $2, $3::date, $3::date, $4, 24, 24, 1, true) on conflict (business_id, kpi_id, day) do update set value = excluded.value`, w.World.Cafe.ID, w.World.Cafe.KPIs[0], day, v)
	}
	w.evaluate(0)
	w.want("first", firings, "low 2026-03-30 0")
	value("2026-03-30", 1) // corrected upwards
	w.evaluate(time.Hour)
	w.want("corrected", firings, "low 2026-03-30 0 over")
	value("2026-03-30", 0) // and back
	if r := w.evaluate(2 * time.Hour); r.Fired != 0 {
		t.Errorf("fired again for the same day: %+v", r)
	}
	value("2026-03-31", 0.2)
	w.evaluate(3 * time.Hour) // the day is not over
	w.want("before the day is over", firings, "low 2026-03-30 0 over")
	w.evaluate(24 * time.Hour)
	value("2026-04-01", 0.1)
	w.evaluate(48 * time.Hour)
	w.want("the next days", firings, "low 2026-03-30 0 over", "low 2026-03-31 0.2")
	// Another rule fires anew, also for the same day; one that does not watch is over.
	w.exec(`update alerts set threshold = 0.4, rule = rule + 1`)
	w.evaluate(49 * time.Hour)
	w.want("another threshold", firings, "low 2026-03-30 0 over", "low 2026-03-31 0.2 over", "low 2026-04-01 0.1")
	w.exec(`update alerts set is_active = false`)
	w.evaluate(50 * time.Hour)
	w.want("switched off", firings, "low 2026-03-30 0 over", "low 2026-03-31 0.2 over", "low 2026-04-01 0.1 over")
	w.want("told", `select kind || ' ' || count(*) from events where kind like 'alert%' or kind like 'notif%' group by kind order by kind`,
		"alert.fired 3", "alert.resolved 3", "notification.created 3")
}

func TestMissing(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.exec(`update kpis set created_at = '2026-03-01'`)
	w.exec(`insert into alerts (business_id, id, name, condition, window_days, channels) values ($1, gen_random_uuid(), 'silent', 'missing', 2, '{in_app,email}')`, w.World.Cafe.ID)
	w.evaluate(0) // the third KPI never had a value
	w.want("never any", firings, "silent 2026-03-29 nothing")
	hour := func(day, hour int) time.Duration {
		return time.Date(2026, 3, day, hour, 0, 0, 0, time.UTC).Sub(w.World.AsOf)
	}
	// March 31 and April 1 pass without values: they count from noon of April 2 in Berlin.
	if r := w.evaluate(hour(33, 9)); r.Fired != 0 {
		t.Errorf("before noon: %+v", r)
	}
	held, err := alerts.Evaluate(t.Context(), w.batch, alerts.Run{ID: w.World.RunID, AsOf: w.World.AsOf.Add(hour(33, 11)), At: w.World.AsOf})
	if err != nil || held.Fired != 0 {
		t.Errorf("while values could not be published: %+v, %v", held, err)
	}
	r := w.evaluate(hour(33, 11))
	if r.Fired != 2 || r.Notifications != 1 || r.Mails != 2 { // one for both KPIs; Gone gets no mail
		t.Errorf("after noon: %+v, want 2 fired in 1 notification and 2 mails", r)
	}
	w.want("letter", `select distinct subject || ' | ' || split_part(body, E'\n', 5) from mails where subject like '%2 KPIs'`,
		"[warning] Harbour Cafe: silent: 2 KPIs |     Harbour Cafe KPI 0: no value for more than 2 days up to 2026-04-01.")
	w.exec(`update serving.kpi_data set day = day + 2 where kpi_id = $1 and day >= '2026-03-29'`, w.World.Cafe.KPIs[0])
	if r := w.evaluate(hour(33, 12)); r.Resolved != 1 {
		t.Errorf("values came: %+v, want one resolved", r)
	}
}

// People and listeners hear of it: members only, each with a read state of their own.
func TestEverybodyIsTold(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.exec(`update memberships set created_at = '2026-01-01'`)
	w.alert("low", "below", 0.5, 1, "{in_app,email}")
	w.alert("by mail only", "below", 0.5, 1, "{email}")
	w.exec(`insert into serving.changes (business_id, table_name, run_id, as_of) select $1, n, $2, $3 from unnest('{kpi_data,forecasts}'::text[]) n`, w.World.Cafe.ID, w.World.RunID, w.World.AsOf)
	w.exec(`insert into serving.changes (business_id, table_name, run_id, as_of) values (gen_random_uuid(), 'kpi_data', $1, $2)`, w.World.RunID, w.World.AsOf) // deleted meanwhile
	r := w.evaluate(0)
	if want := (alerts.Result{Fired: 2, Notifications: 1, Mails: 4, Businesses: 1}); r != want {
		t.Errorf("got %+v, want %+v", r, want)
	}
	w.want("mails", `select recipient || ' ' || kind || ' ' || subject from mails order by 1`,
		"ada@example.com alert_fired [warning] Harbour Cafe: by mail only: Harbour Cafe KPI 0 0 EUR", "ada@example.com alert_fired [warning] Harbour Cafe: low: Harbour Cafe KPI 0 0 EUR",
		"vic@example.com alert_fired [warning] Harbour Cafe: by mail only: Harbour Cafe KPI 0 0 EUR", "vic@example.com alert_fired [warning] Harbour Cafe: low: Harbour Cafe KPI 0 0 EUR")
	w.want("run", `select payload ->> 'run_id' || ' ' || (payload -> 'tables')::text from events where kind = 'run.finished'`,
		w.World.RunID.String()+` ["forecasts", "kpi_data"]`)
	type list struct {
		Notifications []struct {
			ID, Title string
			ReadAt    *time.Time `json:"read_at"`
		}
		Unread int `json:"unread_count"`
	}
	ada, vic, bob := w.Login(t, w.World.Ada), w.Login(t, w.World.Vic), w.Login(t, w.World.Bob)
	read := func(token, query string) (l list) {
		w.Get(t, "/notifications"+query, token).Decode(t, http.StatusOK, &l)
		return l
	}
	mine := read(ada, "")
	if len(mine.Notifications) != 1 || mine.Unread != 1 || mine.Notifications[0].ReadAt != nil {
		t.Fatalf("ada reads %+v, want one that she has not read", mine)
	}
	if got := read(bob, ""); len(got.Notifications) != 0 || got.Unread != 0 {
		t.Errorf("bob reads %+v, want nothing of another business", got)
	}
	path := "/notifications/" + mine.Notifications[0].ID + "/read"
	w.Request(t, http.MethodPost, path, nil, "Authorization", "Bearer "+bob).WantError(t, http.StatusNotFound, "NOT_FOUND")
	for range 2 {
		var answer struct {
			ReadAt *time.Time `json:"read_at"`
			Unread int        `json:"unread_count"`
		}
		w.Request(t, http.MethodPost, path, nil, "Authorization", "Bearer "+ada).Decode(t, http.StatusOK, &answer)
		if answer.ReadAt == nil || !answer.ReadAt.Equal(apitest.Now()) || answer.Unread != 0 {
			t.Errorf("read: %+v", answer)
		}
		w.Clock.Advance(time.Minute)
	}
	if got := read(ada, "?unread=true"); len(got.Notifications) != 0 || got.Unread != 0 {
		t.Errorf("ada's unread: %+v, want none", got)
	}
	if got := read(vic, "?unread=true"); len(got.Notifications) != 1 || got.Unread != 1 {
		t.Errorf("vic's unread: %+v, want one", got)
	}
	w.want("read told once", `select user_id::text || coalesce(business_id::text, '') from events where kind = 'notification.read'`, w.World.Ada.ID.String())
	// A new member does not find what was told before.
	w.exec(`update memberships set created_at = '2026-04-01' where user_id = $1`, w.World.Vic.ID)
	if got := read(vic, ""); len(got.Notifications) != 0 || got.Unread != 0 {
		t.Errorf("a new member reads %+v, want nothing", got)
	}
}

func TestAnomaliesAreToldOnce(t *testing.T) {
	t.Parallel()
	w := start(t)
	add := func(day string) {
		w.exec(`insert into serving.kpi_anomalies (business_id, kpi_id, grain, starts_at, day, value, severity) values ($1, $2, 'day', $3::date, $3::date, 5, 'major')`,
			w.World.Hotel.ID, w.World.Hotel.KPIs[1], day)
	}
	add("2026-03-24") // a week ago
	add("2026-03-25")
	add("2026-03-30")
	if r := w.evaluate(0); r.Anomalies != 2 {
		t.Errorf("got %+v, want 2 anomalies", r)
	}
	w.exec(`delete from serving.kpi_anomalies where day = '2026-03-30'`) // gone in one run, back in the next
	w.evaluate(time.Hour)
	add("2026-03-30")
	add("2026-03-31")
	if r := w.evaluate(2 * time.Hour); r.Anomalies != 1 {
		t.Errorf("got %+v, want 1 anomaly", r)
	}
	w.want("told", `select payload ->> 'day' || ' ' || (payload ->> 'severity') || ' ' || (payload ->> 'kpi') from events where business_id = '`+w.World.Hotel.ID.String()+`' order by id`,
		"2026-03-25 major Hill Hotel KPI 1", "2026-03-30 major Hill Hotel KPI 1", "2026-03-31 major Hill Hotel KPI 1")
}

// Whatever breaks an evaluation off, nothing is recorded without being told, and nothing told twice.
func TestBrokenOffEvaluation(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.alert("low", "below", 0.5, 1, "{in_app,email}")
	tables := []string{"mails", "events", "notifications", "alert_firings", "alerts"}
	for _, table := range tables {
		w.exec(`revoke insert, update on ` + table + ` from signalcraft_batch`)
		if r, err := w.judge(t.Context(), 0); err == nil {
			t.Errorf("without %s: %+v, want an error", table, r)
		}
		w.exec(`grant insert, update on ` + table + ` to signalcraft_batch`)
		for _, other := range []string{"mails", "events", "notifications", "alert_firings"} {
			w.want("left in "+other, `select 'a row' from `+other)
		}
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var total alerts.Result
	var failed []error
	for range 4 { // processes that come at once
		wg.Go(func() {
			r, err := w.judge(t.Context(), 0)
			mu.Lock()
			defer mu.Unlock()
			total.Fired, total.Notifications, total.Mails = total.Fired+r.Fired, total.Notifications+r.Notifications, total.Mails+r.Mails
			failed = append(failed, err)
		})
	}
	wg.Wait()
	if want := (alerts.Result{Fired: 1, Notifications: 1, Mails: 2}); total != want || errors.Join(failed...) != nil {
		t.Errorf("four at once: %+v, %v; want %+v", total, errors.Join(failed...), want)
	}
}

func TestTenThousandAlerts(t *testing.T) {
	t.Parallel()
	w := start(t)
	const businesses, kpis, perKPI = 100, 10, 10
	w.exec(`insert into businesses (id, name, time_zone, currency, country) select gen_random_uuid(), 'many ' || n, 'Europe/Berlin', 'EUR', 'DE' from generate_series(1, $1::int) n`, businesses)
	w.exec(`insert into kpi_sources (business_id, id, name, kind) select id, id, 'file', 'file' from businesses where name like 'many%'`)
	w.exec(`insert into kpis (business_id, id, source_id, name) select b.id, gen_random_uuid(), b.id, 'kpi ' || n from businesses b, generate_series(1, $1::int) n where b.name like 'many%'`, kpis)
	w.exec(`insert into serving.kpi_data (business_id, kpi_id, day, starts_at, value, points, hours_expected, coverage, complete)
		select k.business_id, k.id, d, d, 100, 24, 24, 1, true from kpis k, generate_series('2025-12-21'::date, '2026-03-30'::date, '1 day') d where k.name like 'kpi %'`)
	w.exec(`insert into serving.forecasts select k.business_id, k.id, '2026-03-30', '2026-03-30'::date + h, h, 100, 90, 110, 80, 120, 'theta', '2026-03-30' from kpis k, generate_series(1, 30) h where k.name like 'kpi %'`)
	w.exec(`insert into alerts (business_id, id, kpi_id, name, condition, threshold, window_days) select k.business_id, gen_random_uuid(), k.id, c || n, c, case when c in ('anomaly', 'missing') then null when n = 1 and c = 'above' then 50 else case when c like '%above' then 150 else -50 end end, 7
		from kpis k, unnest('{above,change_below,forecast_above,anomaly,missing}'::text[]) c, generate_series(1, $1::int / 5) n where k.name like 'kpi %'`, perKPI)
	w.exec(`analyze`)
	began := time.Now()
	r := w.evaluate(0)
	first := time.Since(began)
	began = time.Now()
	if again := w.evaluate(0); again != (alerts.Result{}) {
		t.Errorf("judged again: %+v", again)
	}
	t.Logf("%d alerts on %d KPIs with 100 days: %d fired in %v, judged again in %v", businesses*kpis*perKPI, businesses*kpis, r.Fired, first.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	if r.Fired != businesses*kpis || r.Notifications != r.Fired {
		t.Errorf("got %+v, want %d fired", r, businesses*kpis)
	}
	if first > 10*time.Second {
		t.Errorf("took %v, want seconds", first)
	}
}

// Texts that people chose stay on their line.
func TestLetterKeepsItsHeader(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.exec(`update businesses set name = E'Cafe\r\nBcc: all@example.com ' || repeat('x', 200) where id = $1`, w.World.Cafe.ID)
	w.alert("low", "below", 0.5, 1, "{email}")
	w.evaluate(0)
	for _, subject := range w.lines(`select subject from mails`) {
		if strings.ContainsAny(subject, "\r\n") || len([]rune(subject)) > 160 || !strings.HasPrefix(subject, "[warning] Cafe Bcc: all example com xxx") {
			t.Errorf("subject %q", subject)
		}
	}
}

// An anomaly of several days is told once, with its first day, and once only when corrected values move that day.
func TestAnomaliesThatGoOnAreToldOnce(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.alert("odd", "anomaly", 0, 3, "{in_app}")
	list := func(days ...string) { // the first one begins, the others go on
		w.exec(`delete from serving.kpi_anomalies`)
		for i, day := range days {
			w.exec(`insert into serving.kpi_anomalies (business_id, kpi_id, grain, starts_at, day, value, score, severity, kind, is_ongoing) values ($1, $2, 'day', $3::date, $3::date, 5, 0.5, 'major', 'dip', $4)`,
				w.World.Cafe.ID, w.World.Cafe.KPIs[0], day, i > 0)
		}
	}
	day := func(n int) time.Duration { return time.Duration(24*n) * time.Hour }
	list("2026-03-29")
	if r := w.evaluate(0); r.Fired != 1 || r.Anomalies != 1 {
		t.Errorf("the first day: %+v, want it fired and told", r)
	}
	list("2026-03-29", "2026-03-30", "2026-03-31")
	if r := w.evaluate(day(1)); r.Fired != 0 || r.Anomalies != 0 {
		t.Errorf("it goes on: %+v, want nothing told", r)
	}
	list("2026-03-28", "2026-03-29", "2026-03-30", "2026-03-31") // corrected: it began a day before
	if r := w.evaluate(day(1)); r.Fired != 0 || r.Anomalies != 0 {
		t.Errorf("its first day moved: %+v, want nothing told", r)
	}
	w.exec(`update serving.kpi_anomalies set score = 0.9, severity = 'critical'`)
	if r := w.evaluate(day(1)); r.Fired != 0 || r.Anomalies != 0 || r.Resolved != 0 {
		t.Errorf("its score was corrected: %+v, want nothing told", r)
	}
	w.exec(`update serving.kpi_anomalies set day = '2026-04-01' where day = '2026-03-31'`)
	if r := w.evaluate(day(3)); r.Fired != 0 || r.Resolved != 0 {
		t.Errorf("its first day left the alert's window, a later one did not: %+v, want it open", r)
	}
	if r := w.evaluate(day(9)); r.Resolved != 1 {
		t.Errorf("it is over: %+v, want it resolved", r)
	}
	list("2026-04-07", "2026-04-08")
	w.exec(`delete from serving.kpi_anomalies where not is_ongoing`)
	if r := w.evaluate(day(9)); r.Fired != 0 || r.Anomalies != 0 {
		t.Errorf("a day that goes on alone: %+v, want nothing told", r)
	}
	list("2026-04-07", "2026-04-08")
	if r := w.evaluate(day(9)); r.Fired != 1 || r.Anomalies != 1 {
		t.Errorf("another anomaly: %+v, want it fired and told", r)
	}
	w.want("events", `select payload ->> 'day' || ' ' || (payload ->> 'kind') from events where kind = 'anomaly.detected' order by id`, "2026-03-29 dip", "2026-04-07 dip")
	w.exec(`delete from notifications`)
	w.evaluate(day(19))
	list("2026-04-18")
	w.exec(`update serving.kpi_anomalies set value = null, kind = 'missing'`)
	w.evaluate(day(19))
	w.want("a missing value", `select body from notifications`, "Harbour Cafe KPI 0: no value on 2026-04-18, where one was to be expected.")
}
