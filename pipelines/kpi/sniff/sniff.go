// Package sniff looks at the beginning and a sample of a file and says how it is to be read: in which format, encoding and
// dialect, where its header stands, which columns hold the time, the keys and the values, how dates and numbers are written,
// and which KPIs it holds.
//
// It never decides silently what can be read in two ways. 03/04/2026 may be in March or April, 1,234 may be a thousand or
// one: as long as the sample holds no value that settles it, the question stands in Finding.Ambiguous with its choices, and
// a person's Choices answer it. What a person has chosen is not doubted.
package sniff

import (
	"context"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/kpi"
)

// Choices are what a person has decided. Empty fields are found out.
type Choices struct {
	Format, Encoding, Delimiter, Sheet string
	// Header is the row that names the columns, -1 for none, 0 for what is found.
	Header int
	// Time names the columns of the time, Forms how it is written, such as "DD/MM/YYYY hh:mm".
	Time, Forms []string
	// DateOrder is YMD, DMY or MDY.
	DateOrder string
	// DecimalMark is "." or ",".
	DecimalMark string
	// Thousands is the mark between thousands; "none" means that there is none.
	Thousands string
	// Zone is the IANA zone of times without an offset.
	Zone string
	// Shape is Long or Wide.
	Shape string
	// Value names the column of the value in a long file.
	Value string
	// Key names the columns that tell KPIs apart. Nil means what is found, an empty list none.
	Key []string
	// KPIs is true when the person has said which KPIs there are. Columns are those of them that have one of their own: they hold
	// values, whatever the sample makes of them.
	KPIs    bool
	Columns []string
}

// Options are what a business says of itself.
type Options struct {
	// Zone is its time zone, for times without an offset.
	Zone string
	// Currency is its currency, an ISO 4217 code.
	Currency string
	// AsOf is the instant after which values are refused.
	AsOf time.Time
}

// The shapes of a table.
const (
	Long = "long" // each row is one value
	Wide = "wide" // each KPI has a column
)

// None is the choice of no mark between thousands.
const None = "none"

// Finding says what was understood.
type Finding struct {
	Format      string
	Compression string // "none" or "gzip"
	Encoding    string // of texts
	Delimiter   string // of delimited text
	Sheet       string // of a workbook
	Sheets      []string
	Header      int // -1: none; 0 in formats whose columns have names
	Columns     []Column
	Time        []string
	Forms       []string // how the time is written, as patterns; empty for columns that are times by their type
	DateOrder   string   // YMD, DMY or MDY; empty when the form says it
	DecimalMark string
	Thousands   string // empty: none
	Zone        string
	Zoned       bool // times carry their offset
	Shape       string
	Value       string
	Key         []string
	KPIs        []KPI
	// Rows is how many rows there are below the header, an estimate unless RowsExact; 0 when not known.
	Rows      int64
	RowsExact bool
	Sample    []Row
	Ambiguous []Question
	// Spec reads the file so. Its KPIs have no ids yet; they stand in the order of KPIs.
	Spec kpi.Spec
}

// Column is one column of the table.
type Column struct {
	Name string
	// Type is time, number, text or empty.
	Type string
	// Examples are a few of its texts.
	Examples []string
}

// KPI is a KPI that the file seems to hold.
type KPI struct {
	// Key and Column find its values, as in a kpi.Spec.
	Key         []string
	Column      string
	Name        string
	Unit        string
	Currency    string // ISO 4217; empty when it is no money, or not said
	Aggregation string // sum, mean, last, min or max
	Grain       string // day or hour
	NonNegative bool   // none of the sample's values is below zero
	// Skip proposes to leave the column out; Why says the reason.
	Skip bool
	Why  string
	// Rows is how many rows there are of it; 0 when not known.
	Rows int
}

// Row is one row of the sample as it would land.
type Row struct {
	Line int64
	// Values are its good values, by the index of the KPI in Finding.KPIs.
	Values []Value
	// Reasons say what would be refused.
	Reasons []string
}

// Value is one value of a row.
type Value struct {
	KPI   int
	At    time.Time
	Value float64
}

// Question is something that the file leaves open.
type Question struct {
	// Field is the choice that answers it.
	Field string
	Why   string
	// Choices are the answers that the file allows, the likeliest first.
	Choices []Choice
}

// Choice is one answer.
type Choice struct {
	Value string
	// Means says what it would make of the file.
	Means string
}

// The fields of questions.
const (
	FieldEncoding  = "encoding"
	FieldDelimiter = "delimiter"
	FieldTime      = "time_columns"
	FieldForms     = "time_forms"
	FieldDateOrder = "date_order"
	FieldDecimal   = "decimal_mark"
	FieldZone      = "time_zone"
	FieldKey       = "key_columns"
	FieldValue     = "value_column"
	FieldKPIs      = "kpis"
	FieldSheet     = "sheet"
)

// Fault is returned by Look for a choice that does not fit the file.
type Fault struct {
	// Field is the choice.
	Field, Issue string
}

// Error returns field and issue.
func (f *Fault) Error() string { return f.Field + ": " + f.Issue }

// ask adds a question.
func (f *Finding) ask(field, why string, choices ...Choice) {
	f.Ambiguous = append(f.Ambiguous, Question{Field: field, Why: why, Choices: choices})
}

// Look reads the beginning and a sample of a file. The error says why nothing can be made of it; what can only be made in
// several ways is no error.
func Look(ctx context.Context, file kpi.Anywhere, o Options, c Choices) (*Finding, error) {
	l := &look{ctx: ctx, file: file, options: o, choices: c, found: &Finding{Header: c.Header, Compression: "none"}}
	for _, step := range []func() error{l.sample, l.times, l.numbers, l.shape, l.propose, l.finish} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return l.found, nil
}

// look is the state of one Look.
type look struct {
	ctx     context.Context
	file    kpi.Anywhere
	options Options
	choices Choices
	found   *Finding
	table   table
}
