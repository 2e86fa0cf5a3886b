package sheet

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Kind says what a cell holds.
type Kind byte

// The kinds. A Fault is what a formula gives that cannot be computed, such as #DIV/0!.
const (
	Empty Kind = iota
	Text
	Number
	Time // as ISO text: a day, or a local time
	Bool
	Fault
)

// Cell is one cell.
type Cell struct {
	Kind Kind
	// Text is what the cell holds; of a Number, a decimal number with a point.
	Text string
}

// Row is one row. Its Cells are valid until the next is read.
type Row struct {
	// Number counts from 1, as the spreadsheet shows it.
	Number int
	// Cells begin with column A and end with the last cell that is not empty.
	Cells []Cell
}

// Rows reads the rows of one sheet.
type Rows struct {
	book   *Book
	tokens *tokens
	row    Row
	inData bool
}

// Rows returns the rows of the sheet with a name, of the first when that is empty. The caller closes.
func (b *Book) Rows(name string) (*Rows, error) {
	for _, s := range b.Sheets {
		if name != "" && s.Name != name {
			continue
		}
		t, err := b.open(s.part)
		if err != nil {
			return nil, fmt.Errorf("sheet %q: %w", s.Name, err)
		}
		return &Rows{book: b, tokens: t}, nil
	}
	return nil, fmt.Errorf("the workbook has no sheet %q", name)
}

// Close ends the reading.
func (r *Rows) Close() { r.tokens.close() }

// Next returns the next row that the file holds, which may skip numbers. At the end it returns io.EOF.
func (r *Rows) Next() (Row, error) {
	for {
		token, err := r.tokens.next()
		if errors.Is(err, io.EOF) && !r.inData {
			return Row{}, io.EOF
		}
		if err != nil {
			return Row{}, fmt.Errorf("after row %d: %w", r.row.Number, unexpected(err))
		}
		switch e := token.(type) {
		case xml.StartElement:
			if e.Name.Local == "sheetData" {
				r.inData = true
			}
			if e.Name.Local != "row" || !r.inData {
				continue
			}
			if err := r.readRow(e); err != nil {
				return Row{}, fmt.Errorf("row %d: %w", r.row.Number, unexpected(err))
			}
			return r.row, nil
		case xml.EndElement:
			if e.Name.Local == "sheetData" {
				r.inData = false
				return Row{}, io.EOF
			}
		}
	}
}

func (r *Rows) readRow(start xml.StartElement) error {
	number := r.row.Number + 1
	if text := attribute(start, "r"); text != "" {
		given, err := strconv.Atoi(text)
		if err != nil || given < number {
			return fmt.Errorf("row number %q is out of order", text)
		}
		number = given
	}
	r.row.Number, r.row.Cells = number, r.row.Cells[:0]
	for {
		token, err := r.tokens.next()
		if err != nil {
			return err
		}
		switch e := token.(type) {
		case xml.StartElement:
			if e.Name.Local == "c" {
				if err := r.readCell(e); err != nil {
					return err
				}
			}
		case xml.EndElement:
			if e.Name.Local == "row" {
				for len(r.row.Cells) > 0 && r.row.Cells[len(r.row.Cells)-1].Kind == Empty {
					r.row.Cells = r.row.Cells[:len(r.row.Cells)-1]
				}
				return nil
			}
		}
	}
}

func (r *Rows) readCell(start xml.StartElement) error {
	column := len(r.row.Cells)
	if ref := attribute(start, "r"); ref != "" {
		given, ok := columnOf(ref)
		if !ok || given < column {
			return fmt.Errorf("cell %q is out of order", ref)
		}
		column = given
	}
	if column >= maxColumns {
		return fmt.Errorf("more than %d columns", maxColumns)
	}
	for len(r.row.Cells) < column {
		r.row.Cells = append(r.row.Cells, Cell{})
	}
	kind := attribute(start, "t")
	var text string
	for {
		token, err := r.tokens.next()
		if err != nil {
			return err
		}
		switch e := token.(type) {
		case xml.StartElement:
			switch e.Name.Local {
			case "v":
				if text, err = r.tokens.plainText("v"); err != nil {
					return err
				}
			case "is":
				if text, err = r.tokens.richText("is"); err != nil {
					return err
				}
			}
		case xml.EndElement:
			if e.Name.Local == "c" {
				cell, err := r.cell(kind, text, attribute(start, "s"))
				r.row.Cells = append(r.row.Cells, cell)
				return err
			}
		}
	}
}

// plainText returns the characters of an element that has begun, up to its end.
func (t *tokens) plainText(name string) (string, error) {
	var text strings.Builder
	for {
		token, err := t.next()
		if err != nil {
			return "", err
		}
		switch e := token.(type) {
		case xml.CharData:
			if text.Len()+len(e) > maxToken {
				return "", fmt.Errorf("a text is longer than %d bytes", maxToken)
			}
			text.Write(e)
		case xml.EndElement:
			if e.Name.Local == name {
				return text.String(), nil
			}
		}
	}
}

// cell makes a cell of its stored type, text and style (ECMA-376 part 1, 18.3.1.4).
func (r *Rows) cell(kind, text, style string) (Cell, error) {
	if text == "" {
		return Cell{}, nil
	}
	switch kind {
	case "s":
		i, err := strconv.Atoi(text)
		if err != nil || i < 0 || i >= len(r.book.shared) {
			return Cell{}, fmt.Errorf("shared text %q does not exist", text)
		}
		if r.book.shared[i] == "" {
			return Cell{}, nil
		}
		return Cell{Text, r.book.shared[i]}, nil
	case "str", "inlineStr":
		return Cell{Text, text}, nil
	case "b":
		if isTrue(text) {
			return Cell{Bool, "true"}, nil
		}
		return Cell{Bool, "false"}, nil
	case "e":
		return Cell{Fault, text}, nil
	case "d":
		return Cell{Time, text}, nil
	}
	if s, err := strconv.Atoi(style); err == nil && s >= 0 && s < len(r.book.dates) {
		if format := r.book.dates[s]; format == dayFormat || format == momentFormat {
			days, err := strconv.ParseFloat(text, 64)
			if at, ok := Day(days, r.book.From1904); err == nil && ok {
				return Cell{Time, isoTime(at, format)}, nil
			}
		}
	}
	return Cell{Number, text}, nil
}

// columnOf returns the index of the column in a reference such as AB12.
func columnOf(ref string) (int, bool) {
	column := 0
	for i := 0; i < len(ref); i++ {
		c := ref[i]
		switch {
		case c >= 'A' && c <= 'Z':
			column = column*26 + int(c-'A') + 1
		case c >= '0' && c <= '9' && i > 0:
			return column - 1, true
		default:
			return 0, false
		}
		if column > maxColumns {
			return 0, false
		}
	}
	return 0, false
}
