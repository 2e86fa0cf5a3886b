package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// outbox is a transport into a folder: each mail is a file that mail programs open. The name begins with the time at which the
// mail was queued, so that names sort by it, and is the same when a mail is written again.
type outbox struct {
	dir    string
	logger *slog.Logger
}

// send writes one mail; the file appears whole.
func (o *outbox) send(ctx context.Context, m *letter) (err error) {
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return fmt.Errorf("%w: make outbox: %w", errAway, err)
	}
	var text bytes.Buffer
	if _, err := m.WriteTo(&text); err != nil {
		return fmt.Errorf("write mail: %w", err)
	}
	name := m.at.UTC().Format("20060102T150405.000000") + "-" + fileWord(m.kind) + "-" + m.id + ".eml"
	part, err := os.CreateTemp(o.dir, ".part-*") // which only we may read
	if err != nil {
		return fmt.Errorf("%w: write outbox: %w", errAway, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(part.Name()))
		}
	}()
	_, err = part.Write(text.Bytes())
	if err = errors.Join(err, part.Sync(), part.Close()); err != nil {
		return fmt.Errorf("%w: write outbox: %w", errAway, err)
	}
	if err := os.Rename(part.Name(), filepath.Join(o.dir, name)); err != nil {
		return fmt.Errorf("%w: write outbox: %w", errAway, err)
	}
	o.logger.InfoContext(ctx, "mail written to the outbox, since no mail server is set", slog.String("file", filepath.Join(o.dir, name)))
	return nil
}

// close does nothing: no file stays open.
func (o *outbox) close() {}

// fileWord keeps of a text what is harmless in a file name.
func fileWord(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return -1
	}, text)
}
