package pipelines_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/signalcraft/signalcraft/pipelines"
)

// FuzzCutRaw wants any bytes to become text that the lake and Postgres take.
func FuzzCutRaw(f *testing.F) {
	f.Add("plain")
	f.Add("\x00\xff\xfe")
	f.Add(strings.Repeat("\xff", 5000))
	f.Add("x" + strings.Repeat("é", 3000))
	f.Add(strings.Repeat("\x00", 2000))
	f.Fuzz(func(t *testing.T, raw string) {
		got := pipelines.CutRaw(raw)
		if !utf8.ValidString(got) || len(got) > pipelines.MaxRawBytes || strings.Contains(got, "\x00") {
			t.Errorf("CutRaw(%.50q, %d bytes) = %.50q, %d bytes", raw, len(raw), got, len(got))
		}
		if utf8.ValidString(raw) && len(raw) <= pipelines.MaxRawBytes && !strings.Contains(raw, "\x00") && got != raw {
			t.Errorf("CutRaw changed %q into %q", raw, got)
		}
	})
}
