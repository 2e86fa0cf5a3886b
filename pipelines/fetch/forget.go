package fetch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Forget removes the cached answers that were fetched before an instant, or all when that is zero, and returns how many. What is
// asked for again is fetched again.
func (c *Client) Forget(before time.Time) (removed int, err error) {
	if c.cache.dir == "" {
		return 0, nil
	}
	err = filepath.WalkDir(c.cache.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return gone(err)
		}
		info, err := entry.Info() // an answer is written once, when it is fetched
		if err != nil || !before.IsZero() && !info.ModTime().Before(before) {
			return gone(err)
		}
		if err := gone(os.Remove(path)); err != nil {
			return err
		}
		removed++
		return nil
	})
	if err != nil {
		return removed, fmt.Errorf("remove cached answers: %w", err)
	}
	return removed, nil
}

// gone returns err unless it says that somebody else was faster.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
