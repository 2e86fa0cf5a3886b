package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/signalcraft/signalcraft/api/secret"
)

// secretBox returns the box of the installation. Its keys are those of the setting, or else the one in the file secret.key
// of the data folder, which is made when it is missing. Without that file a copy of the database tells no secret, and
// nobody else can sign in: it belongs into another backup than the database.
func (s *Settings) secretBox() (*secret.Box, error) {
	if s.SecretKeys != "" {
		box, err := secret.Parse(s.SecretKeys)
		if err != nil {
			return nil, fmt.Errorf("--secret-keys: %w: want 32 bytes in base64, several separated by commas", err)
		}
		return box, nil
	}
	path, err := s.in("secret.key")
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = makeSecretKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("secret key: %w", err)
	}
	box, err := secret.Parse(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("secret key %s: %w", path, err)
	}
	return box, nil
}

// makeSecretKey writes a new key to path, whole or not at all, and returns what is there then: of several processes that make one at
// once, all use the same.
func makeSecretKey(path string) ([]byte, error) {
	key := make([]byte, secret.KeyBytes)
	rand.Read(key) // never fails
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	part, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // which nobody else may read
	if err != nil {
		return nil, err
	}
	defer os.Remove(part.Name())
	_, err = part.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	if err := errors.Join(err, part.Sync(), part.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(part.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}
