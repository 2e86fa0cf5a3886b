package headlines

import (
	"hash/fnv"
	"math"
	"strings"
	"unicode"

	"gonum.org/v1/gonum/stat"
)

// limit parts the classes: a score from it on is positive, one to its negative is negative.
const limit = 0.05

// Class returns 1 for a score of 0.05 or more, -1 for one of -0.05 or less, and 0 between.
func Class(score float64) int {
	switch {
	case score >= limit:
		return 1
	case score <= -limit:
		return -1
	}
	return 0
}

// Agreement is how well scores agree with what people said.
type Agreement struct {
	// Texts is how many there were.
	Texts int
	// R is Pearson's correlation with the ratings; NaN for labels, and where scores or ratings
	// are all the same.
	R float64
	// Accuracy is the share of texts whose class is right.
	Accuracy float64
	// F1 is of the classes negative, neutral and positive: 2 hits / (given + actual). A class
	// that is neither given nor actual has 0, so that MacroF1 never flatters.
	F1 [3]float64
	// MacroF1 is the mean of the three.
	MacroF1 float64
}

// Labels compares scores with the tones -1, 0 and 1. It panics when the columns differ in length.
func Labels(scores []float64, tones []int) Agreement {
	if len(scores) != len(tones) {
		panic("headlines: scores and tones differ in length")
	}
	var hits, given, actual [3]float64
	right := 0.0
	for i, score := range scores {
		class := Class(score)
		given[class+1]++
		actual[tones[i]+1]++
		if class == tones[i] {
			hits[class+1]++
			right++
		}
	}
	a := Agreement{Texts: len(scores), R: math.NaN()}
	if len(scores) == 0 {
		return a
	}
	a.Accuracy = right / float64(len(scores))
	for c := range a.F1 {
		if given[c]+actual[c] > 0 {
			a.F1[c] = 2 * hits[c] / (given[c] + actual[c])
		}
		a.MacroF1 += a.F1[c] / 3
	}
	return a
}

// Ratings compares scores with mean ratings from -4 to 4. A rating's class is that of a
// quarter of it. It panics when the columns differ in length.
func Ratings(scores, ratings []float64) Agreement {
	tones := make([]int, len(ratings))
	for i, rating := range ratings {
		tones[i] = Class(rating / 4)
	}
	a := Labels(scores, tones)
	a.R = stat.Correlation(scores, ratings, nil)
	return a
}

// Fold returns which of n folds a headline belongs to, by its letters alone: the order of a
// file does not matter, and copies of a headline are never in two folds.
func Fold(title string, n int) int {
	h := fnv.New32a()
	for word := range strings.FieldsFuncSeq(strings.ToLower(title), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		h.Write([]byte(word))
		h.Write([]byte{' '})
	}
	return int(h.Sum32() % uint32(n))
}
