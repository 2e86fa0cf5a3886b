package gdelt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// stampLayout is how the DOC API writes an instant, in UTC.
const stampLayout = "20060102T150405Z"

// Article is one entry of an ArtList answer, strings as the service sent them.
type Article struct {
	URL           string
	MobileURL     string
	Title         string
	SeenAt        time.Time // when GDELT saw it, rounded to its 15-minute batch
	Image         string
	Domain        string
	Language      string // English name, may be empty
	SourceCountry string // English name of the outlet's country, may be empty or wrong
}

// Reject is one item of an answer that was refused.
type Reject struct {
	Item   int // 1-based position in the answer
	Reason string
	Raw    string // the item's text, always valid UTF-8
}

// ArtList is what one ArtList answer held. Every item of the answer is either an
// article or a reject.
type ArtList struct {
	Articles []Article
	Rejects  []Reject
	Repairs  Repairs
	// Truncated is true when the body ended inside an item: more articles may exist.
	Truncated bool
}

// Items returns how many items the answer held.
func (l ArtList) Items() int { return len(l.Articles) + len(l.Rejects) }

// ParseArtList reads an ArtList answer. A body that is no list at all is an
// *AnswerError; broken items inside a list are rejects, and the others are kept.
func ParseArtList(body []byte) (ArtList, error) {
	list := ArtList{}
	body, list.Repairs = trimBOM(body)
	if err := checkBody(body); err != nil {
		return ArtList{}, err
	}
	mended, repairs := repair(body)
	items, found, err := splitArticles(mended)
	if err != nil {
		return cutArticles(body, list.Repairs)
	}
	list.Repairs.add(repairs)
	if !found {
		return list, checkEmptyObject(mended)
	}
	for i, item := range items {
		list.addItem(i+1, item, item)
	}
	return list, nil
}

// splitArticles returns the raw items of a body that is sound JSON; found is false
// when there is no articles key.
func splitArticles(body []byte) (items []json.RawMessage, found bool, err error) {
	var answer struct {
		Articles *[]json.RawMessage `json:"articles"`
	}
	var shape *json.UnmarshalTypeError
	if err := json.Unmarshal(body, &answer); errors.As(err, &shape) {
		return nil, false, nil
	} else if err != nil {
		return nil, false, err
	}
	if answer.Articles == nil {
		return nil, false, nil
	}
	return *answer.Articles, true, nil
}

// checkEmptyObject accepts {}, which is how no result is said; any other JSON without
// a list of articles is a form that this decoder does not know.
func checkEmptyObject(body []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err == nil && len(fields) == 0 {
		return nil
	}
	return &AnswerError{Kind: Unknown, Text: "JSON without a list of articles: " + start(body)}
}

// An item begins where an object opens with its url, after the list's bracket or the
// item before it. Titles cannot hold this text unbroken.
var itemStart = regexp.MustCompile(`[\[}][\s,]*\{\s*"url"\s*:`)

// cutArticles reads a body that is not sound JSON: it cuts the list at the items'
// beginnings and reads each piece for itself.
func cutArticles(body []byte, repairs Repairs) (ArtList, error) {
	starts := itemStart.FindAllIndex(body, -1)
	if len(starts) == 0 {
		return ArtList{}, &AnswerError{Kind: Unavailable, Text: "broken JSON without a list of articles: " + start(body)}
	}
	list := ArtList{Repairs: repairs}
	for i, at := range starts {
		from := at[0] + bytes.IndexByte(body[at[0]:], '{')
		to := len(body)
		if i+1 < len(starts) {
			to = starts[i+1][0] + 1
		}
		last := i+1 == len(starts)
		piece := body[from:to]
		if last {
			piece, list.Truncated = trimListEnd(piece)
		}
		mended, done := repair(piece)
		list.Repairs.add(done)
		list.addItem(i+1, mended, piece)
	}
	return list, nil
}

// trimListEnd takes the list's own end (] }) off its last item, and reports whether it
// was missing.
func trimListEnd(piece []byte) (item []byte, truncated bool) {
	item = bytes.TrimRight(piece, " \t\r\n")
	for _, mark := range []string{"}", "]"} {
		rest, ok := bytes.CutSuffix(item, []byte(mark))
		if !ok {
			return piece, true
		}
		item = bytes.TrimRight(rest, " \t\r\n")
	}
	return item, false
}

func (l *ArtList) addItem(number int, mended, raw []byte) {
	article, err := parseArticle(mended)
	if err != nil {
		l.Rejects = append(l.Rejects, Reject{Item: number, Reason: err.Error(), Raw: clip(raw, maxRaw)})
		return
	}
	l.Articles = append(l.Articles, article)
}

func parseArticle(item []byte) (Article, error) {
	var raw struct {
		URL           string `json:"url"`
		URLMobile     string `json:"url_mobile"`
		Title         string `json:"title"`
		SeenDate      string `json:"seendate"`
		SocialImage   string `json:"socialimage"`
		Domain        string `json:"domain"`
		Language      string `json:"language"`
		SourceCountry string `json:"sourcecountry"`
	}
	if err := json.Unmarshal(item, &raw); err != nil {
		return Article{}, fmt.Errorf("read article: %w", err)
	}
	link, err := url.Parse(raw.URL)
	if err != nil {
		return Article{}, fmt.Errorf("read article url: %w", err)
	}
	if (link.Scheme != "http" && link.Scheme != "https") || link.Host == "" {
		return Article{}, fmt.Errorf("read article url %q: want an absolute http or https address", raw.URL)
	}
	seen, err := time.Parse(stampLayout, raw.SeenDate)
	if err != nil {
		return Article{}, fmt.Errorf("read article seendate %q: want YYYYMMDDTHHMMSSZ", raw.SeenDate)
	}
	domain := raw.Domain
	if domain == "" {
		domain = strings.TrimPrefix(link.Hostname(), "www.")
	}
	return Article{
		URL: raw.URL, MobileURL: raw.URLMobile, Title: raw.Title, SeenAt: seen, Image: raw.SocialImage,
		Domain: plain(domain), Language: plain(raw.Language), SourceCountry: plain(raw.SourceCountry),
	}, nil
}

// plain drops control characters; an escaped NUL is sound JSON, but no text that a database takes.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}
