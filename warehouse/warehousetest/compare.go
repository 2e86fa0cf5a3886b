package warehousetest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/warehouse"
)

// tolerance is the relative difference within which floats are equal.
const tolerance = 1e-9

// diff compares rows as bags and returns "" when they are equal, else the rows that
// only one side has.
func diff(got, want [][]any) string {
	got, want = slices.Clone(got), slices.Clone(want)
	slices.SortFunc(got, compareRows)
	slices.SortFunc(want, compareRows)
	var lines []string
	for _, row := range want {
		at := slices.IndexFunc(got, func(other []any) bool { return slices.EqualFunc(row, other, equal) })
		if at < 0 {
			lines = append(lines, "missing:    "+line(row))
			continue
		}
		got = slices.Delete(got, at, at+1)
	}
	for _, row := range got {
		lines = append(lines, "unexpected: "+line(row))
	}
	return strings.Join(lines, "\n")
}

func line(row []any) string {
	cells := make([]string, len(row))
	for i, value := range row {
		cells[i] = warehouse.Text(value)
	}
	return strings.Join(cells, " | ")
}

func equal(a, b any) bool {
	x, isFloat := a.(float64)
	y, alsoFloat := b.(float64)
	if isFloat && alsoFloat {
		return x == y || math.IsNaN(x) && math.IsNaN(y) || math.Abs(x-y) <= tolerance*max(math.Abs(x), math.Abs(y))
	}
	if x, ok := a.(time.Time); ok {
		y, also := b.(time.Time)
		return also && x.Equal(y)
	}
	return a == b
}

func compareRows(a, b []any) int {
	for i := range a {
		if c := cmp.Compare(fmt.Sprint(a[i]), fmt.Sprint(b[i])); c != 0 {
			return c
		}
	}
	return 0
}
