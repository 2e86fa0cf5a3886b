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

// Spec says how to read one source's files.
type Spec struct {
	// Delimiter separates fields: one of "," ";" "\t" "|". Empty means detected from the header.
	Delimiter string `json:"delimiter,omitempty"`
	// Time names the columns that make the time; their texts are joined with one blank. At least one.
	Time []string `json:"time"`
	// Layouts are the forms of the time, in the notation of Go's time package, tried in this order. Empty means the ISO
	// forms: date; date and time to the minute or second; RFC 3339.
	Layouts []string `json:"layouts,omitempty"`
	// Zone is the IANA zone of times that carry no offset. Empty means UTC.
	Zone string `json:"zone,omitempty"`
	// Value names the column of the value.
	Value string `json:"value"`
	// DecimalComma is true when the decimal mark is a comma. Marks of thousands are refused either way.
	DecimalComma bool `json:"decimal_comma,omitempty"`
	// Key names the columns that tell the file's KPIs apart. Empty means that the file holds one KPI.
	Key []string `json:"key,omitempty"`
	// KPIs are the KPIs of the file. A line of another key is refused.
	KPIs []Series `json:"kpis"`
}

// Series is one KPI of a file.
type Series struct {
	// Key holds the texts that the Spec's Key columns have on this KPI's lines, in their order.
	Key []string `json:"key,omitempty"`
	// KPIID is the KPI's id.
	KPIID string `json:"kpi_id"`
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
	if len(s.Time) == 0 || s.Value == "" {
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

func (s Spec) validateKPIs() error {
	if len(s.KPIs) == 0 {
		return errors.New("KPI spec: no KPIs")
	}
	keys, ids := map[string]bool{}, map[string]bool{}
	for _, series := range s.KPIs {
		if series.KPIID == "" || len(series.Key) != len(s.Key) {
			return fmt.Errorf("KPI spec: KPI %q has %d key texts for %d key columns", series.KPIID, len(series.Key), len(s.Key))
		}
		key := joinKey(series.Key)
		if keys[key] {
			return fmt.Errorf("KPI spec: key %s stands twice", strings.Join(series.Key, ", "))
		}
		if ids[series.KPIID] {
			return fmt.Errorf("KPI spec: KPI %s stands twice", series.KPIID)
		}
		keys[key], ids[series.KPIID] = true, true
	}
	return nil
}

// columns returns the columns that a header must hold.
func (s Spec) columns() []string {
	columns := slices.Concat(s.Time, []string{s.Value}, s.Key)
	slices.Sort(columns)
	return slices.Compact(columns)
}

// joinKey makes one text of a key's texts. Fields never hold a line feed, so no two keys give the same.
func joinKey(key []string) string { return strings.Join(key, "\n") }
