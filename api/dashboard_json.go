package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Points make up nearly all of an answer's bytes, and encoding/json needs most of a request's time for them. They are
// written by hand here, byte for byte as encoding/json does; a test compares the two.

// appendJSON appends the answer as JSON and a line feed.
func (a *metricsAnswer) appendJSON(text []byte) ([]byte, error) {
	head, err := object(struct {
		PublishedAnswer
		Grain string `json:"grain"`
	}{a.PublishedAnswer, a.Grain})
	if err != nil {
		return nil, err
	}
	size := len(head) + 1024
	for i := range a.Series {
		size += 512 + 110*len(a.Series[i].Points)
	}
	text = append(make([]byte, 0, len(text)+size), text...)
	text = append(append(text, head...), `,"series":[`...)
	for i := range a.Series {
		if i > 0 {
			text = append(text, ',')
		}
		if text, err = a.Series[i].appendJSON(text); err != nil {
			return nil, err
		}
	}
	text = append(text, ']')
	if len(a.DailyKPIs) > 0 {
		if text, err = appendMember(text, "daily_kpis", a.DailyKPIs); err != nil {
			return nil, err
		}
	}
	if len(a.Holidays) > 0 {
		if text, err = appendMember(text, "holidays", a.Holidays); err != nil {
			return nil, err
		}
	}
	if text, err = appendMember(text, "next_cursor", a.NextCursor); err != nil {
		return nil, err
	}
	return append(text, "}\n"...), nil
}

func (s *metricSeries) appendJSON(text []byte) ([]byte, error) {
	head, err := object(struct {
		KPI               kpiAnswer `json:"kpi"`
		Currency          *string   `json:"currency"`
		ConvertedCurrency *string   `json:"converted_currency"`
	}{s.KPI, s.Currency, s.ConvertedCurrency})
	if err != nil {
		return nil, err
	}
	text = append(append(text, head...), `,"points":[`...)
	for i := range s.Points {
		if i > 0 {
			text = append(text, ',')
		}
		text = s.Points[i].appendJSON(text)
	}
	text = append(text, ']')
	if s.Forecast != nil {
		if text, err = appendMember(text, "forecast", s.Forecast); err != nil {
			return nil, err
		}
	}
	if len(s.Anomalies) > 0 {
		if text, err = appendMember(text, "anomalies", s.Anomalies); err != nil {
			return nil, err
		}
	}
	return append(text, '}'), nil
}

// appendJSON appends a point. When it begins is what we wrote: digits and signs.
func (p *metricPoint) appendJSON(text []byte) []byte {
	text = append(append(text, `{"day":"`...), p.Day...)
	if p.StartsAt != "" {
		text = append(append(text, `","starts_at":"`...), p.StartsAt...)
	}
	text = append(text, `","value":`...)
	text = append(appendNumber(text, p.Value), `,"converted":`...)
	text = append(appendNumber(text, p.Converted), `,"points":`...)
	text = append(strconv.AppendInt(text, p.Points, 10), `,"days":`...)
	text = append(strconv.AppendInt(text, p.Days, 10), `,"complete":`...)
	return append(strconv.AppendBool(text, p.Complete), '}')
}

// appendNumber appends v, which is finite, as encoding/json does: as ES6 writes numbers.
func appendNumber(text []byte, v *float64) []byte {
	if v == nil {
		return append(text, "null"...)
	}
	format, size := byte('f'), math.Abs(*v)
	if size != 0 && (size < 1e-6 || size >= 1e21) {
		format = 'e'
	}
	text = strconv.AppendFloat(text, *v, format, -1, 64)
	if n := len(text); format == 'e' && n >= 4 && text[n-4] == 'e' && (text[n-3] == '-' || text[n-3] == '+') && text[n-2] == '0' {
		text[n-2] = text[n-1] // e-09 becomes e-9
		text = text[:n-1]
	}
	return text
}

// appendMember appends one more member of an object.
func appendMember(text []byte, name string, v any) ([]byte, error) {
	value, err := plainJSON(v)
	if err != nil {
		return nil, err
	}
	return append(append(append(append(text, ',', '"'), name...), '"', ':'), value...), nil
}

// object is v, a struct, as JSON without its closing brace.
func object(v any) ([]byte, error) {
	text, err := plainJSON(v)
	return bytes.TrimSuffix(text, []byte("}")), err
}

// plainJSON is v as JSON, without a line feed and without the escapes that HTML would need.
func plainJSON(v any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("write answer: %w", err)
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}
