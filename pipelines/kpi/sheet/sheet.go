// Package sheet reads the rows of an Excel workbook (xlsx) as a stream: what stands in a file that people
// made with a spreadsheet, without holding it in memory?
//
// A workbook is a zip of XML. Before anything is unpacked, the number, names and declared sizes of its parts are
// checked; while it is unpacked, no more than was declared comes out and no piece of XML may grow without end. Only the
// texts that cells share are held, up to a bound.
//
// Cells give what the file stores: numbers as they were computed (a formula's last result), days and times as
// ISO text when their number format is one of dates, in the date system of the workbook (1900 or 1904). Hidden rows
// and columns are read like others; of merged cells the first holds the value and the others are empty.
package sheet

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// Limits of one workbook.
const (
	maxParts       = 4096
	maxUnpacked    = 2 << 30
	maxRatio       = 200       // times the packed size, above freeUnpacked
	freeUnpacked   = 32 << 20  // unpacked size that needs no look at the ratio
	maxSharedBytes = 128 << 20 // of texts that cells share
	maxColumns     = 16384
)

// Book is an open workbook.
type Book struct {
	// Sheets are its sheets, in the order of their tabs.
	Sheets []Info
	// From1904 is true when its days are counted from 1904.
	From1904 bool

	parts  map[string]*zip.File
	shared []string
	dates  []dateFormat // by the index of a cell's style
}

// Info describes a sheet.
type Info struct {
	Name   string
	Hidden bool
	part   string
}

// Open reads all of a workbook but its sheets. r must stay open while the Book is in use.
func Open(r io.ReaderAt, size int64) (*Book, error) {
	if err := checkMagic(r); err != nil {
		return nil, err
	}
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("open workbook: %w", err)
	}
	if err := checkParts(archive, size); err != nil {
		return nil, err
	}
	b := &Book{parts: map[string]*zip.File{}}
	for _, part := range archive.File {
		name := strings.ToLower(strings.TrimPrefix(part.Name, "/"))
		if _, doubled := b.parts[name]; doubled {
			return nil, fmt.Errorf("open workbook: part %q stands twice", part.Name)
		}
		b.parts[name] = part
	}
	if err := b.readParts(); err != nil {
		return nil, fmt.Errorf("open workbook: %w", err)
	}
	return b, nil
}

// checkMagic tells the files that are taken for workbooks most often from a zip.
func checkMagic(r io.ReaderAt) error {
	magic := make([]byte, 4)
	if _, err := r.ReadAt(magic, 0); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("open workbook: %w", err)
	}
	switch string(magic) {
	case "PK\x03\x04":
		return nil
	case "\xd0\xcf\x11\xe0":
		return errors.New("open workbook: it is protected by a password, or of the old xls format: save it as xlsx without one")
	}
	return errors.New("open workbook: this is no xlsx file")
}

// checkParts looks at what the archive declares of itself.
func checkParts(archive *zip.Reader, size int64) error {
	if len(archive.File) > maxParts {
		return fmt.Errorf("open workbook: %d parts, more than %d", len(archive.File), maxParts)
	}
	var unpacked uint64
	for _, part := range archive.File {
		if part.Flags&1 != 0 {
			return errors.New("open workbook: it is protected by a password")
		}
		if part.UncompressedSize64 > maxUnpacked {
			return fmt.Errorf("open workbook: it unpacks to more than %d bytes", int64(maxUnpacked))
		}
		unpacked += part.UncompressedSize64
	}
	if unpacked > maxUnpacked || unpacked > freeUnpacked && unpacked > maxRatio*uint64(size) {
		return fmt.Errorf("open workbook: it unpacks to %d bytes, %d times its size", unpacked, unpacked/uint64(max(size, 1)))
	}
	return nil
}

// readParts reads the list of sheets, the styles and the shared texts.
func (b *Book) readParts() error {
	targets, types, err := b.relations("_rels/.rels")
	if err != nil {
		return err
	}
	book := ""
	for id, kind := range types {
		if strings.HasSuffix(kind, "/officeDocument") {
			book = targets[id]
		}
	}
	if book == "" {
		return errors.New("it names no workbook part")
	}
	targets, types, err = b.relations(path.Join(path.Dir(book), "_rels", path.Base(book)+".rels"))
	if err != nil {
		return err
	}
	if err := b.readBook(book, targets); err != nil {
		return err
	}
	for id, kind := range types {
		switch {
		case strings.HasSuffix(kind, "/sharedStrings"):
			err = b.readShared(targets[id])
		case strings.HasSuffix(kind, "/styles"):
			err = b.readStyles(targets[id])
		}
		if err != nil {
			return err
		}
	}
	if len(b.Sheets) == 0 {
		return errors.New("it has no sheet")
	}
	return nil
}

// open returns a part's XML.
func (b *Book) open(name string) (*tokens, error) {
	part := b.parts[strings.ToLower(strings.TrimPrefix(name, "/"))]
	if part == nil {
		return nil, fmt.Errorf("part %q is missing", name)
	}
	content, err := part.Open()
	if err != nil {
		return nil, fmt.Errorf("open part %q: %w", name, err)
	}
	return newTokens(content, int64(part.UncompressedSize64)), nil
}
