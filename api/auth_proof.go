package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
)

// The codes of second factors and proofs.
const (
	codeMFA  = "MFA_REQUIRED"
	codeCode = "INVALID_CODE"
)

type proofInput struct {
	Body struct {
		Password     string `json:"password" doc:"Password of the account" format:"password" minLength:"1" maxLength:"128" example:"correct horse battery staple"`
		Code         string `json:"code,omitempty" doc:"Code of the authenticator program, when the account has a second factor" pattern:"^[0-9]{6}$" example:"123456"`
		RecoveryCode string `json:"recovery_code,omitempty" doc:"Recovery code in place of that code; it is used up" maxLength:"64" example:"k7f3qa-9xmz2p-4t6wbn-e5hc7d"`
	}
}

type proofOutput struct {
	Body tokenAnswer
}

func (s *service) registerProof() {
	register(s, huma.Operation{
		OperationID: "proveIdentity", Method: http.MethodPost, Path: "/auth/prove", Tags: []string{"auth"},
		Summary: "Prove who you are again",
		Description: "Operations that change credentials, export or erase, demand a proof that is at most ten minutes old and else answer 403 with the code " +
			"PROOF_REQUIRED. Signing in is such a proof; this is one within a session. The access token in the answer carries it, older ones do not.",
		MaxBodyBytes: maxLoginBytes,
	}, s.prove)
}

func (s *service) prove(ctx context.Context, in *proofInput) (*proofOutput, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	token, err := s.auth.Prove(ctx, caller, auth.Proof{Password: in.Body.Password,
		Code: auth.Code{TOTP: in.Body.Code, Recovery: in.Body.RecoveryCode}, Address: exchangeFrom(ctx).address, Trail: s.trail(ctx)})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return &proofOutput{Body: s.token(token)}, nil
}

// needsSecondFactor reports whether a business of a tier demands a second factor of somebody with a role.
func needsSecondFactor(role, tier string) bool {
	return limitsOf(tier).RequireMFA && auth.Role(role).Covers(auth.Admin)
}

// guarded returns the businesses of which the caller sees nothing, for want of a second factor that they demand.
func guarded(ctx context.Context, t *store.UserTx) ([]uuid.UUID, error) {
	caller, err := principal(ctx)
	if err != nil || caller.SecondFactor {
		return nil, err
	}
	all, err := t.Belongings(ctx)
	if err != nil {
		return nil, err
	}
	var hidden []uuid.UUID
	for _, b := range all {
		if needsSecondFactor(b.Role, b.Tier) {
			hidden = append(hidden, b.BusinessID)
		}
	}
	return hidden, nil
}

// mfaRequired is the answer to somebody who is signed in, but without the second factor that a policy demands.
func mfaRequired(ctx context.Context) *errorEnvelope {
	return problem(ctx, http.StatusForbidden, codeMFA,
		"This takes a second factor. Set one up with POST /auth/mfa/totp, or show it with POST /auth/prove, and use the access token of that answer.")
}
