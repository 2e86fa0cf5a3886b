package backtest_test

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/models/backtest"
	"github.com/signalcraft/signalcraft/models/forecast"
	"github.com/signalcraft/signalcraft/models/series"
	"github.com/signalcraft/signalcraft/testdata/shared"
)

// publicSet is a set with its reference figures as the README beside it prints them.
type publicSet struct {
	folder, name                 string
	season, horizon              int
	naive2, seasonalNaive, naive figures
	atMost                       float64 // OWA that the default forecaster must keep
}

// figures are sMAPE, MASE and OWA as printed.
type figures struct{ smape, mase, owa string }

func publicSets() []publicSet {
	yearly := func(smape, mase string) (all [3]figures) {
		return [3]figures{{smape, mase, "1.000"}, {smape, mase, "1.000"}, {smape, mase, "1.000"}}
	}
	set := func(folder, name string, season, horizon int, f [3]figures, atMost float64) publicSet {
		return publicSet{folder, name, season, horizon, f[0], f[1], f[2], atMost}
	}
	return []publicSet{
		set("m1", "yearly", 1, 6, yearly("22.431", "4.893"), 0.75),
		set("m1", "quarterly", 4, 8, [3]figures{{"17.909", "1.882", "1.000"}, {"18.944", "2.078", "1.081"}, {"18.379", "1.952", "1.032"}}, 0.87),
		set("m1", "monthly", 12, 18, [3]figures{{"16.517", "1.188", "1.000"}, {"17.299", "1.314", "1.077"}, {"19.216", "1.468", "1.199"}}, 0.91),
		set("m3", "yearly", 1, 6, yearly("17.482", "3.164"), 0.87),
		set("m3", "quarterly", 4, 8, [3]figures{{"9.336", "1.238", "1.000"}, {"10.707", "1.425", "1.149"}, {"10.622", "1.460", "1.159"}}, 0.92),
		set("m3", "monthly", 12, 18, [3]figures{{"17.533", "1.051", "1.000"}, {"17.148", "1.126", "1.025"}, {"18.624", "1.180", "1.092"}}, 0.82),
		set("m3", "other", 1, 8, yearly("5.661", "2.968"), 0.68),
		set("m4", "Hourly", 24, 48, [3]figures{{"17.369", "2.246", "1.000"}, {"14.697", "1.131", "0.675"}, {"41.655", "11.165", "3.685"}}, 0.46),
		set("m4", "Weekly", 1, 13, yearly("8.744", "2.795"), 0.74),
		set("m4", "Quarterly-subset", 4, 8, [3]figures{{"3.537", "1.168", "1.000"}, {"4.279", "1.434", "1.219"}, {"3.678", "1.190", "1.029"}}, 0.77), // few series: a change elsewhere moves it by 0.02
		set("m4", "Daily-subset", 1, 14, yearly("2.244", "2.986"), 1.02),
		set("tourism", "yearly", 1, 4, yearly("22.443", "3.024"), 0.89),
		set("tourism", "quarterly", 4, 8, [3]figures{{"16.920", "1.776", "1.000"}, {"16.959", "1.689", "0.977"}, {"32.751", "3.694", "2.008"}}, 0.86),
		set("tourism", "monthly", 12, 24, [3]figures{{"22.065", "1.840", "1.000"}, {"20.759", "1.589", "0.902"}, {"39.058", "3.544", "1.848"}}, 0.80),
		set("nn5", "daily", 7, 56, [3]figures{{"31.940", "1.222", "1.000"}, {"26.346", "0.989", "0.817"}, {"46.892", "1.852", "1.492"}}, 0.645),
	}
}

// open opens the set, which lies beside the tree; false is that of shared.Dir.
func (p publicSet) open(t *testing.T) (*backtest.Reader, bool) {
	t.Helper()
	folder, ok := shared.Dir(t)
	if !ok {
		return nil, false
	}
	path := func(part string) string {
		return filepath.Join(folder, "data", p.folder, p.name+"-"+part+".csv.gz")
	}
	open := func(part string) *gzip.Reader {
		f, err := os.Open(path(part))
		if err != nil {
			t.Fatalf("open public set: %v", err)
		}
		t.Cleanup(func() { f.Close() })
		r, err := gzip.NewReader(f)
		if err != nil {
			t.Fatalf("read %s: %v", path(part), err)
		}
		return r
	}
	return backtest.NewReader(open("train"), open("test"), path("train"), path("test"), backtest.Auto, p.horizon), true
}

// The references' errors equal the published ones (made with the organisers' R code) to the printed digit, which holds
// reader, filling, measures, seasonal test and decomposition at once; and the default forecaster keeps clear of them.
func TestPublicSets(t *testing.T) {
	for _, p := range publicSets() {
		t.Run(p.folder+"/"+p.name, func(t *testing.T) {
			reader, ok := p.open(t)
			if !ok {
				return
			}
			result, err := backtest.Bench{Season: p.season, Horizon: p.horizon, Now: time.Now}.Run(t.Context(), reader)
			if err != nil || len(result.LeftOut) > 0 {
				t.Fatalf("left out %v, error %v", result.LeftOut, err)
			}
			for k, want := range map[int]figures{1: p.naive2, 2: p.seasonalNaive, 3: p.naive} {
				r := result.Rows[k]
				got := figures{fmt.Sprintf("%.3f", r.SMAPE), fmt.Sprintf("%.3f", r.MASE), fmt.Sprintf("%.3f", r.OWA)}
				if got != want || r.Series != result.Series {
					t.Errorf("%s errs by %v on %d of %d series, published %v", r.Name, got, r.Series, result.Series, want)
				}
			}
			d := result.Rows[0]
			t.Logf("default: sMAPE %.3f, MASE %.3f, OWA %.3f, MSIS %.2f, coverage %.3f and %.3f, %.0f series/s",
				d.SMAPE, d.MASE, d.OWA, d.MSIS, d.Coverage80, d.Coverage, d.PerSecond)
			if !(d.OWA <= p.atMost) || d.Series != result.Series {
				t.Errorf("the default's OWA is %.3f on %d series, want at most %.3f on all %d", d.OWA, d.Series, p.atMost, result.Series)
			}
		})
	}
}

// Methods that others have written, too, err as theirs do. The references are the organisers' classic Theta and the ETS of
// R's forecast package, whose AICc chooses among nearly the same forms; both see series as they are, where ours fills gaps
// and puts wild days aside.
func TestMethodsErrAsTheReferencesDo(t *testing.T) {
	type reference struct{ set, method, smape, mase string }
	apart := map[string]float64{"standard theta": 0.02, "ets": 0.05} // as fractions
	for _, r := range []reference{
		{"m1/yearly", "standard theta", "20.105", "4.204"},
		{"m1/quarterly", "standard theta", "16.355", "1.705"},
		{"m1/monthly", "standard theta", "16.532", "1.095"},
		{"m3/yearly", "standard theta", "16.455", "2.736"},
		{"m3/quarterly", "standard theta", "9.037", "1.123"},
		{"m3/monthly", "standard theta", "14.147", "0.861"},
		{"m3/other", "standard theta", "4.442", "2.154"},
		{"tourism/yearly", "standard theta", "20.970", "2.737"},
		{"tourism/quarterly", "standard theta", "15.556", "1.683"},
		{"tourism/monthly", "standard theta", "19.500", "1.651"},
		{"nn5/daily", "standard theta", "21.175", "0.845"},
		{"m4/Hourly", "standard theta", "17.205", "2.308"},
		{"m4/Weekly", "standard theta", "8.738", "2.693"},
		{"m4/Quarterly-subset", "standard theta", "3.139", "0.979"},
		{"m4/Daily-subset", "standard theta", "2.296", "3.043"},
		{"m3/yearly", "ets", "17.018", "2.871"},
		{"m3/quarterly", "ets", "9.467", "1.155"},
		{"m3/monthly", "ets", "14.686", "0.873"},
		{"m3/other", "ets", "3.949", "1.809"},
		{"tourism/yearly", "ets", "23.420", "2.971"},
		{"tourism/quarterly", "ets", "15.388", "1.612"},
		{"m4/Quarterly-subset", "ets", "2.784", "0.829"},
		{"m4/Daily-subset", "ets", "2.321", "3.098"},
	} {
		t.Run(r.method+" on "+r.set, func(t *testing.T) {
			set, ok := readPublic(t, r.set)
			if !ok {
				return
			}
			paths, _, err := backtest.Forecast(t.Context(), set, forecast.Options{Season: set.Season, Method: r.method}, series.NonNegative())
			if err != nil {
				t.Fatal(err)
			}
			for i, train := range set.Train {
				set.Train[i] = backtest.Interpolate(train, set.Season)
			}
			got, err := backtest.Evaluate(set, paths)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("sMAPE %.3f, MASE %.3f; reference %s and %s", got.SMAPE, got.MASE, r.smape, r.mase)
			for _, figure := range []struct {
				name, want string
				got        float64
			}{{"sMAPE", r.smape, got.SMAPE}, {"MASE", r.mase, got.MASE}} {
				want, err := strconv.ParseFloat(figure.want, 64)
				if err != nil || math.Abs(figure.got/want-1) > apart[r.method] {
					t.Errorf("%s is %.3f, the reference's %s: more than %v %% apart", figure.name, figure.got, figure.want, 100*apart[r.method])
				}
			}
		})
	}
}

// readPublic reads the whole public set of a folder and name.
func readPublic(t *testing.T, name string) (backtest.Set, bool) {
	t.Helper()
	sets := publicSets()
	p := sets[slices.IndexFunc(sets, func(p publicSet) bool { return p.folder+"/"+p.name == name })]
	reader, ok := p.open(t)
	if !ok {
		return backtest.Set{}, false
	}
	set := backtest.Set{Season: p.season, Horizon: p.horizon}
	for {
		id, train, test, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return set, true
		}
		if err != nil {
			t.Fatal(err)
		}
		set.IDs, set.Train, set.Test = append(set.IDs, id), append(set.Train, train), append(set.Test, test)
	}
}
