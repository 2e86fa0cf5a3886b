package forecast_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/signalcraft/signalcraft/models/forecast"
	"github.com/signalcraft/signalcraft/models/series"
)

// business returns series as shops have them: a week, a year, a drift and noise, every
// seventh of them intermittent and every fifth with gaps.
func business(count, days int) *series.Batch {
	b := &series.Batch{Offsets: []int{0}}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range count {
		level, drift := 100*math.Exp(random.NormFloat64()), random.NormFloat64()*0.3
		for d := range days {
			day := float64(d)
			v := level * (1 + 0.3*math.Sin(2*math.Pi*day/7) + 0.2*math.Sin(2*math.Pi*day/365.25) + drift*day/1000 + 0.15*random.NormFloat64())
			if i%7 == 3 && random.Float64() < 0.7 {
				v = 0
			}
			if i%5 == 4 && random.Float64() < 0.05 {
				v = math.NaN()
			}
			b.Values = append(b.Values, math.Max(0, v)+0*v)
		}
		b.BusinessID, b.KPIID = append(b.BusinessID, "shop"), append(b.KPIID, fmt.Sprint("kpi-", i))
		b.FirstDay, b.Range = append(b.FirstDay, 19000), append(b.Range, series.NonNegative())
		b.Offsets = append(b.Offsets, len(b.Values))
	}
	return b
}

func BenchmarkForecast(b *testing.B) {
	batch := business(200, 1096)
	chosen, err := forecast.Forecast(b.Context(), batch, forecast.Options{Vintage: 20096})
	if err != nil {
		b.Fatal(err)
	}
	prior := forecast.NewPrior(batch)
	for i := range batch.Len() {
		prior.Set(batch.BusinessID[i], batch.KPIID[i], chosen.Method[i], chosen.MASE[i], chosen.SelectedOn[i])
	}
	run := func(name string, opt forecast.Options) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := forecast.Forecast(b.Context(), batch, opt); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*batch.Len())/b.Elapsed().Seconds(), "series/s")
		})
	}
	run("choose", forecast.Options{Vintage: 20097})
	run("keep", forecast.Options{Vintage: 20097, Prior: prior})
}
