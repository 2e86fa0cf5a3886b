package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
)

// generator makes up requests for operations of the contract.
type generator struct {
	*contract
	random *rand.Rand
	// known are values that mean something to the service, by the name of the field: ids of the world, and what
	// answers told.
	known map[string][]any
	// secrets are what must never be logged.
	secrets map[string]bool
	count   int
	// own is the business of the caller, if the world gave one.
	own string
}

// oddRequest is one made-up request.
type oddRequest struct {
	operation *contractOperation
	what      string // what is odd about it; empty when it should be valid
	method    string
	target    string
	headers   [][2]string
	body      []byte
}

func (g *generator) chance(percent int) bool { return g.random.IntN(100) < percent }

func pickOne[T any](g *generator, from []T) T { return from[g.random.IntN(len(from))] }

// oddities are the ways in which a request is made invalid. Each changes one that would be valid.
var oddities = []string{"wrong type", "out of bounds", "missing field", "extra field", "bad enum", "huge number", "deep JSON", "large JSON", "invalid UTF-8", "NUL",
	"content type", "method", "headers", "cursor", "unknown query", "doubled query", "path", "truncated", "not JSON", "null body", "empty body", "odd text", "key"}

func (g *generator) request(o *contractOperation) *oddRequest {
	r := &oddRequest{operation: o, method: o.method}
	if g.chance(50) {
		r.what = pickOne(g, oddities)
	}
	g.address(r)
	g.fill(r)
	switch r.what {
	case "method":
		r.method = pickOne(g, []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get"})
	case "headers":
		r.headers = append(r.headers, pickOne(g, [][2]string{{"Accept", "text/html;q=0.1, */*;q=0"}, {"Accept", "\"\\"}, {"If-None-Match", "*"}, {"If-None-Match", `W/"x", "y`},
			{"Accept-Encoding", "br;q=x"}, {"Content-Encoding", "gzip"}, {"X-Request-Id", strings.Repeat("é", 40)}, {"Range", "bytes=0-1"},
			{"Cookie", strings.Repeat("a=b; ", 2000)}, {"X-Forwarded-For", "1.1.1.1"}, {"Last-Event-ID", "\x7e"}, {"X-Http-Method-Override", "DELETE"}, {"Accept-Language", strings.Repeat("x", 8000)},
			{"If-Modified-Since", "yesterday"}, {"Origin", "null"}, {"Upgrade", "websocket"}, {"User-Agent", "\xff\xfe"}}))
	case "key":
		r.headers = append(r.headers, [2]string{"Idempotency-Key", pickOne(g, []string{"a b", "", "ü", strings.Repeat("k", 256), "campaign-key"})})
	}
	return r
}

// address makes the path and the query.
func (g *generator) address(r *oddRequest) {
	path := r.operation.path
	query := url.Values{}
	for _, p := range r.operation.parameters {
		name, schema := p["name"].(string), g.resolve(p["schema"])
		switch p["in"] {
		case "path":
			value := fmt.Sprint(g.value(r, name, schema, 0))
			if r.what == "path" {
				value = pickOne(g, []string{"0", "me", "%", "x y", "../admin", strings.Repeat("9", 2000), "é", "\x00", "'; drop table users --", "00000000-0000-0000-0000-000000000000", "{id}", "1e5"})
			}
			path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value))
		case "query":
			required, _ := p["required"].(bool)
			odd := r.what == "cursor" && name == "cursor" || r.what == "out of bounds" || r.what == "odd text" || r.what == "NUL" || r.what == "wrong type" || r.what == "bad enum" || r.what == "huge number"
			if required && r.what != "missing field" || odd && g.chance(60) || g.chance(30) {
				query.Set(name, queryText(g.value(r, name, schema, 0)))
			}
		case "header":
			if name == "Idempotency-Key" && r.what != "key" && g.chance(30) {
				g.count++
				r.headers = append(r.headers, [2]string{name, pickOne(g, []string{"campaign-key", fmt.Sprintf("campaign-%d", g.count)})})
			} else if name != "Idempotency-Key" && name != "Authorization" && g.chance(20) {
				r.headers = append(r.headers, [2]string{name, headerText(fmt.Sprint(g.value(r, name, schema, 0)))})
			}
		}
	}
	switch r.what {
	case "unknown query":
		query.Set(pickOne(g, []string{"foo", "limit ", "LIMIT", "id", "\x00"}), "1")
	case "doubled query":
		for name := range query {
			query.Add(name, query.Get(name))
		}
	}
	for name, values := range query {
		query[name][0] = values[0][:min(len(values[0]), 4000)]
	}
	for name, values := range query {
		query[name][0] = values[0][:min(len(values[0]), 4000)]
	}
	r.target = pickOne(g, []string{"", "/api/v1"}) + path
	if len(query) > 0 {
		r.target += "?" + query.Encode()
	}
}

func queryText(value any) string {
	list, ok := value.([]any)
	if !ok {
		return fmt.Sprint(value)
	}
	var words []string
	for _, v := range list {
		words = append(words, fmt.Sprint(v))
	}
	return strings.Join(words, ",")
}

// headerText keeps what net/http lets through.
func headerText(text string) string {
	if len(text) > 4000 { // net/http itself answers what is longer in all, and wears no envelope
		text = text[:4000]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text)
}

// recipes are bodies that obey rules which no schema tells, such as that an alert on anomalies has no threshold. Without them some
// operations would succeed too rarely for others to find what they made. %[1]s is a business, %[2]d a number of its own.
func recipes() map[string]string {
	return map[string]string{
		"createAlert":         `{"business_id":"%[1]s","name":"low %[2]d","condition":"anomaly"}`,
		"updateAlert":         `{"name":"lower %[2]d","condition":"missing"}`,
		"createSource":        `{"business_id":"%[1]s","name":"till %[2]d","kind":"push","kpis":[{"name":"pushed %[2]d","column":"v%[2]d","aggregation":"sum"}]}`,
		"updateSource":        `{"name":"till %[2]d","kind":"push","kpis":[{"name":"pushed %[2]d","column":"v%[2]d","aggregation":"sum"}]}`,
		"updateBusiness":      `{"version":1,"name":"business %[2]d","time_zone":"Europe/Berlin","currency":"EUR","country":"DE"}`,
		"updateKPI":           `{"version":1,"name":"KPI %[2]d","aggregation":"sum","non_negative":false,"is_active":true}`,
		"commitUpload":        `{}`,
		"addCalendarEntry":    `{"kind":"closed","name":"works %[2]d","first_day":"2026-05-08","last_day":"2026-05-10"}`,
		"changeCalendarEntry": `{"kind":"event","name":"fair %[2]d","first_day":"2026-05-08","last_day":"2026-05-10"}`,
	}
}

// cook makes the body of r from a recipe; false when there is none.
func (g *generator) cook(r *oddRequest) bool {
	id := r.operation.id
	recipe, ok := recipes()[id]
	if r.what != "" || g.chance(40) || !ok && id != "createUpload" {
		return false
	}
	g.count++
	business := g.own
	if business == "" || g.chance(20) {
		business = fmt.Sprint(pickOne(g, g.known["business_id"]))
	}
	if id == "createUpload" {
		r.target, _, _ = strings.Cut(r.target, "?")
		r.target += fmt.Sprintf("?business_id=%s&name=march-%d.csv", business, g.count)
		r.body = fmt.Appendf(nil, "date,value\n2026-03-01,%d\n2026-03-02,7\n2026-03-03,x\n", g.count)
		r.headers = append(r.headers, [2]string{"Content-Type", "text/csv"})
		return true
	}
	r.body = []byte(recipe)
	if strings.Contains(recipe, "%") {
		r.body = fmt.Appendf(nil, recipe, business, g.count)
	}
	r.headers = append(r.headers, [2]string{"Content-Type", "application/json"})
	return true
}

// fill makes the body.
func (g *generator) fill(r *oddRequest) {
	if g.cook(r) {
		return
	}
	kinds := slices.Sorted(maps.Keys(r.operation.bodies))
	if len(kinds) == 0 {
		if r.what == "truncated" || r.what == "not JSON" { // a body that nobody asked for
			r.body = []byte(`{"x":`)
			r.headers = append(r.headers, [2]string{"Content-Type", "application/json"})
		}
		return
	}
	kind := pickOne(g, kinds)
	schema := r.operation.bodies[kind]
	switch {
	case kind == "application/json":
		value := g.value(r, "", schema, 0)
		r.body, _ = json.Marshal(value)
	case strings.HasPrefix(kind, "multipart/"):
		r.body, kind = g.form(r, schema)
	default:
		r.body = []byte(pickOne(g, []string{"day,value\n2026-03-01,7\n", "{}\n", "\x00\xff", ""}))
	}
	g.spoil(r)
	if r.what == "content type" {
		kind = pickOne(g, []string{"", "text/plain", "application/xml", "application/json; charset=utf-16", ";;;", "multipart/form-data", "multipart/form-data; boundary=", "application/x-www-form-urlencoded", "application/JSON", "a/" + strings.Repeat("b", 500)})
	}
	if kind != "" {
		r.headers = append(r.headers, [2]string{"Content-Type", kind})
	}
}

// spoil damages the bytes of a body.
func (g *generator) spoil(r *oddRequest) {
	switch r.what {
	case "deep JSON":
		r.body = []byte(strings.Repeat(`{"a":[`, 2000))
	case "large JSON":
		r.body = []byte(`{"a":"` + strings.Repeat("x", 2<<20) + `"}`)
	case "truncated":
		r.body = r.body[:g.random.IntN(len(r.body)+1)]
	case "not JSON":
		r.body = []byte(pickOne(g, []string{"{", "}", "nul", "{'a':1}", `{"a":1}{"b":2}`, "[,]", "\ufeff{}", `{"a":01}`, `{"a":NaN}`, `"` + strings.Repeat("\\u0000", 10) + `"`, "1e999999"}))
	case "null body":
		r.body = []byte(pickOne(g, []string{"null", "[]", "0", `""`, "true"}))
	case "empty body":
		r.body = nil
	case "invalid UTF-8":
		r.body = bytes.ReplaceAll(r.body, []byte("a"), []byte("\xff\xfe"))
	case "huge number":
		text := string(r.body)
		for _, digit := range "123456789" {
			if i := strings.IndexRune(text, digit); i > 0 && strings.ContainsRune(":[, ", rune(text[i-1])) {
				r.body = []byte(text[:i] + pickOne(g, []string{"1e400", "-1e400", "99999999999999999999999", "1e-400", "0.1e1", "-0"}) + text[i+1:])
				return
			}
		}
	}
}

// form makes a multipart body.
func (g *generator) form(r *oddRequest, schema map[string]any) ([]byte, string) {
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	properties, _ := g.resolve(schema)["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if r.what == "missing field" && g.chance(50) {
			continue
		}
		property := g.resolve(properties[name])
		if property["format"] == "binary" {
			header := textproto.MIMEHeader{}
			header.Set("Content-Disposition", `form-data; name="`+name+`"; filename="`+pickOne(g, []string{"data.csv", "../../x", "a\\b.xlsx", "", strings.Repeat("n", 300), "x.parquet"})+`"`)
			header.Set("Content-Type", pickOne(g, []string{"text/csv", "application/octet-stream"}))
			if part, err := w.CreatePart(header); err == nil {
				_, _ = part.Write([]byte(pickOne(g, []string{"day,kpi,value\n2026-03-01,revenue,7\n", "", "\x00\x01", "PK\x03\x04junk", "PAR1junkPAR1", "\x1f\x8bjunk", strings.Repeat("a,", 5000), "day;value\n31.12.2025;1,5\n"})))
			}
			continue
		}
		_ = w.WriteField(name, queryText(g.value(r, name, property, 0)))
	}
	if r.what == "extra field" {
		_ = w.WriteField("unexpected", "1")
	}
	_ = w.Close()
	return out.Bytes(), w.FormDataContentType()
}
