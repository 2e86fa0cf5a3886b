package gdelt

import (
	"regexp"
	"strings"
	"unicode"
)

// The tokeniser's traces in titles. Only blanks are taken away, never a letter.
var (
	grouped   = regexp.MustCompile(`(\d) ([,.]) (\d)`)            // 2 , 800
	dashed    = regexp.MustCompile(`(\p{Lu}{2,}) - (\d)`)         // COVID - 19
	closing   = regexp.MustCompile(` ([,.;:!?%)\]}”»，。；：！？、》」])`) // Canada , Inc
	opening   = regexp.MustCompile(`([(\[{“«《「]) `)               // ( update
	slashed   = regexp.MustCompile(`(\d) / (\d)`)                 // 24 / 7
	wideSpace = regexp.MustCompile(`([，。；：！？、》」]) `)              // full-width marks carry their own space
)

// Title returns a DOC API title with the tokeniser's blanks taken out: control
// characters and runs of blanks become one blank, and the blanks around punctuation
// that a printed title would not have are dropped. Letters that the service lost stay
// lost, so titles are never keys.
func Title(raw string) string {
	s := strings.Join(strings.FieldsFunc(raw, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	// Twice, because neighbouring matches (1 , 234 , 567) share a digit.
	s = grouped.ReplaceAllString(grouped.ReplaceAllString(s, "$1$2$3"), "$1$2$3")
	s = slashed.ReplaceAllString(s, "$1/$2")
	s = dashed.ReplaceAllString(s, "$1-$2")
	s = closing.ReplaceAllString(s, "$1")
	s = opening.ReplaceAllString(s, "$1")
	return strings.TrimSpace(wideSpace.ReplaceAllString(s, "$1"))
}
