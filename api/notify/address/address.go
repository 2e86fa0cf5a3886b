// Package address reads the e-mail addresses that people write.
//
// It takes the addresses that mail servers take today: RFC 5322's dot-atom before the @, and after it a
// host name of at least two labels, which may be internationalised (IDNA 2008). What the grammar
// allows beside that (quoted names, comments, IP addresses in brackets) nobody has in use and every second system
// reads differently, so it is refused.
package address

import (
	"errors"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// ErrAddress is returned for a text that is no address that mail can be sent to.
var ErrAddress = errors.New("not an e-mail address, like ada@example.com")

// The most bytes of an address and of its part before the @ (RFC 5321, 4.5.3.1).
const (
	maxBytes = 254
	maxLocal = 64
)

// Parse returns the one form of an address that is kept: without space around it, the domain in lower case and as
// people read it, the name before the @ as it was written. It returns ErrAddress for what is no address.
func Parse(text string) (string, error) {
	local, domain, err := split(text)
	if err != nil {
		return "", err
	}
	shown, err := idna.Lookup.ToUnicode(domain)
	if err != nil {
		return "", ErrAddress
	}
	return local + "@" + shown, nil
}

// ASCII returns an address in the form that travels between mail servers: the domain in its ASCII form.
func ASCII(text string) (string, error) {
	local, domain, err := split(text)
	if err != nil {
		return "", err
	}
	return local + "@" + domain, nil
}

// Canonical returns Parse's form of an address in lower case, by which accounts are looked up; a text that is
// no address comes back as it is.
func Canonical(text string) string {
	parsed, err := Parse(text)
	if err != nil {
		return text
	}
	return strings.ToLower(parsed)
}

// Local returns the part of an address before the @.
func Local(text string) string {
	local, _, _ := strings.Cut(text, "@")
	return local
}

// split checks an address and returns the name and the domain in its ASCII form.
func split(text string) (local, domain string, err error) {
	text = strings.Trim(text, " \t")
	at := strings.LastIndexByte(text, '@')
	if at < 1 || len(text) > 4*maxBytes || !utf8.ValidString(text) {
		return "", "", ErrAddress
	}
	local = text[:at]
	if len(local) > maxLocal || !isDotAtom(local) {
		return "", "", ErrAddress
	}
	// Lookup refuses what no host name holds: spaces, controls, hyphens at the ends, mixed directions.
	domain, err = idna.Lookup.ToASCII(text[at+1:])
	if err != nil || !isHost(domain) || len(local)+1+len(domain) > maxBytes {
		return "", "", ErrAddress
	}
	return local, domain, nil
}

// isDotAtom follows RFC 5322, 3.2.3.
func isDotAtom(text string) bool {
	for part := range strings.SplitSeq(text, ".") {
		if part == "" {
			return false
		}
		for _, r := range []byte(part) {
			if !isLetterOrDigit(r) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", rune(r)) {
				return false
			}
		}
	}
	return true
}

// isHost wants two labels or more, the last of which is no number, so that no IP address passes.
func isHost(domain string) bool {
	labels := strings.Split(domain, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range []byte(label) {
			if !isLetterOrDigit(r) && r != '-' {
				return false
			}
		}
	}
	last := labels[len(labels)-1]
	return len(labels) >= 2 && strings.Trim(last, "0123456789") != "" && len(last) >= 2
}

func isLetterOrDigit(r byte) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
