package kpi_test

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
	"github.com/signalcraft/signalcraft/testdata/shared"
)

// readReal reads one of the real files in folder and wants it to have no rejects.
func readReal(t *testing.T, folder, name string, spec kpi.Spec) []dataset.KPIPointRow {
	t.Helper()
	open := kpi.FromFS(os.DirFS(folder), name)
	source := newSource(t, kpi.Config{Files: []kpi.File{{BusinessID: "b", SourceID: "s", Name: name, Open: open, Spec: spec}}})
	var points []dataset.KPIPointRow
	err := source.Read(t.Context(), pipelines.Input{AsOf: asOf}, func(b pipelines.Batch) error {
		points = append(points, b.KPIPoints...)
		for _, r := range b.Rejects {
			t.Errorf("%s line %d refused: %s", name, *r.Line, r.Reason)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return points
}

// TestBikeSharing compares with the total that the data's own description states.
func TestBikeSharing(t *testing.T) {
	folder, ok := realKPIs(t)
	if !ok {
		return
	}
	check := func(name string, wantPoints int, spec kpi.Spec) {
		t.Helper()
		points := readReal(t, folder, name, spec)
		total := 0.0
		for _, p := range points {
			total += p.Value
		}
		if total != 3_292_679 || len(points) != wantPoints {
			t.Errorf("%s: %d points with total %.0f, want %d and 3292679", name, len(points), total, wantPoints)
		}
	}
	series := []kpi.Series{{KPIID: "rentals", NonNegative: true}}
	check("bike_sharing_day.csv.gz", 731, kpi.Spec{Time: []string{"dteday"}, Value: "cnt", KPIs: series})
	// The hourly file has rows in hours that were skipped and none twice, so its hours are not those of a local clock.
	check("bike_sharing_hour.csv.gz", 17_379, kpi.Spec{Time: []string{"dteday", "hr"}, Layouts: []string{"2006-01-02 15"}, Value: "cnt", KPIs: series})
}

// TestPedestrians compares the local days of the hourly file with the daily file, which encoding/csv reads.
func TestPedestrians(t *testing.T) {
	zone, err := time.LoadLocation("Australia/Melbourne")
	if err != nil {
		t.Fatal(err)
	}
	folder, ok := realKPIs(t)
	if !ok {
		return
	}
	want := pedestrianDays(t, folder)
	spec := kpi.Spec{Time: []string{"local_time"}, Zone: "Australia/Melbourne", Value: "count", Key: []string{"location"}}
	locations := map[string]bool{}
	for key := range want {
		locations[strings.SplitN(key, "|", 2)[1]] = true
	}
	for location := range locations {
		spec.KPIs = append(spec.KPIs, kpi.Series{Key: []string{location}, KPIID: location})
	}
	points := readReal(t, folder, "melbourne_pedestrian_hourly.csv.gz", spec)
	got := map[string]float64{}
	for _, p := range points {
		got[p.At.In(zone).Format(time.DateOnly)+"|"+p.KPIID] += p.Value
	}
	if len(points) != 66_037 || len(got) != 2_752 || len(want) != 2_752 {
		t.Errorf("%d points on %d location days, the daily file has %d; want 66037 and 2752", len(points), len(got), len(want))
	}
	for key, value := range want {
		if got[key] != value {
			t.Errorf("%s: %v, the daily file says %v", key, got[key], value)
		}
	}
}

// realKPIs returns the folder of the real files; false is that of shared.Dir.
func realKPIs(t *testing.T) (string, bool) {
	t.Helper()
	folder, ok := shared.Dir(t)
	return filepath.Join(folder, "data", "kpi"), ok
}

func pedestrianDays(t *testing.T, folder string) map[string]float64 {
	t.Helper()
	file, err := os.Open(filepath.Join(folder, "melbourne_pedestrian_daily.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(unpacked).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	days := map[string]float64{}
	for _, record := range records[1:] {
		value, err := strconv.ParseFloat(record[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		days[record[0]+"|"+record[1]] = value
	}
	return days
}

// BenchmarkRead reads 1,000 KPIs of three years of daily points, in local time.
func BenchmarkRead(b *testing.B) {
	text, spec := thousandKPIs()
	source := newSource(b, kpi.Config{Files: []kpi.File{{BusinessID: "b", SourceID: "s", Spec: spec, Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(text)), nil
	}}}})
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	rows := 0
	for b.Loop() {
		err := source.Read(b.Context(), pipelines.Input{AsOf: asOf}, func(batch pipelines.Batch) error {
			rows += batch.RowsIn
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

func thousandKPIs() (string, kpi.Spec) {
	random := rand.New(rand.NewPCG(1, 1))
	spec := kpi.Spec{Time: []string{"day"}, Zone: "Europe/Berlin", Value: "value", Key: []string{"kpi"}}
	var text strings.Builder
	text.WriteString("day,kpi,value\n")
	for k := range 1000 {
		id := "kpi-" + strconv.Itoa(k)
		spec.KPIs = append(spec.KPIs, kpi.Series{Key: []string{id}, KPIID: id})
		for d := range 1096 {
			text.WriteString(time.Date(2021, 1, 1+d, 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
			text.WriteString("," + id + "," + strconv.FormatFloat(random.Float64()*1000, 'f', 2, 64) + "\n")
		}
	}
	return text.String(), spec
}
