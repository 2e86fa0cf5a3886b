package notify

import (
	"fmt"
	"html"
	"strings"
	"time"
	"unicode"

	"github.com/wneessen/go-mail"

	"github.com/signalcraft/signalcraft/api/notify/address"
	"github.com/signalcraft/signalcraft/api/store"
)

// letter is a mail that is ready to go.
type letter struct {
	*mail.Msg
	id, kind string
	at       time.Time // when it was queued
}

// compose makes a mail of plain text and HTML. It fails when the recipient is no address.
func (s *Sender) compose(m store.Outgoing) (*letter, error) {
	recipient, err := address.ASCII(m.Recipient)
	if err != nil {
		return nil, fmt.Errorf("recipient: %w", err)
	}
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent(), mail.WithEncoding(s.encoding))
	msg.FromMailAddress(s.from)
	if err := msg.To(recipient); err != nil {
		return nil, fmt.Errorf("recipient: %w", err)
	}
	msg.Subject(oneLine(m.Subject))
	msg.SetMessageIDWithValue(m.ID.String() + "@" + domain(s.from.Address))
	msg.SetDateWithValue(s.clock().UTC())
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office answers, please
	msg.SetBodyString(mail.TypeTextPlain, m.Body)
	msg.AddAlternativeString(mail.TypeTextHTML, asHTML(m.Body))
	return &letter{Msg: msg, id: m.ID.String(), kind: m.Kind, at: m.QueuedAt}, nil
}

// oneLine makes a text fit for a header: no line of it can begin another header.
func oneLine(text string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)), " ")
}

// asHTML shows a plain text in HTML: paragraphs, and what is indented as it stands, or as a link if it is one.
func asHTML(text string) string {
	var out strings.Builder
	out.WriteString(`<!doctype html><html lang="en"><body style="font-family:sans-serif;font-size:16px;line-height:1.5;max-width:40em">` + "\n")
	for part := range strings.SplitSeq(strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")), "\n\n") {
		part = strings.Trim(part, "\n")
		if !strings.HasPrefix(part, "    ") {
			out.WriteString("<p>" + html.EscapeString(part) + "</p>\n")
			continue
		}
		part = strings.TrimPrefix(strings.ReplaceAll(part, "\n    ", "\n"), "    ")
		if isLink(part) {
			escaped := html.EscapeString(part)
			out.WriteString(`<p><a href="` + escaped + `">` + escaped + "</a></p>\n")
			continue
		}
		out.WriteString(`<pre style="white-space:pre-wrap;overflow-wrap:anywhere;background:#f3f3f3;padding:.6em">` + html.EscapeString(part) + "</pre>\n")
	}
	out.WriteString("</body></html>\n")
	return out.String()
}

func isLink(text string) bool {
	return (strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://")) && !strings.ContainsAny(text, " \n\t\"<>")
}
