package sentiment_test

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/stat"

	"github.com/signalcraft/signalcraft/models/sentiment"
	"github.com/signalcraft/signalcraft/testdata/shared"
)

func score(t testing.TB, title string) float64 {
	t.Helper()
	scores, valid := sentiment.New().Score([]string{title}, []string{"English"})
	if !valid[0] {
		t.Fatalf("English title %q has no score", title)
	}
	return scores[0]
}

func TestScoreSign(t *testing.T) {
	check := func(sign int, title string) {
		t.Helper()
		if got := score(t, title); (got >= 0.05) != (sign > 0) || (got <= -0.05) != (sign < 0) {
			t.Errorf("%q scores %.3f, want sign %d", title, got, sign)
		}
	}
	check(1, "Hotel chain reports record profit as bookings soar")
	check(-1, "Retailer files for bankruptcy after sales plunge")
	check(0, "City council meets on Tuesday")
	check(0, "")
	check(0, "4,000 , % - !!!")

	// A movement is judged by what moves.
	check(1, "Airline narrows quarterly losses")
	check(1, "Unemployment falls for a third month")
	check(-1, "Company debt soars")
	check(-1, "Company sales fall")

	// Denial turns a word round, within three words.
	check(-1, "Results are not good, says bank")
	check(-1, "Shares won't recover this year")
	check(1, "No fear after the vote")

	// Phrases count instead of their words; the part after "but" counts more.
	check(-1, "Chipmaker issues profit warning")
	check(1, "Chipmaker beats estimates")
	check(-1, "Strong quarter but outlook bleak and jobs at risk")

	// Tokenised titles read like plain ones.
	check(-1, "Shares won ' t recover , analysts say")
	check(-1, "Shares won t recover , analysts say")
}

// By hand: x/sqrt(x*x+15) of profit 2.0; very adds 0.3 of 1.5; two exclamation marks
// add 0.6; shouting adds 0.7; tone before but is halved.
func TestScoreByHand(t *testing.T) {
	check := func(title string, sum float64) {
		t.Helper()
		if got, want := score(t, title), sum/math.Sqrt(sum*sum+15); math.Abs(got-want) > 1e-12 {
			t.Errorf("%q scores %v, want %v (sum %v)", title, got, want, sum)
		}
	}
	check("Quarterly profit", 2)
	check("A very weak quarter", -1.5*1.3)
	check("A somewhat weak quarter", -1.5*0.7)
	check("A weak quarter !!", -2.1)
	check("A WEAK quarter", -2.2)
	check("A WEAK QUARTER", -1.5) // all in capitals is a house style, not shouting
	check("Profit but weak outlook", 1-1.5)
	check("The bank's profit", 2)
	check("No losses", -1.8*-0.7)
	check("Losses rise", -1.7)
}

func TestOnlyEnglishIsScored(t *testing.T) {
	languages := []string{"English", "en", "eng", "EN-gb", "en_US", " english ", "", "German", "fr", "Enga", "entire"}
	titles := make([]string, len(languages))
	for i := range titles {
		titles[i] = "Profit soars"
	}
	scores, valid := sentiment.New().Score(titles, languages)
	if diff := cmp.Diff([]bool{true, true, true, true, true, true, false, false, false, false, false}, valid); diff != "" {
		t.Errorf("languages %q (-want +got):\n%s", languages, diff)
	}
	for i := range scores {
		if (scores[i] > 0) != valid[i] {
			t.Errorf("language %q scores %v", languages[i], scores[i])
		}
	}
}

func FuzzScore(f *testing.F) {
	for _, title := range []string{"Profit soars", "don ' t", "NOT not NOT", "\xff\x00", "’ t n t ", "İSTANBUL ǅ ß", strings.Repeat("very ", 50) + "bad"} {
		f.Add(title)
	}
	f.Fuzz(func(t *testing.T, title string) {
		if got := score(t, title); math.IsNaN(got) || got < -1 || got > 1 {
			t.Errorf("%q scores %v", title, got)
		}
	})
}

// Headlines with agreed labels (SEntFiN) and sentences with human ratings: what the
// scorer reaches, with VADER's own figures from the README beside the data.
func TestPublicSets(t *testing.T) {
	folder, ok := shared.Dir(t)
	if !ok {
		return
	}
	s := sentiment.New()
	titles, labels := headlines(t, folder)
	scores, _ := s.Score(titles, repeat("en", len(titles)))
	f1 := macroF1(scores, labels)
	t.Logf("SEntFiN: %d headlines, macro F1 %.3f (VADER 0.534)", len(titles), f1)
	if f1 < 0.68 {
		t.Errorf("macro F1 %.3f, want at least 0.68", f1)
	}
	correlation := func(name string, atLeast, vader float64) {
		t.Helper()
		texts, ratings := rated(t, folder, name)
		scores, _ := s.Score(texts, repeat("en", len(texts)))
		r := stat.Correlation(scores, ratings, nil)
		t.Logf("%s: %d sentences, r %.3f (VADER %.3f)", name, len(texts), r, vader)
		if r < atLeast || math.IsNaN(r) {
			t.Errorf("%s: r %.3f, want at least %.3f", name, r, atLeast)
		}
	}
	correlation("amazonReviewSnippets", 0.50, 0.578)
	correlation("nytEditorialSnippets", 0.34, 0.494)
}

// headlines returns the headlines whose entities all have one label: -1, 0 or 1.
func headlines(t *testing.T, folder string) (titles []string, labels []int) {
	t.Helper()
	rows, err := csv.NewReader(public(t, folder, "sentfin/SEntFiN-subset.csv.gz")).ReadAll()
	if err != nil {
		t.Fatalf("read headlines: %v", err)
	}
	class := map[string]int{"negative": -1, "neutral": 0, "positive": 1}
	quoted := regexp.MustCompile(`: ['"](positive|neutral|negative)['"]`)
	for _, row := range rows[1:] {
		found := quoted.FindAllStringSubmatch(row[2], -1)
		agreed := len(found) > 0
		for _, f := range found {
			agreed = agreed && f[1] == found[0][1]
		}
		if agreed {
			titles, labels = append(titles, row[1]), append(labels, class[found[0][1]])
		}
	}
	return titles, labels
}

func rated(t *testing.T, folder, name string) (texts []string, ratings []float64) {
	t.Helper()
	scanner := bufio.NewScanner(public(t, folder, "vader/"+name+"_GroundTruth.txt.gz"))
	for scanner.Scan() {
		fields := strings.SplitN(scanner.Text(), "\t", 3)
		rating, err := strconv.ParseFloat(fields[1], 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		texts, ratings = append(texts, fields[2]), append(ratings, rating)
	}
	if err := scanner.Err(); err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
	return texts, ratings
}

// public opens a file of the public sets in the shared folder.
func public(t *testing.T, folder, name string) io.Reader {
	t.Helper()
	f, err := os.Open(filepath.Join(folder, "data", "sentiment", name))
	if err != nil {
		t.Fatalf("open public set: %v", err)
	}
	t.Cleanup(func() { f.Close() })
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
	return r
}

// macroF1 is the mean F1 of the three classes at the limits of ±0.05.
func macroF1(scores []float64, labels []int) float64 {
	var hits, given, actual [3]float64
	for i, s := range scores {
		class := 0
		if s >= 0.05 {
			class = 1
		}
		if s <= -0.05 {
			class = -1
		}
		given[class+1]++
		actual[labels[i]+1]++
		if class == labels[i] {
			hits[class+1]++
		}
	}
	sum := 0.0
	for c := range hits {
		sum += 2 * hits[c] / (given[c] + actual[c]) / 3
	}
	return sum
}

func repeat(s string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = s
	}
	return out
}

func BenchmarkScore(b *testing.B) {
	titles := repeat("Hotel chain reports record profit as bookings soar , but outlook is not good", 1000)
	languages := repeat("English", len(titles))
	s := sentiment.New()
	b.ReportAllocs()
	for b.Loop() {
		s.Score(titles, languages)
	}
	b.ReportMetric(float64(b.N*len(titles))/b.Elapsed().Seconds(), "titles/s")
}

func ExampleScorer_Score() {
	scores, valid := sentiment.New().Score(
		[]string{"Cafe chain narrows losses", "Sales plunge", "Gewinn steigt"},
		[]string{"English", "English", "German"})
	for i := range scores {
		fmt.Printf("%.2f %v\n", scores[i], valid[i])
	}
	// Output:
	// 0.30 true
	// -0.53 true
	// 0.00 false
}
