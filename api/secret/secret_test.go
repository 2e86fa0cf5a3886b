package secret_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/signalcraft/signalcraft/api/secret"
)

func key(b byte) []byte { return bytes.Repeat([]byte{b}, secret.KeyBytes) }

func TestBoxOpensWhatItSealed(t *testing.T) {
	t.Parallel()
	old, err := secret.New(key(1))
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := secret.Parse(base64.StdEncoding.EncodeToString(key(2)) + ", " + base64.StdEncoding.EncodeToString(key(1)))
	if err != nil {
		t.Fatal(err)
	}
	sealed := old.Seal("source 1", []byte("pa55"))
	if strings.Contains(sealed, "pa55") || sealed == old.Seal("source 1", []byte("pa55")) {
		t.Errorf("sealed %q: shows the secret, or is the same each time", sealed)
	}
	if plain, err := rotated.Open("source 1", sealed); err != nil || string(plain) != "pa55" {
		t.Errorf("open after rotation: %q, %v", plain, err)
	}
	if !rotated.Stale(sealed) || old.Stale(sealed) {
		t.Error("stale: want true after rotation only")
	}
	gone, err := secret.New(key(3))
	if err != nil {
		t.Fatal(err)
	}
	changed := []byte(sealed)
	changed[len(changed)-8] ^= 1
	for what, open := range map[string]func() ([]byte, error){
		"another purpose": func() ([]byte, error) { return old.Open("source 2", sealed) },
		"another key":     func() ([]byte, error) { return gone.Open("source 1", sealed) },
		"changed":         func() ([]byte, error) { return old.Open("source 1", string(changed)) },
		"cut":             func() ([]byte, error) { return old.Open("source 1", sealed[:20]) },
		"not sealed":      func() ([]byte, error) { return old.Open("source 1", "pa55") },
		"empty":           func() ([]byte, error) { return old.Open("source 1", "") },
	} {
		if plain, err := open(); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("%s: %q, %v, want ErrSealed", what, plain, err)
		}
	}
}

func TestKeysAreChecked(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "short", "!!", base64.StdEncoding.EncodeToString(key(1)[:16])} {
		if _, err := secret.Parse(text); err == nil || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%q: error %v, want one that does not quote the key", text, err)
		}
	}
}
