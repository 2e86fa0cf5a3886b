package anomaly_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/signalcraft/signalcraft/models/anomaly"
)

// noises are series in which nothing happens: each gives the value of day i from the one before.
func noises() map[string]func(r *rand.Rand, i int, before float64) float64 {
	week := []float64{1, 1.1, 1.2, 1.15, 1.4, 1.8, 0.6}
	poisson := func(r *rand.Rand, mean float64) float64 {
		count, p := -1.0, 1.0
		for limit := math.Exp(-mean); p > limit; count++ {
			p *= r.Float64()
		}
		return count
	}
	return map[string]func(r *rand.Rand, i int, before float64) float64{
		"normal": func(r *rand.Rand, _ int, _ float64) float64 { return 100 + 10*r.NormFloat64() },
		"heavy tails": func(r *rand.Rand, _ int, _ float64) float64 { // Student's t with 3 degrees of freedom
			a, b, c := r.NormFloat64(), r.NormFloat64(), r.NormFloat64()
			return 100 + 10*r.NormFloat64()/math.Sqrt((a*a+b*b+c*c)/3)
		},
		"weekly":         func(r *rand.Rand, i int, _ float64) float64 { return 100 * week[i%7] * math.Exp(0.1*r.NormFloat64()) },
		"autocorrelated": func(r *rand.Rand, _ int, before float64) float64 { return 0.7*before + r.NormFloat64() },
		"random walk":    func(r *rand.Rand, _ int, before float64) float64 { return before + r.NormFloat64() },
		"counts":         func(r *rand.Rand, _ int, _ float64) float64 { return poisson(r, 5) },
		"rare counts":    func(r *rand.Rand, _ int, _ float64) float64 { return poisson(r, 0.5) },
		"growth and year": func(r *rand.Rand, i int, _ float64) float64 {
			return 100 * week[i%7] * (1 + 0.001*float64(i)) * (1 + 0.25*math.Sin(2*math.Pi*float64(i)/365.25)) * math.Exp(0.08*r.NormFloat64())
		},
	}
}

// Where nothing happens a KPI raises about as many alarms as the setting says: between half of it and a half more, for random walks from
// two fifths on. Thirty series of three years expect 515 alarms at half an alarm a month, so chance is small.
func TestJudgeKeepsTheSetting(t *testing.T) {
	for name, next := range noises() {
		random := rand.New(rand.NewPCG(5, 6))
		var all [][]float64
		for range 30 {
			values := make([]float64, 1096)
			for i := range values {
				values[i] = next(random, i, values[max(0, i-1)])
			}
			all = append(all, values)
		}
		b := batch(t, all...)
		for _, setting := range []float64{0.25, 1} {
			v := judge(t, b, anomaly.Options{ExpectedAlarms: setting})
			alarms := 0
			for _, alarm := range v.Alarm {
				if alarm {
					alarms++
				}
			}
			rate := float64(alarms) / (float64(v.Len()) / 30.44)
			t.Logf("%s: %.2f alarms a month at a setting of %.2f", name, rate, setting)
			least := 0.5
			if name == "random walk" {
				least = 0.4
			}
			if rate < least*setting || rate > 1.5*setting {
				t.Errorf("%s: %.2f alarms a month, want near %.2f", name, rate, setting)
			}
		}
	}
}

// What is put into such series is told within two weeks.
func TestJudgeFindsWhatWasPutIn(t *testing.T) {
	put := map[string]func(v []float64, at int, sd float64){
		"spike": func(v []float64, at int, sd float64) { v[at] += 8 * sd },
		"dip":   func(v []float64, at int, sd float64) { v[at] -= 8 * sd },
		"shift": func(v []float64, at int, sd float64) {
			for i := at; i < len(v); i++ {
				v[i] += 3 * sd
			}
		},
		"flat line": func(v []float64, at int, _ float64) {
			for i := at; i < at+10; i++ {
				v[i] = v[at-1]
			}
		},
		"missing": func(v []float64, at int, _ float64) { v[at] = math.NaN() },
	}
	const at, series = 400, 40
	for name, sd := range map[string]float64{"normal": 10, "weekly": 12, "autocorrelated": 1, "counts": 2.2} {
		for what, change := range put {
			random := rand.New(rand.NewPCG(7, 8))
			var all [][]float64
			for range series {
				values := make([]float64, 460)
				for i := range values {
					values[i] = noises()[name](random, i, values[max(0, i-1)])
				}
				change(values, at, sd)
				all = append(all, values)
			}
			v := judge(t, batch(t, all...), anomaly.Options{})
			told := map[int32]bool{}
			for r := range v.Len() {
				if day := v.Day[r] - firstDay; day >= at && day < at+14 && (v.Alarm[r] || v.Ongoing[r]) {
					told[v.Series[r]] = true
				}
			}
			if len(told) < series*85/100 {
				t.Errorf("%s with a %s: told in %d of %d series", name, what, len(told), series)
			}
		}
	}
}
