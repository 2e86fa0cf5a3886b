package sentiment

import (
	_ "embed" // for the languages' words
	"fmt"
	"slices"
	"strings"
	"unicode"
)

//go:embed languages.txt
var languageWords string

// english is the one language that is scored.
const english = "en"

const (
	// telling is the least evidence by which a title names its language, and contrary the least by
	// which it contradicts the language that it is said to be in. The runner-up must have no more
	// than a half of the first, the contradicted language no more than a fourth.
	telling, contrary          = 1.0, 2.0
	atMostRunnerUp, atMostSaid = 0.5, 0.25
	// rareLetter is the evidence of a letter that hardly occurs in other languages.
	rareLetter = 0.5
	// knownTone is the evidence for English of a word of the word lists.
	knownTone = 0.5
)

// Detector tells the language of a headline. It does not change and is safe for concurrent use.
type Detector struct {
	words   *lexicon
	codes   []string          // of each language
	names   map[string]string // code of a name in lower case
	common  map[string][]int  // languages in which a word is common
	letters map[rune][]int    // languages in which a letter is common
}

// NewDetector returns a Detector with the built-in words. It panics when those are broken,
// which is a mistake made at build time.
func NewDetector() *Detector {
	words, err := builtin()
	if err != nil {
		panic(fmt.Sprintf("sentiment: built-in word list: %v", err))
	}
	return newDetector(words)
}

func newDetector(words *lexicon) *Detector {
	d := &Detector{words: words, names: map[string]string{}, common: map[string][]int{}, letters: map[rune][]int{}}
	for line := range strings.Lines(languageWords) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		d.add(line)
	}
	return d
}

// add takes one language of languages.txt.
func (d *Detector) add(line string) {
	before, rest, _ := strings.Cut(line, "|")
	words, letters, _ := strings.Cut(rest, "|")
	names := strings.Fields(before)
	language := len(d.codes)
	d.codes = append(d.codes, names[0])
	for _, name := range names {
		d.names[name] = names[0]
	}
	for _, word := range strings.Fields(words) {
		if known := d.common[word]; !slices.Contains(known, language) {
			d.common[word] = append(known, language)
		}
	}
	for _, letter := range strings.TrimSpace(letters) {
		d.letters[letter] = append(d.letters[letter], language)
	}
}

// Language returns the ISO 639-1 code of a title's language, empty when nothing tells it.
// Said is what its source calls the language: a name or code, in any case, as "English",
// "eng", "en" or "en-GB"; empty when it does not say. The source is believed unless the title
// contradicts: its letters are of a script that the language is not written in, or its commonest
// words are those of another. What a source says that is no language known here is returned in
// lower case.
//
// The evidence for a language is how many of the title's words are among its commonest, each
// divided by the number of languages that it is common in, and half for each letter that hardly
// occurs elsewhere; for English also half for each word of the word lists.
func (d *Detector) Language(title, said string) string {
	said = d.code(said)
	if script := scriptOf(title); script != "" {
		if said == "" || said == english {
			return script
		}
		return said
	}
	first, most, second, ofSaid := d.evidence(title, said)
	switch {
	case said == "" && most >= telling && second <= atMostRunnerUp*most:
		return first
	case said != "" && first != said && most >= contrary && ofSaid <= atMostSaid*most && second <= atMostRunnerUp*most:
		return first
	}
	return said
}

// code returns the ISO 639-1 code of a language's name or tag.
func (d *Detector) code(said string) string {
	said = strings.ToLower(strings.TrimSpace(said))
	base, _, _ := strings.Cut(strings.ReplaceAll(said, "_", "-"), "-")
	if code, ok := d.names[base]; ok {
		return code
	}
	return base
}

// evidence returns the language with the most evidence, how much it and the runner-up have,
// and how much the one has that the title is said to be in.
func (d *Detector) evidence(title, said string) (first string, most, second, ofSaid float64) {
	found := make([]float64, len(d.codes))
	words, _, _ := d.words.split(title)
	for _, word := range words {
		languages := d.common[word]
		if len(word) == 1 {
			continue
		}
		for _, language := range languages {
			found[language] += 1 / float64(len(languages))
		}
		if _, known := d.words.entries[word]; known && len(languages) == 0 {
			found[0] += knownTone // English stands first
		}
		for _, letter := range word {
			languages := d.letters[letter]
			for _, language := range languages {
				found[language] += rareLetter / float64(len(languages))
			}
		}
	}
	for language, evidence := range found {
		if d.codes[language] == said {
			ofSaid = evidence
		}
		switch {
		case evidence > most:
			first, most, second = d.codes[language], evidence, most
		case evidence > second:
			second = evidence
		}
	}
	return first, most, second, ofSaid
}

// scriptOf returns the language that most texts of a title's script are in, when most of its
// letters are of another script than the Latin; else nothing.
func scriptOf(title string) string {
	scripts := [...]struct {
		table *unicode.RangeTable
		code  string
	}{
		{unicode.Han, "zh"}, {unicode.Hiragana, "ja"}, {unicode.Katakana, "ja"}, {unicode.Hangul, "ko"}, {unicode.Cyrillic, "ru"}, {unicode.Arabic, "ar"},
		{unicode.Greek, "el"}, {unicode.Hebrew, "he"}, {unicode.Thai, "th"}, {unicode.Devanagari, "hi"}, {unicode.Bengali, "bn"}, {unicode.Tamil, "ta"},
		{unicode.Telugu, "te"}, {unicode.Georgian, "ka"}, {unicode.Armenian, "hy"}, {unicode.Gujarati, "gu"}, {unicode.Kannada, "kn"},
		{unicode.Malayalam, "ml"}, {unicode.Gurmukhi, "pa"}, {unicode.Sinhala, "si"}, {unicode.Khmer, "km"}, {unicode.Myanmar, "my"}, {unicode.Ethiopic, "am"},
	}
	var counts [len(scripts)]int
	letters := 0
	for _, r := range title {
		if !unicode.IsLetter(r) {
			continue
		}
		letters++
		if r < 0x370 { // Latin and its marks
			continue
		}
		for i, s := range scripts {
			if unicode.Is(s.table, r) {
				counts[i]++
				break
			}
		}
	}
	best, all := 0, 0
	for i, n := range counts {
		all += n
		if n > counts[best] {
			best = i
		}
	}
	if 2*all <= letters {
		return ""
	}
	// Japanese is written with Chinese characters between its own.
	if scripts[best].code == "zh" && 10*(counts[1]+counts[2]) > all {
		return "ja"
	}
	return scripts[best].code
}
