package lakehouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	icebergio "github.com/apache/iceberg-go/io"
	_ "github.com/apache/iceberg-go/io/gocloud/s3" // the only way iceberg-go offers to reach S3
)

// storage is where the lake's files lie: a folder or a bucket.
type storage struct {
	root  *url.URL // file:///... or s3://bucket/prefix
	files icebergio.IO
	temp  string // where files for S3 are staged; empty for a folder
}

func openStorage(ctx context.Context, cfg Config) (storage, error) {
	if strings.HasPrefix(cfg.Dir, "s3://") {
		root, err := url.Parse(strings.TrimSuffix(cfg.Dir, "/"))
		if err != nil || root.Host == "" {
			return storage{}, fmt.Errorf("Config.Dir %q: want s3://bucket/prefix", cfg.Dir)
		}
		files, err := icebergio.LoadFS(ctx, cfg.S3, cfg.Dir)
		if err != nil {
			return storage{}, fmt.Errorf("reach %s: %w", cfg.Dir, err)
		}
		temp := cfg.Temp
		if temp == "" {
			temp = os.TempDir()
		}
		return storage{root: root, files: files, temp: temp}, nil
	}
	if !filepath.IsAbs(cfg.Dir) {
		return storage{}, fmt.Errorf("Config.Dir %q: want an absolute folder or s3://bucket/prefix", cfg.Dir)
	}
	dir := filepath.Clean(cfg.Dir)
	if err := makeFolder(dir); err != nil {
		return storage{}, err
	}
	return storage{root: &url.URL{Scheme: "file", Path: filepath.ToSlash(dir)}, files: durableFiles{}}, nil
}

// table returns the location of table name: the root, its namespace and its name.
func (s storage) table(name string) string { return s.root.JoinPath(identifier(name)...).String() }

// local reports whether the lake lies in a folder.
func (s storage) local() bool { return s.root.Scheme == "file" }

// path returns what a reader outside Iceberg opens location by: a file path, or the URL in a bucket.
func (s storage) path(location string) (string, error) {
	u, err := url.Parse(location)
	if err != nil {
		return "", fmt.Errorf("location %q: %w", location, err)
	}
	if u.Scheme == "file" || u.Scheme == "" {
		return filepath.FromSlash(u.Path), nil
	}
	return location, nil
}

// stage makes an empty local folder for files of the table at location.
func (s storage) stage(location string) (string, error) {
	parent := s.temp
	if s.local() {
		path, err := s.path(location)
		if err != nil {
			return "", err
		}
		parent = filepath.Join(path, "staging")
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", fmt.Errorf("make staging folder: %w", err)
	}
	dir, err := os.MkdirTemp(parent, "")
	if err != nil {
		return "", fmt.Errorf("make staging folder: %w", err)
	}
	return dir, nil
}

// publish puts the local file at location. When it returns nil the file, under that
// name, survives a power cut.
func (s storage) publish(local, location string) error {
	if !s.local() {
		return s.upload(local, location)
	}
	target, err := s.path(location)
	if err != nil {
		return err
	}
	if err := makeFolder(filepath.Dir(target)); err != nil {
		return err
	}
	if err := syncPath(local); err != nil {
		return err
	}
	if err := os.Rename(local, target); err != nil {
		return err
	}
	return syncPath(filepath.Dir(target))
}

func (s storage) upload(local, location string) (err error) {
	source, err := os.Open(local)
	if err != nil {
		return err
	}
	defer source.Close()
	writer, ok := s.files.(icebergio.WriteFileIO)
	if !ok {
		return errors.New("storage cannot be written to")
	}
	target, err := writer.Create(location)
	if err != nil {
		return fmt.Errorf("upload %s: %w", location, err)
	}
	if _, err := io.Copy(target, source); err != nil {
		return errors.Join(fmt.Errorf("upload %s: %w", location, err), target.Close())
	}
	if err := target.Close(); err != nil {
		return fmt.Errorf("upload %s: %w", location, err)
	}
	return nil
}

// durableFiles is the local file system of iceberg-go with one promise more: a file
// whose Close or WriteFile returned nil survives a power cut, with its name.
type durableFiles struct{ icebergio.LocalFS }

var _ icebergio.WriteFileIO = durableFiles{}

// Create makes the named file and the folders above it.
func (d durableFiles) Create(name string) (icebergio.FileWriter, error) {
	path, err := storage{}.path(name)
	if err != nil {
		return nil, err
	}
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return nil, err
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return durableFile{file}, nil
}

// WriteFile writes the named file whole.
func (d durableFiles) WriteFile(name string, content []byte) error {
	file, err := d.Create(name)
	if err != nil {
		return err
	}
	if _, err := file.Write(content); err != nil {
		return errors.Join(err, file.Close())
	}
	return file.Close()
}

type durableFile struct{ *os.File }

// Close closes the file once what was written is on disk.
func (f durableFile) Close() error {
	if err := f.File.Sync(); err != nil {
		return errors.Join(err, f.File.Close())
	}
	if err := f.File.Close(); err != nil {
		return err
	}
	return syncPath(filepath.Dir(f.Name()))
}

// makeFolder makes dir and what is missing above it, durably.
func makeFolder(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent == dir {
		return fmt.Errorf("make folder %s: not a folder", dir)
	}
	if err := makeFolder(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make folder: %w", err)
	}
	return syncPath(parent)
}

// syncPath brings a file's content, or a folder's list of names, to the disk.
func syncPath(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return errors.Join(fmt.Errorf("sync %s: %w", path, err), file.Close())
	}
	return file.Close()
}
