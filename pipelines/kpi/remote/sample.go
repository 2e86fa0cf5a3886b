package remote

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// maxShown is how much of a cell a sample shows.
const maxShown = 200

// members are the names of an object's members, in order.
func members(row any) []string {
	if object, ok := row.(map[string]any); ok {
		return slices.Sorted(maps.Keys(object))
	}
	return []string{"$"}
}

// memberTexts are the values of members, as text.
func memberTexts(row any) []string {
	object, ok := row.(map[string]any)
	if !ok {
		return []string{shown(row)}
	}
	var texts []string
	for _, name := range members(row) {
		texts = append(texts, shown(object[name]))
	}
	return texts
}

// shown is a value as a sample shows it.
func shown(value any) string {
	text, ok := value.(string)
	if !ok {
		encoded, err := json.Marshal(value)
		if err != nil {
			return ""
		}
		text = string(encoded)
	}
	return cut(text)
}

func cut(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if runes := []rune(text); len(runes) > maxShown {
		return string(runes[:maxShown]) + "..."
	}
	return text
}

// sampleText returns the header and the first rows of delimited text, leniently: they are shown and not landed.
func sampleText(head []byte, delimiter string, wanted bool) (names []string, rows [][]string) {
	if !wanted {
		return nil, nil
	}
	first, _, _ := bytes.Cut(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), []byte("\n"))
	if delimiter == "" {
		delimiter = ","
		for _, other := range []string{";", "\t", "|"} {
			if bytes.Count(first, []byte(other)) > bytes.Count(first, []byte(delimiter)) {
				delimiter = other
			}
		}
	}
	reader := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))))
	reader.Comma, reader.LazyQuotes, reader.FieldsPerRecord = rune(delimiter[0]), true, -1
	names, err := reader.Read()
	if err != nil {
		return nil, nil
	}
	for i := range names {
		names[i] = cut(strings.TrimSpace(names[i]))
	}
	for len(rows) < shownRows {
		row, err := reader.Read()
		if err != nil {
			break
		}
		texts := make([]string, len(names))
		for i := range texts {
			if i < len(row) {
				texts[i] = cut(row[i])
			}
		}
		rows = append(rows, texts)
	}
	return names, rows
}
