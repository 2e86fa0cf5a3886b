package gdelt

import (
	"bytes"
	"unicode/utf8"
)

// Repairs counts what was mended in a body before it was read.
type Repairs struct {
	BOM      int // byte order marks taken off
	Controls int // control bytes inside strings made blank
	Escapes  int // backslashes that began no escape doubled
	UTF8     int // bytes that were not UTF-8 made U+FFFD
}

func (r *Repairs) add(o Repairs) {
	r.BOM += o.BOM
	r.Controls += o.Controls
	r.Escapes += o.Escapes
	r.UTF8 += o.UTF8
}

// trimBOM takes a UTF-8 byte order mark off the front.
func trimBOM(body []byte) ([]byte, Repairs) {
	if rest, ok := bytes.CutPrefix(body, []byte("\xef\xbb\xbf")); ok {
		return rest, Repairs{BOM: 1}
	}
	return body, Repairs{}
}

// repair mends, in one pass over JSON text, the faults that GDELT is known to send:
// raw control bytes inside strings, backslashes that begin no escape and bytes that are
// not UTF-8. Raw quotes cannot be mended here: they leave text that does not parse.
func repair(text []byte) ([]byte, Repairs) {
	var done Repairs
	out := make([]byte, 0, len(text)+16)
	inString := false
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '"':
			inString = !inString
			out = append(out, c)
			i++
		case c == '\\' && inString:
			if n := escapeLen(text[i:]); n > 0 {
				out = append(out, text[i:i+n]...)
				i += n
				break
			}
			done.Escapes++
			out = append(out, '\\', '\\')
			i++
		case c < 0x20 && inString:
			done.Controls++
			out = append(out, ' ')
			i++
		case c < utf8.RuneSelf:
			out = append(out, c)
			i++
		default:
			r, n := utf8.DecodeRune(text[i:])
			if r == utf8.RuneError && n == 1 {
				done.UTF8++
			}
			out = utf8.AppendRune(out, r)
			i += n
		}
	}
	return out, done
}

// escapeLen returns the length of the JSON escape that text begins with, or 0.
func escapeLen(text []byte) int {
	if len(text) < 2 {
		return 0
	}
	if bytes.IndexByte([]byte(`"\/bfnrt`), text[1]) >= 0 {
		return 2
	}
	if text[1] != 'u' || len(text) < 6 {
		return 0
	}
	for _, c := range text[2:6] {
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F') {
			return 0
		}
	}
	return 6
}
