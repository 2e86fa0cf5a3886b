package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/apitest"
)

// enrol turns the second factor of a signed-in user on and returns the program, the recovery codes and the new access token.
func enrol(t testing.TB, s *apitest.Service, token string) (authenticator, []string, string) {
	t.Helper()
	program, codes, token := s.Enrol(t, token)
	return authenticator{t, program}, codes, token
}

// authenticator is a user's authenticator program.
type authenticator struct {
	t testing.TB
	apitest.Authenticator
}

// code returns the code of the present step, moved by some.
func (a authenticator) code(steps int) string {
	a.t.Helper()
	return a.Code(a.t, steps)
}

func verify(t testing.TB, s *apitest.Service, token, field, code string) apitest.Answer {
	t.Helper()
	return s.Request(t, http.MethodPost, "/auth/mfa/verify", map[string]string{"mfa_token": token, field: code})
}

func TestSecondFactor(t *testing.T) {
	t.Parallel()
	s, owner := world(t, apitest.Options{})
	ada := s.World.Ada
	plain := login(t, s, ada)
	program, recovery, token := enrol(t, s, plain.AccessToken)
	if len(recovery) != 10 || !alive(t, s, token) || !alive(t, s, plain.AccessToken) {
		t.Fatalf("%d recovery codes, want 10, and the session to go on", len(recovery))
	}
	for _, secret := range append(recovery, program.Secret) {
		if got := texts(t, owner, `select 'factor' from mfa_factors where secret like '%' || $1 || '%' union all select 'code' from recovery_codes where code_hash = convert_to($1, 'UTF8')`, secret); len(got) > 0 {
			t.Errorf("the database holds a %s in plain", got[0])
		}
	}
	s.Request(t, http.MethodPost, "/auth/mfa/totp", nil, bearer(token)...).WantError(t, http.StatusConflict, "CONFLICT")

	half := login(t, s, ada)
	if !half.MFARequired || half.MFAToken == "" || half.AccessToken != "" || half.RefreshToken != "" || half.User != nil || half.Businesses != nil {
		t.Fatalf("sign-in %+v, want nothing but a token for the second step", half)
	}
	verify(t, s, half.MFAToken, "code", "000000").WantError(t, http.StatusUnauthorized, "INVALID_CODE")
	var in signIn
	code := program.code(0)
	verify(t, s, half.MFAToken, "code", code).Decode(t, http.StatusOK, &in)
	if !alive(t, s, in.AccessToken) || in.User == nil || in.User.ID != ada.ID.String() {
		t.Errorf("sign-in %+v, want a complete one of ada's", in)
	}
	refreshed(t, s, in.RefreshToken)
	verify(t, s, half.MFAToken, "code", code).WantError(t, http.StatusUnauthorized, "INVALID_CODE")             // the code is spent
	verify(t, s, half.MFAToken, "code", program.code(1)).WantError(t, http.StatusUnauthorized, "INVALID_TOKEN") // so is the token
	again := login(t, s, ada)
	verify(t, s, again.MFAToken, "code", code).WantError(t, http.StatusUnauthorized, "INVALID_CODE")
	verify(t, s, again.MFAToken, "recovery_code", strings.ToUpper(strings.ReplaceAll(recovery[3], "-", " "))).Decode(t, http.StatusOK, &in)
	again = login(t, s, ada)
	verify(t, s, again.MFAToken, "recovery_code", recovery[3]).WantError(t, http.StatusUnauthorized, "INVALID_CODE")

	var state struct {
		TOTP          bool
		RecoveryCodes int `json:"recovery_codes"`
	}
	s.Get(t, "/auth/mfa", in.AccessToken).Decode(t, http.StatusOK, &state)
	if !state.TOTP || state.RecoveryCodes != 9 {
		t.Errorf("state %+v, want it on with nine codes left", state)
	}
	if got := texts(t, owner, `select kind from mails order by created_at, id`); !slices.Equal(got, []string{"mfa_enabled", "recovery_code_used"}) {
		t.Errorf("mails %v, want one for the factor and one for the code", got)
	}
}

func TestSecondFactorIsGuessedSlowly(t *testing.T) {
	t.Parallel()
	s, owner := world(t, apitest.Options{})
	program, recovery, _ := enrol(t, s, login(t, s, s.World.Ada).AccessToken)
	half := login(t, s, s.World.Ada)
	for range 5 {
		verify(t, s, half.MFAToken, "code", "000000").WantError(t, http.StatusUnauthorized, "INVALID_CODE")
	}
	for wait, seconds := range []string{"30", "60", "120"} {
		held := verify(t, s, half.MFAToken, "code", program.code(0)) // even the right one
		held.WantError(t, http.StatusTooManyRequests, "RATE_LIMITED")
		verify(t, s, half.MFAToken, "recovery_code", recovery[0]).WantError(t, http.StatusTooManyRequests, "RATE_LIMITED")
		if got := held.Header.Get("Retry-After"); got != seconds {
			t.Fatalf("wait %d: Retry-After %s, want %s", wait+1, got, seconds)
		}
		d, err := time.ParseDuration(seconds + "s")
		if err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(d)
		if wait < 2 {
			verify(t, s, half.MFAToken, "code", "000000").WantError(t, http.StatusUnauthorized, "INVALID_CODE")
		}
	}
	var in signIn
	verify(t, s, half.MFAToken, "code", program.code(0)).Decode(t, http.StatusOK, &in)
	if got := texts(t, owner, `select kind from mails where kind = 'mfa_failing'`); len(got) != 1 {
		t.Errorf("%d mails about wrong codes, want one", len(got))
	}
}

func TestMFATokenEnds(t *testing.T) {
	t.Parallel()
	s, owner := world(t, apitest.Options{})
	program, _, _ := enrol(t, s, login(t, s, s.World.Ada).AccessToken)
	late, changed := login(t, s, s.World.Ada), login(t, s, s.World.Ada)
	if _, err := owner.Exec(t.Context(), `update users set password_hash = password_hash || 'x' where id = $1`, s.World.Ada.ID); err != nil {
		t.Fatal(err)
	}
	verify(t, s, changed.MFAToken, "code", program.code(0)).WantError(t, http.StatusUnauthorized, "INVALID_TOKEN")
	s.Clock.Advance(5 * time.Minute)
	verify(t, s, late.MFAToken, "code", program.code(0)).WantError(t, http.StatusUnauthorized, "INVALID_TOKEN")
}

func TestProof(t *testing.T) {
	t.Parallel()
	s, owner := world(t, apitest.Options{})
	ada := s.World.Ada
	prove := func(token string, body map[string]string) apitest.Answer {
		t.Helper()
		return s.Request(t, http.MethodPost, "/auth/prove", body, bearer(token)...)
	}
	in := login(t, s, ada)
	s.Clock.Advance(10*time.Minute + time.Second)
	s.Request(t, http.MethodPost, "/auth/mfa/totp", nil, bearer(in.AccessToken)...).WantError(t, http.StatusForbidden, "PROOF_REQUIRED")
	next := refreshed(t, s, in.RefreshToken) // which proves nothing
	s.Request(t, http.MethodPost, "/auth/mfa/totp", nil, bearer(next.AccessToken)...).WantError(t, http.StatusForbidden, "PROOF_REQUIRED")
	prove(next.AccessToken, map[string]string{"password": "guess"}).WantError(t, http.StatusUnauthorized, "INVALID_CREDENTIALS")
	var proved signIn
	prove(next.AccessToken, map[string]string{"password": ada.Password}).Decode(t, http.StatusOK, &proved)
	s.Request(t, http.MethodPost, "/auth/mfa/totp", nil, bearer(next.AccessToken)...).WantError(t, http.StatusForbidden, "PROOF_REQUIRED") // an older token of the session
	program, _, strong := enrol(t, s, proved.AccessToken)

	// The factor counts: who has it proves with it, and only so changes it.
	prove(proved.AccessToken, map[string]string{"password": ada.Password}).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	prove(proved.AccessToken, map[string]string{"password": ada.Password, "code": "000000"}).WantError(t, http.StatusUnauthorized, "INVALID_CODE")
	for _, path := range []string{"/auth/mfa/recovery-codes", "/auth/mfa/totp"} {
		method := http.MethodPost
		if path == "/auth/mfa/totp" {
			method = http.MethodDelete
		}
		s.Request(t, method, path, nil, bearer(proved.AccessToken)...).WantError(t, http.StatusForbidden, "PROOF_REQUIRED")
	}
	prove(proved.AccessToken, map[string]string{"password": ada.Password, "code": program.code(0)}).Decode(t, http.StatusOK, &proved)
	var codes struct {
		RecoveryCodes []string `json:"recovery_codes"`
	}
	s.Request(t, http.MethodPost, "/auth/mfa/recovery-codes", nil, bearer(proved.AccessToken)...).Decode(t, http.StatusOK, &codes)
	half := login(t, s, ada)
	var full signIn
	verify(t, s, half.MFAToken, "recovery_code", codes.RecoveryCodes[0]).Decode(t, http.StatusOK, &full)
	if answer := s.Request(t, http.MethodDelete, "/auth/mfa/totp", nil, bearer(strong)...); answer.Status != http.StatusNoContent {
		t.Fatalf("remove factor: %d %s", answer.Status, answer.Body)
	}
	if in := login(t, s, ada); in.MFARequired {
		t.Error("signing in takes a second factor that is gone")
	}
	want := []string{"mfa_disabled", "mfa_enabled", "recovery_code_used", "recovery_codes_replaced"}
	if got := texts(t, owner, `select kind from mails order by kind`); !slices.Equal(got, want) {
		t.Errorf("mails %v, want %v", got, want)
	}
	if got := texts(t, owner, `select distinct action from audit_log where outcome = 'done' order by 1`); !slices.Equal(got,
		[]string{"confirmTOTP", "enrolTOTP", "login", "proveIdentity", "refresh", "removeTOTP", "replaceRecoveryCodes", "verifyMFA"}) {
		t.Errorf("audited %v", got)
	}
}

func TestEnrolmentWaitsNotForever(t *testing.T) {
	t.Parallel()
	s, _ := world(t, apitest.Options{})
	token := login(t, s, s.World.Ada).AccessToken
	begin := func() authenticator {
		var enrolled struct {
			Secret, URI string
			QRCode      string `json:"qr_code"`
		}
		s.Request(t, http.MethodPost, "/auth/mfa/totp", nil, bearer(token)...).Decode(t, http.StatusOK, &enrolled)
		if !strings.HasPrefix(enrolled.URI, "otpauth://totp/SignalCraft:ada@example.com?") || !strings.Contains(enrolled.URI, enrolled.Secret) ||
			!strings.HasPrefix(enrolled.QRCode, "data:image/png;base64,iVBORw0KGgo") {
			t.Errorf("enrolment %.200s %.40s, want an address and a picture of it", enrolled.URI, enrolled.QRCode)
		}
		return authenticator{t, apitest.Authenticator{Secret: enrolled.Secret, Clock: s.Clock.Now}}
	}
	confirm := func(code string) apitest.Answer {
		return s.Request(t, http.MethodPost, "/auth/mfa/totp/confirm", map[string]string{"code": code}, bearer(token)...)
	}
	confirm("123456").WantError(t, http.StatusBadRequest, "INVALID_CODE") // nothing waits
	old := begin()
	program := begin()
	confirm(old.code(0)).WantError(t, http.StatusBadRequest, "INVALID_CODE") // replaced
	s.Clock.Advance(9 * time.Minute)
	if in := login(t, s, s.World.Ada); in.MFARequired {
		t.Error("a factor counts that was never confirmed")
	}
	token = login(t, s, s.World.Ada).AccessToken
	s.Clock.Advance(6 * time.Minute)
	confirm(program.code(0)).WantError(t, http.StatusBadRequest, "INVALID_CODE") // too late
}

func TestTierDemandsSecondFactor(t *testing.T) {
	t.Parallel()
	s, owner := world(t, apitest.Options{})
	if _, err := owner.Exec(t.Context(), `update businesses set subscription_tier = 'enterprise'`); err != nil {
		t.Fatal(err)
	}
	path := "/dashboard/metrics/" + s.World.Cafe.ID.String()
	ada := login(t, s, s.World.Ada)
	s.Get(t, path, ada.AccessToken).WantError(t, http.StatusForbidden, "MFA_REQUIRED")
	s.Get(t, "/dashboard/metrics/"+s.World.Hotel.ID.String(), ada.AccessToken).WantError(t, http.StatusNotFound, "NOT_FOUND") // no news to strangers
	if got := s.Get(t, path, login(t, s, s.World.Vic).AccessToken); got.Status != http.StatusOK {
		t.Errorf("a viewer gets %d, want 200: the policy is for owners and admins", got.Status)
	}
	_, _, token := enrol(t, s, ada.AccessToken)
	if got := s.Get(t, path, token); got.Status != http.StatusOK {
		t.Errorf("with a second factor: %d %s, want 200", got.Status, got.Body)
	}
	s.Get(t, path, ada.AccessToken).WantError(t, http.StatusForbidden, "MFA_REQUIRED") // the token from before
	if got := s.Get(t, path, refreshed(t, s, ada.RefreshToken).AccessToken); got.Status != http.StatusOK {
		t.Errorf("after a refresh of the session: %d, want 200", got.Status)
	}
}
