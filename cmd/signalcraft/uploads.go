package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/pipelines/jobs"
	"github.com/signalcraft/signalcraft/pipelines/kpi/sniff"
)

// uploads keeps the files that people send, in a folder of their own: each under its id, whatever its sender calls it.
type uploads struct {
	dir   string
	limit int64
	now   func() time.Time
	// queue queues a job as of an instant.
	queue func(ctx context.Context, job string, due time.Time) error
}

var _ api.Uploads = (*uploads)(nil)

// uploadFolder makes and returns the folder of the files that people send.
func (i *installation) uploadFolder() (string, error) {
	dir, err := i.settings.in("uploads")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make folder of uploads: %w", err)
	}
	return dir, nil
}

// newUploads takes in files for the API and has the workers land them.
func (i *installation) newUploads() (*uploads, error) {
	dir, err := i.uploadFolder()
	if err != nil {
		return nil, err
	}
	b, err := i.newBatch(nil)
	if err != nil {
		return nil, err
	}
	queue, err := jobs.New(jobs.Config{Pool: i.pool, Jobs: b.jobs(), Workers: 1, Logger: i.logger, Now: i.now})
	if err != nil {
		return nil, err
	}
	return &uploads{dir: dir, limit: int64(cmp.Or(i.settings.UploadMB, 200)) << 20, now: i.now, queue: queue.Queue}, nil
}

// path is where the file of an upload lies. An id has no form that could leave the folder.
func (u *uploads) path(id uuid.UUID) string { return filepath.Join(u.dir, id.String()) }

// Limit is how many bytes a file may have.
func (u *uploads) Limit() int64 { return u.limit }

// Receive writes body to a file beside its place, and moves it there once all of it is on disk.
func (u *uploads) Receive(ctx context.Context, id uuid.UUID, body io.Reader) (size int64, content string, err error) {
	part := u.path(id) + ".part"
	file, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, "", fmt.Errorf("keep upload %s: %w", id, err)
	}
	hash := sha256.New()
	size, err = io.Copy(io.MultiWriter(file, hash), io.LimitReader(body, u.limit+1))
	if err == nil && size > u.limit {
		err = api.ErrUploadTooLarge
	}
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(part, u.path(id))
	}
	if err == nil {
		err = syncFolder(u.dir)
	}
	if err != nil {
		return 0, "", errors.Join(fmt.Errorf("keep upload %s: %w", id, err), absent(os.Remove(part)))
	}
	return size, hex.EncodeToString(hash.Sum(nil)), ctx.Err()
}

// syncFolder makes the names in a folder outlive a loss of power.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// absent returns err unless it says that a file does not exist.
func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Replace renames the file of by to that of id.
func (u *uploads) Replace(_ context.Context, id, by uuid.UUID) error {
	err := os.Rename(u.path(by), u.path(id))
	if err == nil {
		err = syncFolder(u.dir)
	}
	if err != nil {
		return fmt.Errorf("replace upload %s: %w", id, err)
	}
	return nil
}

// Discard removes the file.
func (u *uploads) Discard(_ context.Context, id uuid.UUID) error {
	if err := absent(os.Remove(u.path(id))); err != nil {
		return fmt.Errorf("remove upload %s: %w", id, err)
	}
	return nil
}

// Land queues the job that lands what was committed.
func (u *uploads) Land(ctx context.Context) error {
	return u.queue(ctx, landUploadsJob, u.now().UTC().Truncate(time.Microsecond))
}

// Inspect looks at the file.
func (u *uploads) Inspect(ctx context.Context, id uuid.UUID, about api.UploadBusiness, choices api.UploadChoices) (*api.UploadInspection, error) {
	file, err := os.Open(u.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &api.UploadFault{Field: "file", Issue: "the file is no longer here: send it again"}
	}
	if err != nil {
		return nil, fmt.Errorf("read upload %s: %w", id, err)
	}
	defer file.Close() // only read
	found, err := sniff.Look(ctx, file, sniff.Options{Zone: about.TimeZone, Currency: about.Currency, AsOf: u.now()}, sniffChoices(choices))
	if err != nil {
		return nil, uploadFault(ctx, id, err)
	}
	return inspection(found, choices)
}

// uploadFault tells what is wrong with a file from what is wrong with the machine.
func uploadFault(ctx context.Context, id uuid.UUID, err error) error {
	var machine *fs.PathError
	var choice *sniff.Fault
	switch {
	case ctx.Err() != nil, errors.As(err, &machine):
		return fmt.Errorf("read upload %s: %w", id, err)
	case errors.As(err, &choice):
		return &api.UploadFault{Field: choice.Field, Issue: choice.Issue}
	}
	return &api.UploadFault{Field: "file", Issue: err.Error()}
}
