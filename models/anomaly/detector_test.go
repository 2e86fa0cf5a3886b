package anomaly_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/signalcraft/signalcraft/models/anomaly"
)

// stream judges values that come every step seconds.
func stream(c anomaly.Config, step int64, values []float64) []anomaly.Point {
	d := anomaly.NewDetector(c)
	out := make([]anomaly.Point, len(values))
	for i, v := range values {
		out[i] = d.Step(int64(i)*step, v)
	}
	return out
}

// finite fails the test when a field of a point is none or the score lies outside of [0,1].
func finite(t *testing.T, name string, points []anomaly.Point) {
	t.Helper()
	for i, p := range points {
		for _, v := range []float64{p.Score, p.Strange, p.Expected, p.Scale} {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("%s: value %d gives %+v", name, i, p)
			}
		}
		if p.Score < 0 || p.Score > 1 || p.Strange < 0 || p.Strange > 1 || p.Scale < 0 {
			t.Fatalf("%s: value %d gives %+v", name, i, p)
		}
	}
}

// fiveMinutes is a day's season in five-minute values with noise.
func fiveMinutes(seed uint64, n int) []float64 {
	random := rand.New(rand.NewPCG(seed, 2))
	out := make([]float64, n)
	for i := range out {
		out[i] = 50 + 20*math.Sin(2*math.Pi*float64(i)/288) + random.NormFloat64()
	}
	return out
}

func TestDetectorTellsOnce(t *testing.T) {
	values := fiveMinutes(1, 3000)
	for i := 2500; i < 2520; i++ {
		values[i] += 40
	}
	told := 0
	for i, p := range stream(anomaly.Config{Warmup: 600}, 300, values) {
		if p.Score < anomaly.Threshold {
			continue
		}
		if told++; i < 2500 || i > 2501 || p.Kind != anomaly.Spike {
			t.Errorf("value %d is told as %v with score %.2f", i, p.Kind, p.Score)
		}
	}
	if told != 1 {
		t.Errorf("told %d times, want once", told)
	}
}

// A value in the midst of the range is strange at an hour that never had it.
func TestDetectorKnowsTheSeason(t *testing.T) {
	values := fiveMinutes(2, 288*10)
	at := 288*9 + 72 // the height of the day, 70
	for i := at; i < at+30; i++ {
		values[i] -= 20
	}
	points := stream(anomaly.Config{Warmup: 600}, 300, values)
	if p := points[at]; p.Score < anomaly.Threshold || p.Kind != anomaly.Dip || math.Abs(p.Expected-70) > 2 {
		t.Errorf("the first low value gives %+v, want a dip below 70", p)
	}
}

func TestDetectorTellsKinds(t *testing.T) {
	kind := func(name string, change func(values []float64, at int), want anomaly.Kind) {
		t.Helper()
		values := fiveMinutes(3, 2800)
		change(values, 2000)
		for i, p := range stream(anomaly.Config{Warmup: 500}, 300, values) {
			if p.Score >= anomaly.Threshold && i >= 2000 {
				if p.Kind != want {
					t.Errorf("%s: value %d is told as %v, want %v", name, i, p.Kind, want)
				}
				return
			}
		}
		t.Errorf("%s: nothing told", name)
	}
	kind("spike", func(v []float64, at int) { v[at] += 100 }, anomaly.Spike)
	kind("dip", func(v []float64, at int) { v[at] -= 100 }, anomaly.Dip)
	kind("shift", func(v []float64, at int) {
		for i := at; i < len(v); i++ {
			v[i] += 6
		}
	}, anomaly.LevelShift)
	kind("flat line", func(v []float64, at int) {
		for i := at; i < len(v); i++ {
			v[i] = v[at-1]
		}
	}, anomaly.FlatLine)
	kind("missing", func(v []float64, at int) { v[at] = math.NaN() }, anomaly.Missing)
	kind("nervous", func(v []float64, at int) {
		for i := at; i < len(v); i++ {
			season := 50 + 20*math.Sin(2*math.Pi*float64(i)/288)
			v[i] = season + 3*(v[i]-season)
		}
	}, anomaly.Volatility)
}

func TestDetectorEdges(t *testing.T) {
	edge := func(name string, values []float64, told bool) {
		t.Helper()
		points := stream(anomaly.Config{}, 86400, values)
		finite(t, name, points)
		finite(t, name+", step unknown", stream(anomaly.Config{}, 0, values))
		some := false
		for _, p := range points {
			some = some || p.Score >= anomaly.Threshold
		}
		if some != told {
			t.Errorf("%s: told %v, want %v", name, some, told)
		}
	}
	repeat := func(n int, values ...float64) (out []float64) {
		for range n {
			out = append(out, values...)
		}
		return out
	}
	edge("none", nil, false)
	edge("two", []float64{1, 2}, false)
	edge("constant", repeat(200, 5), false)
	edge("zero", repeat(200, 0), false)
	edge("all missing", repeat(200, math.NaN()), false)
	edge("constant, then another", append(repeat(200, 5), 5.1), true)
	edge("constant 1e15, then another", append(repeat(200, 1e15), 1.1e15), true)
	edge("alternating", repeat(200, 1, -1), false)
	edge("extreme", repeat(50, math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, 0), false)
	edge("infinite", append(repeat(200, 1, 2), math.Inf(1), math.Inf(-1)), true) // as missing
	edge("weekend missing", repeat(60, 1, 2, 3, 4, 5, math.NaN(), math.NaN()), false)
	finite(t, "zero config", stream(anomaly.Config{Warmup: 1, Rest: 1, Step: 1, Seasons: []int64{}}, 1, repeat(9, 1)))
}

// Multiplying by a power of two changes no score by a bit; other factors and shifts change them by rounding only.
func TestDetectorEquivariance(t *testing.T) {
	for seed := range uint64(5) {
		values := fiveMinutes(seed, 2000)
		values[1500] += 30
		want := stream(anomaly.Config{Warmup: 300}, 300, values)
		changed := func(name string, tolerance float64, f func(v float64) float64) {
			t.Helper()
			other := make([]float64, len(values))
			for i, v := range values {
				other[i] = f(v)
			}
			for i, p := range stream(anomaly.Config{Warmup: 300}, 300, other) {
				if math.Abs(p.Strange-want[i].Strange) > tolerance || i > 0 && math.Abs(p.Expected-f(want[i].Expected)) > tolerance*math.Abs(f(want[i].Expected)) {
					t.Fatalf("seed %d, %s: value %d gives %+v, want %+v", seed, name, i, p, want[i])
				}
			}
		}
		changed("times 2^40", 0, func(v float64) float64 { return v * (1 << 40) })
		changed("times 2^-60", 0, func(v float64) float64 { return v / (1 << 60) })
		changed("times 1e-12", 1e-6, func(v float64) float64 { return v * 1e-12 })
		changed("times 1e15", 1e-6, func(v float64) float64 { return v * 1e15 })
		changed("plus 1000", 1e-6, func(v float64) float64 { return v + 1000 })
		changed("upside down", 1e-6, func(v float64) float64 { return -v })
	}
}

// Instants that repeat or jump are taken as they are.
func TestDetectorUnevenInstants(t *testing.T) {
	d := anomaly.NewDetector(anomaly.Config{})
	at := int64(0)
	var points []anomaly.Point
	for i, v := range fiveMinutes(4, 1000) {
		switch {
		case i%50 == 0:
			at += 7 * 86400
		case i%7 != 0:
			at += 300
		case i%21 == 0:
			at -= 3600
		}
		points = append(points, d.Step(at, v))
	}
	finite(t, "uneven", points)
}

// The state does not grow: a million values allocate no more than a thousand.
func TestDetectorMemory(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 6))
	d := anomaly.NewDetector(anomaly.Config{})
	i := int64(0)
	run := func(n int) {
		for range n {
			d.Step(i*300, random.NormFloat64())
			i++
		}
	}
	run(1000)
	if allocations := testing.AllocsPerRun(1, func() { run(500_000) }); allocations != 0 {
		t.Errorf("half a million values made %v allocations", allocations)
	}
}
