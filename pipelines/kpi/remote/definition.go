package remote

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/kpi"
)

// The kinds of sources that a Reader reads, and push, whose points come by themselves.
const (
	KindHTTP     = "http"
	KindSheet    = "sheet"
	KindDatabase = "database"
	KindPush     = "push"
)

// Definition is what a source's owner says of it. Of HTTP, Sheet and Database the one of its kind is set.
type Definition struct {
	HTTP     *HTTP     `json:"http,omitempty"`
	Sheet    *Sheet    `json:"sheet,omitempty"`
	Database *Database `json:"database,omitempty"`
	Mapping  Mapping   `json:"mapping"`
	KPIs     []KPI     `json:"kpis"`
}

// HTTP is an address that answers with rows.
type HTTP struct {
	URL string `json:"url"`
	// Method is GET or POST; empty means GET. Body goes with POST, as JSON.
	Method string `json:"method,omitempty"`
	Body   string `json:"body,omitempty"`
	// Headers and Parameters are names; the values are secrets. Parameters are appended to the URL's query.
	Headers    []string `json:"headers,omitempty"`
	Parameters []string `json:"parameters,omitempty"`
	// Format is json or csv.
	Format string `json:"format"`
	// Rows is the JSONPath of the rows: of each, or of one list that holds them. Empty means the document's list.
	Rows string `json:"rows,omitempty"`
	// Paging is nil for an answer of one page.
	Paging *Paging `json:"paging,omitempty"`
}

// Paging says how an answer continues.
type Paging struct {
	// Kind is page: a counted parameter; cursor: a parameter with what the page before gave; or next: an address in the page before.
	Kind string `json:"kind"`
	// Parameter is the query parameter of page and cursor.
	Parameter string `json:"parameter,omitempty"`
	// First and Step count pages, or rows when the parameter is an offset. A Step of zero means 1.
	First int `json:"first,omitempty"`
	Step  int `json:"step,omitempty"`
	// Path is the JSONPath of the cursor or of the next address; empty for next means the header Link.
	Path string `json:"path,omitempty"`
	// MaxPages ends the reading. Zero means 20.
	MaxPages int `json:"max_pages,omitempty"`
}

// Sheet is a published table.
type Sheet struct {
	URL string `json:"url"`
}

// Database is a query on Postgres; the password is the secret "password".
type Database struct {
	Host string `json:"host"`
	// Port zero means 5432.
	Port     uint16 `json:"port,omitempty"`
	Database string `json:"database"`
	User     string `json:"user"`
	// TLS is verify: encrypted, and the server's certificate is checked; require: encrypted; or off, in the operator's own networks
	// only. Empty means verify.
	TLS string `json:"tls,omitempty"`
	// CA is a PEM certificate that the server's is checked against. Empty means the system's.
	CA string `json:"ca,omitempty"`
	// Query is one SELECT.
	Query string `json:"query"`
}

// Mapping says where time, KPI and value stand in a row. In JSON a column is a member's name or, beginning with $, a JSONPath in the row.
type Mapping struct {
	Time []string `json:"time,omitempty"`
	// Layouts are forms of the time in the notation of Go's time package; empty means the ISO forms.
	Layouts []string `json:"layouts,omitempty"`
	// TimeZone is the zone of times without an offset; empty means the business's.
	TimeZone string `json:"time_zone,omitempty"`
	// Epoch is seconds or milliseconds for times that count since 1970, else empty.
	Epoch string `json:"epoch,omitempty"`
	// Value is the column of the value; empty when the KPIs have columns of their own.
	Value string `json:"value,omitempty"`
	// Key are the columns that tell KPIs apart.
	Key          []string `json:"key,omitempty"`
	DecimalComma bool     `json:"decimal_comma,omitempty"`
	// Delimiter of CSV; empty means found from the header.
	Delimiter string `json:"delimiter,omitempty"`
}

// KPI is one KPI of a source.
type KPI struct {
	ID string `json:"id"`
	// Name is what a push calls it.
	Name string `json:"name,omitempty"`
	// Key holds its texts in the Mapping's Key columns.
	Key []string `json:"key,omitempty"`
	// Column is that of its value when values stand side by side.
	Column      string `json:"column,omitempty"`
	NonNegative bool   `json:"non_negative,omitempty"`
}

// Secrets are a source's secrets in plain text, by name: "password", "header/<name>", "parameter/<name>".
type Secrets map[string]string

// The names of secrets.
const (
	SecretPassword  = "password"
	SecretHeader    = "header/"
	SecretParameter = "parameter/"
)

// Parse reads a stored definition and refuses unknown members. It does not check it.
func Parse(text []byte) (Definition, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var d Definition
	if err := decoder.Decode(&d); err != nil {
		return Definition{}, fmt.Errorf("read source definition: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return Definition{}, fmt.Errorf("read source definition: text after its end")
	}
	return d, nil
}

// Table returns how package kpi is to read the rows; zone is that of the business.
func (d Definition) Table(zone string) kpi.Table {
	m := d.Mapping
	if m.TimeZone != "" {
		zone = m.TimeZone
	}
	t := kpi.Table{Spec: kpi.Spec{Delimiter: m.Delimiter, Time: m.Time, Layouts: m.Layouts, Zone: zone, Value: m.Value,
		DecimalComma: m.DecimalComma, Key: m.Key}}
	switch m.Epoch {
	case "seconds":
		t.Epoch = time.Second
	case "milliseconds":
		t.Epoch = time.Millisecond
	}
	for _, k := range d.KPIs {
		t.Spec.KPIs = append(t.Spec.KPIs, kpi.Series{Key: k.Key, KPIID: k.ID, NonNegative: k.NonNegative})
		if k.Column == "" {
			continue
		}
		if t.Values == nil {
			t.Values = map[string]string{}
		}
		t.Values[k.ID] = k.Column
	}
	return t
}

// format is how the rows come.
func (d Definition) format(kind string) string {
	if kind == KindHTTP && d.HTTP != nil {
		return d.HTTP.Format
	}
	if kind == KindSheet {
		return "csv"
	}
	return kind
}
