package pipelines

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"
)

// digest is the content of rows, structs of package dataset: their values without those
// of landed_at, in any order. Two sets of rows with the same digest are the same data read
// at different times. It is the sum, lane by lane, of the SHA-256 of every row, so that an upstream
// that answers in another order has not changed.
func digest[T any](rows []T) string {
	fields := digestFields(reflect.TypeFor[T]())
	var lanes [sha256.Size / 8]uint64
	buffer := make([]byte, 0, 256)
	for i := range rows {
		row := reflect.ValueOf(&rows[i]).Elem()
		buffer = buffer[:0]
		for _, f := range fields {
			buffer = appendValue(buffer, row.Field(f))
		}
		sum := sha256.Sum256(buffer)
		for lane := range lanes {
			lanes[lane] += binary.LittleEndian.Uint64(sum[8*lane:])
		}
	}
	text := make([]byte, 0, sha256.Size)
	for _, lane := range lanes {
		text = binary.LittleEndian.AppendUint64(text, lane)
	}
	return fmt.Sprintf("%d-%s", len(rows), hex.EncodeToString(text))
}

// digestFields returns the indexes of the fields that say what a row is, not when it was read.
func digestFields(row reflect.Type) []int {
	var fields []int
	for i := range row.NumField() {
		if name, _, _ := strings.Cut(row.Field(i).Tag.Get("parquet"), ","); name != landedAt {
			fields = append(fields, i)
		}
	}
	return fields
}

// appendValue appends v so that no two different rows give the same bytes: strings have
// their length before them, pointers a mark for nil.
func appendValue(buffer []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return append(buffer, 0)
		}
		return appendValue(append(buffer, 1), v.Elem())
	case reflect.String:
		buffer = binary.AppendUvarint(buffer, uint64(v.Len()))
		return append(buffer, v.String()...)
	case reflect.Float64:
		return binary.LittleEndian.AppendUint64(buffer, math.Float64bits(v.Float()))
	case reflect.Int32, reflect.Int64:
		return binary.LittleEndian.AppendUint64(buffer, uint64(v.Int()))
	case reflect.Bool:
		if v.Bool() {
			return append(buffer, 1)
		}
		return append(buffer, 0)
	}
	// Dataset rows hold nothing else; a field of another type is a programmer's mistake.
	at := v.Addr().Interface().(*time.Time)
	return binary.LittleEndian.AppendUint64(buffer, uint64(at.UnixMicro()))
}
