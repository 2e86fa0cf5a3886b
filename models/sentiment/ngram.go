package sentiment

import (
	"slices"
	"strings"
	"unicode"
)

const (
	// shortestGram and longestGram are the lengths, in letters, of the pieces of words that count.
	shortestGram, longestGram = 2, 5
	// offset and prime are those of FNV-1a (Fowler, Noll and Vo 1991), here over letters instead of bytes.
	offset, prime uint32 = 2166136261, 16777619
)

// Marks that begin the keys of each kind, so that a word and a piece of one differ.
const (
	wordMark uint32 = iota + 1
	pairMark
	pieceMark
	signMark
	deniedMark
)

// grams are the keys of a headline's features, each once, in ascending order: its words
// and pairs of neighbouring words, and the pieces of two to five letters of its words,
// whose ends count as letters.
type grams struct{ words, pieces []uint32 }

// gramsOf returns the grams of a headline. Numbers count by their form alone: every run of
// digits is one 0. A denied word is another word than the plain one, and so are its pieces
// (Das and Chen 2001): where a denial was rarely seen, the word list decides.
func gramsOf(r *reading) grams {
	var g grams
	before := mix(offset, '^')
	denied := r.denied()
	for i, word := range r.words {
		word = plainDigits(word)
		start := offset
		if denied[i] {
			start = mix(offset, deniedMark)
		}
		whole := start
		for _, r := range word {
			whole = mix(whole, uint32(r))
		}
		g.words = append(g.words, mix(whole, wordMark), pair(before, whole))
		before = whole
		g.pieces = appendPieces(g.pieces, word, start)
	}
	g.words = append(g.words, pair(before, mix(offset, '$')))
	for _, sign := range "?%" {
		if strings.ContainsRune(r.title, sign) {
			g.words = append(g.words, mix(mix(offset, uint32(sign)), signMark))
		}
	}
	slices.Sort(g.words)
	slices.Sort(g.pieces)
	g.words, g.pieces = slices.Compact(g.words), slices.Compact(g.pieces)
	return g
}

func mix(key, part uint32) uint32 { return (key ^ part) * prime }

func pair(first, second uint32) uint32 { return mix(mix(mix(offset, first), second), pairMark) }

// appendPieces appends the keys of the pieces of a word between two blanks; every key begins
// with start.
func appendPieces(keys []uint32, word string, start uint32) []uint32 {
	letters := make([]rune, 0, 32)
	letters = append(letters, ' ')
	letters = append(letters, []rune(word)...)
	letters = append(letters, ' ')
	for i := range letters {
		key := start
		for n := 1; n <= longestGram && i+n <= len(letters); n++ {
			key = mix(key, uint32(letters[i+n-1]))
			if n >= shortestGram {
				keys = append(keys, mix(key, pieceMark))
			}
		}
	}
	return keys
}

// plainDigits writes every run of digits of a word as one 0.
func plainDigits(word string) string {
	if strings.IndexFunc(word, unicode.IsDigit) < 0 {
		return word
	}
	inRun := false
	return strings.Map(func(r rune) rune {
		digit := unicode.IsDigit(r)
		again := digit && inRun
		inRun = digit
		switch {
		case again:
			return -1
		case digit:
			return '0'
		}
		return r
	}, word)
}
