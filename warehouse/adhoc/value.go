package adhoc

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"
)

// plain turns what DuckDB's driver gave for a column of type kind into nil, bool, a
// number or text. Decimals and numbers too great for 64 bits become text, so that no digit is lost.
func plain(value any, kind string) any {
	switch v := value.(type) {
	case nil, bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float64, string:
		return v
	case float32:
		return float64(v)
	case time.Time:
		return instant(v, kind)
	case []byte:
		if kind == "UUID" && len(v) == 16 {
			return fmt.Sprintf("%x-%x-%x-%x-%x", v[:4], v[4:6], v[6:8], v[8:10], v[10:])
		}
		return `\x` + hex.EncodeToString(v)
	case duckdb.Interval:
		return interval(v)
	}
	return fmt.Sprint(value)
}

// instant writes a time the way its type means it: days without a clock, instants with Z.
func instant(at time.Time, kind string) string {
	at = at.UTC()
	switch {
	case kind == "DATE":
		return at.Format(time.DateOnly)
	case strings.HasPrefix(kind, "TIMESTAMP") && strings.HasSuffix(kind, "TZ"):
		return at.Format("2006-01-02T15:04:05.999999Z")
	case strings.HasPrefix(kind, "TIMESTAMP"):
		return at.Format("2006-01-02T15:04:05.999999999")
	}
	return at.Format("15:04:05.999999")
}

func interval(v duckdb.Interval) string {
	return fmt.Sprintf("%d months %d days %s", v.Months, v.Days, time.Duration(v.Micros)*time.Microsecond)
}
