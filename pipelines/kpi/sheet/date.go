package sheet

import (
	"math"
	"strings"
	"time"
)

// dateFormat says what a number format shows of a moment.
type dateFormat byte

const (
	noDate dateFormat = iota
	dayFormat
	momentFormat // with the time of day
	clockFormat  // the time of day only, or a duration
)

// builtIn returns what the formats do that every workbook has without naming them (ECMA-376 part 1, 18.8.30).
func builtIn(id int) dateFormat {
	switch {
	case id >= 14 && id <= 17, id >= 27 && id <= 31, id == 36, id >= 50 && id <= 54, id == 57, id == 58:
		return dayFormat
	case id == 22:
		return momentFormat
	case id >= 18 && id <= 21, id >= 32 && id <= 35, id >= 45 && id <= 47, id == 55, id == 56:
		return clockFormat
	}
	return noDate
}

// formatOf returns what a format's code shows. Of its sections, the first is for positive numbers.
func formatOf(code string) dateFormat {
	code, _, _ = strings.Cut(bare(strings.ToLower(code)), ";")
	day := strings.ContainsAny(code, "dy") || strings.Contains(code, "mmm")
	clock := strings.ContainsAny(code, "hs")
	month := strings.Contains(code, "m")
	switch {
	case strings.HasPrefix(code, "general"):
		return noDate
	case day && clock:
		return momentFormat
	case day, month && !clock && !strings.ContainsAny(code, "0#?"):
		return dayFormat
	case clock:
		return clockFormat
	}
	return noDate
}

// bare returns a format's code without quoted text, escaped characters, padding and what stands in brackets, but
// for elapsed hours, minutes and seconds.
func bare(code string) string {
	var out strings.Builder
	for i := 0; i < len(code); i++ {
		switch code[i] {
		case '"':
			end := strings.IndexByte(code[i+1:], '"')
			if end < 0 {
				return out.String()
			}
			i += end + 1
		case '\\', '_', '*':
			i++
		case '[':
			end := strings.IndexByte(code[i:], ']')
			if end < 0 {
				return out.String()
			}
			if inner := code[i+1 : i+end]; strings.Trim(inner, "h") == "" || strings.Trim(inner, "m") == "" || strings.Trim(inner, "s") == "" {
				out.WriteString(inner)
			}
			i += end
		default:
			out.WriteByte(code[i])
		}
	}
	return out.String()
}

// Day returns the moment that so many days after the beginning of a date system are, to the millisecond, and false
// where there is none: before it begins, after the year 9999, and on 29 February 1900, which was none.
func Day(days float64, from1904 bool) (time.Time, bool) {
	if math.IsNaN(days) || days < 0 || days >= 2_958_466 {
		return time.Time{}, false
	}
	begin := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case from1904:
		begin = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	case days < 1 || days >= 60 && days < 61:
		return time.Time{}, false
	case days < 60:
		begin = begin.AddDate(0, 0, 1)
	}
	whole, rest := math.Modf(days)
	return begin.AddDate(0, 0, int(whole)).Add(time.Duration(math.Round(rest*86_400_000)) * time.Millisecond), true
}

// isoTime writes a moment as a cell that shows it.
func isoTime(at time.Time, format dateFormat) string {
	if format == dayFormat && at.Equal(at.Truncate(24*time.Hour)) {
		return at.Format(time.DateOnly)
	}
	return at.Format("2006-01-02T15:04:05.999")
}
