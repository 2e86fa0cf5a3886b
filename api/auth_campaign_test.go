package api_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/api/apitest"
)

// campaign tries to get in where nobody should, and counts.
type campaign struct {
	*testing.T
	s        *apitest.Service
	owner    *pgxpool.Pool
	names    map[string]bool
	accepted []string
}

// got notes the answer to an attack. Whatever is a success, or a fault of the service, is noted as accepted.
func (c *campaign) got(attack string, answer apitest.Answer) {
	c.Helper()
	if c.names[attack] {
		c.Errorf("two attacks are called %q", attack)
	}
	c.names[attack] = true
	if answer.Status < 400 || answer.Status >= 500 {
		c.accepted = append(c.accepted, fmt.Sprintf("%s: %d %.200s", attack, answer.Status, answer.Body))
	}
}

// read shows a token to an operation of the account, or to one of the cafe's members.
func (c *campaign) read(attack, token string) {
	c.Helper()
	c.got(attack, c.send(http.MethodGet, "/auth/sessions", nil, http.Header{"Authorization": {"Bearer " + token}}))
	if answer := c.send(http.MethodGet, c.cafe(), nil, http.Header{"Authorization": {"Bearer " + token}}); answer.Status < 400 {
		c.accepted = append(c.accepted, attack+" on the dashboard")
	}
}

func (c *campaign) cafe() string { return "/dashboard/metrics/" + c.s.World.Cafe.ID.String() }

func (c *campaign) refresh(attack string, token any) {
	c.Helper()
	c.got(attack, c.s.Request(c, http.MethodPost, "/auth/refresh", map[string]any{"refresh_token": token}))
}

func (c *campaign) verify(attack, token, field, code string) {
	c.Helper()
	c.got(attack, verify(c, c.s, token, field, code))
}

// send sends a request whose headers a well-behaved client would not send.
func (c *campaign) send(method, path string, body []byte, header http.Header) apitest.Answer {
	c.Helper()
	r, err := http.NewRequestWithContext(c.Context(), method, c.s.URL+path, strings.NewReader(string(body)))
	if err != nil {
		c.Fatal(err)
	}
	r.Header = header
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return apitest.Answer{Status: http.StatusRequestHeaderFieldsTooLarge} // the server hung up
	}
	defer response.Body.Close()
	return apitest.Answer{Status: response.StatusCode, Header: response.Header}
}

// login signs in once the rate of attempts allows it.
func (c *campaign) login(u apitest.User) signIn {
	c.Helper()
	c.s.Clock.Advance(10 * time.Second)
	return login(c, c.s, u)
}

func (c *campaign) exec(statement string, args ...any) {
	c.Helper()
	if _, err := c.owner.Exec(c.Context(), statement, args...); err != nil {
		c.Fatal(err)
	}
}

// TestTokenCampaign tries every named attack on tokens, sessions, second factors and keys that we know of, and then as many random changes
// of good ones as the environment asks for, against the running service.
func TestTokenCampaign(t *testing.T) {
	t.Parallel()
	s, owner := world(t, apitest.Options{})
	c := &campaign{T: t, s: s, owner: owner, names: map[string]bool{}}
	c.forged()
	c.shown()
	c.confused()
	c.refreshes()
	c.secondFactors()
	c.keys()
	c.privileges()
	c.gone()
	if len(c.names) < 70 {
		t.Errorf("%d named attacks, want at least 70", len(c.names))
	}
	random := c.altered()
	for _, a := range c.accepted {
		t.Errorf("accepted: %s", a)
	}
	c.Logf("token campaign: %d named attacks and %d random ones; %d accepted", len(c.names), random, len(c.accepted))
}

// shown shows good tokens in wrong ways.
func (c *campaign) shown() {
	in := c.login(c.s.World.Ada)
	token := in.AccessToken
	for attack, values := range map[string][]string{
		"no header": nil, "empty header": {""}, "scheme alone": {"Bearer"}, "scheme and space": {"Bearer "}, "no scheme": {token},
		"two headers": {"Bearer " + token, "Bearer " + token}, "two headers, one empty": {"", "Bearer " + token}, "two tokens in one header": {"Bearer " + token + ", Bearer " + token},
		"two tokens, one scheme": {"Bearer " + token + " " + token}, "scheme Basic": {"Basic " + token}, "scheme Token": {"Token " + token}, "scheme Digest": {"Digest " + token},
		"scheme twice": {"Bearer Bearer " + token}, "tab for space": {"Bearer\t" + token}, "no-break space for space": {"Bearer\u00a0" + token},
		"no-break space after": {"Bearer " + token + "\u00a0"}, "next line after": {"Bearer " + token + "\u0085"}, "zero-width space within": {"Bearer " + token[:9] + "\u200b" + token[9:]},
		"full-width dots": {"Bearer " + strings.ReplaceAll(token, ".", "．")}, "letters of another alphabet": {"Bearer " + strings.Replace(token, "e", "е", 1)},
		"in quotes": {`Bearer "` + token + `"`}, "percent encoded": {"Bearer " + strings.ReplaceAll(token, ".", "%2E")}, "with a comma": {"Bearer " + token + ","},
		"with parameters": {"Bearer token=" + token}, "with a semicolon": {"Bearer " + token + ";"}, "with a space within": {"Bearer " + token[:30] + " " + token[30:]},
		"16 KiB more": {"Bearer " + token + strings.Repeat("A", 16<<10)}, "1 MiB more": {"Bearer " + token + strings.Repeat("A", 1<<20)},
	} {
		c.got(attack, c.send(http.MethodGet, "/auth/sessions", nil, http.Header{"Authorization": values}))
	}
	for _, name := range []string{"X-Authorization", "Proxy-Authorization", "X-Access-Token", "Cookie", "X-Api-Key", "Sec-Websocket-Protocol", "X-Forwarded-User", "X-Original-Authorization"} {
		value := "Bearer " + token
		if name == "Cookie" {
			value = "access_token=" + token + "; Authorization=" + token
		}
		c.got("in header "+name, c.send(http.MethodGet, "/auth/sessions", nil, http.Header{name: {value}}))
	}
	for _, name := range []string{"access_token", "token", "authorization", "bearer_token", "api_key"} {
		c.got("in query "+name, c.send(http.MethodGet, "/auth/sessions?"+name+"="+token, nil, http.Header{}))
	}
	c.got("in the path", c.send(http.MethodGet, "/auth/sessions/"+token, nil, http.Header{}))
	c.got("as user and password", c.s.Request(c, http.MethodPost, "/auth/login", credentials("ada@example.com", token)))
	body, err := json.Marshal(map[string]string{"access_token": token, "password": c.s.World.Ada.Password})
	if err != nil {
		c.Fatal(err)
	}
	c.got("in the body", c.send(http.MethodPost, "/auth/prove", body, http.Header{"Content-Type": {"application/json"}}))
	if !alive(c, c.s, token) {
		c.Error("the token that was shown in wrong ways is not good itself")
	}
}

// confused shows each kind of credential where another is due.
func (c *campaign) confused() {
	w := c.s.World
	bob := c.login(w.Bob)
	program, recovery, strong := enrol(c, c.s, bob.AccessToken)
	half := c.login(w.Bob)
	ada := c.login(w.Ada)
	key := makeKey(c, c.s, ada.AccessToken, w.Cafe.ID, 0, "read").Key
	for name, token := range map[string]string{"refresh token": ada.RefreshToken, "MFA token": half.MFAToken, "recovery code": recovery[0], "code": program.code(0),
		"session id": ada.Session.ID, "user id": w.Ada.ID.String(), "password": strings.ReplaceAll(w.Ada.Password, " ", "."), "reset token": c.forge(nil, map[string]any{"typ": "reset"}),
		"invitation": c.forge(nil, map[string]any{"typ": "invitation"}), "refresh token called a key": strings.Replace(ada.RefreshToken, "scr_", "sck_", 1)} {
		c.read(name+" as access token", token)
	}
	for name, token := range map[string]string{"access token": ada.AccessToken, "MFA token": half.MFAToken, "API key": key, "recovery code": recovery[0], "session id": ada.Session.ID,
		"reset token": c.forge(nil, map[string]any{"typ": "reset"}), "key called a refresh token": strings.Replace(key, "sck_", "scr_", 1)} {
		c.refresh(name+" as refresh token", token)
	}
	for name, token := range map[string]string{"access token": bob.AccessToken, "strong access token": strong, "refresh token": bob.RefreshToken, "API key": key,
		"reset token": c.forge(nil, map[string]any{"typ": "reset", "sub": w.Bob.ID.String()})} {
		c.verify(name+" as MFA token", token, "code", program.code(0))
	}
	c.got("API key as recovery code", verify(c, c.s, half.MFAToken, "recovery_code", key[:64]))
	if answer := c.s.Request(c, http.MethodPost, "/auth/logout", map[string]string{"refresh_token": ada.AccessToken}); answer.Status != http.StatusNoContent || !alive(c, c.s, ada.AccessToken) {
		c.accepted = append(c.accepted, "sign-out with an access token in place of the refresh token")
	}
	c.got("sign-out with an MFA token", c.s.Request(c, http.MethodPost, "/auth/logout", nil, bearer(half.MFAToken)...))
	c.got("sign-out with a key", c.s.Request(c, http.MethodPost, "/auth/logout", nil, bearer(key)...))
	// Bob's second factor goes, for the attacks that follow.
	c.exec(`delete from mfa_factors`)
}

// altered changes good tokens at random and returns how often. Random changes that leave the meaning alone do not exist: every
// form of a token but its own is refused.
func (c *campaign) altered() int {
	seed, rounds := rand.Uint64(), 400
	if os.Getenv("SIGNALCRAFT_CAMPAIGN") == "long" {
		rounds = 100_000
	}
	if text := os.Getenv("SIGNALCRAFT_CAMPAIGN_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			c.Fatal(err)
		}
	}
	c.Logf("token campaign: seed %d; repeat with SIGNALCRAFT_CAMPAIGN_SEED", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	in := c.login(c.s.World.Ada)
	key := makeKey(c, c.s, in.AccessToken, c.s.World.Cafe.ID, 0, "read").Key
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
	sent := 0
	for range rounds {
		kind := random.IntN(3)
		good := []string{in.AccessToken, in.RefreshToken, key}[kind]
		bad := []byte(good)
		for range 1 + random.IntN(3) {
			at := random.IntN(len(bad))
			switch random.IntN(3) {
			case 0:
				bad[at] = letters[random.IntN(len(letters))]
			case 1:
				bad = append(bad[:at], bad[at+1:]...)
			case 2:
				bad = append(bad[:at], append([]byte{letters[random.IntN(len(letters))]}, bad[at:]...)...)
			}
		}
		if string(bad) == good {
			continue
		}
		sent++
		var answer apitest.Answer
		if kind == 1 {
			answer = refresh(c, c.s, string(bad))
		} else {
			answer = c.s.Get(c, c.cafe(), string(bad))
		}
		if answer.Status != http.StatusUnauthorized {
			c.accepted = append(c.accepted, fmt.Sprintf("random change %q of %q: %d", bad, good, answer.Status))
		}
	}
	refreshed(c, c.s, in.RefreshToken) // which no attack has touched
	if answer := c.s.Get(c, c.cafe(), key); answer.Status != http.StatusOK {
		c.Errorf("the key that was altered is not good itself: %d", answer.Status)
	}
	return sent
}

// noBusiness is an id that nothing has.
var noBusiness = uuid.MustParse("0192f0c1-ffff-7fff-8fff-ffffffffffff")
