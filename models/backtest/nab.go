package backtest

import (
	"fmt"
	"math"
)

// NABProfile is one of the benchmark's three weightings of hits, misses and false alarms.
type NABProfile struct {
	Name string
	// TP, FN and FP weigh a found window, a window that was not found, and a detection outside of every window.
	TP, FN, FP float64
}

// NABProfiles returns the three profiles: standard, reward_low_FP_rate and reward_low_FN_rate, with the weights of NAB v1.1.
func NABProfiles() []NABProfile {
	return []NABProfile{
		{"standard", 1, 1, 0.11},
		{"reward_low_FP_rate", 1, 1, 0.22},
		{"reward_low_FN_rate", 1, 2, 0.11},
	}
}

// NABFile is one series of the benchmark.
type NABFile struct {
	// Name is category and file, such as "realTweets/Twitter_volume_IBM.csv".
	Name string
	// At holds the rows' instants in seconds since 1970, in the order of the file.
	At []int64
	// Values holds the rows' values; NaN is a missing one.
	Values []float64
	// Windows are the stretches of rows around known anomalies, in time order.
	Windows []NABWindow
}

// NABWindow is a stretch of rows, both ends included.
type NABWindow struct{ First, Last int }

// Probation returns the number of first rows that are not scored: 15 percent of all, at most 750.
func (f *NABFile) Probation() int { return min(15*len(f.Values)/100, 750) }

// Validate returns an error when columns differ in length, or a window does not lie behind the one before and inside the file.
func (f *NABFile) Validate() error {
	if len(f.At) != len(f.Values) {
		return fmt.Errorf("NAB file %s: %d instants, %d values", f.Name, len(f.At), len(f.Values))
	}
	next := 0
	for _, w := range f.Windows {
		if w.First < next || w.Last < w.First || w.Last >= len(f.Values) {
			return fmt.Errorf("NAB file %s: window of rows %d to %d does not fit", f.Name, w.First, w.Last)
		}
		next = w.Last + 1
	}
	return nil
}

// nabSigmoid is S(p) = 2/(1+exp(5p)) - 1 of the benchmark: near 1 at the begin of a window (p = -1), 0 at its end, towards -1
// behind it, and -1 from three windows on.
func nabSigmoid(p float64) float64 {
	if p > 3 {
		return -1
	}
	return 2/(1+math.Exp(5*p)) - 1
}

// nabRow is the worth of a detection in one row.
type nabRow struct {
	// window is the number of the row's window, -1 outside of all.
	window int
	// worth is, inside a window, the share of TP that the row earns; outside, the share of FP that it costs, at most 0 far behind.
	worth float64
}

// rows returns the worth of each row, by the benchmark's rules (Lavin and Ahmad 2015, "Evaluating real-time anomaly detection
// algorithms - the Numenta anomaly benchmark", as sweeper.py of NAB v1.1 computes them). Rows in probation have a worth of NaN.
func (f *NABFile) rows() []nabRow {
	out := make([]nabRow, len(f.Values))
	next := 0 // first window that has not ended before the row
	for i := range out {
		for next < len(f.Windows) && f.Windows[next].Last < i {
			next++
		}
		switch {
		case i < f.Probation():
			out[i] = nabRow{-1, math.NaN()}
		case next < len(f.Windows) && f.Windows[next].First <= i:
			w := f.Windows[next]
			p := -float64(w.Last-i+1) / float64(w.Last-w.First+1)
			out[i] = nabRow{next, nabSigmoid(p) / nabSigmoid(-1)}
		case next == 0:
			out[i] = nabRow{-1, -1}
		default:
			w := f.Windows[next-1]
			out[i] = nabRow{-1, nabSigmoid(float64(i-w.Last) / float64(w.Last-w.First))}
		}
	}
	return out
}

// scorable returns how many windows have a row behind probation.
func (f *NABFile) scorable() int {
	count := 0
	for _, w := range f.Windows {
		if w.Last >= f.Probation() {
			count++
		}
	}
	return count
}

// NABScore is what detections at one threshold earn over some files.
type NABScore struct {
	// Raw is the sum of the files' scores; Normalised puts it on the scale on which a detector that never fires has 0 and a perfect
	// one 100. Normalised is NaN when the files have no window.
	Raw, Normalised float64
	// Windows counts the scored windows, Found those with a detection, and False the detected rows outside of windows.
	Windows, Found, False int
}

// normalise fills in Normalised.
func (s *NABScore) normalise(p NABProfile) {
	null := -p.FN * float64(s.Windows)
	s.Normalised = 100 * (s.Raw - null) / (p.TP*float64(s.Windows) - null)
}

// ScoreNAB scores rows whose score reaches the threshold as detections. scores has one column for each file, of the file's length.
// A NaN score detects nothing.
func ScoreNAB(files []NABFile, scores [][]float64, p NABProfile, threshold float64) (NABScore, error) {
	var total NABScore
	if err := checkNAB(files, scores); err != nil {
		return total, err
	}
	for k := range files {
		best := make([]float64, len(files[k].Windows))
		for w := range best {
			best[w] = math.Inf(-1)
		}
		for i, row := range files[k].rows() {
			switch {
			case math.IsNaN(row.worth) || !(scores[k][i] >= threshold):
			case row.window < 0:
				total.Raw += p.FP * row.worth
				total.False++
			default:
				best[row.window] = max(best[row.window], row.worth)
			}
		}
		total.Windows += files[k].scorable()
		for w, worth := range best {
			switch {
			case files[k].Windows[w].Last < files[k].Probation():
			case math.IsInf(worth, -1):
				total.Raw -= p.FN
			default:
				total.Raw += p.TP * worth
				total.Found++
			}
		}
	}
	total.normalise(p)
	return total, nil
}

func checkNAB(files []NABFile, scores [][]float64) error {
	if len(scores) != len(files) {
		return fmt.Errorf("score NAB: %d files, %d columns of scores", len(files), len(scores))
	}
	for k := range files {
		if err := files[k].Validate(); err != nil {
			return err
		}
		if len(scores[k]) != len(files[k].Values) {
			return fmt.Errorf("score NAB: file %s has %d rows, %d scores", files[k].Name, len(files[k].Values), len(scores[k]))
		}
	}
	return nil
}
