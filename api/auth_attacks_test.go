package api_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/apitest"
)

// refreshes attacks refresh tokens and the sessions behind them.
func (c *campaign) refreshes() {
	w := c.s.World
	in, other := c.login(w.Ada), c.login(w.Ada)
	text, _ := strings.CutPrefix(in.RefreshToken, "scr_")
	raw, err := base64.RawURLEncoding.DecodeString(text)
	c.must(err)
	otherRaw, err := base64.RawURLEncoding.DecodeString(other.RefreshToken[4:])
	c.must(err)
	form := func(b []byte) string { return "scr_" + base64.RawURLEncoding.EncodeToString(b) }
	changed := func(at int, with byte) string {
		return form(append(append(append([]byte{}, raw[:at]...), raw[at]^with), raw[at+1:]...))
	}
	for attack, token := range map[string]any{
		"refresh token empty": "", "refresh token null": nil, "refresh token a list": []string{in.RefreshToken}, "refresh token an object": map[string]any{"$ne": ""}, "refresh token true": true,
		"refresh token without its prefix": text, "refresh token with another prefix": "scx_" + text, "refresh token with its prefix in upper case": "SCR_" + text, "refresh token with its prefix twice": "scr_scr_" + text,
		"refresh token cut short": in.RefreshToken[:len(in.RefreshToken)-1], "refresh token with a tail": in.RefreshToken + "A", "refresh token with padding": in.RefreshToken + "=", "refresh token with a space": " " + in.RefreshToken,
		"refresh token with a line end": in.RefreshToken + "\n", "refresh token with a zero byte": in.RefreshToken + "\x00", "refresh token with a zero-width space": in.RefreshToken[:9] + "\u200b" + in.RefreshToken[9:],
		"refresh token with another secret": changed(51, 1), "refresh token with another session": changed(3, 1), "refresh token with another generation": changed(19, 1), "refresh token with a huge generation": changed(16, 0xff),
		"refresh token with zeros for a secret": form(append(append([]byte{}, raw[:20]...), make([]byte, 32)...)), "refresh token of one session with another's secret": form(append(append([]byte{}, raw[:20]...), otherRaw[20:]...)),
		"refresh token of a session that never was": form(append(make([]byte, 20), raw[20:]...)), "refresh token in the other alphabet": "scr_" + base64.StdEncoding.EncodeToString(append(raw[:51:51], 0xff)), "refresh token with another last bit": in.RefreshToken,
		"refresh token of 5 KB": strings.Repeat("A", 5000), "refresh token of 1 MB": strings.Repeat("A", 1<<20), "refresh token by SQL": "scr_' or 1=1 --",
	} {
		if attack == "refresh token with another last bit" {
			token = in.RefreshToken + "B"
		}
		c.refresh(attack, token)
	}
	c.refresh("refresh token of a generation to come", c.derived(in.Session.ID, 1))
	c.refresh("refresh token with our derivation but another secret", form(append(append([]byte{}, raw[:20]...), hmacOf([]byte("guess"), raw[:20])...)))
	c.got("refresh by a form", c.send(http.MethodPost, "/auth/refresh", []byte("refresh_token="+in.RefreshToken), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}))
	c.got("refresh by query", c.send(http.MethodPost, "/auth/refresh?refresh_token="+in.RefreshToken, nil, http.Header{}))
	c.got("refresh by GET", c.send(http.MethodGet, "/auth/refresh?refresh_token="+in.RefreshToken, nil, http.Header{}))
	for attack, token := range map[string]string{"secret changed": changed(51, 1), "session changed": changed(3, 1)} {
		c.s.Request(c, http.MethodPost, "/auth/logout", map[string]string{"refresh_token": token})
		if !alive(c, c.s, in.AccessToken) {
			c.accepted = append(c.accepted, "sign-out with a refresh token, "+attack)
		}
	}
	next := refreshed(c, c.s, in.RefreshToken) // which no attack has touched
	for name, after := range map[string]time.Duration{"a moment after the grace": 10*time.Second + time.Millisecond, "a minute later": time.Minute, "an hour later": time.Hour, "a day later": 24 * time.Hour, "six days later": 6 * 24 * time.Hour} {
		stolen := c.login(w.Ada)
		mine := refreshed(c, c.s, stolen.RefreshToken)
		c.s.Clock.Advance(after)
		c.refresh("used refresh token, "+name, stolen.RefreshToken)
		c.refresh("successor of a used refresh token, "+name, mine.RefreshToken)
		c.read("access token of a session with a used refresh token, "+name, mine.AccessToken)
	}
	c.refresh("refresh token after eight idle days", next.RefreshToken)
	old := c.login(w.Ada)
	first := refreshed(c, c.s, old.RefreshToken)
	second := refreshed(c, c.s, first.RefreshToken)
	c.refresh("refresh token of two generations ago", old.RefreshToken)
	c.refresh("newest refresh token after that", second.RefreshToken)
	out := c.login(w.Ada)
	c.s.Request(c, http.MethodPost, "/auth/logout", nil, bearer(out.AccessToken)...)
	c.read("access token after sign-out", out.AccessToken)
	c.refresh("refresh token after sign-out", out.RefreshToken)
	aging := c.login(w.Ada)
	for range 5 {
		c.s.Clock.Advance(6 * 24 * time.Hour)
		if answer := refresh(c, c.s, aging.RefreshToken); answer.Status == http.StatusOK {
			answer.Decode(c, http.StatusOK, &aging)
		}
	}
	c.refresh("refresh token of a session of thirty days", aging.RefreshToken)
}

// derived returns the refresh token of a session's generation as the service would make it, with the secret from the database.
func (c *campaign) derived(session string, generation uint32) string {
	c.Helper()
	sealed := texts(c, c.owner, `select refresh_secret from user_sessions where id = $1`, session)[0]
	key, err := apitest.Secrets(c).Open("user_sessions/refresh_secret/"+session, sealed)
	c.must(err)
	id := uuid.MustParse(session)
	b := binary.BigEndian.AppendUint32(id[:], generation)
	return "scr_" + base64.RawURLEncoding.EncodeToString(append(b, hmacOf(key, b)...))
}

func hmacOf(key, b []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("refresh"))
	mac.Write(b)
	return mac.Sum(nil)
}

// secondFactors attacks the second step of signing in.
func (c *campaign) secondFactors() {
	w := c.s.World
	adaProgram, adaCodes, _ := enrol(c, c.s, c.login(w.Ada).AccessToken)
	bobProgram, bobCodes, _ := enrol(c, c.s, c.login(w.Bob).AccessToken)
	// Each attack on its own sign-in, and a good one after it, so that waiting for wrong codes hides nothing.
	fresh := func() signIn {
		c.s.Clock.Advance(2 * time.Minute)
		verify(c, c.s, c.login(w.Ada).MFAToken, "code", adaProgram.code(0)).Decode(c, http.StatusOK, new(signIn))
		c.s.Clock.Advance(2 * time.Minute)
		return c.login(w.Ada)
	}
	for attack, code := range map[string]func() string{
		"code of another user": func() string { return bobProgram.code(0) }, "code of a minute ago": func() string { return adaProgram.code(-2) }, "code of the minute to come": func() string { return adaProgram.code(2) },
		"code 000000": func() string { return "000000" }, "code of five digits": func() string { return adaProgram.code(0)[:5] }, "code of seven digits": func() string { return adaProgram.code(0) + "0" },
		"code in full-width digits":   func() string { return strings.Map(func(r rune) rune { return r - '0' + '０' }, adaProgram.code(0)) },
		"code in Arabic-Indic digits": func() string { return strings.Map(func(r rune) rune { return r - '0' + '٠' }, adaProgram.code(0)) },
		"code with a space":           func() string { return adaProgram.code(0) + " " }, "code with a line end": func() string { return adaProgram.code(0) + "\n" }, "code with a sign": func() string { return "+" + adaProgram.code(0)[1:] },
		"code empty": func() string { return "" }, "code is the secret": func() string { return adaProgram.Secret },
	} {
		c.verify(attack, fresh().MFAToken, "code", code())
	}
	for attack, code := range map[string]string{"recovery code of another user": bobCodes[0], "recovery code cut short": adaCodes[0][:20], "recovery code of wildcards": "%", "recovery code empty": "", "recovery code with a zero byte": adaCodes[0] + "\x00",
		"recovery code is a code": adaProgram.code(0), "recovery codes, two in one": adaCodes[0] + adaCodes[1]} {
		c.verify(attack, fresh().MFAToken, "recovery_code", code)
	}
	half := fresh()
	code := adaProgram.code(0)
	verify(c, c.s, half.MFAToken, "code", code).Decode(c, http.StatusOK, new(signIn))
	c.verify("code used twice", c.login(w.Ada).MFAToken, "code", code)
	c.verify("MFA token used twice, with a new code", half.MFAToken, "code", adaProgram.code(1))
	half = fresh()
	verify(c, c.s, half.MFAToken, "code", adaProgram.code(1)).Decode(c, http.StatusOK, new(signIn))
	c.verify("code older than the last one used", c.login(w.Ada).MFAToken, "code", adaProgram.code(0))
	half = fresh()
	verify(c, c.s, half.MFAToken, "recovery_code", adaCodes[2]).Decode(c, http.StatusOK, new(signIn))
	c.verify("recovery code used twice", c.login(w.Ada).MFAToken, "recovery_code", adaCodes[2])
	c.verify("recovery code used twice, in upper case", c.login(w.Ada).MFAToken, "recovery_code", strings.ToUpper(adaCodes[2]))
	late := fresh()
	c.s.Clock.Advance(5 * time.Minute)
	c.verify("MFA token after five minutes", late.MFAToken, "code", adaProgram.code(0))
	half = fresh()
	c.verify("MFA token of another user", c.login(w.Bob).MFAToken, "code", adaProgram.code(0))
	c.read("MFA token as access token, in time", half.MFAToken)
	c.refresh("MFA token as refresh token, in time", half.MFAToken)
	header, claims := map[string]any{"typ": "mfa+jwt"}, map[string]any{"typ": "mfa", "aud": "signalcraft-api/mfa", "sid": uuid.NewString(), "mark": "x"}
	c.verify("MFA token with another mark", c.forge(header, claims), "code", adaProgram.code(0))
	c.verify("MFA token without a mark", c.forge(header, change(claims, map[string]any{"mark": nil})), "code", adaProgram.code(1))
	c.verify("MFA token for the audience of access tokens", c.forge(header, change(claims, map[string]any{"aud": "signalcraft-api"})), "code", adaProgram.code(1))
	half = fresh()
	for range 5 {
		verify(c, c.s, half.MFAToken, "code", "000000")
	}
	c.verify("right code after five wrong ones", half.MFAToken, "code", adaProgram.code(0))
	c.verify("recovery code after five wrong codes", half.MFAToken, "recovery_code", adaCodes[5])
	c.s.Clock.Advance(time.Minute)
	half = c.login(w.Ada)
	c.exec(`update users set password_hash = password_hash || 'x' where id = $1`, w.Ada.ID)
	c.verify("MFA token from before a change of password", half.MFAToken, "code", adaProgram.code(0))
	c.exec(`update users set password_hash = left(password_hash, -1) where id = $1`, w.Ada.ID)
	half = c.login(w.Ada)
	c.exec(`update users set is_active = false where id = $1`, w.Ada.ID)
	c.verify("MFA token of an account that was switched off", half.MFAToken, "code", adaProgram.code(1))
	c.exec(`update users set is_active = true where id = $1`, w.Ada.ID)
	c.exec(`delete from mfa_factors`)
}

// keys attacks API keys.
func (c *campaign) keys() {
	w := c.s.World
	ada, bob := c.login(w.Ada), c.login(w.Bob)
	key := makeKey(c, c.s, ada.AccessToken, w.Cafe.ID, 1, "read")
	second := makeKey(c, c.s, ada.AccessToken, w.Cafe.ID, 0, "write")
	foreign := makeKey(c, c.s, bob.AccessToken, w.Hotel.ID, 0, "read")
	get := func(attack, token, path string) {
		c.Helper()
		c.got(attack, c.send(http.MethodGet, path, nil, http.Header{"Authorization": {"Bearer " + token}}))
	}
	if answer := c.s.Get(c, c.cafe(), key.Key); answer.Status != http.StatusOK {
		c.Fatalf("the pattern of the attacks is not good itself: %d %s", answer.Status, answer.Body)
	}
	id, secret, _ := strings.Cut(strings.TrimPrefix(key.Key, "sck_"), "_")
	otherID, _, _ := strings.Cut(strings.TrimPrefix(second.Key, "sck_"), "_")
	for attack, token := range map[string]string{
		"key with another secret": "sck_" + id + "_" + base64.RawURLEncoding.EncodeToString(make([]byte, 32)), "key with another id": "sck_" + otherID + "_" + secret, "key with an id in upper case": "sck_" + strings.ToUpper(id) + "x_" + secret,
		"key cut short": key.Key[:len(key.Key)-1], "key with a tail": key.Key + "A", "key with padding": key.Key + "=", "key without a secret": "sck_" + id + "_", "key without an id": "sck__" + secret, "key of its id": id, "key by its hint": key.Of.Hint,
		"key with its prefix in upper case": strings.ToUpper(key.Key[:4]) + key.Key[4:], "key with hyphens in its id": "sck_" + uuid.MustParse(id).String() + "_" + secret, "key of nothing": "sck_", "key that never was": "sck_" + strings.Repeat("0", 32) + "_" + secret,
	} {
		get(attack, token, c.cafe())
	}
	get("key of another business", foreign.Key, c.cafe())
	get("key on a business that does not exist", key.Key, "/dashboard/metrics/"+noBusiness.String())
	get("key on another business of nobody's", key.Key, "/dashboard/metrics/"+w.Hotel.ID.String())
	get("key without the scope", second.Key, c.cafe())
	for _, path := range []string{"/auth/sessions", "/auth/api-keys", "/auth/mfa"} {
		get("key on "+path, key.Key, path)
	}
	get("key in the query", "", c.cafe()+"?api_key="+key.Key)
	c.got("key makes a key", askKey(c, c.s, key.Key, w.Cafe.ID, 0, "read"))
	c.got("key proves an identity", c.s.Request(c, http.MethodPost, "/auth/prove", map[string]string{"password": w.Ada.Password}, bearer(key.Key)...))
	c.got("key enrols a second factor", c.s.Request(c, http.MethodPost, "/auth/mfa/totp", nil, bearer(key.Key)...))
	c.got("key ends a session", c.s.Request(c, http.MethodDelete, "/auth/sessions/"+ada.Session.ID, nil, bearer(key.Key)...))
	c.got("key deletes a key", c.s.Request(c, http.MethodDelete, "/auth/api-keys/"+second.Of.ID, nil, bearer(key.Key)...))
	c.got("another's key is deleted", c.s.Request(c, http.MethodDelete, "/auth/api-keys/"+foreign.Of.ID, nil, bearer(ada.AccessToken)...))
	c.got("key for another's business", askKey(c, c.s, ada.AccessToken, w.Hotel.ID, 0, "read"))
	c.got("key of a viewer that writes", askKey(c, c.s, c.login(w.Vic).AccessToken, w.Cafe.ID, 0, "write"))
	c.got("key for ever", askKey(c, c.s, ada.AccessToken, w.Cafe.ID, 36500, "read"))
	c.got("key with a scope of operators", askKey(c, c.s, ada.AccessToken, w.Cafe.ID, 0, "admin"))

	deleted := makeKey(c, c.s, ada.AccessToken, w.Cafe.ID, 0, "read")
	c.s.Get(c, c.cafe(), deleted.Key)
	c.s.Request(c, http.MethodDelete, "/auth/api-keys/"+deleted.Of.ID, nil, bearer(ada.AccessToken)...)
	get("key that was deleted", deleted.Key, c.cafe())
	c.s.Get(c, c.cafe(), key.Key)
	c.s.Clock.Advance(24 * time.Hour)
	get("key that has expired", key.Key, c.cafe())
	vic := makeKey(c, c.s, c.login(w.Vic).AccessToken, w.Cafe.ID, 0, "read")
	c.s.Get(c, c.cafe(), vic.Key)
	c.exec(`delete from memberships where user_id = $1`, w.Vic.ID)
	get("key of a membership that is gone, at once", vic.Key, c.cafe())
	c.exec(`insert into memberships (business_id, user_id, role) values ($1, $2, 'viewer')`, w.Cafe.ID, w.Vic.ID)
	c.s.Clock.Advance(3 * time.Second)
	get("key of a membership that came back", vic.Key, c.cafe())
}

// privileges attacks what a good token of one's own does not allow.
func (c *campaign) privileges() {
	w := c.s.World
	ada := c.login(w.Ada)
	rotate := func(attack, token string) {
		c.Helper()
		c.got(attack, c.s.Request(c, http.MethodPost, "/admin/signing-keys", nil, bearer(token)...))
	}
	rotate("operation of operators", ada.AccessToken)
	for name, claims := range map[string]map[string]any{"operator": {"operator": true}, "is_operator": {"is_operator": true}, "role": {"role": "operator"}, "scope": {"scope": "admin operator"}, "roles": {"roles": []string{"owner", "operator"}}} {
		rotate("claim "+name+" in the token", c.forge(nil, claims))
	}
	c.got("another's session is ended", c.s.Request(c, http.MethodDelete, "/auth/sessions/"+c.login(w.Bob).Session.ID, nil, bearer(ada.AccessToken)...))
	c.got("proof with another's password", c.s.Request(c, http.MethodPost, "/auth/prove", map[string]string{"password": w.Bob.Password}, bearer(ada.AccessToken)...))
	stale := c.login(w.Ada)
	c.s.Clock.Advance(11 * time.Minute)
	next := refreshed(c, c.s, stale.RefreshToken)
	for name, token := range map[string]string{"from the sign-in": stale.AccessToken, "from a refresh": next.AccessToken, "with an old proof": c.forge(nil, map[string]any{"auth_time": c.s.Clock.Now().Add(-601 * time.Second).Unix()}),
		"with a proof at the beginning of time": c.forge(nil, map[string]any{"auth_time": 0})} {
		c.got("stale proof, token "+name, c.s.Request(c, http.MethodPost, "/auth/mfa/totp", nil, bearer(token)...))
	}
	c.exec(`update businesses set subscription_tier = 'enterprise' where id = $1`, w.Cafe.ID)
	for name, token := range map[string]string{"password alone": c.login(w.Ada).AccessToken, "second factor claimed": c.forge(nil, map[string]any{"amr": []string{"pwd", "otp", "mfa"}})} {
		c.got("second factor demanded, "+name, c.s.Get(c, c.cafe(), token))
	}
	c.exec(`update businesses set subscription_tier = 'free'`)
}

// gone attacks with what once was good.
func (c *campaign) gone() {
	w := c.s.World
	for attack, statement := range map[string]string{
		"session ended elsewhere":                `update user_sessions set revoked_at = now(), revoked_reason = 'test' where user_id = $1`,
		"account switched off elsewhere":         `update users set is_active = false where id = $1`,
		"session moved to its end":               `update user_sessions set ends_at = '2000-01-01' where user_id = $1`,
		"session left idle":                      `update user_sessions set expires_at = '2000-01-01' where user_id = $1`,
		"session handed to somebody else by SQL": `update user_sessions set user_id = (select id from users where email = 'bob@example.com') where user_id = $1`,
		"session deleted":                        `delete from user_sessions where user_id = $1`,
	} {
		in := c.login(w.Ada)
		if !alive(c, c.s, in.AccessToken) {
			c.Fatalf("%s: the token is not good before", attack)
		}
		c.exec(statement, w.Ada.ID)
		c.s.Clock.Advance(3 * time.Second)
		c.read("access token, "+attack, in.AccessToken)
		if attack != "session handed to somebody else by SQL" { // there the token is the new holder's
			c.refresh("refresh token, "+attack, in.RefreshToken)
		}
		c.exec(`update users set is_active = true where id = $1`, w.Ada.ID)
	}
	in := c.login(w.Ada)
	key := makeKey(c, c.s, in.AccessToken, w.Cafe.ID, 0, "read").Key
	c.s.Get(c, c.cafe(), key)
	c.exec(`update users set is_active = false where id = $1`, w.Ada.ID)
	c.s.Clock.Advance(3 * time.Second)
	c.read("key of an account that was switched off", key)
	c.got("sign-in to an account that was switched off", c.s.Request(c, http.MethodPost, "/auth/login", credentials(w.Ada.Email, w.Ada.Password)))
	c.exec(`update users set is_active = true where id = $1`, w.Ada.ID)
	in = c.login(w.Ada)
	c.exec(`update signing_keys set verifies_until = '2000-01-01', retired_at = '2000-01-01'`)
	c.s.Clock.Advance(time.Minute)
	c.read("access token of a key that verifies no more", in.AccessToken)
	in = c.login(w.Nobody)
	c.exec(`delete from users where id = $1`, w.Nobody.ID)
	c.s.Clock.Advance(3 * time.Second)
	c.read("access token of an account that is gone", in.AccessToken)
	c.refresh("refresh token of an account that is gone", in.RefreshToken)
}
