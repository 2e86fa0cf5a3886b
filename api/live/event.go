package live

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// EventMessage is what a listener reads, as JSON.
type EventMessage struct {
	ID         *int64          `json:"id" doc:"Where the stream stands; send it as Last-Event-ID to resume after it. Null for messages that do not move it" example:"4711"`
	Kind       string          `json:"kind" doc:"What happened" example:"alert.fired"`
	At         *time.Time      `json:"at" doc:"When; null for messages about the stream itself" example:"2026-03-31T02:03:11Z"`
	BusinessID *uuid.UUID      `json:"business_id" doc:"Business that it happened in; null when it concerns the user alone" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	Data       json.RawMessage `json:"data" doc:"What the kind tells" example:"{\"count\":1}"`
}

// Event is one message, written once for all who get it.
type Event struct {
	// ID is the event's place in the stream; still for a message that does not move it.
	ID   int64
	Kind string
	// JSON is the EventMessage, on one line, and Frame the same as an event of text/event-stream. Neither may be changed.
	JSON, Frame []byte

	business uuid.UUID // zero when it is of no business
}

// newEvent writes a stored event.
func newEvent(s store.StoredEvent) (*Event, error) {
	// A kind with a line break would end the field of a stream.
	kind := strings.Map(func(r rune) rune {
		if r < ' ' {
			return -1
		}
		return r
	}, s.Kind)
	text, err := json.Marshal(EventMessage{ID: &s.ID, Kind: kind, At: &s.At, BusinessID: s.BusinessID, Data: s.Payload})
	if err != nil {
		return nil, fmt.Errorf("write event %d: %w", s.ID, err)
	}
	e := framed(s.ID, kind, text)
	if s.BusinessID != nil {
		e.business = *s.BusinessID
	}
	return e, nil
}

// framed returns an event whose JSON lies within its frame.
func framed(id int64, kind string, text []byte) *Event {
	frame := make([]byte, 0, len(text)+len(kind)+48)
	if id != still {
		frame = append(frame, "id: "...)
		frame = strconv.AppendInt(frame, id, 10)
		frame = append(frame, '\n')
	}
	frame = append(frame, "event: "...)
	frame = append(frame, kind...)
	frame = append(frame, "\ndata: "...)
	begin := len(frame)
	frame = append(frame, text...)
	end := len(frame)
	frame = append(frame, "\n\n"...)
	return &Event{ID: id, Kind: kind, JSON: frame[begin:end:end], Frame: frame}
}

// The kinds of messages about the stream itself.
const (
	KindReady           = "stream.ready"
	KindReset           = "stream.reset"
	KindEnd             = "stream.end"
	KindMembershipEnded = "stream.membership_ended"
	KindSecondFactor    = "stream.second_factor_required"
)

// still is the id of messages that do not move the stream.
const still int64 = -1

// control writes a message about the stream itself, at a place of the stream or still.
func control(kind string, id int64, business *uuid.UUID, data map[string]any) *Event {
	m := EventMessage{Kind: kind, BusinessID: business}
	if id != still {
		m.ID = &id
	}
	text, err := json.Marshal(data)
	if err == nil {
		m.Data = text
		text, err = json.Marshal(m)
	}
	if err != nil {
		panic("live: a message of numbers and texts has no JSON: " + err.Error())
	}
	return framed(id, kind, text)
}
