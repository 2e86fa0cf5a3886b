package kpi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// readObjects reads JSON lines. A column is a member of the line's object; one that is absent or null is empty.
func (f *reading) readObjects(ctx context.Context, r io.Reader) error {
	text, err := Text(r, f.spec.Encoding, f.limits.bytes)
	if err != nil {
		return err
	}
	columns := f.spec.columns()
	if f.header, err = locate(columns, f.spec); err != nil {
		return err
	}
	in := newLines(text)
	for {
		line, long, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after line %d: %w", in.number, err)
		}
		if in.number%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := f.take(in.number, f.object(in.number, line, long, columns), line); err != nil {
			return err
		}
	}
}

// object takes in one line of JSON and returns the reason when it is refused whole.
func (f *reading) object(number int64, line []byte, long bool, columns []string) string {
	f.number = number
	switch {
	case long:
		return fmt.Sprintf("the line is longer than %d bytes", maxLineBytes)
	case len(bytes.TrimSpace(line)) == 0:
		return ""
	case !utf8.Valid(line):
		return "the line is not UTF-8"
	}
	f.fields, f.kinds = slices.Grow(f.fields[:0], len(columns))[:len(columns)], slices.Grow(f.kinds[:0], len(columns))[:len(columns)]
	clear(f.fields)
	clear(f.kinds)
	seen := make([]bool, len(columns))
	reason := EachMember(line, func(name string, value json.RawMessage) string {
		i := slices.Index(columns, name)
		if i < 0 {
			return ""
		}
		if seen[i] {
			return fmt.Sprintf("member %q stands twice", name)
		}
		seen[i] = true
		return f.member(i, name, value)
	})
	if reason != "" {
		return reason
	}
	return f.record(f.fields, f.kinds)
}

// member puts a member's value into its field.
func (f *reading) member(i int, name string, value json.RawMessage) string {
	switch value[0] {
	case '{', '[':
		return fmt.Sprintf("member %q holds no plain value", name)
	case 'n':
	case '"':
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			return "the line is not a JSON object"
		}
		f.fields[i] = []byte(text)
	case 't', 'f':
		f.fields[i] = value
	default:
		f.fields[i], f.kinds[i] = value, numberCell
	}
	return ""
}

// EachMember calls visit with each member of the JSON object that line is, until one gives a reason, which it returns.
// The reason also says when line is no such object.
func EachMember(line []byte, visit func(name string, value json.RawMessage) string) string {
	const refused = "the line is not a JSON object"
	if !json.Valid(line) || bytes.TrimSpace(line)[0] != '{' {
		return refused
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	if _, err := decoder.Token(); err != nil {
		return refused
	}
	for decoder.More() {
		token, err := decoder.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return refused
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return refused
		}
		if reason := visit(name, value); reason != "" {
			return reason
		}
	}
	return ""
}
