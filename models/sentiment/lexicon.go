package sentiment

import (
	_ "embed" // for the word lists
	"fmt"
	"strconv"
	"strings"
)

//go:embed lexicon.txt
var ownWords string

//go:embed rated.txt
var ratedWords string

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
	thing
	prose
)

// entry is what a word does, how much, and how people rated the word by itself.
type entry struct {
	kind          kind
	weight, rated float64
}

// lexicon holds words, and phrases with blanks between their words.
type lexicon struct {
	entries map[string]entry
	// longest is the number of words of the longest phrase that begins with a word.
	longest map[string]int
	// prose is how much a word tells that a text is prose.
	prose map[string]float64
	// apostrophes takes them out as split says.
	apostrophes *strings.Replacer
}

// builtin returns the words of lexicon.txt and rated.txt. A word of both has its rating
// when all it does is to have a tone: many raters know better than one author.
func builtin() (*lexicon, error) {
	l, err := parseLexicon(ownWords)
	if err != nil {
		return nil, fmt.Errorf("lexicon.txt: %w", err)
	}
	rated, err := parseLexicon(ratedWords)
	if err != nil {
		return nil, fmt.Errorf("rated.txt: %w", err)
	}
	for name, r := range rated.entries {
		e, ok := l.entries[name]
		if !ok || e.kind == plain {
			e = r
		}
		e.rated = r.weight
		l.entries[name] = e
		first, _, _ := strings.Cut(name, " ")
		l.longest[first] = max(l.longest[first], rated.longest[first])
	}
	return l, nil
}

// parseLexicon reads the format that lexicon.txt describes. It refuses unknown sections,
// weights that are not numbers and words that stand twice.
func parseLexicon(text string) (*lexicon, error) {
	sections := map[string]kind{"[tone]": plain, "[up]": up, "[down]": down, "[burden]": burden, "[not]": not, "[more]": more, "[less]": less, "[turn]": turn,
		"[thing]": thing, "[prose]": prose}
	l := &lexicon{entries: make(map[string]entry), longest: make(map[string]int), prose: make(map[string]float64),
		apostrophes: strings.NewReplacer(" ' t ", "t ", " ’ t ", "t ", "n t ", "nt ", " ' s ", " ", " ’ s ", " ", "'s ", " ", "’s ", " ", "'", "", "’", "")}
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
			if err := l.add(section, weight, strings.Split(form, "_")); err != nil {
				return nil, fmt.Errorf("line %d: %w", number, err)
			}
		}
	}
	return l, nil
}

// add puts a word or phrase into the lexicon. A word may be prose beside what else it is.
func (l *lexicon) add(section kind, weight float64, words []string) error {
	name := phrase(words)
	if section == prose {
		if _, twice := l.prose[name]; twice {
			return fmt.Errorf("%q stands twice", name)
		}
		l.prose[name] = weight
		return nil
	}
	if _, twice := l.entries[name]; twice {
		return fmt.Errorf("%q stands twice", name)
	}
	l.entries[name] = entry{kind: section, weight: weight}
	l.longest[words[0]] = max(l.longest[words[0]], len(words))
	return nil
}

func phrase(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words, " ")
}
