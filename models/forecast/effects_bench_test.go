package forecast_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/signalcraft/signalcraft/models/forecast"
	"github.com/signalcraft/signalcraft/models/series"
)

// BenchmarkKnown shows what holidays and weather cost: they are looked for in every series, in vain in all but a few.
func BenchmarkKnown(b *testing.B) {
	const days = 730
	k := &series.Known{FirstDay: 19000}
	for c := range 20 {
		k.Columns = append(k.Columns, series.KnownColumn{
			Name: fmt.Sprint("holiday: ", c), Kind: series.Calendar, Values: repeat(days+30, on(18*c)),
		})
	}
	for c := range 4 {
		k.Columns = append(k.Columns, series.KnownColumn{
			Name: fmt.Sprint("weather ", c), Kind: series.Measured, Values: append(weather(days+10, uint64(c)), slices.Repeat([]float64{nan}, 20)...),
		})
	}
	for _, known := range []*series.Known{nil, k} {
		batch := business(100, days)
		for range batch.Len() {
			batch.Known = append(batch.Known, known)
		}
		b.Run(fmt.Sprint(known != nil), func(b *testing.B) {
			before := usedCPU(b)
			for b.Loop() {
				run(b, batch, forecast.Options{})
			}
			b.ReportMetric(float64(b.N*batch.Len())/b.Elapsed().Seconds(), "series/s")
			b.ReportMetric(float64(b.N*batch.Len())/(usedCPU(b)-before).Seconds(), "series/cpu-s")
		})
	}
}
