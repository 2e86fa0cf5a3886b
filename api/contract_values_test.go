package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// value makes up a value of a schema, valid unless the request is to be odd in a way that a value can be.
func (g *generator) value(r *oddRequest, name string, schema map[string]any, depth int) any {
	schema = g.resolve(schema)
	kinds := kindsOf(schema)
	if r.what == "wrong type" && g.chance(30) {
		return pickOne(g, []any{nil, true, -1, 1.5, "x", []any{}, map[string]any{}, []any{nil}, map[string]any{"a": 1}})
	}
	if enum, ok := schema["enum"].([]any); ok {
		if r.what == "bad enum" {
			return pickOne(g, []any{"", "none", strings.ToUpper(fmt.Sprint(enum[0])), " " + fmt.Sprint(enum[0]), 7})
		}
		return pickOne(g, enum)
	}
	if known := g.knownOf(r, name); len(known) > 0 && g.chance(70) {
		return pickOne(g, known)
	}
	kind := pickOne(g, kinds)
	if kind == "object" || kind == "array" {
		return g.nested(r, name, kind, schema, depth)
	}
	if examples, ok := schema["examples"].([]any); ok && len(examples) > 0 && g.chance(60) && r.what != "out of bounds" && r.what != "odd text" && r.what != "NUL" {
		return g.remember(name, pickOne(g, examples))
	}
	switch kind {
	case "null":
		return nil
	case "boolean":
		return g.chance(50)
	case "integer", "number":
		return g.number(r, kind, schema)
	}
	return g.remember(name, g.text(r, schema))
}

// knownOf returns what is known for a field; for the id in a path what was learned at that address too.
func (g *generator) knownOf(r *oddRequest, name string) []any {
	if here := g.known["id at "+rootOf(r.operation)]; name == "id" && len(here) > 0 && g.chance(70) {
		return here
	}
	if g.own != "" && (name == "business_id" || name == "id") && g.chance(60) {
		return []any{g.own}
	}
	return g.known[name]
}

// rootOf returns the address of an operation without its ids.
func rootOf(o *contractOperation) string {
	root, _, _ := strings.Cut(o.path, "/{")
	return root
}

func kindsOf(schema map[string]any) []string {
	switch t := schema["type"].(type) {
	case string:
		return []string{t}
	case []any:
		var kinds []string
		for _, k := range t {
			kinds = append(kinds, k.(string))
		}
		return kinds
	}
	if schema["properties"] != nil {
		return []string{"object"}
	}
	return []string{"string"}
}

func (g *generator) nested(r *oddRequest, name, kind string, schema map[string]any, depth int) any {
	if depth > 6 {
		return nil
	}
	if kind == "array" {
		list := []any{}
		count := g.random.IntN(3)
		if least, ok := schemaNumber(schema["minItems"]); ok {
			count = max(count, int(least))
		}
		if most, ok := schemaNumber(schema["maxItems"]); ok && r.what == "out of bounds" && most < 5000 {
			count = int(most) + 1
		}
		items, _ := schema["items"].(map[string]any)
		for range count {
			list = append(list, g.value(r, strings.TrimSuffix(name, "s"), items, depth+1))
		}
		return list
	}
	out := map[string]any{}
	properties, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	for _, field := range slices.Sorted(maps.Keys(properties)) {
		must := slices.Contains(required, any(field))
		if must && r.what == "missing field" && g.chance(40) || !must && g.chance(50) {
			continue
		}
		property, _ := properties[field].(map[string]any)
		out[field] = g.value(r, field, property, depth+1)
	}
	if additional, ok := schema["additionalProperties"].(map[string]any); ok {
		out["key"] = g.value(r, "", additional, depth+1)
	}
	if r.what == "extra field" && g.chance(60) {
		out[pickOne(g, []string{"unexpected", "__proto__", "role", "is_operator", "", "id"})] = pickOne(g, []any{1, "owner", true, map[string]any{}})
	}
	return out
}

func (g *generator) number(r *oddRequest, kind string, schema map[string]any) any {
	least, hasLeast := schemaNumber(schema["minimum"])
	most, hasMost := schemaNumber(schema["maximum"])
	if r.what == "out of bounds" {
		if hasMost && g.chance(50) {
			return json.Number(fmt.Sprint(int64(most) + 1))
		}
		if hasLeast {
			return json.Number(fmt.Sprint(int64(least) - 1))
		}
		return pickOne(g, []any{int64(-1 << 63), int64(1<<63 - 1), -1})
	}
	if !hasLeast {
		least = -1000
	}
	if !hasMost {
		most = least + 2000
	}
	if kind == "integer" {
		return int64(least) + g.random.Int64N(max(1, int64(most)-int64(least)+1))
	}
	return least + g.random.Float64()*(most-least)
}

func schemaNumber(value any) (float64, bool) {
	n, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil
}

// text makes up a text by format.
func (g *generator) text(r *oddRequest, schema map[string]any) string {
	switch r.what {
	case "NUL":
		return pickOne(g, []string{"\x00", "a\x00b", "\x00\x00"})
	case "odd text":
		return pickOne(g, []string{"", " ", "\t\r\n", "\u202e\u0000x", "🦄", "'\"`;--", "<script>alert(1)</script>", "${jndi:ldap://x}", "%s%n", "../../etc/passwd", strings.Repeat("é", 100), "\ufffd", "=1+1", "a\u0301"})
	case "out of bounds":
		if most, ok := schemaNumber(schema["maxLength"]); ok && most < 100_000 && g.chance(50) {
			return strings.Repeat("x", int(most)+1)
		}
		return pickOne(g, []string{"", strings.Repeat("x", 5000)})
	case "cursor":
		return pickOne(g, []string{"", "x", "!!!", "e30", "bnVsbA", strings.Repeat("A", 4000), "eyJhIjoxfQ==", "AAAAAAAAAAAAAAAAAAAAAA"})
	}
	g.count++
	switch schema["format"] {
	case "uuid":
		return fmt.Sprintf("0192f0c1-0000-7000-8000-%012x", g.random.Uint64N(1<<20))
	case "email":
		return fmt.Sprintf("campaign-%d@example.com", g.count)
	case "date":
		return fmt.Sprintf("2026-%02d-%02d", 1+g.random.IntN(12), 1+g.random.IntN(28))
	case "date-time":
		return fmt.Sprintf("2026-%02d-%02dT00:00:00Z", 1+g.random.IntN(12), 1+g.random.IntN(28))
	case "uri":
		return pickOne(g, []string{"https://data.example/x.csv", "http://127.0.0.1:1/", "file:///etc/passwd", "http://[::1]/"})
	case "password":
		return fmt.Sprintf("campaign secret %d x", g.count)
	}
	text := fmt.Sprintf("text %d", g.count)
	if least, ok := schemaNumber(schema["minLength"]); ok && len(text) < int(least) {
		text += strings.Repeat("x", int(least)-len(text))
	}
	if most, ok := schemaNumber(schema["maxLength"]); ok && len(text) > int(most) {
		text = text[:int(most)]
	}
	return text
}

// secretFields are the fields whose values must never be seen in a log.
var secretFields = []string{"password", "new_password", "current_password", "token", "access_token", "refresh_token", "key", "secret", "codes", "recovery_codes", "mfa_token", "push_secret", "uri"}

// remember notes secrets that are sent or received. Short ones and examples are in the contract for everybody to read.
func (g *generator) remember(name string, value any) any {
	if text, ok := value.(string); ok && len(text) >= 16 && slices.Contains(secretFields, name) {
		g.secrets[text] = true
	}
	return value
}

// learn notes ids and secrets of an answer to o.
func (g *generator) learn(o *contractOperation, name string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for _, field := range slices.Sorted(maps.Keys(v)) {
			g.learn(o, field, v[field])
		}
	case []any:
		for _, item := range v {
			g.learn(o, name, item)
		}
	case string:
		g.remember(name, v)
		switch {
		case name == "id":
			g.know("id at "+rootOf(o), v)
			if noun := strings.TrimSuffix(rootOf(o)[strings.LastIndex(rootOf(o), "/")+1:], "s"); noun != "" {
				g.know(noun+"_id", v)
			}
		case name == "next_cursor":
			g.know("cursor", v)
		case strings.HasSuffix(name, "_id") && name != "request_id", name == "refresh_token", name == "mfa_token":
			g.know(name, v)
		}
	}
}

// know adds a value to what is known of a name; an older one goes for it when there are many.
func (g *generator) know(name string, value any) {
	list := g.known[name]
	if len(list) < 30 {
		g.known[name] = append(list, value)
		return
	}
	list[g.random.IntN(len(list))] = value
}
