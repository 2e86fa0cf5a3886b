package sentiment

import (
	"fmt"
	"math"
	"strings"
)

// Scorer scores headlines. It does not change after New and is safe for concurrent use.
type Scorer struct{ words *lexicon }

// New returns a Scorer with the built-in word list. It panics when that list is broken,
// which is a mistake made at build time.
func New() *Scorer {
	words, err := parseLexicon(builtin)
	if err != nil {
		panic(fmt.Sprintf("sentiment: built-in word list: %v", err))
	}
	return &Scorer{words}
}

// Score returns a score for each title and whether there is one: the two columns of a
// nullable float column. Languages names the language of each title, as "English", "eng",
// "en" or "en-GB" in any case; a title in another or an unnamed language has no score,
// and its place in scores is 0. An English title without a word of known tone scores 0,
// neutral. Titles may be tokenised, with blanks around punctuation and apostrophes. It panics when
// the columns differ in length.
func (s *Scorer) Score(titles, languages []string) (scores []float64, valid []bool) {
	if len(titles) != len(languages) {
		panic("sentiment: titles and languages differ in length")
	}
	scores, valid = make([]float64, len(titles)), make([]bool, len(titles))
	for i, title := range titles {
		if valid[i] = english(languages[i]); valid[i] {
			scores[i] = s.words.score(title)
		}
	}
	return scores, valid
}

// english reports whether a language name or tag stands for English.
func english(language string) bool {
	language = strings.ToLower(strings.TrimSpace(language))
	base, _, _ := strings.Cut(strings.ReplaceAll(language, "_", "-"), "-")
	return base == "en" || base == "eng" || base == "english"
}

const (
	// deniedWithin and movedWithin are how many words back a denial reaches and how many
	// words lie between a movement and what moves.
	deniedWithin, movedWithin = 3, 4
	// spread is the constant of VADER's normalisation (Hutto and Gilbert 2014).
	spread = 15
	// shouting and exclaiming add to the tone, as in VADER.
	shouting, exclaiming, mostExclaiming = 0.7, 0.3, 3
)

// score adds up the tones of a headline's words and squeezes the sum x into [-1, 1] by
// x/sqrt(x^2+15).
func (l *lexicon) score(title string) float64 {
	tokens := l.tokens(title)
	tones := make([]float64, len(tokens))
	for i, t := range tokens {
		tones[i] = l.tone(tokens, i)
		if tones[i] != 0 && t.loud {
			tones[i] += math.Copysign(shouting, tones[i])
		}
	}
	for i, t := range tokens {
		if t.kind != turn {
			continue
		}
		for k := range i {
			tones[k] *= t.weight
		}
	}
	sum := 0.0
	for _, tone := range tones {
		sum += tone
	}
	if sum != 0 {
		sum += math.Copysign(exclaiming*float64(min(strings.Count(title, "!"), mostExclaiming)), sum)
	}
	return sum / math.Sqrt(sum*sum+spread)
}

// tone is what one word adds: its weight, turned round when it moves a burden, scaled by
// the words just before it, denied by a denial.
func (l *lexicon) tone(tokens []token, i int) float64 {
	t := tokens[i]
	var tone float64
	switch t.kind {
	case plain:
		tone = t.weight
	case up, down:
		tone = t.weight
		if near(tokens, i, burden) {
			tone = -tone
		}
	case burden:
		if near(tokens, i, up) || near(tokens, i, down) {
			return 0
		}
		tone = t.weight
	default:
		return 0
	}
	for back := 1; back <= deniedWithin && back <= i; back++ {
		before := tokens[i-back]
		switch before.kind {
		case more:
			tone *= 1 + before.weight/float64(back)
		case less:
			tone *= 1 - before.weight/float64(back)
		case not:
			tone *= before.weight
		}
	}
	return tone
}

// near reports whether a word of the kind stands within movedWithin words of word i.
func near(tokens []token, i int, k kind) bool {
	for j := max(0, i-movedWithin); j < len(tokens) && j <= i+movedWithin; j++ {
		if tokens[j].kind == k {
			return true
		}
	}
	return false
}
