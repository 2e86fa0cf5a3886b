package sheet

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
)

// maxToken bounds one piece of XML: a cell holds 32,767 characters at most.
const maxToken = 1 << 20

// tokens reads XML piece by piece.
type tokens struct {
	content io.ReadCloser
	decoder *xml.Decoder
	budget  *budget
}

// budget ends a part that goes on after its declared size, or one piece that grows without end.
type budget struct {
	reader io.Reader
	total  int64 // left of the part
	piece  int64 // left of the piece
}

// Read reads.
func (b *budget) Read(p []byte) (int, error) {
	if b.piece <= 0 {
		return 0, fmt.Errorf("a piece of XML is longer than %d bytes", maxToken)
	}
	n, err := b.reader.Read(p[:min(int64(len(p)), b.piece)])
	b.piece -= int64(n)
	if b.total -= int64(n); b.total < 0 {
		return 0, errors.New("the part is larger than declared")
	}
	return n, err
}

func newTokens(content io.ReadCloser, size int64) *tokens {
	b := &budget{reader: content, total: size, piece: maxToken}
	d := xml.NewDecoder(b)
	d.CharsetReader = func(charset string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("the XML is in %s, want UTF-8", charset)
	}
	return &tokens{content: content, decoder: d, budget: b}
}

// next returns the next token, valid until the call after it; io.EOF at the end.
func (t *tokens) next() (xml.Token, error) {
	t.budget.piece = maxToken
	return t.decoder.RawToken()
}

func (t *tokens) close() { _ = t.content.Close() } // only read

// attribute returns the value of the attribute with a local name; empty when there is none.
func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// each calls visit with every start element of a part.
func (b *Book) each(part string, visit func(*tokens, xml.StartElement) error) error {
	t, err := b.open(part)
	if err != nil {
		return err
	}
	defer t.close()
	for {
		token, err := t.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read part %q: %w", part, err)
		}
		if e, ok := token.(xml.StartElement); ok {
			if err := visit(t, e); err != nil {
				return fmt.Errorf("read part %q: %w", part, err)
			}
		}
	}
}

// relations returns the targets and types of a part's relations, by id.
func (b *Book) relations(part string) (targets, types map[string]string, err error) {
	targets, types = map[string]string{}, map[string]string{}
	// The folder that targets are relative to: relations lie in _rels beside the part they are of.
	base := path.Dir(path.Dir(part))
	err = b.each(part, func(_ *tokens, e xml.StartElement) error {
		if e.Name.Local != "Relationship" || attribute(e, "TargetMode") == "External" {
			return nil
		}
		id, target := attribute(e, "Id"), attribute(e, "Target")
		if !strings.HasPrefix(target, "/") {
			target = path.Join(base, target)
		}
		targets[id], types[id] = strings.TrimPrefix(path.Clean(target), "/"), attribute(e, "Type")
		return nil
	})
	return targets, types, err
}

func (b *Book) readBook(part string, targets map[string]string) error {
	return b.each(part, func(_ *tokens, e xml.StartElement) error {
		switch e.Name.Local {
		case "workbookPr":
			b.From1904 = isTrue(attribute(e, "date1904"))
		case "sheet":
			id := ""
			for _, a := range e.Attr {
				if a.Name.Local == "id" && a.Name.Space != "" {
					id = a.Value
				}
			}
			b.Sheets = append(b.Sheets, Info{Name: attribute(e, "name"), Hidden: strings.HasSuffix(strings.ToLower(attribute(e, "state")), "hidden"), part: targets[id]})
		}
		return nil
	})
}

func isTrue(text string) bool { return text == "1" || strings.EqualFold(text, "true") }

// readShared reads the texts that cells share.
func (b *Book) readShared(part string) error {
	left := maxSharedBytes
	return b.each(part, func(t *tokens, e xml.StartElement) error {
		if e.Name.Local != "si" {
			return nil
		}
		text, err := t.richText("si")
		if left -= len(text) + 16; left < 0 {
			return fmt.Errorf("its texts are longer than %d bytes", maxSharedBytes)
		}
		b.shared = append(b.shared, text)
		return err
	})
}

// richText returns the text of an element that has begun, up to its end: its runs joined, without phonetic hints.
func (t *tokens) richText(name string) (string, error) {
	var text strings.Builder
	inText, hints := false, 0
	for {
		token, err := t.next()
		if err != nil {
			return "", unexpected(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			inText = e.Name.Local == "t"
			if e.Name.Local == "rPh" {
				hints++
			}
		case xml.EndElement:
			inText = false
			if e.Name.Local == "rPh" {
				hints--
			}
			if e.Name.Local == name {
				return text.String(), nil
			}
		case xml.CharData:
			if inText && hints == 0 {
				text.Write(e)
			}
			if text.Len() > maxToken {
				return "", fmt.Errorf("a text is longer than %d bytes", maxToken)
			}
		}
	}
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readStyles finds out which styles of cells show days and times.
func (b *Book) readStyles(part string) error {
	custom := map[int]dateFormat{}
	inCells := false
	return b.each(part, func(_ *tokens, e xml.StartElement) error {
		switch e.Name.Local {
		case "numFmt":
			if id, err := strconv.Atoi(attribute(e, "numFmtId")); err == nil {
				custom[id] = formatOf(attribute(e, "formatCode"))
			}
		case "cellXfs":
			inCells = true
		case "cellStyles", "dxfs", "cellStyleXfs":
			inCells = false
		case "xf":
			if !inCells {
				return nil
			}
			id, _ := strconv.Atoi(attribute(e, "numFmtId")) // absent: 0, which is no format of dates
			format, known := custom[id]
			if !known {
				format = builtIn(id)
			}
			b.dates = append(b.dates, format)
		}
		return nil
	})
}
