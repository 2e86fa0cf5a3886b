package api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// answerFormat changes when the same state is written differently, so that no caller keeps what an older program wrote.
const answerFormat = 2

// cacheKey names an answer by what it is made of: the question, and the state of everything that it is answered from. It does
// not name who asks: that is checked anew for each request, and the answer does not depend on it.
type cacheKey [16]byte

// question is what an operation of the dashboard asks, and how it is answered.
type question struct {
	business uuid.UUID
	// tables are the published ones that the answer is made of. The first gives the answer its run, day and freshness.
	tables []string
	// asked is everything that the answer depends on beside the state, as it is written to JSON.
	asked any
	// match is what the caller has, as If-None-Match says.
	match string
	// answer makes the answer from one state, as what is written to JSON.
	answer func(context.Context, *store.MemberTx, store.DashboardState) (any, error)
}

// keyOf returns the key under which q is answered from a state. The state's freshness is part of it: that changes
// with time alone.
func (s *service) keyOf(operation string, q question, state store.DashboardState) (cacheKey, error) {
	asked, err := json.Marshal(q.asked)
	if err != nil {
		return cacheKey{}, fmt.Errorf("write question: %w", err)
	}
	text := make([]byte, 0, 512)
	part := func(b ...byte) { // lengths keep parts apart
		text = binary.AppendUvarint(text, uint64(len(b)))
		text = append(text, b...)
	}
	number := func(n int64) { text = binary.AppendVarint(text, n) }
	instant := func(t *time.Time) {
		if t == nil {
			text = append(text, 0)
			return
		}
		text = append(text, 1)
		number(t.UnixMicro())
	}
	number(answerFormat)
	part([]byte(s.version)...)
	part([]byte(operation)...)
	part(asked...)
	part(q.business[:]...)
	number(state.Revision)
	instant(state.CheckedAt)
	for _, table := range q.tables {
		p := state.Publication(table)
		part([]byte(table)...)
		if p.RunID != nil {
			part(p.RunID[:]...)
		} else {
			part()
		}
		instant(p.AsOf)
		instant(p.PublishedAt)
		number(p.Snapshot)
		instant(&p.LocalDay)
		part([]byte(s.freshness(p, state))...)
	}
	sum := sha256.Sum256(text)
	return cacheKey(sum[:16]), nil
}

// tag is the entity tag of the answer. A packed body is another sequence of bytes, and strong tags differ with the bytes.
func (k cacheKey) tag(packed bool) string {
	name := base64.RawURLEncoding.EncodeToString(k[:])
	if packed {
		name += ".gz"
	}
	return `"` + name + `"`
}

// matches tells whether one of the tags of If-None-Match is of this answer, packed or not (RFC 9110, section 13.1.2).
func (k cacheKey) matches(header string) bool {
	if header == "" {
		return false
	}
	name := base64.RawURLEncoding.EncodeToString(k[:])
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == "*" || tag == `"`+name+`"` || tag == `"`+name+`.gz"` {
			return true
		}
	}
	return false
}

// acceptsGzip reads Accept-Encoding (RFC 9110, section 12.5.3).
func acceptsGzip(header string) bool {
	accepted := false
	for coding := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(coding), ";")
		refused := false
		if value, ok := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(weight), " ", ""), "q="); ok {
			refused = strings.Trim(value, "0.") == ""
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip", "x-gzip":
			return !refused
		case "*":
			accepted = !refused
		}
	}
	return accepted
}
