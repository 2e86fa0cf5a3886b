package sniff_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/kpi/sniff"
	"github.com/signalcraft/signalcraft/testdata/shared"
)

// TestRealFiles holds what is found against what the data's own README says.
func TestRealFiles(t *testing.T) {
	folder, ok := shared.Dir(t)
	if !ok {
		return
	}
	check := func(name, zone, questions string, rows, kpis int, value string, times, key []string) {
		t.Helper()
		file, err := os.Open(filepath.Join(folder, "data", "kpi", name+".csv.gz"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		f, err := sniff.Look(t.Context(), file, sniff.Options{Zone: zone, Currency: "AUD", AsOf: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}, sniff.Choices{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		proposed := 0
		for _, k := range f.KPIs {
			if !k.Skip {
				proposed++
			}
		}
		if f.RowsExact && f.Rows != int64(rows) || float64(f.Rows) < 0.95*float64(rows) || float64(f.Rows) > 1.05*float64(rows) {
			t.Errorf("%s: %d rows (exact %t), want %d", name, f.Rows, f.RowsExact, rows)
		}
		if f.Compression != "gzip" || f.Delimiter != "," || f.Header != 1 || proposed != kpis || f.Value != value || !slices.Equal(f.Time, times) || !slices.Equal(f.Key, key) {
			t.Errorf("%s: time %v, key %v, value %q, %d KPIs; want %v, %v, %q, %d", name, f.Time, f.Key, f.Value, proposed, times, key, value, kpis)
		}
		if got := asked(f); got != questions {
			t.Errorf("%s: asks %q, want %q: %+v", name, got, questions, f.Ambiguous)
		}
		if len(f.Sample) != 20 {
			t.Errorf("%s: %d rows in the sample, want 20", name, len(f.Sample))
		}
	}
	date := []string{"date"}
	check("aus_retail_monthly", "Australia/Sydney", "", 64_532, 152, "turnover_million_aud", date, []string{"state", "industry"})
	check("aus_tourism_quarterly", "Australia/Sydney", "", 24_320, 304, "trips_thousand", date, []string{"state", "region", "purpose"})
	check("melbourne_pedestrian_daily", "Australia/Melbourne", "kpis", 2_752, 4, "", date, []string{"location"}) // hours_observed is no KPI of its own
	check("melbourne_pedestrian_hourly", "Australia/Melbourne", "", 66_037, 4, "count", []string{"local_time"}, []string{"location"})
	check("melbourne_pedestrian_hourly", "America/New_York", "time_zone", 66_037, 4, "count", []string{"local_time"}, []string{"location"})
	check("bike_sharing_day", "America/New_York", "kpis", 731, 7, "", []string{"dteday"}, nil)
	check("bike_sharing_hour", "America/New_York", "kpis", 17_379, 7, "", []string{"dteday", "hr"}, nil)
}
