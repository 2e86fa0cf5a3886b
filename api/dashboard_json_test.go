package api

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// TestAnswersAreWrittenAsEncodingJSONDoes is an inside test: both ways of writing are not seen from outside.
func TestAnswersAreWrittenAsEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	const seed = 20260331
	random := rand.New(rand.NewPCG(seed, 1))
	value := func() *float64 {
		var v float64
		switch random.IntN(8) {
		case 0:
			return nil
		case 1:
			v = 0
		case 2:
			v = math.Copysign(0, -1)
		case 3:
			v = math.Round(random.Float64()*1e8) / 100
		case 4:
			v = math.Pow(10, float64(random.IntN(50)-25))
		case 5:
			v = float64(random.IntN(1000))
		default:
			v = math.Float64frombits(random.Uint64())
		}
		return finite(&v)
	}
	texts := []string{"", "Umsatz <b>&", "\u2028 \"quoted\" \\ \x01", "日本", string([]byte{0xff, 'x'})}
	text := func() string { return texts[random.IntN(len(texts))] }
	for n := range 3000 {
		at := time.Unix(random.Int64N(1<<32), random.Int64N(1e9)).UTC()
		name := text()
		a := metricsAnswer{PublishedAnswer: PublishedAnswer{BusinessID: text(), TimeZone: text(), AsOf: &at, RunID: &name, Freshness: fresh,
			Tables: []tableAnswer{{Table: text(), AsOf: &at}}}, Grain: text(), Series: []metricSeries{}}
		for range random.IntN(3) {
			s := metricSeries{KPI: kpiAnswer{text(), text(), text()}, Currency: optional(text()), Points: []metricPoint{}}
			for range random.IntN(5) {
				s.Points = append(s.Points, metricPoint{at.Format(time.DateOnly), []string{"", at.Format(time.RFC3339)}[random.IntN(2)], value(), value(), random.Int64N(1000), random.Int64N(31), random.IntN(2) == 0})
			}
			if random.IntN(2) == 0 {
				s.Forecast = &metricForecast{Vintage: text(), MASE: value(), Points: []forecastPoint{{Day: text(), Mean: value()}}}
				s.Anomalies = []metricAnomaly{{Day: text(), Value: value()}}
			}
			a.Series = append(a.Series, s)
		}
		if random.IntN(2) == 0 {
			a.DailyKPIs, a.Holidays, a.NextCursor = []kpiAnswer{{text(), text(), text()}}, []holiday{{text(), text()}}, &name
		}
		got, err := a.appendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		want, err := plainJSON(a)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want)+"\n" || !json.Valid(got) {
			t.Fatalf("seed %d, answer %d:\n got %s\nwant %s", seed, n, got, want)
		}
	}
}

func BenchmarkMetricsAnswer(b *testing.B) {
	a := &metricsAnswer{}
	for range 10 {
		s := metricSeries{}
		for n := range 90 {
			v := 1000 + float64(n)/7
			s.Points = append(s.Points, metricPoint{"2026-03-30", "", &v, &v, 24, 1, true})
		}
		a.Series = append(a.Series, s)
	}
	run := func(name string, write func() ([]byte, error)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				text, err := write()
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(text)))
			}
		})
	}
	run("by hand", func() ([]byte, error) { return a.appendJSON(nil) })
	run("encoding/json", func() ([]byte, error) { return plainJSON(a) })
	text, err := a.appendJSON(nil)
	if err != nil {
		b.Fatal(err)
	}
	kept := &cache{}
	run("pack", func() ([]byte, error) { return kept.pack(text) })
}
