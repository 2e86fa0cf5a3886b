package fetch

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// cache keeps answers as files <dir>/<upstream>/<key>: one line of JSON (entry), then
// the body. A file that does not match its own checksum is as good as absent. Losing the
// folder costs requests, never data.
type cache struct{ dir string }

// entry is the first line of a cache file.
type entry struct {
	URL         string    `json:"url"`
	Status      int       `json:"status"`
	ContentType string    `json:"content_type,omitempty"`
	ETag        string    `json:"etag,omitempty"`
	FetchedAt   time.Time `json:"fetched_at"`
	SHA256      string    `json:"sha256"`

	body []byte
}

// cacheKey is the hash of what decides the answer. Address has its secrets blanked, so a changed key keeps the cache.
func cacheKey(upstream, method, address string) string {
	sum := sha256.Sum256([]byte(upstream + "\n" + method + "\n" + address))
	return hex.EncodeToString(sum[:])
}

// age is how old e is at now. A clock that went back makes e infinitely old rather than fresh for ever.
func (e *entry) age(now time.Time) time.Duration {
	age := now.Sub(e.FetchedAt)
	if age < 0 {
		return Forever
	}
	return age
}

func (e *entry) response() Response {
	header := http.Header{}
	if e.ContentType != "" {
		header.Set("Content-Type", e.ContentType)
	}
	if e.ETag != "" {
		header.Set("ETag", e.ETag)
	}
	return Response{Status: e.Status, Header: header, Body: e.body, URL: e.URL, Cached: true, FetchedAt: e.FetchedAt}
}

// read returns the entry of key, nil when there is none that is whole.
func (c cache) read(upstream, key string) *entry {
	if c.dir == "" {
		return nil
	}
	content, err := os.ReadFile(filepath.Join(c.dir, upstream, key))
	if err != nil {
		return nil
	}
	head, body, found := bytes.Cut(content, []byte("\n"))
	var e entry
	if !found || json.Unmarshal(head, &e) != nil || e.SHA256 != checksum(body) {
		return nil
	}
	e.body = body
	return &e
}

// write replaces the entry of key. A reader sees the old file or the new one.
func (c cache) write(upstream, key string, r Response) error {
	if c.dir == "" {
		return nil
	}
	head, err := json.Marshal(entry{
		URL: r.URL, Status: r.Status, ContentType: r.Header.Get("Content-Type"), ETag: r.Header.Get("ETag"),
		FetchedAt: r.FetchedAt, SHA256: checksum(r.Body),
	})
	if err != nil {
		return fmt.Errorf("encode cache entry: %w", err)
	}
	folder := filepath.Join(c.dir, upstream)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make cache folder: %w", err)
	}
	file, err := os.CreateTemp(folder, ".new-*")
	if err != nil {
		return fmt.Errorf("make cache file: %w", err)
	}
	defer os.Remove(file.Name()) // absent once renamed
	writer := bufio.NewWriter(file)
	writer.Write(head)
	writer.WriteByte('\n')
	writer.Write(r.Body)
	if err := writer.Flush(); err != nil {
		file.Close()
		return fmt.Errorf("write cache file: %w", err)
	}
	// No fsync: after a power cut a torn file fails its checksum.
	if err := file.Close(); err != nil {
		return fmt.Errorf("close cache file: %w", err)
	}
	if err := os.Rename(file.Name(), filepath.Join(folder, key)); err != nil {
		return fmt.Errorf("name cache file: %w", err)
	}
	return nil
}

func checksum(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
