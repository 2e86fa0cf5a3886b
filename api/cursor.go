package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// A cursor is the key of the last row of a page, as base64url of JSON. It holds nothing
// that its reader has not seen in that row and grants nothing: the next page is read under
// the caller's own rights. Its type is the key's struct, one for each list.

func encodeCursor[T any](key T) (string, error) {
	text, err := json.Marshal(key)
	if err != nil {
		return "", fmt.Errorf("write cursor: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(text), nil
}

// decodeCursor returns nil for the first page, which has no cursor.
func decodeCursor[T any](ctx context.Context, cursor string) (*T, error) {
	return decodeCursorOf[T](ctx, "query", cursor)
}

// decodeCursorOf is decodeCursor for a cursor that came in the query or the body.
func decodeCursorOf[T any](ctx context.Context, in, cursor string) (*T, error) {
	if cursor == "" {
		return nil, nil
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return nil, invalid(ctx, in, "cursor", "not a cursor of this list")
	}
	key := new(T)
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(key); err != nil || decoder.More() {
		return nil, invalid(ctx, in, "cursor", "not a cursor of this list")
	}
	return key, nil
}

// cut returns the first limit rows and, if there were more, the cursor of the next page.
func cut[R, K any](rows []R, limit int, key func(R) K) ([]R, *string, error) {
	if len(rows) <= limit {
		return rows, nil, nil
	}
	cursor, err := encodeCursor(key(rows[limit-1]))
	if err != nil {
		return nil, nil, err
	}
	return rows[:limit], &cursor, nil
}
