package gdelt

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
)

// countryTable has one line for each country: ISO 3166-1 alpha-2 code, FIPS 10-4
// code, and the English names that GDELT is known to use, divided by |.
//
//go:embed countries.tsv
var countryTable string

// languageTable has one line for each language: ISO 639-1 code and English name.
//
//go:embed languages.tsv
var languageTable string

type codes struct {
	fromFIPS, fromCountry, fromLanguage map[string]string
}

var tables = sync.OnceValue(func() codes {
	c := codes{map[string]string{}, map[string]string{}, map[string]string{}}
	for line := range strings.Lines(countryTable) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		c.fromFIPS[fields[1]] = fields[0]
		for name := range strings.SplitSeq(fields[2], "|") {
			c.fromCountry[nameKey(name)] = fields[0]
		}
	}
	for line := range strings.Lines(languageTable) {
		code, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		c.fromLanguage[nameKey(name)] = code
	}
	return c
})

// CountryFromFIPS returns the ISO 3166-1 alpha-2 code of a FIPS 10-4 country code, and
// whether the table knows it. GDELT's files use FIPS, where GM is Germany and CH China.
func CountryFromFIPS(fips string) (iso string, ok bool) {
	iso, ok = tables().fromFIPS[fips]
	return iso, ok
}

// Country returns what a DOC API sourcecountry means: the ISO 3166-1 alpha-2 code
// where the name is known, the name itself where it is not, null where it is empty.
func Country(name string) *string { return lookup(tables().fromCountry, name) }

// Language returns what a DOC API language means: the ISO 639-1 code where the name is
// known, the name itself where it is not, null where it is empty.
func Language(name string) *string { return lookup(tables().fromLanguage, name) }

func lookup(table map[string]string, name string) *string {
	name = strings.TrimSpace(name)
	if name == "" {
		return nil
	}
	if code, ok := table[nameKey(name)]; ok {
		return &code
	}
	return &name
}

// nameKey drops case, blanks and punctuation, because the operator spelling
// (unitedkingdom) and the answer's (United Kingdom) name one country.
func nameKey(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}
