package upkeep_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/lakehouse/laketest"
	"github.com/signalcraft/signalcraft/lakehouse/upkeep"
)

func TestMain(m *testing.M) { storetest.Main(m) }

const gone, stays = "11111111-1111-7111-8111-111111111111", "22222222-2222-7222-8222-222222222222"

// secret stands in texts of the business that goes.
const secret = "quiet harbour takings"

var (
	first    = time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	subjects = []upkeep.Subject{{Column: "business_id", Values: []string{gone}}}
)

// world is a lake with rows of both businesses in tables of every kind: partitioned and not, with the business optional, replaced and
// appended, of a business alone and of nobody.
func world(t *testing.T) (*lakehouse.Lake, string) {
	t.Helper()
	lake, dir, _ := place(t)
	return lake, dir
}

// place is a world that can be opened again.
func place(t *testing.T) (*lakehouse.Lake, string, *storetest.DB) {
	t.Helper()
	dir, db := t.TempDir(), storetest.New(t)
	lake := laketest.Open(t, db, dir)
	whose := func(text string) *string { return &text }
	for round := range 3 {
		at := first.AddDate(0, 0, 20*round)
		put(t, lake, dataset.KPIPoints(), []dataset.KPIPointRow{
			{BusinessID: gone, KPIID: "g", At: at, Value: float64(round), SourceID: "s", LandedAt: at},
			{BusinessID: stays, KPIID: "k", At: at, Value: float64(round), SourceID: "s", LandedAt: at}})
		put(t, lake, dataset.Articles(), []dataset.ArticleRow{
			{BusinessID: gone, URL: fmt.Sprint("https://a/", round), Title: secret, SeenAt: at, Query: secret, LandedAt: at},
			{BusinessID: stays, URL: fmt.Sprint("https://a/", round), Title: "calm", SeenAt: at, Query: "calm", LandedAt: at}})
		put(t, lake, dataset.Rejects(), []dataset.RejectRow{
			{Source: "kpi", Dataset: "raw.kpi_points", Unit: "a", BusinessID: whose(gone), Reason: "bad", Raw: secret, LandedAt: at},
			{Source: "kpi", Dataset: "raw.kpi_points", Unit: "a", BusinessID: whose(stays), Reason: "bad", Raw: "x", LandedAt: at},
			{Source: "fx", Dataset: "raw.fx_rates", Unit: "a", Reason: "nobody's", Raw: "y", LandedAt: at}})
		put(t, lake, dataset.Places(), []dataset.PlaceRow{{Query: fmt.Sprint("Lyon ", round), Name: "Lyon", Country: "FR", LandedAt: at}})
	}
	put(t, lake, dataset.NewsSentiment(), []dataset.SentimentRow{{BusinessID: gone, URL: "https://a/" + secret, SeenAt: first}}) // its alone
	replace(t, lake, []dataset.BusinessRow{{BusinessID: gone, Name: secret, NewsQuery: secret}, {BusinessID: stays, Name: "calm"}})
	replace(t, lake, []dataset.BusinessRow{{BusinessID: stays, Name: "calm"}}) // as the control plane sees it now
	return lake, dir, db
}

func put[T any](t *testing.T, lake *lakehouse.Lake, d dataset.Dataset, rows []T) {
	t.Helper()
	if err := lake.Ensure(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if _, err := lakehouse.Append(t.Context(), lake, d, lakehouse.Commit{RunID: "r", Unit: "u"}, rows); err != nil {
		t.Fatal(err)
	}
}

func replace(t *testing.T, lake *lakehouse.Lake, rows []dataset.BusinessRow) {
	t.Helper()
	if err := lake.Ensure(t.Context(), dataset.Businesses()); err != nil {
		t.Fatal(err)
	}
	if _, err := lakehouse.ReplaceAll(t.Context(), lake, dataset.Businesses(), lakehouse.Commit{RunID: "r", Unit: "u"}, rows); err != nil {
		t.Fatal(err)
	}
}

// contents returns every row of every table as text, those of one business left out.
func contents(t *testing.T, lake *lakehouse.Lake, without string) map[string][]string {
	t.Helper()
	tables, err := lake.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, d := range tables {
		batches, err := lake.Scan(t.Context(), d.Name, nil, lakehouse.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		all[d.Name] = []string{}
		for batch, err := range batches {
			if err != nil {
				t.Fatal(err)
			}
			for i := range int(batch.NumRows()) {
				var row strings.Builder
				for c := range int(batch.NumCols()) {
					fmt.Fprintf(&row, "%s|", batch.Column(c).ValueStr(i))
				}
				if without == "" || !strings.Contains(row.String(), without) {
					all[d.Name] = append(all[d.Name], row.String())
				}
			}
			batch.Release()
		}
		slices.Sort(all[d.Name])
	}
	return all
}

// traces returns where below dir a text still stands, in Parquet or plainly.
func traces(t *testing.T, dir string, texts ...string) (found []string) {
	t.Helper()
	for _, path := range files(t, dir) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range texts {
			if strings.Contains(string(content), text) || strings.Contains(string(content), text[:16]) {
				found = append(found, path+" holds "+text)
			}
			if strings.HasSuffix(path, ".parquet") {
				found = append(found, laketest.Texts(t, path, text)...)
			}
		}
	}
	return found
}

func files(t *testing.T, dir string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestErasedBusinessIsGone(t *testing.T) {
	t.Parallel()
	lake, dir := world(t)
	want := contents(t, lake, gone)
	if len(traces(t, dir, gone, secret)) == 0 {
		t.Fatal("the search finds nothing before")
	}
	erased, err := upkeep.Erase(t.Context(), lake, "run", subjects)
	if err != nil || erased.Rows != 10 || erased.Orphans == 0 || erased.Snapshots == 0 {
		t.Errorf("Erase = %+v, %v; want 10 rows, and snapshots and files gone", erased, err)
	}
	if found := traces(t, dir, gone, secret); len(found) > 0 {
		t.Errorf("traces:\n%s", strings.Join(found, "\n"))
	}
	if got := contents(t, lake, ""); !reflect.DeepEqual(got, want) {
		t.Errorf("the others' rows: %v, want %v", got, want)
	}
	before := files(t, dir)
	again, err := upkeep.Erase(t.Context(), lake, "run", subjects)
	if err != nil || again != (upkeep.Erased{}) {
		t.Errorf("Erase again = %+v, %v; want nothing done", again, err)
	}
	if now := files(t, dir); !slices.Equal(now, before) {
		t.Errorf("files after erasing again: %v, want %v", now, before)
	}
	put(t, lake, dataset.NewsSentiment(), []dataset.SentimentRow{{BusinessID: stays, URL: "b", SeenAt: first}}) // a table that was left empty
	if got := contents(t, lake, ""); len(got["marts.news_sentiment"]) != 1 {
		t.Errorf("appended to the emptied table: %v", got["marts.news_sentiment"])
	}
}

// interrupter is the lake's log: it ends a context after a number of lines, of which each step that changed something writes one.
type interrupter struct {
	slog.Handler
	left int
	end  context.CancelFunc
}

func (i *interrupter) Enabled(context.Context, slog.Level) bool { return true }

func (i *interrupter) Handle(context.Context, slog.Record) error {
	if i.left--; i.left == 0 {
		i.end()
	}
	return nil
}

// TestErasureGoesOnAfterAnInterruption interrupts it after the first step, then after two more, and so on until it comes to its end.
func TestErasureGoesOnAfterAnInterruption(t *testing.T) {
	t.Parallel()
	lake, dir, db := place(t)
	want := contents(t, lake, gone)
	interrupted := 0
	for steps := 1; ; steps++ {
		ctx, cancel := context.WithCancel(t.Context())
		observed, err := lakehouse.Open(t.Context(), lakehouse.Config{DB: db.SQL(t, store.RoleBatch), Dir: dir,
			Logger: slog.New(&interrupter{Handler: slog.DiscardHandler, left: steps, end: cancel})})
		if err != nil {
			t.Fatal(err)
		}
		_, err = upkeep.Erase(ctx, observed, "run", subjects)
		cancel()
		if got := contents(t, lake, gone); !reflect.DeepEqual(got, want) {
			t.Fatalf("interrupted after %d commits, the others' rows: %v, want %v", steps, got, want)
		}
		if err == nil {
			break
		}
		interrupted++
		if err := observed.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if interrupted < 3 {
		t.Errorf("interrupted %d times, want several", interrupted)
	}
	if found := traces(t, dir, gone, secret); len(found) > 0 {
		t.Errorf("traces:\n%s", strings.Join(found, "\n"))
	}
}

func TestOldVersionsAndOrphansGo(t *testing.T) {
	t.Parallel()
	lake, dir := world(t)
	want := contents(t, lake, "")
	name := dataset.KPIPoints().Name
	versions, err := lake.Snapshots(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	stray := filepath.Join(dir, "raw", "kpi_points", "data", "stray.parquet")
	young := filepath.Join(dir, "raw", "kpi_points", "staging", "1", "0000.parquet")
	for _, path := range []string{stray, young} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	limit := time.Now().Add(-24 * time.Hour) // the files' own times are the machine's
	if err := os.Chtimes(stray, limit.Add(-time.Hour), limit.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	last := versions[len(versions)-1].At
	tidied, err := upkeep.Tidy(t.Context(), lake, upkeep.Age{Snapshots: last, Orphans: limit})
	if err != nil || tidied.Orphans != 1 || tidied.Snapshots == 0 {
		t.Errorf("Tidy = %+v, %v; want one orphan and the versions before the last", tidied, err)
	}
	if _, err := os.Stat(stray); !os.IsNotExist(err) {
		t.Errorf("the stray file: %v, want it gone", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Errorf("a file that is being written: %v, want it kept", err)
	}
	kept, err := lake.Snapshots(t.Context(), name)
	if err != nil || len(kept) == 0 || kept[len(kept)-1].ID != versions[len(versions)-1].ID || kept[0].At.Before(last) {
		t.Errorf("versions kept: %v, %v; want none older than the last", kept, err)
	}
	if got := contents(t, lake, ""); !reflect.DeepEqual(got, want) {
		t.Errorf("rows: %v, want %v", got, want)
	}
	if _, err := upkeep.Tidy(t.Context(), lake, upkeep.Age{Orphans: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, lake, ""); !reflect.DeepEqual(got, want) {
		t.Errorf("rows after all orphans went: %v, want %v", got, want)
	}
}
