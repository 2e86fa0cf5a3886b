package sniff

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/signalcraft/signalcraft/pipelines/kpi"
	"github.com/signalcraft/signalcraft/pipelines/kpi/columnar"
	"github.com/signalcraft/signalcraft/pipelines/kpi/sheet"
)

// Bounds of what is looked at.
const (
	headBytes   = 1 << 20 // from the beginning
	chunks      = 16      // further pieces, spread over the file
	chunkBytes  = 64 << 10
	sampleRows  = 20_000
	maxExamples = 3
	sampleBytes = 2 << 20 // of typed formats
)

// cellKind says what a cell is by its type.
type cellKind byte

const (
	text cellKind = iota
	number
	moment
)

// table is the sample as rows of texts.
type table struct {
	columns []string
	rows    [][]string
	kinds   [][]cellKind // nil: all text
	whole   bool         // the sample is the whole file
	zoned   map[int]bool // columns of moments that carry an offset
}

// column returns the index of the column with a name, -1 when there is none.
func (t *table) column(name string) int { return slices.Index(t.columns, name) }

// values calls visit with the texts of a column that are not empty.
func (t *table) values(column int, visit func(text string, kind cellKind)) {
	for i, row := range t.rows {
		if value := strings.TrimSpace(row[column]); value != "" {
			kind := text
			if t.kinds != nil {
				kind = t.kinds[i][column]
			}
			visit(value, kind)
		}
	}
}

// sample finds out the format and reads the sample.
func (l *look) sample() error {
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		return errors.New("the file is empty")
	}
	head := make([]byte, min(info.Size(), 8))
	if _, err := l.file.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	format := l.choices.Format
	switch {
	case format != "":
	case bytes.HasPrefix(head, []byte("PAR1")), bytes.HasPrefix(head, []byte("PARE")):
		format = kpi.Parquet
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0")):
		format = kpi.Excel
	}
	l.found.Format = format
	switch format {
	case kpi.Parquet:
		return l.sampleParquet(info.Size())
	case kpi.Excel:
		return l.sampleWorkbook(info.Size())
	}
	return l.sampleText(info.Size())
}

// sampleText reads the head of a text, and pieces of the rest where it can be read anywhere.
func (l *look) sampleText(size int64) error {
	packed := &section{file: l.file, size: size}
	head, compressed, err := readHead(packed)
	if err != nil {
		return err
	}
	if compressed {
		l.found.Compression = "gzip"
	}
	l.table.whole = len(head) < headBytes
	l.encoding(head)
	lines, err := l.decode(head)
	if err != nil {
		return err
	}
	if !l.table.whole && len(lines) > 1 {
		lines = lines[:len(lines)-1] // its end may lie beyond
	}
	if len(lines) == 0 {
		return errors.New("the file holds no line of text")
	}
	if l.found.Format == "" {
		l.found.Format = kpi.Delimited
		if reason := kpi.EachMember([]byte(firstFull(lines)), func(string, json.RawMessage) string { return "" }); reason == "" {
			l.found.Format = kpi.JSONLines
		}
	}
	l.countRows(size, packed.at, len(head), len(lines), compressed)
	more := lines
	if !l.table.whole && !compressed && (l.found.Encoding == kpi.UTF8 || l.found.Encoding == kpi.Windows1252) {
		if more, err = l.further(lines, size); err != nil {
			return err
		}
	}
	if l.found.Format == kpi.JSONLines {
		return l.objects(more)
	}
	return l.delimited(lines, more)
}

func firstFull(lines []string) string {
	for _, line := range lines {
		if strings.TrimSpace(line) != "" {
			return line
		}
	}
	return ""
}

// countRows estimates the number of rows from the lines of the head.
func (l *look) countRows(size, packed int64, head, lines int, compressed bool) {
	l.found.Rows, l.found.RowsExact = int64(lines), l.table.whole
	if l.table.whole || head == 0 {
		return
	}
	if !compressed {
		l.found.Rows = size * int64(lines) / int64(head)
	} else if packed > 0 {
		l.found.Rows = size * int64(lines) / packed
	}
}

// section reads a file from its beginning and knows how far.
type section struct {
	file     io.ReaderAt
	at, size int64
}

// Read reads.
func (s *section) Read(p []byte) (int, error) {
	if s.at >= s.size {
		return 0, io.EOF
	}
	n, err := s.file.ReadAt(p[:min(int64(len(p)), s.size-s.at)], s.at)
	s.at += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

// readHead reads the first bytes, unpacked. That gzip is damaged further on is not its concern.
func readHead(packed *section) (head []byte, compressed bool, err error) {
	magic := make([]byte, 2)
	if n, _ := packed.file.ReadAt(magic, 0); n == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		unpacked, err := gzip.NewReader(packed)
		if err != nil {
			return nil, true, fmt.Errorf("unpack gzip: %w", err)
		}
		head, err = io.ReadAll(io.LimitReader(unpacked, headBytes))
		if err != nil && len(head) == 0 {
			return nil, true, fmt.Errorf("unpack gzip: %w", err)
		}
		return head, true, nil
	}
	head, err = io.ReadAll(io.LimitReader(packed, headBytes))
	return head, false, err
}

// further returns the lines and those of pieces of the rest of the file.
func (l *look) further(lines []string, size int64) ([]string, error) {
	all := slices.Clone(lines)
	for i := range int64(chunks) {
		at := headBytes + (size-headBytes-chunkBytes)*i/(chunks-1)
		if at < headBytes {
			break
		}
		piece := make([]byte, chunkBytes)
		n, err := l.file.ReadAt(piece, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		some, err := l.decode(piece[:n])
		if err != nil {
			return nil, err
		}
		if len(some) > 2 {
			all = append(all, some[1:len(some)-1]...) // what is cut off at either end
		}
	}
	return all, nil
}

// objects makes the table of JSON lines: its columns are the members, in the order in which they first appear.
func (l *look) objects(lines []string) error {
	at := map[string]int{}
	for i, line := range lines {
		if len(l.table.rows) == sampleRows {
			break
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		row, kinds := make([]string, len(l.table.columns)), make([]cellKind, len(l.table.columns))
		reason := kpi.EachMember([]byte(line), func(name string, value json.RawMessage) string {
			column, known := at[name]
			if !known {
				column = len(l.table.columns)
				at[name] = column
				l.table.columns = append(l.table.columns, name)
				row, kinds = append(row, ""), append(kinds, text)
			}
			row[column], kinds[column] = member(value)
			return ""
		})
		if reason != "" {
			if i == 0 {
				return errors.New("line 1 " + strings.TrimPrefix(reason, "the line "))
			}
			continue
		}
		l.table.rows, l.table.kinds = append(l.table.rows, row), append(l.table.kinds, kinds)
	}
	if len(l.table.columns) == 0 {
		return errors.New("the objects have no members")
	}
	for i := range l.table.rows {
		missing := len(l.table.columns) - len(l.table.rows[i])
		l.table.rows[i] = append(l.table.rows[i], make([]string, missing)...)
		l.table.kinds[i] = append(l.table.kinds[i], make([]cellKind, missing)...)
	}
	return nil
}

func member(value json.RawMessage) (string, cellKind) {
	switch value[0] {
	case '"':
		var plain string
		_ = json.Unmarshal(value, &plain) // the line is valid JSON
		return plain, text
	case 'n', '{', '[':
		return "", text
	case 't', 'f':
		return string(value), text
	}
	return string(value), number
}

// sampleWorkbook reads the first rows of a sheet.
func (l *look) sampleWorkbook(size int64) error {
	book, err := sheet.Open(l.file, size)
	if err != nil {
		return err
	}
	for _, s := range book.Sheets {
		if !s.Hidden {
			l.found.Sheets = append(l.found.Sheets, s.Name)
		}
	}
	if len(l.found.Sheets) == 0 {
		return errors.New("every sheet of the workbook is hidden")
	}
	l.found.Sheet = l.choices.Sheet
	if l.found.Sheet == "" {
		l.found.Sheet = l.found.Sheets[0]
		if len(l.found.Sheets) > 1 {
			var choices []Choice
			for _, name := range l.found.Sheets {
				choices = append(choices, Choice{Value: name, Means: "read the sheet " + name})
			}
			l.found.ask(FieldSheet, "the workbook has several sheets; one is read", choices...)
		}
	}
	rows, err := book.Rows(l.found.Sheet)
	if err != nil {
		return err
	}
	defer rows.Close()
	var grid []gridRow
	for bytes := 0; bytes < sampleBytes && len(grid) < sampleRows; {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			l.table.whole = true
			break
		}
		if err != nil {
			return err
		}
		line := gridRow{number: row.Number}
		for _, c := range row.Cells {
			kind := text
			switch c.Kind {
			case sheet.Number:
				kind = number
			case sheet.Time:
				kind = moment
			}
			line.fields, line.kinds = append(line.fields, c.Text), append(line.kinds, kind)
			bytes += len(c.Text) + 8
		}
		if len(line.fields) > 0 {
			grid = append(grid, line)
		}
	}
	l.found.Rows, l.found.RowsExact = int64(len(grid)), l.table.whole
	if !l.table.whole {
		l.found.Rows = 0
	}
	return l.grid(grid, grid)
}

// sampleParquet reads the first rows.
func (l *look) sampleParquet(size int64) error {
	file, err := columnar.Open(l.file, size)
	if err != nil {
		return err
	}
	l.table.zoned = map[int]bool{}
	for _, c := range file.Columns {
		if c.Problem == "" && len(l.table.columns) < 500 {
			l.table.zoned[len(l.table.columns)] = c.Kind == columnar.Time && c.Zoned
			l.table.columns = append(l.table.columns, c.Name)
		}
	}
	if len(l.table.columns) == 0 {
		return errors.New("no column of the Parquet file can be read: they are nested or of other types")
	}
	bytes := 0
	err = file.Read(l.table.columns, func(_ int64, values []columnar.Value, _ string) error {
		row, kinds := make([]string, len(values)), make([]cellKind, len(values))
		for i, v := range values {
			row[i] = v.Text
			bytes += len(v.Text) + 8
			switch v.Kind {
			case columnar.Number:
				kinds[i] = number
			case columnar.Time:
				kinds[i] = moment
			}
		}
		l.table.rows, l.table.kinds = append(l.table.rows, row), append(l.table.kinds, kinds)
		if bytes > sampleBytes || len(l.table.rows) == sampleRows {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	l.table.whole = err == nil
	l.found.Rows, l.found.RowsExact = file.Rows, true
	return nil
}

var errEnough = errors.New("enough rows were read")
