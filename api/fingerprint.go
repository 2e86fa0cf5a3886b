package api

import (
	"bytes"
	"hash"
	"io"
	"mime"
	"net/http"
	"strings"
)

// fingerprint hashes a request while its body is read. A client that sends a form again makes up a new boundary between
// its parts; the boundary is therefore left out of the hash.
type fingerprint struct {
	source io.ReadCloser
	hash   hash.Hash
	// mark is what is left out; empty for bodies that are no forms. tail is what was read and may be the beginning of mark.
	mark, tail []byte
	ended      bool
	err        error
}

// boundaryOf returns the boundary of a form, or nothing.
func boundaryOf(r *http.Request) []byte {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		return nil
	}
	return []byte(parameters["boundary"])
}

// Read reads the body and hashes what it returns.
func (f *fingerprint) Read(p []byte) (int, error) {
	n, err := f.source.Read(p)
	f.add(p[:n])
	if err == io.EOF {
		f.ended = true
	} else if err != nil {
		f.err = err
	}
	return n, err
}

// Close closes the body.
func (f *fingerprint) Close() error { return f.source.Close() }

func (f *fingerprint) add(p []byte) {
	if len(f.mark) == 0 {
		f.hash.Write(p)
		return
	}
	text := append(f.tail, p...)
	for {
		before, after, found := bytes.Cut(text, f.mark)
		if !found {
			break
		}
		f.hash.Write(before)
		text = after
	}
	keep := min(len(text), len(f.mark)-1)
	f.hash.Write(text[:len(text)-keep])
	f.tail = append([]byte(nil), text[len(text)-keep:]...)
}

// bound makes reading fail with *http.MaxBytesError beyond most bytes.
func (f *fingerprint) bound(w http.ResponseWriter, most int64) {
	f.source = http.MaxBytesReader(w, f.source, most)
}

// sum reads what is left of the body and returns the hash. It fails if the body could not be read whole.
func (f *fingerprint) sum() ([]byte, error) {
	if f.err == nil && !f.ended {
		if _, err := io.Copy(io.Discard, f); err != nil {
			return nil, err
		}
	}
	if f.err != nil {
		return nil, f.err
	}
	f.hash.Write(f.tail)
	f.tail = nil
	return f.hash.Sum(nil), nil
}
