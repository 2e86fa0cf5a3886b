package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// endless gives so many bytes of CSV without holding them.
type endless struct {
	left int64
	line []byte
	rest []byte
	day  time.Time
}

// Read gives the next bytes.
func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	filled := 0
	for filled < len(p) && e.left > 0 {
		if len(e.rest) == 0 {
			e.day = e.day.Add(time.Minute)
			e.line = append(e.day.AppendFormat(e.line[:0], "2006-01-02 15:04"), ",12.25\n"...)
			e.rest = e.line
		}
		n := copy(p[filled:], e.rest[:min(int64(len(e.rest)), e.left)])
		e.rest, e.left = e.rest[n:], e.left-int64(n)
		filled += n
	}
	return filled, nil
}

// TestLargeUploadKeepsMemoryFlat sends a file of 200 MB and measures the heap while it is received and inspected.
func TestLargeUploadKeepsMemoryFlat(t *testing.T) {
	s := newSender(t, false)
	const size = 200 << 20
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	var most atomic.Uint64
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				var now runtime.MemStats
				runtime.ReadMemStats(&now)
				most.Store(max(most.Load(), now.HeapInuse))
			}
		}
	}()
	began := time.Now()
	body := io.MultiReader(strings.NewReader("time,sales\n"), &endless{left: size - 11, day: time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)})
	var u upload
	s.call(t, http.MethodPost, "/data/upload?business_id="+s.business+"&name=large.csv", "text/csv", body, http.StatusCreated, &u)
	took := time.Since(began)
	close(done)
	<-stopped
	grown := int64(most.Load()) - int64(before.HeapInuse)
	t.Logf("200 MB received and inspected in %s, heap %d MiB before, at most %d MiB more", took.Round(time.Millisecond), before.HeapInuse>>20, grown>>20)
	if grown > 64<<20 {
		t.Errorf("the heap grew by %d MiB, want at most 64", grown>>20)
	}
}

// TestUploadsBeyondTheLimits are refused with the status that says why, and leave nothing behind.
func TestUploadsBeyondTheLimits(t *testing.T) {
	s := newSender(t, false)
	refused := func(want int, part, path, kind string, body io.Reader) {
		t.Helper()
		status, text := s.try(t, http.MethodPost, path, kind, body)
		if status != want || !strings.Contains(string(text), part) {
			t.Errorf("POST %s: %d %.300s, want %d with %q", path, status, text, want, part)
		}
	}
	own := "/data/upload?business_id=" + s.business
	refused(400, "business_id", "/data/upload", "text/csv", strings.NewReader("a,b\n"))
	refused(404, "NOT_FOUND", "/data/upload?business_id="+id("nobody").String(), "text/csv", strings.NewReader("a,b\n"))
	refused(400, "the file is empty", own, "text/csv", strings.NewReader(""))
	refused(400, "no file", own, "multipart/form-data; boundary=x", strings.NewReader("nonsense"))
	refused(400, "no file", own, "multipart/form-data; boundary=x", strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nn\r\n--x--\r\n"))
	refused(400, "options", own+"&options=%7B%22colour%22%3A1%7D", "text/csv", strings.NewReader("day,v\n2026-01-01,1\n"))
	refused(400, "time_columns", own+"&options=%7B%22time_columns%22%3A%5B%22no%22%5D%7D", "text/csv", strings.NewReader("day,v\n2026-01-01,1\n"))
	refused(400, "times its size", own, "", bytes.NewReader(zipBomb(t)))
	packed := gzipBomb(t)
	var u upload
	s.call(t, http.MethodPost, own+"&commit=auto", "", bytes.NewReader(packed), http.StatusCreated, &u)
	b, err := s.newBatch(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.byHand(t.Context(), landUploadsJob, s.now(), newReport(io.Discard, s.now)); err != nil {
		t.Error(err)
	}
	s.call(t, http.MethodGet, "/data/uploads/"+u.ID, "", nil, 200, &u)
	if u.Status != "failed" || !strings.Contains(u.Problem, "larger than allowed") {
		t.Errorf("a gzip bomb: %s %q, want failed", u.Status, u.Problem)
	}
	s.settings.UploadMB = 1
	files, err := s.newUploads()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := files.Receive(t.Context(), id("large"), &endless{left: 1<<20 + 1}); err == nil {
		t.Error("a file of 1 MiB and a byte was kept, want it refused")
	}
	left, err := os.ReadDir(files.dir)
	if err != nil || len(left) != 1 || left[0].Name() != u.ID {
		t.Errorf("the folder holds %v, %v; want the failed upload's file alone", left, err)
	}
}

// zipBomb is a workbook whose sheet declares a gigabyte of zeros.
func zipBomb(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	part, err := w.Create("xl/worksheets/sheet1.xml")
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range 256 {
		if _, err := part.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// gzipBomb is a sound beginning and then hundreds of megabytes of one line.
func gzipBomb(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	begin := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	fmt.Fprint(w, "day,sales\n")
	for d := range 1000 {
		fmt.Fprintf(w, "%s,%d\n", begin.AddDate(0, 0, d).Format(time.DateOnly), d)
	}
	zeros := bytes.Repeat([]byte("0"), 1<<20)
	for range 200 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
