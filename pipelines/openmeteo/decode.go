package openmeteo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/fetch"
)

// Location is one location's part of an answer. When Err is set the part could not be
// read and only Err and Raw count; the other parts of the answer stand.
type Location struct {
	Latitude  float64 // of the grid cell, degrees
	Longitude float64
	TimeZone  string
	// UTCOffset is what local times in this part are ahead of UTC, one number even when it spans a clock change.
	UTCOffset time.Duration
	Daily     Table
	Hourly    Table

	Err error
	Raw string // the part's text when Err is set
}

// Table is one section of an answer, by columns. All columns are as long as Times.
type Table struct {
	Times   []Stamp
	Columns []Column // in order of name
}

// Stamp is one entry of a time column: local wall clock without a zone, or Unix seconds.
type Stamp struct {
	Local string // "2024-01-15" or "2024-01-15T00:00"; empty when Unix is meant
	Unix  int64
}

// Column is one variable. Numbers hold null where the value is missing; a variable
// whose values are text (sunrise) has Texts instead.
type Column struct {
	Name    string
	Unit    string // as the service writes it; empty when it gave none
	Numbers []*float64
	Texts   []*string
}

// Column returns the column called name, or, in an answer that several weather models
// were asked for, that of the first of models that is there ("name_model").
func (t Table) Column(name string, models ...string) (Column, bool) {
	names := []string{name}
	for _, model := range models {
		names = append(names, name+"_"+model)
	}
	for _, n := range names {
		if i, ok := slices.BinarySearchFunc(t.Columns, n, func(c Column, n string) int { return bytes.Compare([]byte(c.Name), []byte(n)) }); ok {
			return t.Columns[i], true
		}
	}
	return Column{}, false
}

// Decode reads an answer of the forecast or archive service: one object for one
// location, an array for several, in the order of the request. The error is an *APIError
// when the body states one.
func Decode(body []byte) ([]Location, error) {
	body = fetch.TrimJSON(body)
	if apiErr := readError(body); apiErr != nil {
		return nil, apiErr
	}
	parts := []json.RawMessage{body}
	if len(body) > 0 && body[0] == '[' {
		if err := json.Unmarshal(body, &parts); err != nil {
			return nil, fmt.Errorf("read answer: %w", err)
		}
	} else if len(body) == 0 || body[0] != '{' || !json.Valid(body) {
		return nil, errors.New("read answer: no complete JSON object or array")
	}
	locations := make([]Location, 0, len(parts))
	for _, part := range parts {
		location, err := decodeLocation(part)
		if err != nil {
			location = Location{Err: err, Raw: string(part)}
		}
		locations = append(locations, location)
	}
	return locations, nil
}

func decodeLocation(part []byte) (Location, error) {
	if apiErr := readError(part); apiErr != nil {
		return Location{}, apiErr
	}
	var raw struct {
		Latitude    *float64                   `json:"latitude"`
		Longitude   *float64                   `json:"longitude"`
		TimeZone    string                     `json:"timezone"`
		UTCOffset   int64                      `json:"utc_offset_seconds"`
		Daily       map[string]json.RawMessage `json:"daily"`
		DailyUnits  map[string]string          `json:"daily_units"`
		Hourly      map[string]json.RawMessage `json:"hourly"`
		HourlyUnits map[string]string          `json:"hourly_units"`
	}
	if err := json.Unmarshal(part, &raw); err != nil {
		return Location{}, fmt.Errorf("read location: %w", err)
	}
	if raw.Latitude == nil || raw.Longitude == nil {
		return Location{}, errors.New("read location: no latitude and longitude")
	}
	offset := time.Duration(raw.UTCOffset) * time.Second
	if offset.Abs() > 15*time.Hour {
		return Location{}, fmt.Errorf("read location: utc_offset_seconds %d is no time zone's", raw.UTCOffset)
	}
	l := Location{Latitude: *raw.Latitude, Longitude: *raw.Longitude, TimeZone: raw.TimeZone, UTCOffset: offset}
	var err error
	if l.Daily, err = decodeTable(raw.Daily, raw.DailyUnits); err != nil {
		return Location{}, fmt.Errorf("read daily: %w", err)
	}
	if l.Hourly, err = decodeTable(raw.Hourly, raw.HourlyUnits); err != nil {
		return Location{}, fmt.Errorf("read hourly: %w", err)
	}
	return l, nil
}

func decodeTable(section map[string]json.RawMessage, units map[string]string) (Table, error) {
	if section == nil {
		return Table{}, nil
	}
	var t Table
	var err error
	if t.Times, err = decodeTimes(section["time"]); err != nil {
		return Table{}, err
	}
	for name, values := range section {
		if name == "time" {
			continue
		}
		column := Column{Name: name, Unit: units[name]}
		if numberErr := json.Unmarshal(values, &column.Numbers); numberErr != nil {
			column.Numbers = nil
			if json.Unmarshal(values, &column.Texts) != nil {
				return Table{}, fmt.Errorf("column %s: %w", name, numberErr)
			}
		}
		if got := max(len(column.Numbers), len(column.Texts)); got != len(t.Times) {
			return Table{}, fmt.Errorf("column %s has %d values for %d times", name, got, len(t.Times))
		}
		t.Columns = append(t.Columns, column)
	}
	slices.SortFunc(t.Columns, func(a, b Column) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	return t, nil
}

func decodeTimes(values json.RawMessage) ([]Stamp, error) {
	var seconds []int64
	if json.Unmarshal(values, &seconds) == nil {
		times := make([]Stamp, len(seconds))
		for i, s := range seconds {
			times[i] = Stamp{Unix: s}
		}
		return times, nil
	}
	var locals []string
	if err := json.Unmarshal(values, &locals); err != nil {
		return nil, fmt.Errorf("column time: %w", err)
	}
	times := make([]Stamp, len(locals))
	for i, s := range locals {
		times[i] = Stamp{Local: s}
	}
	return times, nil
}
