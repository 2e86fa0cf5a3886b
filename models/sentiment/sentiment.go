package sentiment

import (
	_ "embed" // for the weights
	"fmt"
)

//go:embed weights.bin
var builtinWeights []byte

// Scorer scores headlines. It does not change after New and is safe for concurrent use.
type Scorer struct {
	words     *lexicon
	linear    *Linear // nil: the words decide alone
	languages *Detector
}

// New returns a Scorer with the built-in word lists and weights. It panics when those are
// broken, which is a mistake made at build time.
func New() *Scorer {
	linear, err := ReadLinear(builtinWeights)
	if err != nil {
		panic(fmt.Sprintf("sentiment: built-in weights: %v", err))
	}
	return NewWith(linear)
}

// NewWith returns a Scorer with the built-in word lists and the weights given, for measuring
// on headlines that New's have seen. Nil means that the word lists decide alone. It panics
// when the word lists are broken.
func NewWith(linear *Linear) *Scorer {
	words, err := builtin()
	if err != nil {
		panic(fmt.Sprintf("sentiment: built-in word list: %v", err))
	}
	return &Scorer{words, linear, newDetector(words)}
}

// Score returns a score for each title and whether there is one: the two columns of a
// nullable float column. Languages says which language each title is in, as its source has
// it or empty; Detector.Language decides. A title in another language than English, or in one
// that cannot be told, has no score, and its place in scores is 0. Titles may be tokenised, with blanks around punctuation and apostrophes. It panics when
// the columns differ in length.
func (s *Scorer) Score(titles, languages []string) (scores []float64, valid []bool) {
	if len(titles) != len(languages) {
		panic("sentiment: titles and languages differ in length")
	}
	scores, valid = make([]float64, len(titles)), make([]bool, len(titles))
	for i, title := range titles {
		if valid[i] = s.languages.Language(title, languages[i]) == english; valid[i] {
			scores[i] = s.score(title)
		}
	}
	return scores, valid
}

// score joins the score of the word lists with that of the weights. The weights were
// learned from headlines, so they count as far as the text reads as one.
func (s *Scorer) score(title string) float64 {
	r := s.words.read(title)
	lexical := r.score()
	if s.linear == nil || r.headline == 0 || !r.lettered() {
		return lexical
	}
	g := gramsOf(&r)
	learned := scoreOf(s.linear.probabilities(s.linear.vectorOf(g, lexical)))
	trust := r.headline * s.linear.trust(g)
	return trust*learned + (1-trust)*lexical
}
