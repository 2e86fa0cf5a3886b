package headlines_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signalcraft/signalcraft/models/sentiment/headlines"
)

const labelled = `S No.,Title,Decisions,Words
1,Acme gains,{'Acme': 'positive'},2
2,"Acme up, Borealis down","{'Acme': 'positive', 'Borealis': 'negative'}",4
3,Dr Reddy's slips,"{'Dr Reddy's': 'negative', 'Sun': 'negative'}",3
4,Nothing said,{},2
5,Flat,"{""O'Hare"": 'neutral'}",1
`

func TestReadLabelled(t *testing.T) {
	want := headlines.Labelled{Titles: []string{"Acme gains", "Dr Reddy's slips", "Flat"}, Tones: []int{1, -1, 0}, Mixed: 1, Unlabelled: 1}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(labelled)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{"plain": labelled, "packed": packed.String()} {
		got, err := headlines.ReadLabelled(strings.NewReader(file))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestReadRated(t *testing.T) {
	got, err := headlines.ReadRated(strings.NewReader("1_1\t-2.5\tBad \"quote\tand tab\n\n1_2\t 4 \tGood\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(headlines.Rated{Texts: []string{"Bad \"quote\tand tab", "Good"}, Ratings: []float64{-2.5, 4}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBadFilesAreRefused(t *testing.T) {
	check := func(rated bool, file, want string) {
		t.Helper()
		_, err := headlines.ReadLabelled(strings.NewReader(file))
		if rated {
			_, err = headlines.ReadRated(strings.NewReader(file))
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v, want one with %q", file, err, want)
		}
	}
	check(false, "", "the file is empty")
	check(false, "Title,Words\na,1\n", "want columns Title and Decisions")
	check(false, "Title,Decisions\na\n", "wrong number of fields")
	check(false, "Title,Decisions\na,{'x': 'gut'}\n", "no headline with one tone")
	check(false, "\x1f\x8bnonsense", "gzip")
	check(true, "", "the file is empty")
	check(true, "1\t2.0\n", "line 1: 2 fields")
	check(true, "1\t1\ta\n2\tfive\tb\n", `line 2: rating "five"`)
	check(true, "1\t4.5\ta\n", `line 1: rating "4.5"`)
	check(true, "1\tNaN\ta\n", `line 1: rating "NaN"`)
	check(true, "1\t1\ta\n", "1 texts, want at least 2")
	check(true, "1\t1\t"+strings.Repeat("a", 2<<20), "token too long")
}

// By hand: of six texts the classes given are -1 -1 0 0 1 1 and the actual ones -1 0 0 1 1 1:
// F1 is 2*1/3, 2*1/4 and 2*2/5.
func TestLabels(t *testing.T) {
	got := headlines.Labels([]float64{-0.05, -1, 0.0499, -0.0499, 0.05, 1}, []int{-1, 0, 0, 1, 1, 1})
	want := [3]float64{2. / 3, 0.5, 0.8}
	for c, f1 := range got.F1 {
		if math.Abs(f1-want[c]) > 1e-15 {
			t.Errorf("F1 %v, want %v", got.F1, want)
		}
	}
	if math.Abs(got.Accuracy-4./6) > 1e-15 || math.Abs(got.MacroF1-(2./3+0.5+0.8)/3) > 1e-15 || got.Texts != 6 || !math.IsNaN(got.R) {
		t.Errorf("got %+v", got)
	}
}

// By hand: deviations of the scores are -1 0 1 and of the ratings -2 1 1, so r is 3/sqrt(2*6).
func TestRatings(t *testing.T) {
	got := headlines.Ratings([]float64{-1, 0, 1}, []float64{-1.5, 1.5, 1.5})
	if want := 3 / math.Sqrt(12); math.Abs(got.R-want) > 1e-12 || math.Abs(got.Accuracy-2./3) > 1e-15 {
		t.Errorf("r %v, accuracy %v, want %v and 2/3", got.R, got.Accuracy, want)
	}
}

func TestFoldKeepsCopiesTogether(t *testing.T) {
	counts := make([]int, 5)
	for i := range 5000 {
		title := fmt.Sprintf("Acme's %d branches, open", i)
		fold := headlines.Fold(title, 5)
		counts[fold]++
		if again := headlines.Fold(strings.ToUpper(strings.ReplaceAll(title, ",", " ,")), 5); again != fold {
			t.Fatalf("%q is in fold %d and its copy in %d", title, fold, again)
		}
	}
	for fold, n := range counts {
		if n < 900 || n > 1100 {
			t.Errorf("fold %d has %d of 5,000 headlines", fold, n)
		}
	}
}
