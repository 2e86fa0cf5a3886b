package dataset

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// mustColumns returns the columns that the parquet tags of row struct T declare. It
// panics on a tag it does not understand: tags are part of the program.
func mustColumns[T any]() []Column {
	t := reflect.TypeFor[T]()
	columns := make([]Column, 0, t.NumField())
	for i := range t.NumField() {
		column, err := columnOf(t.Field(i))
		if err != nil {
			panic(fmt.Sprintf("dataset row %s: %v", t.Name(), err))
		}
		columns = append(columns, column)
	}
	return columns
}

func columnOf(f reflect.StructField) (Column, error) {
	parts := strings.Split(f.Tag.Get("parquet"), ",")
	column := Column{Name: parts[0], Required: f.Type.Kind() != reflect.Pointer}
	date := false
	for _, part := range parts[1:] {
		if id, ok := strings.CutPrefix(part, "id("); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(id, ")"))
			if err != nil {
				return Column{}, fmt.Errorf("field %s: field id in tag %q: %w", f.Name, part, err)
			}
			column.ID = n
		}
		date = date || part == "date"
	}
	if column.Name == "" || column.ID == 0 {
		return Column{}, fmt.Errorf("field %s: the parquet tag needs a name and id(n)", f.Name)
	}
	kind := f.Type
	if !column.Required {
		kind = kind.Elem()
	}
	switch {
	case date:
		column.Type = Date
	case kind == reflect.TypeFor[time.Time]():
		column.Type = Timestamp
	case kind.Kind() == reflect.String:
		column.Type = String
	case kind.Kind() == reflect.Float64:
		column.Type = Float64
	case kind.Kind() == reflect.Int64:
		column.Type = Int64
	case kind.Kind() == reflect.Int32:
		column.Type = Int32
	case kind.Kind() == reflect.Bool:
		column.Type = Bool
	default:
		return Column{}, fmt.Errorf("field %s: no lake type for %s", f.Name, f.Type)
	}
	return column, nil
}

// Days is a calendar day as Parquet and Arrow hold it: days since 1970-01-01.
type Days = int32

// ToDays returns the calendar day of t in t's own location.
func ToDays(t time.Time) Days {
	y, m, d := t.Date()
	return Days(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// FromDays returns midnight UTC of day d.
func FromDays(d Days) time.Time { return time.Unix(int64(d)*86400, 0).UTC() }
