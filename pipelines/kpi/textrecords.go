package kpi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// TextRecords reads delimited text, plain or gzip, as New's files are read: strictly, a record is a line. The columns' names
// stand in its first line, whose number is 1. It gives an error and ends when the text has no such header, is not text, or
// holds more than limit bytes unpacked; lines that are wrong become records with a Problem.
func TextRecords(text io.Reader, delimiter string, columns []string, limit int64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		plain, err := Text(text, "", limit)
		if err != nil {
			yield(Record{}, err)
			return
		}
		in := newLines(plain)
		line, long, err := in.next()
		if errors.Is(err, io.EOF) {
			err = errors.New("the text is empty")
		}
		if err == nil && (long || !utf8.Valid(line)) {
			err = errors.New("line 1: the header is not a line of UTF-8 text")
		}
		if err != nil {
			yield(Record{}, err)
			return
		}
		h, err := findColumns(line, delimiter, columns)
		if err != nil {
			yield(Record{}, fmt.Errorf("line 1: %w", err))
			return
		}
		split := splitter{delimiter: h.delimiter}
		for {
			line, long, err := in.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Record{}, fmt.Errorf("after line %d: %w", in.number, err))
				return
			}
			if !long && len(bytes.TrimSpace(line)) == 0 {
				continue
			}
			if !yield(h.record(&split, in.number, line, long), nil) {
				return
			}
		}
	}
}

// textHeader is where columns stand in delimited text.
type textHeader struct {
	delimiter byte
	at        []int
	width     int
}

func findColumns(line []byte, delimiter string, columns []string) (textHeader, error) {
	if delimiter == "" {
		delimiter = delimiters
	}
	problem := errors.New("the header is empty")
	for _, candidate := range []byte(delimiter) {
		fields, reason := (&splitter{delimiter: candidate}).split(line)
		h := textHeader{delimiter: candidate, width: len(fields)}
		names := make([]string, len(fields))
		for i, field := range fields {
			names[i] = strings.TrimSpace(string(field))
		}
		err := errors.New(reason)
		if reason == "" {
			h.at, err = positions(names, columns)
		}
		if err == nil {
			return h, nil
		}
		if len(line) > 0 && (len(delimiter) == 1 || bytes.IndexByte(line, candidate) >= 0) || len(names) == 1 && problem.Error() == "the header is empty" {
			problem = err
		}
	}
	return textHeader{}, problem
}

// positions returns where each of columns stands among names.
func positions(names, columns []string) ([]int, error) {
	at := make([]int, len(columns))
	for i, column := range columns {
		at[i] = slices.Index(names, column)
		if at[i] < 0 {
			header := strings.Join(names, ", ")
			return nil, fmt.Errorf("column %q is not in the header %q", column, header[:min(len(header), 200)])
		}
		if slices.Contains(names[at[i]+1:], column) {
			return nil, fmt.Errorf("column %q stands twice", column)
		}
	}
	return at, nil
}

// record makes the record of one line.
func (h textHeader) record(split *splitter, number int64, line []byte, long bool) Record {
	raw := string(line)
	record := Record{Line: number, Raw: func() string { return raw }}
	if long {
		record.Problem = fmt.Sprintf("the line is longer than %d bytes", maxLineBytes)
		return record
	}
	if !utf8.Valid(line) {
		record.Problem = "the line is not UTF-8"
		return record
	}
	fields, reason := split.split(line)
	if reason == "" && len(fields) != h.width {
		reason = fmt.Sprintf("%d fields, want %d", len(fields), h.width)
	}
	if reason != "" {
		record.Problem = reason
		return record
	}
	record.Fields = make([]Field, len(h.at))
	for i, at := range h.at {
		record.Fields[i] = Field{Text: string(fields[at])}
	}
	return record
}
