package sentiment_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/signalcraft/signalcraft/models/sentiment"
)

// toy is a training set that a linear model can learn by heart: "merger" is good here and
// "audit" is bad, which no word list says.
func toy() (titles []string, tones []int) {
	for _, name := range []string{"Acme", "Borealis", "Cirrus", "Delta", "Ember", "Fjord"} {
		titles = append(titles, name+" announces merger", name+" merger on Monday", name+" faces audit", name+" audit on Monday", name+" opens office", name+" office on Monday")
		tones = append(tones, 1, 1, -1, -1, 0, 0)
	}
	return titles, tones
}

func train(t *testing.T, titles []string, tones []int) *sentiment.Linear {
	t.Helper()
	linear, err := sentiment.Train(titles, tones)
	if err != nil {
		t.Fatal(err)
	}
	return linear
}

func TestTrainLearnsWhatTheWordListsDoNotKnow(t *testing.T) {
	titles, tones := toy()
	s := sentiment.NewWith(train(t, titles, tones))
	scores, _ := s.Score([]string{"Acme merger on Monday", "Acme audit on Monday", "Acme office on Monday"}, repeat("en", 3))
	if !(scores[0] >= 0.05 && scores[1] <= -0.05 && math.Abs(scores[2]) < 0.05) {
		t.Errorf("merger, audit and office score %v, want positive, negative and neutral", scores)
	}
	// Nothing of this text was seen: the word lists decide alone.
	foreign := []string{"Wonderful recital enchants Vienna", "The merger is what it is and that was what we had"}
	with, _ := s.Score(foreign, repeat("en", 2))
	words, _ := sentiment.NewWith(nil).Score(foreign, repeat("en", 2))
	for i := range foreign {
		if with[i] != words[i] {
			t.Errorf("%q scores %v, want %v as by the word lists", foreign[i], with[i], words[i])
		}
	}
}

func TestTrainRefuses(t *testing.T) {
	check := func(titles []string, tones []int, want string) {
		t.Helper()
		if _, err := sentiment.Train(titles, tones); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	check([]string{"a"}, nil, "1 titles, 0 tones")
	check(nil, nil, "at least two tones")
	check([]string{"a", "b"}, []int{1, 1}, "at least two tones")
	check([]string{"a", "b"}, []int{1, 2}, "tone 2 of headline 2")
}

// Training is repeatable, and what is written is what was trained.
func TestWeightsRoundTrip(t *testing.T) {
	titles, tones := toy()
	first, err := train(t, titles, tones).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := train(t, titles, tones).AppendBinary(nil)
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("the same headlines gave other weights (error %v)", err)
	}
	read, err := sentiment.ReadLinear(first)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := sentiment.NewWith(train(t, titles, tones)).Score(titles, repeat("en", len(titles)))
	b, _ := sentiment.NewWith(read).Score(titles, repeat("en", len(titles)))
	for i := range a {
		if a[i] != b[i] {
			t.Errorf("%q scores %v when trained and %v when read", titles[i], a[i], b[i])
		}
	}
}

func TestReadLinearRefuses(t *testing.T) {
	titles, tones := toy()
	whole, err := train(t, titles, tones).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	check := func(file []byte, want string) {
		t.Helper()
		if _, err := sentiment.ReadLinear(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	changed := func(at int, b ...byte) []byte {
		file := bytes.Clone(whole)
		copy(file[at:], b)
		return file
	}
	check(nil, "not a file of weights")
	check(changed(6, '2'), "not a file of weights of this version")
	check(whole[:len(whole)-1], "bytes, want")
	check(append(bytes.Clone(whole), 0), "bytes, want")
	check(changed(8, 0xff, 0xff, 0xff, 0xff), "bytes, want")
	check(changed(12, 0, 0, 0xc0, 0x7f), "not finite")
	check(changed(76, 0xff, 0xff, 0xff, 0xff), "key 2 is not greater")
}

func FuzzReadLinear(f *testing.F) {
	titles, tones := toy()
	linear, err := sentiment.Train(titles, tones)
	if err != nil {
		f.Fatal(err)
	}
	whole, err := linear.AppendBinary(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:80])
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := sentiment.ReadLinear(file)
		if err != nil {
			return
		}
		scores, _ := sentiment.NewWith(m).Score(titles, repeat("en", len(titles)))
		for i, s := range scores {
			if math.IsNaN(s) || s < -1 || s > 1 {
				t.Errorf("%q scores %v by weights that were accepted", titles[i], s)
			}
		}
	})
}
