package main

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// item is one article before it is written.
type item struct {
	url, title, domain, language, country string
	seen                                  time.Time
	how                                   tone
}

// news makes GDELT's article lists, one for each business's query.
func news() ([]answer, error) {
	var answers []answer
	for _, t := range topics() {
		asked := url.Values{"query": {t.query}, "mode": {"ArtList"}, "format": {"json"}, "startdatetime": {"*"}, "enddatetime": {"*"}}
		answers = append(answers, answer{"gdelt/artlist-" + t.name + ".json", "https://api.gdeltproject.org/api/v2/doc/doc?" + asked.Encode(), t.body()})
	}
	return answers, nil
}

// body writes the list as the service does, on one line with its blanks, and with the
// faults that the service has: see faults.
func (t topic) body() []byte {
	items, next := t.items()
	var entries []string
	for _, a := range items {
		entries = append(entries, a.entry(escape(tokenise(a.title))))
	}
	for i, fault := range faults(next) {
		at := (i + 1) * len(entries) / 8
		entries = append(entries[:at], append([]string{fault}, entries[at:]...)...)
	}
	return []byte(`{"articles": [ ` + strings.Join(entries, ", ") + " ] }\n")
}

// items are the articles in the list's order, and the one that would come next.
func (t topic) items() (items []item, next item) {
	random := seeded("news " + t.name)
	for i := range t.articles {
		a := t.item(random, i)
		items = append(items, a)
		// The same story stands on several sites of one publisher.
		if i%17 == 16 {
			a.url, a.domain = strings.Replace(a.url, a.domain, "m."+a.domain, 1), "m."+a.domain
			items = append(items, a)
		}
	}
	return items, t.item(random, t.articles)
}

// faults returns entries that the service spoils: two that can be mended, a backslash
// that begins no escape and a raw control byte, and four that cannot, raw quotes, no
// address, no date, and a number where the title should be.
func faults(a item) []string {
	plain := escape(tokenise(a.title))
	entry := func(n int, title string) string {
		b := a
		b.url = fmt.Sprintf("%s-%d", a.url, n)
		return b.entry(title)
	}
	noAddress, noDate := a, entry(4, plain)
	noAddress.url = ""
	return []string{
		entry(1, plain+` \' update \'`),
		entry(2, plain+"\x1f live"),
		entry(3, `"Very concerned" `+plain),
		noAddress.entry(plain),
		strings.Replace(noDate, a.seen.Format("20060102T150405Z"), "", 1),
		strings.Replace(entry(5, "%"), `"%"`, "404", 1),
	}
}

func (a item) entry(title string) string {
	return fmt.Sprintf(`{ "url": "%s", "url_mobile": "", "title": "%s", "seendate": "%s", "socialimage": "", "domain": "%s", "language": "%s", "sourcecountry": "%s" }`,
		a.url, title, a.seen.Format("20060102T150405Z"), a.domain, a.language, a.country)
}

// item makes one article, seen in the ninety days before the as-of instant.
func (t topic) item(random *rand.Rand, number int) item {
	seen := asOf().Add(-time.Duration(1+random.IntN(90*24*4-1)) * 15 * time.Minute)
	how := tone(random.IntN(3))
	if random.IntN(4) == 0 && len(t.periods) > 0 {
		p := t.periods[random.IntN(len(t.periods))]
		seen, how = p.instant(random), p.tone
	}
	v := t.voice(random)
	s := v.sites[random.IntN(len(v.sites))]
	patterns := v.patterns[how]
	title := fmt.Sprintf(patterns[random.IntN(len(patterns))], v.subjects[random.IntN(len(v.subjects))], v.places[random.IntN(len(v.places))])
	first, size := utf8.DecodeRuneInString(title)
	title = string(unicode.ToUpper(first)) + title[size:]
	return item{
		url: fmt.Sprintf("https://%s/%s/%s-%d", s.domain, seen.Format("2006/01/02"), t.name, 10000+7*number), title: title,
		domain: strings.TrimPrefix(s.domain, "www."), language: v.language, country: s.country, seen: seen, how: how,
	}
}

func (t topic) voice(random *rand.Rand) voice {
	at := random.IntN(100)
	for _, v := range t.voices {
		if at -= v.weight; at < 0 {
			return v
		}
	}
	return t.voices[len(t.voices)-1]
}

// instant returns one of the period's quarters of an hour.
func (p period) instant(random *rand.Rand) time.Time {
	from, fromErr := time.Parse(time.DateOnly, p.from)
	to, toErr := time.Parse(time.DateOnly, p.to)
	if fromErr != nil || toErr != nil {
		panic("period " + p.from + " to " + p.to + " is not two days")
	}
	quarters := int(to.AddDate(0, 0, 1).Sub(from) / (15 * time.Minute))
	return from.Add(time.Duration(random.IntN(quarters)) * 15 * time.Minute)
}

// tokenise does to a title what the service's tokeniser does: blanks around
// punctuation, and letters whose UTF-8 form holds the byte A0 become a blank.
func tokenise(title string) string {
	title = strings.NewReplacer(",", " , ", ":", " : ", "?", " ? ", "!", " ! ", "à", " ", "Р", " ").Replace(title)
	return strings.ReplaceAll(title, "  :", " :")
}

// escape makes text fit between JSON quotes.
func escape(text string) string { return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) }
