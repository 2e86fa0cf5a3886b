package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
)

type mfaOutput struct {
	Body struct {
		TOTP          bool       `json:"totp" doc:"Whether signing in takes a code of an authenticator program" example:"true"`
		ConfirmedAt   *time.Time `json:"confirmed_at" doc:"Since when; null when it does not" example:"2026-03-31T06:00:00Z"`
		RecoveryCodes int        `json:"recovery_codes" doc:"How many recovery codes are left" minimum:"0" example:"10"`
	}
}

type enrolOutput struct {
	Body struct {
		Secret string `json:"secret" doc:"The shared secret in base32, to be typed where a QR code cannot be read" example:"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"`
		URI    string `json:"uri" doc:"The same as an otpauth address" example:"otpauth://totp/SignalCraft:ada@example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=SignalCraft"`
		QRCode string `json:"qr_code" doc:"That address as a QR code: a PNG in a data URI" example:"data:image/png;base64,iVBORw0KGgo="`
	}
}

type confirmInput struct {
	Body struct {
		Code             string `json:"code" doc:"A code that the authenticator program shows now" pattern:"^[0-9]{6}$" example:"123456"`
		EndOtherSessions bool   `json:"end_other_sessions,omitempty" doc:"Whether to end your other sessions, which were started without the second factor" example:"true"`
	}
}

type confirmOutput struct {
	Body struct {
		AccessToken   string   `json:"access_token" doc:"Takes the place of the one before: it tells of the second factor; a secret" example:"eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiJ9.e30.c2ln"`
		TokenType     string   `json:"token_type" doc:"Always Bearer" enum:"Bearer" example:"Bearer"`
		ExpiresIn     int      `json:"expires_in" doc:"Seconds until the token is refused" minimum:"0" example:"900"`
		RecoveryCodes []string `json:"recovery_codes" nullable:"false" doc:"Ten codes, each good once in place of a code; they are not shown again" minItems:"10" maxItems:"10" example:"[\"k7f3qa-9xmz2p-4t6wbn-e5hc7d\"]"`
	}
}

type verifyMFAInput struct {
	UserAgent string `header:"User-Agent" hidden:"true"`
	Body      struct {
		MFAToken     string `json:"mfa_token" doc:"The mfa_token of POST /auth/login" minLength:"1" maxLength:"4096" example:"eyJhbGciOiJFZERTQSIsInR5cCI6Im1mYStqd3QifQ.e30.c2ln"`
		Code         string `json:"code,omitempty" doc:"Code of the authenticator program" pattern:"^[0-9]{6}$" example:"123456"`
		RecoveryCode string `json:"recovery_code,omitempty" doc:"Recovery code in place of that code; it is used up" maxLength:"64" example:"k7f3qa-9xmz2p-4t6wbn-e5hc7d"`
	}
}

type recoveryCodesOutput struct {
	Body struct {
		RecoveryCodes []string `json:"recovery_codes" nullable:"false" doc:"Ten new codes; the old ones are void and these are not shown again" minItems:"10" maxItems:"10" example:"[\"k7f3qa-9xmz2p-4t6wbn-e5hc7d\"]"`
	}
}

func (s *service) registerMFA() {
	tags := []string{"auth"}
	register(s, huma.Operation{OperationID: "getMFA", Method: http.MethodGet, Path: "/auth/mfa", Tags: tags,
		Summary: "Show your second factor", Description: "Whether you have one and how many recovery codes are left."}, s.getMFA)
	register(s, huma.Operation{OperationID: "enrolTOTP", Method: http.MethodPost, Path: "/auth/mfa/totp", Tags: tags,
		Summary: "Set up an authenticator program", MaxBodyBytes: maxTokenBody,
		Description: "Makes a secret for an authenticator program (RFC 6238: SHA-1, six digits, thirty seconds). It counts once a code of it is confirmed, within fifteen minutes. " +
			"409 when you have one that counts."}, s.enrolTOTP)
	register(s, huma.Operation{OperationID: "confirmTOTP", Method: http.MethodPost, Path: "/auth/mfa/totp/confirm", Tags: tags,
		Summary: "Turn the second factor on", MaxBodyBytes: maxTokenBody,
		Description: "From now on signing in takes a code. The answer holds the recovery codes, and an access token that tells of the second factor."}, s.confirmTOTP)
	register(s, huma.Operation{OperationID: "verifyMFA", Method: http.MethodPost, Path: "/auth/mfa/verify", Tags: tags,
		Summary: "Complete a sign-in with the second factor", MaxBodyBytes: maxTokenBody, Responses: failing(http.StatusUnauthorized),
		Description: "Each code is good once. After five wrong ones in a row the account waits before the next is heard, longer each time."}, s.verifyMFA)
	register(s, huma.Operation{OperationID: "removeTOTP", Method: http.MethodDelete, Path: "/auth/mfa/totp", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Turn the second factor off", Description: "Also voids the recovery codes. The proof must have included the second factor.",
		Responses: failing(http.StatusNotFound)}, s.removeTOTP)
	register(s, huma.Operation{OperationID: "replaceRecoveryCodes", Method: http.MethodPost, Path: "/auth/mfa/recovery-codes", Tags: tags,
		Summary: "Make new recovery codes", Description: "The old ones are void. The proof must have included the second factor.", MaxBodyBytes: maxTokenBody,
		Responses: failing(http.StatusNotFound)}, s.replaceRecoveryCodes)
}

func (s *service) getMFA(ctx context.Context, _ *struct{}) (*mfaOutput, error) {
	var state store.FactorState
	err := s.readUser(ctx, func(tx *store.UserTx) (err error) {
		state, err = tx.SecondFactor(ctx)
		return err
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, s.fail(ctx, err)
	}
	out := &mfaOutput{}
	if !state.ConfirmedAt.IsZero() {
		at := state.ConfirmedAt.UTC()
		out.Body.TOTP, out.Body.ConfirmedAt, out.Body.RecoveryCodes = true, &at, state.RecoveryCodes
	}
	return out, nil
}

func (s *service) enrolTOTP(ctx context.Context, _ *struct{}) (*enrolOutput, error) {
	out := &enrolOutput{}
	err := s.asUser(ctx, func(tx *store.UserTx) error {
		e, err := s.auth.Enrol(ctx, tx)
		out.Body.Secret, out.Body.URI, out.Body.QRCode = e.Secret, e.URI, e.Picture
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return out, nil
}

func (s *service) confirmTOTP(ctx context.Context, in *confirmInput) (*confirmOutput, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	codes, token, err := s.auth.Confirm(ctx, caller, in.Body.Code, in.Body.EndOtherSessions, s.trail(ctx))
	if errors.Is(err, auth.ErrCode) { // of a factor that does not count yet: the caller is signed in all the same
		return nil, problem(ctx, http.StatusBadRequest, codeCode, "The code is wrong, or no authenticator program waits to be confirmed.")
	}
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := &confirmOutput{}
	out.Body.AccessToken, out.Body.TokenType, out.Body.ExpiresIn, out.Body.RecoveryCodes = token.Value, "Bearer", s.secondsUntil(token.ExpiresAt), codes
	return out, nil
}

func (s *service) verifyMFA(ctx context.Context, in *verifyMFAInput) (*loginOutput, error) {
	if (in.Body.Code == "") == (in.Body.RecoveryCode == "") {
		return nil, invalid(ctx, "body", "body.code", "required: either code or recovery_code")
	}
	signIn, err := s.auth.VerifyMFA(ctx, in.Body.MFAToken, auth.Code{TOTP: in.Body.Code, Recovery: in.Body.RecoveryCode},
		auth.Attempt{Address: exchangeFrom(ctx).address, UserAgent: in.UserAgent, Trail: s.trail(ctx)})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return &loginOutput{Body: s.signedIn(signIn)}, nil
}

func (s *service) removeTOTP(ctx context.Context, _ *struct{}) (*struct{}, error) {
	err := s.withFactor(ctx, func(tx *store.UserTx) error { return s.auth.RemoveFactor(ctx, tx) })
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return nil, nil
}

func (s *service) replaceRecoveryCodes(ctx context.Context, _ *struct{}) (*recoveryCodesOutput, error) {
	out := &recoveryCodesOutput{}
	err := s.withFactor(ctx, func(tx *store.UserTx) (err error) {
		out.Body.RecoveryCodes, err = s.auth.ReplaceRecoveryCodes(ctx, tx)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return out, nil
}

// withFactor is asUser for what only somebody may change who has shown the second factor that there is.
func (s *service) withFactor(ctx context.Context, fn func(*store.UserTx) error) error {
	caller, err := principal(ctx)
	if err != nil {
		return err
	}
	return s.asUser(ctx, func(tx *store.UserTx) error {
		state, err := tx.SecondFactor(ctx)
		if err != nil {
			return err
		}
		if !state.ConfirmedAt.IsZero() && !caller.SecondFactor {
			return problem(ctx, http.StatusForbidden, codeProof, "Prove who you are again with POST /auth/prove and your second factor, then repeat this.")
		}
		return fn(tx)
	})
}
