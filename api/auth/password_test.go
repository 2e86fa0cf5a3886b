package auth

// From inside: the slots decide whether a hash must wait, and they are not public.

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func cheapHasher(t *testing.T) *Hasher {
	t.Helper()
	h, err := NewHasher(HashConfig{MemoryKiB: 64, Passes: 1, Parallel: 1})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHashVerifies(t *testing.T) {
	t.Parallel()
	h := cheapHasher(t)
	first, err := h.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	second, err := h.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if first == second {
		t.Errorf("two hashes of one password are equal: %s", first)
	}
	if !strings.HasPrefix(first, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Errorf("hash = %s, want PHC form with its cost", first)
	}
	check := func(stored, password string, want bool) {
		t.Helper()
		if got, err := h.Verify(t.Context(), stored, password); err != nil || got != want {
			t.Errorf("Verify(%q, %q) = %t, %v; want %t", stored, password, got, err, want)
		}
	}
	check(first, "correct horse", true)
	check(second, "correct horse", true)
	check(first, "correct horsf", false)
	check(first, "", false)
	check("", "correct horse", false) // an unknown user
}

// The vector was made with the reference implementation of Argon2 (phc-winner-argon2
// test.c, version 0x13, argon2id, t=2, m=65536 KiB, p=1, "password", "somesalt").
func TestVerifiesReferenceVector(t *testing.T) {
	t.Parallel()
	const stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if ok, err := cheapHasher(t).Verify(t.Context(), stored, "password"); err != nil || !ok {
		t.Errorf("Verify = %t, %v; want true", ok, err)
	}
}

func TestVerifyRefusesWhatIsNoHash(t *testing.T) {
	t.Parallel()
	h := cheapHasher(t)
	for _, stored := range []string{
		"plain",
		"$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", // 4 GiB
		"$argon2id$v=19$m=64,t=4000,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=64,t=1,p=0$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$",
		"$argon2id$v=19$m=64,t=1,p=1$$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
	} {
		if ok, err := h.Verify(t.Context(), stored, "password"); err == nil || ok {
			t.Errorf("Verify(%q) = %t, %v; want an error", stored, ok, err)
		}
	}
}

func TestHashIsBusyWhileEverySlotIsTaken(t *testing.T) {
	t.Parallel()
	h := cheapHasher(t)
	h.slots <- struct{}{}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Hash(ended, "turned away"); !errors.Is(err, ErrBusy) {
		t.Errorf("Hash with every slot taken: %v, want ErrBusy", err)
	}
	<-h.slots
	if _, err := h.Hash(t.Context(), "let in"); err != nil {
		t.Errorf("Hash with a free slot: %v", err)
	}
	if taken := len(h.slots); taken != 0 {
		t.Errorf("%d slots are taken after the hash, want 0", taken)
	}
}

func FuzzVerifyStoredHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=,t=,p=$$")
	h, err := NewHasher(HashConfig{MemoryKiB: 8, Passes: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, stored string) {
		if ok, _ := h.Verify(t.Context(), stored, "\x00 nobody's password"); ok {
			t.Errorf("%q matched", stored)
		}
	})
}
