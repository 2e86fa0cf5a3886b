package forecast_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

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

// BenchmarkForecast forecasts 30 days of series of two years, and of three, whose year is found and forecast as well.
func BenchmarkForecast(b *testing.B) {
	b.Run("730", func(b *testing.B) { benchmarkForecast(b, 730) })
	b.Run("1096", func(b *testing.B) { benchmarkForecast(b, 1096) })
}

// usedCPU is what this process has used of all processors so far: unlike the clock it does not count the machine's other work.
func usedCPU(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func benchmarkForecast(b *testing.B, days int) {
	batch := business(200, days)
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
			before := usedCPU(b)
			for b.Loop() {
				if _, err := forecast.Forecast(b.Context(), batch, opt); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*batch.Len())/b.Elapsed().Seconds(), "series/s")
			b.ReportMetric(float64(b.N*batch.Len())/(usedCPU(b)-before).Seconds(), "series/cpu-s")
		})
	}
	run("choose", forecast.Options{Vintage: 20097})
	run("keep", forecast.Options{Vintage: 20097, Prior: prior})
}
