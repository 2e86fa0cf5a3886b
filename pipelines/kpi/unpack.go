package kpi

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// maxRatio is how many times its packed size a gzip text may have, once it is larger than freeBytes. Tables of
// numbers pack to a twentieth at best.
const (
	maxRatio  = 400
	freeBytes = 32 << 20
)

// Text returns r as UTF-8 text: without gzip, when it begins like gzip, without a byte order mark, and out of the
// encoding, one of those of a Spec. Reading fails after limit unpacked bytes. An empty encoding means UTF-8.
func Text(r io.Reader, encoding string, limit int64) (io.Reader, error) {
	packed := &counter{reader: r}
	buffered := bufio.NewReaderSize(packed, 64<<10)
	head, err := buffered.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	plain := &bounded{reader: buffered, limit: limit}
	if bytes.Equal(head, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("unpack gzip: %w", err)
		}
		plain.reader, plain.packed = unpacked, packed
	}
	text := bufio.NewReaderSize(plain, 64<<10)
	mark, err := text.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch encoding {
	case UTF16, UTF16LE:
		return bufio.NewReader(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Reader(text)), nil
	case UTF16BE:
		return bufio.NewReader(unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder().Reader(text)), nil
	case Windows1252:
		return bufio.NewReader(charmap.Windows1252.NewDecoder().Reader(text)), nil
	}
	switch {
	case bytes.HasPrefix(mark, []byte("\xef\xbb\xbf")):
		text.Discard(3) // cannot fail, the bytes are in the buffer
	case bytes.HasPrefix(mark, []byte{0xff, 0xfe}), bytes.HasPrefix(mark, []byte{0xfe, 0xff}):
		return nil, errors.New("the text is UTF-16, want UTF-8")
	case bytes.IndexByte(mark, 0) >= 0:
		return nil, errors.New("this is not a text file")
	}
	return text, nil
}

// counter counts what is read.
type counter struct {
	reader io.Reader
	bytes  int64
}

// Read reads.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.reader.Read(p)
	c.bytes += int64(n)
	return n, err
}

// bounded fails once more than limit bytes were read, or more than maxRatio times what they were packed in.
type bounded struct {
	reader io.Reader
	packed *counter // nil: not packed
	limit  int64
	bytes  int64
}

// Read reads.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.reader.Read(p)
	b.bytes += int64(n)
	switch {
	case b.bytes > b.limit:
		return n, errors.New("the unpacked text is larger than allowed")
	case b.packed != nil && b.bytes > freeBytes && b.bytes > maxRatio*b.packed.bytes:
		return n, fmt.Errorf("the unpacked text is larger than allowed: more than %d times its packed size", maxRatio)
	}
	return n, err
}
