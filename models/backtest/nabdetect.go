package backtest

import "github.com/signalcraft/signalcraft/models/anomaly"

// DetectNAB returns the score of each row of a file, as the detector with its default settings gives it in one pass: all that it
// is told beforehand is the length of probation, as the benchmark tells every detector, and the threshold, since it tells an
// anomaly once (zero is its own).
func DetectNAB(f *NABFile, threshold float64) []float64 {
	d := anomaly.NewDetector(anomaly.Config{Warmup: f.Probation(), Threshold: threshold})
	scores := make([]float64, len(f.Values))
	for i, v := range f.Values {
		scores[i] = d.Step(f.At[i], v).Score
	}
	return scores
}
