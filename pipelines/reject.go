package pipelines

import (
	"strings"
	"unicode/utf8"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// MaxRawBytes is how much of a refused row's text the quarantine keeps.
const MaxRawBytes = 4 << 10

// Reject returns a refused row of dataset d. Line is the 1-based line or item in the
// unit, 0 when there is none. Raw may be any bytes; see CutRaw.
func Reject(d dataset.Dataset, line int64, reason, raw string) dataset.RejectRow {
	row := dataset.RejectRow{Dataset: d.Name, Reason: reason, Raw: CutRaw(raw)}
	if line > 0 {
		row.Line = &line
	}
	return row
}

// CutRaw returns raw as valid UTF-8 of at most MaxRawBytes bytes: invalid bytes become
// U+FFFD, NUL bytes (which Postgres cannot hold) U+2400, and what is too long loses its end.
func CutRaw(raw string) string {
	if len(raw) > MaxRawBytes {
		raw = raw[:MaxRawBytes]
	}
	raw = strings.ToValidUTF8(strings.ReplaceAll(raw, "\x00", "\u2400"), "\uFFFD")
	if len(raw) <= MaxRawBytes {
		return raw
	}
	end := MaxRawBytes
	for !utf8.RuneStart(raw[end]) {
		end--
	}
	return raw[:end]
}
