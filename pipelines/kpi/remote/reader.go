package remote

import (
	"cmp"
	"context"
	"iter"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/fetch"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
)

// Config is what New builds a Reader from.
type Config struct {
	// Allow are networks that may be asked although they are not public, Ports further ports beyond the usual ones.
	Allow []netip.Prefix
	Ports []uint16
	// Resolver resolves names. Nil means net.DefaultResolver.
	Resolver *net.Resolver
	// Timeout bounds the reading of one source. Zero means a minute.
	Timeout time.Duration
	// Pause is the first wait before a request is sent again; the next is three times as long. Zero means a second.
	Pause time.Duration
	// MaxBytes bounds what one source may give, unpacked; MaxPage one page of JSON, which is held in memory. Zero means 256 and 16 MiB.
	MaxBytes, MaxPage int64
	// MaxRows bounds the rows of one source. Zero means a million.
	MaxRows int64
}

// Reader reads sources. It may be used from many goroutines.
type Reader struct {
	config        Config
	web, database fetch.Guard
}

// New returns a Reader.
func New(c Config) *Reader {
	c.Timeout = cmp.Or(c.Timeout, time.Minute)
	c.Pause = cmp.Or(c.Pause, time.Second)
	c.MaxBytes = cmp.Or(c.MaxBytes, 256<<20)
	c.MaxPage = cmp.Or(c.MaxPage, 16<<20)
	c.MaxRows = cmp.Or(c.MaxRows, 1_000_000)
	guard := fetch.Guard{Allow: c.Allow, Resolver: c.Resolver}
	r := &Reader{config: c, web: guard, database: guard}
	r.web.Ports = slices.Concat(fetch.WebPorts(), c.Ports)
	r.database.Ports = slices.Concat(fetch.DatabasePorts(), c.Ports)
	return r
}

// Request is one reading of one source.
type Request struct {
	// BusinessID, SourceID and Name say whose points these are.
	BusinessID, SourceID, Name string
	Kind                       string
	Definition                 Definition
	Secrets                    Secrets
	// Zone is the business's time zone.
	Zone string
	// Validator is what Result.Validator was when all that the source gave had landed; empty to read it in any case.
	Validator string
	// Sample reads a beginning only, once and without a second try.
	Sample bool
}

// Result is what became known of a source while it was read.
type Result struct {
	// Validator knows the content again; empty when the source offers none.
	Validator string
	// Unchanged is true when the source said that nothing has changed, and gave nothing.
	Unchanged bool
	// Note is what the owner should know although nothing failed; it may be empty.
	Note  string
	Pages int
	Rows  int64
	// Columns are the names that a sample's rows have, First its first rows by these names; both only of a sample.
	Columns []string
	First   [][]string
}

// sampleRows is how many rows of a sample are read, sampleTime how long; shownRows how many Result.First holds.
const (
	sampleTime = 10 * time.Second
	sampleRows = 1000
	shownRows  = 5
)

// File describes a source to package kpi. What Result points to is complete when the file has been read.
func (r *Reader) File(q Request) (kpi.File, *Result) {
	result := &Result{}
	table := q.Definition.Table(q.Zone)
	return kpi.File{BusinessID: q.BusinessID, SourceID: q.SourceID, Name: q.Name, Table: table,
		Records: func(ctx context.Context) iter.Seq2[kpi.Record, error] { return r.records(ctx, q, table, result) }}, result
}

// records reads the source; its one error is an *Error.
func (r *Reader) records(ctx context.Context, q Request, table kpi.Table, result *Result) iter.Seq2[kpi.Record, error] {
	return func(yield func(kpi.Record, error) bool) {
		timeout := r.config.Timeout
		if q.Sample {
			timeout = min(timeout, sampleTime)
		}
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		if err := r.Check(q.Kind, q.Definition); err != nil {
			yield(kpi.Record{}, &Error{text: err.Error(), err: err})
			return
		}
		for record, err := range r.rows(ctx, q, table, result) {
			if err != nil {
				yield(kpi.Record{}, explain(err))
				return
			}
			result.Rows++
			if q.Sample && result.Rows > sampleRows {
				result.Rows = sampleRows
				return
			}
			if result.Rows > r.config.MaxRows {
				yield(kpi.Record{}, problem("the source gives more rows than one reading may have: narrow it down"))
				return
			}
			if !yield(record, nil) {
				return
			}
		}
	}
}

// rows reads the rows of any kind of source.
func (r *Reader) rows(ctx context.Context, q Request, table kpi.Table, result *Result) iter.Seq2[kpi.Record, error] {
	switch q.Kind {
	case KindHTTP:
		return r.pages(ctx, q, *q.Definition.HTTP, table, result)
	case KindSheet:
		return r.pages(ctx, q, HTTP{URL: normalSheet(q.Definition.Sheet.URL), Method: http.MethodGet, Format: "csv"}, table, result)
	}
	return r.query(ctx, q, table, result)
}

// note keeps the row in the sample.
func (s *Result) keep(sample bool, columns []string, row func() []string) {
	if !sample || len(s.First) >= shownRows {
		return
	}
	if s.Columns == nil {
		s.Columns = columns
	}
	if len(columns) == len(s.Columns) {
		s.First = append(s.First, row())
	}
}
