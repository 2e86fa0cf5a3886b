package api_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/apitest"
)

// ourKey returns the key that signs, which no attacker has, and its id.
func (c *campaign) ourKey() (ed25519.PrivateKey, string) {
	c.Helper()
	var id, sealed string
	if err := c.owner.QueryRow(c.Context(), `select id, convert_from(private_key, 'UTF8') from signing_keys where retired_at is null`).Scan(&id, &sealed); err != nil {
		c.Fatal(err)
	}
	der, err := apitest.Secrets(c).Open("signing_keys/private_key/"+id, sealed)
	if err != nil {
		c.Fatal(err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		c.Fatal(err)
	}
	return parsed.(ed25519.PrivateKey), id
}

// forge returns an access token of ada's newest session that is signed with our own key, but with other headers and claims; nil leaves
// one out.
func (c *campaign) forge(header, claims map[string]any) string {
	c.Helper()
	ours, _ := c.ourKey()
	return c.sign(change(c.header(), header), change(c.claims(), claims), jwt.SigningMethodEdDSA, ours)
}

func (c *campaign) header() map[string]any {
	_, id := c.ourKey()
	return map[string]any{"alg": "EdDSA", "typ": "at+jwt", "kid": id}
}

func (c *campaign) claims() map[string]any {
	now := c.s.Clock.Now().Unix()
	session := texts(c, c.owner, `select id::text from user_sessions where user_id = $1 order by created_at desc, id desc limit 1`, c.s.World.Ada.ID)[0]
	return map[string]any{"iss": "signalcraft", "aud": []string{"signalcraft-api"}, "sub": c.s.World.Ada.ID.String(), "sid": session, "typ": "access",
		"auth_time": now, "amr": []string{"pwd"}, "iat": now, "nbf": now, "exp": now + 900}
}

func change(m, with map[string]any) map[string]any {
	changed := maps.Clone(m)
	for key, value := range with {
		if changed[key] = value; value == nil {
			delete(changed, key)
		}
	}
	return changed
}

func (c *campaign) sign(header, claims map[string]any, method jwt.SigningMethod, key any) string {
	c.Helper()
	text, err := (&jwt.Token{Header: header, Claims: jwt.MapClaims(claims), Method: method}).SigningString()
	if err != nil {
		c.Fatal(err)
	}
	return c.signText(text, method, key)
}

func (c *campaign) signText(text string, method jwt.SigningMethod, key any) string {
	c.Helper()
	signature, err := method.Sign(text, key)
	if err != nil {
		c.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// forged tries tokens that look like ours; most are even signed with our own key.
func (c *campaign) forged() {
	genuine := c.login(c.s.World.Ada).AccessToken
	if !alive(c, c.s, genuine) || !alive(c, c.s, c.forge(nil, nil)) {
		c.Fatal("the pattern of the attacks is not good itself")
	}
	now := c.s.Clock.Now().Unix()
	type m = map[string]any
	for attack, token := range map[string]string{
		"alg missing": c.forge(m{"alg": nil}, nil), "alg in other case": c.forge(m{"alg": "eddsa"}, nil), "alg by its other name": c.forge(m{"alg": "Ed25519"}, nil), "alg is a list": c.forge(m{"alg": []string{"EdDSA"}}, nil),
		"key id unknown": c.forge(m{"kid": "nobody's"}, nil), "key id missing": c.forge(m{"kid": nil}, nil), "key id is a number": c.forge(m{"kid": 1}, nil), "key id is a list": c.forge(m{"kid": []string{c.header()["kid"].(string)}}, nil),
		"key id with SQL": c.forge(m{"kid": "' or 1=1 --"}, nil), "key id with a path": c.forge(m{"kid": "../../../dev/null"}, nil), "key id with an address": c.forge(m{"kid": "https://evil.example/k"}, nil),
		"key id with a zero byte": c.forge(m{"kid": c.header()["kid"].(string) + "\x00"}, nil), "key id in upper case": c.forge(m{"kid": strings.ToUpper(c.header()["kid"].(string))}, nil), "key id of 3 KB": c.forge(m{"kid": strings.Repeat("k", 3000)}, nil),
		"header type JWT": c.forge(m{"typ": "JWT"}, nil), "header type missing": c.forge(m{"typ": nil}, nil), "header type of MFA tokens": c.forge(m{"typ": "mfa+jwt"}, nil), "header type in other case": c.forge(m{"typ": "AT+JWT"}, nil),
		"critical header": c.forge(m{"crit": []string{"x"}, "x": 1}, nil), "critical header, empty": c.forge(m{"crit": []string{}}, nil), "payload not encoded (RFC 7797)": c.forge(m{"b64": false, "crit": []string{"b64"}}, nil),
		"type refresh": c.forge(nil, m{"typ": "refresh"}), "type reset": c.forge(nil, m{"typ": "reset"}), "type mfa": c.forge(nil, m{"typ": "mfa"}), "type id": c.forge(nil, m{"typ": "id"}),
		"type missing": c.forge(nil, m{"typ": nil}), "type in other case": c.forge(nil, m{"typ": "ACCESS"}), "type is a list": c.forge(nil, m{"typ": []string{"access"}}),
		"another audience": c.forge(nil, m{"aud": "signalcraft-mail"}), "audience of MFA tokens": c.forge(nil, m{"aud": "signalcraft-api/mfa"}), "audience missing": c.forge(nil, m{"aud": nil}), "audience empty": c.forge(nil, m{"aud": []string{}}), "audience by prefix": c.forge(nil, m{"aud": "signalcraft-api.evil.example"}),
		"another issuer": c.forge(nil, m{"iss": "evil"}), "issuer missing": c.forge(nil, m{"iss": nil}), "issuer is a list": c.forge(nil, m{"iss": []string{"signalcraft"}}), "issuer in other case": c.forge(nil, m{"iss": "SignalCraft"}),
		"expired": c.forge(nil, m{"exp": now - 1}), "expires now": c.forge(nil, m{"exp": now}), "expiry missing": c.forge(nil, m{"exp": nil}), "expiry is text": c.forge(nil, m{"exp": "never"}), "expiry is text of a number": c.forge(nil, m{"exp": "99999999999"}),
		"expiry is 1e400": c.forge(nil, m{"exp": json.Number("1e400")}), "expiry is zero": c.forge(nil, m{"exp": 0}), "expiry is negative": c.forge(nil, m{"exp": -1}),
		"not yet": c.forge(nil, m{"nbf": now + 60}), "beginning missing": c.forge(nil, m{"nbf": nil}), "issued in the future": c.forge(nil, m{"iat": now + 60}), "proof missing": c.forge(nil, m{"auth_time": nil}), "proof in the future": c.forge(nil, m{"auth_time": now + 60}),
		"user missing": c.forge(nil, m{"sub": nil}), "user is no id": c.forge(nil, m{"sub": "admin"}), "user is a list": c.forge(nil, m{"sub": []string{c.s.World.Ada.ID.String()}}), "user without digits": c.forge(nil, m{"sub": uuid.Nil.String()}),
		"user unknown": c.forge(nil, m{"sub": uuid.NewString()}), "session of another user": c.forge(nil, m{"sub": c.s.World.Bob.ID.String()}), "user in braces with a tail": c.forge(nil, m{"sub": "{" + c.s.World.Ada.ID.String() + "} or true"}),
		"session missing": c.forge(nil, m{"sid": nil}), "session is no id": c.forge(nil, m{"sid": "*"}), "session that never was": c.forge(nil, m{"sid": uuid.NewString()}), "session without digits": c.forge(nil, m{"sid": uuid.Nil.String()}),
	} {
		c.read(attack, token)
	}
	c.otherKeys()
	c.misshapen(genuine)
}

// otherKeys signs with what an attacker may have, and points to it.
func (c *campaign) otherKeys() {
	ours, _ := c.ourKey()
	public := ours.Public().(ed25519.PublicKey)
	_, theirs, err := ed25519.GenerateKey(rand.Reader)
	c.must(err)
	publicDER, err := x509.MarshalPKIXPublicKey(public)
	c.must(err)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	c.must(err)
	modulus, err := rsa.GenerateKey(rand.Reader, 2048)
	c.must(err)
	x := base64.RawURLEncoding.EncodeToString(theirs.Public().(ed25519.PublicKey))
	type m = map[string]any
	with := func(header m) map[string]any { return change(c.header(), header) }
	eddsa := jwt.SigningMethodEdDSA
	for attack, token := range map[string]string{
		"alg none":                   c.sign(with(m{"alg": "none"}), c.claims(), jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType),
		"alg None":                   c.sign(with(m{"alg": "None"}), c.claims(), jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType),
		"alg empty":                  c.sign(with(m{"alg": ""}), c.claims(), jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType),
		"alg none, signed":           c.sign(with(m{"alg": "none"}), c.claims(), eddsa, ours),
		"HS256 with the public key":  c.sign(with(m{"alg": "HS256"}), c.claims(), jwt.SigningMethodHS256, []byte(public)),
		"HS256 with the public DER":  c.sign(with(m{"alg": "HS256"}), c.claims(), jwt.SigningMethodHS256, publicDER),
		"HS256 with the key's x":     c.sign(with(m{"alg": "HS256"}), c.claims(), jwt.SigningMethodHS256, []byte(base64.RawURLEncoding.EncodeToString(public))),
		"HS256 with nothing":         c.sign(with(m{"alg": "HS256"}), c.claims(), jwt.SigningMethodHS256, []byte{}),
		"HS512 with the public key":  c.sign(with(m{"alg": "HS512"}), c.claims(), jwt.SigningMethodHS512, []byte(public)),
		"ES256 with a key of theirs": c.sign(with(m{"alg": "ES256"}), c.claims(), jwt.SigningMethodES256, curve),
		"ES256 around our signature": c.sign(with(m{"alg": "ES256"}), c.claims(), eddsa, ours),
		"ES256 of zeros":             c.sign(with(m{"alg": "ES256"}), c.claims(), zeros{}, nil),
		"EdDSA of zeros":             c.sign(with(nil), c.claims(), zeros{}, nil),
		"RS256 with a key of theirs": c.sign(with(m{"alg": "RS256"}), c.claims(), jwt.SigningMethodRS256, modulus),
		"PS256 with a key of theirs": c.sign(with(m{"alg": "PS256"}), c.claims(), jwt.SigningMethodPS256, modulus),
		"key of theirs":              c.sign(with(nil), c.claims(), eddsa, theirs),
		"key of theirs, embedded":    c.sign(with(m{"jwk": m{"kty": "OKP", "crv": "Ed25519", "x": x}}), c.claims(), eddsa, theirs),
		"key of theirs, named too":   c.sign(with(m{"kid": "theirs", "jwk": m{"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "theirs"}}), c.claims(), eddsa, theirs),
		"key of theirs, by jku":      c.sign(with(m{"jku": c.s.URL + "/auth/jwks?x=https://evil.example"}), c.claims(), eddsa, theirs),
		"key of theirs, by x5u":      c.sign(with(m{"x5u": "https://evil.example/c"}), c.claims(), eddsa, theirs),
		"key of theirs, by x5c":      c.sign(with(m{"x5c": []string{base64.StdEncoding.EncodeToString(publicDER)}}), c.claims(), eddsa, theirs),
	} {
		c.read(attack, token)
	}
}

func (c *campaign) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

// zeros signs with nothing but zeros (CVE-2022-21449 took them).
type zeros struct{}

func (zeros) Verify(string, []byte, any) error { return nil }
func (zeros) Sign(string, any) ([]byte, error) { return make([]byte, ed25519.SignatureSize), nil }
func (zeros) Alg() string                      { return "EdDSA" }
func (zeros) Public() crypto.PublicKey         { return nil }

// misshapen breaks the form of a good token.
func (c *campaign) misshapen(genuine string) {
	ours, _ := c.ourKey()
	part := strings.Split(genuine, ".")
	raw, encoded := base64.RawURLEncoding.DecodeString, base64.RawURLEncoding.EncodeToString
	signature, err := raw(part[2])
	c.must(err)
	flipped := append([]byte{signature[0] ^ 1}, signature[1:]...)
	claims, err := raw(part[1])
	c.must(err)
	again := func(text string) string {
		return c.signText(part[0]+"."+encoded([]byte(text)), jwt.SigningMethodEdDSA, ours)
	}
	other := strings.Split(c.forge(nil, map[string]any{"sub": uuid.NewString()}), ".")
	for attack, token := range map[string]string{
		"two parts": part[0] + "." + part[1], "one part": part[0], "four parts": genuine + ".x", "five parts, as JWE": genuine + "..", "no signature": part[0] + "." + part[1] + ".", "dots alone": "..",
		"changed signature": part[0] + "." + part[1] + "." + encoded(flipped), "half a signature": part[0] + "." + part[1] + "." + encoded(signature[:32]), "two signatures": part[0] + "." + part[1] + "." + encoded(append(signature, signature...)),
		"signature with padding": genuine + "==", "signature with another last bit": genuine[:len(genuine)-1] + lastBit(genuine), "signature in hexadecimal": part[0] + "." + part[1] + "." + strings.ToUpper(encoded(signature[:48])),
		"claims of another token": part[0] + "." + other[1] + "." + part[2], "header of another token": strings.Split(c.forge(map[string]any{"kid": "x"}, nil), ".")[0] + "." + part[1] + "." + part[2],
		"claims in the other alphabet": part[0] + "." + base64.StdEncoding.EncodeToString(append(claims, ' ')) + "." + part[2], "claims with padding": c.signText(part[0]+"."+base64.URLEncoding.EncodeToString(append(claims, ' ')), jwt.SigningMethodEdDSA, ours),
		"claims twice": again(string(claims) + string(claims)), "claims as a list": again("[" + string(claims) + "]"), "claims as text": again(`"` + part[1] + `"`), "claims null": again("null"), "claims empty": again(""), "claims with a tail": again(string(claims) + "x"),
		"claims cut short": again(string(claims[:len(claims)-1])), "expiry named twice": again(strings.Replace(string(claims), `"exp":`, `"exp":99999999999,"exp":"x","exp2":`, 1)), "deep nesting": again(strings.Repeat(`{"a":`, 500) + "1" + strings.Repeat("}", 500)),
		"header as a list": encoded([]byte("[]")) + "." + part[1] + "." + part[2], "header null": encoded([]byte("null")) + "." + part[1] + "." + part[2], "very long": genuine + strings.Repeat("A", 8<<10), "JSON in place of a token": encoded(claims),
	} {
		c.read(attack, token)
	}
	c.s.Clock.Advance(15*time.Minute - time.Second*10)
	c.s.Clock.Advance(10 * time.Second)
	c.read("genuine, after fifteen minutes", genuine)
}

// lastBit returns the last letter of a base64 text with an unused bit set.
func lastBit(text string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(letters[strings.IndexByte(letters, text[len(text)-1])|1])
}
