package columnar

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// reader returns what the values of a leaf are and how one is written; nil for types that are no plain values.
func reader(c *parquet.Column) (kind Kind, zoned bool, read func(parquet.Value) (string, error)) {
	t := c.Type()
	if logical := t.LogicalType(); logical != nil {
		switch l := logical.Value.(type) {
		case *format.DecimalType:
			return Number, false, decimal(t.Kind(), l.Scale)
		case *format.DateType:
			return Time, false, date
		case *format.TimestampType:
			unit := l.Unit.Value
			if unit == nil {
				return Text, false, nil
			}
			return Time, l.IsAdjustedToUTC, timestamp(unit.Duration(), l.IsAdjustedToUTC)
		case *format.IntType:
			return Number, false, integer(t.Kind(), l.IsSigned)
		case *format.StringType, *format.EnumType, nil:
		default:
			return Text, false, nil
		}
	}
	switch converted := t.ConvertedType(); {
	case converted == nil:
	case *converted == deprecated.TimestampMillis:
		return Time, true, timestamp(time.Millisecond, true)
	case *converted == deprecated.TimestampMicros:
		return Time, true, timestamp(time.Microsecond, true)
	case *converted == deprecated.Date:
		return Time, false, date
	}
	switch t.Kind() {
	case parquet.Boolean:
		return Text, false, func(v parquet.Value) (string, error) { return strconv.FormatBool(v.Boolean()), nil }
	case parquet.Int32, parquet.Int64:
		return Number, false, integer(t.Kind(), true)
	case parquet.Float, parquet.Double:
		return Number, false, float
	case parquet.Int96:
		return Time, true, int96
	case parquet.ByteArray:
		return Text, false, text
	}
	return Text, false, nil
}

func integer(kind parquet.Kind, signed bool) func(parquet.Value) (string, error) {
	return func(v parquet.Value) (string, error) {
		switch {
		case kind == parquet.Int32 && signed:
			return strconv.FormatInt(int64(v.Int32()), 10), nil
		case kind == parquet.Int32:
			return strconv.FormatUint(uint64(v.Uint32()), 10), nil
		case signed:
			return strconv.FormatInt(v.Int64(), 10), nil
		}
		return strconv.FormatUint(v.Uint64(), 10), nil
	}
}

// float writes the exact value; that of a 32-bit number too, which has more digits then than its writer may have thought of.
func float(v parquet.Value) (string, error) {
	if v.Kind() == parquet.Float {
		return strconv.FormatFloat(float64(v.Float()), 'g', -1, 64), nil
	}
	return strconv.FormatFloat(v.Double(), 'g', -1, 64), nil
}

func text(v parquet.Value) (string, error) {
	raw := v.ByteArray()
	if len(raw) > maxValueLength || !utf8.Valid(raw) {
		return "", errors.New("the text is too long, or not UTF-8")
	}
	return string(raw), nil
}

// maxScale bounds the digits behind the point: the format allows no more than a decimal of 16 bytes has.
const maxScale = 38

// decimal writes the unscaled whole number with the point scale digits from its end.
func decimal(kind parquet.Kind, scale int32) func(parquet.Value) (string, error) {
	if scale < 0 || scale > maxScale {
		return nil
	}
	return func(v parquet.Value) (string, error) {
		var digits string
		switch kind {
		case parquet.Int32:
			digits = strconv.FormatInt(int64(v.Int32()), 10)
		case parquet.Int64:
			digits = strconv.FormatInt(v.Int64(), 10)
		default:
			raw := v.ByteArray()
			if len(raw) > 32 {
				return "", errors.New("the decimal is too long")
			}
			n := new(big.Int).SetBytes(raw) // big-endian two's complement
			if len(raw) > 0 && raw[0]&0x80 != 0 {
				n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(raw))))
			}
			digits = n.String()
		}
		if scale == 0 {
			return digits, nil
		}
		sign := ""
		if digits[0] == '-' {
			sign, digits = "-", digits[1:]
		}
		if short := int(scale) + 1 - len(digits); short > 0 {
			digits = strings.Repeat("0", short) + digits
		}
		point := len(digits) - int(scale)
		return sign + digits[:point] + "." + digits[point:], nil
	}
}

func date(v parquet.Value) (string, error) {
	days := int64(v.Int32())
	if days < -1e6 || days > 3e6 {
		return "", fmt.Errorf("day %d lies too far away", days)
	}
	return time.Unix(days*86_400, 0).UTC().Format(time.DateOnly), nil
}

func timestamp(unit time.Duration, zoned bool) func(parquet.Value) (string, error) {
	perSecond := int64(time.Second / unit)
	return func(v parquet.Value) (string, error) {
		count := v.Int64()
		seconds, rest := count/perSecond, count%perSecond
		return moment(seconds, rest*int64(unit), zoned)
	}
}

// int96 reads the nanoseconds of the day and the Julian day.
func int96(v parquet.Value) (string, error) {
	raw := v.Int96()
	nanos := int64(raw[0]) | int64(raw[1])<<32
	const julianOf1970 = 2_440_588
	if nanos < 0 || nanos >= int64(24*time.Hour) {
		return "", errors.New("the time of day is longer than a day")
	}
	return moment((int64(raw[2])-julianOf1970)*86_400, nanos, true)
}

func moment(seconds, nanos int64, zoned bool) (string, error) {
	if math.Abs(float64(seconds)) > 3e11 {
		return "", fmt.Errorf("second %d lies too far away", seconds)
	}
	at := time.Unix(seconds, nanos).UTC()
	if at.Year() < 0 || at.Year() > 9999 {
		return "", fmt.Errorf("year %d lies too far away", at.Year())
	}
	if zoned {
		return at.Format(time.RFC3339Nano), nil
	}
	return at.Format("2006-01-02T15:04:05.999999999"), nil
}
