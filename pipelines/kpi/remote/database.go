package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/signalcraft/signalcraft/pipelines/fetch"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
)

// How a database is talked to.
const (
	tlsVerify  = "verify"
	tlsRequire = "require"
	tlsOff     = "off"
)

// fetched is how many rows are asked for at once; maxMessage bounds what the server may send in one piece.
const (
	fetched    = "2000"
	maxMessage = 16 << 20
)

// checkQuery returns what is wrong with a query as far as its text tells; the server says the rest. Empty means nothing.
func checkQuery(text string) string {
	if len(text) > maxQuery || strings.ContainsRune(text, 0) {
		return fmt.Sprintf("has at most %d bytes", maxQuery)
	}
	rest := plainQuery(text)
	for {
		rest = strings.TrimLeft(rest, " \t\r\n\f(")
		if after, ok := strings.CutPrefix(rest, "--"); ok {
			_, rest, _ = strings.Cut(after, "\n")
			continue
		}
		if after, ok := strings.CutPrefix(rest, "/*"); ok {
			_, rest, _ = strings.Cut(after, "*/")
			continue
		}
		break
	}
	word := strings.ToLower(rest[:len(rest)-len(strings.TrimLeft(strings.ToLower(rest), "abcdefghijklmnopqrstuvwxyz"))])
	if word == "select" || word == "with" || word == "values" {
		return ""
	}
	return "want one SELECT"
}

// plainQuery is the query without semicolons at its end.
func plainQuery(text string) string { return strings.TrimRight(text, "; \t\r\n") }

// connect opens a connection to the database. Nothing of the environment, of service or password files, and no socket
// but TCP through the guard has a part in it.
func (r *Reader) connect(ctx context.Context, d Database, password string) (*pgconn.PgConn, error) {
	if password != "" {
		if err := CheckSecret(SecretPassword, password); err != nil {
			return nil, problem(err.Error())
		}
	}
	// pgconn makes configurations by parsing only; all that this one says is replaced.
	config, err := pgconn.ParseConfig("host=127.0.0.1 port=1 user=x password=x dbname=x sslmode=disable passfile=/dev/null servicefile=/dev/null target_session_attrs=any")
	if err != nil {
		return nil, &Error{text: "the database driver could not be set up", err: err}
	}
	config.Host, config.Port, config.Database, config.User, config.Password = d.Host, d.Port, d.Database, d.User, password
	if config.Port == 0 {
		config.Port = 5432
	}
	config.Fallbacks, config.ValidateConnect, config.AfterConnect = nil, nil, nil
	config.KerberosSrvName, config.KerberosSpn, config.SSLNegotiation = "", "", ""
	config.RuntimeParams = map[string]string{"application_name": "signalcraft"}
	config.RequireAuth, config.ChannelBinding = "password,md5,scram-sha-256,none", "prefer"
	config.MaxProtocolMessageBodyLen = maxMessage
	config.ConnectTimeout = 0 // the context ends it
	config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	config.DialFunc = r.dialDatabase(d.TLS == tlsOff)
	config.TLSConfig = nil
	switch d.TLS {
	case tlsOff:
		config.RequireAuth = "scram-sha-256,none" // nobody on the way reads the password
	case tlsRequire:
		config.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true} // asked for: encrypted, from whomever
	default:
		config.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: d.Host}
		if d.CA != "" {
			config.TLSConfig.RootCAs = x509.NewCertPool()
			config.TLSConfig.RootCAs.AppendCertsFromPEM([]byte(d.CA))
		}
	}
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, connectProblem(err)
	}
	return conn, nil
}

// connectProblem explains why there is no connection. That the server offers no TLS the driver tells by text alone.
func connectProblem(err error) error {
	known := explain(err)
	if known.text == brokenText && strings.Contains(err.Error(), "server refused TLS connection") {
		return &Error{text: "the database offers no TLS", err: err}
	}
	return known
}

// dialDatabase dials through the guard; without TLS only where the operator allows it.
func (r *Reader) dialDatabase(plain bool) pgconn.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := r.database.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		at, err := netip.ParseAddrPort(conn.RemoteAddr().String())
		if plain && (err != nil || !r.database.Allows(at.Addr())) {
			refused := &fetch.GuardError{Address: conn.RemoteAddr().String(), Reason: "connections without TLS are for the operator's own networks"}
			return nil, errors.Join(refused, conn.Close())
		}
		return conn, nil
	}
}

// query reads a database source: one SELECT in a read-only transaction, through a cursor, which takes nothing but a
// SELECT and is asked for a few rows at a time.
func (r *Reader) query(ctx context.Context, q Request, table kpi.Table, result *Result) iter.Seq2[kpi.Record, error] {
	return func(yield func(kpi.Record, error) bool) {
		conn, err := r.connect(ctx, *q.Definition.Database, q.Secrets[SecretPassword])
		if err != nil {
			yield(kpi.Record{}, err)
			return
		}
		defer func() { // by which the transaction ends; what was read stands also when the farewell fails
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			_ = conn.Close(ctx)
		}()
		if err := r.declare(ctx, conn, q.Definition.Database.Query, q.Sample); err != nil {
			yield(kpi.Record{}, err)
			return
		}
		c := &cursor{conn: conn, columns: table.Columns(), sample: q.Sample, result: result, left: r.config.MaxBytes}
		for more := true; more; {
			if more, err = c.fetch(ctx, yield); err != nil {
				yield(kpi.Record{}, err)
				return
			}
		}
	}
}

// declare begins the transaction and opens the cursor. Every statement goes alone through the extended protocol, which takes no
// second one behind a semicolon.
func (r *Reader) declare(ctx context.Context, conn *pgconn.PgConn, text string, sample bool) error {
	timeout := r.config.Timeout
	if sample {
		timeout = min(timeout, sampleTime)
	}
	for _, statement := range []string{
		"begin isolation level repeatable read read only",
		fmt.Sprintf("set local statement_timeout = %d", timeout.Milliseconds()*9/10), // so that the server says so,
		"set local lock_timeout = '5s'",
		"set local datestyle = 'ISO'",
		"set local intervalstyle = 'iso_8601'",
		"set local timezone = 'UTC'",
		"set local extra_float_digits = 1",
		"set local client_encoding = 'UTF8'",
		"declare signalcraft_rows no scroll cursor without hold for\n" + plainQuery(text) + "\n",
	} {
		if _, err := conn.ExecParams(ctx, statement, nil, nil, nil, nil).Close(); err != nil {
			return err
		}
	}
	return nil
}

// cursor is the state of fetching rows.
type cursor struct {
	conn    *pgconn.PgConn
	columns []string
	sample  bool
	result  *Result

	names []string
	kinds []kpi.FieldKind // of the columns wanted
	at    []int
	rows  int64
	left  int64
}

// fetch hands out the next rows and reports whether there may be more.
func (c *cursor) fetch(ctx context.Context, yield func(kpi.Record, error) bool) (more bool, err error) {
	reader := c.conn.ExecParams(ctx, "fetch forward "+fetched+" from signalcraft_rows", nil, nil, nil, nil)
	defer func() {
		_, closing := reader.Close()
		if err == nil && closing != nil {
			more, err = false, closing
		}
	}()
	for reader.NextRow() {
		more = true
		if c.at == nil {
			if err := c.header(reader.FieldDescriptions()); err != nil {
				return false, err
			}
		}
		c.rows++
		values := make([]*string, len(c.names))
		for i, value := range reader.Values() {
			if c.left -= int64(len(value)); c.left < 0 {
				return false, problem("the source gives more bytes than one reading may have: narrow it down")
			}
			if value != nil {
				text := string(value)
				values[i] = &text
			}
		}
		c.result.keep(c.sample, c.names, func() []string { return cellTexts(values) })
		if !yield(c.record(values), nil) {
			return false, nil
		}
	}
	if c.at == nil {
		return false, c.header(reader.FieldDescriptions())
	}
	return more, nil
}

// header finds the columns that are wanted and how to read them.
func (c *cursor) header(fields []pgconn.FieldDescription) error {
	if len(fields) == 0 {
		return nil // the statement failed; its error comes
	}
	places := map[string]int{}
	for i, field := range fields {
		c.names = append(c.names, field.Name)
		if _, twice := places[field.Name]; twice {
			places[field.Name] = -1
			continue
		}
		places[field.Name] = i
	}
	for _, column := range c.columns {
		at, ok := places[column]
		if !ok {
			return problem("the query gives no column " + printable(column) + "; it gives " + printable(strings.Join(c.names, ", ")))
		}
		if at < 0 {
			return problem("the query gives column " + printable(column) + " twice")
		}
		c.at, c.kinds = append(c.at, at), append(c.kinds, kindOfType(fields[at].DataTypeOID))
	}
	return nil
}

// kindOfType says how the text form of a Postgres type is to be read.
func kindOfType(oid uint32) kpi.FieldKind {
	switch oid {
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.NumericOID, pgtype.Float4OID, pgtype.Float8OID:
		return kpi.FieldNumber
	case pgtype.DateOID, pgtype.TimestampOID, pgtype.TimestamptzOID, pgtype.TimeOID:
		return kpi.FieldInstant
	}
	return kpi.FieldText
}

func (c *cursor) record(values []*string) kpi.Record {
	record := kpi.Record{Line: c.rows, Fields: make([]kpi.Field, len(c.at)), Raw: func() string {
		text, err := json.Marshal(values)
		if err != nil {
			return ""
		}
		return string(text)
	}}
	for i, at := range c.at {
		if values[at] == nil {
			record.Fields[i] = kpi.Field{Kind: kpi.FieldMissing}
			continue
		}
		text := *values[at]
		if c.kinds[i] == kpi.FieldInstant {
			text = isoInstant(text)
		}
		record.Fields[i] = kpi.Field{Kind: c.kinds[i], Text: text}
	}
	return record
}

// isoInstant turns Postgres's ISO form of an instant in UTC, which ends in +00, into one that RFC 3339 knows.
func isoInstant(text string) string {
	if head, ok := strings.CutSuffix(text, "+00"); ok {
		return strings.Replace(head, " ", "T", 1) + "Z"
	}
	return text
}

func cellTexts(values []*string) []string {
	texts := make([]string, len(values))
	for i, value := range values {
		if value != nil {
			texts[i] = cut(*value)
		}
	}
	return texts
}
