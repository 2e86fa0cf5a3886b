package main

// The published and measured figures that the models are set beside. They are those of the
// README beside each set: measured on the very files, unless the row says otherwise.

// forecastReference is a set with a training and a test part, and what others reach on it.
type forecastReference struct {
	folder, file, title string
	horizon, period     int
	// naive2 is sMAPE and MASE of Naive2, to three digits: the harness must give the same.
	naive2 [2]float64
	// best is the best of the references by OWA, with its sMAPE, MASE and OWA.
	best    string
	figures [3]float64
	// others are further references worth a word.
	others string
	// msis is that of ETS (R forecast 8.20), 0 where the README has none.
	msis float64
	// reach is the OWA to reach, 0 where none is set.
	reach float64
}

// forecastReferences lists the sets by folder; sets of one folder are also taken together.
// Measured with the M4 organisers' benchmark code.
func forecastReferences() []forecastReference {
	return []forecastReference{
		{folder: "m3", file: "yearly", title: "M3 yearly", horizon: 6, period: 1, naive2: [2]float64{17.482, 3.164}, best: "Comb", figures: [3]float64{16.200, 2.744, 0.897}, msis: 28.696},
		{folder: "m3", file: "quarterly", title: "M3 quarterly", horizon: 8, period: 4, naive2: [2]float64{9.336, 1.238}, best: "Comb", figures: [3]float64{9.021, 1.111, 0.932}, msis: 10.767},
		{folder: "m3", file: "monthly", title: "M3 monthly", horizon: 18, period: 12, naive2: [2]float64{17.533, 1.051}, best: "Theta", figures: [3]float64{14.147, 0.861, 0.813}, msis: 6.544},
		{folder: "m3", file: "other", title: "M3 other", horizon: 8, period: 1, naive2: [2]float64{5.661, 2.968}, best: "Damped", figures: [3]float64{3.936, 1.770, 0.646}, msis: 11.774},
		{folder: "tourism", file: "yearly", title: "tourism yearly", horizon: 4, period: 1, naive2: [2]float64{22.443, 3.024}, best: "Theta", figures: [3]float64{20.970, 2.737, 0.920}, msis: 29.222},
		{folder: "tourism", file: "quarterly", title: "tourism quarterly", horizon: 8, period: 4, naive2: [2]float64{16.920, 1.776}, best: "ETS", figures: [3]float64{15.388, 1.612, 0.909}, msis: 13.494},
		{folder: "tourism", file: "monthly", title: "tourism monthly", horizon: 24, period: 12, naive2: [2]float64{22.065, 1.840}, best: "Theta", figures: [3]float64{19.500, 1.651, 0.891}},
		{folder: "nn5", file: "daily", title: "NN5 daily", horizon: 56, period: 7, naive2: [2]float64{31.940, 1.222}, best: "Theta", figures: [3]float64{21.175, 0.845, 0.677}, reach: 0.645},
		{folder: "m4", file: "Hourly", title: "M4 hourly", horizon: 48, period: 24, naive2: [2]float64{17.369, 2.246}, best: "sNaive", figures: [3]float64{14.697, 1.131, 0.675},
			others: "best of the competition, all 414: 0.410", reach: 0.45},
		{folder: "m4", file: "Weekly", title: "M4 weekly", horizon: 13, period: 1, naive2: [2]float64{8.744, 2.795}, best: "ARIMA", figures: [3]float64{7.980, 2.393, 0.884},
			others: "Damped 0.895; best of the competition, all 359: 0.751", msis: 20.256, reach: 0.78},
		{folder: "m4", file: "Quarterly-subset", title: "M4 quarterly, part", horizon: 8, period: 4, naive2: [2]float64{3.537, 1.168}, best: "ETS", figures: [3]float64{2.784, 0.829, 0.749}, msis: 6.049},
		{folder: "m4", file: "Daily-subset", title: "M4 daily, part", horizon: 14, period: 1, naive2: [2]float64{2.244, 2.986}, best: "Naive2", figures: [3]float64{2.244, 2.986, 1}, msis: 53.241},
		{folder: "m1", file: "yearly", title: "M1 yearly", horizon: 6, period: 1, naive2: [2]float64{22.431, 4.893}, best: "Holt", figures: [3]float64{17.368, 3.373, 0.732}},
		{folder: "m1", file: "quarterly", title: "M1 quarterly", horizon: 8, period: 4, naive2: [2]float64{17.909, 1.882}, best: "Theta", figures: [3]float64{16.355, 1.705, 0.910}},
		{folder: "m1", file: "monthly", title: "M1 monthly", horizon: 18, period: 12, naive2: [2]float64{16.517, 1.188}, best: "SES", figures: [3]float64{14.994, 1.131, 0.930}},
	}
}

// unitedReferences are the folders whose files are also taken together.
func unitedReferences() map[string]forecastReference {
	return map[string]forecastReference{
		"m3":      {folder: "m3", title: "M3, all together", naive2: [2]float64{14.770, 1.662}, best: "Comb", figures: [3]float64{12.827, 1.393, 0.853}, others: "Theta 0.855, ETS 0.878", reach: 0.825},
		"tourism": {folder: "tourism", title: "tourism, all together", naive2: [2]float64{20.536, 2.286}, best: "Theta", figures: [3]float64{18.793, 2.090, 0.915}, reach: 0.875},
	}
}

// anomalyReference is a profile of the Numenta Anomaly Benchmark and what others reach on the
// 29 files, from the benchmark's own results at their published thresholds.
type anomalyReference struct {
	profile string
	others  string
	reach   float64 // 0: none set
}

func anomalyReferences() []anomalyReference {
	return []anomalyReference{
		{"standard", "ARTime 80.04, CAD OSE 72.85, Numenta HTM 70.10", 70},
		{"reward_low_FP_rate", "ARTime 72.24, CAD OSE 70.17, Numenta HTM 62.59", 0},
		{"reward_low_FN_rate", "ARTime 85.05, CAD OSE 75.12, Numenta HTM 74.05", 0},
	}
}

// sentimentReference is a file of texts with known tone and what VADER (compound score) reaches on it.
type sentimentReference struct {
	file, format, title string
	r, macroF1          float64 // r is 0 for labels
	reachR, reachF1     float64 // 0: none set
}

func sentimentReferences() []sentimentReference {
	return []sentimentReference{
		{"sentfin/SEntFiN-subset.csv.gz", "sentfin", "SEntFiN, headlines with one tone, 5 folds", 0, 0.5344, 0, 0.75},
		{"vader/nytEditorialSnippets_GroundTruth.txt.gz", "vader", "NYT editorials, sentences", 0.4937, 0.5298, 0.4937, 0},
		{"vader/amazonReviewSnippets_GroundTruth.txt.gz", "vader", "amazon reviews, sentences", 0.5780, 0.5125, 0.5780, 0},
	}
}
