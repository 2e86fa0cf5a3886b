package auth_test

import (
	"net/netip"
	"testing"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
)

// BenchmarkAuthenticate is what every request pays: one signature, and the session's state out of memory.
func BenchmarkAuthenticate(b *testing.B) {
	s := setup(b)
	token := login(b, s.Service)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Authenticate(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLogin compares a sign-in at the recommended cost with the hash alone.
func BenchmarkLogin(b *testing.B) {
	s := setup(b)
	data, err := store.Open(b.Context(), store.Config{URL: s.db.URL(store.RoleAPI), Role: store.RoleAPI})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(data.Close)
	costly, err := auth.New(auth.Config{Store: data, Secrets: secrets(b), Clock: s.clock})
	if err != nil {
		b.Fatal(err)
	}
	hash, err := costly.HashPassword(b.Context(), password)
	if err != nil {
		b.Fatal(err)
	}
	s.exec(b, `update users set password_hash = $1`, hash)
	b.Run("hash", func(b *testing.B) {
		for b.Loop() {
			if _, err := costly.HashPassword(b.Context(), password); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("login", func(b *testing.B) {
		for b.Loop() {
			if _, err := costly.Login(b.Context(), auth.Attempt{Email: email, Password: password, Address: netip.MustParseAddr("192.0.2.1")}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
