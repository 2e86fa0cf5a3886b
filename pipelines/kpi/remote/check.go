package remote

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"

	"github.com/signalcraft/signalcraft/pipelines/fetch"
)

// The most that a definition may hold.
const (
	maxHeaders   = 20
	maxBody      = 64 << 10
	maxQuery     = 32 << 10
	maxPages     = 1000
	defaultPages = 20
	maxSecret    = 8 << 10
)

// Check returns a *FieldError when the definition of a source of a kind cannot work or must not be asked. It asks nobody: what a host
// resolves to is looked at when it is dialed.
func (r *Reader) Check(kind string, d Definition) error {
	parts := map[string]bool{KindHTTP: d.HTTP != nil, KindSheet: d.Sheet != nil, KindDatabase: d.Database != nil}
	for _, part := range []string{KindHTTP, KindSheet, KindDatabase} {
		if parts[part] != (part == kind) {
			return &FieldError{part, map[bool]string{true: "belongs to sources of kind " + part, false: "a source of this kind needs it"}[parts[part]]}
		}
	}
	var err error
	switch kind {
	case KindHTTP:
		err = r.checkHTTP(*d.HTTP)
	case KindSheet:
		err = r.checkURL("sheet.url", normalSheet(d.Sheet.URL))
	case KindDatabase:
		err = r.checkDatabase(*d.Database)
	case KindPush:
		return nil // its points name the KPI, the instant and the value by themselves
	default:
		return &FieldError{"kind", "a source of this kind is not read"}
	}
	if err != nil {
		return err
	}
	return d.checkMapping(kind)
}

// CheckSecret returns a *FieldError for a secret that cannot be sent.
func CheckSecret(name, value string) error {
	switch {
	case value == "" || len(value) > maxSecret || !utf8.ValidString(value):
		return &FieldError{name, fmt.Sprintf("must have 1 to %d bytes of UTF-8", maxSecret)}
	case strings.HasPrefix(name, SecretHeader) && (!httpguts.ValidHeaderFieldValue(value) || strings.TrimSpace(value) != value):
		return &FieldError{name, "holds line breaks or control characters, or begins or ends with a blank"}
	case strings.ContainsRune(value, 0):
		return &FieldError{name, "holds a NUL"}
	}
	return nil
}

func (r *Reader) checkURL(field, text string) error {
	_, err := r.web.CheckURL(text)
	return onField(field, err)
}

// onField turns a refusal of the guard into a FieldError.
func onField(field string, err error) error {
	var refused *fetch.GuardError
	if !errors.As(err, &refused) {
		return err
	}
	if refused.Reason == "" {
		return &FieldError{field, "the address is not public and may not be asked"}
	}
	return &FieldError{field, refused.Reason}
}

// reserved are headers that belong to the connection and not to the request's owner.
var reserved = []string{"Host", "Connection", "Content-Length", "Transfer-Encoding", "Accept-Encoding", "Upgrade", "Te", "Trailer", "Expect", "Range",
	"Keep-Alive", "If-None-Match", "If-Modified-Since", "If-Range", "Content-Type", "User-Agent", "Referer"}

func (r *Reader) checkHTTP(h HTTP) error {
	if err := r.checkURL("http.url", h.URL); err != nil {
		return err
	}
	if !slices.Contains([]string{"", http.MethodGet, http.MethodPost}, h.Method) {
		return &FieldError{"http.method", "want GET or POST"}
	}
	if h.Body != "" && h.Method != http.MethodPost || len(h.Body) > maxBody {
		return &FieldError{"http.body", fmt.Sprintf("goes with POST only, and has at most %d bytes", maxBody)}
	}
	if err := checkNames(h); err != nil {
		return err
	}
	switch h.Format {
	case "json":
		if h.Rows != "" {
			if _, err := compile(h.Rows); err != nil {
				return &FieldError{"http.rows", err.Error()}
			}
		}
	case "csv":
		if h.Rows != "" {
			return &FieldError{"http.rows", "CSV has no JSONPath"}
		}
	default:
		return &FieldError{"http.format", "want json or csv"}
	}
	if h.Paging == nil {
		return nil
	}
	return h.checkPaging(*h.Paging)
}

func checkNames(h HTTP) error {
	if len(h.Headers)+len(h.Parameters) > maxHeaders {
		return &FieldError{"http.headers", fmt.Sprintf("at most %d headers and parameters", maxHeaders)}
	}
	seen := map[string]bool{}
	for _, name := range h.Headers {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !httpguts.ValidHeaderFieldName(name) || len(name) > 100:
			return &FieldError{"http.headers", "a name is not that of a header"}
		case slices.Contains(reserved, canonical) || strings.HasPrefix(canonical, "Proxy-") || strings.HasPrefix(canonical, "Sec-"):
			return &FieldError{"http.headers", canonical + " may not be set"}
		case seen[canonical]:
			return &FieldError{"http.headers", canonical + " stands twice"}
		}
		seen[canonical] = true
	}
	u, err := url.Parse(h.URL)
	if err != nil {
		return &FieldError{"http.url", "it is not a URL"}
	}
	for _, name := range h.Parameters {
		if name == "" || len(name) > 100 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return &FieldError{"http.parameters", "a name must have 1 to 100 printable characters"}
		}
		if seen["?"+name] || u.Query().Has(name) {
			return &FieldError{"http.parameters", "one name stands twice, or in the URL already"}
		}
		seen["?"+name] = true
	}
	return nil
}

func (h HTTP) checkPaging(p Paging) error {
	if p.MaxPages < 0 || p.MaxPages > maxPages {
		return &FieldError{"http.paging.max_pages", fmt.Sprintf("want 1 to %d", maxPages)}
	}
	if p.Kind == "next" {
		if p.Parameter != "" || p.First != 0 || p.Step != 0 {
			return &FieldError{"http.paging.parameter", "the next address needs no parameter and no count"}
		}
		if h.Method == http.MethodPost {
			return &FieldError{"http.paging.kind", "a next address is asked by GET"}
		}
		if p.Path == "" {
			return nil
		}
		return h.checkPagePath(p)
	}
	u, err := url.Parse(h.URL)
	if err != nil || p.Parameter == "" || len(p.Parameter) > 100 || u.Query().Has(p.Parameter) || slices.Contains(h.Parameters, p.Parameter) {
		return &FieldError{"http.paging.parameter", "name a query parameter that does not stand elsewhere"}
	}
	switch p.Kind {
	case "page":
		if p.Path != "" || p.First < 0 || p.Step < 0 || p.First > 1e9 || p.Step > 1e6 {
			return &FieldError{"http.paging", "pages are counted from first on in steps, and have no path"}
		}
		return nil
	case "cursor":
		if p.First != 0 || p.Step != 0 {
			return &FieldError{"http.paging", "a cursor is not counted"}
		}
		return h.checkPagePath(p)
	}
	return &FieldError{"http.paging.kind", "want page, cursor or next"}
}

func (h HTTP) checkPagePath(p Paging) error {
	if h.Format != "json" {
		return &FieldError{"http.paging.path", "only JSON can say how it continues; CSV by the header Link or by counted pages"}
	}
	if _, err := compile(p.Path); err != nil {
		return &FieldError{"http.paging.path", err.Error()}
	}
	return nil
}

func (r *Reader) checkDatabase(d Database) error {
	if d.Port == 0 {
		d.Port = 5432
	}
	if err := onField("database.host", r.database.CheckHost(d.Host, d.Port)); err != nil {
		return err
	}
	for field, text := range map[string]string{"database.database": d.Database, "database.user": d.User} {
		if text == "" || len(text) > 63 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) || !utf8.ValidString(text) {
			return &FieldError{field, "must have 1 to 63 bytes without control characters"}
		}
	}
	if !slices.Contains([]string{"", tlsVerify, tlsRequire, tlsOff}, d.TLS) {
		return &FieldError{"database.tls", "want verify, require or off"}
	}
	if d.CA != "" && (d.TLS == tlsRequire || d.TLS == tlsOff || len(d.CA) > maxBody || !x509.NewCertPool().AppendCertsFromPEM([]byte(d.CA))) {
		return &FieldError{"database.ca", "must be certificates in PEM, with tls verify"}
	}
	if reason := checkQuery(d.Query); reason != "" {
		return &FieldError{"database.query", reason}
	}
	return nil
}

func (d Definition) checkMapping(kind string) error {
	m := d.Mapping
	if !slices.Contains([]string{"", "seconds", "milliseconds"}, m.Epoch) {
		return &FieldError{"mapping.epoch", "want seconds or milliseconds"}
	}
	if _, err := time.LoadLocation(m.TimeZone); err != nil || m.TimeZone == "Local" {
		return &FieldError{"mapping.time_zone", "not an IANA time zone"}
	}
	if m.Delimiter != "" && d.format(kind) != "csv" {
		return &FieldError{"mapping.delimiter", "only CSV has one"}
	}
	if len(d.KPIs) == 0 {
		return &FieldError{"kpis", "a source needs one KPI at least"}
	}
	for i, k := range d.KPIs {
		if (k.Column == "") != (m.Value != "") {
			return &FieldError{fmt.Sprintf("kpis[%d].column", i), "name one column in mapping.value, or one for each KPI, not both"}
		}
	}
	if len(d.KPIs) > 1 && m.Value != "" && len(m.Key) == 0 {
		return &FieldError{"mapping.key", "several KPIs need columns that tell them apart, or a column each"}
	}
	table := d.Table("UTC")
	if err := table.Validate(); err != nil {
		return &FieldError{"mapping", strings.TrimPrefix(strings.TrimPrefix(err.Error(), "KPI spec: "), "KPI table: ")}
	}
	for _, column := range table.Columns() {
		if column == "" || len(column) > 200 {
			return &FieldError{"mapping", "a column's name must have 1 to 200 characters"}
		}
		if d.format(kind) == "json" {
			if _, err := newGetter(column); err != nil {
				return &FieldError{"mapping", fmt.Sprintf("column %q: %v", column, err)}
			}
		}
	}
	return nil
}
