package kpitest

import (
	"bytes"
	"compress/gzip"
	"slices"
	"strings"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/signalcraft/signalcraft/pipelines/kpi"
)

// text writes delimited text.
func (m *maker) text() error {
	var lines []string
	delimiter := m.file.Spec.Delimiter
	quoteAll := m.IntN(4) == 0
	field := func(s string) string {
		if quoteAll || strings.ContainsAny(s, delimiter+"\"") || m.IntN(20) == 0 {
			return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
		}
		return s
	}
	join := func(fields ...string) string {
		for i := range fields {
			fields[i] = field(fields[i])
		}
		return strings.Join(fields, delimiter)
	}
	if m.wide {
		lines = append(lines, join(append([]string{"when", "note"}, m.names...)...))
	} else {
		lines = append(lines, join("when", "note", "what", "amount"))
	}
	for _, r := range m.rows() {
		fields := []string{r.local.Format(m.layout), []string{"", "plain", `with "quotes"`, "with " + delimiter + " inside"}[m.IntN(4)]}
		if !m.wide {
			fields = append(fields, r.name)
		}
		for _, text := range r.texts {
			fields = append(fields, m.written(text))
		}
		if m.Float64() >= m.damage {
			m.good(r)
			lines = append(lines, join(fields...))
			continue
		}
		lines = append(lines, m.damaged(r, fields, join)...)
	}
	return m.encode(lines)
}

// written is a number with the marks of the dialect.
func (m *maker) written(text string) string {
	whole, fraction, has := strings.Cut(text, ".")
	if mark := m.file.Spec.Thousands; mark != "" && m.IntN(2) == 0 {
		sign := ""
		if whole[0] == '-' {
			sign, whole = "-", whole[1:]
		}
		for i := len(whole) - 3; i > 0; i -= 3 {
			whole = whole[:i] + mark + whole[i:]
		}
		whole = sign + whole
	}
	if !has {
		return whole
	}
	if m.file.Spec.DecimalComma {
		return whole + "," + fraction
	}
	return whole + "." + fraction
}

// damaged returns the lines of a row with a random fault.
func (m *maker) damaged(r row, fields []string, join func(...string) string) []string {
	refuse := func(lines ...string) []string {
		m.file.Rejects += len(lines)
		return lines
	}
	value := len(fields) - 1
	switch m.IntN(10) {
	case 0: // a quote that never closes
		fields[1] = "x"
		line := join(fields...)
		return refuse(`"` + strings.TrimPrefix(line, `"`)[:min(3, len(line)-1)])
	case 1: // a stray quote
		return refuse(strings.ReplaceAll(strings.Join(fields[:1], ""), `"`, "") + `a"b` + m.file.Spec.Delimiter + "x")
	case 2: // a field is missing
		return refuse(join(fields[:value]...))
	case 3: // a field too many
		return refuse(join(append(fields, "more")...))
	case 4:
		fields[value] = []string{"x", "12a", "--1", "1e", "NaN", "0x1F", "#REF!"}[m.IntN(7)]
		m.refuseOne(r, len(r.vals)-1)
		return []string{join(fields...)}
	case 5:
		fields[0] = []string{"yesterday", "2024-13-45", "", "32/13/2024", "00:00"}[m.IntN(5)]
		return refuse(join(fields...))
	case 6: // the same line again
		m.good(r)
		m.repeat(r)
		line := join(fields...)
		return []string{line, line}
	case 7:
		fields[value] += "\x00"
		m.refuseOne(r, len(r.vals)-1)
		return []string{join(fields...)}
	case 8: // longer than a line may be, in any encoding
		fields[1] = strings.Repeat("long ", 14_000)
		return refuse(join(fields...))
	default: // a line break inside quotes
		return refuse(`"`+fields[0]+`"`+m.file.Spec.Delimiter+`"broken`, `off"`+m.file.Spec.Delimiter+"rest")
	}
}

// encode joins the lines with random ends, blank lines among them, and encodes and packs them.
func (m *maker) encode(lines []string) error {
	var text strings.Builder
	ends := [][]string{{"\n"}, {"\r\n"}, {"\n", "\r\n"}}[m.IntN(3)]
	for i, line := range lines {
		text.WriteString(line)
		if i < len(lines)-1 || m.IntN(2) == 0 {
			text.WriteString(ends[m.IntN(len(ends))])
		}
		if i > 0 && m.IntN(100) == 0 && i < len(lines)-1 {
			text.WriteString(ends[0])
		}
	}
	raw := []byte(text.String())
	var err error
	switch m.IntN(6) {
	case 0:
		raw = append([]byte("\xef\xbb\xbf"), raw...)
	case 1:
		m.file.Spec.Encoding = kpi.UTF16LE
		raw, err = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().Bytes(raw)
	case 2:
		m.file.Spec.Encoding = kpi.Windows1252
		raw, err = charmap.Windows1252.NewEncoder().Bytes(raw)
	}
	if err != nil {
		return err
	}
	m.describe(m.file.Spec.Encoding)
	if m.IntN(4) == 0 {
		raw = m.pack(raw)
	}
	m.file.Bytes = raw
	return nil
}

// pack packs with gzip, and now and then cuts the end off.
func (m *maker) pack(raw []byte) []byte {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(raw) // into memory
	_ = w.Close()
	m.describe("gzip")
	if m.IntN(5) == 0 {
		m.describe("cut off")
		m.file.Unreadable = true
		return slices.Clone(packed.Bytes()[:packed.Len()*3/4])
	}
	return packed.Bytes()
}
