package sentiment

import (
	_ "embed" // for the word list
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

//go:embed lexicon.txt
var builtin string

// kind is what a word does in a headline; lexicon.txt describes each.
type kind int

const (
	unknown kind = iota
	plain
	up
	down
	burden
	not
	more
	less
	turn
)

type entry struct {
	kind   kind
	weight float64
}

// lexicon holds words, and phrases with blanks between their words.
type lexicon struct {
	entries map[string]entry
	// longest is the number of words of the longest phrase that begins with a word.
	longest map[string]int
	// apostrophes takes them out as split says.
	apostrophes *strings.Replacer
}

// parseLexicon reads the format that lexicon.txt describes. It refuses unknown sections,
// weights that are not numbers and words that stand twice.
func parseLexicon(text string) (*lexicon, error) {
	sections := map[string]kind{"[tone]": plain, "[up]": up, "[down]": down, "[burden]": burden, "[not]": not, "[more]": more, "[less]": less, "[turn]": turn}
	l := &lexicon{entries: make(map[string]entry), longest: make(map[string]int),
		apostrophes: strings.NewReplacer(" ' t ", "t ", " ’ t ", "t ", "n t ", "nt ", "'s ", " ", "’s ", " ", "'", "", "’", "")}
	section := unknown
	number := 0
	for line := range strings.Lines(text) {
		number++
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		if k, ok := sections[fields[0]]; ok && len(fields) == 1 {
			section = k
			continue
		}
		weight, err := strconv.ParseFloat(fields[0], 64)
		if err != nil || section == unknown {
			return nil, fmt.Errorf("line %d: %q is neither a section nor a weight in one", number, fields[0])
		}
		for _, form := range fields[1:] {
			words := strings.Split(form, "_")
			name := phrase(words)
			if _, twice := l.entries[name]; twice {
				return nil, fmt.Errorf("line %d: %q stands twice", number, name)
			}
			l.entries[name] = entry{section, weight}
			l.longest[words[0]] = max(l.longest[words[0]], len(words))
		}
	}
	return l, nil
}

// token is a word or phrase of a headline with what the lexicon knows of it.
type token struct {
	entry
	loud bool // in capitals while other words are not
}

// tokens cuts a headline into words and joins the longest phrases that the lexicon has.
func (l *lexicon) tokens(title string) []token {
	words, loud := l.split(title)
	out := make([]token, 0, len(words))
	for i := 0; i < len(words); {
		length := 1
		var found entry
		for n := min(l.longest[words[i]], len(words)-i); n >= 1; n-- {
			if e, ok := l.entries[phrase(words[i:i+n])]; ok {
				found, length = e, n
				break
			}
		}
		out = append(out, token{found, loud[i]})
		i += length
	}
	return out
}

func phrase(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words, " ")
}

// split returns the words of a headline in lower case without apostrophes, and which of
// them shout: written in capitals in a headline that is not. An apostrophe joins its
// word, also where a tokeniser has set it apart or dropped it ("don't", "don ' t",
// "don t"), save that a possessive s falls off. A dash parts words.
func (l *lexicon) split(title string) (words []string, loud []bool) {
	if title += " "; strings.ContainsAny(title, "'’") || strings.Contains(title, " t ") {
		title = l.apostrophes.Replace(title)
	}
	capitals := 0
	for word := range strings.FieldsFuncSeq(title, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		shouts := len(word) > 2 && strings.ToUpper(word) == word && strings.ToLower(word) != word
		words, loud = append(words, strings.ToLower(word)), append(loud, shouts)
		if shouts {
			capitals++
		}
	}
	if capitals*2 > len(words) {
		clear(loud)
	}
	return words, loud
}
