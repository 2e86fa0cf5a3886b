package cluster

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const (
	// elsewhere holds the clusters whose own folder the server's user cannot enter.
	elsewhere = "/var/lib/signalcraft"
	// maxSocketPath is what fits into sun_path on Linux, without the closing zero byte; other systems have less.
	maxSocketPath = 103
)

// place is where a cluster's files lie and whose they are.
type place struct {
	dir       string // holds pgdata and server.log
	socketDir string
	as        account
}

func (p place) data() string    { return filepath.Join(p.dir, "pgdata") }
func (p place) pidFile() string { return filepath.Join(p.data(), "postmaster.pid") }
func (p place) logFile() string { return filepath.Join(p.dir, "server.log") }

// dataVersion returns the major version that wrote the data, or 0 when there is none yet.
func (p place) dataVersion() int {
	text, err := os.ReadFile(filepath.Join(p.data(), "PG_VERSION"))
	if err != nil {
		return 0
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return major
}

// remove deletes the files.
func (p place) remove() error {
	if p.dir == "" {
		return nil
	}
	return errors.Join(os.RemoveAll(p.dir), os.RemoveAll(p.socketDir))
}

// findPlace decides where the cluster of dir lies and makes the folders.
func findPlace(ctx context.Context, dir string, as account, logger *slog.Logger) (place, error) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return place{}, fmt.Errorf("resolve folder: %w", err)
	}
	p := place{dir: real, as: as}
	pointer := filepath.Join(real, "place")
	text, err := os.ReadFile(pointer)
	switch {
	case err == nil:
		p.dir = strings.TrimSpace(string(text))
		if err := claim(p.dir, real); err != nil {
			return place{}, err
		}
	case !errors.Is(err, os.ErrNotExist):
		return place{}, fmt.Errorf("read place: %w", err)
	case !as.canReach(ctx, real):
		if p.dir, err = makeElsewhere(real, pointer, logger); err != nil {
			return place{}, err
		}
	}
	if err := as.own(p.dir); err != nil {
		return place{}, err
	}
	if !as.canEnter(ctx, p.dir) {
		return place{}, fmt.Errorf("user %s cannot enter %s: one of its parents shuts others out", as.name, p.dir)
	}
	if p.socketDir, err = makeSocketDir(p.dir, as); err != nil {
		return place{}, err
	}
	return p, nil
}

// makeElsewhere creates a folder for the cluster of dir that every user can reach, and the pointer to it.
func makeElsewhere(dir, pointer string, logger *slog.Logger) (string, error) {
	prefix := filepath.Join(elsewhere, filepath.Base(dir)+"-"+hash(dir))
	if left, _ := filepath.Glob(prefix + "*"); len(left) > 0 {
		logger.Warn("databases of a deleted data folder are left", "folders", left, "data_folder", dir)
	}
	// rand.Text keeps a folder that was deleted and made again apart from what it was.
	target := prefix + "-" + strings.ToLower(rand.Text()[:8])
	if err := os.MkdirAll(elsewhere, 0o755); err != nil {
		return "", fmt.Errorf("create %s: %w", elsewhere, err)
	}
	if err := os.Mkdir(target, 0o700); err != nil {
		return "", fmt.Errorf("create folder: %w", err)
	}
	if err := os.WriteFile(filepath.Join(target, "owner"), []byte(dir+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write owner: %w", err)
	}
	if err := os.WriteFile(pointer, []byte(target+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write place: %w", err)
	}
	return target, nil
}

// claim checks that the cluster in target belongs to dir. A data folder that was moved keeps its
// cluster; a copied one may not share it with the original.
func claim(target, dir string) error {
	ownerFile := filepath.Join(target, "owner")
	text, err := os.ReadFile(ownerFile)
	if err != nil {
		return fmt.Errorf("read owner of %s: %w", target, err)
	}
	owner := strings.TrimSpace(string(text))
	if owner == dir {
		return nil
	}
	if other, err := os.ReadFile(filepath.Join(owner, "place")); err == nil && strings.TrimSpace(string(other)) == target {
		return fmt.Errorf("%s is a copy of %s, whose database lies in %s: remove the file place to start with an empty database", dir, owner, target)
	}
	if err := os.WriteFile(ownerFile, []byte(dir+"\n"), 0o600); err != nil {
		return fmt.Errorf("write owner: %w", err)
	}
	return nil
}

// makeSocketDir returns the folder of the socket: below dir if the path fits, else in the temporary folder.
func makeSocketDir(dir string, as account) (string, error) {
	socketDir := filepath.Join(dir, "run")
	if len(socketDir)+len("/.s.PGSQL."+port+".lock") > maxSocketPath {
		socketDir = filepath.Join(os.TempDir(), "signalcraft-"+hash(dir))
	}
	if err := os.Mkdir(socketDir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("create socket folder: %w", err)
	}
	// In a shared folder somebody else may have been first.
	info, err := os.Lstat(socketDir)
	if err != nil {
		return "", fmt.Errorf("check socket folder: %w", err)
	}
	owner := int(info.Sys().(*syscall.Stat_t).Uid)
	if !info.IsDir() || (owner != os.Geteuid() && owner != as.uid) {
		return "", fmt.Errorf("socket folder %s belongs to somebody else (uid %d): remove it", socketDir, owner)
	}
	return socketDir, as.own(socketDir)
}

// hash names a path in twelve characters.
func hash(path string) string {
	sum := sha256.Sum256([]byte(path))
	return hex.EncodeToString(sum[:6])
}
