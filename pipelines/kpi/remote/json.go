package remote

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/ohler55/ojg/jp"

	"github.com/signalcraft/signalcraft/pipelines/kpi"
)

// maxPath is the longest JSONPath.
const maxPath = 200

// compile reads a JSONPath of members, indexes, slices and wildcards. Whatever could match more often than the document has
// elements is refused: descents, unions, filters and scripts.
func compile(text string) (jp.Expr, error) {
	if len(text) > maxPath || !strings.HasPrefix(text, "$") {
		return nil, fmt.Errorf("a JSONPath begins with $ and has at most %d characters", maxPath)
	}
	path, err := jp.ParseString(text)
	if err != nil {
		return nil, errors.New("this is not a JSONPath")
	}
	for _, part := range path {
		switch part.(type) {
		case jp.Root, jp.Child, jp.Nth, jp.Slice, jp.Wildcard, jp.Bracket:
		default:
			return nil, errors.New("a JSONPath here may hold members, indexes, slices and *, nothing else")
		}
	}
	return path, nil
}

// getter takes one column out of a row: a member by its name, or what a JSONPath leads to.
type getter struct {
	member string
	path   jp.Expr
}

func newGetter(column string) (getter, error) {
	if !strings.HasPrefix(column, "$") {
		return getter{member: column}, nil
	}
	path, err := compile(column)
	return getter{path: path}, err
}

func (g getter) get(row any) kpi.Field {
	if g.path == nil {
		object, ok := row.(map[string]any)
		if !ok {
			return kpi.Field{Kind: kpi.FieldRefused, Text: "not there: the row is no object"}
		}
		return fieldOf(object[g.member])
	}
	switch found := g.path.Get(row); len(found) {
	case 0:
		return kpi.Field{Kind: kpi.FieldMissing}
	case 1:
		return fieldOf(found[0])
	}
	return kpi.Field{Kind: kpi.FieldRefused, Text: "several things at once"}
}

func fieldOf(value any) kpi.Field {
	switch v := value.(type) {
	case nil:
		return kpi.Field{Kind: kpi.FieldMissing}
	case string:
		return kpi.Field{Text: v}
	case json.Number:
		return kpi.Field{Kind: kpi.FieldNumber, Text: v.String()}
	case bool:
		return kpi.Field{Kind: kpi.FieldRefused, Text: "true or false"}
	case []any:
		return kpi.Field{Kind: kpi.FieldRefused, Text: "a list"}
	}
	return kpi.Field{Kind: kpi.FieldRefused, Text: "an object"}
}

// decode reads one JSON document whose numbers keep their digits.
func decode(body []byte) (any, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(body) {
		return nil, problem("the answer is not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return nil, &Error{text: "the answer is not JSON" + pageHint(body), err: err}
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, problem("the answer holds more than one JSON document")
	}
	return document, nil
}

// pageHint says so when what came is a page for people, the usual reason.
func pageHint(body []byte) string {
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
		return ": it looks like a web page"
	}
	return ""
}

// rowsAt returns the rows that a path leads to. None at all is told from an empty list.
func rowsAt(document any, path jp.Expr) (rows []any, found bool) {
	if path == nil {
		rows, found = document.([]any)
		return rows, found
	}
	matches := path.Get(document)
	if len(matches) == 1 {
		if list, ok := matches[0].([]any); ok && !wild(path) {
			return list, true
		}
	}
	return matches, len(matches) > 0 || wild(path)
}

// wild reports whether a path may rightly match nothing: an empty list has no elements.
func wild(path jp.Expr) bool {
	switch path[len(path)-1].(type) {
	case jp.Wildcard, jp.Slice:
		return true
	}
	return false
}

// jsonRows gives the records of one page, numbered after before.
func jsonRows(rows []any, columns []getter, before int64) iter.Seq2[kpi.Record, error] {
	return func(yield func(kpi.Record, error) bool) {
		for i, row := range rows {
			record := kpi.Record{Line: before + int64(i) + 1, Fields: make([]kpi.Field, len(columns)), Raw: func() string {
				text, err := json.Marshal(row)
				if err != nil {
					return ""
				}
				return string(text)
			}}
			for k, column := range columns {
				record.Fields[k] = column.get(row)
			}
			if !yield(record, nil) {
				return
			}
		}
	}
}
