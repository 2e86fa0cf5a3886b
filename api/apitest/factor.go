package apitest

import (
	"net/http"
	"testing"
	"time"

	"github.com/pquerna/otp/hotp"
)

// Authenticator is a user's authenticator program.
type Authenticator struct {
	// Secret is what the program and the service share, in base32.
	Secret string
	// Clock says what time it is.
	Clock func() time.Time
}

// Code returns the code of the present step of 30 seconds, moved by some steps.
func (a Authenticator) Code(t testing.TB, steps int) string {
	t.Helper()
	code, err := hotp.GenerateCode(a.Secret, uint64(a.Clock().Unix()/30+int64(steps)))
	if err != nil {
		t.Fatalf("make code: %v", err)
	}
	return code
}

// Enrol turns the second factor of the signed-in user of a token on. It returns the program, the recovery codes, and an
// access token that tells of the factor. The clock has moved by a step then: the code of a step is good once.
func (s *Service) Enrol(t testing.TB, token string) (program Authenticator, recovery []string, proved string) {
	t.Helper()
	as := []string{"Authorization", "Bearer " + token}
	var enrolled struct{ Secret string }
	s.Request(t, http.MethodPost, "/auth/mfa/totp", nil, as...).Decode(t, http.StatusOK, &enrolled)
	program = Authenticator{Secret: enrolled.Secret, Clock: s.Clock.Now}
	var confirmed struct {
		AccessToken   string   `json:"access_token"`
		RecoveryCodes []string `json:"recovery_codes"`
	}
	s.Request(t, http.MethodPost, "/auth/mfa/totp/confirm", map[string]string{"code": program.Code(t, 0)}, as...).Decode(t, http.StatusOK, &confirmed)
	s.Clock.Advance(30 * time.Second)
	return program, confirmed.RecoveryCodes, confirmed.AccessToken
}
