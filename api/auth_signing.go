package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
)

type signingKeysOutput struct {
	CacheControl string `header:"Cache-Control" doc:"How long the keys may be kept" example:"public, max-age=60"`
	Body         struct {
		Keys []jsonWebKey `json:"keys" nullable:"false" doc:"Keys that verify access tokens now"`
	}
}

// jsonWebKey is a public key as RFC 7517 and RFC 8037 write it.
type jsonWebKey struct {
	Type      string `json:"kty" doc:"Octet key pair" enum:"OKP" example:"OKP"`
	Curve     string `json:"crv" doc:"Its curve" enum:"Ed25519" example:"Ed25519"`
	Use       string `json:"use" doc:"It verifies signatures" enum:"sig" example:"sig"`
	Algorithm string `json:"alg" doc:"Algorithm of the signatures" enum:"EdDSA" example:"EdDSA"`
	ID        string `json:"kid" doc:"The kid in the header of a token that it verifies" example:"5f0c2b1e-7d3a-4c8b-9e2f-1a2b3c4d5e6f"`
	X         string `json:"x" doc:"The key in base64url" example:"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`
}

type rotateOutput struct {
	Body struct {
		ID            string    `json:"id" doc:"Id of the new key" example:"5f0c2b1e-7d3a-4c8b-9e2f-1a2b3c4d5e6f"`
		Retired       []string  `json:"retired" nullable:"false" doc:"Ids of the keys that sign no more" example:"[\"0c9f7a52-3d1e-4f6b-8a7c-2b4d6e8f0a1c\"]"`
		VerifiesUntil time.Time `json:"verifies_until" doc:"When those are no longer accepted; their tokens have expired by then" example:"2026-03-31T06:17:00Z"`
	}
}

func (s *service) registerSigningKeys() {
	register(s, huma.Operation{
		OperationID: "getSigningKeys", Method: http.MethodGet, Path: "/auth/jwks", Tags: []string{"auth"},
		Summary:     "Keys that verify access tokens",
		Description: "A JSON Web Key Set (RFC 7517), for services that check access tokens themselves. They cannot see whether a session was ended. Ask again for a kid that is not there.",
	}, s.getSigningKeys)
	register(s, huma.Operation{
		OperationID: "adminRotateSigningKey", Method: http.MethodPost, Path: "/admin/signing-keys", Tags: []string{"admin"}, DefaultStatus: http.StatusCreated,
		Summary:     "Make a new signing key",
		Description: "It signs from now on; other processes follow within a minute. Tokens of the key before stay good until they expire.", MaxBodyBytes: maxTokenBody,
	}, s.rotateSigningKey)
}

func (s *service) getSigningKeys(ctx context.Context, _ *struct{}) (*signingKeysOutput, error) {
	keys, err := s.auth.PublicKeys(ctx)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := &signingKeysOutput{CacheControl: "public, max-age=60"}
	out.Body.Keys = make([]jsonWebKey, len(keys))
	for i, k := range keys {
		out.Body.Keys[i] = jsonWebKey{Type: "OKP", Curve: "Ed25519", Use: "sig", Algorithm: "EdDSA", ID: k.ID, X: k.X}
	}
	return out, nil
}

func (s *service) rotateSigningKey(ctx context.Context, _ *struct{}) (*rotateOutput, error) {
	var rotation auth.Rotation
	err := s.inInstallation(ctx, func(tx *store.OperatorTx) (err error) {
		if rotation, err = s.auth.RotateSigningKey(ctx, tx); err == nil {
			note(ctx, rotation.ID, map[string]any{"retired": rotation.Retired})
		}
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	s.auth.Rotated()
	out := &rotateOutput{}
	out.Body.ID, out.Body.Retired, out.Body.VerifiesUntil = rotation.ID, append([]string{}, rotation.Retired...), rotation.VerifiesUntil
	return out, nil
}
