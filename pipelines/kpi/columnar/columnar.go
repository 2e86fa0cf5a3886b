// Package columnar reads the rows of a Parquet file with a flat schema: what stands in a file that some other
// system wrote, when nothing that the file says of itself may be believed?
//
// Before the decoder sees it, the footer and the header of every page that will be read are walked: lists that are longer
// than their bytes, pages that unpack to far more than they are packed in, and pages beyond a bound are refused. Nested and
// repeated columns are refused when they are asked for.
//
// Values come as canonical text: numbers with a decimal point, exactly; decimals by their scale; dates, and timestamps of
// every unit, as ISO text, with Z when they are adjusted to UTC. The Int96 timestamps of older writers are UTC.
package columnar

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// Limits of one file.
const (
	maxFooter      = 8 << 20
	maxElements    = 300_000 // of all lists in the footer
	maxPage        = 128 << 20
	maxPageValues  = 4 << 20
	maxPageRatio   = 2000
	freePage       = 8 << 20
	maxHeader      = 1 << 20 // bytes of one page's header
	maxColumns     = 10_000
	valuesAtOnce   = 1024
	maxValueLength = 1 << 20
)

// Column describes a column.
type Column struct {
	Name string
	// Kind is what its values are; Text for columns that cannot be read.
	Kind Kind
	// Problem says why the column cannot be read; empty when it can.
	Problem string
	// Zoned is true of times that carry their offset.
	Zoned bool

	index int // of the leaf
	read  func(parquet.Value) (string, error)
}

// Kind says what a value is.
type Kind byte

// The kinds.
const (
	Empty Kind = iota
	Text
	Number
	Time // as ISO text: a day, a local time, or an instant with Z
)

// File is an open file.
type File struct {
	// Columns are its columns at the top of the schema, in order.
	Columns []Column
	// Rows is how many rows the file says it has.
	Rows int64

	reader io.ReaderAt
	size   int64
	file   *parquet.File
}

// Open reads the schema of a file. r must stay open while the File is in use.
func Open(r io.ReaderAt, size int64) (*File, error) {
	if err := checkFooter(r, size); err != nil {
		return nil, fmt.Errorf("open Parquet file: %w", err)
	}
	f := &File{reader: r, size: size}
	err := guard(func() (err error) {
		f.file, err = parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
		if err != nil {
			return err
		}
		f.Rows = f.file.NumRows()
		return f.columns()
	})
	if err != nil {
		return nil, fmt.Errorf("open Parquet file: %w", err)
	}
	return f, nil
}

// guard turns a panic of the decoder, which trusts what a file says of itself, into an error: a crafted file must not end
// the process. Nothing of ours panics inside.
func guard(work func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the file is damaged: %v", p)
		}
	}()
	return work()
}

// columns describes the leaves at the top of the schema and names the others.
func (f *File) columns() error {
	top := f.file.Root().Columns()
	if len(top) > maxColumns {
		return fmt.Errorf("%d columns, more than %d", len(top), maxColumns)
	}
	for _, c := range top {
		column := Column{Name: c.Name(), index: int(c.Index())}
		switch {
		case !c.Leaf():
			column.Kind, column.Problem = Text, "it is nested"
		case c.Repeated():
			column.Kind, column.Problem = Text, "it is repeated"
		default:
			column.Kind, column.Zoned, column.read = reader(c)
			if column.read == nil {
				column.Kind, column.Problem = Text, fmt.Sprintf("its type %s is not understood", c.Type())
			}
		}
		f.Columns = append(f.Columns, column)
	}
	return nil
}

// column returns the column with a name.
func (f *File) column(name string) (Column, error) {
	for _, c := range f.Columns {
		if c.Name != name {
			continue
		}
		if c.Problem != "" {
			return c, fmt.Errorf("column %q cannot be read: %s", name, c.Problem)
		}
		return c, nil
	}
	return Column{}, fmt.Errorf("column %q is not in the file", name)
}

// Value is one value. Text is empty when there is none.
type Value struct {
	Kind Kind
	Text string
}

// Read calls visit with the values of the named columns of each row, numbered from 1. Values are valid until visit returns;
// problem says which value cannot be understood, and is empty otherwise. It ends with visit's first error.
func (f *File) Read(names []string, visit func(number int64, values []Value, problem string) error) error {
	columns := make([]Column, len(names))
	for i, name := range names {
		var err error
		if columns[i], err = f.column(name); err != nil {
			return err
		}
	}
	number := int64(0)
	values := make([]Value, len(names))
	var ended error
	err := guard(func() error {
		for g, group := range f.file.RowGroups() {
			for _, c := range columns {
				if err := f.checkPages(g, c); err != nil {
					return fmt.Errorf("row group %d: %w", g, err)
				}
			}
			cursors, err := open(group, columns)
			defer closeAll(cursors)
			if err != nil {
				return fmt.Errorf("row group %d: %w", g, err)
			}
			for range group.NumRows() {
				number++
				problem := ""
				for i, c := range cursors {
					v, err := c.next()
					if err != nil {
						return fmt.Errorf("row %d, column %q: %w", number, names[i], err)
					}
					if values[i], err = c.column.value(v); err != nil {
						problem = fmt.Sprintf("column %q: %v", names[i], err)
					}
				}
				if ended = visit(number, values, problem); ended != nil {
					return nil
				}
			}
		}
		return nil
	})
	if ended != nil {
		return ended
	}
	if err != nil {
		return fmt.Errorf("read Parquet file: %w", err)
	}
	return nil
}

func (c Column) value(v parquet.Value) (Value, error) {
	if v.IsNull() {
		return Value{}, nil
	}
	text, err := c.read(v)
	if err != nil || text == "" {
		return Value{}, err
	}
	return Value{c.Kind, text}, nil
}

// cursor reads the values of one column of a row group one after the other.
type cursor struct {
	column Column
	pages  parquet.Pages
	values parquet.ValueReader
	page   parquet.Page
	buffer []parquet.Value
	held   []parquet.Value
}

func open(group parquet.RowGroup, columns []Column) ([]*cursor, error) {
	chunks := group.ColumnChunks()
	var cursors []*cursor
	for _, c := range columns {
		if c.index < 0 || c.index >= len(chunks) {
			return cursors, fmt.Errorf("column %q has no values", c.Name)
		}
		cursors = append(cursors, &cursor{column: c, pages: chunks[c.index].Pages(), buffer: make([]parquet.Value, valuesAtOnce)})
	}
	return cursors, nil
}

func closeAll(cursors []*cursor) {
	for _, c := range cursors {
		parquet.Release(c.page)
		_ = c.pages.Close() // only read
	}
}

// next returns the next value, valid until the call after it.
func (c *cursor) next() (parquet.Value, error) {
	for len(c.held) == 0 {
		if c.values == nil {
			page, err := c.pages.ReadPage()
			if err != nil {
				return parquet.Value{}, unexpected(err)
			}
			c.page, c.values = page, page.Values()
		}
		n, err := c.values.ReadValues(c.buffer)
		c.held = c.buffer[:n]
		switch {
		case errors.Is(err, io.EOF) && n == 0:
			parquet.Release(c.page)
			c.page, c.values = nil, nil
		case err != nil && !errors.Is(err, io.EOF):
			return parquet.Value{}, err
		}
	}
	v := c.held[0]
	c.held = c.held[1:]
	return v, nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
