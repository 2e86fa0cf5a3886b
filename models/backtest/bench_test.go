package backtest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/models/backtest"
)

// rowsOf writes count series of the given length, each a line with a wave of period 4.
func rowsOf(count, length, from int) string {
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, "s%d", i)
		for t := range length {
			fmt.Fprintf(&text, ",%.3f", 50+float64(i%7)+0.5*float64(from+t)+10*math.Sin(math.Pi/2*float64(from+t)))
		}
		text.WriteString("\n")
	}
	return text.String()
}

func runBench(ctx context.Context, methods []string, train, test string, season, horizon int) (backtest.Result, error) {
	tick := time.Unix(0, 0)
	now := func() time.Time { tick = tick.Add(time.Second); return tick }
	reader := backtest.NewReader(strings.NewReader(train), strings.NewReader(test), "F", "G", backtest.Auto, horizon)
	return backtest.Bench{Season: season, Horizon: horizon, Methods: methods, Now: now}.Run(ctx, reader)
}

// Figures by hand: naive on 1, 3, 5 -> 7, 9 errs by 2 and 4, by 33.3 % and 57.1 %; the scale is 2.
func TestBenchByHand(t *testing.T) {
	result, err := runBench(t.Context(), []string{"naive", "drift"}, "a,1,3,5\nb,4,4,4\nc,1,2,3\n", "a,7,9\nb,1,2\nc,NA,NA\n", 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(result.Series, result.LeftOut); got != "3 [b c]" {
		t.Errorf("series and those left out: %s, want 3 [b c]: constant, and without a test value", got)
	}
	smape := (200*2/12.0 + 200*4/14.0) / 2
	for k, name := range []string{backtest.Default, backtest.RefNaive2, backtest.RefSeasonalNaive, backtest.RefNaive, "naive", "drift"} {
		if r := result.Rows[k]; r.Name != name {
			t.Errorf("row %d is %q, want %q", k, r.Name, name)
		}
	}
	naive, drift := result.Rows[3], result.Rows[5]
	if !near(naive.SMAPE, smape) || !near(naive.MASE, 1.5) || !near(naive.OWA, 1) || !math.IsNaN(naive.PerSecond) || !math.IsNaN(naive.Coverage80) {
		t.Errorf("naive %+v, want sMAPE %v, MASE 1.5, OWA 1 and neither bounds nor speed", naive, smape)
	}
	// Three values are too few to compare methods on: each gives the defined answer, the last value.
	if drift.Series != 1 || !near(drift.MASE, 1.5) || drift.PerSecond != 1 {
		t.Errorf("drift %+v, want MASE 1.5 on one series, one a second", drift)
	}
}

// More series than are held at once are all measured, and the union weighs sets by their series.
func TestBenchOverManySeries(t *testing.T) {
	many, err := runBench(t.Context(), []string{"theta"}, rowsOf(600, 24, 0), rowsOf(600, 4, 24), 4, 4)
	if err != nil {
		t.Fatal(err)
	}
	few, err := runBench(t.Context(), []string{"theta", "naive"}, rowsOf(7, 24, 0), rowsOf(7, 4, 24), 4, 4)
	if err != nil {
		t.Fatal(err)
	}
	for k, r := range many.Rows {
		if r.Series != 600 || !(r.OWA < 20) {
			t.Errorf("row %+v: want 600 series", r)
		}
		if f := few.Rows[k]; math.Abs(f.SMAPE-r.SMAPE) > 0.01*r.SMAPE+1e-9 && r.SMAPE > 1e-6 {
			t.Errorf("%s: sMAPE %v over the same shapes again and again, %v over each once", r.Name, r.SMAPE, f.SMAPE)
		}
	}
	all := backtest.Union([]backtest.Result{many, few})
	if len(all.Rows) != 5 || all.Series != 607 {
		t.Errorf("the union has %d rows of %d series, want the five that both have, of 607", len(all.Rows), all.Series)
	}
	for k, r := range all.Rows {
		if want := (600*many.Rows[k].SMAPE + 7*few.Rows[k].SMAPE) / 607; r.Series != 607 || math.Abs(r.SMAPE-want) > 1e-9*(1+want) {
			t.Errorf("union %+v: want sMAPE %v over 607 series", r, want)
		}
	}
}

func TestBenchReportsFailures(t *testing.T) {
	if _, err := runBench(t.Context(), []string{"crystal ball"}, "a,1,2,3,4,5,6", "a,7", 1, 1); err == nil || !strings.Contains(err.Error(), `crystal ball`) {
		t.Errorf("unknown method: error %v", err)
	}
	if _, err := runBench(t.Context(), nil, "a,1\nb,2", "a,1", 1, 1); err == nil || !strings.Contains(err.Error(), "F: line 2") {
		t.Errorf("a row without a test part: error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := runBench(ctx, nil, "a,1,2,3,4,5,6", "a,7", 1, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
}

// Gaps on a line are filled on it; at the ends stands the nearest value; a season comes back within a gap.
func TestInterpolate(t *testing.T) {
	got := backtest.Interpolate([]float64{nan, 2, nan, nan, 8, nan}, 1)
	for i, want := range []float64{2, 2, 4, 6, 8, 8} {
		if !near(got[i], want) {
			t.Fatalf("filled %v, want 2 2 4 6 8 8", got)
		}
	}
	shape := []float64{0, 5, -3, 2, 9, -8, 4}
	y := make([]float64, 140)
	for i := range y {
		y[i] = 100 + 0.1*float64(i) + shape[i%7]
	}
	want := append([]float64{}, y...)
	for _, i := range []int{3, 40, 41, 42, 90, 139} {
		y[i] = nan
	}
	for i, v := range backtest.Interpolate(y, 7) {
		if math.Abs(v-want[i]) > 0.2 {
			t.Errorf("value %d filled with %v, want about %v", i, v, want[i])
		}
	}
	if got := backtest.Interpolate([]float64{nan, nan}, 7); !math.IsNaN(got[0]) {
		t.Errorf("nothing observed: %v", got)
	}
}
