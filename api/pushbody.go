package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// maxPushValue bounds a value, as in files: sums over years stay exact and finite.
const maxPushValue = 1e15

// readPush reads the body of a push whose signature was checked. A point that is wrong is refused by itself; a body that is not
// what it should be is refused whole.
func readPush(ctx context.Context, target store.PushTarget, body []byte, now time.Time) (store.Push, error) {
	p := store.Push{ReceivedAt: now, ReadyAt: now}
	var document struct {
		Points []json.RawMessage `json:"points"`
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&document); err != nil || !utf8.Valid(body) {
		return p, invalid(ctx, "body", "body", `want {"points":[...]} in UTF-8`)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return p, invalid(ctx, "body", "body", "text after the end of the document")
	}
	if len(document.Points) == 0 || len(document.Points) > maxPushPoints {
		return p, invalid(ctx, "body", "points", fmt.Sprintf("want 1 to %d points", maxPushPoints))
	}
	r := newPushReader(target, now.Add(signatureTime))
	for i, raw := range document.Points {
		point, reason := r.point(raw)
		if reason != "" {
			text := string(raw)
			p.Rejects = append(p.Rejects, store.PushedReject{Line: int64(i) + 1, Reason: reason, Raw: text[:min(len(text), 1000)]})
			continue
		}
		p.Points = append(p.Points, point)
		if at := time.UnixMicro(point.Micros).UTC(); at.After(p.ReadyAt) {
			p.ReadyAt = at
		}
	}
	for i := range p.Rejects {
		p.Rejects[i].Raw = strings.ToValidUTF8(strings.ReplaceAll(p.Rejects[i].Raw, "\x00", ""), "")
		p.Rejects[i].Reason = strings.ReplaceAll(p.Rejects[i].Reason, "\x00", "")
	}
	return p, nil
}

// pushReader is the state of reading one push.
type pushReader struct {
	kpis   map[string]store.PushKPI
	latest time.Time
	seen   map[pushPlace]float64
}

type pushPlace struct {
	kpi    uuid.UUID
	micros int64
}

func newPushReader(target store.PushTarget, latest time.Time) *pushReader {
	r := &pushReader{kpis: map[string]store.PushKPI{}, latest: latest, seen: map[pushPlace]float64{}}
	for _, k := range target.KPIs {
		r.kpis[k.ID.String()] = k
	}
	for _, k := range target.KPIs {
		r.kpis[k.Name] = k // a name that looks like another's id is still a name
	}
	return r
}

// point reads one point, or returns the reason why it is none.
func (r *pushReader) point(raw []byte) (store.PushedPoint, string) {
	refuse := func(format string, args ...any) (store.PushedPoint, string) {
		return store.PushedPoint{}, fmt.Sprintf(format, args...)
	}
	var in struct {
		KPI   *string         `json:"kpi"`
		At    *string         `json:"at"`
		Value json.RawMessage `json:"value"`
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return refuse("want an object with kpi and at as texts and value as a number, nothing else")
	}
	if in.KPI == nil || in.At == nil || len(in.Value) == 0 {
		return refuse("kpi, at and value are needed")
	}
	if first := in.Value[0]; first != '-' && (first < '0' || first > '9') {
		return refuse("value %s is not a number", shorten(string(in.Value)))
	}
	k, known := r.kpis[*in.KPI]
	if !known {
		return refuse("unknown KPI %q", shorten(*in.KPI))
	}
	at, err := time.Parse(time.RFC3339, *in.At)
	if err != nil {
		return refuse("time %q is not an instant with its offset, such as 2026-03-30T12:00:00Z", shorten(*in.At))
	}
	at = at.UTC().Truncate(time.Microsecond)
	if at.Year() < 1900 || at.Year() > 2199 {
		return refuse("time %q: the year is not between 1900 and 2199", shorten(*in.At))
	}
	if at.After(r.latest) {
		return refuse("the time lies in the future")
	}
	value, err := strconv.ParseFloat(string(in.Value), 64)
	if err != nil || math.Abs(value) > maxPushValue {
		return refuse("value %s is too large", shorten(string(in.Value)))
	}
	if value < 0 && k.NonNegative {
		return refuse("value %v is negative", value)
	}
	value += 0 // -0 is 0
	place := pushPlace{k.ID, at.UnixMicro()}
	if before, taken := r.seen[place]; taken {
		if before == value {
			return refuse("repeats an earlier point: same KPI, same time, same value")
		}
		return refuse("contradicts an earlier point: same KPI, same time, another value")
	}
	r.seen[place] = value
	return store.PushedPoint{KPIID: k.ID, Micros: place.micros, Value: value}, ""
}

// shorten cuts a text that a reason quotes.
func shorten(text string) string {
	if runes := []rune(text); len(runes) > 100 {
		return string(runes[:100]) + "..."
	}
	return text
}
