package anomaly_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/signalcraft/signalcraft/models/anomaly"
	"github.com/signalcraft/signalcraft/models/series"
)

// batch lays series of values on the days from 18,000 on.
func batch(t testing.TB, all ...[]float64) *series.Batch {
	t.Helper()
	b := &series.Batch{Offsets: []int{0}}
	for k, values := range all {
		b.BusinessID, b.KPIID = append(b.BusinessID, "b"), append(b.KPIID, string(rune('a'+k)))
		b.FirstDay, b.Range = append(b.FirstDay, 18000), append(b.Range, series.Anything())
		b.Values = append(b.Values, values...)
		b.Offsets = append(b.Offsets, len(b.Values))
	}
	return b
}

// weekly is noise around a week.
func weekly(seed uint64, n int) []float64 {
	random := rand.New(rand.NewPCG(seed, 1))
	out := make([]float64, n)
	for i := range out {
		out[i] = 100 + 20*math.Sin(2*math.Pi*float64(i)/7) + 3*random.NormFloat64()
	}
	return out
}

func TestJudgeFindsASpike(t *testing.T) {
	values := weekly(1, 200)
	values[150] += 60
	v, err := anomaly.Judge(t.Context(), batch(t, values), anomaly.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for r := range v.Len() {
		if v.Day[r] == 18150 && (!v.Alarm[r] || v.Kind[r] != anomaly.Spike || v.Severity[r] != anomaly.Critical) {
			t.Errorf("day 150: alarm %v, kind %v, severity %v, want a critical spike", v.Alarm[r], v.Kind[r], v.Severity[r])
		}
	}
}
