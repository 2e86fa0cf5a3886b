package replay

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Kind is a way in which an upstream fails.
type Kind int

// The kinds of fault. They replace or break the recorded answer.
const (
	// TooMany answers 429 with Retry-After.
	TooMany Kind = iota + 1
	// ServerError answers 500.
	ServerError
	// HTMLUnder200 answers a web page with status 200.
	HTMLUnder200
	// Empty answers 200 without a body.
	Empty
	// Timeout never answers.
	Timeout
	// Slow sends the body one byte a second.
	Slow
	// Reset sends half of the body and cuts the connection.
	Reset
	// TruncatedGzip sends half of the packed body and ends properly.
	TruncatedGzip
	// Truncated sends half of the body and ends properly, without having said its length.
	Truncated
	// Endless sends the body and then blanks until the client goes away.
	Endless
	// Garbage answers random bytes with status 200.
	Garbage
	// Refused answers 400: the request is wrong and useless to repeat.
	Refused
)

// Kinds lists the kinds of fault that a later attempt may overcome: all but Refused.
func Kinds() []Kind {
	return []Kind{TooMany, ServerError, HTMLUnder200, Empty, Timeout, Slow, Reset, TruncatedGzip, Truncated, Endless, Garbage}
}

// String returns the kind's name for test output.
func (k Kind) String() string {
	names := [...]string{"none", "too many", "server error", "html under 200", "empty", "timeout", "slow", "reset", "truncated gzip", "truncated", "endless", "garbage", "refused"}
	if k < 0 || int(k) >= len(names) {
		return "kind(" + strconv.Itoa(int(k)) + ")"
	}
	return names[k]
}

// Fault makes some requests fail.
type Fault struct {
	// Kind is what happens.
	Kind Kind
	// Prefix is the beginning of host and path of the requests meant. Empty means all.
	Prefix string
	// Skip is how many of these requests are answered well first.
	Skip int
	// Times is how many then fail. Zero means all.
	Times int

	seen int
}

// Inject adds a fault. Of several that are due the one added first happens.
func (h *Handler) Inject(f Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = append(h.faults, &f)
}

// Heal removes all faults.
func (h *Handler) Heal() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = nil
}

// dueFault counts the request and returns the fault that it meets. The caller holds mu.
func (h *Handler) dueFault(address string) *Fault {
	var due *Fault
	for _, f := range h.faults {
		if !strings.HasPrefix(address, f.Prefix) {
			continue
		}
		f.seen++
		if due == nil && f.seen > f.Skip && (f.Times == 0 || f.seen <= f.Skip+f.Times) {
			due = f
		}
	}
	return due
}

func (h *Handler) serveFault(w http.ResponseWriter, r *http.Request, f *Fault, found *answer) {
	var body []byte
	contentType := "application/json"
	if found != nil {
		contentType = found.ContentType
		body, _ = fs.ReadFile(h.files, found.File) // a fault without a body is a fault as well
	}
	switch f.Kind {
	case TooMany:
		w.Header().Set("Retry-After", "7")
		http.Error(w, "Too many requests", http.StatusTooManyRequests)
	case ServerError:
		http.Error(w, "Internal server error", http.StatusInternalServerError)
	case Refused:
		http.Error(w, "Bad request", http.StatusBadRequest)
	case HTMLUnder200:
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("<!DOCTYPE html><html><head><title>Down for maintenance</title></head><body>Back soon</body></html>"))
	case Timeout:
		<-r.Context().Done()
	default:
		w.Header().Set("Content-Type", contentType)
		serveBroken(w, r, f.Kind, body)
	}
}

// serveBroken sends body in the broken way of kind, under status 200.
func serveBroken(w http.ResponseWriter, r *http.Request, kind Kind, body []byte) {
	half := body[:len(body)/2]
	switch kind {
	case Slow:
		drip(w, r, body)
	case Reset:
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.Write(half)
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler) // net/http's documented way to cut a connection
	case TruncatedGzip:
		var packed bytes.Buffer
		writer := gzip.NewWriter(&packed)
		writer.Write(body)
		writer.Close()
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(packed.Bytes()[:packed.Len()/2])
	case Truncated:
		w.Write(half)
	case Endless:
		w.Write(body)
		blanks := bytes.Repeat([]byte(" "), 64<<10)
		for r.Context().Err() == nil {
			if _, err := w.Write(blanks); err != nil {
				return
			}
		}
	case Garbage:
		random := rand.New(rand.NewPCG(uint64(len(body)), 1))
		noise := make([]byte, 4<<10)
		for i := range noise {
			noise[i] = byte(random.Uint32())
		}
		w.Write(noise)
	}
}

func drip(w http.ResponseWriter, r *http.Request, body []byte) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for i := range body {
		select {
		case <-ticker.C:
		case <-r.Context().Done():
			return
		}
		if _, err := w.Write(body[i : i+1]); err != nil {
			return
		}
		http.NewResponseController(w).Flush()
	}
}
