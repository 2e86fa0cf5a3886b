package auth

import (
	_ "embed" // for the list
	"strings"
	"unicode"
	"unicode/utf8"
)

// common is the list of what attackers try first: passwords from published breaches, and words and names by which people
// make theirs. One entry to a line, in lower case, sorted by bytes, so that it is searched where it lies and takes no memory
// beside the program's text. Where it comes from, and under which licences, is told in common.LICENSE.
//
//go:embed common.txt
var common string

// What may stand around a common word without making it any better.
const (
	maxBefore = 3
	maxAround = 6
)

// isCommon reports whether a folded text is on the list, with up to six digits and symbols around it, read as it stands or with
// letters for digits; also when it repeats such a word, or puts a listed number behind it.
func isCommon(folded string) bool {
	runes := []rune(folded)
	for period := 5; period <= len(runes)/2; period++ {
		if len(runes)%period == 0 && repeats(runes, period) && isCommon(string(runes[:period])) {
			return true
		}
	}
	for before := 0; before <= maxBefore && before < len(runes); before++ {
		for after := 0; before+after <= maxAround && before+after <= len(runes)-3; after++ {
			if isListedInAnyReading(string(runes[before : len(runes)-after])) {
				return true
			}
			if unicode.IsLetter(runes[len(runes)-1-after]) {
				break
			}
		}
		if unicode.IsLetter(runes[before]) {
			break
		}
	}
	word := strings.TrimRightFunc(folded, func(r rune) bool { return !unicode.IsLetter(r) })
	rest := folded[len(word):]
	return utf8.RuneCountInString(word) >= 3 && isListed(rest) && isListedInAnyReading(word)
}

func isListedInAnyReading(text string) bool {
	for _, reading := range readings(text) {
		if isListed(reading) {
			return true
		}
	}
	return false
}

// isListed searches the list by halves. low and high are always at the begin of a line.
func isListed(word string) bool {
	low, high := 0, len(common)
	for low < high {
		middle := (low + high) / 2
		begin := strings.LastIndexByte(common[:middle], '\n') + 1
		end := middle + strings.IndexByte(common[middle:], '\n')
		switch line := common[begin:end]; {
		case line == word:
			return true
		case line < word:
			low = end + 1
		default:
			high = begin
		}
	}
	return false
}
