package sourcetest

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// checkRows wants every key column of every row of d to be set, keys to stand once,
// instants to be UTC with whole microseconds, numbers to be finite and landed_at to be asOf.
func checkRows[T any](t *testing.T, unit string, d dataset.Dataset, rows []T, asOf time.Time) {
	t.Helper()
	seen := map[string]int{}
	for i := range rows {
		row := reflect.ValueOf(rows[i])
		var key []any
		for f := range row.NumField() {
			name, _, _ := strings.Cut(row.Type().Field(f).Tag.Get("parquet"), ",")
			isKey := slices.Contains(d.Key, name)
			checkField(t, unit, d.Name+"."+name, row.Field(f), isKey, asOf)
			if isKey {
				key = append(key, row.Field(f).Interface())
			}
		}
		text := keyText(key)
		if first, doubled := seen[text]; doubled {
			t.Errorf("unit %s: rows %d and %d of %s have the same key %s", unit, first, i, d.Name, text)
		}
		seen[text] = i
	}
}

func checkField(t *testing.T, unit, name string, field reflect.Value, isKey bool, asOf time.Time) {
	t.Helper()
	if field.Kind() == reflect.Pointer {
		if field.IsNil() {
			return
		}
		field = field.Elem()
	}
	switch value := field.Interface().(type) {
	case string:
		if isKey && value == "" && !strings.HasSuffix(name, ".country") {
			t.Errorf("unit %s: %s is empty", unit, name)
		}
		if strings.ToValidUTF8(value, "") != value {
			t.Errorf("unit %s: %s %q is not UTF-8", unit, name, value)
		}
	case float64:
		if math.IsNaN(value) || math.IsInf(value, 0) {
			t.Errorf("unit %s: %s is %v", unit, name, value)
		}
	case time.Time:
		if value.IsZero() || value.Location() != time.UTC || value.Truncate(time.Microsecond) != value {
			t.Errorf("unit %s: %s is %v, want an instant in UTC with whole microseconds", unit, name, value)
		}
		if strings.HasSuffix(name, ".landed_at") && !value.Equal(asOf) {
			t.Errorf("unit %s: %s is %v, want the run's as-of instant %v", unit, name, value, asOf)
		}
	}
}

func keyText(key []any) string {
	var text strings.Builder
	for _, part := range key {
		fmt.Fprintf(&text, "%v|", part)
	}
	return text.String()
}
