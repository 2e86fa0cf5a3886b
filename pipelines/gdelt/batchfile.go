package gdelt

import (
	"archive/zip"
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// batchLayout is how the 15-minute files write an instant, in UTC.
const batchLayout = "20060102150405"

// BatchFile is one line of lastupdate.txt or masterfilelist.txt.
type BatchFile struct {
	URL        string
	SizeBytes  int64
	MD5        string    // lower-case hex
	At         time.Time // the 15-minute batch
	Kind       string    // "export", "mentions" or "gkg"
	Translated bool      // from machine-translated articles
}

// ParseFileList reads lastupdate.txt, masterfilelist.txt or a tail of it. Lines that
// are not "size md5 url" are rejects; the first line of a tail usually is.
func ParseFileList(body []byte) ([]BatchFile, []Reject) {
	var files []BatchFile
	var rejects []Reject
	number := 0
	for line := range bytes.Lines(body) {
		number++
		text := strings.TrimSpace(string(line))
		if text == "" {
			continue
		}
		file, err := parseFileLine(text)
		if err != nil {
			rejects = append(rejects, Reject{Item: number, Reason: err.Error(), Raw: clip([]byte(text), maxRaw)})
			continue
		}
		files = append(files, file)
	}
	return files, rejects
}

func parseFileLine(line string) (BatchFile, error) {
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return BatchFile{}, fmt.Errorf("read file line: %d fields, want size, md5 and url", len(fields))
	}
	size, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return BatchFile{}, fmt.Errorf("read file line: size %q: want bytes", fields[0])
	}
	if sum, err := hex.DecodeString(fields[1]); err != nil || len(sum) != md5.Size {
		return BatchFile{}, fmt.Errorf("read file line: md5 %q: want 32 hex digits", fields[1])
	}
	file := BatchFile{URL: fields[2], SizeBytes: size, MD5: strings.ToLower(fields[1])}
	name := fields[2][strings.LastIndexByte(fields[2], '/')+1:]
	stamp, rest, _ := strings.Cut(name, ".")
	if file.At, err = time.Parse(batchLayout, stamp); err != nil {
		return BatchFile{}, fmt.Errorf("read file line: name %q: want YYYYMMDDHHMMSS first", name)
	}
	rest, file.Translated = strings.CutPrefix(rest, "translation.")
	file.Kind, _, _ = strings.Cut(rest, ".")
	return file, nil
}

// Unzip returns the one file that a 15-minute archive holds. sum, when not empty, is
// the MD5 that the file list promised; maxBytes bounds the unpacked size.
func Unzip(archive []byte, sum string, maxBytes int64) ([]byte, error) {
	if got := md5.Sum(archive); sum != "" && hex.EncodeToString(got[:]) != sum {
		return nil, fmt.Errorf("unzip batch: md5 is %x, want %s", got, sum)
	}
	reader, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, fmt.Errorf("unzip batch: %w", err)
	}
	if len(reader.File) != 1 {
		return nil, fmt.Errorf("unzip batch: %d files inside, want 1", len(reader.File))
	}
	inside, err := reader.File[0].Open()
	if err != nil {
		return nil, fmt.Errorf("unzip batch: %w", err)
	}
	defer inside.Close()
	// The size in the archive's header is not trusted: one byte past the bound is read.
	data, err := io.ReadAll(io.LimitReader(inside, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("unzip batch: %w", err)
	}
	if int64(len(data)) > maxBytes {
		return nil, fmt.Errorf("unzip batch: more than %d bytes unpacked", maxBytes)
	}
	return data, nil
}

// eachLine calls read with the tab-separated fields of every line of a 15-minute file.
// Lines with fewer than columns fields, and lines that read refuses, are rejects. The
// files know no quoting: a quote is data.
func eachLine(data []byte, columns int, read func(fields []string) error) []Reject {
	var rejects []Reject
	number := 0
	for line := range bytes.Lines(data) {
		number++
		line = bytes.TrimSuffix(line, []byte("\n"))
		if len(line) == 0 {
			continue
		}
		fields := strings.Split(strings.ToValidUTF8(string(line), "\uFFFD"), "\t")
		err := fmt.Errorf("read line: %d fields, want at least %d", len(fields), columns)
		if len(fields) >= columns {
			err = read(fields)
		}
		if err != nil {
			rejects = append(rejects, Reject{Item: number, Reason: err.Error(), Raw: clip(line, maxRaw)})
		}
	}
	return rejects
}

// numbers reads numeric fields and keeps the first error.
type numbers struct{ err error }

func (n *numbers) float(name, text string) *float64 {
	if text == "" {
		return nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if (err != nil || math.IsNaN(v) || math.IsInf(v, 0)) && n.err == nil {
		n.err = fmt.Errorf("read %s %q: want a number", name, text)
	}
	return &v
}

func (n *numbers) int(name, text string) int64 {
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil && n.err == nil {
		n.err = fmt.Errorf("read %s %q: want a whole number", name, text)
	}
	return v
}

func (n *numbers) stamp(name, layout, text string) time.Time {
	at, err := time.Parse(layout, text)
	if err != nil && n.err == nil {
		n.err = fmt.Errorf("read %s %q: want %s", name, text, layout)
	}
	return at
}
