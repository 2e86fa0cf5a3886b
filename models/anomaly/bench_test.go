package anomaly_test

import (
	"testing"

	"github.com/signalcraft/signalcraft/models/anomaly"
)

// A thousand KPIs of three years; reports days a second.
func BenchmarkJudge(b *testing.B) {
	var all [][]float64
	for k := range 1000 {
		all = append(all, weekly(uint64(k), 1096))
	}
	batch := batch(b, all...)
	for b.Loop() {
		if _, err := anomaly.Judge(b.Context(), batch, anomaly.Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(batch.Values)*b.N)/b.Elapsed().Seconds(), "days/s")
}
