package kpi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/signalcraft/signalcraft/pipelines/kpi/sheet"
)

// Anywhere is a file that can be read at any place, as workbooks and Parquet files need it. An *os.File is one.
type Anywhere interface {
	io.ReaderAt
	Stat() (fs.FileInfo, error)
}

// anywhere returns r as a file that can be read at any place, with its size.
func anywhere(r io.Reader) (io.ReaderAt, int64, error) {
	file, ok := r.(Anywhere)
	if !ok {
		return nil, 0, errors.New("this format can only be read from a file")
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	return file, info.Size(), nil
}

// readWorkbook reads one sheet of a workbook.
func (f *reading) readWorkbook(ctx context.Context, r io.Reader) error {
	file, size, err := anywhere(r)
	if err != nil {
		return err
	}
	book, err := sheet.Open(file, size)
	if err != nil {
		return err
	}
	rows, err := book.Rows(f.spec.Sheet)
	if err != nil {
		return err
	}
	defer rows.Close()
	header := max(f.spec.Header, 1)
	found := false
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			if !found {
				return errors.New("the sheet has no header")
			}
			return nil
		}
		if err != nil {
			return err
		}
		switch {
		case row.Number%4096 == 0 && ctx.Err() != nil:
			return ctx.Err()
		case row.Number < header && f.spec.Header > 0:
			continue
		case !found:
			if f.header, err = locate(texts(row.Cells), f.spec); err != nil {
				return fmt.Errorf("row %d: %w", row.Number, err)
			}
			found = true
			if f.spec.Header >= 0 {
				continue
			}
		}
		if len(row.Cells) == 0 {
			continue
		}
		f.number = int64(row.Number)
		reason := f.cells(row.Cells)
		if err := f.take(int64(row.Number), reason, f.rawCells(reason, row.Cells)); err != nil {
			return err
		}
	}
}

func texts(cells []sheet.Cell) []string {
	names := make([]string, len(cells))
	for i, c := range cells {
		names[i] = c.Text
	}
	return names
}

// cells takes in one row of a sheet and returns the reason when it is refused whole.
func (f *reading) cells(cells []sheet.Cell) string {
	if len(cells) > f.header.fields {
		for i, c := range cells[f.header.fields:] {
			if c.Kind != sheet.Empty {
				return fmt.Sprintf("%d cells, want %d", f.header.fields+i+1, f.header.fields)
			}
		}
	}
	f.fields, f.kinds = f.fields[:0], f.kinds[:0]
	for i := range f.header.fields {
		var c sheet.Cell
		if i < len(cells) {
			c = cells[i]
		}
		kind := textCell
		switch c.Kind {
		case sheet.Number:
			kind = numberCell
		case sheet.Time:
			kind = timeCell
		}
		f.fields, f.kinds = append(f.fields, []byte(c.Text)), append(f.kinds, kind)
	}
	return f.record(f.fields, f.kinds)
}

// rawCells writes a row that is refused, or holds a value that is, as a line of comma-separated text.
func (f *reading) rawCells(reason string, cells []sheet.Cell) []byte {
	if reason == "" && len(f.pending) == 0 {
		return nil
	}
	var line strings.Builder
	for i, c := range cells {
		if i > 0 {
			line.WriteByte(',')
		}
		line.WriteString(quoted(c.Text))
	}
	return []byte(line.String())
}

// quoted writes a field as delimited text holds it.
func quoted(text string) string {
	if strings.ContainsAny(text, ",\"\n\r") {
		return strconv.Quote(text)
	}
	return text
}
