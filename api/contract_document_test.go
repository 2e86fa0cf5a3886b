package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/signalcraft/signalcraft/api/apitest"
)

// contract is the OpenAPI document as the campaign works with it.
type contract struct {
	root       map[string]any
	operations []*contractOperation
	compiler   *jsonschema.Compiler
	schemas    map[string]*jsonschema.Schema
}

// contractOperation is one operation of it.
type contractOperation struct {
	id, method, path string
	parameters       []map[string]any
	bodies           map[string]map[string]any // by content type, the schema
	bodyRequired     bool
	responses        map[string]any
	secured          bool
	access           map[string]any
	pointer          string
}

const contractURL = "https://contract.invalid/openapi.json"

func readContract(t *testing.T, s *apitest.Service) *contract {
	t.Helper()
	text := s.Get(t, "/openapi.json", "").Body
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := &contract{root: parsed.(map[string]any), compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource(contractURL, parsed); err != nil {
		t.Fatal(err)
	}
	paths := c.root["paths"].(map[string]any)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item := paths[path].(map[string]any)
		for _, method := range slices.Sorted(maps.Keys(item)) {
			if o, ok := item[method].(map[string]any); ok && o["operationId"] != nil {
				c.operations = append(c.operations, c.operation(path, method, o))
			}
		}
	}
	return c
}

func (c *contract) operation(path, method string, raw map[string]any) *contractOperation {
	o := &contractOperation{id: raw["operationId"].(string), method: strings.ToUpper(method), path: path, bodies: map[string]map[string]any{},
		pointer: "/paths/" + escapePointer(path) + "/" + method}
	o.responses, _ = raw["responses"].(map[string]any)
	o.access, _ = raw["x-access"].(map[string]any)
	security, _ := raw["security"].([]any)
	o.secured = len(security) > 0
	parameters, _ := raw["parameters"].([]any)
	for _, p := range parameters {
		o.parameters = append(o.parameters, c.resolve(p))
	}
	if body := c.resolve(raw["requestBody"]); body != nil {
		o.bodyRequired, _ = body["required"].(bool)
		content, _ := body["content"].(map[string]any)
		for kind, media := range content {
			schema, _ := media.(map[string]any)["schema"].(map[string]any)
			o.bodies[kind] = schema
		}
	}
	return o
}

func escapePointer(text string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(text)
}

// resolve follows references within the document.
func (c *contract) resolve(thing any) map[string]any {
	m, _ := thing.(map[string]any)
	for range 20 {
		ref, ok := m["$ref"].(string)
		if !ok {
			break
		}
		var at any = c.root
		for _, key := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
			at = at.(map[string]any)[strings.NewReplacer("~1", "/", "~0", "~").Replace(key)]
		}
		m, _ = at.(map[string]any)
	}
	if choices, ok := m["anyOf"].([]any); ok {
		return c.resolve(choices[0])
	}
	return m
}

// schema compiles the schema at a JSON pointer of the document.
func (c *contract) schema(pointer string) (*jsonschema.Schema, error) {
	if s, ok := c.schemas[pointer]; ok {
		return s, nil
	}
	s, err := c.compiler.Compile(contractURL + "#" + strings.NewReplacer("{", "%7B", "}", "%7D", " ", "%20").Replace(pointer))
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", pointer, err)
	}
	c.schemas[pointer] = s
	return s, nil
}

// judge returns what is wrong with an answer to an operation by the contract; nil when nothing is.
func (c *contract) judge(o *contractOperation, method string, a apitest.Answer) error {
	if a.Status >= 500 {
		return fmt.Errorf("an answer of %d", a.Status)
	}
	requestID := a.Header.Get("X-Request-Id")
	if requestID == "" {
		return fmt.Errorf("no request id")
	}
	pointer := o.pointer + "/responses/" + strconv.Itoa(a.Status)
	raw, documented := o.responses[strconv.Itoa(a.Status)].(map[string]any)
	if !documented {
		return fmt.Errorf("status %d is not documented", a.Status)
	}
	if ref, ok := raw["$ref"].(string); ok {
		pointer, raw = strings.TrimPrefix(ref, "#"), c.resolve(raw)
	}
	content, _ := raw["content"].(map[string]any)
	if method == http.MethodHead || len(content) == 0 {
		if len(a.Body) > 0 {
			return fmt.Errorf("a body of %d bytes where none is documented", len(a.Body))
		}
		return nil
	}
	kind, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("content type %q: %w", a.Header.Get("Content-Type"), err)
	}
	media, ok := content[kind].(map[string]any)
	if !ok {
		return fmt.Errorf("content type %s is not documented for %d", kind, a.Status)
	}
	if kind != "application/json" || media["schema"] == nil {
		return nil
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.Body))
	if err != nil {
		return fmt.Errorf("body is not JSON: %w", err)
	}
	schema, err := c.schema(pointer + "/content/" + escapePointer(kind) + "/schema")
	if err != nil {
		return err
	}
	if err := schema.Validate(value); err != nil {
		return err
	}
	if a.Status >= 400 {
		return envelopeOf(a, requestID)
	}
	return nil
}

// envelopeOf returns what is wrong with an error answer.
func envelopeOf(a apitest.Answer, requestID string) error {
	var e apitest.Envelope
	var raw map[string]map[string]json.RawMessage
	if err := json.Unmarshal(a.Body, &raw); err != nil || len(raw) != 1 || len(raw["error"]) != 3 {
		return fmt.Errorf("not the envelope: %s", a.Body)
	}
	if err := json.Unmarshal(a.Body, &e); err != nil || e.Error.Code == "" || e.Error.Message == "" || e.Error.Details.RequestID != requestID {
		return fmt.Errorf("the envelope lacks code, message or the request id %s: %s", requestID, a.Body)
	}
	return nil
}
