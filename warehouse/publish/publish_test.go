package publish_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/lakehouse/laketest"
	"github.com/signalcraft/signalcraft/warehouse/publish"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// bundle is a lake with one mart and the serving table that shows it.
type bundle struct {
	t         *testing.T
	lake      *lakehouse.Lake
	pool      *pgxpool.Pool
	publisher *publish.Publisher
	table     publish.Table
}

func setup(t *testing.T) *bundle {
	t.Helper()
	db := storetest.New(t)
	b := &bundle{t: t, lake: laketest.Open(t, db, t.TempDir()), pool: db.Pool(t, store.RoleBatch)}
	if err := b.lake.Ensure(t.Context(), dataset.Forecasts()); err != nil {
		t.Fatal(err)
	}
	b.publisher = &publish.Publisher{Lake: b.lake, Pool: b.pool, Logger: slog.New(slog.DiscardHandler), Now: time.Now}
	for _, table := range publish.Tables() {
		if table.Dataset == dataset.Forecasts().Name {
			b.table = table
		}
	}
	return b
}

var (
	business = uuid.NewSHA1(uuid.NameSpaceOID, []byte("business")).String()
	kpi      = uuid.NewSHA1(uuid.NameSpaceOID, []byte("kpi")).String()
)

func forecast(vintage, day int32, mean float64) dataset.ForecastRow {
	mase := 0.5
	return dataset.ForecastRow{BusinessID: business, KPIID: kpi, Vintage: vintage, Day: day, Horizon: day - vintage, Mean: mean,
		Lower80: mean - 1, Upper80: mean + 1, Lower95: mean - 2, Upper95: mean + 2, Method: "theta", SelectedOn: vintage, MASE: &mase}
}

// land replaces the whole mart.
func (b *bundle) land(rows ...dataset.ForecastRow) {
	b.t.Helper()
	if _, err := lakehouse.ReplaceAll(b.t.Context(), b.lake, dataset.Forecasts(), lakehouse.Commit{RunID: "run", Unit: "test"}, rows); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) publish() publish.Result {
	b.t.Helper()
	run := publish.Run{ID: uuid.NewString(), AsOf: time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)}
	results, err := b.publisher.Publish(b.t.Context(), run, []publish.Table{b.table}, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return results[0]
}

// served reads the serving table back as the rows that were landed.
func (b *bundle) served() []dataset.ForecastRow {
	b.t.Helper()
	rows, err := b.pool.Query(b.t.Context(), `select business_id::text, kpi_id::text, vintage - date '1970-01-01', day - date '1970-01-01',
		horizon, mean, lower_80, upper_80, lower_95, upper_95, method, selected_on - date '1970-01-01', mase,
		trend, seasonal, long_seasonal, calendar, measured, scale, explanation
		from serving.forecasts order by vintage, day`)
	if err != nil {
		b.t.Fatal(err)
	}
	served, err := pgx.CollectRows(rows, pgx.RowToStructByPos[dataset.ForecastRow])
	if err != nil {
		b.t.Fatal(err)
	}
	return served
}

func TestPublishShowsTheMartAndThenWritesNothing(t *testing.T) {
	b := setup(t)
	without := forecast(20000, 20002, 6)
	without.MASE = nil
	trend, why := 6.5, `{"season":7}`
	without.Trend, without.Explanation = &trend, &why
	want := []dataset.ForecastRow{forecast(20000, 20001, 5), without}
	b.land(want...)
	if got := b.publish(); got.Inserted != 2 || got.Changed() != 2 || got.Current {
		t.Errorf("first publication = %+v, want two rows inserted", got)
	}
	if diff := cmp.Diff(want, b.served()); diff != "" {
		t.Errorf("served rows (-want +got):\n%s", diff)
	}
	if got := b.publish(); !got.Current || got.Changed() != 0 || got.Read != 0 {
		t.Errorf("second publication = %+v, want nothing read or written", got)
	}
}

func TestPublishChangesOnlyWhatDiffers(t *testing.T) {
	b := setup(t)
	b.land(forecast(20000, 20001, 5), forecast(20000, 20002, 6), forecast(20001, 20002, 7))
	b.publish()
	want := []dataset.ForecastRow{forecast(20000, 20001, 5), forecast(20001, 20002, 8), forecast(20001, 20003, 9)}
	b.land(want...)
	got := b.publish()
	if got.Inserted != 1 || got.Updated != 1 || got.Deleted != 1 {
		t.Errorf("publication = %+v, want one row inserted, one updated, one deleted", got)
	}
	if diff := cmp.Diff(want, b.served()); diff != "" {
		t.Errorf("served rows (-want +got):\n%s", diff)
	}
}

func TestPublicationCountsItsRows(t *testing.T) {
	b := setup(t)
	for _, rows := range [][]dataset.ForecastRow{{forecast(20000, 20001, 5), forecast(20000, 20002, 6)}, {forecast(20000, 20002, 7)}} {
		b.land(rows...)
		b.publish()
		var recorded int
		if err := b.pool.QueryRow(t.Context(), "select rows from serving.publications where table_name = $1", b.table.Name).Scan(&recorded); err != nil {
			t.Fatal(err)
		}
		if recorded != len(rows) {
			t.Errorf("publication records %d rows, want %d", recorded, len(rows))
		}
	}
}

func TestPublishOneNewWindowReadsNoOther(t *testing.T) {
	b := setup(t)
	b.land(forecast(20000, 20001, 5), forecast(20000, 20002, 6))
	b.publish()
	rows := []dataset.ForecastRow{forecast(20001, 20002, 7)}
	if _, err := lakehouse.Append(t.Context(), b.lake, dataset.Forecasts(), lakehouse.Commit{RunID: "later", Unit: "later"}, rows); err != nil {
		t.Fatal(err)
	}
	if got := b.publish(); got.Read != 1 || got.Inserted != 1 || got.Deleted != 0 {
		t.Errorf("publication = %+v, want one row read and inserted, none deleted", got)
	}
}

func TestPublishHoldsBackABlockedMart(t *testing.T) {
	b := setup(t)
	b.land(forecast(20000, 20001, 5))
	cause := errUnordered{}
	_, err := b.publisher.Publish(t.Context(), publish.Run{ID: uuid.NewString()}, []publish.Table{b.table}, map[string]error{b.table.Dataset: cause})
	if err == nil {
		t.Error("publishing a blocked mart reported no error")
	}
	if got := b.served(); len(got) != 0 {
		t.Errorf("a blocked mart has %d rows published, want none", len(got))
	}
}

type errUnordered struct{}

func (errUnordered) Error() string { return "check failed" }

func TestPublishRefusesAValueThatDoesNotFitAndKeepsTheOldState(t *testing.T) {
	b := setup(t)
	b.land(forecast(20000, 20001, 5))
	b.publish()
	bad := forecast(20000, 20002, 6)
	bad.KPIID = "not a uuid"
	b.land(bad)
	if _, err := b.publisher.Publish(t.Context(), publish.Run{ID: uuid.NewString()}, []publish.Table{b.table}, nil); err == nil {
		t.Error("publishing a KPI id that is no UUID reported no error")
	}
	if diff := cmp.Diff([]dataset.ForecastRow{forecast(20000, 20001, 5)}, b.served()); diff != "" {
		t.Errorf("rows after a refused publication (-want +got):\n%s", diff)
	}
}

func TestPublishSkipsAMartThatDoesNotExist(t *testing.T) {
	b := setup(t)
	missing := publish.Table{Name: "kpi_data", Dataset: "marts.kpi_daily", Key: []string{"business_id", "kpi_id", "day"}}
	results, err := b.publisher.Publish(t.Context(), publish.Run{ID: uuid.NewString()}, []publish.Table{missing}, nil)
	if err != nil || !results[0].Current {
		t.Errorf("publish without a mart = %+v, %v; want nothing to do", results, err)
	}
}
