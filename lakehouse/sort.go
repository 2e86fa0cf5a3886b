package lakehouse

import (
	"cmp"
	"math"
	"reflect"
	"slices"
	"time"
)

// sortKey holds one integer per row whose order is the order of the column's values,
// nulls first. Text becomes its rank among the column's distinct texts, so that sorting never
// compares text: a million rows have few distinct business and KPI ids.
type sortKey []int64

const nullRank = math.MinInt64

// keyOf returns the sort key of one field of rows.
func keyOf[T any](rows []T, field int) sortKey {
	key := make(sortKey, len(rows))
	kind := reflect.TypeFor[T]().Field(field).Type
	pointer := kind.Kind() == reflect.Pointer
	if pointer {
		kind = kind.Elem()
	}
	value := func(i int) reflect.Value {
		v := reflect.ValueOf(&rows[i]).Elem().Field(field)
		if pointer {
			return v.Elem() // the zero Value when nil
		}
		return v
	}
	if kind.Kind() == reflect.String {
		rankText(key, value)
		return key
	}
	for i := range key {
		key[i] = nullRank
		if v := value(i); v.IsValid() {
			key[i] = rank(v)
		}
	}
	return key
}

// rank maps a number, truth value or instant to an integer in the same order.
func rank(v reflect.Value) int64 {
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return 1
		}
		return 0
	case reflect.Float64:
		bits := int64(math.Float64bits(v.Float()))
		if bits < 0 {
			return math.MinInt64 - bits // negative floats sort by falling magnitude
		}
		return bits
	case reflect.Struct:
		at, _ := v.Interface().(time.Time)
		return at.UnixMicro()
	}
	return v.Int()
}

func rankText(key sortKey, value func(int) reflect.Value) {
	seen := map[string]int64{}
	var texts []string
	number := make(sortKey, len(key)) // of the text of each row, in order of appearance
	for i := range key {
		v := value(i)
		if !v.IsValid() {
			number[i] = nullRank
			continue
		}
		n, ok := seen[v.String()]
		if !ok {
			n = int64(len(texts))
			seen[v.String()] = n
			texts = append(texts, v.String())
		}
		number[i] = n
	}
	byText := make([]int64, len(texts))
	for i := range byText {
		byText[i] = int64(i)
	}
	slices.SortFunc(byText, func(a, b int64) int { return cmp.Compare(texts[a], texts[b]) })
	ranks := make([]int64, len(texts))
	for r, n := range byText {
		ranks[n] = int64(r)
	}
	for i, n := range number {
		key[i] = n
		if n != nullRank {
			key[i] = ranks[n]
		}
	}
}

// order sorts row numbers by keys, and rows with equal keys as they came.
func order(rows []int32, keys []sortKey) {
	compare := func(a, b int32) int {
		for _, key := range keys {
			if key[a] != key[b] {
				if key[a] < key[b] {
					return -1
				}
				return 1
			}
		}
		return cmp.Compare(a, b)
	}
	if !slices.IsSortedFunc(rows, compare) {
		slices.SortFunc(rows, compare)
	}
}
