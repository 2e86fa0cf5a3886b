package api

import (
	"context"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Lists whose items must differ carry the tag uniqueItems. huma would check them before the items themselves, by putting them into a
// map, and panics when a client sends an item that cannot be a key. So the document says it, and the check is ours.

// unique returns handler with a check of its input's unique lists; handler itself when there is none.
func unique[I, O any](handler func(context.Context, *I) (*O, error)) func(context.Context, *I) (*O, error) {
	if !hasUnique(reflect.TypeFor[I](), 0) {
		return handler
	}
	return func(ctx context.Context, in *I) (*O, error) {
		if field := repeated(reflect.ValueOf(in).Elem(), ""); field != "" {
			return nil, invalid(ctx, "body", strings.TrimPrefix(field, "Body."), "expected items that differ")
		}
		return handler(ctx, in)
	}
}

// maxNesting bounds the search in types that hold themselves.
const maxNesting = 8

func hasUnique(t reflect.Type, depth int) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || depth > maxNesting {
		return false
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("uniqueItems") == "true" || hasUnique(f.Type, depth+1) {
			return true
		}
	}
	return false
}

// repeated returns the path of the first list in v that holds a text twice although its tag says unique; empty when there is none.
func repeated(v reflect.Value, path string) string {
	if v.Kind() == reflect.Pointer {
		v = v.Elem() // of nil, the zero Value, which is no struct
	}
	if v.Kind() != reflect.Struct {
		return ""
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		if list, ok := listOf(v.Field(i), f); ok {
			seen := map[string]bool{}
			for _, item := range list {
				if seen[item] {
					return path + name
				}
				seen[item] = true
			}
			continue
		}
		within := path + name + "."
		if f.Anonymous {
			within = path // JSON knows no embedding
		}
		if found := repeated(v.Field(i), within); found != "" {
			return found
		}
	}
	return ""
}

func listOf(v reflect.Value, f reflect.StructField) ([]string, bool) {
	if f.Tag.Get("uniqueItems") != "true" || !f.IsExported() {
		return nil, false
	}
	list, ok := v.Interface().([]string)
	return list, ok
}

// tellUnique leaves the word uniqueItems to the document alone.
func tellUnique(schemas map[string]*huma.Schema) {
	for _, schema := range schemas {
		if schema == nil {
			continue
		}
		if schema.UniqueItems {
			schema.UniqueItems = false
			if schema.Extensions == nil {
				schema.Extensions = map[string]any{}
			}
			schema.Extensions["uniqueItems"] = true
		}
		tellUnique(schema.Properties)
	}
}
