package auth

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The length of a password in code points.
const (
	MinPassword = 8
	MaxPassword = 128
)

// product is the name of this service, which nobody may build a password on.
const product = "signalcraft"

// shortestTaboo is the length from which on somebody's name must not be part of their password. Shorter ones occur in
// words by chance.
const shortestTaboo = 4

// PasswordError is returned for a password that must not be used.
type PasswordError struct {
	// Issue says to whoever chose it what is wrong and what to do.
	Issue string
}

// Error returns the issue.
func (e *PasswordError) Error() string { return "password refused: " + e.Issue }

// The reasons for which a password is refused.
const (
	issueShort  = "use at least 8 characters"
	issueLong   = "use at most 128 characters"
	issueCommon = "this is one of the passwords that attackers try first, perhaps with digits or symbols around it: " +
		"choose another, such as four words that have nothing to do with each other"
	issuePattern = "this repeats itself or follows the keyboard, the alphabet or the digits: " +
		"choose another, such as four words that have nothing to do with each other"
	issueOwner = "leave your name and your e-mail address out of your password"
	issueName  = "leave the name of this service out of your password"
)

// PasswordOwner is whose password is checked. Empty fields are not looked for.
type PasswordOwner struct {
	Email string
	Name  string
}

// CheckPassword returns nil or a *PasswordError. A password has 8 to 128 code points after normalisation (NFC); which ones
// they are is nobody's business (NIST SP 800-63B, 3.1.1.2). It is refused when it is on the list of passwords
// and words that attackers try first, also in other case, with letters written as digits, or with a few digits and symbols
// around it; when it is a repetition or a walk over the keyboard; and when it contains the owner's name, the part of their
// address before the @, or the name of this service.
func CheckPassword(password string, owner PasswordOwner) error {
	password = norm.NFC.String(password)
	switch n := utf8.RuneCountInString(password); {
	case n < MinPassword:
		return &PasswordError{issueShort}
	case n > MaxPassword:
		return &PasswordError{issueLong}
	}
	folded := fold(password)
	readings := readings(folded)
	switch {
	case isPattern(folded):
		return &PasswordError{issuePattern}
	case contains(readings, product):
		return &PasswordError{issueName}
	}
	for _, taboo := range taboos(owner) {
		if contains(readings, taboo) {
			return &PasswordError{issueOwner}
		}
	}
	if isCommon(folded) {
		return &PasswordError{issueCommon}
	}
	return nil
}

// fold makes spellings alike that people take for the same: case, and full-width and other compatible forms.
func fold(text string) string { return strings.ToLower(norm.NFKC.String(text)) }

// readings returns a folded text as it stands and with letters for the digits and symbols that stand for them.
func readings(folded string) []string {
	const digits = "4@863190$5!7+2|"
	read := func(letters string) string {
		return strings.Map(func(r rune) rune {
			if i := strings.IndexRune(digits, r); i >= 0 {
				return rune(letters[i])
			}
			return r
		}, folded)
	}
	return []string{folded, read("aabgeigossittzl"), read("aabgelgossittzl")}
}

// taboos returns what the owner's password must not contain.
func taboos(owner PasswordOwner) []string {
	email := fold(owner.Email)
	local, _, _ := strings.Cut(email, "@")
	plain, _, _ := strings.Cut(local, "+")
	name := fold(owner.Name)
	words := append(strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }),
		email, local, plain, strings.ReplaceAll(name, " ", ""))
	var long []string
	for _, word := range words {
		if utf8.RuneCountInString(word) >= shortestTaboo {
			long = append(long, word)
		}
	}
	return long
}

func contains(readings []string, part string) bool {
	for _, text := range readings {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// isPattern reports whether a text has hardly any different characters, repeats a part of itself from begin to end, or
// consists of walks over the keyboard, the alphabet or the digits.
func isPattern(folded string) bool {
	runes := []rune(folded)
	different := map[rune]bool{}
	for _, r := range runes {
		different[r] = true
	}
	if len(different) <= 3 {
		return true
	}
	for period := 1; period <= min(4, len(runes)/2); period++ {
		if repeats(runes, period) {
			return true
		}
	}
	return isWalk(folded)
}

// repeats reports whether each rune is the one a period before.
func repeats(runes []rune, period int) bool {
	for i := period; i < len(runes); i++ {
		if runes[i] != runes[i-period] {
			return false
		}
	}
	return true
}

// walks are the ways that fingers take.
const walks = "abcdefghijklmnopqrstuvwxyz 01234567890123456789 qwertyuiop[] asdfghjkl;' zxcvbnm,./ qwertzuiop yxcvbnm azertyuiop qsdfghjklm wxcvbn " +
	"qazwsxedcrfvtgbyhnujmikolp 1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/ !qaz@wsx#edc$rfv !@#$%^&*()_+"

// isWalk reports whether a text can be cut into pieces of three or more characters of which each is part of a walk, forward
// or backward.
func isWalk(text string) bool {
	reached := make([]bool, len(text)+1) // reached[i]: text[:i] can be cut so
	reached[0] = true
	for from := range text {
		for to := from + 3; reached[from] && to <= len(text); to++ {
			piece := text[from:to]
			if strings.Contains(piece, " ") || !strings.Contains(walks, piece) && !strings.Contains(walks, reversed(piece)) {
				break // a longer piece is none either
			}
			reached[to] = true
		}
	}
	return reached[len(text)]
}

func reversed(text string) string {
	b := []byte(text)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}
