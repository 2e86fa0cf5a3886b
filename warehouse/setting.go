package warehouse

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// sizeText writes bytes the way DuckDB's settings take them.
func sizeText(sizeBytes int64) string { return fmt.Sprintf("%d KiB", sizeBytes/1024) }

// sameSetting compares a setting as DuckDB states it with what was asked for. Sizes
// come back rounded to one decimal of their unit.
func sameSetting(got, want string) bool {
	if got == want {
		return true
	}
	gotSize, gotUnit, err := parseSize(got)
	if err != nil {
		return false
	}
	wantSize, _, err := parseSize(want)
	return err == nil && math.Abs(gotSize-wantSize) <= gotUnit/10
}

// parseSize reads "1.5 GiB" and returns its bytes and those of its unit.
func parseSize(text string) (sizeBytes, unit float64, err error) {
	number, name, _ := strings.Cut(text, " ")
	n, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("size %q: %w", text, err)
	}
	power, ok := map[string]float64{"bytes": 0, "byte": 0, "KiB": 1, "MiB": 2, "GiB": 3, "TiB": 4}[name]
	if !ok {
		return 0, 0, fmt.Errorf("size %q has no known unit", text)
	}
	unit = math.Pow(1024, power)
	return n * unit, unit, nil
}
