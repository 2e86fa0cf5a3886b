package cluster

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// ErrInUse is returned when another process runs a cluster in the folder; its text names the
// process. Stop that process, or use another folder.
var ErrInUse = errors.New("folder is in use")

// lock is an exclusive hold on a file. The system ends it with the process.
type lock struct{ file *os.File }

// acquire takes the lock on path and writes this process's pid into it.
func acquire(path string) (*lock, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer file.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		return nil, fmt.Errorf("%w by process %s", ErrInUse, holder(path))
	}
	if err := errors.Join(file.Truncate(0), writePID(file)); err != nil {
		return nil, errors.Join(fmt.Errorf("write lock %s: %w", path, err), file.Close())
	}
	return &lock{file}, nil
}

func writePID(file *os.File) error {
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// holder returns the pid in the lock at path; it may be missing for an instant after the lock is taken.
func holder(path string) string {
	text, err := os.ReadFile(path)
	if pid := strings.TrimSpace(string(text)); err == nil && pid != "" {
		return pid
	}
	return "(pid not yet known)"
}

// release lets go of the lock. The file stays: removing it would let two processes hold "the" lock.
func (l *lock) release() error { return l.file.Close() }
