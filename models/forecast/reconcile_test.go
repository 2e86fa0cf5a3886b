package forecast_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/signalcraft/signalcraft/models/forecast"
	"github.com/signalcraft/signalcraft/models/series"
)

// tree returns the values of all series and their totals, from those of the parts: totals are sums.
func tree(parents []int, values [][]float64) [][]float64 {
	out := slices.Clone(values)
	for k := len(parents) - 1; k >= 0; k-- { // parts stand behind their totals
		if p := parents[k]; p >= 0 {
			if out[p] == nil {
				out[p] = make([]float64, len(out[k]))
			}
			for t, v := range out[k] {
				out[p][t] += v
			}
		}
	}
	return out
}

// coherent returns the largest gap between a total and its parts, relative to the total's size.
func coherent(b *series.Batch, v *forecast.Vintage, parents []int) float64 {
	largest := 0.0
	for total := range parents {
		lo, hi := v.Rows(total)
		for row := lo; row < hi; row++ {
			sum, parts := 0.0, 0
			for i, p := range parents {
				if p == total {
					first, _ := v.Rows(i)
					sum += v.Mean[first+row-lo]
					parts++
				}
			}
			if parts > 0 {
				largest = max(largest, math.Abs(v.Mean[row]-sum)/max(1, math.Abs(sum)))
			}
		}
	}
	return largest
}

func TestReconciledForecastsAddUp(t *testing.T) {
	parents := []int{-1, 0, 0, 1, 1, 2, 2, -1}
	small := repeat(300, func(i int) float64 { return float64(i%9) / 8 })
	values := tree(parents, [][]float64{3: weekly(300, 1), 4: small, 5: weekly(300, 2), 6: weekly(300, 3), 7: weekly(300, 9)})
	for _, declared := range []series.Range{series.Anything(), series.NonNegative(), {Lowest: 0, Highest: math.Inf(1), Integer: true}} {
		whole := values
		if declared.Integer {
			leaves := slices.Repeat([][]float64{nil}, 8)
			for _, k := range []int{3, 4, 5, 6, 7} {
				leaves[k] = repeat(300, func(i int) float64 { return math.Round(values[k][i]) })
			}
			whole = tree(parents, leaves)
		}
		b := batchOf(declared, whole...)
		for _, keep := range []bool{true, false} {
			v := run(t, b, forecast.Options{KeepErrors: keep})
			before := slices.Clone(v.Mean)
			for _, how := range []forecast.Reconciliation{forecast.MinTrace, forecast.BottomUp} {
				r, err := forecast.Reconcile(b, v, parents, how)
				if err != nil {
					t.Fatal(err)
				}
				if err := sound(b, r, 30); err != nil {
					t.Error(err)
				}
				if err := addsUp(b, r); err != nil {
					t.Error(err)
				}
				if gap := coherent(b, r, parents); gap > 1e-9 {
					t.Errorf("range %+v, way %d: totals are %g from the sums", declared, how, gap)
				}
				lo, hi := r.Rows(7)
				if !slices.Equal(r.Mean[lo:hi], before[lo:hi]) || !slices.Equal(v.Mean, before) {
					t.Error("a series of no family, or the vintage given, was changed")
				}
				if how == forecast.BottomUp && !declared.Integer {
					if lo, _ := r.Rows(5); !near(r.Mean[lo], v.Mean[lo]) {
						t.Error("bottom-up changed a part")
					}
				}
			}
		}
	}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(b)) }

// What is no sum stays as it is, as do families on days that not all have; parents that cannot be are errors.
func TestReconcileLeavesAloneWhatDoesNotAddUp(t *testing.T) {
	average := repeat(300, func(i int) float64 { return (weekly(300, 1)[i] + weekly(300, 2)[i]) / 2 })
	b := batchOf(series.Anything(), average, weekly(300, 1), weekly(300, 2), nil)
	v := run(t, b, forecast.Options{KeepErrors: true})
	r, err := forecast.Reconcile(b, v, []int{-1, 0, 0, 0}, forecast.MinTrace)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(v, r, cmpopts.IgnoreUnexported(forecast.Vintage{}), cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("an average was reconciled:\n%s", diff)
	}
	for _, parents := range [][]int{{-1, 0, 0}, {-1, 4, 0, 0}, {-1, 1, 0, 0}, {-1, -2, 0, 0}, {-1, 2, 1, 0}} {
		if _, err := forecast.Reconcile(b, v, parents, forecast.MinTrace); err == nil {
			t.Errorf("parents %v are taken", parents)
		}
	}
	b.BusinessID[2] = "other"
	if _, err := forecast.Reconcile(b, v, []int{-1, 0, 0, 0}, forecast.BottomUp); err == nil {
		t.Error("a total of another business is taken")
	}
}

// When the total is forecast well and its parts are noise, minimum trace trusts the total.
func TestMinTraceTrustsTheSurer(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 4))
	smooth := repeat(330, func(i int) float64 { return 200 + []float64{-20, -10, 0, 5, 10, 40, -25}[i%7] })
	share := repeat(330, func(int) float64 { return 60 * random.NormFloat64() })
	a, c := repeat(300, func(i int) float64 { return smooth[i]/2 + share[i] }), repeat(300, func(i int) float64 { return smooth[i]/2 - share[i] })
	b := batchOf(series.Anything(), smooth[:300], a, c)
	v := run(t, b, forecast.Options{KeepErrors: true})
	r, err := forecast.Reconcile(b, v, []int{-1, 0, 0}, forecast.MinTrace)
	if err != nil {
		t.Fatal(err)
	}
	for h := range 30 {
		if math.Abs(r.Mean[h]-smooth[300+h]) > 1 {
			t.Errorf("day %d: total %.2f, want %.2f", h+1, r.Mean[h], smooth[300+h])
		}
	}
}

// On real families, retail turnover of industries by state and trips by state and region, the error over all series does not
// rise.
func TestReconcileDoesNotRaiseErrors(t *testing.T) {
	retail, ok := sharedRows(t, "aus_retail_monthly.csv.gz")
	if !ok {
		return
	}
	trips, _ := sharedRows(t, "aus_tourism_quarterly.csv.gz")
	check := func(name string, rows [][]string, keys func(row []string) []string, value, season, horizon int) {
		t.Helper()
		parents, values := families(t, rows, keys, value)
		n := len(values[0])
		var past [][]float64
		for _, y := range values {
			past = append(past, y[:n-horizon])
		}
		b := batchOf(series.NonNegative(), past...)
		v := run(t, b, forecast.Options{Season: season, Horizon: horizon, KeepErrors: true})
		loss := func(v *forecast.Vintage) float64 {
			sum := 0.0
			for row := range v.Mean {
				y := values[v.Series[row]]
				scale := 0.0
				for i := season; i < n-horizon; i++ {
					scale += math.Abs(y[i]-y[i-season]) / float64(n-horizon-season)
				}
				sum += math.Abs(y[n-horizon-1+int(v.Horizon[row])]-v.Mean[row]) / scale / float64(len(v.Mean))
			}
			return sum
		}
		for _, how := range []forecast.Reconciliation{forecast.MinTrace, forecast.BottomUp} {
			r, err := forecast.Reconcile(b, v, parents, how)
			if err != nil {
				t.Fatal(err)
			}
			if gap := coherent(b, r, parents); gap > 1e-9 {
				t.Errorf("%s: totals are %g from the sums", name, gap)
			}
			before, after := loss(v), loss(r)
			t.Logf("%s, way %d: MASE %.4f before, %.4f after, %d series", name, how, before, after, len(values))
			if how == forecast.MinTrace && after > before {
				t.Errorf("%s: MASE %.4f after reconciliation, %.4f before", name, after, before)
			}
		}
	}
	check("retail", retail, func(row []string) []string { return []string{row[2], row[2] + "/" + row[1]} }, 4, 12, 12)
	check("trips", trips, func(row []string) []string { return []string{"all", row[1], row[1] + "/" + row[2]} }, 4, 4, 8)
}

// families sums rows up by keys, from the total to the part, and leaves out parts that do not have all dates.
func families(t *testing.T, rows [][]string, keys func(row []string) []string, value int) (parents []int, values [][]float64) {
	t.Helper()
	dates, leaves := map[string]int{}, map[string]map[string]float64{}
	above := map[string][]string{}
	for _, row := range rows {
		dates[row[0]] = 0
		k := keys(row)
		leaf := k[len(k)-1]
		if leaves[leaf] == nil {
			leaves[leaf] = map[string]float64{}
		}
		leaves[leaf][row[0]] += number(t, row[value])
		above[leaf] = k
	}
	all := make([]string, 0, len(dates))
	for d := range dates {
		all = append(all, d)
	}
	sort.Strings(all)
	place := map[string]int{}
	names := make([]string, 0, len(leaves))
	for leaf := range leaves {
		if len(leaves[leaf]) == len(all) {
			names = append(names, leaf)
		}
	}
	sort.Strings(names)
	for _, leaf := range names {
		for level, key := range above[leaf] {
			if _, known := place[key]; !known {
				place[key] = len(parents)
				parent := -1
				if level > 0 {
					parent = place[above[leaf][level-1]]
				}
				parents, values = append(parents, parent), append(values, make([]float64, len(all)))
			}
			for at, d := range all {
				values[place[key]][at] += leaves[leaf][d]
			}
		}
	}
	return parents, values
}

// Magnitudes near the ends of what a number holds stay numbers.
func TestReconcileHugeAndTiny(t *testing.T) {
	for _, factor := range []float64{math.MaxFloat64 / 500, 1e15, 1e-12, math.SmallestNonzeroFloat64} {
		parents := []int{-1, 0, 0}
		times := func(v []float64) []float64 { return repeat(len(v), func(i int) float64 { return v[i] * factor }) }
		b := batchOf(series.Anything(), tree(parents, [][]float64{1: times(weekly(200, 1)), 2: times(weekly(200, 2))})...)
		v := run(t, b, forecast.Options{KeepErrors: true})
		for _, how := range []forecast.Reconciliation{forecast.MinTrace, forecast.BottomUp} {
			r, err := forecast.Reconcile(b, v, parents, how)
			if err != nil {
				t.Fatal(err)
			}
			if err := sound(b, r, 30); err != nil {
				t.Errorf("times %g: %v", factor, err)
			}
			for h := range 30 {
				if sum := r.Mean[30+h] + r.Mean[60+h]; math.Abs(r.Mean[h]-sum) > 1e-9*math.Abs(sum) {
					t.Errorf("times %g: total %v, sum %v", factor, r.Mean[h], sum)
				}
			}
		}
	}
}
