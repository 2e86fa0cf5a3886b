package columnar

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// checkFooter walks the file's footer (parquet.thrift, FileMetaData) before the decoder makes room for what it says.
func checkFooter(r io.ReaderAt, size int64) error {
	if size < 12 {
		return errors.New("this is no Parquet file")
	}
	tail := make([]byte, 8)
	if _, err := r.ReadAt(tail, size-8); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch string(tail[4:]) {
	case "PAR1":
	case "PARE":
		return errors.New("it is encrypted")
	default:
		return errors.New("this is no Parquet file, or its end is missing")
	}
	length := int64(binary.LittleEndian.Uint32(tail))
	if length > maxFooter || length > size-12 {
		return fmt.Errorf("its footer of %d bytes is larger than allowed", length)
	}
	footer := make([]byte, length)
	if _, err := r.ReadAt(footer, size-8-length); err != nil {
		return err
	}
	w := &walk{data: footer}
	if err := w.structure(0, 0); err != nil {
		return fmt.Errorf("its footer is damaged: %w", err)
	}
	return nil
}

// pageHeader is what is looked at of a page's header (parquet.thrift, PageHeader).
type pageHeader struct {
	kind, unpacked, packed, values int64
	length                         int // of the header itself
}

// dataPage and dataPageV2 are the kinds of pages that hold rows.
const (
	dataPage   = 0
	dataPageV2 = 3
)

// checkPages walks the headers of the pages of a column in a row group.
func (f *File) checkPages(group int, c Column) error {
	chunk := f.file.Metadata().RowGroups[group].Columns[c.index].MetaData
	at := chunk.DataPageOffset
	if d := chunk.DictionaryPageOffset; d > 0 && d < at {
		at = d
	}
	end := at + chunk.TotalCompressedSize
	if at < 4 || end > f.size || end < at {
		return fmt.Errorf("column %q lies outside of the file", c.Name)
	}
	rows := int64(0)
	for at < end && rows < chunk.NumValues {
		h, err := f.readHeader(at, end)
		if err != nil {
			return fmt.Errorf("column %q, page at %d: %w", c.Name, at, err)
		}
		switch {
		case h.unpacked < 0 || h.packed < 0 || h.values < 0:
			return fmt.Errorf("column %q, page at %d: a size is negative", c.Name, at)
		case h.unpacked > maxPage || h.packed > maxPage || h.values > maxPageValues || h.unpacked > freePage && h.unpacked > maxPageRatio*h.packed:
			return fmt.Errorf("column %q, page at %d: %d values in %d bytes, unpacked %d, are more than allowed", c.Name, at, h.values, h.packed, h.unpacked)
		}
		if h.kind == dataPage || h.kind == dataPageV2 {
			rows += h.values
		}
		at += int64(h.length) + h.packed
	}
	return nil
}

// readHeader reads the page header at an offset.
func (f *File) readHeader(at, end int64) (pageHeader, error) {
	var failed error
	for _, room := range []int64{1 << 10, 64 << 10, maxHeader} {
		data := make([]byte, min(room, end-at))
		if n, err := f.reader.ReadAt(data, at); n < len(data) {
			return pageHeader{}, err
		}
		var h pageHeader
		w := &walk{data: data, visit: func(outer, id int16, value int64) {
			switch {
			case outer == 0 && id == 1:
				h.kind = value
			case outer == 0 && id == 2:
				h.unpacked = value
			case outer == 0 && id == 3:
				h.packed = value
			case (outer == 5 || outer == 7 || outer == 8) && id == 1:
				h.values = value
			}
		}}
		if failed = w.structure(0, 0); failed == nil {
			h.length = w.at
			return h, nil
		}
	}
	return pageHeader{}, failed
}

// walk goes through one struct of Thrift's compact protocol without keeping it.
type walk struct {
	data     []byte
	at       int
	elements int
	// visit is called with integers of the outermost struct, outer 0, and of the structs directly in it, outer their field.
	visit func(outer, id int16, value int64)
}

var errShort = errors.New("it ends too early")

// maxDepth bounds nesting; the format needs six.
const maxDepth = 16

func (w *walk) structure(depth int, outer int16) error {
	if depth > maxDepth {
		return errors.New("it is nested too deep")
	}
	id := int16(0)
	for {
		head, err := w.byte()
		if err != nil || head == 0 {
			return err
		}
		if delta := int16(head >> 4); delta != 0 {
			id += delta
		} else {
			given, err := w.varint()
			if err != nil {
				return err
			}
			id = int16(unzigzag(given))
		}
		if err := w.value(head&15, depth, outer, id, true); err != nil {
			return err
		}
	}
}

// value goes over one value of a type. A boolean field lies in its head; in a list it takes a byte.
func (w *walk) value(kind byte, depth int, outer, id int16, field bool) error {
	switch kind {
	case 1, 2:
		if field {
			return nil
		}
		return w.skip(1)
	case 3:
		return w.skip(1)
	case 4, 5, 6:
		v, err := w.varint()
		if err == nil && w.visit != nil && field && depth <= 1 {
			w.visit(outer, id, unzigzag(v))
		}
		return err
	case 7:
		return w.skip(8)
	case 8:
		length, err := w.varint()
		if err != nil || length > uint64(len(w.data)-w.at) {
			return errShort
		}
		return w.skip(int(length))
	case 9, 10:
		return w.list(depth)
	case 12:
		return w.structure(depth+1, id)
	}
	return fmt.Errorf("type %d is not part of the format", kind)
}

func (w *walk) list(depth int) error {
	head, err := w.byte()
	if err != nil {
		return err
	}
	size := uint64(head >> 4)
	if size == 15 {
		if size, err = w.varint(); err != nil {
			return err
		}
	}
	// Every element takes a byte at least, but far more once it is decoded.
	if size > uint64(len(w.data)-w.at) || uint64(w.elements)+size > maxElements {
		return errors.New("a list is longer than allowed")
	}
	w.elements += int(size)
	for range size {
		if err := w.value(head&15, depth+1, 0, 0, false); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) byte() (byte, error) {
	if w.at >= len(w.data) {
		return 0, errShort
	}
	w.at++
	return w.data[w.at-1], nil
}

func (w *walk) skip(n int) error {
	if n > len(w.data)-w.at {
		return errShort
	}
	w.at += n
	return nil
}

func (w *walk) varint() (uint64, error) {
	v, n := binary.Uvarint(w.data[w.at:])
	if n <= 0 {
		return 0, errShort
	}
	w.at += n
	return v, nil
}

func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }
