package backtest

import "github.com/signalcraft/signalcraft/models/anomaly"

// DetectNAB returns the score of each row of a file, as the detector with its default settings gives it in one pass: all that it is told
// of the file beforehand is the length of probation, as the benchmark tells every detector.
func DetectNAB(f *NABFile) []float64 {
	d := anomaly.NewDetector(anomaly.Config{Warmup: f.Probation()})
	scores := make([]float64, len(f.Values))
	for i, v := range f.Values {
		scores[i] = d.Step(f.At[i], v).Score
	}
	return scores
}
