package forecast_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/signalcraft/signalcraft/models/forecast"
	"github.com/signalcraft/signalcraft/models/series"
)

// duel is a noisy weekly series of 200 days, whose methods a former vintage chose on day 180 and published since.
type duel struct {
	batch  *series.Batch
	method string
	mase   float64
}

const duelDays, duelChosen = 200, 180

func newDuel(t *testing.T, days int) duel {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, days)
	for d := range values {
		values[d] = 100 + 20*math.Sin(2*math.Pi*float64(d)/7) + 5*random.NormFloat64()
	}
	b := &series.Batch{BusinessID: []string{"b"}, KPIID: []string{"k"}, FirstDay: []int32{0}, Range: []series.Range{series.Anything()}, Values: values, Offsets: []int{0, days}}
	return duel{batch: b, method: "drift", mase: 1.5}
}

// run forecasts on day 200 with what the champion published on each of the last 20 days, off by so much, with its horizons up to 7.
func (d duel) run(t *testing.T, reselect int32, off func(day, horizon int) float64) *forecast.Vintage {
	t.Helper()
	prior := forecast.NewPrior(d.batch)
	prior.Set("b", "k", d.method, d.mase, duelChosen)
	for vintage := duelChosen; vintage < duelDays; vintage++ {
		for h := 1; h <= 7; h++ {
			day := vintage + h - 1
			value := 0.0
			if day < len(d.batch.Values) {
				value = d.batch.Values[day]
			}
			if !prior.Publish("b", "k", d.method, int32(day), int32(h), value+off(day, h)) {
				t.Fatal("the forecast of a series of the batch was not taken")
			}
		}
	}
	v, err := forecast.Forecast(t.Context(), d.batch, forecast.Options{Horizon: 14, Vintage: duelDays, Prior: prior, ReselectAfterDays: reselect})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestChampionStaysUnlessTheChallengerWinsOnWhatCame(t *testing.T) {
	d := newDuel(t, duelDays)
	alone := d.run(t, 7, func(int, int) float64 { return math.Inf(1) })
	if alone.Method[0] == d.method || alone.SelectedOn[0] != duelDays {
		t.Fatalf("against a champion that was far off, %s of day %d was chosen", alone.Method[0], alone.SelectedOn[0])
	}
	check := func(name string, off func(day, horizon int) float64, stays bool) {
		t.Helper()
		v := d.run(t, 7, off)
		if (v.Method[0] == d.method) != stays {
			t.Errorf("%s: %s was chosen, want the champion: %t", name, v.Method[0], stays)
		}
		if v.SelectedOn[0] != duelDays || math.IsNaN(v.MASE[0]) {
			t.Errorf("%s: chosen on day %d with an error of %g, want it weighed on day %d", name, v.SelectedOn[0], v.MASE[0], duelDays)
		}
	}
	check("exact", func(int, int) float64 { return 0 }, true)
	check("hardly off", func(day, _ int) float64 { return float64(day%3) - 1 }, true)
	check("off by as much as the season", func(day, _ int) float64 { return 20 * math.Pow(-1, float64(day)) }, false)
	check("off on days ahead only", func(_, h int) float64 { return 8 * float64(h) }, false)
}

func TestChampionIsNotChallengedEachDay(t *testing.T) {
	d := newDuel(t, duelDays)
	v := d.run(t, duelDays-duelChosen+1, func(int, int) float64 { return 1000 })
	if v.Method[0] != d.method || v.SelectedOn[0] != duelChosen || v.MASE[0] != d.mase {
		t.Errorf("%s of day %d, error %g; want the young champion untouched", v.Method[0], v.SelectedOn[0], v.MASE[0])
	}
}

// With too few days that came, or a method that this version does not know, the challenger takes over as if nothing had been published.
func TestChampionWithoutEnoughThatCame(t *testing.T) {
	exact := func(int, int) float64 { return 0 }
	d := newDuel(t, duelDays)
	alone := d.run(t, 7, func(int, int) float64 { return 1000 })
	short := newDuel(t, duelDays)
	for i := duelChosen; i < duelDays; i++ {
		short.batch.Values[i] = math.NaN()
	}
	if v := short.run(t, 7, exact); v.Method[0] == short.method {
		t.Error("a champion of whose forecasts nothing came stays")
	}
	d.method = "oracle"
	if v := d.run(t, 7, exact); v.Method[0] != alone.Method[0] {
		t.Errorf("beside an unknown champion %s was chosen, want %s", v.Method[0], alone.Method[0])
	}
}

func TestPublishTakesTheSeriesMethodOnly(t *testing.T) {
	d := newDuel(t, duelDays)
	prior := forecast.NewPrior(d.batch)
	if prior.Publish("b", "k", "theta", 1, 1, 1) {
		t.Error("a forecast was taken before the method was set")
	}
	prior.Set("b", "k", "theta", 1, 5)
	for name, taken := range map[string]bool{
		"of the method":   prior.Publish("b", "k", "theta", 1, 1, 1),
		"another method":  !prior.Publish("b", "k", "ar", 1, 1, 1),
		"another series":  !prior.Publish("b", "x", "theta", 1, 1, 1),
		"horizon of none": !prior.Publish("b", "k", "theta", 1, 0, 1),
		"expired":         prior.Expired(12, 7),
		"young":           !prior.Expired(11, 7),
	} {
		if !taken {
			t.Errorf("%s: the wrong answer", name)
		}
	}
}
