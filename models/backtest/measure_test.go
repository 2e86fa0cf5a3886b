package backtest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/signalcraft/signalcraft/models/backtest"
)

var nan = math.NaN()

func near(got, want float64) bool {
	return math.Abs(got-want) <= 1e-12*max(1, math.Abs(want)) || got == want || (math.IsNaN(got) && math.IsNaN(want))
}

// Expected values are calculated by hand from the formulas in the doc comments.
func TestMeasuresByHand(t *testing.T) {
	check := func(name string, got, want float64) {
		t.Helper()
		if !near(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	y, f := []float64{100, 50, nan, 0}, []float64{60, 75, 1, 0}
	check("SMAPE", backtest.SMAPE(y, f), (200*40/160.0+200*25/125.0+0)/3)
	check("SMAPE of a zero missed", backtest.SMAPE([]float64{0}, []float64{3}), 200)
	check("SMAPE of opposite signs", backtest.SMAPE([]float64{-1}, []float64{3}), 200)
	check("SMAPE of nothing", backtest.SMAPE([]float64{nan}, []float64{1}), nan)
	check("MAE", backtest.MAE(y, f), 65/3.0)

	train := []float64{1, 4, nan, 8, 3, 2}
	check("Scale", backtest.Scale(train, 1), (3+5+1)/3.0)
	check("Scale over two", backtest.Scale(train, 2), (4+6)/2.0)
	check("Scale of a short series", backtest.Scale([]float64{1, 2}, 2), nan)
	check("MASE", backtest.MASE(y, f, 5), 13/3.0)
	check("MASE, constant and hit", backtest.MASE([]float64{2}, []float64{2}, 0), 0)
	check("MASE, constant and missed", backtest.MASE([]float64{2}, []float64{3}, 0), math.Inf(1))

	lower, upper := []float64{90, 55, 0, -1}, []float64{110, 60, 0, 1}
	// Widths 20, 5, 2; the second value lies 5 below its bound: 2/0.05*5 = 200.
	check("MSIS", backtest.MSIS(y, lower, upper, 0.95, 3), (20+5+2+200)/3.0/3)
	check("MSIS above", backtest.MSIS([]float64{7}, []float64{1}, []float64{6}, 0.8, 1), 5+10)
	inside, observed := backtest.Covered(y, lower, upper)
	if inside != 2 || observed != 3 {
		t.Errorf("Covered: %d of %d, want 2 of 3", inside, observed)
	}
	check("OWA", backtest.Score{SMAPE: 8, MASE: 3}.OWA(backtest.Score{SMAPE: 10, MASE: 2}), 1.15)
}

// Constant factors cancel out of every measure.
func TestMeasuresIgnoreScale(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.Float64Range(0.1, 10)
		train := rapid.SliceOfN(value, 5, 20).Draw(rt, "train")
		y, f := rapid.SliceOfN(value, 4, 4).Draw(rt, "y"), rapid.SliceOfN(value, 4, 4).Draw(rt, "f")
		times := math.Ldexp(1, rapid.IntRange(-30, 30).Draw(rt, "doublings"))
		scale := func(in []float64) []float64 {
			out := make([]float64, len(in))
			for i := range in {
				out[i] = in[i] * times
			}
			return out
		}
		if got, want := backtest.SMAPE(scale(y), scale(f)), backtest.SMAPE(y, f); !near(got, want) {
			rt.Fatalf("SMAPE %v became %v", want, got)
		}
		one := backtest.MASE(y, f, backtest.Scale(train, 2))
		if got := backtest.MASE(scale(y), scale(f), backtest.Scale(scale(train), 2)); !near(got, one) {
			rt.Fatalf("MASE %v became %v", one, got)
		}
	})
}

func TestReferenceForecasts(t *testing.T) {
	check := func(name string, got, want []float64) {
		t.Helper()
		if diff := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-12, 0)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	check("naive", backtest.Naive([]float64{1, 2}, 2), []float64{2, 2})
	check("naive of nothing", backtest.Naive(nil, 1), []float64{nan})
	check("seasonal naive", backtest.SeasonalNaive([]float64{9, 1, 2, 3}, 3, 4), []float64{1, 2, 3, 1})
	check("seasonal naive of a short series", backtest.SeasonalNaive([]float64{9, 1}, 3, 2), []float64{1, 1})

	// A pure multiplicative season on a constant level comes back as it is.
	season := []float64{10, 20, 30, 20}
	var y []float64
	for len(y) < 40 {
		y = append(y, season...)
	}
	check("naive2", backtest.Naive2(y[:38], 4, 5), []float64{30, 20, 10, 20, 30})
	check("naive2 of noise", backtest.Naive2([]float64{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9}, 4, 2), []float64{9, 9})
	check("naive2 of a constant", backtest.Naive2(make([]float64, 20), 4, 1), []float64{0})
	if backtest.Seasonal(y[:11], 4) {
		t.Error("fewer than three seasons passed the seasonal test")
	}
}

func TestEvaluate(t *testing.T) {
	set := backtest.Set{
		IDs: []string{"a", "b", "silent"}, Season: 1, Horizon: 2,
		Train: [][]float64{{1, 3, 5}, {10, 20, 10}, {1, 2}},
		Test:  [][]float64{{7, 9}, {10, nan}, {nan, nan}},
	}
	p := backtest.Paths{Mean: [][]float64{{7, 7}, {30, 0}, {0, 0}}}
	got, err := backtest.Evaluate(set, p)
	// a: SMAPE (0+200*2/16)/2 = 12.5, MASE 1/2; b: SMAPE 100, MASE 20/10.
	want := backtest.Score{Series: 2, SMAPE: 56.25, MASE: 1.25, MSIS: nan, Coverage: nan}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-12, 0)); diff != "" || err != nil {
		t.Errorf("error %v, score (-want +got):\n%s", err, diff)
	}
	p.Lower, p.Upper, p.Level = p.Mean, [][]float64{{7, 8}, {30, 30}, {1, 1}}, 0.5
	got, err = backtest.Evaluate(set, p)
	// a: width 0 and 1, 1 above: (0+1+4)/2/2; b: 20 below: 4*20/10. One of three inside.
	want.MSIS, want.Coverage = (1.25+8)/2, 1/3.0
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-12, 0)); diff != "" || err != nil {
		t.Errorf("error %v, score with bounds (-want +got):\n%s", err, diff)
	}
	refuse := func(p backtest.Paths, want string) {
		t.Helper()
		if _, err := backtest.Evaluate(set, p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	refuse(backtest.Paths{}, "0 forecasts for 3 series")
	refuse(backtest.Paths{Mean: [][]float64{{1, 2}, {1}, {1, 2}}}, "evaluate b: forecast has 1 values, want 2")
	refuse(backtest.Paths{Mean: [][]float64{{1, 2}, {1, 2}, {1, math.Inf(1)}}}, "evaluate silent: forecast 2 is +Inf")
}

func TestRolling(t *testing.T) {
	y := []float64{1, 2, 4, 8, 16}
	last := func(seen []float64, horizon int) ([]float64, error) { return backtest.Naive(seen, horizon), nil }
	got, err := backtest.Rolling(t.Context(), y, []int{2, 4}, 2, last)
	if diff := cmp.Diff([][]float64{{2, 6}, {8, nan}}, got, cmpopts.EquateNaNs()); diff != "" || err != nil {
		t.Errorf("error %v, errors (-want +got):\n%s", err, diff)
	}
	broken := errors.New("broken")
	rows, err := backtest.Rolling(t.Context(), y, []int{0, 2, 3}, 2, func(seen []float64, horizon int) ([]float64, error) {
		if len(seen) == 2 {
			return nil, broken
		}
		return seen[:1], nil
	})
	if rows != nil || !errors.Is(err, broken) || !strings.Contains(fmt.Sprint(err), "origin 0: outside") || !strings.Contains(fmt.Sprint(err), "origin 3: got 1 values") {
		t.Errorf("rows %v, error %v: want no rows, and every origin's failure", rows, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := backtest.Rolling(ctx, y, []int{2}, 2, last); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
}

func TestReadSet(t *testing.T) {
	set, err := backtest.ReadSet(
		strings.NewReader("\"V1\",\"V2\",\"V3\"\n\"H1\",\"1\",\"2.5\",\n\nH2,NA,-3e2,4,,\r\n"),
		strings.NewReader("H1,5,6\nH2,NA,8\n"), 24, 2)
	want := backtest.Set{IDs: []string{"H1", "H2"}, Season: 24, Horizon: 2,
		Train: [][]float64{{1, 2.5}, {nan, -300, 4}}, Test: [][]float64{{5, 6}, {nan, 8}}}
	if diff := cmp.Diff(want, set, cmpopts.EquateNaNs()); diff != "" || err != nil {
		t.Errorf("error %v, set (-want +got):\n%s", err, diff)
	}
	refuse := func(train, test, want string) {
		t.Helper()
		if _, err := backtest.ReadSet(strings.NewReader(train), strings.NewReader(test), 1, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("train %q, test %q: error %v, want one with %q", train, test, err, want)
		}
	}
	refuse("a,1\nb,x", "a,1\nb,2", `training rows: line 2: series "b": value 1: "x" is not a finite number: a missing value is written NA`)
	refuse("a,1,NaN", "a,1", `value 2: "NaN" is not a finite number`)
	refuse("V1,V2\na,1,,2", "a,1", `value 2 is empty`)
	refuse("a,1,,", "a,1", `padding with empty fields is of format m4`)
	refuse("a,1", "a,Inf", `test rows: line 1: series "a": value 1: "Inf" is not a finite number`)
	refuse("a,1", "b,1", `test rows: line 1: series "b", but line 1 of training rows is of series "a"`)
	refuse("a,1", "a,1,2", `test rows: line 1: series "a" has 2 values, want the horizon's 1`)
	refuse("a,1", "a", `series "a" has 0 values`)
	refuse("a,1\n,2", "a,1\nb,1", `line 2: the row has no id`)
	refuse("a,1\nb,1", "a,1", `training rows: line 2: series "b" has no test row in test rows`)
	refuse("a,1", "a,1\nb,1", `test rows: line 2: series "b" has no training row in training rows`)
}

func TestReaderKeepsToTheFormat(t *testing.T) {
	next := func(format backtest.Format, text string) error {
		r := backtest.NewReader(strings.NewReader(text), strings.NewReader(text), "F", "G", format, 1)
		_, _, _, err := r.Next()
		return err
	}
	if err := next(backtest.M4, "a,1"); err == nil || !strings.Contains(err.Error(), "F: line 1: no header row") {
		t.Errorf("m4 without a header: error %v", err)
	}
	if err := next(backtest.Ragged, "V1,V2\na,1"); err == nil || !strings.Contains(err.Error(), `series "V1": value 1: "V2" is not`) {
		t.Errorf("ragged with a header: error %v", err)
	}
	if err := next(backtest.M4, "V1,V2\na,1,"); err != nil {
		t.Errorf("m4: %v", err)
	}
}

func FuzzReadSet(f *testing.F) {
	f.Add("\"V1\",\"V2\"\n\"H1\",\"1\"\n", "H1,5")
	f.Add("H2,NA,-3e2,,\r\n", "H2,8")
	f.Fuzz(func(t *testing.T, train, test string) {
		set, err := backtest.ReadSet(strings.NewReader(train), strings.NewReader(test), 1, 1)
		if err == nil && (len(set.Train) != len(set.IDs) || len(set.Test) != len(set.IDs)) {
			t.Errorf("%d ids, %d training and %d test rows", len(set.IDs), len(set.Train), len(set.Test))
		}
	})
}
