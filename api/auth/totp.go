package auth

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"image/png"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// Codes are those that every authenticator program knows (RFC 6238 with its defaults): six digits of HMAC-SHA-1, a new
// code every thirty seconds. A code is taken for its own step and the ones beside it, since clocks differ.
const (
	totpStep   = 30 * time.Second
	totpDigits = 6
	totpBytes  = 20 // RFC 4226, section 4, R6
	totpSkew   = 1
)

func stepAt(t time.Time) int64 { return t.Unix() / int64(totpStep/time.Second) }

// totpMatch returns the newest step above last that code belongs to, of those near now; false when there is none.
func totpMatch(key []byte, code string, now time.Time, last int64) (step int64, ok bool, err error) {
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(key)
	current := stepAt(now)
	for s := current - totpSkew; s <= current+totpSkew; s++ {
		want, err := hotp.GenerateCode(text, uint64(s))
		if err != nil {
			return 0, false, fmt.Errorf("compute code: %w", err)
		}
		// No early end: how long this takes tells nothing.
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && s > last {
			step, ok = s, true
		}
	}
	return step, ok, nil
}

// Enrolment is what an authenticator program needs to know.
type Enrolment struct {
	// Secret is the shared secret in base32, URI the same as an otpauth address, and Picture that address as a QR code:
	// a PNG in a data URI. All are secrets.
	Secret, URI, Picture string
}

func newEnrolment(product, account string) (Enrolment, []byte, error) {
	key := make([]byte, totpBytes)
	rand.Read(key) // never fails
	secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(key)
	// A colon divides product and account; neither may bring one of its own.
	label := strings.ReplaceAll(product, ":", " ") + ":" + strings.ReplaceAll(account, ":", " ")
	values := url.Values{"secret": {secret}, "issuer": {product}, "algorithm": {"SHA1"}, "digits": {fmt.Sprint(totpDigits)}, "period": {fmt.Sprint(int(totpStep.Seconds()))}}
	// Programs do not read a plus sign as a space.
	address := "otpauth://totp/" + url.PathEscape(label) + "?" + strings.ReplaceAll(values.Encode(), "+", "%20")
	picture, err := qrCode(address)
	if err != nil {
		return Enrolment{}, nil, err
	}
	return Enrolment{Secret: secret, URI: address, Picture: picture}, key, nil
}

func qrCode(address string) (string, error) {
	key, err := otp.NewKeyFromURL(address)
	if err != nil {
		return "", fmt.Errorf("draw QR code: %w", err)
	}
	image, err := key.Image(256, 256)
	if err != nil {
		return "", fmt.Errorf("draw QR code: %w", err)
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, image); err != nil {
		return "", fmt.Errorf("draw QR code: %w", err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(picture.Bytes()), nil
}
