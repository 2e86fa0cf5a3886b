package main

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestSecretKeyIsMadeOnce(t *testing.T) {
	settings := &Settings{DataDir: filepath.Join(t.TempDir(), "data")}
	sealed := make([]string, 8)
	var all sync.WaitGroup
	for i := range sealed {
		all.Go(func() {
			box, err := settings.secretBox()
			if err != nil {
				t.Errorf("process %d: %v", i, err)
				return
			}
			sealed[i] = box.Seal("test", []byte("secret"))
		})
	}
	all.Wait()
	box, err := settings.secretBox()
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range sealed {
		if plain, err := box.Open("test", text); err != nil || string(plain) != "secret" {
			t.Errorf("what process %d sealed: got %q and %v, want it to open", i, plain, err)
		}
	}
	files, err := os.ReadDir(settings.DataDir)
	if err != nil || len(files) != 1 || files[0].Name() != "secret.key" {
		t.Fatalf("data folder: got %v and %v, want the key alone", files, err)
	}
	info, err := files[0].Info()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the key: got %v and %v, want 0600", info.Mode(), err)
	}
	settings.SecretKeys = "bm90IDMyIGJ5dGVz"
	if _, err := settings.secretBox(); err == nil {
		t.Error("a key of 12 bytes in the settings: got nil, want an error")
	}
}
