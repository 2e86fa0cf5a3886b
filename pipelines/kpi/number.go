package kpi

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// maxValue bounds a value: sums over years of days, in any currency, stay exact and finite.
const maxValue = 1e15

// number parses a finite decimal number such as -12.5 or 1e3. With comma the decimal mark
// is a comma, and a point is refused: it could only be a mark of thousands.
func number(text []byte, comma bool) (float64, string) {
	if len(text) == 0 {
		return 0, "the value is empty"
	}
	for _, c := range text {
		digit := c >= '0' && c <= '9'
		mark := (c == '.' && !comma) || (c == ',' && comma)
		if !digit && !mark && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, notNumber(text)
		}
	}
	plain := text
	if comma {
		plain = bytes.Replace(text, []byte{','}, []byte{'.'}, 1)
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

func notNumber(text []byte) string {
	if value, err := strconv.ParseFloat(string(text), 64); err == nil && (math.IsNaN(value) || math.IsInf(value, 0)) {
		return fmt.Sprintf("value %q is not a finite number", text)
	}
	return fmt.Sprintf("value %q is not a number", text)
}
