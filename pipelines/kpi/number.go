package kpi

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxValue bounds a value: sums over years of days, in any currency, stay exact and finite.
const maxValue = 1e15

// marks are the marks inside numbers.
type marks struct {
	comma     bool   // the decimal mark is a comma, not a point
	thousands string // empty: none
}

// number parses a finite decimal number such as -12.5 or 1e3. With a decimal comma, a
// point is refused unless it is the mark of thousands, and the other way round.
func number(text []byte, m marks) (float64, string) {
	if len(text) == 0 {
		return 0, "the value is empty"
	}
	plain := text
	if m.thousands != "" {
		var ok bool
		if plain, ok = ungroup(text, m); !ok {
			return 0, fmt.Sprintf("value %q is not a number whose thousands are marked", text)
		}
	}
	for _, c := range plain {
		digit := c >= '0' && c <= '9'
		mark := (c == '.' && !m.comma) || (c == ',' && m.comma)
		if !digit && !mark && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, notNumber(text)
		}
	}
	if m.comma {
		plain = bytes.Replace(plain, []byte{','}, []byte{'.'}, 1)
	}
	value, err := strconv.ParseFloat(string(plain), 64)
	if math.Abs(value) > maxValue {
		return 0, fmt.Sprintf("value %q is too large", text)
	}
	if err != nil {
		return 0, notNumber(text)
	}
	return value + 0, "" // -0 is 0
}

// Number parses a number as a reader does that was told the decimal mark and the mark of thousands.
func Number(text string, decimalComma bool, thousands string) (float64, bool) {
	value, reason := number([]byte(text), marks{decimalComma, thousands})
	return value, reason == ""
}

// ungroup returns text without its marks of thousands, and false when they do not stand where they must: before each
// three digits of the whole part, or, as India writes, before the last three and before each two above them.
// A number may also bear none of them.
func ungroup(text []byte, m marks) ([]byte, bool) {
	whole, decimal := string(text), byte('.')
	if m.comma {
		decimal = ','
	}
	rest := ""
	if end := strings.IndexAny(whole, string(decimal)+"eE"); end >= 0 {
		whole, rest = whole[:end], whole[end:]
	}
	if m.thousands == " " {
		whole = strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(whole)
	}
	if m.thousands == "'" {
		whole = strings.ReplaceAll(whole, "\u2019", "'")
	}
	if strings.Contains(rest, m.thousands) {
		return nil, false
	}
	groups := strings.Split(whole, m.thousands)
	if len(groups) == 1 {
		return []byte(whole + rest), true
	}
	inner := len(groups[1])
	for i, group := range groups {
		digits := len(strings.TrimLeft(group, "+-"))
		switch {
		case i == 0 && (digits == 0 || digits > inner || strings.TrimLeft(group, "+-")[0] == '0'):
			return nil, false
		case i == len(groups)-1 && len(group) != 3:
			return nil, false
		case i > 0 && i < len(groups)-1 && (len(group) != inner || inner < 2 || inner > 3):
			return nil, false
		}
	}
	return []byte(strings.Join(groups, "") + rest), true
}

func notNumber(text []byte) string {
	if value, err := strconv.ParseFloat(string(text), 64); err == nil && (math.IsNaN(value) || math.IsInf(value, 0)) {
		return fmt.Sprintf("value %q is not a finite number", text)
	}
	return fmt.Sprintf("value %q is not a number", text)
}
