package sentiment

// Inside the package: the reader of the word list is not exported.

import (
	"strings"
	"testing"
)

func TestParseLexiconRefusesMistakes(t *testing.T) {
	check := func(text, want string) {
		t.Helper()
		if _, err := parseLexicon(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", text, err, want)
		}
	}
	check("1.0 good", `line 1: "1.0" is neither a section nor a weight in one`)
	check("[tone]\ngood", `line 2: "good"`)
	check("[tones]\n1 good", `line 1: "[tones]"`)
	check("[tone]\n1 good\n[up]\n# note\n2 rise good", `line 5: "good" stands twice`)
}

// A word in the list that split never yields could not match.
func TestBuiltinWordsCanMatch(t *testing.T) {
	l, err := builtin()
	if err != nil {
		t.Fatal(err)
	}
	if len(l.entries) < 1000 {
		t.Errorf("%d entries", len(l.entries))
	}
	for phrase, want := range l.entries {
		tokens := l.read("on " + phrase + " xyz").tokens
		if len(tokens) != 3 || tokens[1].entry != want {
			t.Errorf("%q became %d words, and counts as %+v instead of %+v", phrase, len(tokens)-2, tokens[1].entry, want)
		}
	}
}
