// Package message writes the mails of the product: one function for each occasion, which returns a [store.Mail] to be
// queued in the transaction that is the occasion.
//
// The texts are plain. A paragraph is wrapped at 72 columns; what is indented by four spaces (a link, a token, a command)
// stands as it is. What people wrote themselves, such as the name of a business, is made harmless before it gets into a text:
// whoever can choose it must not be able to send links to strangers in our name.
package message

import (
	"net/netip"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// Kinds lists the kind of every mail that there is, as they stand in the table of mails.
func Kinds() []string {
	return []string{KindVerify, KindChoose, KindRegistered, KindReset, KindPasswordChanged, KindChangeEmail, KindEmailAsked, KindEmailChanged, KindAccountDeleted,
		KindNewDevice, KindMFAOn, KindMFAOff, KindRecoveryCodes, KindRecoveryCodeUsed, KindMFAFailing, KindAPIKeyCreated, KindSessionsEnded,
		KindInvitation, KindAlert, KindBusinessDeleted, KindSubscriptionChanged}
}

// Site says where the installation is found. Its methods are the occasions.
type Site struct {
	// PublicURL is where people open the product, such as https://numbers.example.com, without a slash at the end. Links in
	// mails begin with it; they carry their token behind a #, where neither servers nor proxies see it, for a
	// page that sends it to the service. Empty means that there is no such page: mails show the token and the command.
	PublicURL string
	// ServiceURL is where that command finds the service. Empty means http://127.0.0.1:8080.
	ServiceURL string
}

// Occasion is when, and by whom, something was done to an account.
type Occasion struct {
	At time.Time
	// Address is where the request came from, the zero address if nobody knows; Agent is what the caller said it was, or
	// empty.
	Address netip.Addr
	Agent   string
}

// letter is what a mail is made of.
type letter struct {
	to      store.User
	kind    string
	subject string
	parts   []string
}

// mail greets, wraps the parts and signs.
func (l letter) mail() store.Mail {
	m := store.Mail{Recipient: l.to.Email, Kind: l.kind, Subject: l.subject}
	if l.to.ID != uuid.Nil {
		id := l.to.ID
		m.UserID = &id
	}
	text := []string{"Hello,"}
	for _, part := range l.parts {
		if part != "" {
			text = append(text, wrap(part))
		}
	}
	m.Body = strings.Join(append(text, "SignalCraft"), "\n\n") + "\n"
	return m
}

// indent marks lines that are neither wrapped nor changed.
const indent = "    "

// wrap breaks a paragraph into lines of 72 columns; what is indented stays.
func wrap(paragraph string) string {
	if strings.HasPrefix(paragraph, indent) {
		return paragraph
	}
	const columns = 72
	var out strings.Builder
	column := 0
	for i, word := range strings.Fields(paragraph) {
		size := len([]rune(word))
		switch {
		case i == 0:
		case column+1+size > columns:
			out.WriteByte('\n')
			column = 0
		default:
			out.WriteByte(' ')
			column++
		}
		out.WriteString(word)
		column += size
	}
	return out.String()
}

// instant writes a point in time for people of any zone.
func instant(at time.Time) string { return at.UTC().Format("2 January 2006, 15:04 UTC") }

// facts lists when and by whom something was done.
func (o Occasion) facts() string {
	text := indent + "When: " + instant(o.At)
	if o.Address.IsValid() {
		text += "\n" + indent + "From: " + o.Address.String()
	}
	if device := device(o.Agent); device != "" {
		text += "\n" + indent + "With: " + device
	}
	return text
}

// Plain makes a short text that somebody chose, such as the unit of a KPI, fit to stand in a text that is written elsewhere.
// What no mail program takes for a link stays as it is.
func Plain(text string) string {
	if len(text) <= 16 && isWord(strings.NewReplacer("/", "", "%", "", "€", "", "$", "", "£", "", " ", "", "°", "", "²", "", "³", "").Replace(text)) {
		return text
	}
	return plain(text)
}

// plain makes a text that somebody chose fit to stand inside a sentence: one line of at most 80 characters, without what
// mail programs turn into a link.
func plain(text string) string {
	runes := []rune(strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, text)), " "))
	for i, r := range runes {
		inside := i > 0 && i+1 < len(runes) && runes[i-1] != ' ' && runes[i+1] != ' '
		if strings.ContainsRune("/\\@<>", r) || inside && strings.ContainsRune(".:", r) {
			runes[i] = ' '
		}
	}
	if len(runes) > 80 {
		runes = append(runes[:79], '…')
	}
	return strings.Join(strings.Fields(string(runes)), " ")
}

// device names the program and the system that a user agent tells of, such as "Firefox on Linux". Of others it
// keeps the first word. What it returns is never what a caller could choose freely: a thief signs in too.
func device(agent string) string {
	find := func(names [][2]string) string {
		for _, name := range names {
			if strings.Contains(agent, name[0]) {
				return name[1]
			}
		}
		return ""
	}
	program := find([][2]string{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}})
	system := find([][2]string{{"Windows", "Windows"}, {"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Macintosh", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}})
	if program != "" && system != "" {
		return program + " on " + system
	}
	word, _, _ := strings.Cut(strings.TrimSpace(agent), " ")
	word, version, _ := strings.Cut(word, "/")
	if r := []rune(plain(word)); len(r) > 0 && len(r) <= 30 && isWord(string(r)) {
		if version != "" && len(version) <= 12 && strings.Trim(version, "0123456789.") == "" {
			return string(r) + " " + version
		}
		return string(r)
	}
	return ""
}

func isWord(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && r != '-' && r != '_' })
}

// link returns a page of the product.
func (s Site) link(page string) string { return strings.TrimRight(s.PublicURL, "/") + page }

// service returns the address of an operation.
func (s Site) service(path string) string {
	base := strings.TrimRight(s.ServiceURL, "/")
	if base == "" {
		base = "http://127.0.0.1:8080"
	}
	return base + "/api/v1" + path
}

// open returns the part of a mail that lets its reader use a token: the link to a page, or the token with the command that sends it
// to an operation. more is further JSON for that command.
func (s Site) open(page, path, token, more string) string {
	if s.PublicURL != "" {
		return indent + s.link(page) + "#token=" + token
	}
	return indent + token + "\n\n" + wrap("That is a token. Send it to the service:") + "\n\n" +
		indent + "curl -X POST " + s.service(path) + " \\\n" +
		indent + "  -H 'content-type: application/json' \\\n" +
		indent + `  -d '{"token":"` + token + `"` + more + `}'`
}

// notYou returns what to do about something that the reader did not do.
func (s Site) notYou() []string {
	way := indent + s.link("/reset-password")
	if s.PublicURL == "" {
		way = indent + "curl -X POST " + s.service("/auth/reset-password") + " \\\n" +
			indent + "  -H 'content-type: application/json' \\\n" +
			indent + `  -d '{"email":"<your address>"}'`
	}
	return []string{"If this was not you, set a new password now. That ends every session:", way}
}
