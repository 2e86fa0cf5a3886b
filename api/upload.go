package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/google/uuid"
)

// Uploads is what the service needs of the machine for files that people send: a place for them, somebody who reads
// them, and somebody who lands them. Its methods may be called at once. Package api sees neither files nor readers.
type Uploads interface {
	// Receive keeps body as the file of id and returns its size and the SHA-256 of its bytes in hexadecimal digits. Body is
	// never held in memory as a whole. ErrUploadTooLarge is returned when it is longer than Limit; after an
	// error nothing is kept.
	Receive(ctx context.Context, id uuid.UUID, body io.Reader) (size int64, content string, err error)
	// Inspect says what it understands of a file with the choices made so far. What it can make nothing of is an
	// *UploadFault.
	Inspect(ctx context.Context, id uuid.UUID, about UploadBusiness, choices UploadChoices) (*UploadInspection, error)
	// Land sees to it that committed uploads land soon.
	Land(ctx context.Context) error
	// Replace makes the file of another id that of id, in the place of the one it had, if any.
	Replace(ctx context.Context, id, by uuid.UUID) error
	// Discard removes the file of id. That there is none is no error.
	Discard(ctx context.Context, id uuid.UUID) error
	// Limit is how many bytes a file may have.
	Limit() int64
}

// ErrUploadTooLarge is returned by Uploads.Receive for a file that is longer than allowed.
var ErrUploadTooLarge = errors.New("the file is larger than allowed")

// UploadFault says what is wrong with a file or with a choice.
type UploadFault struct {
	// Field is the choice at fault, or "file".
	Field string
	Issue string
}

// Error returns field and issue.
func (f *UploadFault) Error() string { return f.Field + ": " + f.Issue }

// UploadBusiness is what a business says of itself that matters to its files.
type UploadBusiness struct{ TimeZone, Currency string }

// UploadInspection is what was understood of a file.
type UploadInspection struct {
	Preview UploadPreview
	// Spec returns how the file is to be read, given the ids of the KPIs in the order of Preview.KPIs; the zero id stands for a KPI
	// that is left out. It returns an *UploadFault when that does not fit together.
	Spec func(ids []uuid.UUID) (json.RawMessage, error)
}

// UploadChoices are what the sender of a file has decided. Whatever is left out is found out.
type UploadChoices struct {
	Format        string            `json:"format,omitempty" doc:"Format of the file" enum:"delimited,xlsx,jsonl,parquet" example:"delimited"`
	Encoding      string            `json:"encoding,omitempty" doc:"Encoding of a text" enum:"utf-8,utf-16le,utf-16be,windows-1252" example:"windows-1252"`
	Delimiter     string            `json:"delimiter,omitempty" doc:"What separates the fields of a line" enum:"comma,semicolon,tab,bar" example:"semicolon"`
	Sheet         string            `json:"sheet,omitempty" doc:"Sheet of a workbook" maxLength:"200" example:"Sales"`
	HeaderRow     int               `json:"header_row,omitempty" doc:"Row that names the columns, from 1; -1: none does, the columns are then column 1, column 2 and so on" minimum:"-1" maximum:"1000" example:"1"`
	TimeColumns   []string          `json:"time_columns,omitempty" nullable:"false" doc:"Columns that make the time; joined by a blank" maxItems:"4" example:"[\"date\"]"`
	TimeForms     []string          `json:"time_forms,omitempty" nullable:"false" doc:"How the time is written, tried in this order: of YYYY, YY, MMMM, MMM, MM, M, DD, D, hh, h, mm, ss, AM and Z; or unix, unix_ms, excel, excel1904" maxItems:"20" example:"[\"DD/MM/YYYY\"]"`
	DateOrder     string            `json:"date_order,omitempty" doc:"Order of year, month and day" enum:"YMD,DMY,MDY" example:"DMY"`
	DecimalMark   string            `json:"decimal_mark,omitempty" doc:"Mark before the fraction of a number" enum:"point,comma" example:"point"`
	ThousandsMark string            `json:"thousands_mark,omitempty" doc:"Mark between the thousands of a number" enum:"none,comma,point,blank,apostrophe" example:"comma"`
	TimeZone      string            `json:"time_zone,omitempty" doc:"IANA zone of times without an offset; the business's when left out" maxLength:"64" example:"Europe/Berlin"`
	Shape         string            `json:"shape,omitempty" doc:"long: each row is one value; wide: each KPI has a column" enum:"long,wide" example:"long"`
	ValueColumn   string            `json:"value_column,omitempty" doc:"Column of the values in a long file" maxLength:"500" example:"sales"`
	KeyColumns    *[]string         `json:"key_columns,omitempty" doc:"Columns that tell KPIs apart; an empty list: none do" maxItems:"10" example:"[\"shop\"]"`
	KPIs          []UploadKPIChoice `json:"kpis,omitempty" nullable:"false" doc:"The KPIs that shall land; those of the preview that are not among them are left out. Without it, all that the preview proposes" maxItems:"1000"`
	Others        string            `json:"others,omitempty" doc:"What becomes of rows with a key that the preview does not name: rejected, or skipped" enum:"reject,skip" example:"reject"`
	Source        string            `json:"source,omitempty" doc:"Name of the source that the values belong to; an upload of the same name goes on with the same source. The name of the file when left out" maxLength:"200" example:"till"`
}

// UploadKPIChoice is what the sender decides about one KPI of the preview, found by its key and column.
type UploadKPIChoice struct {
	Key         []string `json:"key,omitempty" nullable:"false" doc:"Its texts in the key columns, as in the preview" maxItems:"10" example:"[\"Lyon\"]"`
	Column      string   `json:"column,omitempty" doc:"Its column, in a wide file" maxLength:"500" example:"revenue"`
	KPIID       string   `json:"kpi_id,omitempty" doc:"Id of a KPI that exists; without it one of that name, or a new one" format:"uuid" example:"0192f0c1-aaaa-7000-8000-000000000002"`
	Name        string   `json:"name,omitempty" doc:"Name of the KPI" maxLength:"200" example:"Revenue Lyon"`
	Unit        *string  `json:"unit,omitempty" doc:"Unit of its values" maxLength:"40" example:"EUR"`
	Currency    *string  `json:"currency,omitempty" doc:"ISO 4217 currency when its values are money; empty when not" pattern:"^([A-Z]{3})?$" patternDescription:"three capital letters" example:"EUR"`
	Aggregation string   `json:"aggregation,omitempty" doc:"How the values of a day become one" enum:"sum,mean,last,min,max" example:"sum"`
	Grain       string   `json:"grain,omitempty" doc:"How often it has a value" enum:"day,hour" example:"day"`
	NonNegative *bool    `json:"non_negative,omitempty" doc:"Its values are never below zero: forecasts are kept so; and when you say it, values below zero are refused" example:"true"`
	Skip        bool     `json:"skip,omitempty" doc:"Leave it out" example:"false"`
}

// UploadPreview says what was understood of a file.
type UploadPreview struct {
	Format        string           `json:"format" doc:"Format of the file" enum:"delimited,xlsx,jsonl,parquet" example:"delimited"`
	Compression   string           `json:"compression" doc:"How it is packed" enum:"none,gzip" example:"none"`
	Encoding      string           `json:"encoding" doc:"Encoding of a text; empty for others" example:"utf-8"`
	Delimiter     string           `json:"delimiter" doc:"What separates the fields of a line; empty for other formats" enum:",comma,semicolon,tab,bar" example:"comma"`
	Sheet         string           `json:"sheet" doc:"Sheet of a workbook; empty for others" example:"Sales"`
	Sheets        []string         `json:"sheets" nullable:"false" doc:"Sheets of a workbook that can be seen" example:"[\"Sales\"]"`
	HeaderRow     int              `json:"header_row" doc:"Row that names the columns, from 1; -1: none; 0: the format names them itself" example:"1"`
	Columns       []UploadColumn   `json:"columns" nullable:"false" doc:"Columns, in their order"`
	TimeColumns   []string         `json:"time_columns" nullable:"false" doc:"Columns that make the time" example:"[\"date\"]"`
	TimeForms     []string         `json:"time_forms" nullable:"false" doc:"How the time is written; empty for columns that are times by their type" example:"[\"YYYY-M-D\"]"`
	DateOrder     string           `json:"date_order" doc:"Order of year, month and day; empty when the form says it" enum:",YMD,DMY,MDY" example:"YMD"`
	DecimalMark   string           `json:"decimal_mark" doc:"Mark before the fraction of a number" enum:"point,comma" example:"point"`
	ThousandsMark string           `json:"thousands_mark" doc:"Mark between the thousands of a number" enum:"none,comma,point,blank,apostrophe" example:"none"`
	TimeZone      string           `json:"time_zone" doc:"IANA zone of times without an offset" example:"Europe/Berlin"`
	HasOffsets    bool             `json:"has_offsets" doc:"Whether the times carry their offset" example:"false"`
	Shape         string           `json:"shape" doc:"long: each row is one value; wide: each KPI has a column" enum:"long,wide" example:"long"`
	ValueColumn   string           `json:"value_column" doc:"Column of the values in a long file" example:"sales"`
	KeyColumns    []string         `json:"key_columns" nullable:"false" doc:"Columns that tell KPIs apart" example:"[\"shop\"]"`
	KPIs          []UploadKPI      `json:"kpis" nullable:"false" doc:"KPIs that the file seems to hold"`
	Rows          int64            `json:"rows" doc:"Rows below the header; 0 when not known" example:"731"`
	RowsExact     bool             `json:"rows_exact" doc:"Whether they were counted rather than estimated" example:"true"`
	Sample        []UploadRow      `json:"sample" nullable:"false" doc:"The first rows as they would land" maxItems:"20"`
	Ambiguous     []UploadQuestion `json:"ambiguous" nullable:"false" doc:"What the file leaves open; each must be answered before it lands"`
}

// UploadColumn is one column of a file.
type UploadColumn struct {
	Name     string   `json:"name" doc:"Its name" example:"sales"`
	Type     string   `json:"type" doc:"What it holds" enum:"time,number,text,empty" example:"number"`
	Examples []string `json:"examples" nullable:"false" doc:"Some of its texts" example:"[\"12.50\"]"`
}

// UploadKPI is one KPI that a file seems to hold.
type UploadKPI struct {
	Key         []string `json:"key" nullable:"false" doc:"Its texts in the key columns" example:"[\"Lyon\"]"`
	Column      string   `json:"column" doc:"Its column in a wide file; empty in a long one" example:"revenue"`
	KPIID       *string  `json:"kpi_id" doc:"Id of the KPI of that name; null when it would be new" format:"uuid" example:"0192f0c1-aaaa-7000-8000-000000000002"`
	Name        string   `json:"name" doc:"Name of the KPI" example:"Revenue Lyon"`
	Unit        string   `json:"unit" doc:"Unit of its values; may be empty" example:"EUR"`
	Currency    string   `json:"currency" doc:"ISO 4217 currency when its values are money; empty when not, or when the file does not say" example:"EUR"`
	Aggregation string   `json:"aggregation" doc:"How the values of a day become one" enum:"sum,mean,last,min,max" example:"sum"`
	Grain       string   `json:"grain" doc:"How often it has a value" enum:"day,hour" example:"day"`
	NonNegative bool     `json:"non_negative" doc:"Whether the sample holds no value below zero" example:"true"`
	Skip        bool     `json:"skip" doc:"Whether it is left out" example:"false"`
	Why         string   `json:"why" doc:"Why that is proposed; may be empty" example:"it numbers the rows"`
	Rows        int      `json:"rows" doc:"Rows that it has; 0 when not counted" example:"731"`

	// Refuse is true when the sender said that values below zero are wrong.
	Refuse bool `json:"-"`
}

// UploadRow is one row of a file as it would land.
type UploadRow struct {
	Line   int64         `json:"line" doc:"Line or row of the file, from 1" example:"2"`
	Values []UploadValue `json:"values" nullable:"false" doc:"Its values"`
	Issues []string      `json:"issues" nullable:"false" doc:"What of it would be refused, and why" example:"[\"value \\\"x\\\" is not a number\"]"`
}

// UploadValue is one value of a file.
type UploadValue struct {
	KPI   string    `json:"kpi" doc:"Name of the KPI" example:"Revenue Lyon"`
	At    time.Time `json:"at" doc:"Its instant" example:"2026-03-30T22:00:00Z"`
	Value float64   `json:"value" doc:"Its value" example:"12.5"`
}

// UploadQuestion is something that a file leaves open.
type UploadQuestion struct {
	Field   string         `json:"field" doc:"The choice that answers it" example:"date_order"`
	Why     string         `json:"why" doc:"What is open" example:"no date in the sample says which number is the day"`
	Choices []UploadOption `json:"choices" nullable:"false" doc:"Answers that the file allows, the likeliest first"`
}

// UploadOption is one answer to a question.
type UploadOption struct {
	Value string `json:"value" doc:"What to send" example:"DMY"`
	Means string `json:"means" doc:"What it would make of the file" example:"03/04/2026 is 3 April 2026"`
}
