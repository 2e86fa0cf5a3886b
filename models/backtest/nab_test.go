package backtest_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/signalcraft/signalcraft/models/backtest"
)

// nabFile is a file of n rows, five minutes apart.
func nabFile(n int, windows ...backtest.NABWindow) backtest.NABFile {
	f := backtest.NABFile{Name: "a/b.csv", Windows: windows}
	for i := range n {
		f.At, f.Values = append(f.At, int64(i)*300), append(f.Values, 0)
	}
	return f
}

func detections(n int, at ...int) [][]float64 {
	scores := make([]float64, n)
	for _, i := range at {
		scores[i] = 1
	}
	return [][]float64{scores}
}

// sigma is the logistic function of the README, written apart from the scorer's formula.
func sigma(z float64) float64 { return 1 / (1 + math.Exp(-z)) }

// Cases worked out by hand from the rules in the benchmark's README. The file has 100 rows, of which 15 are probation, and a window of
// the 11 rows 40 to 50.
func TestScoreNABByHand(t *testing.T) {
	const maxTP = 0.98661 // S(-1), as the README prints it
	s := func(p float64) float64 { return 2*sigma(-5*p) - 1 }
	standard, lowFN := backtest.NABProfiles()[0], backtest.NABProfiles()[2]
	file := nabFile(100, backtest.NABWindow{First: 40, Last: 50})
	raw := func(name string, p backtest.NABProfile, want float64, at ...int) {
		t.Helper()
		got, err := backtest.ScoreNAB([]backtest.NABFile{file}, detections(100, at...), p, 0.5)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got.Raw-want) > 1e-5 {
			t.Errorf("%s: raw score %.6f, want %.6f", name, got.Raw, want)
		}
		null := -p.FN
		if normal := 100 * (want - null) / (p.TP - null); math.Abs(got.Normalised-normal) > 1e-3 {
			t.Errorf("%s: normalised %.4f, want %.4f", name, got.Normalised, normal)
		}
	}
	raw("nothing", standard, -1)
	raw("nothing, misses cost double", lowFN, -2)
	raw("first row of the window", standard, 1, 40)
	raw("last row: p = -1/11", standard, s(-1./11)/maxTP, 50)
	raw("middle: p = -6/11", standard, s(-6./11)/maxTP, 45)
	raw("several in the window: the best", standard, s(-6./11)/maxTP, 45, 46, 47, 50)
	raw("before every window", standard, -1-0.11, 20)
	raw("in probation", standard, -1, 3, 14)
	raw("first row behind probation", standard, -1.11, 15)
	raw("just behind: p = 1/10", standard, 1+0.11*s(0.1), 40, 51)
	raw("p = 3 is not yet far", standard, 1+0.11*s(3), 40, 80)
	raw("p > 3", standard, 1-0.11, 40, 81)
	raw("every row outside counts", standard, 1-0.11-0.11+0.11*s(0.2), 20, 21, 40, 52)
}

func TestNABWindowsInProbation(t *testing.T) {
	standard := backtest.NABProfiles()[0]
	file := nabFile(100, backtest.NABWindow{First: 3, Last: 9}, backtest.NABWindow{First: 12, Last: 21})
	got, err := backtest.ScoreNAB([]backtest.NABFile{file}, detections(100, 5, 17), standard, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	want := (2*sigma(5*0.5) - 1) / (2*sigma(5) - 1) // row 17 of 12..21: p = -5/10
	if got.Windows != 1 || got.Found != 1 || math.Abs(got.Raw-want) > 1e-12 {
		t.Errorf("got %+v, want one window and raw %.6f", got, want)
	}
	if long := nabFile(10_000); long.Probation() != 750 {
		t.Errorf("probation of 10,000 rows is %d, want 750", long.Probation())
	}
}

// The sweep finds what trying every score as a threshold finds.
func TestBestNABTriesAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		files := []backtest.NABFile{nabFile(60, backtest.NABWindow{First: 20, Last: 25}, backtest.NABWindow{First: 30, Last: 30}), nabFile(40)}
		scores := make([][]float64, len(files))
		for k := range files {
			for range files[k].Values {
				scores[k] = append(scores[k], float64(rapid.IntRange(0, 9).Draw(t, "score"))/10)
			}
		}
		for _, p := range backtest.NABProfiles() {
			at, got, err := backtest.BestNAB(files, scores, p)
			if err != nil {
				t.Fatal(err)
			}
			best := math.Inf(-1)
			for threshold := 0.0; threshold < 1.2; threshold += 0.05 {
				s, err := backtest.ScoreNAB(files, scores, p, threshold)
				if err != nil {
					t.Fatal(err)
				}
				best = max(best, s.Raw)
			}
			again, err := backtest.ScoreNAB(files, scores, p, at)
			if err != nil || math.Abs(got.Raw-best) > 1e-9 || math.Abs(again.Raw-got.Raw) > 1e-9 || again.Found != got.Found || again.False != got.False {
				t.Fatalf("%s: %+v at %g, want raw %g; scored again %+v, %v", p.Name, got, at, best, again, err)
			}
		}
	})
}

func TestReadNAB(t *testing.T) {
	f, err := backtest.ReadNAB(strings.NewReader("timestamp,value\n2014-04-01 00:00:00,1.5\r\n2014-04-01 00:05:00,\n2014-04-01 00:05:00,-2e3\n"), "a/b.csv")
	if err != nil || len(f.At) != 3 || f.At[1]-f.At[0] != 300 || !math.IsNaN(f.Values[1]) || f.Values[2] != -2000 {
		t.Fatalf("got %+v, %v", f, err)
	}
	windows, err := backtest.ReadNABWindows(strings.NewReader(`{"a/b.csv": [["2014-04-01 00:05:00.000000", "2014-04-01 00:05:00.000000"]], "c/d.csv": []}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.SetWindows(windows["a/b.csv"]); err != nil || f.Windows[0] != (backtest.NABWindow{First: 1, Last: 2}) {
		t.Errorf("got %v, %v, want rows 1 to 2", f.Windows, err)
	}
	for _, text := range []string{"", "time,value\n", "timestamp,value\nx,1\n", "timestamp,value\n2014-04-01 00:00:00,x\n", "timestamp,value\n2014-04-01 00:00:00\n", "timestamp,value\n2014-04-01 00:00:00,+Inf\n"} {
		if _, err := backtest.ReadNAB(strings.NewReader(text), "a/b.csv"); err == nil || !strings.Contains(err.Error(), "a/b.csv") {
			t.Errorf("%q: got %v, want an error that names the file", text, err)
		}
	}
	for _, text := range []string{"", "[]", `{"a": [["2014-04-01 00:05:00"]]}`, `{"a": [["x", "2014-04-01 00:05:00"]]}`, `{"a": [["2014-04-02 00:00:00", "2014-04-01 00:00:00"]]}`} {
		if _, err := backtest.ReadNABWindows(strings.NewReader(text)); err == nil {
			t.Errorf("windows %q are read", text)
		}
	}
	if _, err := backtest.ScoreNAB([]backtest.NABFile{f}, nil, backtest.NABProfiles()[0], 1); err == nil {
		t.Error("a file without scores is scored")
	}
}
