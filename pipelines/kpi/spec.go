package kpi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The formats of a file.
const (
	Delimited = "delimited" // text, one record a line; plain or gzip
	Excel     = "xlsx"      // one sheet of a workbook
	JSONLines = "jsonl"     // one flat JSON object a line; plain or gzip
	Parquet   = "parquet"   // a flat schema
)

// The encodings of a text. UTF16 goes by the byte order mark and takes little endian without one.
const (
	UTF8        = "utf-8"
	UTF16       = "utf-16"
	UTF16LE     = "utf-16le"
	UTF16BE     = "utf-16be"
	Windows1252 = "windows-1252"
)

// Special layouts of a time, beside the notation of Go's time package.
const (
	LayoutUnix      = "unix"      // seconds since 1970
	LayoutUnixMilli = "unix_ms"   // milliseconds since 1970
	LayoutExcel     = "excel"     // days since 1899-12-30, as Excel counts them from March 1900 on
	LayoutExcel1904 = "excel1904" // days since 1904-01-01, as workbooks of the 1904 date system count them
)

// Spec says how to read one source's files.
type Spec struct {
	// Format is Delimited, Excel, JSONLines or Parquet. Empty means Delimited.
	Format string `json:"format,omitempty"`
	// Encoding is that of a text. Empty means UTF8. A line that is not in it is refused.
	Encoding string `json:"encoding,omitempty"`
	// Sheet names the sheet of a workbook. Empty means the first.
	Sheet string `json:"sheet,omitempty"`
	// Header is the row that names the columns, counted from 1; what stands above it is left out. 0 means 1. -1 means that there is
	// none: columns are then named "column 1", "column 2" and so on. Of JSON lines and Parquet it must be 0.
	Header int `json:"header,omitempty"`
	// Delimiter separates fields: one of "," ";" "\t" "|". Empty means detected from the header.
	Delimiter string `json:"delimiter,omitempty"`
	// Time names the columns that make the time; their texts are joined with one blank. At least one.
	Time []string `json:"time"`
	// Layouts are the forms of the time, in the notation of Go's time package or one of the special layouts, tried in this order.
	// Empty means the ISO forms: date; date and time to the minute or second; RFC 3339. Cells that are times by their type need none.
	Layouts []string `json:"layouts,omitempty"`
	// Zone is the IANA zone of times that carry no offset. Empty means UTC.
	Zone string `json:"zone,omitempty"`
	// Value names the column of the value in a long file, of which each row is one value of one KPI. Empty means a wide file: each
	// KPI has a column of its own, and an empty cell is no value.
	Value string `json:"value,omitempty"`
	// DecimalComma is true when the decimal mark is a comma.
	DecimalComma bool `json:"decimal_comma,omitempty"`
	// Thousands is the mark between thousands: "," "." "'" or a blank, which stands for no-break ones too. Empty means that such
	// marks are refused.
	Thousands string `json:"thousands,omitempty"`
	// Key names the columns that tell the file's KPIs apart. Empty means that the file holds one KPI.
	Key []string `json:"key,omitempty"`
	// KPIs are the KPIs of the file. A line of another key is refused.
	KPIs []Series `json:"kpis"`
	// SkipOthers leaves lines of other keys out instead: they are counted and nothing more.
	SkipOthers bool `json:"skip_others,omitempty"`
}

// Series is one KPI of a file.
type Series struct {
	// Key holds the texts that the Spec's Key columns have on this KPI's lines, in their order.
	Key []string `json:"key,omitempty"`
	// Column is the column of its values in a wide file; empty in a long one.
	Column string `json:"column,omitempty"`
	// KPIID is the KPI's id.
	KPIID string `json:"kpi_id,omitempty"`
	// Skip leaves its values out: they are counted and nothing more. It needs no id then.
	Skip bool `json:"skip,omitempty"`
	// NonNegative refuses values below zero.
	NonNegative bool `json:"non_negative,omitempty"`
}

// ParseSpec decodes a Spec from JSON, refuses unknown members and validates it.
func ParseSpec(text []byte) (Spec, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var s Spec
	if err := decoder.Decode(&s); err != nil {
		return Spec{}, fmt.Errorf("decode KPI spec: %w", err)
	}
	return s, s.Validate()
}

// Validate returns an error that names the first field that is wrong.
func (s Spec) Validate() error {
	if s.Delimiter != "" && (len(s.Delimiter) != 1 || !strings.Contains(delimiters, s.Delimiter)) {
		return fmt.Errorf("KPI spec: delimiter %q: want a comma, a semicolon, a tab or a bar", s.Delimiter)
	}
	if !slices.Contains([]string{"", Delimited, Excel, JSONLines, Parquet}, s.Format) {
		return fmt.Errorf("KPI spec: format %q: want %s, %s, %s or %s", s.Format, Delimited, Excel, JSONLines, Parquet)
	}
	if !slices.Contains([]string{"", UTF8, UTF16, UTF16LE, UTF16BE, Windows1252}, s.Encoding) {
		return fmt.Errorf("KPI spec: encoding %q: want %s, %s or %s", s.Encoding, UTF8, UTF16, Windows1252)
	}
	if s.Header < -1 || s.Header > maxHeader || s.Header != 0 && (s.Format == JSONLines || s.Format == Parquet) {
		return fmt.Errorf("KPI spec: header %d: want a row from 1 to %d, or -1 for none", s.Header, maxHeader)
	}
	if !slices.Contains([]string{"", ",", ".", " ", "'"}, s.Thousands) || s.Thousands == s.decimal() {
		return fmt.Errorf("KPI spec: thousands %q: want a comma, a point, a blank or an apostrophe, and not the decimal mark", s.Thousands)
	}
	if len(s.Time) == 0 || s.Value == "" && !s.wide() {
		return errors.New("KPI spec: time and value must name columns")
	}
	if _, err := time.LoadLocation(s.Zone); err != nil || s.Zone == "Local" {
		return fmt.Errorf("KPI spec: zone %q is not an IANA time zone", s.Zone)
	}
	for _, layout := range s.Layouts {
		if err := checkLayout(layout); err != nil {
			return fmt.Errorf("KPI spec: layout %q: %w", layout, err)
		}
	}
	return s.validateKPIs()
}

// maxHeader bounds how far down a header may stand.
const maxHeader = 1000

// wide reports whether each KPI has a column of its own.
func (s Spec) wide() bool {
	return s.Value == "" && slices.ContainsFunc(s.KPIs, func(k Series) bool { return k.Column != "" })
}

// decimal returns the decimal mark.
func (s Spec) decimal() string {
	if s.DecimalComma {
		return ","
	}
	return "."
}

func (s Spec) validateKPIs() error {
	if len(s.KPIs) == 0 {
		return errors.New("KPI spec: no KPIs")
	}
	keys, ids := map[string]bool{}, map[string]bool{}
	for _, series := range s.KPIs {
		if series.KPIID == "" && !series.Skip || len(series.Key) != len(s.Key) {
			return fmt.Errorf("KPI spec: KPI %q has %d key texts for %d key columns", series.KPIID, len(series.Key), len(s.Key))
		}
		if (series.Column == "") == s.wide() {
			return fmt.Errorf("KPI spec: KPI %q: either the spec names the value's column or every KPI its own", series.KPIID)
		}
		key := joinKey(series.Key) + "\r" + series.Column
		if keys[key] {
			return fmt.Errorf("KPI spec: key %s stands twice", strings.Join(append(slices.Clone(series.Key), series.Column), ", "))
		}
		if series.KPIID != "" && ids[series.KPIID] {
			return fmt.Errorf("KPI spec: KPI %s stands twice", series.KPIID)
		}
		keys[key], ids[series.KPIID] = true, true
	}
	return nil
}

// values returns the columns that hold values, in the order in which the KPIs first name them.
func (s Spec) values() []string {
	if !s.wide() {
		return []string{s.Value}
	}
	var columns []string
	for _, series := range s.KPIs {
		if !slices.Contains(columns, series.Column) {
			columns = append(columns, series.Column)
		}
	}
	return columns
}

// columns returns the columns that a header must hold.
func (s Spec) columns() []string {
	columns := slices.Concat(s.Time, s.values(), s.Key)
	slices.Sort(columns)
	return slices.Compact(columns)
}

// joinKey makes one text of a key's texts. Fields never hold a line feed, so no two keys give the same.
func joinKey(key []string) string { return strings.Join(key, "\n") }
