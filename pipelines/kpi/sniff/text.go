package sniff

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/signalcraft/signalcraft/pipelines/kpi"
)

// encoding finds out the encoding of a text by its first bytes.
func (l *look) encoding(head []byte) {
	f := l.found
	if l.choices.Encoding != "" {
		f.Encoding = l.choices.Encoding
		return
	}
	cut := head
	if !l.table.whole {
		for i := 0; i < utf8.UTFMax && len(cut) > 0 && !utf8.Valid(cut); i++ {
			cut = cut[:len(cut)-1] // a character may be cut off at the end
		}
	}
	even, odd := zeros(head)
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		f.Encoding = kpi.UTF16LE
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		f.Encoding = kpi.UTF16BE
	case odd > len(head)/8 && even < odd/16:
		f.Encoding = kpi.UTF16LE
	case even > len(head)/8 && odd < even/16:
		f.Encoding = kpi.UTF16BE
	case utf8.Valid(cut):
		f.Encoding = kpi.UTF8
	default:
		f.Encoding = kpi.Windows1252
		f.ask(FieldEncoding, "some bytes are not UTF-8",
			Choice{kpi.Windows1252, "western European, as older Windows programs write: " + exotic(head)},
			Choice{kpi.UTF8, "lines with such bytes are refused"})
	}
}

// zeros counts the zero bytes at even and odd places of the first bytes.
func zeros(head []byte) (even, odd int) {
	for i, b := range head[:min(len(head), 4096)] {
		if b == 0 && i%2 == 0 {
			even++
		}
		if b == 0 && i%2 == 1 {
			odd++
		}
	}
	scale := max(len(head)/4096, 1)
	return even * scale, odd * scale
}

// exotic shows the first word that is not UTF-8 as Windows-1252.
func exotic(head []byte) string {
	for word := range bytes.FieldsFuncSeq(head, func(r rune) bool { return r <= ' ' || strings.ContainsRune(",;|\"", r) }) {
		if !utf8.Valid(word) && len(word) < 64 {
			shown, err := decoded(word, kpi.Windows1252)
			if err == nil {
				return shown
			}
		}
	}
	return "see the sample"
}

func decoded(raw []byte, encoding string) (string, error) {
	reader, err := kpi.Text(bytes.NewReader(raw), encoding, 4*headBytes)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(reader)
	return string(text), err
}

// decode returns the lines of a piece of the text.
func (l *look) decode(raw []byte) ([]string, error) {
	plain, err := decoded(raw, l.found.Encoding)
	if err != nil {
		return nil, err
	}
	// A damaged line may hold a zero byte; a file of another kind is full of them.
	if beginning := plain[:min(len(plain), 4096)]; strings.Count(beginning, "\x00") > len(beginning)/100+1 {
		return nil, errors.New("this is not a text file, nor a workbook or Parquet file")
	}
	lines := strings.Split(plain, "\n")
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\r")
	}
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines, nil
}

// gridRow is a row of a sheet, or a line that was split.
type gridRow struct {
	number int
	fields []string
	kinds  []cellKind // nil: all text
}

// dialect is one way to split the lines.
type dialect struct {
	delimiter string
	fields    int // of most lines
	share     float64
	header    int // the first line with so many fields, counted from 1
}

// delimited finds out the delimiter and makes the table.
func (l *look) delimited(head, all []string) error {
	best, rivals := l.delimiter(head)
	if best.delimiter == "" {
		return errors.New("no delimiter splits the lines into columns: want a comma, a semicolon, a tab or a bar")
	}
	l.found.Delimiter = best.delimiter
	if len(rivals) > 0 {
		var choices []Choice
		for _, d := range append([]dialect{best}, rivals...) {
			choices = append(choices, Choice{d.delimiter, fmt.Sprintf("%d columns", d.fields)})
		}
		l.found.ask(FieldDelimiter, "the lines can be split in several ways", choices...)
	}
	split := func(lines []string) []gridRow {
		var grid []gridRow
		for i, line := range lines {
			if fields, reason := kpi.Split([]byte(line), best.delimiter[0]); reason == "" && strings.TrimSpace(line) != "" {
				grid = append(grid, gridRow{number: i + 1, fields: fields})
			}
		}
		return grid
	}
	return l.grid(split(head), split(all))
}

// delimiter returns the dialect that fits best, and those that fit as well.
func (l *look) delimiter(lines []string) (best dialect, rivals []dialect) {
	lines = lines[:min(len(lines), 2000)]
	var found []dialect
	for _, delimiter := range []string{",", ";", "\t", "|"} {
		if l.choices.Delimiter != "" && l.choices.Delimiter != delimiter {
			continue
		}
		if d := tryDelimiter(lines, delimiter); d.fields > 1 {
			found = append(found, d)
		}
	}
	for _, d := range found {
		switch {
		case best.delimiter == "" || d.score() > best.score()+0.05:
			best, rivals = d, nil
		case d.score() > best.score()-0.05 && d.delimiter != best.delimiter:
			rivals = append(rivals, d)
		}
	}
	return best, rivals
}

// score prefers what splits most lines alike, and the header too.
func (d dialect) score() float64 {
	if d.header == 1 {
		return d.share + 0.5
	}
	return d.share
}

func tryDelimiter(lines []string, delimiter string) dialect {
	counts := make([]int, len(lines))
	votes := map[int]int{}
	full := 0
	for i, line := range lines {
		if strings.TrimSpace(line) == "" {
			continue
		}
		full++
		if fields, reason := kpi.Split([]byte(line), delimiter[0]); reason == "" {
			counts[i] = len(fields)
			votes[len(fields)]++
		}
	}
	d := dialect{delimiter: delimiter}
	for fields, n := range votes {
		if fields > 1 && (n > votes[d.fields] || n == votes[d.fields] && fields > d.fields || d.fields == 0) {
			d.fields = fields
		}
	}
	if d.fields > 0 {
		d.share = float64(votes[d.fields]) / float64(full)
		d.header = slices.Index(counts, d.fields) + 1
	}
	return d
}

// grid makes the table of rows: it finds the header in the head and takes the rows of its width from all.
func (l *look) grid(head, all []gridRow) error {
	if len(head) == 0 {
		return errors.New("the file holds no row")
	}
	at, err := l.header(head)
	if err != nil {
		return err
	}
	width := len(head[at].fields)
	for i, name := range head[at].fields {
		name = strings.TrimSpace(name)
		if l.found.Header < 0 {
			name = kpi.ColumnName(i)
		}
		l.table.columns = append(l.table.columns, name)
	}
	first := at + 1
	if l.found.Header < 0 {
		first = at
	}
	typed := head[at].kinds != nil
	for i, row := range all {
		if i < first || len(row.fields) != width && !typed || len(row.fields) > width {
			continue
		}
		if len(l.table.rows) == sampleRows {
			break
		}
		l.table.rows = append(l.table.rows, append(row.fields, make([]string, width-len(row.fields))...))
		if typed {
			l.table.kinds = append(l.table.kinds, append(row.kinds, make([]cellKind, width-len(row.kinds))...))
		}
	}
	l.found.Rows = max(l.found.Rows-int64(first), 0)
	if len(l.table.rows) == 0 {
		return errors.New("there is no row below the header")
	}
	return nil
}

// header finds the row that names the columns: the first with as many fields as most, unless it is data itself.
func (l *look) header(head []gridRow) (int, error) {
	if l.choices.Header != 0 {
		if l.choices.Header < 0 {
			return 0, nil
		}
		for i, row := range head {
			if row.number == l.choices.Header {
				return i, nil
			}
		}
		return 0, &Fault{"header_row", fmt.Sprintf("there is no row %d that could be the header", l.choices.Header)}
	}
	votes := map[int]int{}
	for _, row := range head[:min(len(head), 2000)] {
		votes[len(row.fields)]++
	}
	usual := 0
	for fields, n := range votes {
		if n > votes[usual] || n == votes[usual] && fields > usual {
			usual = fields
		}
	}
	for i, row := range head {
		if len(row.fields) < usual || row.kinds == nil && len(row.fields) != usual {
			continue
		}
		if i == 0 && isData(row) {
			l.found.Header = -1
			return 0, nil
		}
		l.found.Header = row.number
		return i, nil
	}
	return 0, errors.New("the file has no header")
}

// isData reports whether a row holds a time and a number, as no header does.
func isData(row gridRow) bool {
	times, numbers := 0, 0
	for i, field := range row.fields {
		field = strings.TrimSpace(field)
		switch {
		case row.kinds != nil && row.kinds[i] == moment, isTime(field):
			times++
		case isNumber(field):
			numbers++
		}
	}
	return times > 0 && numbers > 0
}
