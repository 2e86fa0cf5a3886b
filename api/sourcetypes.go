package api

import "time"

// SourceBody is what a source's owner says of it. It is exported because huma reads exported embedded structs only.
type SourceBody struct {
	Name     string          `json:"name" doc:"Name of the source, one of its kind in the business" minLength:"1" maxLength:"100" pattern:"^[^\\x00-\\x1f\\x7f]*[^\\x00-\\x20\\x7f][^\\x00-\\x1f\\x7f]*$" patternDescription:"text on one line" example:"Shop orders"`
	Kind     string          `json:"kind" doc:"Where the values come from. It never changes." enum:"http,sheet,database,push" example:"http"`
	Schedule string          `json:"schedule,omitempty" doc:"When it is read: a cron expression of five fields in the business's time zone, at most every 15 minutes; a missed reading is made up for once. Empty: by hand" maxLength:"100" example:"0 6 * * *"`
	Active   *bool           `json:"active,omitempty" doc:"Whether it is read; true unless said otherwise" default:"true" example:"true"`
	HTTP     *sourceHTTP     `json:"http,omitempty" doc:"For kind http: an address that answers with JSON or CSV"`
	Sheet    *sourceSheet    `json:"sheet,omitempty" doc:"For kind sheet: a published table"`
	Database *sourceDatabase `json:"database,omitempty" doc:"For kind database: a query on Postgres"`
	Mapping  *sourceMapping  `json:"mapping,omitempty" doc:"Where time, KPI and value stand in a row; not for kind push"`
	KPIs     []sourceKPI     `json:"kpis" doc:"KPIs that the source brings. On a change these replace the ones before: known by id or name; others are switched off, with their history kept" minItems:"1" maxItems:"500" nullable:"false"`
}

type sourceHTTP struct {
	URL        string         `json:"url" doc:"Public http or https address, without user, password and fragment" minLength:"1" maxLength:"2048" example:"https://shop.example.com/api/orders?days=30"`
	Method     string         `json:"method,omitempty" doc:"How it is asked; GET unless said otherwise" enum:"GET,POST" example:"GET"`
	Body       string         `json:"body,omitempty" doc:"JSON to send with POST; not for secrets" maxLength:"65536" example:"{\"days\":30}"`
	Headers    []sourceSecret `json:"headers,omitempty" nullable:"false" doc:"Headers to send; their values are secrets" maxItems:"20"`
	Parameters []sourceSecret `json:"parameters,omitempty" nullable:"false" doc:"Query parameters whose values are secrets; others stand in the url" maxItems:"20"`
	Format     string         `json:"format" doc:"What it answers with" enum:"json,csv" example:"json"`
	Rows       string         `json:"rows,omitempty" doc:"JSONPath of the rows, or of the one list that holds them; members, indexes, slices and * only. Empty: the document is the list" maxLength:"200" example:"$.data.orders"`
	Paging     *sourcePaging  `json:"paging,omitempty" doc:"How an answer continues; nothing: one page"`
}

type sourceSecret struct {
	Name  string `json:"name" doc:"Its name" minLength:"1" maxLength:"100" example:"Authorization"`
	Value string `json:"value,omitempty" doc:"Its value, a secret: never answered. Left out on a change, the one before stays, unless the address changes" writeOnly:"true" maxLength:"8192" example:"Bearer 5up3r53cr3t"`
	Set   bool   `json:"set,omitempty" doc:"Whether a value is kept" readOnly:"true" example:"true"`
}

type sourcePaging struct {
	Kind      string `json:"kind" doc:"page: a counted query parameter, until a page has no rows; cursor: a query parameter with what the page before says; next: the address that the page before says, at the same host" enum:"page,cursor,next" example:"page"`
	Parameter string `json:"parameter,omitempty" doc:"Query parameter of page and cursor" maxLength:"100" example:"page"`
	First     int    `json:"first,omitempty" doc:"Number of the first page" minimum:"0" maximum:"1000000000" example:"1"`
	Step      int    `json:"step,omitempty" doc:"What is added for each page; 0 means 1. The rows of a page, when the parameter is an offset" minimum:"0" maximum:"1000000" example:"1"`
	Path      string `json:"path,omitempty" doc:"JSONPath of the cursor or of the next address; empty for next: the header Link" maxLength:"200" example:"$.next"`
	MaxPages  int    `json:"max_pages,omitempty" doc:"Pages after which reading stops, and says so; 0 means 20" minimum:"0" maximum:"1000" example:"50"`
}

type sourceSheet struct {
	URL string `json:"url" doc:"Address of a published CSV. Links to a Google sheet, as the browser shows them or as published, are turned into its CSV" minLength:"1" maxLength:"2048" example:"https://docs.google.com/spreadsheets/d/1aBcD/edit#gid=0"`
}

type sourceDatabase struct {
	Host        string `json:"host" doc:"Public host of the Postgres server" minLength:"1" maxLength:"253" example:"db.example.com"`
	Port        int    `json:"port,omitempty" doc:"Its port: 5432, 6432, or one that the operator allows; 0 means 5432" minimum:"0" maximum:"65535" example:"5432"`
	Database    string `json:"database" doc:"Name of the database" minLength:"1" maxLength:"63" example:"shop"`
	User        string `json:"user" doc:"User, best one that may only read" minLength:"1" maxLength:"63" example:"reporting"`
	Password    string `json:"password,omitempty" doc:"Its password, a secret: never answered. Left out on a change, the one before stays, unless the address changes" writeOnly:"true" format:"password" maxLength:"8192" example:"correct horse"`
	PasswordSet bool   `json:"password_set,omitempty" doc:"Whether a password is kept" readOnly:"true" example:"true"`
	TLS         string `json:"tls,omitempty" doc:"verify: encrypted, and the server's certificate is checked; require: encrypted; off: only in networks that the operator allows. verify unless said otherwise" enum:"verify,require,off" example:"verify"`
	CA          string `json:"ca,omitempty" doc:"Certificates in PEM that the server's is checked against; empty: the usual authorities" maxLength:"65536" example:"-----BEGIN CERTIFICATE-----"`
	Query       string `json:"query" doc:"One SELECT; it runs read-only, for a minute at most, and gives at most a million rows" minLength:"1" maxLength:"32768" example:"select day, revenue from daily_sales where day > current_date - 30"`
}

type sourceMapping struct {
	Time         []string `json:"time" doc:"Columns that make the time; their texts are joined by a blank. In JSON a column is a member's name, or a JSONPath in the row that begins with $" minItems:"1" maxItems:"3" nullable:"false" example:"day"`
	Layouts      []string `json:"layouts,omitempty" nullable:"false" doc:"Forms of the time in the notation of Go's time package, tried in order; empty: the ISO forms" maxItems:"10" example:"02.01.2006"`
	TimeZone     string   `json:"time_zone,omitempty" doc:"IANA zone of times without an offset; empty: the business's" maxLength:"64" example:"Europe/Berlin"`
	Epoch        string   `json:"epoch,omitempty" doc:"For times that are whole numbers since 1970" enum:"seconds,milliseconds" example:"seconds"`
	Value        string   `json:"value,omitempty" doc:"Column of the value; left out when each KPI has a column" maxLength:"200" example:"amount"`
	Key          []string `json:"key,omitempty" nullable:"false" doc:"Columns that tell KPIs apart" maxItems:"5" example:"metric"`
	DecimalComma bool     `json:"decimal_comma,omitempty" doc:"Whether texts have a comma as decimal mark" example:"false"`
	Delimiter    string   `json:"delimiter,omitempty" doc:"Delimiter of CSV; empty: found from the header" maxLength:"1" pattern:"^[,;|\\t]$" patternDescription:"a comma, semicolon, bar or tab" example:";"`
}

type sourceKPI struct {
	ID          string   `json:"id,omitempty" doc:"Id of a KPI of this source; left out, it is known by its name or new" format:"uuid" example:"0192f0c1-aaaa-7000-8000-000000000002"`
	Name        string   `json:"name" doc:"Name of the KPI, one of its kind in the business; a push names it so" minLength:"1" maxLength:"100" pattern:"^[^\\x00-\\x1f\\x7f]*[^\\x00-\\x20\\x7f][^\\x00-\\x1f\\x7f]*$" patternDescription:"text on one line" example:"Revenue"`
	Description string   `json:"description,omitempty" doc:"What it means" maxLength:"1000" example:"Gross revenue of the shop"`
	Unit        string   `json:"unit,omitempty" doc:"What one unit of value is; the currency's code unless said otherwise" maxLength:"30" example:"EUR"`
	Currency    string   `json:"currency,omitempty" doc:"ISO 4217 code when the value is money" pattern:"^[A-Z]{3}$" patternDescription:"three capital letters" example:"EUR"`
	Aggregation string   `json:"aggregation,omitempty" doc:"How values of a day become one; sum unless said otherwise" enum:"sum,mean,last,min,max" example:"sum"`
	Grain       string   `json:"grain,omitempty" doc:"How often a value is expected; day unless said otherwise" enum:"day,hour" example:"day"`
	NonNegative bool     `json:"non_negative,omitempty" doc:"Whether values below zero are refused" example:"true"`
	Key         []string `json:"key,omitempty" nullable:"false" doc:"Its texts in the mapping's key columns" maxItems:"5" example:"revenue"`
	Column      string   `json:"column,omitempty" doc:"Its column, when values stand side by side" maxLength:"200" example:"revenue"`
	Active      bool     `json:"active,omitempty" doc:"Whether it is still brought; inactive ones keep their history" readOnly:"true" example:"true"`
}

type sourceAnswer struct {
	ID          string           `json:"id" doc:"Id of the source" format:"uuid" example:"0192f0c1-5555-7000-8000-000000000005"`
	BusinessID  string           `json:"business_id" doc:"Whose source it is" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	Name        string           `json:"name" doc:"Its name" example:"Shop orders"`
	Kind        string           `json:"kind" doc:"Where the values come from; file sources are the operator's, upload sources are made by uploads" enum:"upload,file,http,sheet,database,push" example:"http"`
	Active      bool             `json:"active" doc:"Whether it is read" example:"true"`
	Schedule    string           `json:"schedule" doc:"When it is read; empty: by hand" example:"0 6 * * *"`
	NextDueAt   *time.Time       `json:"next_due_at" doc:"When it is read next; null when nothing is planned" example:"2026-03-31T04:00:00Z"`
	RequestedAt *time.Time       `json:"requested_at" doc:"Since when a reading that somebody asked for waits; null when none does" example:"2026-03-30T12:00:00Z"`
	LastRun     *sourceRunAnswer `json:"last_run,omitempty" doc:"How the last reading ended; left out when none has"`
	HTTP        *sourceHTTP      `json:"http,omitempty" doc:"For kind http; shown to admins"`
	Sheet       *sourceSheet     `json:"sheet,omitempty" doc:"For kind sheet; shown to admins"`
	Database    *sourceDatabase  `json:"database,omitempty" doc:"For kind database; shown to admins"`
	Mapping     *sourceMapping   `json:"mapping,omitempty" doc:"Where time, KPI and value stand in a row"`
	KPIs        []sourceKPI      `json:"kpis" doc:"KPIs that the source brings, by name" nullable:"false"`
	PushKeys    []pushKeyAnswer  `json:"push_keys,omitempty" nullable:"false" doc:"For kind push: the keys that are valid; shown to admins"`
	PushKey     string           `json:"push_key,omitempty" doc:"For kind push, in the answer that makes it only: the key to sign with, a secret" example:"sck_5up3r53cr3t"`
	CreatedAt   time.Time        `json:"created_at" doc:"When it was made" example:"2026-01-05T09:00:00Z"`
	UpdatedAt   time.Time        `json:"updated_at" doc:"When its owner changed it last" example:"2026-01-05T09:00:00Z"`
}

type sourceRunAnswer struct {
	At      time.Time `json:"at" doc:"When it ended" example:"2026-03-30T04:00:12Z"`
	Status  string    `json:"status" doc:"succeeded; partial: some rows are in quarantine or not everything was read; failed" enum:"succeeded,partial,failed" example:"succeeded"`
	Problem string    `json:"problem" doc:"What went wrong; empty for nothing" example:"3 rows are in quarantine"`
}

type pushKeyAnswer struct {
	ID        string     `json:"id" doc:"Id of the key, not secret" example:"3f9c2ad1"`
	CreatedAt time.Time  `json:"created_at" doc:"When it was made" example:"2026-01-05T09:00:00Z"`
	ExpiresAt *time.Time `json:"expires_at" doc:"When it ends, because another replaced it; null for the present one" example:"2026-01-06T09:00:00Z"`
}
