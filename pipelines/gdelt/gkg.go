package gdelt

import (
	"fmt"
	"html"
	"strings"
	"time"
)

const gkgColumns = 27 // of GKG 2.1

// GKGRecord is one article of a gkg.csv file. The GCAM column, two thirds of the
// bytes, is not read.
type GKGRecord struct {
	ID        string // with "-T" for a machine-translated article
	At        time.Time
	Domain    string
	URL       string
	Themes    []string
	Locations []Place // of V1LOCATIONS; a block that does not read is left out and counted
	// BadLocations is how many location blocks had a wrong form.
	BadLocations int
	Tone         Tone
	// SourceLanguage is the ISO 639-2 code of a translated article; empty otherwise.
	SourceLanguage string
	Title          string // character references resolved; empty when the page gave none
}

// Tone is GKG's measure of an article. Average = Positive - Negative, -100 to 100.
type Tone struct {
	Average, Positive, Negative, Polarity, Activity, SelfGroup float64
	Words                                                      int64
}

// ParseGKG reads an unpacked gkg.csv file; every line is a record or a reject.
func ParseGKG(data []byte) ([]GKGRecord, []Reject) {
	var records []GKGRecord
	rejects := eachLine(data, gkgColumns, func(f []string) error {
		var n numbers
		r := GKGRecord{
			ID: f[0], At: n.stamp("V2.1DATE", batchLayout, f[1]), Domain: f[3], URL: f[4], Themes: list(f[7]),
			SourceLanguage: translatedFrom(f[25]), Title: strings.TrimSpace(html.UnescapeString(between(f[26], "<PAGE_TITLE>", "</PAGE_TITLE>"))),
		}
		if n.err != nil {
			return n.err
		}
		var err error
		if r.Tone, err = parseTone(f[15]); err != nil {
			return err
		}
		for _, block := range list(f[9]) {
			place, err := parseLocation(block)
			if err != nil {
				r.BadLocations++
				continue
			}
			r.Locations = append(r.Locations, *place)
		}
		records = append(records, r)
		return nil
	})
	return records, rejects
}

func parseTone(text string) (Tone, error) {
	f := strings.Split(text, ",")
	if len(f) < 7 {
		return Tone{}, fmt.Errorf("read V1.5TONE %q: %d numbers, want 7", text, len(f))
	}
	var n numbers
	var v [6]float64
	for i := range v {
		if p := n.float("V1.5TONE", f[i]); p != nil {
			v[i] = *p
		}
	}
	tone := Tone{v[0], v[1], v[2], v[3], v[4], v[5], n.int("V1.5TONE words", f[6])}
	return tone, n.err
}

// parseLocation reads Type#FullName#CountryCode#ADM1#Lat#Long#FeatureID. A block with
// another number of fields is refused: a stray # moves the coordinates.
func parseLocation(block string) (*Place, error) {
	f := strings.Split(block, "#")
	if len(f) != 7 {
		return nil, fmt.Errorf("read location %q: %d fields, want 7", block, len(f))
	}
	var n numbers
	p := newPlace(n.int("location type", f[0]), f[1], f[2], n.float("latitude", f[4]), n.float("longitude", f[5]), f[6])
	return p, n.err
}

func list(text string) []string {
	var items []string
	for item := range strings.SplitSeq(text, ";") {
		if item != "" {
			items = append(items, item)
		}
	}
	return items
}

// translatedFrom reads "srclc:cat;eng:GT-CAT 1.0".
func translatedFrom(info string) string {
	for _, item := range list(info) {
		if code, ok := strings.CutPrefix(item, "srclc:"); ok {
			return code
		}
	}
	return ""
}

// between returns the text between two marks, empty when either is missing. The XML
// column has no root element, so an XML reader refuses it.
func between(text, open, end string) string {
	_, rest, ok := strings.Cut(text, open)
	if !ok {
		return ""
	}
	inner, _, ok := strings.Cut(rest, end)
	if !ok {
		return ""
	}
	return inner
}
