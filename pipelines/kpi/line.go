package kpi

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxLineBytes is the longest line that is read; a longer one is refused whole.
const maxLineBytes = 64 << 10

const delimiters = ",;\t|"

// lines cuts a stream at line feeds.
type lines struct {
	reader *bufio.Reader
	number int64
}

func newLines(r io.Reader) *lines { return &lines{reader: bufio.NewReaderSize(r, maxLineBytes)} }

// next returns the next line without its end, valid until the next call. Long is true for a
// line above maxLineBytes, of which only the beginning is returned. At the end it returns io.EOF.
func (l *lines) next() (line []byte, long bool, err error) {
	line, err = l.reader.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line, long = bytes.Clone(line[:4<<10]), true
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = l.reader.ReadSlice('\n')
		}
	}
	if err != nil && !(errors.Is(err, io.EOF) && len(line) > 0) {
		return nil, false, err
	}
	l.number++
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), long, nil
}

// splitter cuts lines into fields. Its buffers are used again for each line.
type splitter struct {
	delimiter byte
	fields    [][]byte
	unquoted  []byte
}

// split returns the fields of line, valid until the next call, or the reason why it has none.
func (s *splitter) split(line []byte) ([][]byte, string) {
	s.fields = s.fields[:0]
	if bytes.IndexByte(line, '"') < 0 {
		for {
			end := bytes.IndexByte(line, s.delimiter)
			if end < 0 {
				s.fields = append(s.fields, line)
				return s.fields, ""
			}
			s.fields = append(s.fields, line[:end])
			line = line[end+1:]
		}
	}
	if cap(s.unquoted) < len(line) {
		s.unquoted = make([]byte, 0, 2*len(line)) // never grows below, so fields stay where they are
	}
	s.unquoted = s.unquoted[:0]
	for {
		rest, more, reason := s.field(line)
		if reason != "" {
			return nil, reason
		}
		if !more {
			return s.fields, ""
		}
		line = rest
	}
}

// Split cuts a line of delimited text into its fields, and says why it cannot be.
func Split(line []byte, delimiter byte) (fields []string, reason string) {
	found, reason := (&splitter{delimiter: delimiter}).split(line)
	for _, field := range found {
		fields = append(fields, string(field))
	}
	return fields, reason
}

// field appends the first field of line and returns what follows its delimiter, if there is one.
func (s *splitter) field(line []byte) (rest []byte, more bool, reason string) {
	n := len(s.fields) + 1
	if len(line) == 0 || line[0] != '"' {
		text, rest, more := bytes.Cut(line, []byte{s.delimiter})
		if bytes.IndexByte(text, '"') >= 0 {
			return nil, false, fmt.Sprintf("stray quote in field %d", n)
		}
		s.fields = append(s.fields, text)
		return rest, more, ""
	}
	line = line[1:]
	start := len(s.unquoted)
	for {
		end := bytes.IndexByte(line, '"')
		if end < 0 {
			return nil, false, fmt.Sprintf("the quote of field %d is not closed on its line", n)
		}
		s.unquoted = append(s.unquoted, line[:end]...)
		line = line[end+1:]
		if len(line) == 0 || line[0] != '"' {
			break
		}
		s.unquoted = append(s.unquoted, '"')
		line = line[1:]
	}
	s.fields = append(s.fields, s.unquoted[start:])
	if len(line) == 0 {
		return nil, false, ""
	}
	if line[0] != s.delimiter {
		return nil, false, fmt.Sprintf("text after the closing quote of field %d", n)
	}
	return line[1:], true, ""
}

// header is where the columns that a Spec names stand.
type header struct {
	delimiter byte
	fields    int
	time, key []int
	values    []int // in the order of Spec.values
}

// newHeader finds the Spec's columns in the file's header line. Without a header, line is the first of the data.
func newHeader(line []byte, s Spec) (header, error) {
	candidates := s.Delimiter
	if candidates == "" {
		candidates = delimiters
	}
	var found []header
	problem := errors.New("the header is empty")
	for _, delimiter := range []byte(candidates) {
		h, err := headerWith(line, s, delimiter)
		if err == nil {
			found = append(found, h)
			continue
		}
		if len(line) > 0 && (len(candidates) == 1 || bytes.IndexByte(line, delimiter) >= 0) {
			problem = err
		}
	}
	if len(found) == 0 {
		return header{}, fmt.Errorf("line %d: %w", max(s.Header, 1), problem)
	}
	return found[0], nil
}

func headerWith(line []byte, s Spec, delimiter byte) (header, error) {
	fields, reason := (&splitter{delimiter: delimiter}).split(line)
	if reason != "" {
		return header{}, errors.New(reason)
	}
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = string(field)
	}
	h, err := locate(names, s)
	h.delimiter = delimiter
	return h, err
}

// locate finds the Spec's columns among names. Blanks around a name do not count.
func locate(names []string, s Spec) (header, error) {
	at := map[string]int{}
	wanted := s.columns()
	for i, name := range names {
		name = strings.TrimSpace(name)
		if s.Header < 0 {
			name = ColumnName(i)
		}
		if _, doubled := at[name]; doubled && slices.Contains(wanted, name) {
			return header{}, fmt.Errorf("column %q stands twice", name)
		}
		at[name] = i
	}
	for _, name := range wanted {
		if _, ok := at[name]; !ok {
			all := strings.Join(names, ", ")
			return header{}, fmt.Errorf("column %q is not in the header %q", name, all[:min(len(all), 200)])
		}
	}
	h := header{fields: len(names)}
	for _, name := range s.Time {
		h.time = append(h.time, at[name])
	}
	for _, name := range s.Key {
		h.key = append(h.key, at[name])
	}
	for _, name := range s.values() {
		h.values = append(h.values, at[name])
	}
	return h, nil
}

// ColumnName is the name of the column with an index in a file without a header.
func ColumnName(index int) string { return fmt.Sprintf("column %d", index+1) }
