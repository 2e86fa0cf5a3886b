// Package headlines reads public sets of texts whose tone is known, and says how well
// scores agree with them.
//
// Two formats: SEntFiN's headlines, where people gave each company that a headline names a
// tone, and the sentences rated by people that came with VADER. Either may be packed by gzip.
package headlines

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
)

const maxLine = 1 << 20 // bytes of a rated sentence's line

// Labelled is headlines with their tone: -1 negative, 0 neutral, 1 positive.
type Labelled struct {
	Titles []string
	Tones  []int
	// Mixed is how many headlines were left out because their companies have different tones,
	// and Unlabelled how many because none has a tone.
	Mixed, Unlabelled int
}

// Rated is texts with the mean rating of several people, from -4 (most negative) to 4.
type Rated struct {
	Texts   []string
	Ratings []float64
}

// decision finds the tones in the column Decisions: a Python dict, whose names of companies
// may hold quotes that make it unreadable as one.
var decision = regexp.MustCompile(`['"](positive|neutral|negative)['"]`)

// ReadLabelled reads SEntFiN's CSV file (Sinha, Kedas, Kumar and Malo 2022): a header with the
// columns Title and Decisions, the latter as {'company': 'positive', ...}. It keeps the
// headlines whose companies all have one tone. It refuses a file without those columns, one
// that is no CSV, and one that gives no headline.
func ReadLabelled(file io.Reader) (Labelled, error) {
	plain, err := unpacked(file)
	if err != nil {
		return Labelled{}, fmt.Errorf("read headlines: %w", err)
	}
	r := csv.NewReader(plain)
	header, err := r.Read()
	if err != nil {
		return Labelled{}, fmt.Errorf("read headlines: header: %w", orShort(err))
	}
	columns := map[string]int{}
	for i, name := range header {
		columns[strings.TrimPrefix(strings.TrimSpace(name), "\ufeff")] = i
	}
	title, hasTitle := columns["Title"]
	decisions, hasDecisions := columns["Decisions"]
	if !hasTitle || !hasDecisions {
		return Labelled{}, fmt.Errorf("read headlines: header %q: want columns Title and Decisions", header)
	}
	var l Labelled
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Labelled{}, fmt.Errorf("read headlines: %w", err)
		}
		l.add(row[title], row[decisions])
	}
	if len(l.Titles) == 0 {
		return Labelled{}, errors.New("read headlines: no headline with one tone")
	}
	return l, nil
}

func (l *Labelled) add(title, decisions string) {
	found := decision.FindAllStringSubmatch(decisions, -1)
	if len(found) == 0 {
		l.Unlabelled++
		return
	}
	for _, f := range found {
		if f[1] != found[0][1] {
			l.Mixed++
			return
		}
	}
	tone := map[string]int{"negative": -1, "neutral": 0, "positive": 1}[found[0][1]]
	l.Titles, l.Tones = append(l.Titles, title), append(l.Tones, tone)
}

// ReadRated reads VADER's ground truth files (Hutto and Gilbert 2014): lines of ID, mean
// rating and text, divided by tabs, without a header or quoting. It refuses a line of another
// form, a rating outside -4 to 4, and a file of fewer than two lines.
func ReadRated(file io.Reader) (Rated, error) {
	plain, err := unpacked(file)
	if err != nil {
		return Rated{}, fmt.Errorf("read ratings: %w", err)
	}
	var all Rated
	lines := bufio.NewScanner(plain)
	lines.Buffer(nil, maxLine)
	for number := 1; lines.Scan(); number++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		fields := strings.SplitN(lines.Text(), "\t", 3)
		if len(fields) < 3 {
			return Rated{}, fmt.Errorf("read ratings: line %d: %d fields divided by tabs, want ID, rating and text", number, len(fields))
		}
		rating, err := strconv.ParseFloat(strings.TrimSpace(fields[1]), 64)
		if err != nil || math.IsNaN(rating) || math.Abs(rating) > 4 {
			return Rated{}, fmt.Errorf("read ratings: line %d: rating %q: want a number from -4 to 4", number, fields[1])
		}
		all.Texts, all.Ratings = append(all.Texts, fields[2]), append(all.Ratings, rating)
	}
	if err := lines.Err(); err != nil {
		return Rated{}, fmt.Errorf("read ratings: %w", err)
	}
	if len(all.Texts) < 2 {
		return Rated{}, fmt.Errorf("read ratings: %d texts, want at least 2", len(all.Texts))
	}
	return all, nil
}

// unpacked returns what a file holds, unpacked when it begins like gzip.
func unpacked(file io.Reader) (io.Reader, error) {
	b := bufio.NewReader(file)
	start, err := b.Peek(2)
	if err != nil {
		return nil, orShort(err)
	}
	if start[0] != 0x1f || start[1] != 0x8b {
		return b, nil
	}
	return gzip.NewReader(b)
}

// orShort says in words that a file ended at once.
func orShort(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("the file is empty")
	}
	return err
}
