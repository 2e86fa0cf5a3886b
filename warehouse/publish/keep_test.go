package publish_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse/publish"
)

// publishOn publishes as of a day, given as a count.
func (b *bundle) publishOn(day dataset.Days) publish.Result {
	b.t.Helper()
	run := publish.Run{ID: uuid.NewString(), AsOf: dataset.FromDays(day).Add(3 * time.Hour)}
	results, err := b.publisher.Publish(b.t.Context(), run, []publish.Table{b.table}, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return results[0]
}

func (b *bundle) wantServed(what string, want ...dataset.ForecastRow) {
	b.t.Helper()
	if diff := cmp.Diff(append([]dataset.ForecastRow{}, want...), b.served()); diff != "" {
		b.t.Errorf("%s: served rows (-want +got):\n%s", what, diff)
	}
	var recorded int
	if err := b.pool.QueryRow(b.t.Context(), "select rows from serving.publications where table_name = $1", b.table.Name).Scan(&recorded); err != nil {
		b.t.Fatal(err)
	}
	if recorded != len(want) {
		b.t.Errorf("%s: publication records %d rows, want %d", what, recorded, len(want))
	}
}

// A vintage stays published for as long as the table keeps it, to the day; the lake has them all.
func TestVintagesLeaveByAge(t *testing.T) {
	b := setup(t)
	keep := dataset.Days(b.table.KeepDays)
	if keep == 0 {
		t.Fatalf("table %s keeps every vintage", b.table.Name)
	}
	old, kept, next := forecast(20000, 20001, 5), forecast(20001, 20002, 6), forecast(20002, 20003, 7)
	b.land(old, kept)
	b.publishOn(20001 + keep)
	b.wantServed("first publication", kept)

	b.land(old, kept, next)
	b.publishOn(20001 + keep)
	b.wantServed("a new vintage", kept, next)

	changed := old
	changed.Mean = 50
	b.land(changed, kept, next)
	if got := b.publishOn(20001 + keep); got.Inserted != 0 {
		t.Errorf("publishing a change of a vintage that is kept no longer = %+v", got)
	}
	b.wantServed("an old vintage changed", kept, next)

	b.land(old, kept, next)
	b.publishOn(20002 + keep)
	b.wantServed("a day later", next)

	b.land(old)
	b.publishOn(20002 + keep)
	b.wantServed("the lake lost what is kept")
}

func TestVintagesBeforeTheLimitAreNotRead(t *testing.T) {
	b := setup(t)
	b.land(forecast(20000, 20001, 5), forecast(20100, 20101, 6))
	if got := b.publishOn(20101); got.Read != 1 || got.Inserted != 1 {
		t.Errorf("publication = %+v, want one row read and inserted", got)
	}
}
