package forecast_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/signalcraft/signalcraft/models/forecast"
	"github.com/signalcraft/signalcraft/models/series"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var nan = math.NaN()

// batchOf returns a batch of the given series, all of one range.
func batchOf(values series.Range, all ...[]float64) *series.Batch {
	b := &series.Batch{Offsets: []int{0}}
	for i, v := range all {
		b.BusinessID, b.KPIID = append(b.BusinessID, "acme"), append(b.KPIID, fmt.Sprint("kpi-", i))
		b.FirstDay, b.Range = append(b.FirstDay, 1000), append(b.Range, values)
		b.Values = append(b.Values, v...)
		b.Offsets = append(b.Offsets, len(b.Values))
	}
	return b
}

func run(t testing.TB, b *series.Batch, opt forecast.Options) *forecast.Vintage {
	t.Helper()
	v, err := forecast.Forecast(t.Context(), b, opt)
	if err != nil {
		t.Fatalf("Forecast: %v", err)
	}
	return v
}

// sound returns what is wrong with a vintage: rows that are not finite, bounds out of
// order, values below zero in a non-negative series, keys that do not count up.
func sound(b *series.Batch, v *forecast.Vintage, horizon int) error {
	for i := range b.Len() {
		lo, hi := v.Rows(i)
		if (hi-lo != horizon || v.Method[i] == "") && (hi != lo || v.Method[i] != "" || b.Observed(i) != 0) {
			return fmt.Errorf("series %d (%d observed) has %d rows by %q", i, b.Observed(i), hi-lo, v.Method[i])
		}
		for row := lo; row < hi; row++ {
			h := int32(row - lo + 1)
			if v.Series[row] != int32(i) || v.Horizon[row] != h || v.Day[row] != b.LastDay(i)+h {
				return fmt.Errorf("row %d: series %d, horizon %d, day %d", row, v.Series[row], v.Horizon[row], v.Day[row])
			}
			chain := []float64{v.Lower95[row], v.Lower80[row], v.Mean[row], v.Upper80[row], v.Upper95[row]}
			for k, x := range chain {
				if math.IsNaN(x) || math.IsInf(x, 0) || (k > 0 && x < chain[k-1]) || x < b.Range[i].Lowest || x > b.Range[i].Highest {
					return fmt.Errorf("series %d by %q, horizon %d: %v", i, v.Method[i], h, chain)
				}
			}
		}
	}
	return nil
}

func repeat(n int, f func(i int) float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = f(i)
	}
	return out
}

func weekly(n int, seed uint64) []float64 {
	random := rand.New(rand.NewPCG(seed, 7))
	return repeat(n, func(i int) float64 {
		return 100 + 0.02*float64(i) + []float64{-20, -10, 0, 5, 10, 40, -25}[i%7] + 4*random.NormFloat64()
	})
}

func TestDefinedAnswers(t *testing.T) {
	const horizon = 10
	missing := repeat(30, func(int) float64 { return nan })
	check := func(name string, values []float64, want func(mean, lower, upper []float64) string) {
		t.Helper()
		b := batchOf(series.Anything(), values)
		v := run(t, b, forecast.Options{Horizon: horizon})
		if err := sound(b, v, horizon); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if complaint := want(v.Mean, v.Lower95, v.Upper95); complaint != "" {
			t.Errorf("%s: %s: mean %v, lower %v, upper %v", name, complaint, v.Mean, v.Lower95, v.Upper95)
		}
	}
	none := func(mean, _, _ []float64) string {
		if len(mean) != 0 {
			return "want no rows"
		}
		return ""
	}
	flat := func(value float64, wide bool) func(mean, lower, upper []float64) string {
		return func(mean, lower, upper []float64) string {
			for h := range horizon {
				if mean[h] != value || (upper[h] > value) != wide || (lower[h] < value) != wide {
					return fmt.Sprintf("want %v each day, bounds apart %v", value, wide)
				}
			}
			return ""
		}
	}
	around := func(lo, hi float64) func(mean, lower, upper []float64) string {
		return func(mean, lower, upper []float64) string {
			for h := range horizon {
				if mean[h] < lo || mean[h] > hi || upper[h] <= lower[h] {
					return fmt.Sprintf("want every mean between %v and %v and bounds apart", lo, hi)
				}
			}
			return ""
		}
	}
	scaled := func(factor float64) []float64 {
		out := weekly(200, 1)
		for i := range out {
			out[i] *= factor
		}
		return out
	}
	gaps := weekly(200, 2)
	for i := 30; i < 190; i += 9 {
		gaps[i], gaps[i+1] = nan, nan
	}

	check("empty", nil, none)
	check("all missing", missing, none)
	check("single", []float64{7}, flat(7, true))
	check("single after missing", append(append([]float64{}, missing...), 7), flat(7, true))
	check("two points", []float64{3, 5}, flat(5, true))
	check("two equal points", []float64{5, 5}, flat(5, false))
	check("three points", []float64{3, 5, 4}, flat(4, true))
	check("constant", repeat(100, func(int) float64 { return -2.5 }), flat(-2.5, false))
	check("constant with gaps", repeat(100, func(i int) float64 { return [2]float64{8, nan}[i%2] }), flat(8, false))
	check("all zero", make([]float64, 100), flat(0, false))
	check("gaps", gaps, around(60, 160))
	check("missing end", append(weekly(200, 3), missing...), around(60, 160))
	check("huge", scaled(1e15), around(6e16, 1.6e17))
	check("tiny", scaled(1e-12), around(6e-11, 1.6e-10))
	check("largest numbers", repeat(60, func(i int) float64 { return math.MaxFloat64 * float64(i%3-1) }), around(-math.MaxFloat64, math.MaxFloat64))
	check("smallest numbers", repeat(60, func(i int) float64 { return math.SmallestNonzeroFloat64 * float64(i%3) }), func(mean, _, _ []float64) string { return "" })
	check("jump at the end", append(make([]float64, 100), 1), around(-1, 1))
}

func TestMissingEndWidensBounds(t *testing.T) {
	values := repeat(300, func(i int) float64 { return nan })
	level := 0.0
	random := rand.New(rand.NewPCG(5, 5))
	for i := range 200 {
		level += random.NormFloat64()
		values[i] = level
	}
	b := batchOf(series.Anything(), values[:200], values)
	v := run(t, b, forecast.Options{})
	if near, far := v.Upper95[0]-v.Lower95[0], v.Upper95[30]-v.Lower95[30]; far < 2*near {
		t.Errorf("bounds of the first day are %v apart, %v after 100 missing days", near, far)
	}
}

func TestInfiniteValuesAreRefusedByName(t *testing.T) {
	bad := weekly(50, 1)
	bad[20] = math.Inf(-1)
	b := batchOf(series.Anything(), weekly(50, 1), bad, weekly(50, 2))
	v, err := forecast.Forecast(t.Context(), b, forecast.Options{})
	var refused *forecast.SeriesError
	if !errors.As(err, &refused) || refused.KPIID != "kpi-1" || refused.BusinessID != "acme" || refused.Day != 1020 {
		t.Fatalf("error %v does not name acme/kpi-1, day 1020", err)
	}
	if !strings.Contains(err.Error(), "acme/kpi-1: day 1020: infinite value") {
		t.Errorf("error text %q", err)
	}
	lo, hi := v.Rows(1)
	if v.Len() != 60 || lo != hi || v.Series[30] != 2 || v.Method[1] != "" {
		t.Errorf("%d rows, series 1 has %d, row 30 is of series %d: want 60, 0, 2", v.Len(), hi-lo, v.Series[30])
	}
	if diff := cmp.Diff(run(t, b.Slice(2, 3), forecast.Options{}).Mean, v.Mean[30:60]); diff != "" {
		t.Errorf("the series after the refused one changed:\n%s", diff)
	}
}

func TestNonNegativeNeverBelowZero(t *testing.T) {
	falling := repeat(120, func(i int) float64 { return math.Max(0, 60-0.5*float64(i)) + 3*math.Abs(math.Sin(float64(i))) })
	b := batchOf(series.NonNegative(), falling, business(4, 300).Series(3))
	v := run(t, b, forecast.Options{})
	if err := sound(b, v, 30); err != nil {
		t.Error(err)
	}
	b.Range = []series.Range{series.Anything(), series.Anything()}
	if free := run(t, b, forecast.Options{}); free.Lower95[29] >= 0 {
		t.Error("the case is too easy: undeclared, the bound does not go below zero")
	}
}

// On a week with noise, forecasts err clearly less than the seasonal naive: its error is
// larger by the square root of two for noise alone. MASE shows the same inside.
func TestBeatsSeasonalNaive(t *testing.T) {
	ours, naive, mase := 0.0, 0.0, 0.0
	const count = 40
	for s := range uint64(count) {
		values := weekly(430, s)
		v := run(t, batchOf(series.Anything(), values[:400]), forecast.Options{})
		for h := range 30 {
			ours += math.Abs(values[400+h] - v.Mean[h])
			naive += math.Abs(values[400+h] - values[393+h%7])
		}
		mase += v.MASE[0] / count
	}
	if ours > 0.8*naive || mase > 0.85 || mase < 0.6 {
		t.Errorf("error is %.3f of the seasonal naive's, MASE %.3f: want at most 0.8, and 0.6 to 0.85", ours/naive, mase)
	}
}

func TestNearMethodsAreCombined(t *testing.T) {
	line := repeat(400, func(i int) float64 { return 1000 + 10*float64(i) + float64(i*i%7) })
	v := run(t, batchOf(series.Anything(), weekly(400, 9)), forecast.Options{})
	if !strings.Contains(v.Method[0], " % ") || strings.Count(v.Method[0], " + ") != 5 {
		t.Errorf("a noisy week is forecast by %q, want shares of six methods", v.Method[0])
	}
	v = run(t, batchOf(series.Anything(), line), forecast.Options{Season: 1})
	if strings.Contains(v.Method[0], "naive") || strings.Contains(v.Method[0], "average") {
		t.Errorf("a line is forecast by %q: a method without a trend is not near the best", v.Method[0])
	}
}

// An intermittent series is forecast at its mean; its median, and so the best forecast
// by absolute error, is zero.
func TestIntermittentIsForecastAtItsMean(t *testing.T) {
	const count = 20
	values := make([][]float64, count)
	random := rand.New(rand.NewPCG(8, 8))
	for s := range values {
		values[s] = repeat(300, func(int) float64 {
			if random.Float64() < 0.8 {
				return 0
			}
			return 5 + float64(random.IntN(11))
		})
	}
	v := run(t, batchOf(series.NonNegative(), values...), forecast.Options{})
	total := 0.0
	for _, m := range v.Mean {
		total += m / float64(v.Len())
	}
	if total < 1.8 || total > 2.2 { // 20 % of days, 10 each
		t.Errorf("mean forecast %.3f, want 1.8 to 2.2", total)
	}
	for i, method := range v.Method {
		if strings.Contains(method, "naive") {
			t.Errorf("series %d is forecast by %q: repeating the last day is far off by squared error", i, method)
		}
	}
}

func TestHistoryBoundsWhatIsRead(t *testing.T) {
	values := weekly(400, 4)
	old := append(repeat(100, func(int) float64 { return 1e6 }), values[100:]...)
	v := run(t, batchOf(series.Anything(), values, old), forecast.Options{History: 300})
	if diff := cmp.Diff(v.Mean[:30], v.Mean[30:]); diff != "" {
		t.Errorf("days before the history changed the forecast:\n%s", diff)
	}
}

// Bounds cover what they say on series whose noise is known, normal and not.
func TestBoundsCover(t *testing.T) {
	const count, days = 150, 365
	random := rand.New(rand.NewPCG(3, 1))
	values := make([][]float64, count)
	for s := range values {
		level := 0.0
		values[s] = repeat(days+30, func(i int) float64 {
			noise := random.NormFloat64()
			if s%2 == 0 {
				noise = random.ExpFloat64() - 1
			}
			level += 0.2 * random.NormFloat64()
			return 50 + level + 10*math.Sin(2*math.Pi*float64(i)/7) + 5*noise
		})
	}
	past := make([][]float64, count)
	for s := range values {
		past[s] = values[s][:days]
	}
	v := run(t, batchOf(series.Anything(), past...), forecast.Options{})
	in80, in95 := 0.0, 0.0
	for row := range v.Len() {
		y := values[v.Series[row]][days+int(v.Horizon[row])-1]
		if v.Lower80[row] <= y && y <= v.Upper80[row] {
			in80 += 1 / float64(v.Len())
		}
		if v.Lower95[row] <= y && y <= v.Upper95[row] {
			in95 += 1 / float64(v.Len())
		}
	}
	if in80 < 0.76 || in80 > 0.84 || in95 < 0.93 || in95 > 0.97 {
		t.Errorf("80 %% bounds cover %.3f, 95 %% bounds %.3f", in80, in95)
	}
}

// Prior keeps a young choice, drops an old, unknown or unfit one, and what it keeps is
// bit for bit what choosing gave.
func TestPriorKeepsTheChoice(t *testing.T) {
	b := batchOf(series.NonNegative(), weekly(300, 1), weekly(300, 2), weekly(300, 3))
	first := run(t, b, forecast.Options{Vintage: 500})
	prior := forecast.NewPrior(b)
	for i := range b.Len() {
		if !prior.Set("acme", b.KPIID[i], first.Method[i], first.MASE[i], 500) {
			t.Fatalf("series %d is unknown to its prior", i)
		}
	}
	if prior.Set("other", "kpi-0", "naive", 1, 500) {
		t.Error("a prior took a series that the batch does not have")
	}
	kept := run(t, b, forecast.Options{Vintage: 506, Prior: prior})
	if diff := cmp.Diff(first, kept, cmpopts.IgnoreUnexported(forecast.Vintage{}), cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("keeping the choice changed the vintage (-chosen +kept):\n%s", diff)
	}
	selected := func(method string, on, vintage int32) (string, int32) {
		t.Helper()
		p := forecast.NewPrior(b)
		p.Set("acme", "kpi-1", method, 0.5, on)
		p.Set("acme", "kpi-1", "average", 0.5, on-1) // an older choice, told later
		v := run(t, b, forecast.Options{Vintage: vintage, Prior: p})
		return v.Method[1], v.SelectedOn[1]
	}
	check := func(method string, on, vintage int32, wantMethod string, wantOn int32) {
		t.Helper()
		if m, s := selected(method, on, vintage); m != wantMethod || s != wantOn {
			t.Errorf("method %q of day %d in vintage %d gave %q of day %d, want %q of day %d", method, on, vintage, m, s, wantMethod, wantOn)
		}
	}
	chosen := first.Method[1]
	check("seasonal naive(7)", 500, 506, "seasonal naive(7)", 500)
	check("60 % naive + 40 % theta", 500, 500, "60 % naive + 40 % theta", 500)
	check("seasonal naive(7)", 500, 507, chosen, 507)                    // too old
	check("seasonal naive(7)", 501, 500, chosen, 500)                    // of a later vintage
	check("crystal ball", 500, 501, chosen, 501)                         // unknown
	check("trimmed mean of theta + crystal ball", 500, 501, chosen, 501) // unknown in part
	check("croston(sba)", 500, 501, chosen, 501)                         // does not apply to this series
}

func TestForecastRefusesBadCalls(t *testing.T) {
	good := batchOf(series.Anything(), weekly(30, 1))
	check := func(b *series.Batch, opt forecast.Options, want string) {
		t.Helper()
		if v, err := forecast.Forecast(t.Context(), b, opt); err == nil || v != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("options %+v: vintage %v, error %v, want one with %q", opt, v, err, want)
		}
	}
	check(good, forecast.Options{Horizon: -1}, "Horizon is -1")
	check(good, forecast.Options{Season: -7}, "Season is -7")
	check(good, forecast.Options{Workers: 2000}, "Workers is 2000")
	check(good, forecast.Options{Prior: forecast.NewPrior(batchOf(series.Anything()))}, "Prior is of a batch of 0 series, want 1")
	check(&series.Batch{KPIID: []string{"k"}}, forecast.Options{}, "validate series batch")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if v, err := forecast.Forecast(ctx, good, forecast.Options{}); !errors.Is(err, context.Canceled) || v != nil {
		t.Errorf("cancelled: vintage %v, error %v", v, err)
	}
	if v := run(t, &series.Batch{}, forecast.Options{}); v.Len() != 0 {
		t.Errorf("an empty batch gave %d rows", v.Len())
	}
}

func ExampleForecast() {
	var builder series.Builder
	builder.Declare("cafe", "orders", series.NonNegative())
	for day := range int32(70) {
		orders := 40.0
		if day%7 >= 5 { // weekends
			orders = 90
		}
		if err := builder.Append([]string{"cafe"}, []string{"orders"}, []int32{20000 + day}, []float64{orders}); err != nil {
			fmt.Println(err)
		}
	}
	batch, err := builder.Build()
	if err != nil {
		fmt.Println(err)
	}
	v, err := forecast.Forecast(context.Background(), batch, forecast.Options{Horizon: 7, Vintage: 20070})
	fmt.Println(v.Day[0], v.Mean, err)
	// Output: 20070 [40 40 40 40 40 90 90] <nil>
}
