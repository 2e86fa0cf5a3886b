package pipelines_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/lakehouse/laketest"
	"github.com/signalcraft/signalcraft/pipelines"
)

// grown is a source of twenty files of fifteen KPIs each, with so many days.
func grown(days int) listed {
	var l listed
	for f := range 20 {
		var rows []dataset.KPIPointRow
		business, source := fmt.Sprintf("0197d2a0-0000-7000-8000-%012d", f), fmt.Sprintf("0197d2a0-0000-7000-9000-%012d", f)
		for k := range 15 {
			kpi := fmt.Sprintf("0197d2a0-0000-7000-a000-%012d", f*15+k)
			for d := range days {
				rows = append(rows, dataset.KPIPointRow{BusinessID: business, KPIID: kpi, SourceID: source,
					At: time.Date(2023, 5, 1+d, 0, 0, 0, 0, time.UTC), Value: float64(d*k) + 0.25})
			}
		}
		l = append(l, unit(source, nil, rows...))
	}
	return l
}

// BenchmarkLandOneMoreDay lands files of three years that have grown by one day.
func BenchmarkLandOneMoreDay(b *testing.B) {
	lake, days := laketest.New(b), 1096
	land := func() {
		runner, err := pipelines.NewRunner(pipelines.RunnerConfig{Lake: lake, Now: time.Now})
		if err != nil {
			b.Fatal(err)
		}
		asOf := time.Date(2026, 5, days, 0, 0, 0, 0, time.UTC)
		if _, err := runner.Run(b.Context(), grown(days), pipelines.Input{AsOf: asOf}, fmt.Sprint(days)); err != nil {
			b.Fatal(err)
		}
	}
	land()
	b.ReportAllocs()
	for b.Loop() {
		days++
		land()
	}
	b.ReportMetric(float64(b.N*300*days)/b.Elapsed().Seconds(), "rows/s")
}
