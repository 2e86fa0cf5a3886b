package run_test

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/lakehouse/laketest"
	"github.com/signalcraft/signalcraft/sql/models"
	"github.com/signalcraft/signalcraft/warehouse"
	"github.com/signalcraft/signalcraft/warehouse/run"
)

// commit replaces a raw table.
func commit[T any](t testing.TB, lake *lakehouse.Lake, d dataset.Dataset, unit string, rows []T) {
	t.Helper()
	if err := lake.Ensure(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if _, err := lakehouse.Append(t.Context(), lake, d, lakehouse.Commit{RunID: "landing", Unit: unit}, rows); err != nil {
		t.Fatal(err)
	}
}

// landDemo lands kpis KPIs of one business with days daily points that end the day before asOf, and three articles in English and two in French.
func landDemo(t testing.TB, lake *lakehouse.Lake, asOf time.Time, kpis, days int) {
	t.Helper()
	commit(t, lake, dataset.Businesses(), "1", []dataset.BusinessRow{{BusinessID: "b", Name: "Cafe", TimeZone: "Europe/Paris", Currency: "EUR", Country: "FR", Place: "Paris", NewsQuery: "cafe"}})
	var described []dataset.KPIRow
	var points []dataset.KPIPointRow
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	for k := range kpis {
		id := fmt.Sprintf("kpi-%04d", k)
		described = append(described, dataset.KPIRow{BusinessID: "b", KPIID: id, SourceID: "s", Name: id, Unit: "orders", Aggregation: "sum", Grain: "day", NonNegative: true})
		for d := range days {
			day := asOf.AddDate(0, 0, d-days)
			value := 100 + float64(k%7) + 10*math.Sin(2*math.Pi*float64(d)/7) + float64((d*7919+k*104729)%13)
			at := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, paris).UTC()
			points = append(points, dataset.KPIPointRow{BusinessID: "b", KPIID: id, At: at, Value: value, SourceID: "s", LandedAt: asOf})
		}
	}
	commit(t, lake, dataset.KPIs(), "1", described)
	commit(t, lake, dataset.KPIPoints(), "1", points)
	english := "English"
	var articles []dataset.ArticleRow
	for i, title := range []string{"Cafe wins award for excellent service", "Terrible fire destroys cafe", "Cafe opens on Monday"} {
		articles = append(articles, dataset.ArticleRow{BusinessID: "b", URL: fmt.Sprintf("https://example.org/%d", i), Title: title, Domain: "example.org", Language: &english, SeenAt: asOf.AddDate(0, 0, -i), Query: "cafe", LandedAt: asOf})
	}
	french := "French"
	for i, title := range []string{"Le café ferme ses portes", "Un café au centre"} {
		articles = append(articles, dataset.ArticleRow{BusinessID: "b", URL: fmt.Sprintf("https://example.fr/%d", i), Title: title, Domain: "example.fr", Language: &french, SeenAt: asOf.AddDate(0, 0, -i), Query: "cafe", LandedAt: asOf})
	}
	commit(t, lake, dataset.Articles(), "1", articles)
	tone := -5.0
	commit(t, lake, dataset.Tones(), "1", []dataset.ToneRow{
		{BusinessID: "b", URL: "https://example.fr/0", SeenAt: asOf, Tone: &tone, LandedAt: asOf},
		{BusinessID: "b", URL: "https://example.fr/1", SeenAt: asOf.AddDate(0, 0, -1), LandedAt: asOf}, // not in its file
		{BusinessID: "b", URL: "https://example.org/0", SeenAt: asOf, Tone: &tone, LandedAt: asOf},     // in English: the title counts
	})
}

func TestModelsOfTheTreeRunTogether(t *testing.T) {
	b := setup(t)
	landDemo(t, b.lake, b.asOf, 3, 120)
	r, err := run.New(run.Config{Lake: b.lake, Pool: b.pool, Models: models.Files(), Nodes: run.Nodes(), Now: time.Now, Session: warehouse.Config{Threads: 2, MemoryLimit: 512 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	report, err := r.Run(t.Context(), b.request())
	if err != nil {
		t.Fatal(err)
	}
	for relation, want := range map[string]int64{"marts.kpi_daily": 360, "marts.kpi_forecasts": 90, "marts.news_sentiment": 5} {
		step, ok := report.Step(relation)
		if !ok || step.RowsOut != want {
			t.Errorf("%s has %d rows, want %d", relation, step.RowsOut, want)
		}
	}
	tones := map[string][2]string{}
	for _, line := range b.rows("marts.news_sentiment") {
		cells := strings.Fields(line)
		tones[cells[1]] = [2]string{cells[len(cells)-2], cells[len(cells)-1]}
	}
	good, bad := tones["https://example.org/0"], tones["https://example.org/1"]
	if strings.HasPrefix(good[0], "-") || good[0] == "0" || !strings.HasPrefix(bad[0], "-") || good[1] != "model" || bad[1] != "model" {
		t.Errorf("tones = %v, want the award above zero and the fire below, by the model", tones)
	}
	// -5/sqrt(5^2+5^2)
	if known, unknown := tones["https://example.fr/0"], tones["https://example.fr/1"]; !strings.HasPrefix(known[0], "-0.70710678") || known[1] != "gdelt" || unknown != [2]string{"null", "null"} {
		t.Errorf("tones = %v, want GDELT's for the first in French and none for the second", tones)
	}

	again, err := r.Run(t.Context(), b.request())
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range again.Steps {
		if step.Skipped != run.UpToDate {
			t.Errorf("second run: %s computed %v", step.Name, step.Windows)
		}
	}

	// The next day: methods chosen the day before are kept, and every series gets a new vintage.
	request := b.request()
	request.AsOf = b.asOf.AddDate(0, 0, 1)
	next, err := r.Run(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if step, _ := next.Step("marts.kpi_forecasts"); step.RowsOut != 90 {
		t.Errorf("next vintage has %d rows, want 90", step.RowsOut)
	}
	if chosen := b.query("marts.kpi_forecasts", "select distinct selected_on from marts.kpi_forecasts"); len(chosen) != 1 || chosen[0] != "2024-06-01" {
		t.Errorf("methods were chosen on %v, want only 2024-06-01", chosen)
	}
}

// BenchmarkBatch runs all models over 1,000 KPIs of three years of days, then a new day, then nothing new.
func BenchmarkBatch(b *testing.B) {
	for b.Loop() {
		db := storetest.New(b)
		lake := laketest.Open(b, db, b.TempDir())
		asOf := time.Date(2024, 6, 15, 2, 0, 0, 0, time.UTC)
		landDemo(b, lake, asOf, 1000, 1096)
		r, err := run.New(run.Config{Lake: lake, Pool: db.Pool(b, store.RoleBatch), Models: models.Files(), Nodes: run.Nodes(), Now: time.Now, Session: warehouse.Config{MemoryLimit: 1 << 30, TempDir: b.TempDir()}})
		if err != nil {
			b.Fatal(err)
		}
		for _, phase := range []string{"first", "new-day", "nothing-new"} {
			if phase == "new-day" {
				asOf = asOf.AddDate(0, 0, 1)
				var rows []dataset.KPIPointRow
				for k := range 1000 {
					rows = append(rows, dataset.KPIPointRow{BusinessID: "b", KPIID: fmt.Sprintf("kpi-%04d", k), At: asOf.Add(-26 * time.Hour), Value: 100, SourceID: "s", LandedAt: asOf})
				}
				commit(b, lake, dataset.KPIPoints(), "2", rows)
			}
			request := (&bench{asOf: asOf}).request()
			report, err := r.Run(b.Context(), request)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(report.Took.Seconds(), phase+"-s")
			for _, s := range report.Steps {
				fmt.Fprintf(os.Stderr, "%-12s %-28s %3d windows %9d in %9d out %8.3f s %s\n", phase, s.Name, len(s.Windows), s.RowsIn, s.RowsOut, s.Took.Seconds(), s.Skipped)
			}
		}
	}
}
