package sentiment

import (
	"slices"
	"strings"
	"unicode"
)

// token is a word or phrase of a headline with what the lexicon knows of it.
type token struct {
	entry
	loud  bool // in capitals while other words are not
	part  bool // one part of a compound ("risk-free") that the lexicon does not have as a whole
	words int  // how many words it joins
}

// reading is a headline cut into words, and into what the lexicon knows of them.
type reading struct {
	title  string
	words  []string // in lower case
	tokens []token
	// headline is how much the text reads as a headline rather than as prose, 0 to 1.
	headline float64
}

// The share of words of prose up to which a text is a headline, and from which on it is
// prose: what 95 % and 99 % of SEntFiN's headlines stay below.
const headlineBelow, proseFrom = 0.20, 0.29

// read cuts a headline into words and joins the longest phrases that the lexicon has.
func (l *lexicon) read(title string) reading {
	words, loud, joined := l.split(title)
	r := reading{title: title, words: words, tokens: make([]token, 0, len(words)), headline: 1}
	telling := 0.0
	for _, word := range words {
		telling += l.prose[word]
	}
	if len(words) > 0 {
		share := telling / float64(len(words))
		r.headline = min(max((proseFrom-share)/(proseFrom-headlineBelow), 0), 1)
	}
	for i := 0; i < len(words); {
		length := 1
		var found entry
		for n := min(l.longest[words[i]], len(words)-i); n >= 1; n-- {
			if e, ok := l.entries[phrase(words[i:i+n])]; ok {
				found, length = e, n
				break
			}
		}
		part := joined[i] || i+length < len(words) && joined[i+length]
		r.tokens = append(r.tokens, token{found, loud[i], part, length})
		i += length
	}
	return r
}

// denied returns for each word whether a denial stands within deniedWithin tokens before it.
func (r *reading) denied() []bool {
	words, since := make([]bool, 0, len(r.words)), deniedWithin+1
	for _, t := range r.tokens {
		for range t.words {
			words = append(words, t.kind != not && since <= deniedWithin)
		}
		if since++; t.kind == not {
			since = 1
		}
	}
	return words
}

// lettered reports whether there is a word with a letter in it.
func (r *reading) lettered() bool {
	return slices.ContainsFunc(r.words, func(word string) bool { return strings.IndexFunc(word, unicode.IsLetter) >= 0 })
}

// split returns the words of a headline in lower case without apostrophes, which of
// them shout: written in capitals in a headline that is not, and which are joined to the word
// before by a hyphen. An apostrophe joins its word, also where a tokeniser has set it apart or
// dropped it ("don't", "don ' t", "don t"), save that a possessive s falls off. A dash parts words.
func (l *lexicon) split(title string) (words []string, loud, joined []bool) {
	if title += " "; strings.ContainsAny(title, "'’") || strings.Contains(title, " t ") {
		title = l.apostrophes.Replace(title)
	}
	capitals, from := 0, -1
	hyphen := -1 // the end of a hyphen between two words
	for at, r := range title {
		switch lettered := unicode.IsLetter(r) || unicode.IsDigit(r); {
		case lettered && from < 0:
			from = at
		case !lettered && from >= 0:
			word := title[from:at]
			shouts := len(word) > 2 && strings.ToUpper(word) == word && strings.ToLower(word) != word
			words, loud, joined = append(words, strings.ToLower(word)), append(loud, shouts), append(joined, hyphen == from)
			if shouts {
				capitals++
			}
			from = -1
			if r == '-' {
				hyphen = at + 1
			}
		}
	}
	if capitals*2 > len(words) {
		clear(loud)
	}
	return words, loud, joined
}
