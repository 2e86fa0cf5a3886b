package api_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/api/apitest"
)

// keySet reads the published keys, by id.
func keySet(t testing.TB, s *apitest.Service) map[string]ed25519.PublicKey {
	t.Helper()
	answer := s.Get(t, "/auth/jwks", "")
	var set struct {
		Keys []struct{ Kty, Crv, Use, Alg, Kid, X string }
	}
	answer.Decode(t, http.StatusOK, &set)
	if got := answer.Header.Get("Cache-Control"); got != "public, max-age=60" {
		t.Errorf("Cache-Control %q, want a minute", got)
	}
	keys := map[string]ed25519.PublicKey{}
	for _, k := range set.Keys {
		x, err := base64.RawURLEncoding.DecodeString(k.X)
		if err != nil || k.Kty != "OKP" || k.Crv != "Ed25519" || k.Use != "sig" || k.Alg != "EdDSA" || len(x) != ed25519.PublicKeySize {
			t.Fatalf("key %+v, %v: want an Ed25519 key for signatures", k, err)
		}
		keys[k.Kid] = x
	}
	return keys
}

// checked verifies an access token as another service would, with the published keys alone, and returns its key id and claims.
func checked(t testing.TB, s *apitest.Service, token string) (string, jwt.MapClaims) {
	t.Helper()
	keys := keySet(t, s)
	claims := jwt.MapClaims{}
	parsed, err := jwt.NewParser(jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithIssuer("signalcraft"), jwt.WithAudience("signalcraft-api"), jwt.WithTimeFunc(s.Clock.Now)).
		ParseWithClaims(token, claims, func(k *jwt.Token) (any, error) { return keys[k.Header["kid"].(string)], nil })
	if err != nil {
		t.Fatalf("verify with the published keys: %v", err)
	}
	return parsed.Header["kid"].(string), claims
}

func TestSigningKeysRotate(t *testing.T) {
	t.Parallel()
	s, owner := world(t, apitest.Options{})
	ada := login(t, s, s.World.Ada)
	first, claims := checked(t, s, ada.AccessToken)
	for _, name := range []string{"iss", "aud", "sub", "exp", "nbf", "iat", "jti", "sid", "auth_time", "amr"} {
		if claims[name] == nil {
			t.Errorf("the access token has no %s", name)
		}
	}
	rotate := func() apitest.Answer {
		return s.Request(t, http.MethodPost, "/admin/signing-keys", nil, bearer(ada.AccessToken)...)
	}
	rotate().WantError(t, http.StatusForbidden, "FORBIDDEN")
	if _, err := owner.Exec(t.Context(), `update users set is_operator = true where id = $1`, s.World.Ada.ID); err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(3 * time.Second)
	var rotation struct {
		ID            string
		Retired       []string
		VerifiesUntil time.Time `json:"verifies_until"`
	}
	rotate().Decode(t, http.StatusCreated, &rotation)
	next := refreshed(t, s, ada.RefreshToken)
	second, _ := checked(t, s, next.AccessToken)
	if second == first || second != rotation.ID || !slices.Equal(rotation.Retired, []string{first}) {
		t.Errorf("rotation %+v from %s, and tokens of %s: want the new key to sign", rotation, first, second)
	}
	if !alive(t, s, ada.AccessToken) || len(keySet(t, s)) != 2 {
		t.Error("the old key must verify until its tokens expire")
	}
	s.Clock.Advance(rotation.VerifiesUntil.Sub(s.Clock.Now()))
	if keys := keySet(t, s); len(keys) != 1 || keys[second] == nil {
		t.Errorf("keys %v, want only the new one", keys)
	}
	if got := texts(t, owner, `select id from signing_keys where convert_from(private_key, 'UTF8') not like 'v1.%'`); len(got) > 0 {
		t.Errorf("keys %v lie open", got)
	}
}

func TestOperatorsNeedASecondFactorByPolicy(t *testing.T) {
	t.Parallel()
	s, owner := world(t, apitest.Options{API: func(c *api.Config) { c.OperatorMFA = true }})
	ada := login(t, s, s.World.Ada)
	if _, err := owner.Exec(t.Context(), `update users set is_operator = true where id = $1`, s.World.Ada.ID); err != nil {
		t.Fatal(err)
	}
	s.Request(t, http.MethodPost, "/admin/signing-keys", nil, bearer(ada.AccessToken)...).WantError(t, http.StatusForbidden, "MFA_REQUIRED")
	_, _, token := enrol(t, s, ada.AccessToken)
	if got := s.Request(t, http.MethodPost, "/admin/signing-keys", nil, bearer(token)...); got.Status != http.StatusCreated {
		t.Errorf("with a second factor: %d %s, want 201", got.Status, got.Body)
	}
}
